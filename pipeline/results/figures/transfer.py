"""A method's scores, or its gains over a baseline, by source set and target: the numbers of a heat map, and its drawing."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import matplotlib
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.figure import Figure

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.results.figures.drawing import STYLE, write_below
from pipeline.results.figures.heat import compared, draw_heat, heat_figure, of_gains, of_scores, signed
from pipeline.results.figures.labels import CODES, Labels
from pipeline.results.scores.collect import read_scores
from pipeline.results.scores.measures import title as metric_title
from pipeline.results.tables.cells import Seed

Place = tuple[str, str]
"""(sources, target)."""


@dataclass(frozen=True)
class Cell:
    """One cell: the mean over seeds, in points, of a gain over those that both methods have; `None`: no run is there."""

    points: float | None
    seeds: int = 0


def read_transfer(spec: Mapping[str, Any]) -> dict[Place, Cell]:
    """Return the cells of a figure that the config has (`pipeline.grid.figures.figure_specs`).

    Raises:
        UserError: the scores are missing, or hold nothing of the method or the baseline.
    """
    return transfer(read_scores(paths.scores()), spec)


def transfer(scores: pa.Table, spec: Mapping[str, Any]) -> dict[Place, Cell]:
    """Return the same from collected scores.

    Raises:
        UserError: nothing of the method or the baseline is among them, or a cell has two runs of one seed.
    """
    ours, theirs = (by_place(scores, spec, spec[key]) for key in ("method", "baseline"))
    cells: dict[Place, Cell] = {}
    for experiment, sources, target in spec["cells"]:
        own = ours.get((experiment, sources, target), {})
        if spec["baseline"] is None:
            values = list(own.values())
        else:  # a baseline without sources is the same in every row
            base = theirs.get((experiment, sources, target)) or theirs.get((experiment, "", target), {})
            values = [own[seed] - base[seed] for seed in sorted(own.keys() & base.keys())]
        cells[sources, target] = Cell(100 * fmean(values), len(values)) if values else Cell(None)
    return cells


def by_place(
    scores: pa.Table, spec: Mapping[str, Any], variant: str | None
) -> dict[tuple[str, str, str], dict[Seed, float]]:
    """Return a method's scores by experiment, sources and target, by seed; none of no method.

    Raises:
        UserError: there are none, or two runs of one seed.
    """
    if variant is None:
        return {}
    experiments = list(dict.fromkeys(experiment for experiment, _, _ in spec["cells"]))
    wanted = pc.and_(pc.equal(scores["variant"], variant), pc.equal(scores["metric"], spec["metric"]))
    found: dict[tuple[str, str, str], dict[Seed, float]] = {}
    for row in scores.filter(wanted).to_pylist():
        if row["experiment"] not in experiments or np.isnan(row["value"]):
            continue
        of_seed = found.setdefault((row["experiment"], row["sources"], row["language"]), {})
        seed = row["data_seed"], row["model_seed"]
        if seed in of_seed:
            place = f"{row['sources']}→{row['language']}"
            raise UserError(f"{variant}: several runs on {place} in {row['experiment']!r} with model seed {seed[1]}")
        of_seed[seed] = row["value"]
    if not found:
        raise UserError(
            f"{paths.scores()}: no {spec['metric']} of {variant!r} in {', '.join(experiments)}; train it first"
        )
    return found


def draw_transfer(spec: Mapping[str, Any], cells: Mapping[Place, Cell], labels: Labels = CODES) -> Figure:
    """Draw a heat map, rows source sets and columns targets.

    Args:
        spec: the figure's description.
        cells: those that the config has.
        labels: what languages are called.
    """
    rows, columns = (list(dict.fromkeys(place[i] for place in cells)) for i in (0, 1))
    found = [[cells.get((sources, target)) for target in columns] for sources in rows]
    values = np.array([[np.nan if c is None or c.points is None else c.points for c in row] for row in found])
    texts = [[cell_text(cell, spec["baseline"] is not None) for cell in row] for row in found]
    title = metric_title(spec["metric"])
    colours = of_scores(values, f"{title} ×100") if spec["baseline"] is None else of_gains(values)
    with matplotlib.rc_context({**STYLE, **labels.style}):
        row_labels, column_labels = [labels.joined(row) for row in rows], [labels.of(column) for column in columns]
        figure = heat_figure(row_labels, column_labels)
        axis = figure.subplots()
        draw_heat(axis, values, texts, row_labels, column_labels, colours)
        axis.set_xlabel("target language")
        axis.set_ylabel("source languages" if any("+" in row for row in rows) else "source language")
        figure.suptitle(compared(spec), fontsize=8.5)
        score = "" if spec["baseline"] is None else f"{title} ×100, "
        write_below(figure, score + said(cells), labels.note)
    return figure


def cell_text(cell: Cell | None, gain: bool) -> str:
    """Word a cell: a score or a gain, a question mark where runs are missing, nothing where the config asks for none."""
    if cell is None:
        return ""
    if cell.points is None:
        return "?"
    return signed(cell.points) if gain else f"{cell.points:.1f}"


def said(cells: Mapping[Place, Cell]) -> str:
    """Say what the numbers are."""
    counts = sorted({cell.seeds for cell in cells.values() if cell.points is not None}) or [0]
    n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}–{counts[-1]}"
    missing = "; ?: no run yet" if any(cell.points is None for cell in cells.values()) else ""
    return f"mean over n = {n} {'seed' if n == '1' else 'seeds'}{missing}"
