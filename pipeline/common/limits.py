"""How much may come out of what is packed: bounds that no honest data reach, told before a disk or the memory is full."""

import zipfile
from pathlib import Path

from pipeline.common.errors import UserError

UNPACKED = 64 << 30  # bytes of an archive's files together
IN_MEMORY = 4 << 30  # bytes of one packed file that is read whole: text in gzip, a workbook, Parquet
RATIO, FREE = 200, 128 << 20  # beyond FREE bytes, no more than RATIO bytes may come out of each packed one
MEMBERS = 500_000  # files and folders of an archive


class TooMuch(UserError):
    """More comes out of a packed file than any honest one holds."""


def allowed(packed: int, most: int = UNPACKED) -> int:
    """Return how many bytes may come out of a file of `packed` bytes, `most` at the utmost."""
    return min(most, max(FREE, RATIO * packed))


def check_unpacked(path: Path, packed: int, unpacked: int, most: int = UNPACKED) -> None:
    """Check how much has come out of a packed file, or will.

    Args:
        path: of the packed file.
        packed: its bytes.
        unpacked: bytes that come out.
        most: the utmost bound, in bytes.

    Raises:
        TooMuch: it is more than `allowed`.
    """
    if unpacked > (bound := allowed(packed, most)):
        raise TooMuch(
            f"{path}: refused: {packed:,} bytes unpack to more than {bound:,} (the limits: {most >> 30} GiB, and {RATIO} times "
            f"the packed size beyond {FREE >> 20} MiB); if it is what you want, unpack it yourself and name what is in it"
        )


def check_zip(path: Path, zipped: zipfile.ZipFile, most: int = UNPACKED) -> None:
    """Check how much will come out of all members of a zip archive, as it says itself.

    Raises:
        TooMuch: it is more than `allowed`.
    """
    check_unpacked(path, path.stat().st_size, sum(member.file_size for member in zipped.infolist()), most)
