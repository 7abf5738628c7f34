"""The figure of an error analysis, one for each task, as wide as a column of two.

`ner` and `qa`: kinds of errors as stacked bars, a bar a method. Tasks with classes: a confusion matrix for each method.
Colours are Okabe and Ito's, and each kind has a hatch of its own, for print in grey.
"""

from collections.abc import Sequence
from statistics import fmean

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.data.schema import CLASSES
from pipeline.results.errors import answers, entities
from pipeline.results.errors.grids import groups, methods, pairs
from pipeline.results.errors.report import Pair, Report
from pipeline.results.errors.spec import Key
from pipeline.results.figures.drawing import GREY, STYLE

Matrix = np.ndarray[tuple[int, int], np.dtype[np.float64]]

WIDTH = 3.35
"""Inches: a column of two."""
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9")
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\")
KINDS = {"ner": entities.KINDS, "qa": answers.KINDS}
ITEMS = {"ner": "gold entities", "qa": "questions"}
MOST_BARS = 40
"""Bars that have room on a page; of more, the mean over targets is drawn."""
MOST_NUMBERS = 7
"""Classes up to which a matrix has room for its numbers."""


def draw_errors(report: Report) -> Figure:
    """Draw the figure of a report."""
    with rc_context({**STYLE, "font.size": 7.5, "axes.titlesize": 8, "hatch.linewidth": 0.4}):
        return draw_matrices(report) if report.spec.task in CLASSES else draw_kinds(report)


def panels(report: Report, most: int) -> list[tuple[str, list[Pair]]]:
    """Return what each panel shows: a target, or of many rows the mean over all."""
    there = pairs(report)
    rows = sum(len(methods(report, pair)) for pair, _ in there)
    if len(there) == 1 or rows <= most:
        return [(label, [pair]) for pair, label in there]
    return [(f"mean over {len(there)} targets", [pair for pair, _ in there])]


def shown_methods(report: Report, of: Sequence[Pair]) -> list[tuple[str, str]]:
    """Return the methods that have runs on all of these pairs."""
    common = [set(methods(report, pair)) for pair in of]
    return [
        (m["name"], m["label"]) for m in report.spec.methods if all((m["name"], m["label"]) in one for one in common)
    ]


def mean(report: Report, method: str, of: Sequence[Pair], key: Key) -> float | None:
    """Return a number ×100, the mean over these pairs; `None` where none has it."""
    numbers = [number for pair in of if (number := report.number(method, pair, key)) is not None]
    return 100 * fmean(number.summary.mean for number in numbers) if numbers else None


# ------------------------------------------------------------------------------------------------------------ kinds of errors


def draw_kinds(report: Report) -> Figure:
    """Draw a panel of stacked bars for each target."""
    shown = panels(report, MOST_BARS)
    bars = [len(shown_methods(report, of)) for _, of in shown]
    figure = Figure(figsize=(WIDTH, 0.75 + sum(0.17 * n + 0.3 for n in bars)), layout="constrained")
    axes = figure.subplots(len(shown), 1, sharex=True, squeeze=False, height_ratios=[n + 0.6 for n in bars])[:, 0]
    for axis, (label, of) in zip(axes, shown, strict=True):
        draw_stacks(axis, report, of)
        axis.set_title(label, loc="left")
    axes[-1].set_xlabel(f"errors per 100 {ITEMS[report.spec.task]}")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, handlelength=1.4, columnspacing=1.0)
    return figure


def draw_stacks(axis: Axes, report: Report, of: Sequence[Pair]) -> None:
    """Draw one panel: a bar a method, its kinds of errors one after the other, and their sum at the end."""
    named = shown_methods(report, of)
    places = np.arange(len(named))
    ends = np.zeros(len(named))
    for kind, colour, hatch in zip(KINDS[report.spec.task], COLOURS, HATCHES, strict=True):
        widths = np.array([mean(report, name, of, Key("kinds", kind)) or 0.0 for name, _ in named])
        axis.barh(
            places,
            widths,
            left=ends,
            height=0.72,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            linewidth=0.4,
            label=kind,
        )
        ends += widths
    for place, end in zip(places, ends, strict=True):
        axis.annotate(f"{end:.0f}", (end, place), xytext=(2, 0), textcoords="offset points", va="center", color=GREY)
    axis.set_yticks(places, [label for _, label in named])
    axis.invert_yaxis()
    axis.tick_params(axis="y", length=0)
    axis.margins(x=0.12)


# ---------------------------------------------------------------------------------------------------------- confusion matrices


def draw_matrices(report: Report) -> Figure:
    """Draw a matrix for each method, in rows of two, one target after the other."""
    matrices = []
    for target, of in panels(report, MOST_BARS // 2):
        for name, label in shown_methods(report, of):
            matrices.append((label if len(pairs(report)) == 1 else f"{label}, {target}", name, of))
    classes = groups(report, "confusion")
    across = 1 if len(classes) > 2 * MOST_NUMBERS else 2
    down = -(-len(matrices) // across)
    figure = Figure(figsize=(WIDTH, 0.4 + down * (1.75 if across == 2 else 3.2)), layout="constrained")
    axes = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
    for axis, (title, name, of) in zip(axes, matrices, strict=False):
        draw_matrix(axis, matrix(report, name, of, classes), classes)
        axis.set_title(title)
    for axis in axes[len(matrices) :]:
        axis.set_axis_off()
    for axis in axes[max(len(matrices) - across, 0) : len(matrices)]:
        axis.tick_params(labelbottom=True)  # the last of each column
    figure.supxlabel("predicted", fontsize=7.5)
    figure.supylabel("gold", fontsize=7.5)
    return figure


def matrix(report: Report, method: str, of: Sequence[Pair], classes: Sequence[str]) -> Matrix:
    """Return a confusion matrix ×100, gold × predicted; a class that gold never has is a row without numbers."""
    rows = []
    for gold in classes:
        found = [mean(report, method, of, Key("confusion", gold, said)) for said in classes]
        nothing = 0.0 if any(value is not None for value in found) else np.nan
        rows.append([nothing if value is None else value for value in found])
    return np.array(rows, dtype=np.float64).reshape(len(classes), len(classes))


def draw_matrix(axis: Axes, values: Matrix, classes: Sequence[str]) -> None:
    """Draw one matrix, with its numbers where these have room."""
    axis.imshow(values, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    if len(classes) <= MOST_NUMBERS:
        for i, j in np.ndindex(values.shape):
            if np.isfinite(values[i, j]):
                colour = "white" if values[i, j] > 60 else "black"
                axis.text(j, i, f"{values[i, j]:.0f}", ha="center", va="center", color=colour)
    long = max(map(len, classes)) > 4
    axis.set_xticks(range(len(classes)), classes, rotation=45 if long else 0, ha="right" if long else "center")
    axis.set_yticks(range(len(classes)), classes)
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)
