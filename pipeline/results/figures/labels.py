"""Languages' names in figures: in their own script and direction where a font is found that has it, else their codes.

Matplotlib joins and orders letters by libraqm, from 3.11 on. Without it names that need this stay codes, as Arabic and Devanagari
would be wrong rather than ugly. Fonts are looked for on the machine each time, as Matplotlib's own list of them is one of the
day on which it was made.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from matplotlib import font_manager, ft2font

MAIN = "DejaVu Sans"
"""Comes with Matplotlib."""

PREFERRED = ("Noto Sans", "Noto", "Droid Sans", "DejaVu Sans", "Padauk")
"""What the names of fonts begin with that are taken before others."""

ISOLATE, END = "\u2068", "\u2069"
"""Around a name that is written from right to left: so it does not turn what stands beside it."""

LAST_RESORT = "LastResort"
"""What the file's name of a font begins with that has a box for every letter."""


@dataclass(frozen=True)
class Labels:
    """What a figure calls languages.

    Attributes:
        names: by code, of those that are not called by it.
        families: fonts to be used for them, the main one first.
        by_code: codes of languages whose names could not be written.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    families: tuple[str, ...] = (MAIN,)
    by_code: tuple[str, ...] = ()

    def of(self, language: str) -> str:
        """Return what a language is called."""
        name = self.names.get(language, language)
        return f"{ISOLATE}{name}{END}" if rightward(name) else name

    def joined(self, languages: str) -> str:
        """Return what a set of languages is called, `bg+de`."""
        return "+".join(self.of(language) for language in languages.split("+"))

    @property
    def style(self) -> dict[Any, Any]:
        """Settings of Matplotlib by which names are drawn."""
        return {"font.family": list(self.families)}

    @property
    def note(self) -> str:
        """What a figure says of languages whose names could not be written; empty where there are none."""
        if not self.by_code:
            return ""
        why = "no font here can write their names" if shapes() else "Matplotlib cannot write their names here"
        return f"{', '.join(self.by_code)} by code: {why}"


CODES = Labels()
"""Every language by its code."""


def labels_of(names: Mapping[str, str]) -> Labels:
    """Return what languages can be called with the fonts of this machine, from what they are to be called, by code."""
    found: dict[str, str] = {}
    families: dict[str, None] = {MAIN: None}
    for language, name in names.items():
        family = None if joins(name) and not shapes() else family_of(name)
        if family is not None:
            found[language] = name
            families[family] = None
    return Labels(found, tuple(families), tuple(language for language in names if language not in found))


def shapes() -> bool:
    """Whether Matplotlib joins letters and knows of directions here."""
    return hasattr(ft2font, "__libraqm_version__")


def rightward(text: str) -> bool:
    """Whether a text has letters that are written from right to left."""
    return any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)


def joins(text: str) -> bool:
    """Whether a text is wrong where letters stand one after the other as they are: right to left, or with marks that move."""
    return rightward(text) or any(unicodedata.category(letter) in ("Mn", "Mc") for letter in text)


def family_of(text: str) -> str | None:
    """Return the family of a font that has all letters of a text, and make it known to Matplotlib; `None`: there is none."""
    wanted = {ord(letter) for letter in text if unicodedata.category(letter) != "Cf" and not letter.isspace()}
    main = font_manager.findfont(MAIN)
    for path in [main, *sorted(set(font_files()), key=preference)]:
        family, letters = face(path)
        if wanted <= letters:
            if path not in {entry.fname for entry in font_manager.fontManager.ttflist}:
                font_manager.fontManager.addfont(path)
            return family
    return None


def font_files() -> list[str]:
    """Return the files of the machine's upright fonts of normal weight."""
    files = font_manager.findSystemFonts()
    odd = ("bold", "italic", "oblique", "light", "thin", "black", "condensed", "mono", LAST_RESORT.lower())
    return [file for file in files if not any(word in Path(file).stem.lower() for word in odd)]


def preference(path: str) -> tuple[int, str]:
    """Return by what fonts are ordered: the preferred first, then by name, so that one machine always takes the same."""
    name = Path(path).stem.lower().replace("-", "")
    kinds: Iterable[str] = (kind.lower().replace(" ", "") for kind in PREFERRED)
    return next((i for i, kind in enumerate(kinds) if name.startswith(kind)), len(PREFERRED)), name


@lru_cache(maxsize=4096)
def face(path: str) -> tuple[str, frozenset[int]]:
    """Return a font's family and the code points it has; none of a broken file, or of a kind that is not read."""
    try:
        font = ft2font.FT2Font(path)
    except (OSError, RuntimeError):
        return "", frozenset()
    return str(font.family_name), frozenset(font.get_charmap())
