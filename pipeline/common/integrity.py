"""Stored bytes are checked when they are read: a file that was written with a digest is compared with it before it is used.

Where a file's SHA-256 stands (docs/integrity.md lists all files):

    listed      in a description that lies beside it: `run.json`, `report.json`, a manifest (`pipeline.common.stored`)
    sealed      in a JSON object itself, under `digest`: of all its other keys
    noted       in a hidden file beside it, `.NAME.sha256`, in the form of `sha256sum`
    appended    at the end of a checkpoint (`pipeline.common.checkpoint`)

Files of earlier code have none and are read as ever.
"""

import hashlib
import json
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json, digest, read_json, sha256_file, write_json, write_text

SEAL = "digest"
"""The key under which a JSON object has the digest of its others."""

AGAIN, THEN = "make it again with: ", " (and your --configfile), then start the workflow as before"
SHOWN = 12
FEW = 4
SETTLED = 2_000_000_000  # nanoseconds: a file that changed so lately may change again without another date


class AlteredError(UserError):
    """A stored file is not what was written.

    Attributes:
        path: of the file.
        what: is wrong with it.
        mend: how it is made whole again.
        command: of that the command alone, where there is one.
    """

    def __init__(self, path: Path, what: str, mend: str) -> None:
        super().__init__(f"{path}: {what}; {mend}")
        self.path, self.what, self.mend = path, what, mend
        self.command = mend.removeprefix(AGAIN).removesuffix(THEN)

    def __reduce__(self) -> tuple[type["AlteredError"], tuple[Path, str, str]]:
        """Survive the way from one process to another."""
        return AlteredError, (self.path, self.what, self.mend)


def refuse(errors: Sequence[AlteredError]) -> None:
    """Complain about altered files that Snakemake makes, all in one error.

    Raises:
        AlteredError: there is one.
        UserError: there are several: the first are named.
    """
    if len(errors) < 2:
        for error in errors:
            raise error
        return
    shown = errors[:FEW]
    lines = [f"  {error.path}: {error.what}" for error in shown]
    lines += [f"  and {len(errors) - FEW} more; metalingua verify lists all"] if len(errors) > FEW else []
    mends = again(*(error.path for error in shown))
    raise UserError("\n".join([f"{len(errors)} files are altered:", *lines, mends]))


def again(*targets: Path) -> str:
    """Return how Snakemake is told to make files again, and nothing else."""
    command = shlex.join(["snakemake", "--force", *map(str, targets)])
    return f"{AGAIN}{command}{THEN}"


def sha256(path: Path) -> str:
    """Return a file's SHA-256 in hexadecimal, hashed once per process as long as path, size, time and inode stay the same.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it cannot be read, as on a broken disk.
    """
    try:
        status = path.stat()
        if time.time_ns() - status.st_mtime_ns < SETTLED:
            return sha256_file(path)
        return _sha256(path, status.st_size, status.st_mtime_ns, status.st_ino)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from None


@cache
def _sha256(path: Path, _size: int, _mtime: int, _inode: int) -> str:
    return sha256_file(path)


def verified(path: Path, recorded: str | None, mend: str) -> Path:
    """Compare a file with its stored digest and return its path.

    Args:
        path: of the file.
        recorded: its SHA-256 as it was written down; `None` where earlier code noted none: nothing is compared.
        mend: what to do where they differ.

    Raises:
        AlteredError: the file holds other bytes, or is gone.
    """
    if recorded is None:
        return path
    try:
        found = sha256(path)
    except FileNotFoundError:
        raise AlteredError(path, "no such file, though its digest is stored", mend) from None
    return _same(path, found, recorded, mend)


def read_verified(path: Path, recorded: str | None, mend: str) -> tuple[bytes, str]:
    """Read a file once and whole, and compare it with its stored digest.

    Args:
        path: of the file.
        recorded: its SHA-256 as it was written down; `None` where earlier code noted none: nothing is compared.
        mend: what to do where they differ.

    Returns:
        What is in it, and its SHA-256 in hexadecimal.

    Raises:
        FileNotFoundError: there is no such file.
        AlteredError: the file holds other bytes.
        UserError: it cannot be read, as on a broken disk.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(path, error) from None
    found = hashlib.sha256(data).hexdigest()
    if recorded is not None:
        _same(path, found, recorded, mend)
    return data, found


def _same(path: Path, found: str, recorded: str, mend: str) -> Path:
    if found != recorded:
        what = f"altered since it was written: SHA-256 is {found[:SHOWN]}…, expected {str(recorded)[:SHOWN]}…"
        raise AlteredError(path, what, mend)
    return path


def _unreadable(path: Path, error: OSError) -> UserError:
    return UserError(
        f"{path}: cannot be read: {error.strerror}; look after the disk or the file's rights, and start again"
    )


@contextmanager
def verifying(recorded: Mapping[Path, str], mend: str) -> Iterator[None]:
    """Compare files with their digests while the block reads them; large ones cost no time of their own where a core is free.

    Raises:
        AlteredError: a file is altered; it stands in the place of whatever the block raised over it.
    """
    with ThreadPoolExecutor(1) as pool:
        checks = [pool.submit(verified, path, value, mend) for path, value in recorded.items()]
        try:
            yield
        finally:
            for check in checks:
                check.result()


# ------------------------------------------------------------------------------------------------------------- sealed


def seal_of(value: Mapping[str, Any]) -> str:
    """Return the digest of a JSON object's keys but the seal."""
    kept = {key: content for key, content in value.items() if key != SEAL}
    return digest(json.loads(canonical_json(kept)), 64)  # as it is read back: tuples are lists, keys text


def write_sealed(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object with a digest of its own, whole or not at all."""
    write_json(path, {**value, SEAL: seal_of(value)})


def intact(value: Mapping[str, Any]) -> bool:
    """Whether a JSON object is what was sealed; one without a seal, of earlier code, counts as such."""
    return SEAL not in value or value[SEAL] == seal_of(value)


def read_sealed(path: Path, mend: str) -> dict[str, Any]:
    """Read a JSON object, checked against its seal where it has one.

    Raises:
        AlteredError: it is not JSON, no object, or altered.
        UserError: it is missing.
    """
    try:
        found = read_json(path)
    except UserError as error:
        if not path.exists():
            raise
        raise AlteredError(path, str(error).removeprefix(f"{path}: "), mend) from None
    if not isinstance(found, dict):
        raise AlteredError(path, f"expected a JSON object, got {type(found).__name__}", mend)
    if not intact(found):
        expected, now = str(found[SEAL])[:SHOWN], seal_of(found)[:SHOWN]
        raise AlteredError(path, f"altered since it was written: its digest is {now}…, expected {expected}…", mend)
    return found


# -------------------------------------------------------------------------------------------------------------- noted


def note_of(path: Path) -> Path:
    """Return the hidden file that has a file's digest."""
    return path.with_name(f".{path.name}.sha256")


def note(path: Path) -> None:
    """Write a file's digest beside it."""
    write_text(note_of(path), f"{sha256(path)}  {path.name}\n")


def noted(path: Path) -> str | None:
    """Return a file's noted digest, `None` where there is none."""
    try:
        words = note_of(path).read_text(encoding="ascii", errors="replace").split()
    except FileNotFoundError:
        return None
    return words[0] if words else ""


def verified_by_note(path: Path, mend: str | None = None) -> Path:
    """Compare a file with its note, where it has one, and return its path; a file that is not there is the reader's matter.

    Raises:
        AlteredError: the file holds other bytes.
    """
    return verified(path, noted(path), mend or again(path)) if path.exists() else path


@contextmanager
def noting(path: Path) -> Iterator[None]:
    """Note the digest of the file that the block writes; whoever reads in between finds none, never that of another file."""
    note_of(path).unlink(missing_ok=True)
    yield
    note(path)


def write_noted(path: Path, text: str) -> None:
    """Write a text, and its digest beside it."""
    with noting(path):
        write_text(path, text)
