"""Rows of CSV and TSV in the dialects they go about in.

What separates cells is `delimiter`; else what a first line `sep=;` says; else what the ending says, if the columns asked for are
found so; else the one other of comma, semicolon, tab and bar under which they are.

Whether quotes are data says `quotes`; else they are CSV's between commas, semicolons or bars, and between tabs the file tells
(see `judge`). Where a quote that is data may have swallowed rows, the file is refused.

Rows end at newlines alone (a carriage return before one belongs to it): other control characters are data, and within
quotes so is every line end, as it is.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.common.errors import UserError
from pipeline.common.names import respelt
from pipeline.data.formats.lines import CARRIAGE
from pipeline.data.formats.text import ending_of

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "bar": "|"}
ENDINGS = {".csv": ",", ".tsv": "\t", ".txt": "\t"}
SEP_LINE = "line sep=…, skipped"
SPACED = "file with blanks between what separates cells and their quotes, read without them"
BOTH = "quotes: csv if they hold a cell together, quotes: none if they are data"

Row = tuple[int, list[str]]  # the line a row begins at, its cells
Quotes = Literal["auto", "csv", "none"]

_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_SPACED = re.compile(r'\s+".*"\s*', re.DOTALL)
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_SEP = re.compile(r'"?sep=(.)"?\r?\n', re.IGNORECASE)
_LONE_RETURN = re.compile(r"\r(?!\n)")


@dataclass(frozen=True)
class Dialect:
    """How a user's table is written.

    Attributes:
        header: whether it begins with the columns' names; otherwise they are called 0, 1, …
        encoding: of its text.
        delimiter: what separates cells; `None`: recognised.
        quotes: whether quotes around cells are CSV's, or data; `auto`: recognised.
        sheet: the sheet of a workbook; `None`: the only one that holds the columns.
    """

    header: bool = True
    encoding: str = "utf-8"
    delimiter: str | None = None
    quotes: Quotes = "auto"
    sheet: str | None = None


@dataclass(frozen=True)
class Delimited:
    """A text with what separates its cells.

    Attributes:
        path: the file.
        text: its rows, without a line `sep=…`.
        delimiter: what separates cells.
        first: the number of the text's first line in the file.
        recognised: whether the delimiter is neither what the config says nor what the ending does.
    """

    path: Path
    text: str
    delimiter: str
    first: int = 1
    recognised: bool = False


def open_delimited(path: Path, text: str, names: Sequence[str], dialect: Dialect) -> Delimited:
    """Find out what separates the cells of a text in which the columns `names` are looked for."""
    own = ENDINGS.get(ending_of(path), ",")
    said = _SEP.match(text)
    if said:
        text = text[said.end() :]
    first = 2 if said else 1
    if given := dialect.delimiter or (said and said[1]):
        return Delimited(path, text, given, first, recognised=dialect.delimiter is None and given != own)
    others = [other for other in DELIMITERS.values() if other != own]
    if _fits(path, text, own, names, dialect):
        return Delimited(path, text, own, first)
    fitting = [other for other in others if _fits(path, text, other, names, dialect)]
    found = fitting[0] if len(fitting) == 1 else own
    return Delimited(path, text, found, first, recognised=found != own)


def _fits(path: Path, text: str, delimiter: str, names: Sequence[str], dialect: Dialect) -> bool:
    """Whether the columns are found under a delimiter; without a header rows must be equally wide too."""
    if dialect.header:
        cells = next((cells for _, cells in _readable(path, text, delimiter) if not is_blank(cells)), [])
        there = respelt(cells, names)
        return all(name in there for name in names)
    widths = {len(cells) for _, cells in _readable(path, text, delimiter) if not is_blank(cells)}
    return len(widths) == 1 and all(name in map(str, range(*widths)) for name in names)


def _readable(path: Path, text: str, delimiter: str) -> Iterator[Row]:
    """Yield the rows as CSV as far as it is valid."""
    try:
        yield from _csv_rows(Delimited(path, text, delimiter))
    except UserError:
        return


def is_blank(cells: Sequence[Any]) -> bool:
    """Whether a row holds nothing: a blank line, separators alone, or empty cells of a workbook."""
    return all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells)


def rows_of(file: Delimited, quotes: Quotes, repaired: Counter[str]) -> Iterable[Row]:
    """Return the rows of a file; blank lines are rows without cells, or with one that is empty.

    Raises:
        UserError: it is not valid CSV, or may be read in two ways (names both).
    """
    if quotes == "auto" and file.delimiter == "\t":
        quotes = judge(file)[0] if '"' in file.text else "none"
    if quotes == "none":
        return _plain_rows(file, repaired)
    rows = _csv_rows(file, repaired)
    return rows if quotes == "csv" or '"' not in file.text else _checked(file, list(rows))


def _plain_rows(file: Delimited, repaired: Counter[str] | None = None) -> list[Row]:
    if repaired is not None and (returns := file.text.count("\r\n")):
        repaired[CARRIAGE] += returns
    lines = file.text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    return [(number, line.split(file.delimiter)) for number, line in enumerate(lines, start=file.first)]


def _csv_rows(file: Delimited, repaired: Counter[str] | None = None) -> Iterator[Row]:
    """Yield the rows of a CSV; blank lines are rows without cells."""
    spaced = _is_spaced(file)
    if spaced and repaired is not None:
        repaired[SPACED] += 1
    yield from _parsed(file, repaired, spaced)


def _is_spaced(file: Delimited) -> bool:
    """Whether blanks stand before quotes around cells: rows are equally wide without them alone, or a column has them.

    Quotes within quoted text are doubled, so that few files have any such place.
    """
    if file.delimiter in "\t " or not re.search(rf'{re.escape(file.delimiter)} +"(?!")', file.text):
        return False
    try:
        skipped = [cells for _, cells in _parsed(file, None, spaced=True) if not is_blank(cells)]
    except UserError:
        return False
    if len({len(cells) for cells in skipped}) != 1:
        return False
    try:
        plain = [cells for _, cells in _parsed(file, None) if not is_blank(cells)][1:]
    except UserError:
        return True
    columns = zip(*plain, strict=False)
    return len({len(cells) for cells in plain}) > 1 or any(all(map(_SPACED.fullmatch, cells)) for cells in columns)


def _parsed(file: Delimited, repaired: Counter[str] | None, spaced: bool = False) -> Iterator[Row]:
    """Yield the rows of a CSV, with or without blanks after what separates its cells."""
    csv.field_size_limit(2**31 - 1)  # a text may be long; a quote that never closes is found by `strict`
    text, stand_in, ends = file.text, "", Counter[str]()
    if "\r" in text and _LONE_RETURN.search(text):  # the reader takes it for a line's end
        stand_in = next(char for char in map(chr, range(0xE000, 0xF900)) if char not in text)
        text = _LONE_RETURN.sub(stand_in, text)
    reader = csv.reader(_lines(text, ends), delimiter=file.delimiter, strict=True, skipinitialspace=spaced)
    begins = file.first
    try:
        for cells in reader:
            if repaired is not None and ends["\r\n"]:
                repaired[CARRIAGE] += 1
            yield begins, [cell.replace(stand_in, "\r") for cell in cells] if stand_in else cells
            begins = reader.line_num + file.first
    except csv.Error as error:
        said = str(error)
        if "unexpected end of data" in said:
            said = "a quote that begins here is never closed"
        elif "expected after" in said:
            said = "a closing quote is followed by more text; quotes inside quoted text are doubled"
        advice = "; if quotes are data in this file, say quotes: none"
        if '\\"' in text:
            advice = '; quotes within cells have backslashes here (\\"); expected them doubled (""), as other programs save CSV'
        raise UserError(f"{file.path}:{begins}: not valid CSV: {said}{advice}") from None


def _lines(text: str, ends: Counter[str]) -> Iterator[str]:
    """Yield lines with their ends, and note in `ends` whether the latest ended in a carriage return and a newline."""
    for line in _LINE.finditer(text):
        ends["\r\n"] = line[0].endswith("\r\n")
        yield line[0]


# ------------------------------------------------------------------------------------------------------- quotes between tabs


def judge(file: Delimited) -> tuple[Quotes, bool]:
    """Tell whether quotes in a file of tabs are CSV's or data, and whether only that can be.

    They are data if a cell has one where CSV would not; CSV's if that alone makes the rows equally wide, or if each quoted
    cell is as CSV would have it.

    Raises:
        UserError: lines differ in width, and as CSV a cell would hold tabs and line ends: it may have swallowed rows.
    """
    plain = [(number, cells) for number, cells in _plain_rows(file) if not is_blank(cells)]
    widths = Counter(len(cells) for _, cells in plain)
    quoted = [cell for _, cells in plain for cell in cells if '"' in cell]
    if len(widths) == 1:
        return ("csv", False) if all(map(_QUOTED.fullmatch, quoted)) else ("none", True)
    if any(_stray(cell) for cell in quoted):
        return "none", True
    try:
        rows = [row for row in _csv_rows(file) if not is_blank(row[1])]
    except UserError:
        return "none", True
    if len({len(cells) for _, cells in rows}) != 1:
        return "none", True
    for line, cells in rows:
        if any("\n" in cell and file.delimiter in cell for cell in cells):
            width = len(plain[0][1])
            ragged = next((row for row in plain if row[0] >= line and len(row[1]) != width), plain[0])
            raise UserError(
                f"{file.path}:{ragged[0]}: {len(ragged[1])} columns, expected {width} as in the first row; within quotes "
                f"it would be part of a cell of several lines with tabs, from line {line}; mend the line, or say {BOTH}"
            )
    return "csv", True


def _stray(cell: str) -> bool:
    """Whether a quote stands within a cell, where CSV would have quoted the cell and doubled the quote."""
    return '"' in cell.replace('""', "").removeprefix('"').removesuffix('"')


def settle(files: Sequence[Delimited]) -> tuple[Quotes, str | None]:
    """Tell for all files of a dataset whether quotes between tabs are CSV's or data, with a note where there are any.

    Raises:
        UserError: as `judge`; or one file can only be read in one way, another in the other.
    """
    told = [(file.path, *judge(file)) for file in files if file.delimiter == "\t" and '"' in file.text]
    sure: dict[Quotes, Path] = {quotes: path for path, quotes, only in told if only}
    if len(sure) > 1:
        raise UserError(
            f"{sure['none']} has quotes that are data, {sure['csv']} quotes around cells as in CSV; expected one manner "
            f"in all files of a dataset; say {BOTH}"
        )
    if not told:
        return "auto", None
    quotes: Quotes = next(iter(sure), "csv")
    names = ", ".join(path.name for path, *_ in told)
    what = "data" if quotes == "none" else "around cells as in CSV, and no part of them"
    other = "csv" if quotes == "none" else "none"
    return quotes, f"{names}: quotes between tabs are taken to be {what}; quotes: {other} would force the other reading"


# --------------------------------------------------------------------------------------------------- quotes between commas


def _checked(file: Delimited, rows: list[Row]) -> list[Row]:
    """Refuse a cell of several lines that look like rows: a quote that is data may have opened it.

    A line looks like a row if it is as wide and holds, in one of its columns, a value that rows of one line hold there.

    Raises:
        UserError: there is such a cell.
    """
    ends = [row[0] for row in rows[1:]] + [file.first + file.text.removesuffix("\n").count("\n") + 1]
    several = [(row, end) for row, end in zip(rows, ends, strict=True) if end - row[0] > 1 and not is_blank(row[1])]
    if not several:
        return rows
    lines, width = file.text.split("\n"), next(len(cells) for _, cells in rows if not is_blank(cells))
    known: list[set[str]] | None = None
    for (begins, _), end in several:
        inside = lines[begins - file.first : end - file.first]
        wide = [cells for cells in (line.rstrip("\r").split(file.delimiter) for line in inside) if len(cells) == width]
        if len(wide) < 2:
            continue
        if known is None:
            known = _values(rows, ends, width)
        for column, there in enumerate(known):
            if sum(cells[column] in there for cells in wide) > 1:
                raise UserError(
                    f"{file.path}:{begins}: a quoted cell runs over lines {begins} to {end - 1}, and these look like rows of "
                    f"their own; say {BOTH}"
                )
    return rows


def _values(rows: Sequence[Row], ends: Sequence[int], width: int) -> list[set[str]]:
    """Return what stands in each column of the rows of one line, but for the header."""
    single = [row[1] for row, end in zip(rows[1:], ends[1:], strict=True) if end - row[0] == 1 and len(row[1]) == width]
    return [{cells[column] for cells in single} - {""} for column in range(width)]
