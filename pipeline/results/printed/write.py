"""A printed table as CSV, with every number behind it, and as Markdown."""

import csv
import io

from pipeline.results.printed.compose import Cell, Printed, Row
from pipeline.results.printed.words import (
    LINES,
    Notes,
    caption,
    labels,
    lines,
    notes,
    own_notes,
    remarks,
    shared,
    texts,
    usual_n,
)
from pipeline.results.tables.render import escape, pipe_table

CSV_COLUMNS = (
    *("paper", "table", "row", "column", "view", "method", "language", "dataset", "settings"),
    *("metric", "ours", "sd", "n", "published", "published_metric", "difference", "notes"),
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
    body = [line for row in table.rows for line in _lines(table, row, numbers, several)]
    grid = pipe_table([*map(escape, head)], body, len(head) - len(table.heads))
    under = [
        *map(escape, remarks(table)),
        *(escape(f"[{number}] {_sentence(note)}") for note, number in numbers.items()),
    ]
    return "\n\n".join([escape(" ".join(caption(table))), grid, *under]) + "\n"


def _sentence(note: str) -> str:
    return note if note.endswith(".") else f"{note}."


def _lines(table: Printed, row: Row, numbers: Notes, several: bool) -> list[list[str]]:
    width = len(table.heads) + several
    if row.heading is not None:
        return [[f"*{escape(row.heading)}*", *("" for _ in range(len(table.spec["stub"]) - 1 + width))]]
    usual, found = usual_n(table)[0], []
    mark = _mark([numbers[note] for note in shared(row)])
    for at, part in enumerate(lines(table, row)):
        stub = [escape(text) for text in labels(table, row)] if not at else ["" for _ in table.spec["stub"]]
        if not at and mark:
            stub[-1] = f"{stub[-1]} {mark}".strip()
        cells = [_cell(row, cell, part, at, usual, numbers) for cell in row.cells]
        found.append([*stub, *([LINES[part]] if several else []), *cells])
    return found


def _cell(row: Row, cell: Cell, part: str, at: int, usual: int, numbers: Notes) -> str:
    if cell.part is None and not cell.gain:
        return escape(cell.text) if not at else ""
    mean, rest = texts(cell, part, usual)
    mark = _mark(own_notes(row, cell, numbers)) if not at else ""
    return f"{escape(mean + rest)} {mark}".strip()


def _mark(numbers: list[int]) -> str:
    return f"[{', '.join(map(str, numbers))}]" if numbers else ""
