"""A table as CSV (every number) and as Markdown."""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tabulate import tabulate

from pipeline.results.statistics.seeds import smallest_p
from pipeline.results.tables.cells import AVERAGE, Column, Row
from pipeline.results.tables.notes import (
    CellText,
    baseline_label,
    caption,
    cell_texts,
    chosen_text,
    footnotes,
    notes,
    rows_with_p,
)
from pipeline.results.tables.sections import Section, sections
from pipeline.results.tables.table import Table, apart

CSV_COLUMNS = (
    *("table", "metric", "row", "variant", "settings", "column", "sources", "language", "dataset"),
    *("n", "mean", "sd", "seeds_low", "seeds_high", "crossed_low", "crossed_high", "best", "sentences"),
    *("tied", "leads", "below_best", "below_best_needed", "detectable"),
    *("baseline", "pairs", "difference", "difference_low", "difference_high", "effect_size"),
    *("p", "p_holm", "comparisons", "p_exact", "smallest_p", "smallest_p_holm", "can_be_significant", "significant"),
    *("difference_crossed_low", "difference_crossed_high", "p_crossed"),
    *("point", "points", "dev", "dev_metric"),
    *("seeds", "values", "runs", "notes"),
)


def to_csv(table: Table) -> str:
    """Return one line per cell with every number behind it; scores and differences ×100, nothing rounded away.

    Columns behind an average have their lines too where only the average is shown.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, lineterminator="\n", restval="")
    writer.writeheader()
    for row in table.rows:
        for column in (*table.averaged, *table.columns):
            values = {
                **_place(table, row, column),
                **_mean(table, row, column),
                **_lead(table, row, column),
                **_test(table, row, column),
                **_tuning(table, row, column),
            }
            writer.writerow({key: "" if value is None else value for key, value in values.items()})
    return out.getvalue()


def percent(value: float | None) -> float | None:
    """Scale a score ×100 and drop the last bits' noise."""
    return None if value is None else round(100 * value, 6)


def _place(table: Table, row: Row, column: Column) -> dict[str, Any]:
    return {
        "table": table.name,
        "metric": table.spec.metric,
        "row": table.labels[row],
        "variant": row.variant,
        "settings": "; ".join(f"{key}={value}" for key, value in apart(row, table.spec.task)),
        "column": column.label,
        "sources": column.sources,
        "language": column.language,
        "dataset": column.dataset,
    }


def _mean(table: Table, row: Row, column: Column) -> dict[str, Any]:
    cell = table.cells[row, column]
    facts: dict[str, Any] = {"notes": "; ".join(cell.reasons)}
    if cell.summary:
        low, high = cell.summary.ends
        both = cell.crossed.ends if cell.crossed else (None, None)
        facts |= {
            "n": cell.summary.n,
            "mean": percent(cell.summary.mean),
            "sd": percent(cell.summary.sd),
            "seeds_low": percent(low),
            "seeds_high": percent(high),
            "crossed_low": percent(both[0]),
            "crossed_high": percent(both[1]),
            "best": int(cell.best),
            "sentences": cell.sentences or None,
            "seeds": "; ".join(f"{data}/{'all' if model is None else model}" for data, model in cell.scores),
            "values": "; ".join(str(percent(value)) for value in cell.scores.values()),
            "runs": "; ".join(cell.runs.values()),
        }
    return facts


def _lead(table: Table, row: Row, column: Column) -> dict[str, Any]:
    lead = table.leads.get(column)
    if lead is None or lead.best is None or row not in lead.rows:
        return {}
    place = lead.rows.index(row)
    return {
        "tied": int(lead.best.tied[place]),
        "leads": int(table.cells[row, column].leads),
        "below_best": percent(lead.best.leads[place]),
        "below_best_needed": percent(lead.best.margins[place]),
        "detectable": percent(lead.detectable),
    }


def _test(table: Table, row: Row, column: Column) -> dict[str, Any]:
    cell, baseline = table.cells[row, column], table.baselines[row]
    test = cell.comparison
    if test is None or baseline is None:
        return {}
    facts: dict[str, Any] = {
        "baseline": table.labels[baseline],
        "pairs": test.n,
        "difference": percent(test.difference),
        "difference_low": percent(test.low),
        "difference_high": percent(test.high),
        "effect_size": test.effect,
        "p": test.p,
        "p_holm": cell.p_holm,
        "comparisons": cell.family,
        "p_exact": test.p_exact,
        "smallest_p": smallest_p(test.n),
        "smallest_p_holm": cell.least_holm,
        "can_be_significant": int(not cell.hopeless),
        "significant": int(cell.significant),
    }
    if cell.crossed_difference:
        low, high = cell.crossed_difference.ends
        facts |= {
            "difference_crossed_low": percent(low),
            "difference_crossed_high": percent(high),
            "p_crossed": cell.crossed_difference.p,
        }
    return facts


def _tuning(table: Table, row: Row, column: Column) -> dict[str, Any]:
    choice = table.choices.get((row, column))
    if choice is None:
        return {"point": chosen_text(table, row)} if column == AVERAGE else {}
    return {
        "point": choice.point.text if choice.point else None,
        "points": choice.among,
        "dev": percent(choice.dev),
        "dev_metric": choice.metric,
    }


def to_markdown(table: Table) -> str:
    """Return the table with its caption above; below it the differences from the baseline, and the notes."""
    letters = footnotes(table)
    texts = cell_texts(table, letters)
    parts = [escape(" ".join(caption(table)))]
    parts.append(_grid(table, table.rows, _aligned(table, texts)))
    if tested := rows_with_p(table):
        parts.append(f"Difference from {escape(baseline_label(table))}, 95 % t-interval over seeds, p:")
        parts.append(_grid(table, tested, lambda row, column: _difference(texts[row, column])))
    if said := notes(table, "Underlined"):
        parts.append("\n".join(f"{n}. {escape(note)}" for n, note in enumerate(said, 1)))
    parts += [escape(f"[{letter}] {reason}.") for reason, letter in letters.items()]
    return "\n\n".join([*parts, *map(section_markdown, sections(table))]) + "\n"


def section_markdown(section: Section) -> str:
    """Return a small table of further statistics: its caption, the table, its notes."""
    text = pipe_table([escape(cell) for cell in section.head], [[escape(cell) for cell in row] for row in section.rows])
    return "\n\n".join([escape(section.caption), text, *map(escape, section.notes)])


def pipe_table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> str:
    """Return a Markdown table of escaped cells, the first `words` columns set to the left, the others to the right."""
    align = [*["left"] * words, *["right"] * (len(head) - words)]
    return tabulate(rows, head, tablefmt="pipe", disable_numparse=True, colalign=align)


def _grid(table: Table, rows: Sequence[Row], cell: Callable[[Row, Column], str]) -> str:
    body = [[escape(table.labels[row]), *(cell(row, column) for column in table.columns)] for row in rows]
    head = ["", *(escape(column.label) for column in table.columns)]
    return pipe_table(head, body).replace(FILLER, FIGURE_SPACE)


FIGURE_SPACE = "\u2007"  # as wide as a digit
FILLER = "\ue000"  # stands for it until the table is laid out, which strips all blanks


def _aligned(table: Table, texts: Mapping[tuple[Row, Column], CellText]) -> Callable[[Row, Column], str]:
    """Return how cells are written so that decimal points stand below each other where cells are set to the right."""
    tails = {place: _tail(text) for place, text in texts.items()}
    widths = {c: max(len(tails[row, c]) for row in table.rows) for c in table.columns}

    def written(row: Row, column: Column) -> str:
        text, tail = texts[row, column], tails[row, column]
        if not text.mean:
            return tail.strip()
        before, behind = marks(text.leads, text.tied)
        return f"{before}{text.mean}{behind}{escape(tail)}{FILLER * (widths[column] - len(tail))}"

    return written


def marks(leads: bool, tied: bool) -> tuple[str, str]:
    """Return what stands before and behind a score that leads, or that is tied with the best."""
    return ("**", "**") if leads else ("<u>", "</u>") if tied else ("", "")


def _tail(text: CellText) -> str:
    """Return what stands after a cell's mean: ` ± 2.6 (2)* [a]`."""
    return text.rest + text.sign + (f" [{text.notes}]" if text.notes else "")


def _difference(text: CellText) -> str:
    return escape(f"{text.difference}, {text.p}{text.sign}") if text.difference else ""


def escape(text: str) -> str:
    """Keep text from being read as Markdown: `|`, `*`, backquotes, `<`, and line breaks."""
    for character in ("\\", "|", "*", "`"):
        text = text.replace(character, f"\\{character}")
    return re.sub(r"\s+", " ", text.replace("<", "&lt;"))
