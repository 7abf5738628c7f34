"""Temporary files and folders that a killed process leaves, and the next of its kind clears.

Their names say who made them: on which machine, as which process. What is left of a process that is no more is cleared by the
next one that makes a file of that name; of another machine's process nothing is known, so its leftovers stay for a day.
"""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from hashlib import sha256
from pathlib import Path

DAY = 86_400.0  # seconds
_NAMED = 100  # characters of a name that its temporary one takes
_cleared: set[tuple[Path, str]] = set()


def temporary_file(path: Path) -> Path:
    """Make an empty file beside `path`, to be renamed onto it; clear what killed processes left of it."""
    prefix = _prefix(path.name)
    _clear(path.parent, prefix)
    handle, name = tempfile.mkstemp(prefix=f"{prefix}{_place()}-{os.getpid()}.", dir=path.parent)
    os.close(handle)
    return Path(name)


@contextmanager
def temporary_folder(folder: Path, name: str) -> Iterator[Path]:
    """Yield an empty folder in `folder`, deleted at the end with what is still in it; clear what killed processes left of it.

    Args:
        folder: where it lies, on the file system of what is moved out of it.
        name: what is made in it.
    """
    prefix = _prefix(name)
    _clear(folder, prefix)
    made = Path(tempfile.mkdtemp(prefix=f"{prefix}{_place()}-{os.getpid()}.", dir=folder))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _prefix(name: str) -> str:
    return f".{name[:_NAMED]}."


@cache
def _place() -> str:
    """Where a process's number means something: the machine, and in a container its own numbers."""
    inside = ""
    with suppress(OSError):
        inside = os.readlink("/proc/self/ns/pid")  # noqa: PTH115 (no path)
    return sha256(f"{os.uname().nodename} {inside}".encode()).hexdigest()[:8]


def _clear(folder: Path, prefix: str) -> None:
    """Delete what killed processes left in a folder under a prefix, once for each process."""
    if (folder, prefix) in _cleared:
        return
    _cleared.add((folder, prefix))
    pattern = re.compile(rf"{re.escape(prefix)}([0-9a-f]{{8}})-(\d+)\.\w+")
    with suppress(OSError):  # whatever is wrong with the folder, the writing tells
        for entry in list(os.scandir(folder)):
            found = pattern.fullmatch(entry.name)
            if found and not _lives(entry, found[1], int(found[2])):
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    Path(entry.path).unlink(missing_ok=True)


def _lives(entry: "os.DirEntry[str]", place: str, process: int) -> bool:
    """Whether the process that made a file may still be at work on it."""
    if place != _place():
        return time.time() - entry.stat(follow_symlinks=False).st_mtime < DAY
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return state_of(process)[:1] not in (["Z"], ["X"])  # ended, and not noticed yet: in a container perhaps for ever


def state_of(process: int) -> list[str]:
    """Return what Linux says of a process: its state, its parent, its group and more (proc(5)); nothing where it says nothing."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
