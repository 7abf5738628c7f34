"""What methods gain over a table's baseline, language by language: a forest plot of the numbers in the table's CSV."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.integrity import verified_by_note
from pipeline.results.figures.drawing import COLOURS, COLUMN, GREY, MARKERS, STYLE, legend_below
from pipeline.results.figures.labels import CODES, Labels
from pipeline.results.scores.measures import title as metric_title
from pipeline.results.tables.cells import Column

ENDS = {
    "seeds": ("difference_low", "difference_high"),
    "crossed": ("difference_crossed_low", "difference_crossed_high"),
}
"""By what an interval is over: the columns of a table's CSV."""

OVER = {"seeds": "seeds", "crossed": "seeds and test examples"}
PLACE = ("row", "variant", "column", "sources", "language", "dataset")
READ = (*PLACE, "metric", "baseline", "pairs", "difference", "significant", *ENDS["seeds"], *ENDS["crossed"])

STEP, BETWEEN, REST = 0.13, 0.12, 1.0
"""Inches: from one method to the next, from one language to the next, of all above and below."""


@dataclass(frozen=True)
class Gain:
    """What one method gains in one column of a table, in points; the interval's ends are `None` where there is none."""

    points: float
    low: float | None
    high: float | None
    pairs: int
    significant: bool


@dataclass(frozen=True)
class Forest:
    """A table's differences.

    Attributes:
        metric: what they are of, by its full name.
        baselines: what the rows are compared with, by label: one, or of a row that is split each part's own.
        columns: of the table, means last as they stand there.
        gains: by the label of the row, by column; a cell without a comparison is not there.
    """

    metric: str
    baselines: tuple[str, ...]
    columns: tuple[Column, ...]
    gains: Mapping[str, Mapping[Column, Gain]]


def read_forest(spec: Mapping[str, Any]) -> Forest:
    """Read a table's differences (`pipeline.grid.figures.figure_specs`).

    Raises:
        UserError: the table's CSV is missing, lacks a column or has no difference of the methods.
    """
    path = verified_by_note(paths.table(spec["table"], "csv"))
    anew = f"make it with: snakemake --force {path}"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot read the table: {error}; {anew}") from None
    lacking = [key for key in READ if not rows or key not in rows[0]]
    if lacking:
        raise UserError(f"{path}: no column {lacking[0]!r}; {anew}")
    kept = [r for r in rows if r["difference"] and (not spec["methods"] or r["variant"] in spec["methods"])]
    if not kept:
        of = f" of {', '.join(spec['methods'])}" if spec["methods"] else ""
        raise UserError(
            f"{path}: no difference{of} from a baseline: no seed has both; train what its notes say is missing"
        )
    order = spec["methods"] or list(dict.fromkeys(row["variant"] for row in kept))
    kept.sort(key=lambda row: order.index(row["variant"]))  # stable: else as in the table
    gains: dict[str, dict[Column, Gain]] = {}
    for row in kept:
        gains.setdefault(row["row"], {})[column_of(row)] = gain_of(row, spec["interval"], f"{path}: {row['row']}")
    present = {column for of_row in gains.values() for column in of_row}
    columns = tuple(column for column in dict.fromkeys(map(column_of, rows)) if column in present)
    return Forest(rows[0]["metric"], tuple(dict.fromkeys(r["baseline"] for r in kept)), columns, gains)


def column_of(row: Mapping[str, str]) -> Column:
    """Return a line's column."""
    column = Column(row["language"], row["sources"], row["dataset"])
    return column if column.label == row["column"] else Column(row["language"], mean=True)


def gain_of(row: Mapping[str, str], interval: str, where: str) -> Gain:
    """Return a line's difference.

    Raises:
        UserError: something is no number; names file, row and column.
    """
    try:
        low, high = (float(row[key]) if row[key] else None for key in ENDS[interval])
        return Gain(float(row["difference"]), low, high, int(row["pairs"]), row["significant"] == "1")
    except ValueError as error:
        raise UserError(f"{where}, {row['column']}: {error}") from None


def draw_forest(spec: Mapping[str, Any], forest: Forest, labels: Labels = CODES) -> Figure:
    """Draw a row for each column of the table, in it a mark for each method, filled where the difference is significant.

    Args:
        spec: the figure's description.
        forest: what is drawn.
        labels: what languages are called.
    """
    across = len(forest.columns)
    of_row = STEP * len(forest.gains) + BETWEEN
    legend = -(-(len(forest.gains) + 1) // 2)
    with matplotlib.rc_context({**STYLE, **labels.style}):
        figure = Figure(figsize=(COLUMN, across * of_row + 0.15 * legend + REST), layout="constrained")
        axis = figure.subplots()
        axis.axvline(0, color=GREY, linewidth=0.8, zorder=1)
        for i, of_method in enumerate(forest.gains.values()):
            shift = (i - (len(forest.gains) - 1) / 2) * STEP / of_row
            draw_method(axis, i, [(j + shift, of_method.get(column)) for j, column in enumerate(forest.columns)])
        for j in range(1, across):
            mean = forest.columns[j].mean and not forest.columns[j].language
            axis.axhline(j - 0.5, color=GREY if mean else "#dddddd", linewidth=0.8 if mean else 0.5, zorder=0)
        axis.set_yticks(range(across), [column_text(column, labels) for column in forest.columns])
        axis.set_ylim(across - 0.5, -0.5)
        axis.tick_params(axis="y", length=0)
        axis.spines["left"].set_visible(False)
        axis.xaxis.set_major_locator(MaxNLocator(6))
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0")
        one = forest.baselines[0] if len(forest.baselines) == 1 else "each row's baseline"
        axis.set_xlabel(f"difference from {one}, points")
        figure.suptitle(metric_title(forest.metric), fontsize=8.5)
        signs = [Line2D([], [], linewidth=1.0, **look(i, filled=True)) for i in range(len(forest.gains))]
        legend_below(figure, signs, list(forest.gains), 2, said(spec["interval"], forest), labels.note)
    return figure


def draw_method(axis: Axes, i: int, places: Sequence[tuple[float, Gain | None]]) -> None:
    """Draw one method's marks and intervals; hollow marks where a difference is not significant."""
    for y, gain in places:
        if gain is None:
            continue
        if gain.low is not None and gain.high is not None:
            axis.hlines(y, gain.low, gain.high, color=COLOURS[i % len(COLOURS)], linewidth=1.0, zorder=2)
        axis.plot(gain.points, y, linestyle="", zorder=3, **look(i, gain.significant))


def look(i: int, filled: bool) -> dict[str, Any]:
    """Return how the mark of the i-th method looks."""
    colour = COLOURS[i % len(COLOURS)]
    face = {"markersize": 4, "markerfacecolor": colour if filled else "white"}
    return {"color": colour, "marker": MARKERS[i % len(MARKERS)], **face}


def column_text(column: Column, labels: Labels) -> str:
    """Name a column as the table does, its languages as figures do."""
    if column.mean:
        return f"{labels.of(column.language)} average" if column.language else column.label
    target = labels.of(column.language)
    return f"{labels.joined(column.sources)}→{target}" if column.sources else f"{target} {column.dataset}".strip()


def said(interval: str, forest: Forest) -> str:
    """Say what intervals and marks are."""
    gains = [gain for of_row in forest.gains.values() for gain in of_row.values()]
    counts = sorted({gain.pairs for gain in gains})
    n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
    text = f"95 % intervals over {OVER[interval]}, n = {n} {'seed' if n == '1' else 'seeds'}"
    if any(gain.low is None for gain in gains):
        text += "; no line: no interval"
    hollow = (
        "filled: significant after Holm" if any(gain.significant for gain in gains) else "hollow: none is significant"
    )
    return f"{text}; {hollow}"
