"""Archives, zip or tar, unpacked without path escapes."""

import errno
import gzip
import lzma
import shutil
import tarfile
import zipfile
import zlib
from pathlib import Path

from pipeline.common.errors import UserError, one_line

CHUNK = 1 << 18  # bytes


class BrokenArchive(UserError):
    """A downloaded archive cannot be unpacked."""


def unpack_tar(archive: Path, folder: Path) -> list[Path]:
    """Unpack a tar archive (any compression) into `folder`, emptied first; return its files, sorted.

    Raises:
        BrokenArchive: not a tar archive, truncated, or a member that would land outside `folder` or is a device.
    """
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    except tarfile.FilterError as error:
        raise BrokenArchive(f"{archive}: refused: {error}") from None
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise BrokenArchive(f"{archive}: not a whole tar archive (truncated?): {one_line(error)}") from None
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def unpack(archive: Path, folder: Path) -> list[Path]:
    """Unpack a zip or tar archive, whatever it is called, into `folder`, emptied first; return its files, sorted.

    Raises:
        BrokenArchive: see `unpack_tar` and `unpack_zip`.
    """
    zipped = is_zip(archive) or (archive.suffix.lower() == ".zip" and not tarfile.is_tarfile(archive))
    return unpack_zip(archive, folder) if zipped else unpack_tar(archive, folder)


def is_zip(archive: Path) -> bool:
    """Say whether a file begins as zip archives do, truncated ones too."""
    with archive.open("rb") as file:
        return file.read(2) == b"PK"


def unpack_zip(archive: Path, folder: Path) -> list[Path]:
    """Unpack a zip archive into `folder`, emptied first; return its files, sorted. Links become files of their target's name.

    Raises:
        BrokenArchive: not a zip archive, truncated, encrypted, or a member that would land outside `folder` or on another one.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as zipped:
            for member in zipped.infolist():
                _unpack_member(zipped, member, folder.resolve(), archive)
    except (
        zipfile.BadZipFile,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        ValueError,
        NotImplementedError,
        OSError,
    ) as error:
        if isinstance(error, OSError) and error.errno not in _IMPOSSIBLE:
            raise
        raise BrokenArchive(f"{archive}: not a whole zip archive (truncated?): {one_line(error)}") from None
    return sorted(path for path in folder.rglob("*") if path.is_file())


# What odd names and offsets of members lead to, and broken bzip2 data (no number): the archive's fault, unlike a full disk.
_IMPOSSIBLE = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL, None)


def _unpack_member(zipped: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, archive: Path) -> None:
    name = member.filename.replace("\\", "/")  # as some programs for Windows write it
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise BrokenArchive(f"{archive}: refused: {member.filename!r} would be written outside its folder")
    if name.endswith("/"):
        return
    if member.flag_bits & 1:
        raise BrokenArchive(f"{archive}: {member.filename!r} is encrypted; unpack it yourself and use source folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipped.open(member) as source, open(path, "wb") as target:
        shutil.copyfileobj(source, target, CHUNK)


def zip_member(archive: Path, name: str, path: Path) -> list[str]:
    """Copy the member of a zip archive whose last path part is `name` to `path`; return all members' last parts.

    Where there is no such member, `path` is not written.

    Raises:
        BrokenArchive: not a zip archive, or truncated.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = {Path(member).name: member for member in zipped.namelist() if not member.endswith("/")}
            if name in members:
                with zipped.open(members[name]) as source, open(path, "wb") as target:
                    shutil.copyfileobj(source, target, CHUNK)
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise BrokenArchive(f"{archive}: not a whole zip archive (truncated?): {error}") from None
    return sorted(members)
