r"""Text for LaTeX: markup escaped, and every character spelled so that plain pdflatex compiles it, without any package.

What pdflatex's default fonts have stands as it is; Greek and other symbols become mathematics, accents and some letters commands.
What is left (Chinese, Arabic, emoji, …) stands as it is for XeTeX and LuaTeX, which need a font that has it, and for pdflatex as
the nearest letter or as its code point, `[U+4E2D]`; `ADVICE` says so in the file.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby

SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "[": "{[}",  # after a line break it would be an option
    "*": "{*}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"\textbar{}",
    '"': "''",  # \textquotedbl needs another font encoding
    "±": r"$\pm$",
    "×": r"$\times$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "−": r"$-$",
    "→": r"$\rightarrow$",
    "†": r"$^\dagger$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "’": "'",
    "\u00a0": "~",
    "‚": ",",
    "„": ",,",
    "‹": "$<$",
    "›": "$>$",
    "‛": "`",
    "‟": "``",
    "′": "$'$",
    "″": "$''$",
    "ɛ": r"$\varepsilon$",
    "ɑ": r"$\alpha$",
}
COMMANDS = """
    • bullet ∗ ast ∙ bullet · cdot ⋅ cdot ≪ ll ≫ gg « ll » gg ≈ approx ≠ ne ≡ equiv ∼ sim ≃ simeq ≅ cong ∝ propto ≺ prec ≻ succ
    ∞ infty ∂ partial ∇ nabla √ surd ∑ sum ∏ prod ∫ int ∅ emptyset ℓ ell ℏ hbar ∈ in ∉ notin ∋ ni ⊂ subset ⊃ supset ⊆ subseteq
    ⊇ supseteq ∩ cap ∪ cup ∧ wedge ∨ vee ¬ neg ∀ forall ∃ exists ⊕ oplus ⊗ otimes ⊥ perp ∥ parallel ∘ circ ← leftarrow ↑ uparrow
    ↓ downarrow ↔ leftrightarrow ↕ updownarrow ⇐ Leftarrow ⇒ Rightarrow ⇔ Leftrightarrow ↦ mapsto ↗ nearrow ↘ searrow ⟨ langle
    ⟩ rangle ♭ flat ♮ natural ♯ sharp ♠ spadesuit ♡ heartsuit ♢ diamondsuit ♣ clubsuit ★ star ☆ star △ triangle ◦ circ ⋆ star
    α alpha β beta γ gamma δ delta ε varepsilon ζ zeta η eta θ theta ι iota κ kappa λ lambda μ mu ν nu ξ xi π pi ρ rho ς varsigma
    σ sigma τ tau υ upsilon φ varphi χ chi ψ psi ω omega ϑ vartheta ϕ phi ϖ varpi ϱ varrho ϵ epsilon Γ Gamma Δ Delta Θ Theta
    Λ Lambda Ξ Xi Π Pi Σ Sigma Υ Upsilon Φ Phi Ψ Psi Ω Omega
"""
MATHEMATICS = {symbol: rf"$\{name}$" for symbol, name in re.findall(r"(\S) (\w+)", COMMANDS)}
LATIN = dict(zip("οΑΒΕΖΗΙΚΜΝΟΡΤΧ", "oABEZHIKMNOPTX", strict=True))
"""Greek letters that look like Latin ones, and have no command."""
NATIVE = frozenset(
    {chr(code) for code in range(0xA1, 0x180)} - set("«»ÐÞðþĄąĐđĘęĦħĮįĸĿŀŉŊŋŦŧŲųſ\u00ad")
    | set("ƒǍǎǏǐǑǒǓǔǢǣǦǧǨǩǰǴǵȘșȚțȲȳȷḂḃḍḞḟḠḡḥḰḱḷṃṅṇṛṣṭẎẏẐẑẞỲỳ‐‑‒―‖‘“”‡‰‱※‽⁄₡₤₦₩₫€₱℃№℗℞℠™℧℮")
)
"""What pdflatex compiles as it is: found by compiling each of them, see the tests."""

T1 = {"Ð": r"\DH", "ð": r"\dh", "Þ": r"\TH", "þ": r"\th", "Đ": r"\DJ", "đ": r"\dj", "Ŋ": r"\NG", "ŋ": r"\ng"}
IN_T1 = (
    r"{\fontencoding{T1}\fontfamily{lmr}\selectfont %s}"  # Latin Modern: outlines, where the default family has bitmaps
)
OGONEK = "\u0328"
ACCENTS = dict(
    zip(
        "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0323\u0327\u0331",
        "`'^~=u.\"rHvdcb",
        strict=True,
    )
)
MATH_ACCENTS = {
    "\u0300": "grave",
    "\u0301": "acute",
    "\u0304": "bar",
    "\u0306": "breve",
    "\u0308": "ddot",
    "\u0342": "tilde",
}
CLUSTER = re.compile("[^\u0300-\u036f]?[\u0300-\u036f]*", re.DOTALL)
STROKE = re.compile(r"LATIN (SMALL|CAPITAL) LETTER ([A-Z])(?: WITH .*)?")
UNICODE_ENGINE = r"\ifdefined\Umathchar %s\else %s\fi{}"
ADVICE = (
    "% pdflatex shows code points for some characters here; xelatex and lualatex show these, in a font that has them."
)


def escape(text: str) -> str:
    """Escape what LaTeX would read as markup, and spell what its default fonts lack."""
    text = unicodedata.normalize("NFC", re.sub(r"\s+", " ", text))
    found = [(cluster, _spelled(cluster)) for cluster in CLUSTER.findall(text) if cluster]
    out = []
    for known, run in groupby(found, key=lambda pair: pair[1] is not None):
        clusters = list(run)
        out += [spelled or "" for _, spelled in clusters] if known else [_otherwise([c for c, _ in clusters])]
    return "".join(out)


def advice(latex: str) -> list[str]:
    """Return the comment for a file in which characters are shown otherwise by pdflatex, if there are any."""
    return [ADVICE] if r"\ifdefined\Umathchar" in latex else []


def _spelled(cluster: str) -> str | None:
    """Spell a character with the marks that combine with it; `None` where nothing is known of it."""
    found = _plain(cluster) if len(cluster) == 1 else None
    if found is None:
        found = _accented(cluster)
    return _compatible(cluster) if found is None else found


def _plain(character: str) -> str | None:
    """Spell a character that is no composition; `None` where nothing is known of it."""
    if character in SPECIAL:
        return SPECIAL[character]
    if character.isascii() or character in NATIVE:
        return character
    if character in MATHEMATICS:
        return MATHEMATICS[character]
    if character in T1:
        return IN_T1 % (T1[character] + "{}")
    if unicodedata.category(character) in ("Cc", "Cf") or character in "\ufe0e\ufe0f":
        return ""  # nothing that is seen
    return LATIN.get(character)


def _accented(cluster: str) -> str | None:
    """Spell a letter and its marks, each by a command; `None` where there is none for one of them."""
    parts = unicodedata.normalize("NFD", cluster)
    letter, marks = parts[0], parts[1:]
    spelled = _plain(letter)
    if not marks or spelled is None:
        return None
    for place, mark in enumerate(marks):
        if letter in MATHEMATICS:
            if mark not in MATH_ACCENTS:
                return None
            spelled = rf"$\{MATH_ACCENTS[mark]}{{{spelled.strip('$')}}}$"
        elif mark == OGONEK and not place:
            spelled = IN_T1 % rf"\k{{{letter}}}"
        elif mark in ACCENTS:
            dotless = "\\" if spelled in ("i", "j") and ACCENTS[mark] not in "dcb" else ""
            spelled = rf"\{ACCENTS[mark]}{{{dotless}{spelled}}}"
        else:
            return None
    return spelled


def _compatible(cluster: str) -> str | None:
    """Spell a character that stands for others: ligatures, fractions, wide letters, raised and lowered figures."""
    tag, _, codes = unicodedata.decomposition(cluster[0]).partition("> ")
    if len(cluster) > 1 or not codes:
        return None
    parts = [_plain(chr(int(code, 16))) for code in codes.split()]
    if None in parts:
        return None
    text = "".join(part for part in parts if part is not None)
    raised = {"<super": "^", "<sub": "_"}.get(tag)
    return rf"${raised}{{{text.replace('$', '')}}}$" if raised else text


def _otherwise(clusters: Sequence[str]) -> str:
    """Leave characters to engines that know Unicode; for pdflatex take each one's nearest letter, or its code points."""
    parts = []
    for unknown, run in groupby(clusters, key=lambda cluster: not _near(cluster)):
        if unknown:
            parts.append(f"{{[}}{' '.join(f'U+{ord(c):04X}' for cluster in run for c in cluster)}]")
        else:
            parts += [_near(cluster) for cluster in run]
    return UNICODE_ENGINE % ("".join(clusters), "".join(parts))


def _near(cluster: str) -> str:
    """Return a letter without those of its marks that LaTeX lacks; nothing where it has not even the letter."""
    letter = unicodedata.normalize("NFD", cluster)[0]
    stroke = STROKE.fullmatch(unicodedata.name(letter, ""))
    bare = stroke[2] if stroke and stroke[1] == "CAPITAL" else stroke[2].lower() if stroke else ""
    return _plain(letter) or bare
