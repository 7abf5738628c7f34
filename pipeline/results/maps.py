"""Figures over experiments: gains by auxiliary and target as a heat map, update rates by layer."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import matplotlib.ticker
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.results.drawing import GREY, SOURCE, STYLE, TARGET
from pipeline.results.gains import Gain
from pipeline.results.measures import title as metric_title
from pipeline.results.rates import Rates

CELL = 0.46
"""Inches of a cell's side."""

LEAST_SPAN = 1.0
"""Points at which colours are full, at the least: noise of a tenth of a point is not painted deep blue."""

EMPTY = "#e6e6e6"


def draw_gains_map(spec: Mapping[str, Any], cells: Sequence[Sequence[Gain]]) -> Figure:
    """Draw a heat map, rows auxiliary sets and columns targets: blue for gains, red for losses, white at zero.

    Args:
        spec: the figure's description (`pipeline.figures.figure_specs`).
        cells: a row for each auxiliary set, a column for each target.
    """
    values = np.array([[np.nan if cell.points is None else cell.points for cell in row] for row in cells])
    span = max(LEAST_SPAN, float(np.nanmax(np.abs(values)))) if np.isfinite(values).any() else LEAST_SPAN
    rows, columns = values.shape
    seeds = sorted({cell.seeds for row in cells for cell in row if cell.points is not None})
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(max(4.8, CELL * columns + 2.0), max(1.9, CELL * rows + 1.5)), layout="constrained")
        axis = figure.subplots()
        colours = matplotlib.colormaps["RdBu"].with_extremes(bad=EMPTY)
        image = axis.imshow(values, cmap=colours, vmin=-span, vmax=span, aspect="equal")
        for i, j in np.ndindex(rows, columns):
            write_cell(axis, cells[i][j], i, j, span)
        axis.set_xticks(range(columns), spec["targets"])
        axis.set_yticks(range(rows), spec["auxiliaries"])
        axis.tick_params(length=0)
        axis.set_xlabel("target language")
        axis.set_ylabel("auxiliary language")
        for side in axis.spines.values():
            side.set_visible(False)
        bar = figure.colorbar(image, ax=axis, shrink=0.8, pad=0.02)
        bar.outline.set_visible(False)
        bar.set_label("gain in points", fontsize=7)
        n = "–".join(map(str, seeds[:: len(seeds) - 1 or 1])) if seeds else "0"
        figure.suptitle(f"{spec['method']} − {spec['baseline']}", fontsize=10)
        many = "seed" if n == "1" else "seeds"
        axis.set_title(f"{metric_title(spec['metric'])} ×100, mean over n = {n} {many}", fontsize=7.5, color=GREY)
    return figure


def write_cell(axis: Axes, cell: Gain, i: int, j: int, span: float) -> None:
    """Write a cell's number, or a dash where the target is the auxiliary, or a question mark where runs are missing."""
    if cell.points is None:
        axis.text(j, i, "–" if cell.reason == "auxiliary" else "?", ha="center", va="center", color=GREY)
        return
    dark = abs(cell.points) > 0.6 * span
    text = f"{round(cell.points, 1) + 0.0:+.1f}".replace("-", "−")
    axis.text(j, i, text, ha="center", va="center", fontsize=7, color="white" if dark else "black")


def draw_rates(label: str, runs: Sequence[Rates]) -> Figure:
    """Draw λ: left at the end by layer, a line a seed and their mean; right over the episodes, by layer, mean over seeds.

    Args:
        label: the variant that uses the rates.
        runs: one a seed.
    """
    layers = runs[0].layers
    final = np.stack([run.episodes[-1] for run in runs])
    episodes = min(len(run.episodes) for run in runs)
    course = np.mean([run.episodes[:episodes] for run in runs], axis=0)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(6.8, 3.0), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        places = np.arange(len(layers))
        for values in final:
            left.plot(places, values, color=SOURCE, alpha=0.35, linewidth=0.7, marker="o", markersize=2.5)
        left.plot(places, final.mean(axis=0), color=TARGET, linewidth=1.6, marker="o", markersize=4)
        left.set_xticks(places, layers)
        left.set_xlabel("layer, from the bottom")
        left.set_ylabel("update rate λ")
        left.set_title("at the end" + (f": {len(runs)} seeds and their mean" if len(runs) > 1 else ""), fontsize=8)
        shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, len(layers)))
        for values, name, shade in zip(course.T, layers, shades, strict=True):
            right.plot(range(1, episodes + 1), values, color=shade, label=name)
        right.set_xlabel("episode")
        right.set_title("over the episodes, mean over seeds", fontsize=8)
        figure.legend(title="layer", fontsize=6.5, title_fontsize=6.5, loc="outside right center")
        right.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
        figure.suptitle(label, fontsize=10)
    return figure
