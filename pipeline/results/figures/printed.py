"""Score tables as a page prints them: Markdown of `pipeline.results.tables.render`, read back into numbers.

A score table is a pipe table right under its caption, `… (×100): mean ± standard deviation over n = 3 seeds. …`; the paragraph
after it may say what it is compared with, `Difference from joint, 95 % t-interval over seeds, p:`. All else on a page is
prose: tables without such a caption, and what stands between code fences.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import read_stripped_lines

KEY = "metalingua-table"
"""What a picture calls the digest of the table it was drawn from."""

EXPECTED = "a Markdown page with a score table, as snakemake writes them to results/tables/<name>.md"
ANEW = "copy the table anew from results/tables/<name>.md"
MEASURE = re.compile(
    r"(?:(?P<title>.*[.?!]) )?(?P<metric>\S.*?) \(×100\): "
    r"(?P<measure>mean(?: ± standard deviation)? over n = \d+ seeds?(?: \(in parentheses [^)]*\))?)\."
)
DIFFERENCE = re.compile(r"Difference from (.+), 95 % t-interval over seeds, p:")
ROW = re.compile(r"\|(?:(?:\\.|[^|\\])*\|)+")
CELL = re.compile(r"((?:\\.|[^|\\])*)\|")
RULE = re.compile(r"\|(?:\s*:?-+:?\s*\|)+")
SCORE = re.compile(
    r"(?:(?P<bold>\*\*)|(?P<tied><u>))?(?P<mean>\d+(?:\.\d+)?)(?(bold)\*\*)(?(tied)</u>)"
    r"(?: ± (?P<sd>\d+(?:\.\d+)?))?(?: \((?P<n>\d+)\))?"
    r"(?P<sign>†|\\\*)?(?: \[(?P<notes>[a-z]+(?:,[a-z]+)*)\])?"
)
EMPTY = re.compile(r"[-–—−]? ?(?:\[(?P<notes>[a-z]+(?:,[a-z]+)*)\])?")
FENCES = ("```", "~~~")


@dataclass(frozen=True)
class TableText:
    """A score table on a page, as it stands there.

    Attributes:
        page: its file.
        line: the table's first line, from 1.
        caption: the paragraph above it, in one line.
        lines: the table's, without the blanks around them.
        difference: the paragraph below it where it names a baseline, else empty.
    """

    page: Path
    line: int
    caption: str
    lines: tuple[str, ...]
    difference: str = ""

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of all that a picture of the table shows."""
        return hashlib.sha256("\n\n".join([self.caption, "\n".join(self.lines), self.difference]).encode()).hexdigest()


@dataclass(frozen=True)
class PrintedCell:
    """One cell, in points (scores ×100) as printed.

    Attributes:
        mean: over seeds; `None` where the cell is empty.
        sd: standard deviation over seeds; `None` where it is not printed.
        n: the number of seeds where it is not the table's usual one.
        best: whether the mean is bold.
        tied: whether it is underlined.
        significant: whether it has the star.
        notes: the letters of its footnotes, `a,b`.
    """

    mean: float | None = None
    sd: float | None = None
    n: int | None = None
    best: bool = False
    tied: bool = False
    significant: bool = False
    notes: str = ""


@dataclass(frozen=True)
class PrintedTable:
    """A score table read from a page.

    Attributes:
        title: the caption up to the measure, without its full stop; may be empty.
        metric: the score's name in words.
        measure: what a cell shows, `mean ± standard deviation over n = 3 seeds`.
        rows: the labels of the methods, in order.
        columns: the labels of the columns, in order.
        cells: a list for each row, a cell for each column.
        compared: the text of the method that others are compared with; empty where there is none.
        baseline: the place of its row; `None` where there is none, or where it is split into several, each a baseline of its own.
    """

    title: str
    metric: str
    measure: str
    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[PrintedCell]]
    compared: str
    baseline: int | None


def drawn_from(picture: Path) -> str | None:
    """Return the digest of the table that a PNG or PDF was drawn from; `None` where it carries none."""
    found = re.search(rb"%b[\0 ]([0-9a-f]{64})" % KEY.encode(), picture.read_bytes())
    return found[1].decode() if found else None


# ------------------------------------------------------------------------------------------------------- where they stand


def find_tables(page: Path) -> list[TableText]:
    """Return a page's score tables, in order.

    Raises:
        UserError: no such page, not UTF-8, or no score table on it.
    """
    blocks = list(blocks_of(read_stripped_lines(page, EXPECTED)))
    found = []
    for i, (line, lines) in enumerate(blocks[1:], 1):
        caption = " ".join(blocks[i - 1][1])
        if lines[0].startswith("|") and MEASURE.match(unescape(caption)):
            after = " ".join(blocks[i + 1][1]) if i + 1 < len(blocks) else ""
            difference = after if DIFFERENCE.fullmatch(after) else ""
            found.append(TableText(page, line, caption, tuple(lines), difference))
    if not found:
        raise UserError(
            f"{page}: no score table; expected {EXPECTED}: a caption with its measure, "
            "'… (×100): mean ± standard deviation over n = 3 seeds.', and right under it a table"
        )
    return found


def blocks_of(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield what blank lines part, with the number of the first line; a table begins a block; of fenced code the fence alone."""
    block: list[str] = []
    fence = ""
    for number, line in enumerate([*lines, ""], 1):
        fenced = bool(fence)
        opens = not fenced and line.startswith(FENCES)
        table = line.startswith("|") and not (block and block[0].startswith("|"))
        if block and (opens or table or not line):
            yield number - len(block), block
            block = []
        if opens:
            fence = line[:3]
            yield number, [line]
        elif fenced:
            fence = "" if line.startswith(fence) else fence
        elif line:
            block.append(line)


def unescape(text: str) -> str:
    """Undo `pipeline.results.tables.render.escape`."""
    return re.sub(r"\\([\\|*`])", r"\1", text.replace("&lt;", "<"))


# ------------------------------------------------------------------------------------------------------ what they say


def read_table(text: TableText) -> PrintedTable:
    """Read a table's numbers.

    Raises:
        UserError: a row has not as many cells as the head, a cell is no score, there is no score at all, or no row is
            called what the table is compared with; names file and line.
    """
    said = MEASURE.match(unescape(text.caption))
    assert said is not None
    head = split(text, 0)
    if len(text.lines) < 3 or not RULE.fullmatch(text.lines[1]) or len(split(text, 1)) != len(head) or len(head) < 2:
        raise UserError(
            f"{text.page}:{text.line}: expected a head of two cells or more, a line |:---|---:| of as many, and rows; {ANEW}"
        )
    body = [split(text, i) for i in range(2, len(text.lines))]
    for i, row in enumerate(body, 2):
        if len(row) != len(head):
            raise UserError(f"{text.page}:{text.line + i}: {len(row)} cells, where the head has {len(head)}; {ANEW}")
    labels = [unescape(row[0]) for row in body]
    columns = [unescape(label) for label in head[1:]]
    cells = [
        [
            read_cell(cell, f"{text.page}:{text.line + i}: {label}, {column}")
            for cell, column in zip(row[1:], columns, strict=True)
        ]
        for i, (label, row) in enumerate(zip(labels, body, strict=True), 2)
    ]
    if all(cell.mean is None for row in cells for cell in row):
        raise UserError(f"{text.page}:{text.line}: every cell is empty; run snakemake for the scores, then {ANEW}")
    named = DIFFERENCE.fullmatch(text.difference)
    compared = unescape(named[1]) if named else ""
    return PrintedTable(
        title=(said["title"] or "").removesuffix("."),
        metric=said["metric"],
        measure=said["measure"],
        rows=labels,
        columns=columns,
        cells=cells,
        compared=compared,
        baseline=baseline_of(text, labels, compared) if compared else None,
    )


def split(text: TableText, i: int) -> list[str]:
    """Return the cells of a table's line, without the blanks around them.

    Raises:
        UserError: the line is no row of a table.
    """
    line = text.lines[i]
    if not ROW.fullmatch(line):
        raise UserError(
            f"{text.page}:{text.line + i}: expected a row of the table above, from | to |, or a blank line after it; {ANEW}"
        )
    return [cell.strip() for cell in CELL.findall(line[1:])]


def read_cell(text: str, place: str) -> PrintedCell:
    """Read one cell.

    Args:
        text: as it is printed: `**65.8** ± 0.7 (2)† [a]`, `68.8`, `[a]`, a dash or nothing.
        place: file, line, row and column, for the error.

    Raises:
        UserError: it is no score.
    """
    if empty := EMPTY.fullmatch(text):
        return PrintedCell(notes=empty["notes"] or "")
    found = SCORE.fullmatch(text)
    if found is None or not 0 <= float(found["mean"]) <= 100:
        raise UserError(
            f"{place}: {text!r} is no score; expected one from 0 to 100 such as '**65.8** ± 0.7†' or '68.8 [a]', "
            f"or an empty cell; {ANEW}"
        )
    return PrintedCell(
        mean=float(found["mean"]),
        sd=None if found["sd"] is None else float(found["sd"]),
        n=None if found["n"] is None else int(found["n"]),
        best=found["bold"] is not None,
        tied=found["tied"] is not None,
        significant=found["sign"] == "\\*",
        notes=found["notes"] or "",
    )


def baseline_of(text: TableText, labels: Sequence[str], name: str) -> int | None:
    """Return the place of the baseline's row, or `None` where it is split by settings: `joint (target_size 100)`, ….

    Raises:
        UserError: there is no such row.
    """
    places = [i for i, label in enumerate(labels) if label == name]
    places = places or [i for i, label in enumerate(labels) if label.startswith(f"{name} (")]
    if not places:
        raise UserError(
            f"{text.page}:{text.line}: the differences below the table are from {name!r}, but no row is called so "
            f"({ANEW}){nearest(name, labels)}"
        )
    return places[0] if len(places) == 1 else None
