"""Tables of a user's: CSV, TSV, Excel, JSON lines, a JSON list, Parquet; read into columns that know where each row stands.

| ending | rows | notes |
|---|---|---|
| `.csv` | RFC 4180: quotes around what holds commas, quotes or line ends | other dialects: see `delimited` |
| `.tsv`, `.txt` | a line each, quotes are data; or as CSV, if every quote in the file is where CSV would have one | |
| `.xlsx`, `.xlsm` | a sheet's | see `workbooks` |
| `.jsonl`, `.json` | an object a line, or the file is one list of objects, also `{"data": […]}` | keys are columns |
| `.parquet` | numbered from 0 | see `class_labels` for numbered classes |

Text may be packed: `.csv.gz`. Rows of separators alone are blank lines. What is malformed is refused with its line or row.
"""

import json
import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import read_parquet
from pipeline.common.names import respelt, twice
from pipeline.data.formats.class_labels import class_names
from pipeline.data.formats.delimited import DELIMITERS, SEP_LINE, Delimited, Dialect, is_blank, open_delimited, rows_of
from pipeline.data.formats.delimited import ENDINGS as DELIMITED
from pipeline.data.formats.lines import CARRIAGE
from pipeline.data.formats.text import EmptyFile, ending_of, read_raw
from pipeline.data.formats.workbooks import OTHERS, WORKBOOKS, Unusable, formulas, read_workbook

ENDINGS = (*DELIMITED, *WORKBOOKS, ".jsonl", ".json", ".parquet")
BLANK_LINE = "blank line, skipped"
_SPANS = {"spans", "entities", "label", "labels"}


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
        there: names of all columns of the file.
        gaps: rows that blank lines stand before.
        notes: what was found out about how the table is written.
        classes: by column, the names of its numbered classes, where the file says them.
    """

    path: Path
    columns: dict[str, list[Any]]
    rows: int
    lines: Sequence[int] | None = None
    repaired: Counter[str] = field(default_factory=Counter)
    there: tuple[str, ...] = ()
    gaps: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()
    classes: dict[str, list[str]] = field(default_factory=dict)

    def place(self, row: int) -> str:
        """Name a row in messages: `file:line`, or `file: row 3`, counted from 0."""
        return f"{self.path}: row {row}" if self.lines is None else f"{self.path}:{self.lines[row]}"


def read_table(path: Path, names: Sequence[str], optional: Sequence[str] = (), dialect: Dialect | None = None) -> Table:
    """Read the columns `names`, and those of `optional` that are there.

    Args:
        path: the file; its ending says how it is read.
        names: columns that must be there.
        optional: columns that may be there.
        dialect: how it is written; `None`: with a header, in UTF-8, the rest is recognised.

    Raises:
        UserError: no such file, an unknown ending, no rows, a column is missing, not in this encoding, or malformed.
    """
    dialect, ending = dialect or Dialect(), ending_of(path)
    check_ending(path, ENDINGS)
    if ending == ".parquet":
        return _parquet(path, names, optional)
    if ending in WORKBOOKS:
        return _workbook(path, names, optional, dialect)
    if ending in DELIMITED:
        return _delimited(path, names, optional, dialect)
    text, repaired = read_raw(path, dialect.encoding)
    if returns := text.count("\r\n"):
        repaired[CARRIAGE] += returns
    return _json(path, text, names, optional, repaired)


def check_ending(path: Path, known: Sequence[str]) -> None:
    """Refuse a file whose ending does not say how it is read.

    Raises:
        UserError: it does not, or only text may be packed.
    """
    ending = ending_of(path)
    if ending in OTHERS:
        raise UserError(f"{path}: {ending} is not read; save it as .xlsx or CSV")
    if ending not in known:
        raise UserError(f"{path}: unknown ending {ending!r}; expected {', '.join(dict.fromkeys(known))}")
    if path.suffix.lower() == ".gz" and ending in (".parquet", *WORKBOOKS):
        raise UserError(f"{path}: {ending} is packed in itself; unpack it with gunzip")


def as_text(value: Any) -> Any:
    """Spell a value of JSON or Parquet as a CSV would: 1.0 is `1`, a truth value `true`; lists and mappings stay.

    What is no number (NaN) is `None`, within lists and mappings too.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, list):
        return [None if isinstance(one, float) and math.isnan(one) else one for one in value]
    if isinstance(value, dict):
        return {key: as_text(one) if isinstance(one, list | float) else one for key, one in value.items()}
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value)


# ------------------------------------------------------------------------------------------------------- CSV, TSV, Excel


def delimited(path: Path, names: Sequence[str], dialect: Dialect) -> tuple[Delimited, Counter[str]]:
    """Read a text and find out what separates its cells; with the mends that took.

    Raises:
        UserError: as `read_table`.
    """
    text, repaired = read_raw(path, dialect.encoding)
    file = open_delimited(path, text, names, dialect)
    if file.first > 1:
        repaired[SEP_LINE] += 1
    return file, repaired


def _delimited(path: Path, names: Sequence[str], optional: Sequence[str], dialect: Dialect) -> Table:
    file, repaired = delimited(path, names, dialect)
    rows, advice = rows_of(file, dialect.quotes, repaired), _ragged_advice(file, dialect)
    table = _cells(path, rows, names, optional, dialect.header, repaired, advice)
    if not file.recognised:
        return table
    mark = next((name for name, char in DELIMITERS.items() if char == file.delimiter), file.delimiter)
    return replace(table, notes=(f"{path.name}: cells are separated by {file.delimiter!r} ({mark})",))


def _ragged_advice(file: Delimited, dialect: Dialect) -> str:
    """Say why rows may differ in width."""
    mark = next((name for name, char in DELIMITERS.items() if char == file.delimiter), None)
    if mark == "tab":
        around = '"' in file.text and dialect.quotes != "csv"
        return "; quotes are taken to be data here: if they hold cells together, say quotes: csv" if around else ""
    found = f"; cells are separated by {file.delimiter!r}; if not, say so under `delimiter`" if file.recognised else ""
    return f"; {mark or 'delimiter'}s and line ends inside a text need quotes around it{found}"


def _workbook(path: Path, names: Sequence[str], optional: Sequence[str], dialect: Dialect) -> Table:
    """Read a workbook's sheet as if it were a CSV; short rows are filled up."""
    sheet = read_workbook(path, names, dialect)
    width = len(next((cells for _, cells in sheet.rows if cells), []))
    rows = ((number, [*cells, *[None] * (width - len(cells))]) for number, cells in sheet.rows)
    table = _cells(path, rows, names, optional, dialect.header, Counter())
    unset: set[tuple[int, int]] | None = None
    for name, values in table.columns.items():
        for row, value in enumerate(values):
            if isinstance(value, Unusable):
                raise UserError(f"{table.place(row)}: sheet {sheet.title!r}: {value.why}")
            if value is None:
                unset = formulas(path, sheet.title) if unset is None else unset
                if table.lines is not None and (table.lines[row], table.there.index(name)) in unset:
                    raise UserError(
                        f"{table.place(row)}: sheet {sheet.title!r}: column {name!r} holds a formula without a value; open "
                        "the workbook in a spreadsheet program and save it, or put the value there"
                    )
    columns = {name: [as_text(value) for value in values] for name, values in table.columns.items()}
    return replace(table, columns=columns, notes=(sheet.note,) if sheet.note else ())


def _header(cells: Sequence[Any]) -> list[str]:
    return ["" if cell is None else str(as_text(cell)) for cell in cells]


def _cells(
    path: Path,
    rows: Iterable[tuple[int, list[Any]]],
    names: Sequence[str],
    optional: Sequence[str],
    header: bool,
    repaired: Counter[str],
    ragged: str = "",
) -> Table:
    """Take columns out of rows that must all be as wide as the first one."""
    there: list[str] | None = None
    chosen: dict[str, list[Any]] = {}
    picks: list[tuple[int, list[Any]]] = []
    lines, gaps = array("q"), set()
    for line, cells in rows:
        if is_blank(cells):
            repaired[BLANK_LINE] += 1
            gaps.add(len(lines))
            continue
        if there is None:
            there = [str(number) for number in range(len(cells))]
            if header:
                there = respelt(_header(cells), (*names, *optional))
            chosen = {name: [] for name in _found(path, there, names, optional, header)}
            picks = [(there.index(name), values) for name, values in chosen.items()]
            if header:
                continue
        if len(cells) != len(there):
            if not lines and header and len(cells) == len(there) + 1 and cells[0] in ("0", "1"):
                ragged += "; if the names lack one for the row's number, as R writes them, save with row.names = FALSE"
            raise UserError(f"{path}:{line}: {len(cells)} columns, expected {len(there)} as in the first row{ragged}")
        lines.append(line)
        for column, values in picks:
            values.append(cells[column])
    if not lines:
        raise EmptyFile(f"{path}: holds no rows below its header")
    between = frozenset(gap for gap in gaps if 0 < gap < len(lines))
    return Table(path, chosen, len(lines), lines, repaired, tuple(there or ()), between)


def _found(
    path: Path, there: Sequence[str], names: Sequence[str], optional: Sequence[str], header: bool = True
) -> list[str]:
    """Return the columns to take, after checking that each is there, and once."""
    for name in names:
        if name not in there:
            advice = nearest(name, there)
            if name in ("tokens", "tags") and "text" in there and not _SPANS.isdisjoint(there):
                advice += (
                    "; entities as spans of characters (Doccano, Prodigy, …) are not read: save them as CoNLL, or as a list of "
                    "words and one of tags"
                )
            elif not header:
                advice += f"; header: no numbers the columns, say which one it is: columns: {{{name}: 0}}"
            elif len(there) == 1 and (mark := next((m for m in DELIMITERS.values() if m in there[0]), None)):
                advice = (
                    f"; the first line is {there[0]!r}: separated by {mark!r}? then say delimiter: {json.dumps(mark)}, and "
                    "under `columns` how the columns asked for are called there"
                )
            elif f'"{name}"' in there:
                advice = "; its names stand in quotes, which are taken to be data here: say quotes: csv"
            elif ending_of(path) in (*DELIMITED, *WORKBOOKS):
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
    wrapped = _below_data(path, text)
    listed = wrapped is not None or text.lstrip()[0] == "["
    lines, gaps = array("q"), set()
    objects: list[dict[str, Any]] = []
    if listed:
        objects = _parsed(str(path), text) if wrapped is None else wrapped
        for number, value in enumerate(objects):
            _check_object(f"{path}: row {number}", value)
    else:
        for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
            if not line.strip():
                repaired[BLANK_LINE] += 1
                gaps.add(len(lines))
                continue
            value = _parsed(f"{path}:{number}", line)
            _check_object(f"{path}:{number}", value)
            lines.append(number)
            objects.append(value)
    if not objects:
        raise EmptyFile(f"{path}: holds no rows")
    there = [*dict.fromkeys(key for value in objects for key in value)]
    if not listed and len(objects) == 1:
        _check_one(path, objects[0], names)
    spelt = {key: name for key, name in zip(there, respelt(there, (*names, *optional)), strict=True) if key != name}
    if spelt:
        objects = [{spelt.get(key, key): item for key, item in value.items()} for value in objects]
        there = [spelt.get(key, key) for key in there]
    chosen = _found(path, there, names, optional)
    columns = {name: [as_text(value.get(name)) for value in objects] for name in chosen}
    between = frozenset(gap for gap in gaps if 0 < gap < len(objects))
    return Table(path, columns, len(objects), None if listed else lines, repaired, tuple(there), between)


def _check_one(path: Path, whole: dict[str, Any], names: Sequence[str]) -> None:
    """Refuse a file that is one object with rows in it, in another shape than those that are read.

    Raises:
        UserError: it is.
    """
    asked = [whole[name] for name in names if name in whole]
    inside = all(isinstance(value, dict) for value in whole.values()) or {"columns", "data"} <= set(whole)
    rows = any(isinstance(value, list) and value and isinstance(value[0], dict) for value in whole.values())
    if any(not isinstance(value, dict) for value in asked) or not (asked or inside or rows):
        return
    raise UserError(
        f"{path}: one object, with the keys {', '.join([*whole][:5])}; expected an object a line, one list of objects, or "
        "{\"data\": [objects]}; pandas saves the first with to_json(…, orient='records', lines=True)"
    )


def _below_data(path: Path, text: str) -> list[Any] | None:
    """Return the rows of a file that is one object with a list of rows, `{"data": […]}`, as SQuAD's is; `None` of others."""
    if text.lstrip()[0] != "{" or '"data"' not in text:
        return None
    try:
        whole = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None  # an object a line, or malformed
    rows = whole.get("data")
    return (
        _parsed(str(path), text)["data"]
        if isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
        else None
    )


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
        raise ValueError(f"key {twice(key for key, _ in pairs)!r} stands there twice")
    return made


def _check_object(where: str, value: Any) -> None:
    if not isinstance(value, dict):
        kind = "a list" if isinstance(value, list) else f"{value!r:.40}"
        raise UserError(f"{where}: expected an object, {{column: value, …}}, got {kind}")


def _parquet(path: Path, names: Sequence[str], optional: Sequence[str]) -> Table:
    table = read_parquet(path, foreign=True)
    if not table.num_rows:
        raise EmptyFile(f"{path}: holds no rows")
    spelt = respelt(table.column_names, (*names, *optional))
    called = dict(zip(table.column_names, spelt, strict=True))
    classes = {called[name]: found for name, found in class_names(table.schema.metadata).items() if name in called}
    table = table.rename_columns(spelt)
    chosen = _found(path, table.column_names, names, optional)
    for name in chosen:
        if "binary" in str(table.schema.field(name).type):
            raise UserError(f"{path}: column {name!r} is {table.schema.field(name).type}, expected text")
    columns = {name: [as_text(value) for value in table[name].to_pylist()] for name in chosen}
    return Table(path, columns, table.num_rows, there=tuple(table.column_names), classes=classes)
