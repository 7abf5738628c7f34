"""Disks that refuse: full, read-only, files that may not be so large; then room is made and the stage is started again."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.faults.harness import REFUSED, UNHARMED, Outcome, Wrong, refusal, same
from tests.faults.stages import Harm
from tests.faults.world import World

PAGE = 4096  # bytes
LARGE = "size=256m"
PATIENCE = 5.0  # seconds


@cache
def no_mounts() -> str | None:
    """Return why no disk can be mounted here, `None` where it can."""
    with TemporaryDirectory() as folder:
        try:
            with disk(Path(folder)):
                return None
        except (OSError, subprocess.CalledProcessError) as error:
            return f"no file system can be mounted ({error})"


@contextmanager
def disk(folder: Path) -> Iterator[None]:
    """Mount an empty file system in memory over a folder until the block ends."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", LARGE, "faults", str(folder)], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def remount(folder: Path, options: str) -> None:
    """Change a mounted file system: its size, or whether it may be written.

    It is busy as long as another try's process, just forked, still has a file open that was being written here.
    """
    until = time.monotonic() + PATIENCE
    while True:
        done = subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], capture_output=True, check=False)
        if done.returncode == 0:
            return
        if time.monotonic() > until:
            raise OSError(f"{folder}: {done.stderr.decode().strip()}")
        time.sleep(0.1)


def mended(world: World, copy: World, name: str) -> None:
    """Start a stage again after room was made, and hold that all is as in the finished world."""
    copy.finish(name)
    same(world, copy, f"{name}, after room was made")


def check_nothing_left(copy: World, error: str) -> None:
    """Hold that a refused stage left no temporary file.

    Raises:
        Wrong: it did.
    """
    if left := copy.temporary():
        raise Wrong(f"left half-written: {left[:5]} after {error}")


def full(world: World, name: str, rng: Random, folder: Path) -> Outcome:
    """Run a stage on a disk that gets full while it writes, then make room."""
    with disk(folder):
        copy = world.copy(folder / "world")
        need = sum(-(-path.stat().st_size // PAGE) for path in copy.made(name))
        copy.forget(name)
        used = int(
            subprocess.run(["du", "-s", "-B", str(PAGE), folder], capture_output=True, text=True).stdout.split()[0]
        )
        remount(folder, f"size={(used + rng.randrange(need + 4)) * PAGE}")
        error = refusal(copy.start(name).wait(), r"No space left on device; .*make room")
        if error:
            check_nothing_left(copy, error)
        remount(folder, LARGE)
        if error:
            mended(world, copy, name)
        same(world, copy, f"{name} on a disk with little room")
    return Outcome(REFUSED if error else UNHARMED)


def read_only(world: World, name: str, rng: Random, folder: Path) -> Outcome:
    """Run a stage on a file system that is read-only, then make it writable."""
    with disk(folder):
        copy = world.copy(folder / "world")
        if rng.random() < 0.5:
            copy.forget(name)
        remount(folder, "ro")
        error = refusal(copy.start(name).wait(), "read-only")
        remount(folder, "rw")
        if error:
            mended(world, copy, name)
    return Outcome(REFUSED if error else UNHARMED)


def too_large(world: World, name: str, rng: Random, folder: Path) -> Outcome:
    """Run a stage where files may not be larger than some bytes, then where they may."""
    copy = world.copy(folder)
    largest = max(path.stat().st_size for path in copy.made(name))
    if rng.random() < 0.7:
        copy.forget(name)
    limit = int(largest ** rng.uniform(0.2, 1.05))
    error = refusal(copy.start(name, Harm(limit=limit)).wait(), "ulimit -f")
    if error:
        check_nothing_left(copy, error)
        mended(world, copy, name)
    same(world, copy, f"{name} with files of at most {limit} bytes")
    return Outcome(REFUSED if error else UNHARMED)
