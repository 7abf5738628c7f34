"""A printed table as CSV, with every number behind it, and as Markdown."""

import csv
import io
from collections.abc import Sequence

from pipeline.results.printed.compose import Cell, Printed, Row
from pipeline.results.printed.words import (
    LINES,
    Notes,
    caption,
    labels,
    lines,
    notes,
    number_of,
    own_notes,
    remarks,
    shared,
    usual_n,
)
from pipeline.results.tables.render import FIGURE_SPACE, FILLER, escape, marks, pipe_table

CSV_COLUMNS = (
    *("paper", "table", "row", "column", "view", "method", "language", "dataset", "settings"),
    *("metric", "ours", "sd", "n", "leads", "tied", "published", "published_metric", "difference", "notes"),
)


def to_csv(table: Printed) -> str:
    """Return one line for each cell that holds scores; numbers ×100, ours unrounded."""
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    for row in table.rows:
        for head, cell in zip(table.heads, row.cells, strict=False):
            if cell.part is not None or cell.gain:
                writer.writerow({**_place(table, row, cell), "column": " ".join(head)})
    return out.getvalue()


def _place(table: Printed, row: Row, cell: Cell) -> dict[str, object]:
    part = cell.part or {}
    ours = cell.ours
    found = {
        **{"paper": table.spec["paper"], "table": table.spec["number"], "row": " ".join(filter(None, row.labels))},
        **{key: part.get(key) for key in ("view", "method", "language", "dataset")},
        "settings": "; ".join(f"{key}={value}" for key, value in part.get("settings", {}).items()),
        **({"metric": ours.metric, "ours": ours.mean, "sd": ours.sd, "n": ours.n or None} if ours else {}),
        **({"leads": int(ours.leads), "tied": int(ours.tied)} if ours and ours.n and not cell.gain else {}),
        "published": cell.published,
        "published_metric": cell.line["metric"] if cell.line else "",
        "difference": None if cell.difference is None else round(cell.difference, 6),
        "notes": "; ".join(cell.notes),
    }
    return {key: "" if value is None else value for key, value in found.items()}


def to_markdown(table: Printed) -> str:
    """Return the table with its caption above and its notes below; a line for each part of a row's cells."""
    numbers = notes(table)
    several = len(table.spec["show"]) > 1
    head = [*table.spec["stub"], *([""] if several else []), *(" ".join(filter(None, h)) for h in table.heads)]
    body = _in_line([line for row in table.rows for line in _lines(table, row, numbers, several)])
    grid = pipe_table([*map(escape, head)], body, len(head) - len(table.heads)).replace(FILLER, FIGURE_SPACE)
    under = [
        *map(escape, remarks(table, "Underlined")),
        *(escape(f"[{number}] {_sentence(note)}") for note, number in numbers.items()),
    ]
    return "\n\n".join([escape(" ".join(caption(table))), grid, *under]) + "\n"


def _sentence(note: str) -> str:
    return note if note.endswith(".") else f"{note}."


Text = tuple[str, str, int]
"""What stands before a cell's decimal point, the rest, and how wide the rest is on the page."""


def _in_line(lines: Sequence[tuple[Sequence[str], Sequence[Text]]]) -> list[list[str]]:
    """Write cells so that decimal points stand below each other where cells are set to the right."""
    columns = zip(*(cells for _, cells in lines), strict=True)
    widths = [max((width for _, _, width in column), default=0) for column in columns]
    return [[*stub, *(_written(cell, most) for cell, most in zip(cells, widths, strict=True))] for stub, cells in lines]


def _written(cell: Text, most: int) -> str:
    before, rest, width = cell
    return f"{before}{rest}{FILLER * (most - width)}" if before and rest else f"{before}{rest}"


def _lines(table: Printed, row: Row, numbers: Notes, several: bool) -> list[tuple[list[str], list[Text]]]:
    if row.heading is not None:
        stub = [f"*{escape(row.heading)}*", *("" for _ in range(len(table.spec["stub"]) - 1 + several))]
        return [(stub, [("", "", 0) for _ in table.heads])]
    usual, found = usual_n(table)[0], []
    mark = _mark([numbers[note] for note in shared(row)])
    for at, part in enumerate(lines(table, row)):
        stub = [escape(text) for text in labels(table, row)] if not at else ["" for _ in table.spec["stub"]]
        if not at and mark:
            stub[-1] = f"{stub[-1]} {mark}".strip()
        cells = [_cell(row, cell, part, at, usual, numbers) for cell in row.cells]
        found.append(([*stub, *([LINES[part]] if several else [])], cells))
    return found


def _cell(row: Row, cell: Cell, part: str, at: int, usual: int, numbers: Notes) -> Text:
    if cell.part is None and not cell.gain:
        return (escape(cell.text) if not at else ""), "", 0
    number = number_of(cell, part, usual)
    mark = _mark(own_notes(row, cell, numbers)) if not at else ""
    after = f"{number.rest} {mark}".rstrip()
    if not number.whole:
        return "", after.strip(), 0
    before, behind = marks(number.leads, number.tied)
    return f"{before}{number.whole}", f"{number.fraction}{behind}{escape(after)}", len(number.fraction + after)


def _mark(numbers: list[int]) -> str:
    return f"[{', '.join(map(str, numbers))}]" if numbers else ""
