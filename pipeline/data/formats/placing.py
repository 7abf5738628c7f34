"""Where an answer stands in its context: one way for every source of questions.

What is placed is right by construction: a piece of its context, cut out at its offset, in characters. An answer that does not
stand at its offset is looked for, in this order:

1. at the offset read otherwise: as UTF-16 units, as UTF-8 bytes, or with line ends of one character more or less (each differs
   from characters once the text is not plain);
2. within `NEAR` characters of the offset, if it stands there once;
3. anywhere in the context, if it stands there once;
4. written otherwise (white space, Unicode's composed and decomposed forms), at its offset or once anywhere.

An offset that is negative or missing says nothing: only 3 and 4 are tried. An answer that stands nowhere, or several times with
nothing to choose by, has no place; guessing would make a wrong label.

The readings of 1 may fit by coincidence, as where the answer is one letter. So `reading_of` asks all of a file's offsets first:
the reading that fits most of those that tell them apart is tried before the others.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

BLANK = "answer blank"
NOWHERE = "answer not in its context"
AMBIGUOUS = "answer not at its offset, but several times elsewhere"
SEVERAL = "answer without an offset, several times in its context"

UTF16 = "offset counted UTF-16 units, now characters"
BYTES = "offset counted bytes, now characters"
SHORT_ENDS = "offset counted line ends of two characters as one, now characters"
LONG_ENDS = "offset counted line ends of one character as two, now characters"
MOVED = "offset wrong, now where the answer stands"
FOUND = "offset missing, found in the context"
RESPELT = "answer written otherwise than in its context (white space, Unicode form), now as there"

NEAR = 2  # characters

Reading = Callable[[str, int], int | None]
"""What an offset counts: context and offset → the character meant, `None` where the offset ends inside of one."""


class Placed(NamedTuple):
    """Where an answer stands: its text and start, and what was mended; `start` is `None` where it cannot be placed."""

    text: str
    start: int | None
    reason: str = ""


def _units(encoding: str, width: int) -> Reading:
    def read(context: str, start: int) -> int | None:
        try:
            return len(context.encode(encoding)[: start * width].decode(encoding))
        except UnicodeDecodeError:
            return None

    return read


def _short_ends(context: str, start: int) -> int | None:
    r"""Read an offset that counts `\r\n` as one character."""
    if "\r\n" not in context or context.count("\n") > context.count("\r\n"):
        return None
    return len(context.replace("\r\n", "\n")[:start].replace("\n", "\r\n"))


def _long_ends(context: str, start: int) -> int | None:
    r"""Read an offset that counts `\n` as two characters, as it was `\r\n` before a program read the text."""
    if "\n" not in context or "\r" in context:
        return None
    return len(context.replace("\n", "\r\n")[:start].replace("\r", ""))


READINGS: dict[str, Reading] = {
    UTF16: _units("utf-16-le", 2),
    BYTES: _units("utf-8", 1),
    SHORT_ENDS: _short_ends,
    LONG_ENDS: _long_ends,
}
"""By what is said of a mend: what offsets may count other than characters."""


def stands(context: str, text: str, start: int, reading: str = "") -> int | None:
    """Return the character at which `text` stands if `start` is read so (`""`: as characters), else `None`."""
    begin = READINGS[reading](context, start) if reading else start
    return begin if begin is not None and begin >= 0 and context.startswith(text, begin) else None


def reading_of(answers: Iterable[tuple[str, str, int | None]]) -> str:
    """Return what the offsets of a file count: a key of `READINGS`, or `""` for characters.

    Args:
        answers: context, text and offset of every answer.
    """
    votes: Counter[str] = Counter()
    for context, text, start in answers:
        if start is None or start < 0 or not text.strip() or (context.isascii() and "\n" not in context):
            continue
        found = {reading: stands(context, text, start, reading) for reading in ("", *READINGS)}
        if len(set(found.values())) > 1:
            votes.update(reading for reading, begin in found.items() if begin is not None)
    best = max(("", *READINGS), key=lambda reading: votes[reading])  # the first of equals
    return best if votes[best] else ""


def place(context: str, text: str, start: int | None, reading: str = "") -> Placed:
    """Find where an answer stands in its context; see the module's description.

    Args:
        context: the text that holds it.
        text: the answer.
        start: its offset; `None` or a negative number where it is not known.
        reading: what the file's offsets count (see `reading_of`).
    """
    if not text.strip():
        return Placed(text, None, BLANK)
    known = start is not None and start >= 0
    if start is not None and start >= 0:
        for tried in dict.fromkeys((reading, "", *READINGS)):
            begin = stands(context, text, start, tried)
            if begin is not None:
                return Placed(text, begin, tried if begin != start else "")
        near = [at for at in range(max(start - NEAR, 0), start + NEAR + 1) if context.startswith(text, at)]
        if len(near) == 1:
            return Placed(text, near[0], MOVED)
    first = context.find(text)
    if first < 0:
        return _respelt(context, text, start)
    if context.find(text, first + 1) < 0:
        return Placed(text, first, MOVED if known else FOUND)
    return Placed(text, None, AMBIGUOUS if known else SEVERAL)


def _respelt(context: str, text: str, start: int | None) -> Placed:
    """Find an answer whose white space or Unicode form is not its context's, and return the context's own spelling."""
    wanted, (folded, origins) = _fold(text)[0].strip(), _fold(context)
    spans = []
    for match in re.finditer(f"(?={re.escape(wanted)})", folded):
        begin, end = match.start(), match.start() + len(wanted)
        # Not inside of what was one letter: "e" does not stand in "é".
        if (begin == 0 or origins[begin - 1] != origins[begin]) and origins[end - 1] != origins[end]:
            spans.append((origins[begin], origins[end]))
    chosen = [span for span in spans if span[0] == start] or spans
    if len(chosen) != 1:
        return Placed(text, None, AMBIGUOUS if chosen else NOWHERE)
    return Placed(context[slice(*chosen[0])], chosen[0][0], RESPELT)


@lru_cache(maxsize=2)  # questions on one text follow each other
def _fold(text: str) -> tuple[str, list[int]]:
    """Decompose `text` (NFD) and turn each run of white space into one blank.

    Returns:
        The folded text and, for each of its characters, where what it came from begins in `text`; then the length of `text`.
    """
    parts: list[str] = []
    origins: list[int] = []
    begin = 0
    while begin < len(text):
        end, blank = begin + 1, text[begin].isspace()
        while end < len(text) and (text[end].isspace() if blank else unicodedata.combining(text[end])):
            end += 1
        parts.append(" " if blank else unicodedata.normalize("NFD", text[begin:end]))
        origins += [begin] * len(parts[-1])
        begin = end
    return "".join(parts), [*origins, len(text)]
