"""Learning curves: what runs logged after each epoch, the mean over seeds with a band of one standard deviation to each side."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipeline.common.errors import UserError
from pipeline.common.stored import verified_run_file
from pipeline.results.analyses.distance import Floats
from pipeline.results.figures.drawing import COLOURS, COLUMN, DASHES, PAGE, STYLE, legend_below
from pipeline.results.figures.labels import CODES, Labels
from pipeline.results.scores.measures import title as metric_title

PANELS = 2
"""Targets that stand side by side in a column; of more than twice as many, four over the page."""

HEIGHT, REST = 1.35, 0.75
"""Inches: of a row of panels; of a line of the legend and of what else there is below."""


@dataclass(frozen=True)
class Curve:
    """A method's course on one target.

    Attributes:
        seeds: a course for each seed, one value an epoch (×100 of scores), not a number where nothing was logged.
    """

    seeds: tuple[Floats, ...]

    @property
    def common(self) -> int:
        """Epochs that all seeds have."""
        return min(map(len, self.seeds))

    @property
    def mean(self) -> Floats:
        """Over seeds, of the epochs that all have, (epochs,)."""
        return np.asarray(np.mean([seed[: self.common] for seed in self.seeds], axis=0), dtype=np.float64)

    @property
    def sd(self) -> Floats:
        """The standard deviation over seeds (n − 1), likewise; zero of one seed."""
        if len(self.seeds) < 2:
            return np.zeros(self.common)
        return np.asarray(np.std([seed[: self.common] for seed in self.seeds], axis=0, ddof=1), dtype=np.float64)


def read_curves(spec: Mapping[str, Any]) -> dict[str, dict[str, Curve]]:
    """Return by method and target what a figure shows (`pipeline.grid.figures.curves_spec`); targets without a run are left out.

    Raises:
        UserError: a run's log is missing or broken, or says nothing of what is shown.
    """
    return {
        line["method"]: {
            target: Curve(tuple(read_course(run, spec["show"]) for run in runs))
            for target, runs in line["runs"].items()
            if runs
        }
        for line in spec["lines"]
    }


def read_course(run: str, show: str) -> Floats:
    """Return a run's value after each epoch: `dev`, its score ×100, or `loss`, the mean of what was trained on.

    Raises:
        UserError: `history.jsonl` is missing or broken, or has no such value.
    """
    path = verified_run_file(run, "history")
    try:
        records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        values = [100 * nan(r["dev_score"]) if show == "dev" else nan(r["losses"].get("loss")) for r in records]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: cannot read what the run logged: {error!r}") from None
    if not any(math.isfinite(value) for value in values):
        what = "dev score; draw its training loss with show: loss" if show == "dev" else "loss"
        raise UserError(f"{path}: {len(values)} epochs, none with a {what}")
    return np.array(values, dtype=np.float64)


def nan(value: float | None) -> float:
    """Return a logged value, not a number where none was."""
    return math.nan if value is None else float(value)


def draw_curves(spec: Mapping[str, Any], curves: Mapping[str, Mapping[str, Curve]], labels: Labels = CODES) -> Figure:
    """Draw a panel for each target, a line for each method.

    Args:
        spec: the figure's description.
        curves: by method and target.
        labels: what languages are called.
    """
    targets = spec["targets"]
    wide = len(targets) > 2 * PANELS
    across = min(len(targets), 2 * PANELS if wide else PANELS)
    down = -(-len(targets) // across)
    columns = 4 if wide else 2
    below = 0.15 * -(-len(curves) // columns) + REST
    with matplotlib.rc_context({**STYLE, **labels.style}):
        figure = Figure(figsize=(PAGE if wide else COLUMN, down * HEIGHT + below), layout="constrained")
        panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)
        for axis, target in zip(panels.flat, targets, strict=False):
            draw_target(axis, target, curves, labels)
        for axis in panels.flat[len(targets) :]:
            axis.set_axis_off()
        for axis in panels[:, 0]:
            axis.set_ylabel("dev score ×100" if spec["show"] == "dev" else "training loss")
        for j, axis in enumerate(panels[-1]):
            last = panels[-2][j] if down > 1 and (down - 1) * across + j >= len(targets) else axis
            last.set_xlabel("epoch")
            last.tick_params(labelbottom=True)
        handles, _ = panels[0, 0].get_legend_handles_labels()
        named = [legend_text(line, spec["show"]) for line in spec["lines"]]
        legend_below(figure, handles, named, columns, said(curves), labels.note)
        if spec["metric"]:
            figure.suptitle(f"{metric_title(spec['metric'])}, on dev data", fontsize=8.5)
    return figure


def draw_target(axis: Axes, target: str, curves: Mapping[str, Mapping[str, Curve]], labels: Labels) -> None:
    """Draw one target's panel; of seeds that went on for longer than others the rest is a thin line each."""
    for i, of_target in enumerate(curves.values()):
        colour, dashes = COLOURS[i % len(COLOURS)], DASHES[i % len(DASHES)]
        curve = of_target.get(target)
        if curve is None:
            axis.plot([], [], color=colour, linestyle=dashes, linewidth=1.2, label=f"line {i}")
            continue
        epochs = np.arange(1, curve.common + 1)
        mean, sd = curve.mean, curve.sd
        alone: dict[str, Any] = {"marker": "o", "markersize": 3} if curve.common == 1 else {}
        axis.plot(epochs, mean, color=colour, linestyle=dashes, linewidth=1.2, label=f"line {i}", **alone)
        axis.fill_between(epochs, mean - sd, mean + sd, color=colour, alpha=0.2, linewidth=0)
        for seed in curve.seeds:
            if len(seed) > curve.common:
                rest = np.arange(curve.common, len(seed) + 1)
                axis.plot(rest, seed[curve.common - 1 :], color=colour, linewidth=0.5, alpha=0.6)
    axis.set_title(labels.of(target), fontsize=8)
    axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(5))


def legend_text(line: Mapping[str, Any], show: str) -> str:
    """Name a line: its method, and whose dev data its scores are of where these are not the target's."""
    return f"{line['method']} (dev of source)" if show == "dev" and line["dev"] == "source" else str(line["method"])


def said(curves: Mapping[str, Mapping[str, Curve]]) -> str:
    """Say what lines and bands are."""
    found = [curve for of_target in curves.values() for curve in of_target.values()]
    counts = sorted({len(curve.seeds) for curve in found})
    seeds = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
    if counts[-1:] == [1]:
        return "one seed"
    unlike = any(len(seed) > curve.common for curve in found for seed in curve.seeds)
    return f"mean ± sd over n = {seeds} seeds" + ("; thin: seeds that went on" if unlike else "")
