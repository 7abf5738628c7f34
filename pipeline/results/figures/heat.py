"""Heat maps of numbers: each stands in its cell, so that colours need not be read; as wide as a column where they fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import category

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from pipeline.results.analyses.distance import Floats
from pipeline.results.figures.drawing import COLUMN, GREY, PAGE

CELL, LEAST = 0.46, 0.33
"""Inches of a cell's side, and at the least: `−12.3` in 7 points."""

LETTER = 0.066
"""Inches of a letter of 8 points."""

TURNED = 5
"""Letters from which on labels of columns stand upright."""

LEAST_SPAN = 1.0
"""Points at which colours are full, at the least: noise of a tenth of a point is not painted deep blue."""

EMPTY = "#e6e6e6"


@dataclass(frozen=True)
class Colours:
    """By what a heat map is painted: Matplotlib's map, the values at its ends, and what they are."""

    name: str
    low: float
    high: float
    meaning: str


def of_gains(values: Floats, meaning: str = "gain in points") -> Colours:
    """Return red for losses and blue for gains, white at zero, told apart with any eyes."""
    known = np.abs(values[np.isfinite(values)])
    span = max(LEAST_SPAN, float(known.max())) if known.size else LEAST_SPAN
    return Colours("RdBu", -span, span, meaning)


def of_scores(values: Floats, meaning: str) -> Colours:
    """Return dark blue for the lowest score and yellow for the highest, told apart with any eyes and in grey."""
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 100.0)
    middle, half = (low + high) / 2, max(high - low, LEAST_SPAN) / 2
    return Colours("cividis", middle - half, middle + half, meaning)


def heat_figure(rows: Sequence[str], columns: Sequence[str]) -> Figure:
    """Return an empty figure for so many cells: a column wide where their numbers fit, else as wide as they need."""
    labels = 0.45 + LETTER * longest(rows)
    needed, wanted = (labels + side * len(columns) for side in (LEAST, CELL))
    width = COLUMN if needed <= COLUMN else max(needed, min(wanted, PAGE))
    side = min(CELL, (width - labels) / len(columns))
    above = LETTER * longest(columns) if turned(columns) else 0.15
    return Figure(figsize=(width, max(1.9, side * len(rows) + above + 1.45)), layout="constrained")


def turned(columns: Sequence[str]) -> bool:
    """Whether labels of columns stand upright, as they are too long to lie side by side."""
    return longest(columns) >= TURNED and len(columns) > 2


def longest(labels: Sequence[str]) -> int:
    """Return how many letters the longest label has, marks of direction not counted."""
    return max(sum(category(letter) != "Cf" for letter in label) for label in labels)


def draw_heat(
    axis: Axes,
    values: Floats,
    texts: Sequence[Sequence[str]],
    rows: Sequence[str],
    columns: Sequence[str],
    colours: Colours,
) -> None:
    """Draw a heat map and the bar of its colours below.

    Args:
        axis: where.
        values: (rows, columns), not a number where there is none.
        texts: what stands in each cell.
        rows: their labels.
        columns: likewise.
        colours: by what it is painted.
    """
    painted = matplotlib.colormaps[colours.name].with_extremes(bad=EMPTY)
    image = axis.imshow(values, cmap=painted, vmin=colours.low, vmax=colours.high, aspect="equal")
    for i, j in np.ndindex(*values.shape):
        known = bool(np.isfinite(values[i, j]))
        ink = (
            contrast(to_rgb(painted(float(values[i, j] - colours.low) / (colours.high - colours.low))))
            if known
            else GREY
        )
        axis.text(j, i, texts[i][j], ha="center", va="center", fontsize=7, color=ink)
    axis.set_xticks(range(len(columns)), columns, rotation=90 if turned(columns) else 0)
    axis.set_yticks(range(len(rows)), rows)
    axis.tick_params(length=0)
    for side in axis.spines.values():
        side.set_visible(False)
    bar = axis.figure.colorbar(image, ax=axis, location="bottom", shrink=0.7, pad=0.03, aspect=30)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7)
    bar.set_label(colours.meaning, fontsize=7)


def contrast(colour: tuple[float, float, float]) -> str:
    """Return black or white, whichever can be read better on a colour (relative luminance, WCAG 2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return "white" if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] < 0.179 else "black"


def compared(spec: Mapping[str, Any]) -> str:
    """Word what a map shows: a method, or what it has over its baseline."""
    names = [spec["words"][name] for name in (spec["method"], spec["baseline"]) if name is not None]
    return " − ".join(names)


def signed(points: float) -> str:
    """Word a gain: `+4.0`, `−2.0`; what rounds to nothing is `+0.0`."""
    return f"{round(points, 1) + 0.0:+.1f}".replace("-", "−")
