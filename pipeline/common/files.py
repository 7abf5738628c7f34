"""Files written whole or not at all, and bytes that depend on content alone.

Every output is written under a temporary name in its own folder and renamed, so a killed job or a full disk leaves the old
file or none. Parquet and JSON are written deterministically: same content, same bytes.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.common.disk import of_disk
from pipeline.common.errors import UserError, nearest, one_line
from pipeline.common.limits import IN_MEMORY, check_unpacked
from pipeline.common.names import on_disk, plain
from pipeline.common.temporary import temporary_file

THREADED = 100_000
"""Rows from which on a Parquet file's columns are read by several threads."""
UTF16_MARK = "a UTF-16 byte order mark"
_PARTS = re.compile(r"(\d+)")


def canonical_json(value: Any) -> str:
    """One spelling per value: sorted keys, no blanks, UTF-8 kept; the form that is hashed and passed to stages."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any, length: int = 12) -> str:
    """Return the first `length` hexadecimal digits of the SHA-256 of `value`'s canonical JSON."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:length]


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it onto `path` on success, delete it on any error.

    Raises:
        OSError: the disk refuses; it names `path`, whichever library wrote.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_file(path)
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except Exception as error:
        if (disk := of_disk(error)) is None:
            raise
        if disk.filename is None or Path(os.fsdecode(disk.filename)).parent == path.parent:
            disk.filename, disk.filename2 = str(path), None  # not the temporary name, which nobody knows
        if disk is error:
            raise
        raise disk from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON (two-space indent, sorted keys), whole or not at all."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n")


def read_utf8(path: Path, expected: str) -> str:
    """Return a text file's contents as they are, a byte order mark included.

    Args:
        path: of the file.
        expected: what should be in it, for the errors.

    Raises:
        UserError: no such file, nothing but blanks in it, or not UTF-8 (names line and byte).
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; expected {expected}") from None
    if not data.strip():
        raise UserError(f"{path}: the file is empty; expected {expected}")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, found = undecodable(error)
        raise UserError(f"{path}:{line}: {found}: not UTF-8; expected UTF-8 (convert it with iconv)") from None


def undecodable(error: UnicodeDecodeError) -> tuple[int, str]:
    """Return at which line of a file bytes cannot be decoded, and what they are: `UTF16_MARK`, or the byte and its offset."""
    data = error.object
    line = data.count(b"\n", 0, error.start) + 1
    utf16 = data[:2] in (b"\xff\xfe", b"\xfe\xff") and "16" not in error.encoding
    return line, UTF16_MARK if utf16 else f"byte 0x{data[error.start]:02x} at offset {error.start}"


def read_stripped_lines(path: Path, expected: str) -> list[str]:
    """Return a UTF-8 file's lines, however they end, without the blanks around them and a byte order mark.

    Raises:
        UserError: as `read_utf8`, whose arguments these are.
    """
    text = read_utf8(path, expected).removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return [line.strip() for line in text.removesuffix("\n").split("\n")]


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        UserError: the file is missing, or is not JSON (with line and column).
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits, brackets in brackets
        raise UserError(f"{path}: not valid JSON: {one_line(error)}") from None


def read_object(path: Path) -> dict[str, Any] | None:
    """Read a JSON object that may be missing or broken: `None` where there is none."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def parse_object(text: str, where: str) -> dict[str, Any]:
    """Read a JSON object from an argument, `where` being its name.

    Raises:
        UserError: it is not JSON (with line and column), or no object.
    """
    try:
        value = json.loads(text)
        canonical_json(value).encode()  # which halves of characters and infinite numbers have no place in
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not valid JSON: {one_line(error)}") from None
    if not isinstance(value, dict):
        raise UserError(f"{where}: expected a JSON object, got {type(value).__name__}")
    return value


def check_keys(found: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    """Check that an object has every known key and no other, `where` being the argument's name.

    Raises:
        UserError: names the key that is missing or unknown.
    """
    for key in known:
        if key not in found:
            raise UserError(f"{where}: key {key!r} is missing")
    for key in found:
        if key not in known:
            raise UserError(f"{where}: unknown key {key!r}{nearest(key, known)}")


def parse_keys(text: str, known: Sequence[str], where: str) -> dict[str, Any]:
    """Read a JSON object that has every known key and no other.

    Raises:
        UserError: it is not JSON, no object, or a key is missing or unknown.
    """
    found = parse_object(text, where)
    check_keys(found, known, where)
    return found


def write_parquet(path: Path, table: pa.Table, metadata: Mapping[str, str] | None = None) -> None:
    """Write a Parquet file whose bytes depend on the table and `metadata` alone, whole or not at all."""
    schema = table.schema.with_metadata({k: v for k, v in sorted((metadata or {}).items())})
    with atomic_path(path) as temporary:
        pq.write_table(table.cast(schema), temporary, compression="zstd", version="2.6", row_group_size=65536)


def read_parquet(
    path: Path,
    schema: pa.Schema | None = None,
    columns: Sequence[str] | None = None,
    foreign: bool = False,
    data: bytes | None = None,
) -> pa.Table:
    """Read a Parquet file, or some columns alone, checking them against `schema` where one is given.

    Args:
        path: of the file.
        schema: what columns it must have, of which types; of those alone that are read.
        columns: names of those that are read.
        foreign: whether it comes from elsewhere: then it is held to the limits of packed files before it is read.
        data: what is in the file, where that was read already.

    Raises:
        TooMuch: a foreign one holds more than any honest file.
        UserError: the file is missing, truncated or not Parquet, or a column is missing or of another type.
    """
    try:
        source = path if data is None else pa.BufferReader(data)
        with pq.ParquetFile(source, memory_map=True) as file:  # pq.read_table would import pandas, a third of a second
            there = file.schema_arrow.names
            if missing := next((name for name in columns or () if name not in there), None):
                raise UserError(f"{path}: column {missing!r} is missing{nearest(missing, there)}")
            if foreign:
                check_unpacked(path, path.stat().st_size, _in_memory(file.metadata), IN_MEMORY)
            many = file.metadata.num_rows >= THREADED  # of few rows threads cost more than they spare
            table = file.read(columns=None if columns is None else list(columns), use_threads=many)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            error.filename = str(path)
            raise  # the disk's fault, not the file's
        raise UserError(f"{path}: not a readable Parquet file (truncated?): {error}") from None
    for field in schema or ():
        if columns is not None and field.name not in columns:
            continue
        if field.name not in table.column_names:
            raise UserError(f"{path}: column {field.name!r} is missing; it has {', '.join(table.column_names)}")
        found = table.schema.field(field.name).type
        if found != field.type:
            raise UserError(f"{path}: column {field.name!r} is {found}, expected {field.type}")
    return table


def _in_memory(told: Any) -> int:
    """Return how many bytes a Parquet file's columns take by its own description, at least eight a value, repeated or not."""
    groups = sum(told.row_group(number).total_byte_size for number in range(told.num_row_groups))
    return int(max(groups, 8 * told.num_rows * told.num_columns))


def matching(folder: Path, pattern: str) -> list[Path]:
    """Return the files below a folder that a path names: one, there or not; or those that match its `*`, `?` and `[…]`.

    Parts are in the order of the numbers in their names: `part-2` before `part-10`.
    """
    path = on_disk(folder, pattern)
    if path.exists() or not re.search(r"[*?[]", pattern) or Path(pattern).is_absolute():
        return [path]
    found = [file for file in _globbed(folder, pattern) if file.is_file()]
    return sorted(found, key=lambda file: by_number(str(file)))


def by_number(name: str) -> list[int | str]:
    """Return the key by which names are sorted: in the order of the numbers in them."""
    return [int(part) if part.isdecimal() else part for part in _PARTS.split(name)]


def _globbed(folder: Path, pattern: str) -> list[Path]:
    """Return what matches a pattern, names compared as `on_disk` does; `*` is no name that begins with a dot."""
    found = [folder]
    for part in Path(pattern).parts:
        if part == "**":
            found = [below for above in found for below in above.glob("**")]
        elif re.search(r"[*?[]", part):
            entries = [entry for above in found if above.is_dir() for entry in above.iterdir()]
            shown = [entry for entry in entries if part.startswith(".") or not entry.name.startswith(".")]
            found = [entry for entry in shown if fnmatchcase(plain(entry.name), plain(part))]
        else:
            found = [on_disk(above, part) for above in found]
    return [*dict.fromkeys(found)]
