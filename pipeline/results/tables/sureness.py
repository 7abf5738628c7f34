"""What a table says under it of leads: which methods are tied with the best, and the smallest difference that could be seen."""

from collections.abc import Sequence

from pipeline.results.statistics.power import POWER
from pipeline.results.tables.cells import Column
from pipeline.results.tables.table import Table
from pipeline.tasks.metric_names import ITEMS

MOST_NAMED = 8
"""Of more columns the smallest detectable difference is said by its range."""


def sureness(table: Table, mark: str) -> list[str]:
    """Return the sentences: the marks with their test, what was not compared, the smallest detectable difference.

    Args:
        table: the table.
        mark: how the tied are marked, `Underlined` or `Shaded`.
    """
    return [*tied_with_best(table, mark), *left_out(table), *detectable(table)]


def tied_with_best(table: Table, mark: str) -> list[str]:
    """State the test behind the marks in one line."""
    tested = [lead.best for lead in table.leads.values() if lead.best]
    if not tested:
        return []
    over = sorted({f"seeds and {ITEMS[table.spec.task]}" if best.items else "seeds alone" for best in tested})
    return [
        f"{mark}: not separable from the column's highest mean; bold: a lead over all others that holds "
        f"(Tukey's range of all methods of a column, 5 %, over {' or '.join(over)})."
    ]


def left_out(table: Table) -> list[str]:
    """Name the columns whose highest mean was compared with nothing, the rows left out of others, and unequal seeds."""
    columns: dict[str, list[Column]] = {}
    rows: dict[str, dict[str, list[Column]]] = {}
    fewer: dict[int, list[Column]] = {}
    for column, lead in table.leads.items():
        if lead.reason:
            columns.setdefault(lead.reason, []).append(column)
            continue
        for row, reason in lead.left_out:
            rows.setdefault(reason, {}).setdefault(table.labels[row], []).append(column)
        if lead.unequal:
            fewer.setdefault(len(lead.seeds), []).append(column)
    untested = [f"{reason}{where(table, found)}" for reason, found in columns.items()]
    alone = [
        f"{', '.join(f'{label}{where(table, its)}' for label, its in found.items())} ({reason})"
        for reason, found in rows.items()
    ]
    over = [f"the {seeds} seeds that all methods have{where(table, its)}" for seeds, its in fewer.items()]
    return [
        *([f"Leads that cannot be tested: {'; '.join(untested)}."] if untested else []),
        *([f"Not compared with the highest mean: {'; '.join(alone)}."] if alone else []),
        *([f"Leads are over {', '.join(over)}."] if over else []),
    ]


def where(table: Table, columns: Sequence[Column]) -> str:
    """Name columns where they are not all that are compared: ` in qu, jv`."""
    every = [column for column, lead in table.leads.items() if lead.highest is not None]
    return "" if set(columns) >= set(every) else f" in {', '.join(column.label for column in columns)}"


def detectable(table: Table) -> list[str]:
    """Say of each column the smallest difference of two methods that these seeds and items would show."""
    found = {column.label: d for column, lead in table.leads.items() if (d := lead.detectable) is not None}
    if not found:
        return []
    shown = {label: f"{label} {100 * value:.1f}" for label, value in found.items()}
    text = ", ".join(shown.values())
    if len(found) > MOST_NAMED:
        least, most = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
        text = f"from {shown[least]} to {shown[most]}"
    return [
        f"Smallest difference of two methods that is found in {100 * POWER:.0f} of 100 such tables, in points: {text}."
    ]
