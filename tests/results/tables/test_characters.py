"""Any text in labels and captions compiles with plain pdflatex, and is what it says."""

import random
import re
import unicodedata

import pytest

from pipeline.results.tables.characters import (
    ACCENTS,
    ADVICE,
    LATIN,
    MATH_ACCENTS,
    MATHEMATICS,
    NATIVE,
    SPECIAL,
    T1,
    advice,
    escape,
)
from pipeline.results.tables.latex import UNSHADED, label_of, to_latex
from tests.results.tables.test_latex import compiled
from tests.results.tables.test_table import rows, table_of


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("μ-tuned, σ ≈ 0.5 %", r"$\mu$-tuned, $\sigma$ $\approx$ 0.5 \%"),
        ("ς ϕ Ω Ά ΰ", r"$\varsigma$ $\phi$ $\Omega$ \'{A} $\acute{\ddot{\upsilon}}$"),
        ("Škoda ő ½ ‰ é", "Škoda ő ½ ‰ é"),
        ("s\u030c e\u0301", "š é"),
        ("ẹ́ ǐ ḫ", r"\'{\d{e}} ǐ \ifdefined\Umathchar ḫ\else h\fi{}"),
        ("ñandutĩ j\u0303", r"ñandutĩ \~{\j}"),
        ("ę", r"{\fontencoding{T1}\fontfamily{lmr}\selectfont \k{e}}"),
        ("đ", r"{\fontencoding{T1}\fontfamily{lmr}\selectfont \dj{}}"),
        ("10⁻³ H₂O x²", r"10$^{-}$$^{3}$ H$_{2}$O x²".replace("$^{3}$", "³")),
        ("ﬁne Ａ Ⅳ", "fine A IV"),
        ("a\u200bb\u202b \ufeffc", "ab c"),
        ("汉语 x", r"\ifdefined\Umathchar 汉语\else {[}U+6C49 U+8BED]\fi{} x"),
        ("Ɓasa", r"\ifdefined\Umathchar Ɓ\else B\fi{}asa"),
    ],
)
def test_characters_are_spelled(text, escaped):
    assert escape(text) == escaped


def test_ascii_and_what_pdflatex_has_stay():
    plain = "".join(map(chr, range(0x20, 0x7F)))
    for character in (*plain, *NATIVE):
        if character not in SPECIAL and unicodedata.normalize("NFC", character) == character:
            assert escape(character) == character


def test_every_character_compiles(tmp_path):
    """All that is spelled in any way, letters with every accent, and characters drawn from all planes."""
    chosen = random.Random(3)
    letters = "aeijoAEIJOzZ"
    drawn = [chr(chosen.randrange(0xA0, 0x20000)) for _ in range(3000)]
    near = [chr(code) for code in (*range(0xA0, 0x600), *range(0x1E00, 0x2600))]
    found = [c for c in (*SPECIAL, *NATIVE, *MATHEMATICS, *LATIN, *T1, *near, *drawn) if not "\ud800" <= c <= "\udfff"]
    found += [letter + mark for letter in letters for mark in (*ACCENTS, "\u0328", "\u031b")]
    found += [letter + mark for letter in "αιυω" for mark in (*MATH_ACCENTS, "\u0314")]
    lines = [" ".join(escape(text) for text in found[i : i + 20]) for i in range(0, len(found), 20)]
    log = compiled("\n\n".join(lines), tmp_path)
    assert "Missing character" not in log


def test_a_table_of_such_labels_compiles(tmp_path):
    text = "φ ≈ λ, łódź ő ½ ‰ ę, 中文 نص ไทย 😀"
    methods = [{"name": "target_only", "label": f"{text} *"}, {"name": "joint", "label": f"[a] {text}"}]
    table = table_of(rows(), title=text, methods=methods)
    written = to_latex(table)
    compiled(written, tmp_path)
    assert written.startswith(f"{ADVICE}\n{UNSHADED}\n\\begin{{table}}")
    assert advice(to_latex(table_of(rows()))) == []


def test_names_of_tables_make_labels():
    assert label_of("few-shot_2") == "few-shot-2"
    assert re.fullmatch("[0-9a-f]+-x", label_of("表 x")) and label_of("表") != label_of("图")
