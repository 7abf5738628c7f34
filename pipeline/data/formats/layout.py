"""How a CoNLL file is laid out: what separates its columns, how many there are, whether its first line names them.

All of it is told from lines of tokens, not from comments. Which columns are read is told in `columns`.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.data.formats.columns import Columns, Known, Picks, names_tags, of_sentences, usual_names
from pipeline.data.formats.tags import looks_like_tag

DOCUMENT_MARK = "-DOCSTART-"
LONGEST = 500
"""So many tokens without a blank line are no sentence."""

_BLANK = re.compile(r"[\s\u200b\u2060\ufeff]*")
_WHITE = re.compile(r"[ \t]+")
_PLAIN_NAME = re.compile(r"#?|[^\W\d_][\w #.-]*")
_GLOBAL = re.compile(r"#\s*global\.columns\s*=(.*)")


@dataclass(frozen=True)
class Layout:
    """How a file's lines are cut into columns, and which are read.

    Attributes:
        separator: a tab, or a blank for tabs and blanks in any number.
        width: how many columns there are.
        picks: which of them are read.
        header: the line of the columns' names; `None`: there is none.
    """

    separator: str
    width: int
    picks: Picks
    header: str | None = None


def is_blank(line: str) -> bool:
    """Tell whether a line holds nothing that can be seen."""
    return _BLANK.fullmatch(line) is not None


def split_line(line: str, separator: str) -> list[str]:
    """Return a line's cells."""
    return line.split("\t") if separator == "\t" else _WHITE.split(line.strip(" \t"))


def core_width(cells: Sequence[str]) -> int:
    """Return how many cells there are, without blank ones at the end."""
    if cells[-1].strip():
        return len(cells)
    return next((at for at in range(len(cells), 0, -1) if cells[at - 1].strip()), 0)


def lay_out(path: Path, lines: Sequence[str], tokens: str | None, tags: str | None, known: Known) -> Layout:
    """Find out how a file is laid out.

    Args:
        path: the file, for messages.
        lines: all its lines.
        tokens: number of the tokens' column from 0, or its name; `None`: found, or the first.
        tags: number of the tags' column, its name, or the name of a feature in the last; `None`: found, or the last.
        known: tells whether a text is a tag.

    Raises:
        UserError: there are no tokens, or one column only; a named column is not there, or those not named could be several.
    """
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if not is_blank(line)]
    bodies = [(n, line) for n, line in numbered if not line.startswith(("#", DOCUMENT_MARK))]
    if not bodies:  # the tokens may be # alone
        bodies = [(n, line) for n, line in numbered if line[0] == "#" and known(_WHITE.split(line.strip())[-1])]
    if not bodies:
        raise UserError(f"{path}: holds no sentences; expected a token and its tag a line")
    separator, width = _separator([line for _, line in bodies], len if known("") else core_width)
    if width < 2:
        raise UserError(f"{path}:{bodies[0][0]}: one column, expected a token and its tag; does the file bear no tags?")
    split = [(line, split_line(line, separator)) for _, line in bodies]
    rows = [(line, cells[:width]) for line, cells in split if len(cells) >= width >= core_width(cells)]
    names: Sequence[str] = []
    header: str | None = None
    first, cells = split[0]
    if _is_header(cells, [row for line, row in rows if line != first], known):
        header, names = first, [cell.strip() for cell in cells[:width] if len(cells) >= width >= core_width(cells)]
        rows = [row for row in rows if row[0] != first]
    elif declared := next((found for line in lines if (found := _GLOBAL.match(line))), None):
        names = declared[1].split()[:width]
    if not rows:
        raise UserError(f"{path}: holds no sentences below its header; expected a token and its tag a line")
    _check_sentences(path, lines, names, len(rows))
    picks = Columns(path, [row for _, row in rows], names, known).picks(tokens, tags)
    return Layout(separator, width, picks, header)


def _separator(lines: Sequence[str], measure: Callable[[Sequence[str]], int]) -> tuple[str, int]:
    """Return what parts the columns of most lines into equally many, and how many those are by `measure`."""
    best = ("\t", 0, 0)
    for separator in ("\t", " ") if any("\t" in line for line in lines) else (" ",):
        widths = Counter(measure(split_line(line, separator)) for line in lines)
        width, times = max(widths.items(), key=lambda found: (found[1], found[0] >= 2))
        fits = times if width >= 2 else 0
        if best[1] == 0 or fits > best[2]:
            best = (separator, width, fits)
        if fits == len(lines):
            break
    return best[0], best[1]


def _is_header(cells: Sequence[str], others: Sequence[Sequence[str]], known: Known) -> bool:
    """Tell whether a file's first line names its columns: at least one has a usual name, and none holds a tag."""
    names = [cell.strip() for cell in cells]
    usual = usual_names(names)
    if (
        not usual
        or not all(map(_PLAIN_NAME.fullmatch, names))
        or any(map(known, names))
        or any(map(looks_like_tag, names))
    ):
        return False
    if any(row[-1].strip() == names[-1] for row in others if len(row) == len(cells)):
        return False
    return names_tags(names[-1]) or usual >= 2


def _check_sentences(path: Path, lines: Sequence[str], names: Sequence[str], rows: int) -> None:
    """Refuse a table of one token a row, whose sentences no blank line parts."""
    if any(is_blank(line) or line.startswith(DOCUMENT_MARK) for line in lines[:-1]):
        return
    column = of_sentences(names)
    if column is not None or rows > LONGEST:
        told = f"columns: {{sentence: {column or 'NAME'}}} in a CSV or TSV with a header"
        raise UserError(
            f"{path}: {rows:,} tokens and no blank line between sentences; expected one after each, or a column that tells the "
            f"sentence, {told}"
        )
