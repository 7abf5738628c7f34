"""SentiPers, Persian product reviews by sentence (Hosseini et al. 2018, https://arxiv.org/abs/1801.07737), in MetaXL's splits.

The corpus is the first sheet of `sentipers.xlsx`, one sentence a row. Its first row names the columns: the sentence is in
`text` (or `sentence`, `review`, `comment`), its polarity in `polarity` (or `value`, `label`); other columns are not read. A
sheet without names has two columns, sentence and polarity. Polarity is a whole number, as a number or as text (`+1`):

| polarity | label |
|---|---|
| −2, −1 | negative |
| 0 | dropped: neutral |
| 1, 2 | positive |

Which rows make up train, dev and test says MetaXL's `data_index.txt` (`metaxl_index`): 100, 1,000 and 1,000 examples. `split:
published` takes them as they are, `split: clean` without training rows that also stand in dev or test and dev rows that
also stand in test: same text, blanks around it aside. Examples that share a text within a split stay in both, as published.

An id is `sentipers-fa-<row>`, the row's place in the sheet from 0, whatever the split; its second use in a split gets `-2`.
"""

import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import sha256_file
from pipeline.data.arrange import DUPLICATE, Read, load_splits
from pipeline.data.formats.metaxl_index import NAME, row_numbers
from pipeline.data.schema import Loaded, task_table

TASK = "sentiment"
LABEL = {-2: "negative", -1: "negative", 0: None, 1: "positive", 2: "positive"}
VARIANTS = ("published", "clean")
TEXT_COLUMNS = ("text", "sentence", "review", "comment")  # the first that is there counts
POLARITY_COLUMNS = ("polarity", "value", "label")

GONE = "no longer in the corpus (None in the index)"
NEUTRAL = "neutral"
EMPTY = "empty text"
NO_TEXT = "a formula, date, truth value or error in place of text"
LEAKED = {"train": DUPLICATE, "dev": "also in test"}
_LATER = {"train": ("dev", "test"), "dev": ("test",), "test": ()}
_WHOLE = re.compile(r"[+-]?\d(\.0*)?")


@dataclass(frozen=True)
class Row:
    """A row of the sheet.

    Attributes:
        text: the sentence, without blanks around it.
        polarity: −2 to 2; `None` in a row that is empty.
        fault: why the row cannot be used, or `None`.
    """

    text: str
    polarity: int | None
    fault: str | None = None


def read_files(files: Sequence[Path], language: str, split: str, spec: Mapping[str, Any]) -> Read:
    """Read one split: `files` are the workbook and MetaXL's index.

    Raises:
        UserError: a file is malformed, the index names a row that the sheet lacks, or no row is left.
    """
    book, index = pick(files, ".xlsx"), pick(files, ".txt")
    variant = str(spec.get("split", "published"))
    if variant not in VARIANTS:
        raise UserError(f"split: {variant!r}{nearest(variant, VARIANTS)}")
    rows = read_rows(book)
    kept, dropped = _published(rows, index, split)
    if variant == "clean":
        later = {rows[number].text for other in _LATER[split] for number in _published(rows, index, other)[0]}
        clean = [number for number in kept if rows[number].text not in later]
        dropped[LEAKED.get(split, "")] += len(kept) - len(clean)
        kept = clean
    if not kept:
        reasons = ", ".join(f"{reason}: {n}" for reason, n in (+dropped).items())
        raise UserError(f"{book}: no {split} row of {index.name} is left ({reasons or 'its list is empty'})")
    return Read(task_table(TASK, language, _named(rows, kept, language)), dict(+dropped))


def load(spec: Mapping[str, Any], raw: Path | None = None) -> Loaded:
    """Read the downloaded corpus into MetaXL's train, dev and test.

    Args:
        spec: `language`, `split` (`published` or `clean`) and what shapes the splits.
        raw: the download's manifest.

    Raises:
        UserError: nothing is downloaded, or a file is malformed.
    """
    return load_splits(spec, raw, TASK, read_files)


def pick(files: Sequence[Path], ending: str) -> Path:
    """Return the one of a split's files with this ending.

    Raises:
        UserError: there is none.
    """
    for path in files:
        if path.suffix == ending:
            return path
    wanted = "sentipers.xlsx" if ending == ".xlsx" else NAME
    raise UserError(f"no {wanted} among {', '.join(str(path) for path in files) or 'no files'}; download again")


def _published(rows: Sequence[Row], index: Path, split: str) -> tuple[list[int], Counter[str]]:
    """Return the numbers of a split's usable rows, in MetaXL's order, and how many were dropped for which reason."""
    kept: list[int] = []
    dropped: Counter[str] = Counter()
    for place, number in enumerate(row_numbers(index, split)):
        if number is None:
            dropped[GONE] += 1
        elif number >= len(rows):
            raise UserError(
                f"{index}: entry {place} of {split} is row {number}, but the sheet's last row is {len(rows) - 1}"
            )
        elif rows[number].fault or rows[number].polarity == 0:
            dropped[rows[number].fault or NEUTRAL] += 1
        else:
            kept.append(number)
    return kept, dropped


def _named(rows: Sequence[Row], numbers: Sequence[int], language: str) -> Iterator[tuple[str, str, str]]:
    """Yield id, text and label; a row that occurs again gets an id of its own."""
    seen: Counter[int] = Counter()
    for number in numbers:
        seen[number] += 1
        again = f"-{seen[number]}" if seen[number] > 1 else ""
        yield f"sentipers-{language}-{number}{again}", rows[number].text, str(LABEL[rows[number].polarity or 0])


# -------------------------------------------------------------------------------------------------------------- the sheet


@dataclass(frozen=True)
class _File:
    """A workbook known by its content, so that the copies kept for three splits are read once."""

    sha256: str
    path: Path = field(compare=False)


def read_rows(path: Path) -> tuple[Row, ...]:
    """Read the sheet's rows; empty ones count as rows, except after the last.

    Raises:
        UserError: no such file, not a workbook, unknown columns, or a polarity that is none (names the row).
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected SentiPers as sentipers.xlsx")
    return _read_once(_File(sha256_file(path), path))


@lru_cache(maxsize=2)
def _read_once(file: _File) -> tuple[Row, ...]:
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        return tuple(_rows(file.path, _sheet(file.path)))
    except (InvalidFileException, zipfile.BadZipFile, zlib.error, EOFError, ParseError, KeyError, ValueError) as error:
        raise UserError(f"{file.path}: not a whole Excel workbook (truncated, or an old .xls?): {error}") from None


def _sheet(path: Path) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield the first sheet's rows as Excel numbers them, from 1; a row that is not empty comes first."""
    from openpyxl import load_workbook

    book = load_workbook(path, read_only=True)
    try:
        if not book.worksheets:
            raise UserError(f"{path}: the workbook has no sheet")
        sheet: Any = book.worksheets[0]
        sheet.reset_dimensions()  # the size a file states may be wrong, and would cut rows off
        begun = False
        for number, cells in enumerate(sheet.iter_rows(), start=1):
            begun = begun or any(cell.value is not None for cell in cells)
            if begun:
                yield number, cells
    finally:
        book.close()


def _rows(path: Path, numbered: Iterator[tuple[int, Sequence[Any]]]) -> list[Row]:
    first = next(numbered, None)
    if first is None:
        raise UserError(f"{path}: the sheet is empty; expected columns {TEXT_COLUMNS[0]} and {POLARITY_COLUMNS[0]}")
    columns = _columns(path, first[1])
    rows = [] if columns else [_row(path, *first, (0, 1))]
    length = len(rows)
    for number, cells in numbered:
        rows.append(_row(path, number, cells, columns or (0, 1)))
        if any(cell.value is not None for cell in cells):
            length = len(rows)
    return rows[:length]


def _columns(path: Path, cells: Sequence[Any]) -> tuple[int, int] | None:
    """Find text and polarity by the names in the first row; `None` where that row is a sentence and its polarity."""
    values = [cell.value for cell in cells]
    filled = [value for value in values if value is not None]
    if len(filled) == 2 and values[:2] == filled and isinstance(filled[0], str) and _polarity(filled[1]) is not None:
        return None
    names = [str(value).strip().casefold() if value is not None else "" for value in values]
    found = []
    for wanted in (TEXT_COLUMNS, POLARITY_COLUMNS):
        name = next((name for name in wanted if name in names), None)
        if name is None or names.count(name) > 1:
            lack = "no column" if name is None else f"several columns {name!r}, expected one column"
            shown = ", ".join(str(value)[:40] for value in filled)
            raise UserError(f"{path}: {lack} called {' or '.join(wanted)}; the first row holds {shown}")
        found.append(names.index(name))
    return found[0], found[1]


def _row(path: Path, number: int, cells: Sequence[Any], columns: tuple[int, int]) -> Row:
    """Read one row; `number` is Excel's."""
    text, polarity = (cells[column] if column < len(cells) else None for column in columns)
    value = None if polarity is None else polarity.value
    words, fault = _text(text)
    if fault == EMPTY and value is None:
        return Row("", None, EMPTY)
    found = None if polarity is not None and polarity.data_type == "f" else _polarity(value)
    if found is None:
        raise UserError(f"{path}: row {number}: polarity {value!r}; expected a whole number from -2 to 2")
    return Row(words, found, fault)


def _text(cell: Any) -> tuple[str, str | None]:
    """Return a cell's text and what is wrong with it."""
    if cell is None or cell.value is None:
        return "", EMPTY
    number = isinstance(cell.value, (int, float)) and not isinstance(cell.value, bool)
    if cell.data_type in ("f", "e") or not (number or isinstance(cell.value, str)):
        return "", NO_TEXT
    words = str(cell.value).strip()
    return words, None if words else EMPTY


def _polarity(value: Any) -> int | None:
    """Return −2 … 2, from a number or from text such as `+1` or `−1.0`; `None` if it is none of them."""
    if isinstance(value, str):
        text = value.strip().replace("\N{MINUS SIGN}", "-")
        value = float(text) if _WHOLE.fullmatch(text) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value not in LABEL:
        return None
    return int(value)
