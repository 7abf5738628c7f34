"""Ranks of methods over columns, how many columns each wins, and how likely each is best: with a bootstrap's intervals.

A bootstrap table is made of seeds and test items drawn anew, the same for all methods, and where languages stand for others of
their languages drawn anew too. Of S seeds S − 1 are drawn: so means vary as much as they are unsure, where S drawn of S vary less
by (S − 1)/S (Rao and Wu 1988). Of few seeds it stays rough: three have only six different draws of two.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from pipeline.results.statistics.seeds import ALPHA, Floats

RESAMPLES = 1000
Ends = tuple[float, float]


@dataclass(frozen=True)
class Rank:
    """A method among others.

    Attributes:
        rank: its mean rank over columns, 1 the best; ties share the mean of their ranks.
        rank_ends: 95 % percentile interval.
        wins: in how many columns its mean is the highest; of a tie each has a share.
        wins_ends: likewise.
        best: in what share of bootstrap tables its mean over columns is the highest.
        best_in: the same of each column.
    """

    rank: float
    rank_ends: Ends
    wins: float
    wins_ends: Ends
    best: float
    best_in: tuple[float, ...]


def ranks(columns: Sequence[Floats], languages: bool = False, resamples: int = RESAMPLES, seed: int = 0) -> list[Rank]:
    """Rank methods.

    Args:
        columns: of each column the values of items (M, S, N) whose mean over items is each seed's score; M and S are alike.
        languages: whether columns are drawn anew too.
        resamples: how many bootstrap tables.
        seed: of what is drawn.

    Raises:
        ValueError: there are fewer than two seeds or methods, or no columns.
    """
    shapes = {column.shape[:2] for column in columns}
    if len(shapes) != 1 or min(next(iter(shapes))) < 2:
        raise ValueError("columns of the same methods and seeds, two of each at least, are needed to rank them")
    random = np.random.default_rng(seed)
    means = np.stack([column.mean((1, 2)) for column in columns], axis=-1)  # (M, C)
    drawn = resampled(columns, random, resamples)  # (R, M, C)
    if languages:
        chosen = random.integers(0, len(columns), (resamples, 1, len(columns)))
        drawn = np.take_along_axis(drawn, np.broadcast_to(chosen, drawn.shape), axis=2)
    rank, wins = mean_ranks(means), win_counts(means)
    rank_ends, wins_ends = (
        np.quantile(f(drawn), [ALPHA / 2, 1 - ALPHA / 2], axis=0).T for f in (mean_ranks, win_counts)
    )
    best = shares(drawn.mean(2)[..., None]).mean((0, 2))  # (M,)
    best_in = shares(drawn).mean(0)  # (M, C)
    return [
        Rank(
            float(rank[m]),
            _ends(rank_ends[m]),
            float(wins[m]),
            _ends(wins_ends[m]),
            float(best[m]),
            tuple(best_in[m].tolist()),
        )
        for m in range(len(means))
    ]


def resampled(columns: Sequence[Floats], random: np.random.Generator, resamples: int) -> Floats:
    """Return the scores (R, M, C) of bootstrap tables: the same seeds in all columns, items drawn for each column."""
    seeds = columns[0].shape[1]
    chosen = random.integers(0, seeds, (resamples, seeds - 1))
    times = np.stack([(chosen == s).sum(1) for s in range(seeds)], axis=1) / (seeds - 1)  # (R, S)
    found = []
    for column in columns:
        methods, _, items = column.shape
        weights = random.multinomial(items, np.full(items, 1 / items), resamples) / items  # (R, N)
        scores = (weights @ column.reshape(-1, items).T).reshape(resamples, methods, seeds)
        found.append(np.einsum("rms,rs->rm", scores, times))
    drawn: Floats = np.stack(found, axis=-1)
    return drawn


def mean_ranks(scores: Floats) -> Floats:
    """Return the mean rank over columns of scores (…, M, C), 1 the highest: (…, M)."""
    found: Floats = stats.rankdata(-rounded(scores), axis=-2).mean(-1)
    return found


def win_counts(scores: Floats) -> Floats:
    """Return in how many columns of scores (…, M, C) each is the highest: (…, M)."""
    found: Floats = shares(scores).sum(-1)
    return found


def shares(scores: Floats) -> Floats:
    """Return each column's win (…, M, C), parted among those that are equally high."""
    close = rounded(scores)
    first: npt.NDArray[np.bool_] = close == close.max(-2, keepdims=True)
    found: Floats = first / first.sum(-2, keepdims=True)
    return found


def rounded(scores: Floats) -> Floats:
    """Scores that differ by rounding alone are equal."""
    found: Floats = np.round(scores, 12)
    return found


def _ends(pair: Floats) -> Ends:
    return float(pair[0]), float(pair[1])
