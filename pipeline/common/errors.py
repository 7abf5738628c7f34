"""Errors a user can mend, and the way every stage prints them.

A `UserError` says which file, line or key is wrong, what was expected, and the nearest valid name. Stages print it as one
paragraph on standard error and exit with status 1; anything else is a defect of ours and keeps its traceback.

Messages quote what stands in users' files. Whatever that is, a message is short, and any terminal can print it: `readable`.
"""

import difflib
import io
import os
import re
import sys
from collections.abc import Callable, Iterable
from itertools import accumulate

from pipeline.common.disk import of_disk, told
from pipeline.common.names import difference, looks_like
from pipeline.common.signals import TRY_AGAIN, AskedToEnd, listen

LONGEST = 1_900
"""Characters of a message: with what programs put before it, it stays below 2,000."""

BORROWED = 400
"""Characters that a message takes of what another program said."""

MOST_NAMES = 60
"""So many valid names are listed, and among so many times this the nearest is looked for."""

_QUOTED, _NAME, _LINE = 160, 400, 600  # characters left of a long value, of a long word, of one line of several
_VALUE = re.compile(rf"""'[^'\n]{{{_QUOTED},}}'|"[^"\n]{{{_QUOTED},}}"|\S{{{_NAME},}}""")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls, which terminals obey, marks that turn the direction of what follows, and halves of characters."""


class UserError(Exception):
    """Something the user gave is wrong: the message names the place, what was expected and how to mend it."""

    def __init__(self, message: str) -> None:
        super().__init__(readable(message))


def readable(message: str) -> str:
    r"""Return a message of at most `LONGEST` characters in which every character can be printed.

    Of a long value the middle is left out, of many lines the last ones, and it is said how much. What cannot be printed stands
    there as its code point, `\x1b`.
    """
    message = _UNPRINTABLE.sub(_code_point, message)
    if len(message) <= LONGEST:
        return message
    lines = _VALUE.sub(lambda found: clipped(found[0], _QUOTED), message).split("\n")
    if len(lines) == 1:
        return clipped(lines[0], LONGEST)
    lines = [clipped(line, _LINE) for line in lines]
    kept, room = 0, LONGEST - len("\n… and 1,000,000,000 more lines")
    while kept < len(lines) and (room := room - len(lines[kept]) - 1) >= 0:
        kept += 1
    left = [f"… and {len(lines) - kept:,} more line{'s' if len(lines) - kept > 1 else ''}"] if kept < len(lines) else []
    return "\n".join([*lines[:kept], *left])


def fitting(texts: Iterable[str], room: int) -> int:
    """Return how many of some texts, each with a break behind it, have room for so many characters; the first always has."""
    lengths = accumulate(len(text) + 1 for text in texts)
    return max(1, sum(length <= room for length in lengths))


def _code_point(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def clipped(text: str, most: int) -> str:
    """Return a text of at most `most` characters: of a longer one the middle is left out, and it is said how much."""
    if len(text) <= most:
        return text
    room = most - len(" […, 1,000,000,000,000 characters left out, …] ")
    before = room * 2 // 3
    said = f" [… {len(text) - room:,} characters left out …] "
    return f"{text[:before]}{said}{text[len(text) - room + before :]}"


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"` for the closest of `valid`, or the list of valid names where none is close.

    A name that only looks like a valid one is told in which character it differs.
    """
    name, names = str(name), sorted(str(v) for v in valid)
    if len(name) > _NAME or len(names) > MOST_NAMES**2:
        return f"; valid: {_listed(names)}" if names else "; nothing is declared there"
    alike = looks_like(name, names)
    if alike is not None:
        why = difference(name, alike)
        return f"; did you mean {alike!r}?{f' {why}' if why else ''}"
    close = closest(name, names)
    if close is not None:
        return f"; did you mean {close!r}?"
    return f"; valid: {_listed(names)}" if names else "; nothing is declared there"


def _listed(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join([*names[:MOST_NAMES], *([f"… and {more:,} more"] if more > 0 else [])])


def closest(name: str, valid: Iterable[str], likeness: float = 0.5) -> str | None:
    """Return that one of `valid` which is nearest to a name, `None` where none is so near (1: the same)."""
    return next(iter(difflib.get_close_matches(name, [*valid], n=1, cutoff=likeness)), None)


def one_line(error: Exception) -> str:
    """Return what an error says in one line of at most `BORROWED` characters, its kind where it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and "For more information" not in line]
    said = " ".join(lines[:2]).rstrip(":.") or type(error).__name__
    return clipped(said, BORROWED)


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's `main`, turning `UserError` and whatever a disk refuses into a message and exit status 1.

    Asked to end by a signal, it says so and exits with `signals.TRY_AGAIN`.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error has what this terminal's encoding lacks
    try:
        listen()
        main()
        sys.stdout.flush()
    except AskedToEnd as asked:
        print(f"error: {asked}", file=sys.stderr)
        raise SystemExit(TRY_AGAIN) from None
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except Exception as error:
        if (disk := of_disk(error)) is None:
            raise
        print(f"error: {readable(told(disk))}", file=sys.stderr)
        raise SystemExit(1) from None
