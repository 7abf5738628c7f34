"""Errors a user can mend, and the way every stage prints them.

A `UserError` says which file, line or key is wrong, what was expected, and the nearest valid name. Stages print it as one
paragraph on standard error and exit with status 1; anything else is a defect of ours and keeps its traceback.
"""

import difflib
import os
import sys
from collections.abc import Callable, Iterable

from pipeline.common.disk import of_disk, told
from pipeline.common.names import difference, looks_like

LONGEST = 400
"""Characters that a message takes of what another program said."""


class UserError(Exception):
    """Something the user gave is wrong: the message names the place, what was expected and how to mend it."""


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return `"; did you mean 'x'?"` for the closest of `valid`, or the list of valid names where none is close.

    A name that only looks like a valid one is told in which character it differs.
    """
    name, names = str(name), sorted(str(v) for v in valid)
    alike = looks_like(name, names)
    if alike is not None:
        why = difference(name, alike)
        return f"; did you mean {alike!r}?{f' {why}' if why else ''}"
    close = closest(name, names)
    if close is not None:
        return f"; did you mean {close!r}?"
    return f"; valid: {', '.join(names)}" if names else "; nothing is declared there"


def closest(name: str, valid: Iterable[str], likeness: float = 0.5) -> str | None:
    """Return that one of `valid` which is nearest to a name, `None` where none is so near (1: the same)."""
    return next(iter(difflib.get_close_matches(name, [*valid], n=1, cutoff=likeness)), None)


def one_line(error: Exception) -> str:
    """Return what an error says in one line of at most `LONGEST` characters, its kind where it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and "For more information" not in line]
    said = " ".join(lines[:2]).rstrip(":.") or type(error).__name__
    return clipped(said)


def clipped(text: str, longest: int = LONGEST) -> str:
    """Return a text for a message, without its end where it has more than `longest` characters."""
    return text if len(text) <= longest else f"{text[:longest]} …"


def run_stage(main: Callable[[], None]) -> None:
    """Run a stage's `main`, turning `UserError` and whatever a disk refuses into a message and exit status 1."""
    try:
        main()
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except Exception as error:
        if (disk := of_disk(error)) is None:
            raise
        print(f"error: {told(disk)}", file=sys.stderr)
        raise SystemExit(1) from None
