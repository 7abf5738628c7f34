r"""The text of a user's file: unpacked if its name ends in `.gz`, decoded, without a byte order mark.

What is no text whatever its name says (a workbook, Parquet, a web page, a pointer of Git LFS) is refused by what it is.
"""

import codecs
import gzip
import io
import re
import zlib
from collections import Counter
from pathlib import Path

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import UTF16_MARK, undecodable
from pipeline.common.limits import IN_MEMORY, allowed, check_unpacked
from pipeline.data.formats.lines import CARRIAGE, without_mark

_FIRST_BYTES = (
    (b"\x1f\x8b", "packed with gzip; let its name end in .gz"),
    (b"PK\x03\x04", "an Excel workbook or a zip archive; let a workbook's name end in .xlsx, unpack an archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook, or one with a password; save it as .xlsx or CSV, without a password"),
    (b"PAR1", "Parquet; let its name end in .parquet"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself; fetch it with `git lfs pull`"),
)


def ending_of(path: Path) -> str:
    """Return the ending that says how a file is read, in small letters: `.csv` of `a.CSV.gz`."""
    named = path.with_suffix("") if path.suffix.lower() == ".gz" else path
    return named.suffix.lower()


def read_bytes(path: Path) -> bytes:
    """Return a file's bytes, unpacked if its name ends in `.gz`.

    Raises:
        UserError: no such file, it cannot be read, or it is no whole gzip file though its name says so, or far too large a one.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    if path.suffix.lower() != ".gz":
        return data
    if not data.startswith(b"\x1f\x8b"):
        raise UserError(f"{path}: not packed with gzip, though its name ends in .gz; take .gz off the name")
    try:
        return _unpacked(path, data)
    except EOFError:
        raise UserError(f"{path}: the gzip file ends too early (an interrupted download?); fetch it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: a broken gzip file ({error}), or something follows its end; pack it again") from None


def _unpacked(path: Path, data: bytes) -> bytes:
    bound = allowed(len(data), IN_MEMORY)
    with gzip.open(io.BytesIO(data)) as file:
        text = file.read(bound + 1)
    check_unpacked(path, len(data), len(text), IN_MEMORY)
    return text


def read_raw(path: Path, encoding: str = "utf-8") -> tuple[str, Counter[str]]:
    """Return a file's text as it stands there but for a byte order mark, and the mends that took.

    Raises:
        UserError: as `read_bytes`; empty, no text, or not in this encoding (names line and byte).
    """
    data = read_bytes(path)
    _check_kind(path, data)
    repaired: Counter[str] = Counter()
    text = without_mark(_decoded(path, data, encoding), repaired)
    if "\r" in text and "\n" not in text:
        raise UserError(f"{path}:1: lines end in carriage returns alone; expected newlines (convert it with mac2unix)")
    if not text.strip():
        raise EmptyFile(f"{path}: the file is empty")
    return text, repaired


def read_text(path: Path, encoding: str = "utf-8") -> tuple[str, Counter[str]]:
    r"""Return a file's text with lines that end in `\n`, and the mends that took: for files whose every line is a row.

    Raises:
        UserError: as `read_raw`.
    """
    text, repaired = read_raw(path, encoding)
    if returns := text.count("\r\n"):
        repaired[CARRIAGE] += returns
        text = text.replace("\r\n", "\n")
    return text, repaired


class EmptyFile(UserError):
    """A file holds no rows."""


def _check_kind(path: Path, data: bytes) -> None:
    """Refuse what its first bytes tell to be something else than text."""
    found = next((what for first, what in _FIRST_BYTES if data.startswith(first)), None)
    if data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith((b"<!doctype html", b"<html")):
        found = "a web page, perhaps an error or a login page that was saved in the file's place; fetch it again"
    if re.fullmatch(rb"(\.\.?/)+[^\s]+\s?", data[:1024]):
        found = (
            f"holds a path, {data.decode('utf-8', 'replace').strip()}: a link copied as text; copy the file it leads to"
        )
    if found:
        raise UserError(f"{path}: {found}")


def _decoded(path: Path, data: bytes, encoding: str) -> str:
    try:
        if data.startswith(codecs.BOM_UTF8) and codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig"):
            raise UserError(f"{path}:1: begins with the byte order mark of UTF-8: not {encoding}; leave `encoding` out")
        return data.decode(encoding)
    except LookupError:
        known = ("utf-8", "utf-16", "latin-1", "cp1250", "cp1251", "cp1252", "cp1256", "gb18030", "shift_jis", "euc-kr")
        raise UserError(f"encoding: unknown encoding {encoding!r}{nearest(encoding, known)}") from None
    except UnicodeDecodeError as error:
        line, found = undecodable(error)
        expected = "set encoding: utf-16" if found == UTF16_MARK else "set `encoding` to the file's"
        raise UserError(f"{path}:{line}: {found}: not {encoding}; {expected}, or convert it with iconv") from None
    except UnicodeError as error:  # UTF-16 without a byte order mark, and such
        raise UserError(f"{path}: not {encoding}: {error}") from None
