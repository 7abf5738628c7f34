"""A printed score table as dots: a panel for each column, a line for each row, the baseline dashed.

All panels span the same number of points, each where its own scores are: a difference is as long in one as in another.
"""

import io
import math
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pipeline.common.files import atomic_path
from pipeline.results.figures.drawing import GREY, SOURCE, STYLE, TARGET, save
from pipeline.results.figures.printed import KEY, PrintedCell, PrintedTable
from pipeline.results.tables.cells import AVERAGE

WIDTH = 9.4
"""Inches: at 200 dots each, shown at half their size, as wide as a page on GitHub."""

ACROSS = 4
ROW, PANEL, LINE = 0.25, 0.66, 0.21
"""Inches: of a row; of a panel's title and numbers; of a line of title or legend."""

LABEL, COLUMNS, TITLE, LEGEND = 44, 110, 104, 140
"""Characters that there is room for: in a row's label, in that and the columns', in a line of the title, of the legend."""

SIGN = 8
"""Characters that a sign of the legend is as wide as."""

LEAST_SPAN = 5.0
"""Points that a panel spans at the least: noise is not drawn large."""

STEPS = (1, 2, 5, 10, 20)
PALE, PALER = "#dddddd", "#f5f5f5"
COLOURS = 128
"""Of a PNG: it is a third as large as with all of them, and no eye sees it."""

OTHER: dict[str, Any] = {"color": "#333333", "marker": "o", "markersize": 5, "markerfacecolor": "white", "linewidth": 1}
BEST: dict[str, Any] = {"color": SOURCE, "marker": "o", "markersize": 6.5, "linewidth": 1.4}
BASELINE: dict[str, Any] = {"color": TARGET, "linewidth": 1, "linestyle": "--"}
BARE: dict[str, Any] = {"linestyle": ""}
DOTS: dict[Any, Any] = {
    **STYLE,
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.spines.left": False,
    "text.parse_math": False,  # two dollars in a label are no formula
}


def draw_dots(table: PrintedTable) -> Figure:
    """Draw a score table: means with one standard deviation to each side, the best of each column filled."""
    labels = [wrap(label, LABEL) for label in table.rows]
    title = textwrap.wrap(table.title, TITLE)
    signs = legend_of(table)
    legend_lines = 1 if sum(len(str(sign.get_label())) + SIGN for sign in signs) <= LEGEND else len(signs)
    down = -(-len(table.columns) // ACROSS)
    across = -(-len(table.columns) // down)
    room = (COLUMNS - max(len(line) for label in labels for line in label.split("\n"))) // across
    row = ROW + 0.15 * max(label.count("\n") for label in labels)
    height = down * (row * len(labels) + PANEL) + LINE * (len(title) + legend_lines + 2)
    with matplotlib.rc_context(DOTS):
        figure = Figure(figsize=(WIDTH, height), layout=ConstrainedLayoutEngine(w_pad=0.07, h_pad=0.05))
        grid = figure.subplots(down, across, sharey=True, squeeze=False)
        for j, axis in enumerate(grid.flat):
            if j < len(table.columns):
                draw_column(axis, table, j, most_steps=6 + 6 // across)
                axis.set_title(wrap(table.columns[j], room), fontweight="bold", loc="left")
            else:
                axis.set_axis_off()
        grid[0, 0].set_yticks(range(len(labels)), labels)
        grid[0, 0].set_ylim(len(labels) - 0.5, -0.5)
        if title:
            figure.suptitle("\n".join(title), x=0.01, ha="left", fontsize=11)
        figure.legend(
            handles=signs,
            loc="outside lower center",
            ncols=len(signs) if legend_lines == 1 else 1,
            title=f"{table.metric} (×100)",  # of all panels' x axes
            title_fontsize=9.5,
            fontsize=8.5,
        )
    return figure


def draw_column(axis: Axes, table: PrintedTable, j: int, most_steps: int) -> None:
    """Draw one column's panel, its axis numbered in at most `most_steps` steps."""
    column = [row[j] for row in table.cells]
    low, high = window(column, span_of(table))
    axis.set_xlim(low, high)
    axis.set_xticks(numbers(low, high, most_steps))
    axis.tick_params(axis="y", length=0)
    if table.columns[j].split()[-1:] == [AVERAGE.label]:
        axis.set_facecolor(PALER)
    axis.hlines(range(len(column)), low, high, color=PALE, linewidth=0.6, zorder=0.5)
    if table.baseline is not None and (mean := column[table.baseline].mean) is not None:
        axis.axvline(mean, zorder=1, **BASELINE)
    for i, cell in enumerate(column):
        if cell.mean is not None:
            axis.errorbar(cell.mean, i, xerr=cell.sd, **(BEST if cell.best or cell.tied else OTHER))
        write_beside(axis, cell, i)


def write_beside(axis: Axes, cell: PrintedCell, i: int) -> None:
    """Write what a cell says beside its score, on the side that has more room; an empty one at the left, or a dash."""
    text = words(cell)
    low, high = axis.get_xlim()
    bar = ends(cell)
    if bar is None:
        text, place, right = text or "–", low, True
    elif high - bar[1] > bar[0] - low:
        place, right = bar[1], True
    else:
        place, right = bar[0], False
    axis.annotate(
        text,
        (place, i),
        xytext=(5 if right else -5, 0),
        textcoords="offset points",
        ha="left" if right else "right",
        va="center",
        fontsize=8,
        color=GREY,
        bbox={"facecolor": axis.get_facecolor(), "edgecolor": "none", "pad": 1},
    )


def words(cell: PrintedCell) -> str:
    """Return what a cell says beside its score: `(2)* [a]`; not †, which is in most cells of few seeds."""
    n = "" if cell.n is None else f"({cell.n})"
    return " ".join(filter(None, [n + "*" * cell.significant, f"[{cell.notes}]" if cell.notes else ""]))


def legend_of(table: PrintedTable) -> list[Line2D]:
    """Return what the signs mean, for the legend."""
    cells = [cell for row in table.cells for cell in row]
    signs = [Line2D([], [], label=table.measure, **{**OTHER, **({} if "±" in table.measure else BARE)})]
    if any(cell.best or cell.tied for cell in cells):
        tied = ", or tied with it" if any(cell.tied for cell in cells) else ""
        signs.append(Line2D([], [], label=f"best of the column{tied}", **{**BEST, **BARE}))
    if table.baseline is not None:
        signs.append(Line2D([], [], label=f"baseline: {table.compared}", **BASELINE))
    if any(cell.significant for cell in cells):
        signs.append(Line2D([], [], label=f"* differs significantly from {table.compared}", **BARE))
    if any(cell.notes for cell in cells):
        signs.append(Line2D([], [], label="[a]: notes under the table", **BARE))
    return signs


# ----------------------------------------------------------------------------------------------------------------- scales


def ends(cell: PrintedCell) -> tuple[float, float] | None:
    """Return where a cell's bar begins and ends, in points; `None` where the cell is empty."""
    return None if cell.mean is None else (cell.mean - (cell.sd or 0.0), cell.mean + (cell.sd or 0.0))


def reach_of(column: Sequence[PrintedCell]) -> tuple[float, float]:
    """Return where a column's leftmost bar begins and its rightmost ends; the middle of the scale where it is empty."""
    bars = [bar for cell in column if (bar := ends(cell)) is not None]
    return min((low for low, _ in bars), default=50.0), max((high for _, high in bars), default=50.0)


def span_of(table: PrintedTable) -> float:
    """Return how many points each panel spans: what the widest column needs, and some room, for words too where there are."""
    reaches = [reach_of([row[j] for row in table.cells]) for j in range(len(table.columns))]
    spoken = any(words(cell) for row in table.cells for cell in row if cell.mean is not None)
    return max(LEAST_SPAN, (1.5 if spoken else 1.16) * max(high - low for low, high in reaches))


def window(column: Sequence[PrintedCell], span: float) -> tuple[float, float]:
    """Return a panel's ends: the column in their middle, but no more than a little beyond 0 and 100 unless its bars are."""
    left, right = reach_of(column)
    room = 0.04 * span
    low = min(max((left + right - span) / 2, -room), 100 + room - span)
    low = min(max(low, right + room - span), left - room)
    return low, low + span


def numbers(low: float, high: float, most: int) -> list[int]:
    """Return the scores that are written at an axis, in at most `most` steps where possible; none that cannot be."""
    step = next((step for step in STEPS if (high - low) / step <= most), STEPS[-1])
    first, last = math.ceil(max(low, 0) / step), math.floor(min(high, 100) / step)
    return [step * i for i in range(first, last + 1)]


def wrap(text: str, most: int) -> str:
    """Break a label into lines of at most `most` characters where possible: after blanks, `+` and `→`."""
    lines = [""]
    for piece in re.split(r"(?<=[ +→])", text):
        if lines[-1] and len((lines[-1] + piece).rstrip()) > most:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)


# ------------------------------------------------------------------------------------------------------------------ files


def save_dots(figure: Figure, path: Path, digest: str) -> None:
    """Write a picture, a PNG or a PDF, that carries the digest of its table; whole or not at all; same figure, same bytes."""
    if path.suffix == ".pdf":
        save(figure, path, {"Keywords": f"{KEY} {digest}"})
        return
    drawn = io.BytesIO()
    with matplotlib.rc_context(DOTS):
        figure.savefig(drawn, format="png", dpi=200)
    text = PngInfo()
    text.add_text(KEY, digest)
    with atomic_path(path) as temporary:
        image = Image.open(drawn).convert("RGB").quantize(COLOURS)
        image.save(temporary, format="png", optimize=True, dpi=(200, 200), pnginfo=text)
