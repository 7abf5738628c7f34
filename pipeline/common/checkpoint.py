"""Checkpoints of an unfinished training, each with its SHA-256 at its end.

PyTorch's format is a ZIP archive, whose readers pass over what follows it: so a file stays one that `torch.load` reads, and its
digest cannot be another file's. A checkpoint that was cut short or altered is said to be so and dropped: the training begins
anew, and since it depends on nothing but its settings, ends in the same bits.
"""

import hashlib
import os
import re
import sys
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.common.files import atomic_path

END = re.compile(rb"\nsha256 ([0-9a-f]{64})\n")
LENGTH = len("\nsha256 \n") + 64


class BrokenError(UserError):
    """A checkpoint was cut short, altered, or is none."""


def save(path: Path, value: Any) -> None:
    """Save tensors and plain values, whole or not at all.

    Raises:
        OSError: the disk refuses; it names `path`.
    """
    import torch

    with atomic_path(path) as temporary, open(temporary, "w+b") as file:
        torch.save(value, file)  # into an open file: a writer of torch's own does not tell what the disk refused
        file.seek(0)
        found = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0, os.SEEK_END)
        file.write(f"\nsha256 {found}\n".encode())


def load(path: Path, device: Any = "cpu") -> Any:
    """Load what `save` wrote; only tensors and plain values, never code. Of earlier code it has no digest to be compared with.

    Raises:
        BrokenError: the file is not what was written, or cannot be read.
    """
    import torch

    try:
        check(path)
        return torch.load(path, map_location=device, weights_only=True)
    except BrokenError:
        raise
    except Exception as error:  # torch raises many kinds for one broken file
        raise BrokenError(
            f"{path}: not a readable checkpoint ({type(error).__name__}); delete it to start anew"
        ) from None


def recorded(path: Path) -> str | None:
    """Return the digest that a checkpoint has at its end, `None` where it has none; the bytes before it are not read."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - LENGTH))
        end = END.fullmatch(file.read())
    return end[1].decode() if end else None


def check(path: Path) -> str | None:
    """Return the digest that a checkpoint has at its end, `None` where it has none.

    Raises:
        BrokenError: it is of other bytes than stand before it.
    """
    expected = recorded(path)
    if expected is None:
        return None
    hashing, left = hashlib.sha256(), path.stat().st_size - LENGTH
    with open(path, "rb") as file:
        while left > 0 and (block := file.read(min(left, 1 << 20))):
            hashing.update(block)
            left -= len(block)
    found = hashing.hexdigest()
    if found != expected:
        raise BrokenError(f"{path}: altered since it was written: SHA-256 is {found[:12]}…, expected {expected[:12]}…")
    return expected


def say_dropped(error: BrokenError) -> None:
    """Say in the log that a broken checkpoint is dropped."""
    said = str(error).removesuffix("; delete it to start anew")
    print(f"warning: {said}: it is dropped, and the training begins anew", file=sys.stderr, flush=True)
