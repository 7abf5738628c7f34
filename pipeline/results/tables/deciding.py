"""Which comparisons of a table are decided, and which cells get another seed because one of theirs is not.

In every column each row is compared with the baseline and with the best. As the best is picked by its score, a row is out of the
running where it is shown to be worse than any other at α over the number of these (Bonferroni): so the best of all is found worse
with probability α at most. A row is alike to the best where it is within the margin of the highest mean.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.results.statistics.crossed import Crossed, analyse
from pipeline.results.statistics.seeds import Floats, summarise
from pipeline.results.statistics.sequential import Judgement, judge, of_seeds
from pipeline.results.tables.added import Rule
from pipeline.results.tables.cells import Column, Grid, Row, Seed, Spec, members, shown_columns
from pipeline.results.tables.items import LEAST_ITEMS, ItemValues
from pipeline.results.tables.table import baseline_of, label_of


@dataclass(frozen=True)
class Entry:
    """What one row has in one column.

    Attributes:
        seeds: in order.
        values: of seeds and test items (S, N), or of seeds alone (S,).
        grows: whether seeds are added to its cells until it is decided.
    """

    seeds: Sequence[Seed]
    values: Floats
    grows: bool

    @property
    def mean(self) -> float:
        """The mean score."""
        return float(self.values.mean())


@dataclass(frozen=True)
class Compared:
    """One comparison.

    Attributes:
        row, other, column: whose.
        with_best: whether the other row is there as the one with the highest mean, or as the baseline.
        judgement: what is known of it.
        seeds: model seeds in the look that decided it, or in the last one.
        next: the model seed that is to be added; `None` where it is decided, or there is none to add.
    """

    row: Row
    other: Row
    column: Column
    with_best: bool
    judgement: Judgement
    seeds: int
    next: int | None


@dataclass
class _Judge:
    """Comparisons of one column."""

    rule: Rule
    entries: Mapping[Row, Entry]
    known: dict[tuple[Row, Row, float], tuple[Judgement, int, int] | None] = field(default_factory=dict)

    def pair(self, row: Row, other: Row, alpha: float) -> tuple[Judgement, int, int] | None:
        """Return what is known of row − other, the model seeds of that look, and the last that both have; `None`: no pairs."""
        key = row, other, alpha
        if key not in self.known:
            self.known[key] = self._pair(row, other, alpha)
        return self.known[key]

    def _pair(self, row: Row, other: Row, alpha: float) -> tuple[Judgement, int, int] | None:
        ours, theirs = self.entries[row], self.entries[other]
        common = [seed for seed in ours.seeds if seed in theirs.seeds and seed[1] is not None]
        of_data = len({data for data, _ in common})
        places = [[entry.seeds.index(seed) for seed in common] for entry in (ours, theirs)]
        differences = ours.values[places[0]] - theirs.values[places[1]]
        looks: dict[int, Crossed] = {}
        for seeds in range(self.rule["start"], self.rule["at_most"] + 1):
            there = np.array([model is not None and model <= seeds for _, model in common], bool)
            if there.sum() > 1 and any(model == seeds for _, model in common):
                found = differences[there]
                looks[seeds * of_data] = analyse(found) if found.ndim == 2 else of_seeds(found)
        if not looks:
            return None
        sizes = [seeds * of_data for seeds in range(self.rule["start"], self.rule["at_most"] + 1)]
        judgement = judge(looks, sizes, alpha, self.rule["margin"] / 100)
        return judgement, judgement.pairs // of_data, max(looks) // of_data

    def compared(self, row: Row, other: Row, column: Column, with_best: bool) -> Compared | None:
        """Return a comparison, `None` where there is nothing to compare or no cell to add seeds to."""
        if not (self.entries[row].grows or self.entries[other].grows):
            return None
        alpha = self.rule["alpha"] / (len(self.entries) - 1 if with_best else 1)
        found = self.pair(row, other, alpha)
        if with_best and (found is None or found[0].state == "open"):
            found = next((worse for j in self.entries if (worse := self.worse(row, j, alpha))), found)
        if found is None:
            return None
        judgement, seeds, last = found
        more = judgement.state == "open" and last < self.rule["at_most"] and self.can_have(last + 1, row, other)
        return Compared(row, other, column, with_best, judgement, seeds, last + 1 if more else None)

    def worse(self, row: Row, other: Row, alpha: float) -> tuple[Judgement, int, int] | None:
        """Return by what a row is shown to be worse than another, `None` where it is not."""
        found = None if row == other else self.pair(row, other, alpha)
        return found if found and found[0].state == "separated" and found[0].difference < 0 else None

    def can_have(self, seed: int, *rows: Row) -> bool:
        """Whether all rows have a model seed, or may get it."""
        return all(entry.grows or seed in {m for _, m in entry.seeds} for entry in map(self.entries.__getitem__, rows))


def compare_all(spec: Spec, grid: Grid, rule: Rule) -> list[Compared]:
    """Return every comparison of a table that seeds are added for."""
    found = []
    for column in decided_columns(spec, grid):
        own = _Judge(rule, entries(spec, grid, column))
        for row, other, with_best in pairs_of(spec, grid, own.entries):
            if (one := own.compared(row, other, column, with_best)) is not None:
                found.append(one)
    return found


def decided_columns(spec: Spec, grid: Grid) -> list[Column]:
    """Return the columns whose comparisons count: those of cells; means where a table shows nothing else."""
    hidden = spec.columns in ("average", "dataset_average")
    return [c for c in shown_columns(spec, grid.columns) if c.mean] if hidden else list(grid.columns)


def pairs_of(spec: Spec, grid: Grid, there: Mapping[Row, Entry]) -> Iterator[tuple[Row, Row, bool]]:
    """Yield what is compared in a column: rows with their baseline, then with the row of the highest mean."""
    for row in there:
        baseline = baseline_of(spec, grid, row)
        if baseline is not None and baseline != row and baseline in there:
            yield row, baseline, False
    best = max(there, key=lambda row: there[row].mean, default=None)
    for row in there:
        if best is not None and row != best:
            yield row, best, True


def entries(spec: Spec, grid: Grid, column: Column) -> dict[Row, Entry]:
    """Return what the rows have in a column; those without scores, or with one average over all seeds, are left out."""
    rows = [row for row in grid.rows if not spec.over_seeds(row.variant)]
    behind = members(column, grid.columns) if column.mean else [column]
    rows = [row for row in rows if all(grid.cells.get((row, part)) for part in behind)]
    of_items = None if column.mean else item_differences(spec, grid, rows, column)
    found = {}
    for row in rows:
        cells = [grid.cells[row, part] for part in behind]
        seeds = sorted(set.intersection(*(set(cell) for cell in cells)), key=seed_order)
        scores = np.array([summarise([cell[seed].value for cell in cells]).mean for seed in seeds])
        grows = any(is_growing(spec, grid, row, part) for part in behind)
        if seeds:
            found[row] = Entry(seeds, scores if of_items is None else of_items[row], grows)
    return found


def seed_order(seed: Seed) -> tuple[int, int]:
    """Order seeds: by data seed, then by model seed."""
    return seed[0], -1 if seed[1] is None else seed[1]


def item_differences(spec: Spec, grid: Grid, rows: Sequence[Row], column: Column) -> dict[Row, Floats] | None:
    """Return the values of test items by row, (S, N), seeds in order; `None` where outcomes are not at hand, or too few."""
    runs = {
        row: [grid.cells[row, column][s].run for s in sorted(grid.cells[row, column], key=seed_order)] for row in rows
    }
    every = [run for own in runs.values() for run in own]
    of_items = ItemValues(spec.task, spec.metric)
    if not of_items.at_hand(every):
        return None
    values = of_items.of_runs(every, column.language)
    if values.shape[1] < LEAST_ITEMS:
        return None
    ends = np.cumsum([len(own) for own in runs.values()])
    return {row: values[end - len(runs[row]) : end] for row, end in zip(rows, ends, strict=True)}


def is_growing(spec: Spec, grid: Grid, row: Row, column: Column) -> bool:
    """Whether a cell's runs are of an experiment that adds seeds."""
    growing = {e["name"] for e in spec.experiments if "until_decided" in e}
    return any(growing & score.experiments for score in grid.cells.get((row, column), {}).values())


def decisions(spec: Spec, grid: Grid, rule: Rule, outcomes: Mapping[str, str]) -> dict[str, Any]:
    """Return what is decided, and how many seeds each cell is to have.

    Args:
        spec: the table.
        grid: its scores.
        rule: by which seeds are added.
        outcomes: the SHA-256 of every run's outcomes.

    Returns:
        `open`: how many comparisons wait for a seed; `comparisons` in order, differences in points; `cells` with their numbers of
        seeds, `seen` and `wanted`, and the runs that were seen with the SHA-256 of their outcomes.
    """
    compared = compare_all(spec, grid, rule)
    texts = {method["name"]: str(method.get("label", method["name"])) for method in spec.methods}
    labels = {row: label_of(texts[row.variant], row, spec.task) for row in grid.rows}
    return {
        "open": sum(one.next is not None for one in compared),
        "comparisons": [described(one, labels) for one in compared],
        "cells": list(seen_cells(spec, grid, wanted_seeds(grid, compared), outcomes, labels)),
    }


def described(one: Compared, labels: Mapping[Row, str]) -> dict[str, Any]:
    """Return a comparison as it is stored."""
    return {
        "column": one.column.label,
        "row": labels[one.row],
        "with": labels[one.other],
        "as": "best" if one.with_best else "baseline",
        "state": one.judgement.state,
        "seeds": one.seeds,
        "difference": 100 * one.judgement.difference,
        "p": one.judgement.p,
        "next": one.next,
    }


def wanted_seeds(grid: Grid, compared: Iterable[Compared]) -> dict[tuple[Row, Column], int]:
    """Return how many model seeds open comparisons want of each cell; a mean wants them of all cells behind it."""
    wanted: dict[tuple[Row, Column], int] = {}
    for one in compared:
        for row in (one.row, one.other) if one.next is not None else ():
            for column in members(one.column, grid.columns) if one.column.mean else [one.column]:
                wanted[row, column] = max(one.next or 0, wanted.get((row, column), 0))
    return wanted


def seen_cells(
    spec: Spec,
    grid: Grid,
    wanted: Mapping[tuple[Row, Column], int],
    outcomes: Mapping[str, str],
    labels: Mapping[Row, str],
) -> Iterator[dict[str, Any]]:
    """Yield every cell that seeds are added to, as it is stored."""
    for (row, column), scores in grid.cells.items():
        if scores and is_growing(spec, grid, row, column):
            seen = max(model or 0 for _, model in scores)
            yield {
                "row": labels[row],
                "column": column.label,
                "seen": seen,
                "wanted": max(seen, wanted.get((row, column), 0)),
                "runs": {
                    scores[seed].run: outcomes.get(scores[seed].run, "") for seed in sorted(scores, key=seed_order)
                },
            }
