"""Tables of a user's: CSV, TSV, JSON lines, a JSON list, Parquet; read into columns that know where each row stands.

| ending | rows | notes |
|---|---|---|
| `.csv` | RFC 4180: commas, quotes around what holds commas, quotes or line ends | |
| `.tsv` | a line each, quotes are data; or as CSV, if every quote in the file is where CSV would have one | |
| `.jsonl`, `.json` | an object a line, or the file is one list of objects, also `{"data": […]}` | keys are columns |
| `.parquet` | numbered from 0 | |

Text lines end at newlines only (a carriage return before one belongs to it): other control characters are data. What is
malformed is refused with its line or row.
"""

import csv
import json
import math
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import UTF16_MARK, read_parquet, undecodable
from pipeline.data.formats.lines import CARRIAGE, without_mark

ENDINGS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
BLANK_LINE = "blank line, skipped"

Row = tuple[int, list[str]]  # the line a row begins at, its cells
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_LINE = re.compile(r"[^\n]*\n|[^\n]+")


@dataclass(frozen=True)
class Table:
    """Columns of a file.

    Attributes:
        path: the file.
        columns: by name, a value per row: text (numbers are spelt out), `None` where there is none; in JSON and Parquet
            also lists and mappings, as they are.
        rows: how many rows there are.
        lines: the line each row begins at; `None`: rows have numbers only.
        repaired: mends, by reason.
    """

    path: Path
    columns: dict[str, list[Any]]
    rows: int
    lines: Sequence[int] | None = None
    repaired: Counter[str] = field(default_factory=Counter)

    def place(self, row: int) -> str:
        """Name a row in messages: `file:line`, or `file: row 3`, counted from 0."""
        return f"{self.path}: row {row}" if self.lines is None else f"{self.path}:{self.lines[row]}"


def read_table(
    path: Path, names: Sequence[str], optional: Sequence[str] = (), header: bool = True, encoding: str = "utf-8"
) -> Table:
    """Read the columns `names`, and those of `optional` that are there.

    Args:
        path: the file; its ending says how it is read.
        names: columns that must be there.
        optional: columns that may be there.
        header: whether CSV and TSV begin with the columns' names; otherwise they are called 0, 1, …
        encoding: how text is encoded.

    Raises:
        UserError: no such file, an unknown ending, no rows, a column is missing, not in this encoding, or malformed.
    """
    ending = path.suffix.lower()
    if ending == ".parquet":
        return _parquet(path, names, optional)
    if ending not in ENDINGS:
        raise UserError(f"{path}: unknown ending {ending!r}; expected {', '.join(ENDINGS)}")
    text, repaired = read_text(path, encoding)
    if ending in (".jsonl", ".json"):
        return _json(path, text, names, optional, repaired)
    rows = _csv_rows(path, text, ",") if ending == ".csv" else _tsv_rows(path, text)
    return _cells(path, rows, names, optional, header, repaired)


# --------------------------------------------------------------------------------------------------------------- text


def read_text(path: Path, encoding: str = "utf-8") -> tuple[str, Counter[str]]:
    r"""Return a file's text with lines that end in `\n`, without a byte order mark, and the mends that took.

    Raises:
        UserError: no such file, empty, or not in this encoding (names line and byte).
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    text = _decoded(path, data, encoding)
    repaired: Counter[str] = Counter()
    text = without_mark(text, repaired)
    if returns := text.count("\r\n"):
        repaired[CARRIAGE] += returns
        text = text.replace("\r\n", "\n")
    if "\r" in text and "\n" not in text:
        raise UserError(f"{path}:1: lines end in carriage returns alone; expected newlines (convert it with mac2unix)")
    if not text.strip():
        raise UserError(f"{path}: the file is empty")
    return text, repaired


def _decoded(path: Path, data: bytes, encoding: str) -> str:
    try:
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


def as_text(value: Any) -> Any:
    """Spell a value of JSON or Parquet as a CSV would: 1.0 is `1`, a truth value `true`; lists and mappings stay."""
    if value is None or isinstance(value, str | list | dict):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


# ------------------------------------------------------------------------------------------------------------ CSV, TSV


def _csv_rows(path: Path, text: str, delimiter: str) -> Iterator[Row]:
    """Yield the rows of a CSV; blank lines are rows without cells."""
    csv.field_size_limit(2**31 - 1)  # a text may be long; a quote that never closes is found by `strict`
    stand_in = ""
    if "\r" in text:  # the reader takes it for a line's end
        stand_in = next(char for char in map(chr, range(0xE000, 0xF900)) if char not in text)
        text = text.replace("\r", stand_in)
    reader = csv.reader((line[0] for line in _LINE.finditer(text)), delimiter=delimiter, strict=True)
    begins = 1
    try:
        for cells in reader:
            yield begins, [cell.replace(stand_in, "\r") for cell in cells] if stand_in else cells
            begins = reader.line_num + 1
    except csv.Error as error:
        said = str(error)
        if "unexpected end of data" in said:
            said = "a quote that begins here is never closed"
        elif "expected after" in said:
            said = "a closing quote is followed by more text; quotes inside quoted text are doubled"
        raise UserError(f"{path}:{begins}: not valid CSV: {said}") from None


def _tsv_rows(path: Path, text: str) -> Iterable[Row]:
    """Return the rows of a TSV, in whichever of the two manners it is written (see the module)."""
    plain = [(number, line.split("\t")) for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1)]
    if '"' not in text:
        return plain
    widths = {len(cells) for _, cells in plain if cells != [""]}
    quoted = all(_QUOTED.fullmatch(cell) for _, cells in plain for cell in cells if '"' in cell)
    if len(widths) == 1 and not quoted:
        return plain
    try:
        rows = list(_csv_rows(path, text, "\t"))
    except UserError:
        return plain
    return rows if len({len(cells) for _, cells in rows if cells}) == 1 else plain


def _cells(
    path: Path,
    rows: Iterable[Row],
    names: Sequence[str],
    optional: Sequence[str],
    header: bool,
    repaired: Counter[str],
) -> Table:
    """Take columns out of rows that must all be as wide as the first one."""
    there: list[str] | None = None
    chosen: dict[str, list[Any]] = {}
    picks: list[tuple[int, list[Any]]] = []
    lines = array("q")
    for line, cells in rows:
        if not cells or cells == [""]:
            repaired[BLANK_LINE] += 1
            continue
        if there is None:
            there = cells if header else [str(number) for number in range(len(cells))]
            chosen = {name: [] for name in _found(path, there, names, optional, header)}
            picks = [(there.index(name), values) for name, values in chosen.items()]
            if header:
                continue
        if len(cells) != len(there):
            advice = "; commas and line ends inside a text need quotes around it" if path.suffix == ".csv" else ""
            raise UserError(f"{path}:{line}: {len(cells)} columns, expected {len(there)} as in the first row{advice}")
        lines.append(line)
        for column, values in picks:
            values.append(cells[column])
    if not lines:
        raise UserError(f"{path}: holds no rows below its header")
    return Table(path, chosen, len(lines), lines, repaired)


def _found(
    path: Path, there: Sequence[str], names: Sequence[str], optional: Sequence[str], header: bool = True
) -> list[str]:
    """Return the columns to take, after checking that each is there, and once."""
    for name in names:
        if name not in there:
            advice = nearest(name, there)
            if not header:
                advice += f"; header: no numbers the columns, say which one it is: columns: {{{name}: 0}}"
            elif len(there) == 1 and (mark := next((m for m in (";", "\t", "|") if m in there[0]), None)):
                advice = f"; the first line is {there[0]!r}: separated by {mark!r}? expected what the ending says"
            elif path.suffix.lower() in (".csv", ".tsv"):
                advice += "; name it under `columns`, or say header: no if the first line is data"
            raise UserError(f"{path}: column {name!r} is missing{advice}")
    chosen = [*dict.fromkeys([*names, *(name for name in optional if name in there)])]
    for name in chosen:
        if list(there).count(name) > 1:
            raise UserError(f"{path}: column {name!r} stands there {list(there).count(name)} times; expected once")
    return chosen


# ------------------------------------------------------------------------------------------------------- JSON, Parquet


def _json(path: Path, text: str, names: Sequence[str], optional: Sequence[str], repaired: Counter[str]) -> Table:
    """Read an object a line, or one list of objects."""
    wrapped = _below_data(text)
    listed = wrapped is not None or text.lstrip()[0] == "["
    lines = array("q")
    objects: list[dict[str, Any]] = []
    if listed:
        objects = _parsed(str(path), text) if wrapped is None else wrapped
        for number, value in enumerate(objects):
            _check_object(f"{path}: row {number}", value)
    else:
        for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
            if not line.strip():
                repaired[BLANK_LINE] += 1
                continue
            value = _parsed(f"{path}:{number}", line)
            _check_object(f"{path}:{number}", value)
            lines.append(number)
            objects.append(value)
    if not objects:
        raise UserError(f"{path}: holds no rows")
    there = [*dict.fromkeys(key for value in objects for key in value)]
    chosen = _found(path, there, names, optional)
    columns = {name: [as_text(value.get(name)) for value in objects] for name in chosen}
    return Table(path, columns, len(objects), None if listed else lines, repaired)


def _below_data(text: str) -> list[Any] | None:
    """Return the rows of a file that is one object with a list of rows, `{"data": […]}`, as SQuAD's is; `None` of others."""
    if text.lstrip()[0] != "{" or '"data"' not in text:
        return None
    try:
        whole = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None  # an object a line, or malformed
    rows = whole.get("data")
    return _parsed("", text)["data"] if isinstance(rows, list) and all(isinstance(row, dict) for row in rows) else None


def _parsed(where: str, text: str) -> Any:
    try:
        value = json.loads(text, strict=False, object_pairs_hook=_unique)  # not strict: control characters are data
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except UnicodeEncodeError:
        raise UserError(f"{where}: holds half of a character (a surrogate \\ud… without the other)") from None
    except json.JSONDecodeError as error:
        at = f"{where}:{error.lineno}" if error.lineno > 1 else where
        expected = "expected an object a line, or one list of objects"
        raise UserError(f"{at}: not valid JSON: {error.msg} (column {error.colno}); {expected}") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not valid JSON: {error}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object of its members; JSON's own reading lets the last of equal keys win."""
    made = dict(pairs)
    if len(made) < len(pairs):
        twice = next(key for key, n in Counter(key for key, _ in pairs).items() if n > 1)
        raise ValueError(f"key {twice!r} stands there twice")
    return made


def _check_object(where: str, value: Any) -> None:
    if not isinstance(value, dict):
        kind = "a list" if isinstance(value, list) else f"{value!r:.40}"
        raise UserError(f"{where}: expected an object, {{column: value, …}}, got {kind}")


def _parquet(path: Path, names: Sequence[str], optional: Sequence[str]) -> Table:
    table = read_parquet(path)
    if not table.num_rows:
        raise UserError(f"{path}: holds no rows")
    chosen = _found(path, table.column_names, names, optional)
    for name in chosen:
        if "binary" in str(table.schema.field(name).type):
            raise UserError(f"{path}: column {name!r} is {table.schema.field(name).type}, expected text")
    columns = {name: [as_text(value) for value in table[name].to_pylist()] for name in chosen}
    return Table(path, columns, table.num_rows)
