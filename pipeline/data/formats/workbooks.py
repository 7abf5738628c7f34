"""Rows of an Excel workbook (`.xlsx`, `.xlsm`): values as a CSV of it would spell them.

Read is the sheet that the config names, or the only one with the columns asked for. Formulas count by the value that was saved
with them.
"""

import datetime
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, nearest
from pipeline.common.limits import IN_MEMORY, check_zip
from pipeline.common.names import respelt
from pipeline.data.formats.delimited import Dialect
from pipeline.data.formats.text import EmptyFile

WORKBOOKS = (".xlsx", ".xlsm")
OTHERS = (".xls", ".xlsb", ".ods", ".numbers")
SheetRow = tuple[int, list[Any]]  # a row's number in the sheet, from 1, and its values


@dataclass(frozen=True)
class Unusable:
    """A cell that holds no value, and why."""

    why: str


@dataclass(frozen=True)
class Sheet:
    """What is read of a workbook.

    Attributes:
        title: the sheet's name.
        rows: its rows, the header among them, without empty ones at the end; a value is text, a number, a truth value, `None`,
            or `Unusable`.
        note: which sheet was chosen, where there were others.
    """

    title: str
    rows: list[SheetRow]
    note: str | None = None


def read_workbook(path: Path, names: Sequence[str], dialect: Dialect) -> Sheet:
    """Read the rows of a workbook's sheet.

    Args:
        path: the workbook.
        names: the columns asked for.
        dialect: whether there is a header, and which sheet is to be read.

    Raises:
        UserError: it cannot be read, has no such sheet, no rows, or several sheets that could be meant.
    """
    sheets = _sheets(path)
    if dialect.sheet is not None:
        if dialect.sheet not in sheets:
            raise UserError(f"{path}: no sheet {dialect.sheet!r}{nearest(dialect.sheet, sheets)}")
        return Sheet(dialect.sheet, sheets[dialect.sheet])
    full = {name: rows for name, rows in sheets.items() if rows}
    if not full:
        raise EmptyFile(f"{path}: the workbook holds no rows")
    if len(full) == 1:
        return Sheet(*next(iter(full.items())))
    fitting = [name for name, rows in full.items() if set(names) <= set(respelt(_names(rows, dialect), names))]
    if len(fitting) != 1:
        titles, what = ", ".join(map(repr, fitting or full)), "have" if fitting else "hold rows, and none has"
        raise UserError(
            f"{path}: sheets {titles} {what} the columns {', '.join(names)}; say which one is to be read, as "
            f"sheet: {(fitting or [*full])[0]!r}{'' if fitting else ', and what its columns are called, under `columns`'}"
        )
    others = ", ".join(repr(name) for name in full if name != fitting[0])
    note = f"{path.name}: sheet {fitting[0]!r} is read, not {others}, where the columns are not found"
    return Sheet(fitting[0], full[fitting[0]], note)


def _names(rows: Sequence[SheetRow], dialect: Dialect) -> list[str]:
    cells = rows[0][1]
    return [str(cell) for cell in cells] if dialect.header else [str(number) for number in range(len(cells))]


def _sheets(path: Path) -> dict[str, list[SheetRow]]:
    """Return the rows of every sheet, by its name."""
    return {title: [*_rows(rows)] for title, rows in _opened(path, values=True)}


def formulas(path: Path, title: str) -> set[tuple[int, int]]:
    """Return where a sheet has formulas: row, from 1, and column, from 0.

    Raises:
        UserError: the workbook cannot be read.
    """
    return {
        (number, column)
        for sheet, rows in _opened(path, values=False)
        if sheet == title
        for number, cells in enumerate(rows, start=1)
        for column, cell in enumerate(cells)
        if cell.data_type == "f"
    }


def _opened(path: Path, values: bool) -> Iterator[tuple[str, Iterator[Any]]]:
    """Yield the sheets of a workbook: name, rows of cells; formulas by their values or as they are.

    Raises:
        UserError: the file is missing or no workbook.
    """
    from openpyxl import load_workbook  # heavy, and few need it

    try:
        with zipfile.ZipFile(path) as parts:
            check_zip(path, parts, IN_MEMORY)
        book = load_workbook(path, read_only=True, data_only=values)
        try:
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # what programs write there is often wrong, and would cut rows off
                yield sheet.title, sheet.iter_rows()
        finally:
            book.close()
    except (UserError, MemoryError):
        raise
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
    except Exception as error:  # a damaged one leads its libraries to errors of many kinds
        raise UserError(f"{path}: not a readable workbook ({error}); save it anew as .xlsx, or as CSV") from None


def _rows(rows: Iterator[Any]) -> Iterator[SheetRow]:
    """Yield a sheet's rows; empty ones only before others."""
    empty: list[SheetRow] = []
    for number, cells in enumerate(rows, start=1):
        values = [_value(cell) for cell in cells]
        while values and (values[-1] is None or values[-1] == ""):
            values.pop()
        if not values:
            empty.append((number, []))
            continue
        yield from empty
        empty.clear()
        yield number, values


def _value(cell: Any) -> Any:
    """Return a cell's value; dates and times are spelt as ISO has them."""
    value = cell.value
    if cell.data_type == "e":
        return Unusable(f"cell {cell.coordinate} holds the error {value}; mend it, or empty it")
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return str(value)
    return value.replace("_x000D_", "\r") if isinstance(value, str) else value
