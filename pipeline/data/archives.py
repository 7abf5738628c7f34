"""Archives, zip or tar, unpacked within bounds: nothing outside their folder, no devices, no more than honest data hold.

An archive is read to its end, where its checksums stand: one that is damaged anywhere is refused, and nothing of it stays.
"""

import bz2
import errno
import gzip
import io
import lzma
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from pipeline.common.errors import UserError, one_line
from pipeline.common.limits import MEMBERS, allowed, check_unpacked, check_zip

CHUNK = 1 << 18  # bytes


class BrokenArchive(UserError):
    """A downloaded archive cannot be unpacked."""


def unpack(archive: Path, folder: Path) -> list[Path]:
    """Unpack a zip or tar archive, whatever it is called, into `folder`, emptied first; return its files, sorted.

    Raises:
        BrokenArchive: see `unpack_tar` and `unpack_zip`.
    """
    zipped = is_zip(archive) or (archive.suffix.lower() == ".zip" and not is_tar(archive))
    return unpack_zip(archive, folder) if zipped else unpack_tar(archive, folder)


def is_zip(archive: Path) -> bool:
    """Say whether a file begins as zip archives do, truncated ones too."""
    with archive.open("rb") as file:
        return file.read(2) == b"PK"


def is_tar(archive: Path) -> bool:
    """Say whether a file begins as tar archives do, packed or not."""
    try:
        with _plain(archive) as plain, tarfile.open(fileobj=plain, mode="r:"):
            return True
    except Exception:  # whatever a file that is none leads to
        return False


def unpack_tar(archive: Path, folder: Path) -> list[Path]:
    """Unpack a tar archive (any compression) into `folder`, emptied first; return its files, sorted.

    Raises:
        BrokenArchive: not a tar archive, damaged or truncated, larger than the limits, or a member that would land outside
            `folder`, is a device or a link to nothing.
    """
    with _unpacking(archive, folder, "tar"), _plain(archive) as plain:
        with tarfile.open(fileobj=plain, mode="r:") as tar:
            for number, member in enumerate(tar, start=1):
                _check_members(archive, number)
                plain.check(member.size)  # a sparse one may be larger than what is read of it
                tar.extract(member, folder, filter="data")
        while plain.read(CHUNK):  # what follows the last member: the checksum of all
            pass
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def unpack_zip(archive: Path, folder: Path) -> list[Path]:
    """Unpack a zip archive into `folder`, emptied first; return its files, sorted. Links become files of their target's name.

    Raises:
        BrokenArchive: not a zip archive, damaged or truncated, larger than the limits, encrypted, or a member that would land
            outside `folder` or on another one.
    """
    with _unpacking(archive, folder, "zip"), zipfile.ZipFile(archive) as zipped:
        members = zipped.infolist()
        _check_members(archive, len(members))
        check_zip(archive, zipped)
        for member in members:
            _unpack_member(zipped, member, folder.resolve(), archive)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def zip_member(archive: Path, name: str, path: Path) -> list[str]:
    """Copy the member of a zip archive whose last path part is `name` to `path`; return all members' last parts.

    Where there is no such member, or it is damaged, `path` is not written.

    Raises:
        BrokenArchive: not a zip archive, damaged or truncated, or larger than the limits.
    """
    try:
        with _reading(archive, "zip"), zipfile.ZipFile(archive) as zipped:
            members = {Path(member).name: member for member in zipped.namelist() if not member.endswith("/")}
            if name in members:
                _check_plain(archive, zipped.getinfo(members[name]))
                check_unpacked(archive, archive.stat().st_size, zipped.getinfo(members[name]).file_size)
                with zipped.open(members[name]) as source, open(path, "wb") as target:
                    shutil.copyfileobj(source, target, CHUNK)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return sorted(members)


# What odd names, links, offsets and broken bzip2 data (no number) lead to: unlike a full disk, the archive's fault.
_IMPOSSIBLE = (
    errno.EISDIR,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
    errno.EINVAL,
    errno.ELOOP,
    errno.ENOTEMPTY,
    None,
)


@contextmanager
def _reading(archive: Path, kind: str) -> Iterator[None]:
    """Tell whatever the reading of damaged archives leads to (the libraries raise a dozen kinds) as the archive's fault.

    Raises:
        BrokenArchive: something went wrong that is no fault of the disk.
    """
    try:
        yield
    except UserError as error:
        raise error if isinstance(error, BrokenArchive) else BrokenArchive(str(error)) from None
    except tarfile.FilterError as error:
        raise BrokenArchive(f"{archive}: refused: {one_line(error)}") from None
    except KeyError as error:
        raise BrokenArchive(
            f"{archive}: refused: a link to a member that it does not hold: {one_line(error)}"
        ) from None
    except OSError as error:
        if error.errno not in _IMPOSSIBLE:
            raise
        raise BrokenArchive(f"{archive}: not a whole {kind} archive (damaged?): {one_line(error)}") from None
    except MemoryError:
        raise
    except Exception as error:
        raise BrokenArchive(f"{archive}: not a whole {kind} archive (truncated?): {one_line(error)}") from None


@contextmanager
def _unpacking(archive: Path, folder: Path, kind: str) -> Iterator[None]:
    """Empty `folder` for an archive's files; where something goes wrong nothing stays."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with _reading(archive, kind):
            yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


class _Bounded(io.RawIOBase):
    """What comes out of a packed file, counted: never more than the limits allow."""

    def __init__(self, path: Path, source: IO[bytes]) -> None:
        self._path, self._source, self._size = path, source, path.stat().st_size
        self._allowed, self._extracted = allowed(self._size), 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        here = self._source.tell()
        left = self._allowed - here
        if left < 0 or size > left + 1:
            check_unpacked(self._path, self._size, here + max(size, 0))
        return self._source.read(left + 1 if size < 0 else size)

    def seek(self, offset: int, whence: int = 0) -> int:
        if whence == 0:
            check_unpacked(self._path, self._size, offset)
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()

    def check(self, size: int) -> None:
        """Count a member of `size` bytes."""
        self._extracted += size
        check_unpacked(self._path, self._size, self._extracted)

    def close(self) -> None:
        self._source.close()
        super().close()


def _plain(archive: Path) -> Any:
    """Open a file that may be packed with gzip, bzip2 or xz; what comes out is bounded."""
    with archive.open("rb") as file:
        start = file.read(6)
    for mark, opened in _PACKED:
        if start.startswith(mark):
            return _Bounded(archive, opened(archive))
    return _Bounded(archive, archive.open("rb"))


_PACKED: tuple[tuple[bytes, Callable[[Path], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\0", lzma.open),
    (b"]\0\0", lzma.open),
)


def _check_members(archive: Path, number: int) -> None:
    if number > MEMBERS:
        raise BrokenArchive(
            f"{archive}: refused: more than {MEMBERS:,} files and folders; if it is what you want, unpack it yourself and use "
            "source folder"
        )


def _check_plain(archive: Path, member: zipfile.ZipInfo) -> None:
    if member.flag_bits & 1:
        raise BrokenArchive(
            f"{archive}: {member.filename[:200]!r} is encrypted; unpack it yourself and use source folder"
        )


def _unpack_member(zipped: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, archive: Path) -> None:
    name = member.filename.replace("\\", "/")  # as some programs for Windows write it
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise BrokenArchive(f"{archive}: refused: {member.filename[:200]!r} would be written outside its folder")
    if name.endswith("/"):
        return
    _check_plain(archive, member)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipped.open(member) as source, open(path, "wb") as target:
        shutil.copyfileobj(source, target, CHUNK)
