"""Of each column: which methods cannot be told from the highest mean, and the smallest difference that could be seen in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from pipeline.results.statistics.best import Best, tied_with_best
from pipeline.results.statistics.power import smallest_detectable
from pipeline.results.statistics.seeds import Floats
from pipeline.results.tables.cells import Row, Seed
from pipeline.results.tables.items import LEAST_ITEMS, ItemValues
from pipeline.tasks.metric_names import ITEMS

Scores = Mapping[Row, Mapping[Seed, float]]
Runs = Mapping[Row, Mapping[Seed, str]]


@dataclass(frozen=True)
class Lead:
    """A column's methods beside its highest mean.

    Attributes:
        highest: the row of the highest mean; `None` where fewer than two rows have one.
        best: what can be told of them; `None` where nothing can, for the `reason` given.
        rows: those compared, in the order of `best`.
        seeds: over which.
        unequal: whether some row has further seeds.
        left_out: rows that could not be compared, with the reason.
        reason: why there is no comparison; empty where there is one, or nothing to compare.
    """

    highest: Row | None = None
    best: Best | None = None
    rows: tuple[Row, ...] = ()
    seeds: tuple[Seed, ...] = ()
    unequal: bool = False
    left_out: tuple[tuple[Row, str], ...] = ()
    reason: str = ""

    @property
    def tied(self) -> set[Row]:
        """The rows that cannot be told from the highest, which is one of them; empty where there is no comparison."""
        if self.best is None:
            return set()
        return {row for row, tied in zip(self.rows, self.best.tied, strict=True) if tied}

    @property
    def holds(self) -> bool:
        """Whether the highest leads all others that it is compared with."""
        return self.best is not None and self.best.holds

    @property
    def detectable(self) -> float | None:
        """The smallest difference of two methods that would be found; `None` where it cannot be told."""
        if self.best is None:
            return None
        return smallest_detectable(self.best.from_seeds, self.best.from_items, self.best.seeds, self.best.items)


def lead_of(scores: Scores, behind: Sequence[tuple[str, Runs]], values: ItemValues) -> Lead:
    """Compare a column's rows with the one of the highest mean, over the seeds that all have.

    Args:
        scores: by row and seed.
        behind: of each column of runs behind it, its language and the runs: one, but of a mean those it is over.
        values: of test items; where some are not at hand, or too few, seeds alone are asked.
    """
    if len(scores) < 2:
        return Lead()
    highest = max(scores, key=lambda row: fmean(scores[row].values()))
    others, left_out = comparable(scores, highest, behind, values)
    if not others:
        return Lead(highest, left_out=left_out, reason=why_alone(scores, highest))
    rows = tuple(row for row in scores if row == highest or row in others)
    seeds = tuple(sorted(set.intersection(*(set(scores[row]) for row in rows)), key=str))
    if len(seeds) < 2:
        return Lead(highest, left_out=left_out, reason="no two seeds that all methods have")
    table = np.array([[scores[row][seed] for seed in seeds] for row in rows])
    found = tied_with_best(table, rows.index(highest), item_values(rows, seeds, behind, values))
    unequal = any(len(scores[row]) > len(seeds) for row in rows)
    reason = "" if found else "nothing varies"
    return Lead(highest, found, rows, seeds, unequal, left_out, reason)


def why_alone(scores: Scores, highest: Row) -> str:
    """Say why no row can be compared with the highest mean."""
    if all(len(own) < 2 for own in scores.values()):
        return "one seed"
    return (
        "the highest mean is of one seed"
        if len(scores[highest]) < 2
        else "no row shares seeds and test set with the highest"
    )


def comparable(
    scores: Scores, highest: Row, behind: Sequence[tuple[str, Runs]], values: ItemValues
) -> tuple[set[Row], tuple[tuple[Row, str], ...]]:
    """Return the rows that share two seeds and the test items with the highest mean, and why others do not."""
    others, left_out = set(), []
    for row, own in scores.items():
        shared = len(own.keys() & scores[highest].keys())
        if row == highest:
            continue
        if shared < 2:
            few = "one seed" if len(own) == 1 else "fewer than two seeds in common with the highest mean"
            left_out.append((row, few))
        elif not all(same_items(runs, (row, highest), language, values) for language, runs in behind):
            left_out.append((row, f"other test {ITEMS[values.task]}"))
        else:
            others.add(row)
    return others, tuple(left_out)


def same_items(runs: Runs, rows: Sequence[Row], language: str, values: ItemValues) -> bool:
    """Whether the runs of rows were tested on the same items, as far as their outcomes are at hand."""
    named = [run for row in rows for run in runs[row].values()]
    return not values.at_hand(named) or values.alike(named, language)


def item_values(
    rows: Sequence[Row], seeds: Sequence[Seed], behind: Sequence[tuple[str, Runs]], values: ItemValues
) -> list[Floats]:
    """Return the values (M, S, N) of rows' test items for each column of runs; none unless all have them, and enough."""
    found = []
    for language, runs in behind:
        named = [[runs[row][seed] for seed in seeds if seed in runs[row]] for row in rows]
        if {len(names) for names in named} != {len(seeds)} or not values.at_hand([n for names in named for n in names]):
            return []
        found.append(values.of_methods(named, language))
    return found if all(each.shape[2] >= LEAST_ITEMS for each in found) else []
