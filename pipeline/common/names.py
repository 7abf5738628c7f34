"""When two names are one: ids, languages, columns, labels, as people type them and programs save them.

Names are compared without white space around them, with single blanks inside, without characters that nothing shows (joiners,
zero-width blanks, marks of direction and byte order, controls), in Unicode form NFC. A whole number that a program saved as a
fraction is that number: `1.0` is `1`. `01` is not, nor is anything that shows: case, and letters of other scripts that look
alike, make other names; of those `difference` says how they differ.
"""

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

INVISIBLE = re.compile(
    "["
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f"  # controls that are no white space
    "\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # joiners, directions, marks
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
    "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef"  # fillers, variants
    "]+"
)
"""Characters that nothing shows; among the format characters also the joiners that choose between shapes of a letter."""

_WHOLE = re.compile(r"(-?\d+)\.0+")
_ALIKE = (
    *("AАΑ", "BΒВ", "EΕЕ", "HΗН", "IΙІ", "JЈ", "KΚК", "MΜМ", "NΝ", "OΟО", "PΡР", "CС", "SЅ", "TΤТ", "XΧХ", "YΥУ", "ZΖ"),
    *("aа", "cс", "eе", "iі", "jј", "oοо", "pрρ", "sѕ", "xх", "yу", "vν", "hһ", "dԁ", "qԛ", "wԝ", "lӏ", "ïї"),
    *("-‐‑‒–—−", "'’‘ʼ`´", '"“”„', "يیى", "كک", "هہ", "اٱ"),
)
"""Characters that look alike: Latin, Greek and Cyrillic letters, dashes, quotes, Arabic letters of several keyboards."""
_SKELETON = {ord(other): group[0] for group in _ALIKE for other in group[1:] if other != group[0]}


def twice(names: Iterable[str]) -> str | None:
    """Return the first of some names that stands there more than once, `None` where each does once."""
    listed = [*names]
    times = Counter(listed)
    return next((name for name in listed if times[name] > 1), None)


def plain(text: str) -> str:
    """Return what a text shows: without invisible characters, in NFC, white space squeezed and taken off its ends."""
    if not text.isascii() or not text.isprintable():
        text = unicodedata.normalize("NFC", INVISIBLE.sub("", text))
    return " ".join(text.split())


def name_of(text: str) -> str:
    """Return the one spelling of a name."""
    name = plain(text)
    whole = _WHOLE.fullmatch(name)
    return whole[1] if whole else name


def respelt(there: Iterable[str], wanted: Iterable[str]) -> list[str]:
    """Return the names `there`, those spelt as in `wanted` that are the same name as one of it.

    A name that is there to the letter is taken, whatever else is the same name.
    """
    there = [*there]
    spelt = {name_of(name): name for name in wanted if name not in there}
    known = {*wanted}
    return [name if name in known else spelt.get(name_of(name), name) for name in there]


def looks_like(name: str, valid: Sequence[str]) -> str | None:
    """Return that one of `valid` which cannot be told from `name` by looking at it, or only by its case; `None`: none."""
    for likeness in (name_of, skeleton, lambda text: skeleton(text).casefold()):
        like = [other for other in valid if likeness(other) == likeness(name)]
        if len(like) == 1:
            return like[0]
    return None


def skeleton(text: str) -> str:
    """Return a name with one character for all those that look alike."""
    return unicodedata.normalize("NFKC", name_of(text)).translate(_SKELETON)


def difference(name: str, other: str) -> str:
    """Say how two names differ that look the same; nothing where they do not."""
    if name == other or skeleton(name) != skeleton(other) or _visibly(name, other):
        return ""
    steps = difflib.SequenceMatcher(None, name, other, autojunk=False).get_opcodes()
    first = next(step for step in steps if step[0] != "equal")
    ours, theirs = name[first[1] : first[2]], other[first[3] : first[4]]
    return f"it looks the same, but has {_spelled(theirs)} where {name!r} has {_spelled(ours)}"


def _visibly(name: str, other: str) -> bool:
    """Whether two names of one skeleton differ in what a reader sees all the same: `1.0` and `1`."""
    return plain(name) != plain(other) and name_of(name) == name_of(other)


def _spelled(text: str) -> str:
    """Name the first characters of a text."""
    named = [f"U+{ord(char):04X} {unicodedata.name(char, 'a control character')}" for char in text[:3]]
    return ", ".join(named) or "nothing"


def on_disk(folder: Path, name: str) -> Path:
    """Return the path of `name` below `folder`; where it is not there to the letter, the one entry of the same name.

    File systems keep the form in which a name came to them, often NFD; YAML files are typed in NFC.
    """
    path = folder
    for part in Path(name).parts:
        following = path / part
        if path.is_dir() and not following.exists():
            with suppress(OSError):  # a folder that must not be read: whoever opens the file says so
                like = [entry for entry in path.iterdir() if _file_name(entry.name) == _file_name(part)]
                following = like[0] if len(like) == 1 else following
        path = following
    return path


def _file_name(name: str) -> tuple[str, str]:
    """Return the one spelling of a file's name, its ending by itself."""
    return plain(Path(name).stem), plain(Path(name).suffix)
