"""What is written in and under a printed table, whatever the format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pipeline.results.printed.compose import Cell, Printed, Row
from pipeline.results.scores.measures import title

Notes = dict[str, int]

LINES = {"ours": "ours", "published": "published", "difference": "difference"}
"""By part of a cell: what stands before the line of it."""


def caption(table: Printed) -> list[str]:
    """Return the caption's sentences: which table it is, of how many seeds, what is shown, and at which scale."""
    spec = table.spec
    shown = spec["show"]
    parts = [f"{spec['title'].rstrip('.')}. Table {spec['number']} of {table.citation['short']}"]
    if shown != ["ours"]:
        parts[0] += f", {_listing([LINES[part] for part in shown])}"
    if "ours" in shown:
        parts.append(_ours(table))
    return [*([spec["demo"]] if spec["demo"] else []), *(f"{part}." for part in parts if part)]


def _ours(table: Printed) -> str:
    found = [cell.ours for cell in table.cells if cell.ours and cell.ours.mean is not None and not cell.gain]
    if not found:
        return "None of its cells has a result of ours"
    seeds, several = usual_n(table)
    first, *more = dict.fromkeys(title(ours.metric) for ours in found)
    metrics = [first, *(f"{text[0].lower()}{text[1:]}" if text[1].islower() else text for text in more)]
    what = "one seed" if seeds == 1 else f"mean ± standard deviation over {seeds} seeds"
    odd = ", otherwise (n)" if several else ""
    return f"Ours: {_listing(metrics)} ×100, {what}{odd}"


def usual_n(table: Printed) -> tuple[int, bool]:
    """Return the most frequent number of seeds, and whether there are others."""
    numbers = [c.ours.n for c in table.cells if c.ours and c.ours.mean is not None and not c.gain]
    most = max(set(numbers), key=numbers.count, default=0)
    return most, len(set(numbers)) > 1


def _listing(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + f" and {words[-1]}" if len(words) > 1 else "".join(words)


def notes(table: Printed) -> Notes:
    """Number the notes of a table's cells, in the order in which they are met."""
    found: Notes = {}
    for row in table.rows:
        for note in (*shared(row), *(note for cell in row.cells for note in cell.notes)):
            found.setdefault(note, len(found) + 1)
    return found


def shared(row: Row) -> list[str]:
    """Return the notes that all of a row's cells with scores bear; they stand at its label."""
    with_scores = [cell for cell in row.cells if cell.part is not None]
    if len(with_scores) < 2:
        return []
    return [note for note in with_scores[0].notes if all(note in cell.notes for cell in with_scores)]


def own_notes(row: Row, cell: Cell, numbers: Notes) -> list[int]:
    """Return the numbers of the notes that stand at a cell itself."""
    common = shared(row)
    return [numbers[note] for note in cell.notes if note not in common]


def remarks(table: Printed, mark: str) -> list[str]:
    """Return what is said under the table beside its notes.

    Args:
        table: the table.
        mark: how scores tied with the best are marked, `Underlined` or `Shaded`.
    """
    said = list(table.spec["notes"])
    if "ours" in table.spec["show"] and any(cell.ours and (cell.ours.tied or cell.ours.leads) for cell in table.cells):
        said.append(
            f"{mark}: of ours, not separable from the highest mean for the same target{_blocks(table)}; bold: a lead "
            "over all others that holds (Tukey's range, 5 %)."
        )
    if table.absent:
        named = ", ".join(f"{line['method']} {line['target']} {line['value']}" for line in table.absent[:5])
        more = f" and {len(table.absent) - 5} more" if len(table.absent) > 5 else ""
        said.append(f"Published, and in no cell here: {named}{more}.")
    if table.views:
        said.append(f"Intervals and tests of ours: results/tables/, {_listing(table.views)}.")
    said.append(f"Published: {table.citation['citation']}")
    return said


def lines(table: Printed, row: Row) -> list[str]:
    """Return which lines a row has: those parts of a cell that are shown and of which it has any."""
    has = {
        "ours": any(cell.ours is not None for cell in row.cells),
        "published": any(cell.published for cell in row.cells),
        "difference": any(cell.difference is not None for cell in row.cells),
    }
    return [part for part in table.spec["show"] if has[part]] or [table.spec["show"][0]]


def _blocks(table: Printed) -> str:
    """Where rows come from several of the config's tables, they are compared within each."""
    rows: dict[tuple[str | None, str | None], set[str]] = {}
    for cell in table.cells:
        if cell.part and cell.ours and cell.ours.mean is not None:
            rows.setdefault((cell.part["language"], cell.part["dataset"]), set()).add(cell.part["view"])
    return " within one of the tables named below" if any(len(views) > 1 for views in rows.values()) else ""


@dataclass(frozen=True)
class Number:
    """What a cell shows in one of its lines.

    Attributes:
        whole: the number up to its decimal point.
        fraction: from the point on.
        rest: its deviation and n.
        leads, tied: how it stands to the best of its column.
    """

    whole: str = ""
    fraction: str = ""
    rest: str = ""
    leads: bool = False
    tied: bool = False


def number_of(cell: Cell, part: str, usual: int) -> Number:
    """Return what a cell shows in one of its lines; nothing where it has no such number."""
    ours = cell.ours
    if part == "published":
        return _number(cell.published)
    if part == "difference":
        return _number("" if cell.difference is None else f"{cell.difference:+.2f}")
    if ours is None or ours.mean is None:
        return Number()
    if cell.gain:
        return _number(f"{ours.mean:+.2f}")
    sd = "" if ours.sd is None else f" ± {ours.sd:.2f}"
    more = f" ({ours.n})" if ours.n != usual else ""
    return replace(_number(f"{ours.mean:.2f}"), rest=sd + more, leads=ours.leads, tied=ours.tied)


def _number(text: str) -> Number:
    text = text.replace("-", "−")
    whole, point, fraction = text.partition(".")
    return Number(whole, point + fraction)


def labels(table: Printed, row: Row) -> list[str]:
    """Return a row's texts, as many as the stub has."""
    return [*row.labels, *("" for _ in range(len(table.spec["stub"]) - len(row.labels)))]


def by_head(heads: Sequence[Sequence[str]]) -> Mapping[int, tuple[str, ...]]:
    """Return for each column what stands above it but the last line: neighbours with the same share one head."""
    return {at: tuple(head[:-1]) for at, head in enumerate(heads)}
