"""MetaXL's published splits of SentiPers and Sentiraama (Xia et al. 2021, https://aclanthology.org/2021.naacl-main.42).

`data_index.txt`, published with MetaXL's code, has under a heading for each split one list (SentiPers: row numbers) or two
(Sentiraama: line numbers, then the file of each). A number is the place, from 0, of the first row or line that holds the
example's text; a text that is not there any more is `None`, and a text that several examples share gives its number to each.

    # fa train index
    [12, None, 7]

    # tir train index and file
    [4, 1]
    ['product_pos.txt', 'product_neg.txt']

The file is read as text: lists are parsed as literals, nothing is executed.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import read_stripped_lines

NAME = "data_index.txt"
_TITLES = {"fa": "# fa {split} index", "te": "# tir {split} index and file"}  # Telugu is called `tir` there
_HEADING = re.compile(r"#\s*(.*?)\s*")

Section = list[tuple[int, list[Any]]]  # each list with its line number


def find_index(folder: Path) -> Path | None:
    """Find `data_index.txt` in a dataset's folder, in its `data/`, or in `metaxl/` beside or below it."""
    places = (folder, folder / "data", folder.parent / "metaxl", folder / "metaxl")
    return next((place / NAME for place in places if (place / NAME).is_file()), None)


def row_numbers(path: Path, split: str) -> list[int | None]:
    """Return the row of each of MetaXL's SentiPers examples; `None` where the corpus has it no more.

    Raises:
        UserError: the file is missing or malformed (names the line), or has no such split.
    """
    ((line, entries),) = _section(path, "fa", split, lists=1)
    return [None if entry is None else _number(path, line, place, entry) for place, entry in enumerate(entries)]


def line_numbers(path: Path, split: str, files: Sequence[str]) -> list[tuple[int, str]]:
    """Return the line, from 0, and the file, one of `files`, of each of MetaXL's Sentiraama examples.

    Raises:
        UserError: the file is missing or malformed (names the line), has no such split, or names another file.
    """
    (line, numbers), (below, names) = _section(path, "te", split, lists=2)
    if len(numbers) != len(names):
        raise UserError(
            f"{path}:{below}: {len(names)} files for the {len(numbers)} lines of line {line}; expected as many"
        )
    for place, name in enumerate(names):
        if name not in files:
            raise UserError(f"{path}:{below}: entry {place} is {name!r}{nearest(str(name), files)}")
    return [(_number(path, line, place, n), name) for place, (n, name) in enumerate(zip(numbers, names, strict=True))]


def _section(path: Path, language: str, split: str, lists: int) -> Section:
    """Return the lists below the heading of a language's split."""
    sections = _sections(path)
    title = _TITLES[language].format(split=split)
    if title not in sections:
        raise UserError(f"{path}: no heading {title!r}{nearest(title, sections)}")
    found = sections[title]
    if len(found) != lists:
        raise UserError(f"{path}: {len(found)} lists below {title!r}, expected {lists}")
    return found


def _sections(path: Path) -> Mapping[str, Section]:
    """Read the whole file: its lists by heading."""
    sections: dict[str, Section] = {}
    title = None
    for number, line in enumerate(read_stripped_lines(path, f"MetaXL's {NAME}"), start=1):
        if heading := _HEADING.fullmatch(line):
            title = f"# {' '.join(heading[1].split())}"
            if title in sections:
                raise UserError(f"{path}:{number}: the heading {title!r} stands here a second time")
            sections[title] = []
        elif title is not None and line:
            sections[title].append((number, _list(path, number, line)))
        elif line:
            raise UserError(
                f"{path}:{number}: {line[:40]!r} stands below no heading; expected {_TITLES['fa']!r} or the like"
            )
    return sections


def _list(path: Path, number: int, line: str) -> list[Any]:
    """Parse one line as a list of literals."""
    try:
        found = ast.literal_eval(line)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        found = None
    if not isinstance(found, list):
        shown = line if len(line) <= 60 else f"{line[:40]} … {line[-15:]}"
        raise UserError(f"{path}:{number}: {shown!r}; expected a heading or one whole list such as [12, None, 7]")
    return found


def _number(path: Path, line: int, place: int, entry: Any) -> int:
    if isinstance(entry, bool) or not isinstance(entry, int) or entry < 0:
        raise UserError(f"{path}:{line}: entry {place} is {entry!r}; expected a number from 0")
    return entry
