"""What a disk refuses, told so that it can be mended: which file, what went wrong, what to do.

The kernel names a file only where it is opened, not where it is read or written; then the file is found where the error arose.
Libraries that write by themselves (safetensors, tokenizers, PyTorch) raise kinds of their own.
"""

import errno
import io
import os
import re
from pathlib import Path
from types import TracebackType

ADVICE = {
    0: "the system gives no reason; mostly it is a limit (`ulimit -a`), as that on the size of files (`ulimit -f`)",
    errno.ENOSPC: "make room there, or use another folder; nothing half-written was left",
    errno.EDQUOT: "your quota there is used up: delete something, or ask for more; nothing half-written was left",
    errno.EFBIG: "files there may not be so large (`ulimit -f`, or the file system's own limit); nothing half-written was left",
    errno.EIO: "the disk or its connection fails: see what the system's log says (dmesg), and copy what is on it",
    errno.ESTALE: "the network file system has lost it: start again, and if that does not help mount it anew",
    errno.EROFS: "that file system is read-only: use another folder, or mount it for writing",
    errno.EACCES: "you may not: look at its owner and mode (ls -l), and at those of the folders above",
    errno.EPERM: "you may not: look at its owner and mode (ls -l), and at those of the folders above",
    errno.ENAMETOOLONG: "use a shorter name, of a folder, a dataset or a language in the config",
    errno.EMFILE: "too many files are open: raise the limit (`ulimit -n`)",
    errno.ENOENT: "it is not there, or not any more: look whether something deletes it",
    errno.ENOMEM: "the memory is full: start fewer jobs at a time",
}
OTHERWISE = "look whether the file can be read and written by hand"
_RUST = re.compile(r"os error (\d+)|\bcode: (\d+)")
_RUSTY = ("Exception", "SafetensorError")  # as tokenizers and safetensors call theirs
_TORCH = ("PytorchStreamWriter failed", "inline_container.cc")
LONGEST = 300


def told(error: OSError, place: Path | None = None) -> str:
    """Return one paragraph on an error of the operating system: file, what failed, what to do.

    Args:
        error: what the disk refused.
        place: named instead of the file, where that is a temporary one.
    """
    file = place or error.filename
    if file is None:
        file = at_fault(error.__traceback__)
    name = os.fsdecode(file) if isinstance(file, str | bytes | os.PathLike) else str(file or "output")
    number = -1 if error.errno is None else error.errno  # those of a library's own are below 0
    said = "failed" if number == 0 else error.strerror or str(error)
    if number > 0:
        said = os.strerror(number)
    shown = name if len(name) <= LONGEST else f"{name[:LONGEST]} …"
    return f"{shown}: {said}; {ADVICE.get(number, OTHERWISE)}"


def at_fault(traceback: TracebackType | None) -> str | None:
    """Return the file that was read or written where an error arose: the innermost open file, or else path, of its frames."""
    frames = []
    while traceback is not None:
        frames.append(traceback.tb_frame)
        traceback = traceback.tb_next
    for kind in (io.IOBase, Path):
        for frame in reversed(frames):
            for value in frame.f_locals.values():
                name = getattr(value, "name", None) if kind is io.IOBase else str(value)
                if isinstance(value, kind) and isinstance(name, str) and not name.startswith("<"):
                    return name
    return None


def of_disk(error: BaseException) -> OSError | None:
    """Return the operating system's error that an error is, or that a library's is about; `None`: it is about something else."""
    if isinstance(error, OSError):
        return error if error.errno is not None else None
    if isinstance(error, RuntimeError) and any(mark in str(error) for mark in _TORCH):
        before = error.__context__
        disk = before if isinstance(before, OSError) else OSError(errno.EIO, os.strerror(errno.EIO))
    elif type(error).__name__ in _RUSTY and (found := _RUST.search(str(error))):
        number = int(found[1] or found[2])
        disk = OSError(number, os.strerror(number))
    else:
        return None
    return disk.with_traceback(error.__traceback__)
