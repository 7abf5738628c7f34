"""Figures over experiments: gains and meta graphs as heat maps, update rates by layer, scores by size."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import matplotlib
import matplotlib.ticker
import numpy as np
from matplotlib.figure import Figure

from pipeline.results.figures.drawing import (
    COLOURS,
    COLUMN,
    GREY,
    MARKERS,
    SOURCE,
    STYLE,
    TARGET,
    legend_below,
    write_below,
)
from pipeline.results.figures.gains import Gain
from pipeline.results.figures.heat import compared, draw_heat, heat_figure, of_gains, signed
from pipeline.results.figures.labels import CODES, Labels
from pipeline.results.figures.meta_graphs import GraphMap
from pipeline.results.figures.rates import Rates
from pipeline.results.figures.sizes import Point
from pipeline.results.scores.measures import title as metric_title


def draw_gains_map(spec: Mapping[str, Any], cells: Sequence[Sequence[Gain]], labels: Labels = CODES) -> Figure:
    """Draw a heat map, rows auxiliary sets and columns targets: blue for gains, red for losses, white at zero.

    Args:
        spec: the figure's description (`pipeline.grid.figures.figure_specs`).
        cells: a row for each auxiliary set, a column for each target.
        labels: what languages are called.
    """
    values = np.array([[np.nan if cell.points is None else cell.points for cell in row] for row in cells])
    seeds = sorted({cell.seeds for row in cells for cell in row if cell.points is not None})
    rows = [labels.joined(auxiliary) for auxiliary in spec["auxiliaries"]]
    columns = [labels.of(target) for target in spec["targets"]]
    with matplotlib.rc_context({**STYLE, **labels.style}):
        figure = heat_figure(rows, columns)
        axis = figure.subplots()
        draw_heat(axis, values, [[cell_text(cell) for cell in row] for row in cells], rows, columns, of_gains(values))
        axis.set_xlabel("target language")
        axis.set_ylabel("auxiliary language")
        n = between(seeds)
        figure.suptitle(compared(spec), fontsize=8.5)
        many = "seed" if n == "1" else "seeds"
        axis.set_title(f"{metric_title(spec['metric'])} ×100, mean over n = {n} {many}", fontsize=7, color=GREY)
        write_below(figure, labels.note)
    return figure


def between(counts: Sequence[int]) -> str:
    """Say how many: `3`, or from the least to the most, `1–5`; `0` where there is none."""
    return "–".join(map(str, counts[:: len(counts) - 1 or 1])) if counts else "0"


def cell_text(cell: Gain) -> str:
    """Word a cell: its number, or a dash where the target is the auxiliary, or a question mark where runs are missing."""
    if cell.points is None:
        return "–" if cell.reason == "auxiliary" else "?"
    return signed(cell.points)


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
        figure.legend(title="layer", fontsize=7, title_fontsize=7, loc="outside right center")
        right.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
        figure.suptitle(label, fontsize=10)
    return figure


def draw_sizes(spec: Mapping[str, Any], lines: Mapping[str, Sequence[Point | None]], labels: Labels = CODES) -> Figure:
    """Draw scores over sizes of the training data, evenly spaced, a line a method with 95 % intervals.

    Args:
        spec: the figure's description.
        lines: by method, a point for each size.
        labels: what languages are called.
    """
    places = np.arange(len(spec["sizes"]))
    seeds = sorted({point.seeds for points in lines.values() for point in points if point is not None})
    with matplotlib.rc_context({**STYLE, **labels.style}):
        figure = Figure(figsize=(COLUMN, 2.5 + 0.15 * -(-len(lines) // 2)), layout="constrained")
        axis = figure.subplots()
        for i, (method, points) in enumerate(lines.items()):
            shift = (i - (len(lines) - 1) / 2) * 0.6 / max(len(lines), 6)
            kept = [(place + shift, point) for place, point in zip(places, points, strict=True) if point is not None]
            axis.errorbar(
                [x for x, _ in kept],
                [point.mean for _, point in kept],
                yerr=[point.half or 0.0 for _, point in kept],
                color=COLOURS[i % len(COLOURS)],
                marker=MARKERS[i % len(MARKERS)],
                linestyle="-" if i < len(COLOURS) else "--",
                linewidth=1.0,
                markersize=3.5,
                elinewidth=0.6,
                capsize=1.5,
                label=spec["words"][method],
            )
        axis.set_xticks(places, ["all" if size is None else f"{size:g}" for size in spec["sizes"]])
        whose = "sources" if spec.get("over") == "source_size" else "target"
        axis.set_xlabel(f"labelled training examples of the {whose}" + shares(spec["sizes"]))
        axis.set_ylabel(f"{metric_title(spec['metric'])} ×100", fontsize=7.5)
        handles, texts = axis.get_legend_handles_labels()
        languages = [labels.of(language) for language in dict.fromkeys(language for _, language in spec["columns"])]
        said = f"mean over {', '.join(languages)}; 95 % t-interval over n = {between(seeds)} seeds"
        legend_below(figure, handles, texts, 2, said, labels.note)
    return figure


def shares(sizes: Sequence[float | None]) -> str:
    """Say that sizes are shares of what there is, where they are."""
    return ", share" if all(size is None or size < 1 for size in sizes) else ""


def draw_graph_maps(spec: Mapping[str, Any], panels: Sequence[GraphMap], labels: Labels = CODES) -> Figure:
    """Draw mean meta graphs, a panel each, on one scale; a node's edge to itself is left white, and its mean stands above.

    Args:
        spec: the figure's description.
        panels: one for each source set and target.
        labels: what languages are called.
    """
    shown = [np.where(np.eye(len(panel.edges), dtype=bool), np.nan, panel.edges) for panel in panels]
    most = max(float(np.nanmax(values)) for values in shown) or 1.0
    with matplotlib.rc_context({**STYLE, **labels.style}):
        size = max(1.8, 0.2 * len(shown[0]))
        figure = Figure(figsize=((size + 0.9) * len(panels) + 0.8, size + 1.5), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, panel, values in zip(axes, panels, shown, strict=True):
            colours = matplotlib.colormaps["viridis"].with_extremes(bad="white")
            image = axis.imshow(values, cmap=colours, vmin=0, vmax=most, aspect="equal")
            names = [f"{labels.of(language)} {label}" for language, label in panel.nodes]
            axis.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
            axis.set_yticks(range(len(names)), names, fontsize=7)
            axis.tick_params(length=0)
            axis.set_title(f"→ {labels.of(panel.target)}; to itself: {np.diag(panel.edges).mean():.2f}", fontsize=7.5)
            for edge in np.flatnonzero([a[0] != b[0] for a, b in pairwise(panel.nodes)]):
                axis.axhline(edge + 0.5, color="white", linewidth=0.8)
                axis.axvline(edge + 0.5, color="white", linewidth=0.8)
        bar = figure.colorbar(image, ax=list(axes), shrink=0.8, pad=0.02)
        bar.outline.set_visible(False)
        bar.set_label("mean normalised edge weight", fontsize=7)
        runs = max(len(panel["runs"]) for panel in spec["panels"])
        figure.suptitle(f"{spec['label']}: meta graph, {spec['draws']} draws in each of {runs} seeds", fontsize=8.5)
        write_below(figure, labels.note)
    return figure
