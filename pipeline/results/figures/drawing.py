"""Figures of an analysis: two clouds of points before and after, and gains against drops over languages.

Colours are Okabe and Ito's, told apart by colour-blind readers; markers differ too, for print in grey. Files hold no dates.
"""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import Normal
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from pipeline.common.files import atomic_path
from pipeline.results.analyses.distance import Floats, decimals
from pipeline.results.analyses.projection import Panel
from pipeline.results.figures.labels import CODES, ISOLATE, Labels

matplotlib.use("Agg")

SOURCE, TARGET, GREY = "#0072B2", "#D55E00", "#666666"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's, told apart with any eyes."""

MARKERS = "o^sDvP*"
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)), (0, (3, 3)))
"""One more than colours, so that lines of one colour differ in these."""

COLUMN, PAGE = 3.3, 6.8
"""Inches that figures are wide, in one column of a paper or over both; no letter is smaller than 7 points there."""

SHOWN = 1000
"""Points of a language that are drawn; the components and distances are those of all points."""

TURNS = 10
MARKS = ((SOURCE, "o"), (TARGET, "^"))

UNITS = {"token": "words of {} sentences", "sentence": "{} sentences"}
STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # letters as letters, not as outlines
    "svg.hashsalt": "metalingua",
}
NO_DATES: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}
"""Nor versions of what drew it."""


def draw_pair(
    source: str,
    target: str,
    seed: Sequence[int],
    view: Mapping[str, Any],
    panels: Sequence[Panel],
    labels: Labels = CODES,
) -> Figure:
    """Draw a language pair before and after, each on its own two principal components.

    Args:
        source: the source languages' names, joined.
        target: the target language's name.
        seed: `[data_seed, model_seed]` of the runs.
        view: what of the models is looked at.
        panels: before and after.
        labels: by which fonts the names are written.
    """
    layer = "last layer" if view["layer"] == "last" else f"layer {view['layer']}"
    with matplotlib.rc_context({**STYLE, **labels.style}):
        figure = Figure(figsize=(6.6, 3.9), layout="constrained")
        axes = figure.subplots(1, 2)
        for axis, panel in zip(axes, panels, strict=True):
            draw_panel(axis, panel)
        drop = " → ".join(distance_text(panel.distances.hausdorff) for panel in panels)
        figure.suptitle(f"{source} → {target}: Hausdorff distance {drop}", fontsize=10)
        handles = [
            Line2D([], [], color=colour, marker=marker, linestyle="", markersize=5, label=f"{name} ({role})")
            for (colour, marker), name, role in zip(MARKS, (source, target), ("source", "target"), strict=True)
        ]
        note = f"{UNITS[view['units']].format(view['split'])}, {layer}, model seed {seed[1]}"
        legend_below(figure, handles, [str(handle.get_label()) for handle in handles], 2, note, labels.note)
    return figure


def draw_panel(axis: Axes, panel: Panel) -> None:
    """Draw the points of one model, a share of each language at a time, so that neither hides the other."""
    clouds = [points[subsample(len(points))] for points in (panel.source, panel.target)]
    for turn in range(TURNS):
        for points, (colour, marker) in zip(clouds, MARKS, strict=True):
            shown = points[turn::TURNS]
            axis.scatter(shown[:, 0], shown[:, 1], s=8, c=colour, marker=marker, alpha=0.5, linewidths=0)
    found = panel.distances
    axis.set_title(panel.label, fontweight="bold", loc="left", pad=15)
    named = {"Hausdorff": found.hausdorff, "modified": found.modified_hausdorff, "spread": found.spread}
    text = ", ".join(f"{name} {distance_text(value)}" for name, value in named.items())
    axis.text(0, 1.02, text, transform=axis.transAxes, fontsize=7.5, color=GREY)
    axis.set_xlabel(f"component 1 ({100 * panel.explained[0]:.0f} % of variance)")
    axis.set_ylabel(f"component 2 ({100 * panel.explained[1]:.0f} %)")
    axis.set_aspect("equal", adjustable="datalim")
    for scale in (axis.xaxis, axis.yaxis):
        scale.set_major_locator(MaxNLocator(6))


def distance_text(value: float) -> str:
    """Word a distance."""
    return f"{value:.{decimals(value)}f}"


def subsample(count: int, most: int = SHOWN) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Choose at most `most` of `count` rows, always the same ones, in ascending order."""
    if count <= most:
        return np.arange(count, dtype=np.int64)
    return np.sort(np.random.RandomState(0).permutation(count)[:most]).astype(np.int64)


def draw_correlation(found: Mapping[str, Any], labels: Labels = CODES) -> Figure:
    """Draw each language pair's gain against its distance's drop, a panel for each distance (an analysis' JSON)."""
    kinds = list(found["correlations"])
    with matplotlib.rc_context({**STYLE, **labels.style}):
        figure = Figure(figsize=(3.4 * len(kinds), 3.3), layout="constrained")
        axes = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
        for axis, kind in zip(axes, kinds, strict=True):
            draw_gains(axis, found, kind, labels)
        axes[0].set_ylabel(f"gain in {found['metric']} (points)")
        figure.suptitle(f"{found['after']} against {found['before']}", fontsize=10)
        write_below(figure, labels.note)
    return figure


def draw_gains(axis: Axes, found: Mapping[str, Any], kind: str, labels: Labels = CODES) -> None:
    """Draw one distance's panel: mean ± standard deviation over seeds; the least-squares line where r has an interval."""
    pairs = found["pairs"]
    x = np.array([pair["drop"][kind]["mean"] for pair in pairs])
    y = np.array([pair["gain"]["mean"] for pair in pairs])
    wide = [[v["sd"] or 0 for v in values] for values in ([p["drop"][kind] for p in pairs], [p["gain"] for p in pairs])]
    axis.axhline(0, color=GREY, linewidth=0.5, linestyle=":")
    axis.axvline(0, color=GREY, linewidth=0.5, linestyle=":")
    axis.errorbar(
        x, y, xerr=wide[0], yerr=wide[1], fmt="o", color=SOURCE, markersize=4, elinewidth=0.6, ecolor="#9ac4dc"
    )
    several = len({tuple(pair["sources"]) for pair in pairs}) > 1
    for i, pair in enumerate(pairs):
        target = labels.of(pair["target"])
        text = f"{labels.joined('+'.join(pair['sources']))}→{target}" if several else target
        axis.annotate(text, (x[i], y[i]), xytext=(4, 4), textcoords="offset points", fontsize=7)
    correlation = found["correlations"][kind]
    if correlation["low"] is not None:
        draw_line(axis, x, y)
    axis.set_title(title_of(correlation), fontsize=8)
    axis.set_xlabel(f"drop of the {kind} distance")
    axis.xaxis.set_major_locator(MaxNLocator(5))
    axis.margins(0.15)


def draw_line(axis: Axes, x: Floats, y: Floats) -> None:
    """Draw the least-squares line across the points."""
    slope, offset = np.polyfit(x, y, 1)
    ends = np.array([x.min(), x.max()])
    axis.plot(ends, slope * ends + offset, color=TARGET, linewidth=0.8, linestyle="--")


def title_of(correlation: Mapping[str, Any]) -> str:
    """Say what is known of a correlation: `r = +0.40 [−0.42, +0.86], n = 8`."""
    if correlation["pearson"] is None:
        return str(correlation["reason"])
    interval = ""
    if correlation["low"] is not None:
        interval = f" [{correlation['low']:+.2f}, {correlation['high']:+.2f}]"
    return f"r = {correlation['pearson']:+.2f}{interval}, n = {correlation['n']}".replace("-", "−")


def write_below(figure: Figure, *notes: str) -> None:
    """Write notes under a figure that has no legend there, small and grey; empty ones are left out."""
    if lines := wrapped(figure, *notes):
        figure.supxlabel(lines, x=0.01, ha="left", fontsize=7, color=GREY)


def legend_below(figure: Figure, handles: Sequence[Any], texts: Sequence[str], columns: int, *notes: str) -> None:
    """Put a legend under a figure, and above its entries notes, small and grey; empty ones are left out."""
    title = wrapped(figure, *notes) or None
    legend = figure.legend(
        handles, texts, loc="outside lower center", ncols=columns, fontsize=7, title=title, title_fontsize=7
    )
    legend.get_title().set_color(GREY)


def wrapped(figure: Figure, *notes: str) -> str:
    """Break notes into lines that a figure is wide enough for."""
    room = round(figure.get_figwidth() * 19)  # characters of 7 points
    return "\n".join(line for note in notes for line in textwrap.wrap(note, room))


def save(figure: Figure, path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a figure as its suffix says, whole or not at all; same figure, same bytes.

    Args:
        figure: what is drawn.
        path: a PDF or a PNG.
        metadata: texts that the file carries, by the keys that its format has.
    """
    suffix = path.suffix.removeprefix(".")
    for text in figure.findobj(
        Text
    ):  # in a PDF's text the marks of direction would be as wide as blanks; as outlines they are not
        if isinstance(text, Text) and ISOLATE in text.get_text():
            text.set_path_effects([Normal()])
    with matplotlib.rc_context(STYLE), atomic_path(path) as temporary:
        figure.savefig(temporary, format=suffix, dpi=200, metadata={**NO_DATES[suffix], **(metadata or {})})
