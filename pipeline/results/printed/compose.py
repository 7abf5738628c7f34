"""A table in a paper's own order: in each cell our score, the published one, and their difference."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import parse_keys
from pipeline.results.printed.published import Line, Published
from pipeline.results.printed.views import Lines, Ours, look_up

KEYS = ("paper", "number", "title", "notes", "demo", "show", "stub", "columns", "rows")


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        text: of a column of texts; empty where it holds scores.
        ours: our score; `None` where there is none to be had.
        published: the number as it is printed, or recomputed (`recomputed`).
        value: the same as a number.
        line: the line of `scores.csv`.
        gain: whether the numbers are differences within the table, and bear a sign.
        notes: what is to be known of it.
        part: what the paper's file says of it.
    """

    text: str = ""
    ours: Ours | None = None
    published: str = ""
    value: float | None = None
    line: Line | None = None
    gain: bool = False
    notes: tuple[str, ...] = ()
    part: Mapping[str, Any] | None = None

    @property
    def mean(self) -> float | None:
        """Our score ×100."""
        return self.ours.mean if self.ours else None

    @property
    def difference(self) -> float | None:
        """Ours less the published."""
        return None if self.mean is None or self.value is None else self.mean - self.value


@dataclass(frozen=True)
class Row:
    """A row: its texts and cells, or a heading."""

    labels: Sequence[str] = ()
    cells: Sequence[Cell] = ()
    heading: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Printed:
    """A table ready to be written.

    Attributes:
        name: its files' name.
        spec: the description it was made of.
        rows: in order.
        citation: of the paper.
        absent: published numbers of this table that no cell shows.
    """

    name: str
    spec: Mapping[str, Any]
    rows: Sequence[Row]
    citation: Mapping[str, str]
    absent: Sequence[Line]

    @property
    def heads(self) -> list[list[str]]:
        """The columns' heads."""
        return [list(column["head"]) for column in self.spec["columns"]]

    @property
    def cells(self) -> list[Cell]:
        """All cells, row by row."""
        return [cell for row in self.rows for cell in row.cells]

    @property
    def views(self) -> list[str]:
        """The tables of the config that cells are from."""
        return list(dict.fromkeys(c.part["view"] for c in self.cells if c.part and c.part["view"]))


def read_spec(text: str) -> dict[str, Any]:
    """Read a table's description from JSON (`grid.papers.printed_spec`).

    Raises:
        UserError: it is not JSON, or a key is missing or unknown.
    """
    return parse_keys(text, KEYS, "--spec")


def views_of(spec: Mapping[str, Any]) -> list[str]:
    """Return the tables of the config that a printed table is put together from."""
    parts = [cell for row in spec["rows"] for cell in row.get("cells", ())]
    return list(dict.fromkeys(part["view"] for part in parts if part.get("view") and not part["not_run"]))


def compose(name: str, spec: Mapping[str, Any], views: Mapping[str, Lines], published: Published) -> Printed:
    """Put a table together.

    Raises:
        UserError: a cell is not told from others, or a gain names no row or column.
    """
    rows = [
        Row(heading=row["heading"])
        if "heading" in row
        else Row(row["labels"], [_cell(part, views, published) for part in row["cells"]], name=row["name"])
        for row in spec["rows"]
    ]
    rows = [_with_gains(row, given, rows, spec) for row, given in zip(rows, spec["rows"], strict=True)]
    seen = {id(cell.line) for row in rows for cell in row.cells if cell.line is not None}
    absent = [line for line in published.lines if id(line) not in seen]
    return Printed(name, spec, rows, published.citation, absent)


def _cell(part: Mapping[str, Any], views: Mapping[str, Lines], published: Published) -> Cell:
    if "text" in part:
        return Cell(text=part["text"])
    if "gain" in part:
        return Cell(gain=True)
    cell = _with_published(Cell(part=part, notes=(part["note"],) if part["note"] else ()), part, published)
    if part["not_run"] and not cell.published:
        return cell
    if part["not_run"]:
        return replace(cell, notes=(*cell.notes, f"not run: {part['not_run']}"))
    if not part["view"]:
        return replace(cell, notes=(*cell.notes, "not run: no experiment of the config is of this cell"))
    ours = look_up(views, part)
    reason = () if not ours.reason or (ours.mean is None and not cell.published) else (ours.reason,)
    return replace(cell, ours=ours, notes=(*cell.notes, *reason))


def _with_published(cell: Cell, part: Mapping[str, Any], published: Published) -> Cell:
    line = published.find(part["published"]) if part["published"] else None
    if line is None:
        return cell
    told = published.contradiction(line)
    notes = (*cell.notes, *([f"in the paper: {told}"] if told else []))
    value, text = float(line["value"]), line["value"]
    if part["over"]:
        languages = part["over"]
        mean = published.mean(line, languages)
        if mean is None:
            notes = (*notes, f"ours is the mean over {len(languages)} languages, the paper's over all of its columns")
        else:
            value, text = mean, f"{mean:.2f}"
            notes = (
                *notes,
                f"both means are over the {len(languages)} languages that ours has; the paper prints {line['value']}",
            )
    return replace(cell, published=text, value=value, line=line, notes=notes)


def _with_gains(row: Row, given: Mapping[str, Any], rows: Sequence[Row], spec: Mapping[str, Any]) -> Row:
    """Fill a row's columns of differences within the table."""
    names = [column["name"] for column in spec["columns"]]
    cells = list(row.cells)
    for at, part in enumerate(given.get("cells", ())):
        if "gain" in part:
            gain = part["gain"]
            column, over = (_index(gain[key], names) for key in ("column", "over"))
            own = gain["row"] is None or gain["row"] == row.name
            if own and column == over:  # nothing gains over itself
                continue
            first = row if own else _named(gain["row"], rows)
            cells[at] = _gain(first.cells[column], row.cells[over])
    return replace(row, cells=cells)


def _gain(first: Cell, second: Cell) -> Cell:
    value = None if first.value is None or second.value is None else first.value - second.value
    ours = None
    if first.ours and second.ours and first.mean is not None and second.mean is not None:
        ours = replace(first.ours, mean=first.mean - second.mean, sd=None, leads=False, tied=False, reason="")
    return Cell(ours=ours, published="" if value is None else f"{value:+.2f}", value=value, gain=True)


def _index(name: str, names: Sequence[str]) -> int:
    if name not in names:
        raise UserError(f"gain: no column is called {name!r}{nearest(name, names)}")
    return list(names).index(name)


def _named(name: str, rows: Iterable[Row]) -> Row:
    known = {row.name: row for row in rows if row.name}
    if name not in known:
        raise UserError(f"gain: no row is called {name!r}{nearest(name, known)}")
    return known[name]
