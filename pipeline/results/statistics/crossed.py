"""How sure a mean score, or a difference, is over seeds *and* test items: two crossed random factors.

Every seed's model is tested on the same items. With y_si the value of item i under seed s,

    y_si = μ + a_s + b_i + e_si,    Var(ȳ) = σ²_a/S + σ²_b/N + σ²_e/(S·N).

The variance of the seeds' means over S estimates σ²_a/S + σ²_e/(S·N); the items' own part, σ²_b/N, is estimated by
(MS_I − MS_E)/(S·N), mean squares of the two-way analysis of variance without replication, and is 0 where that is negative.
So the interaction counts once, and no variance is negative.

Outcomes are arrays of counts (S, N, K): seeds, test items, counts per item (for entity F1: tp, fp, fn). What is no mean of item
values, as an F1, is made one by the jackknife (`item_values`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from pipeline.results.statistics.seeds import ALPHA, Floats

Metric = Callable[[Floats], Floats]
"""Counts summed over items, (…, K), to scores, (…)."""

LEAST_P = 1e-100
"""Below it quantiles of t are no longer found."""


@dataclass(frozen=True)
class Crossed:
    """A mean score over seeds, or a difference of two, and the variance of it that each factor accounts for.

    Attributes:
        value: the mean, between 0 and 1; a difference between −1 and 1.
        seeds: S.
        items: N.
        from_seeds: variance of the mean from seeds and from what each seed makes of single items; 0 for one seed, where it cannot
            be known.
        from_items: variance of the mean from items; for one seed all of it.
    """

    value: float
    seeds: int
    items: int
    from_seeds: float
    from_items: float

    @property
    def half(self) -> float | None:
        """Half the 95 % interval: over seeds and items, or over items alone for one seed; `None` where nothing varies."""
        return self.half_at(ALPHA) if self.from_seeds + self.from_items > 0 else None

    @property
    def ends(self) -> tuple[float, float] | tuple[None, None]:
        """The 95 % interval; not cut where scores end."""
        return (None, None) if self.half is None else (self.value - self.half, self.value + self.half)

    @property
    def p(self) -> float | None:
        """Two-sided p of a true value of 0: the level at which the interval just reaches it; 0 where that is below `LEAST_P`.

        `None` for one seed, which says nothing of training again, and where nothing varies.
        """
        if self.seeds < 2 or self.half is None:
            return None
        if self.value == 0:
            return 1.0
        if self.half_at(LEAST_P) < abs(self.value):
            return 0.0
        log_p = optimize.brentq(lambda x: self.half_at(math.exp(x)) - abs(self.value), math.log(LEAST_P), 0.0)
        return float(math.exp(log_p))

    def half_at(self, alpha: float) -> float:
        """Half the interval of level 1 − α: each factor's t-interval, joined as the sides of a right angle (Howe 1974).

        Never narrower than the t-interval over seeds, of which `from_seeds` is the squared standard error.
        """
        of_items, of_seeds = special.stdtrit([self.items - 1, max(1, self.seeds - 1)], alpha / 2)  # quantiles of t
        return math.hypot(of_items * math.sqrt(self.from_items), of_seeds * math.sqrt(self.from_seeds))


def crossed(ours: Floats, baseline: Floats | None, metric: Metric) -> Crossed | None:
    """Return a cell's mean score over seeds with its variance, or that of a difference; `None` for fewer than two items.

    Args:
        ours: counts (S, N, K).
        baseline: counts (S, N, K) of the same seeds and items, or `None` for our score alone.
        metric: from counts summed over items (…, K) to scores (…).
    """
    if ours.shape[1] < 2:
        return None
    values = item_values(ours, metric)
    return analyse(values if baseline is None else values - item_values(baseline, metric))


def item_values(counts: Floats, metric: Metric) -> Floats:
    """Return values of items whose mean is each seed's score, (S, N), for any score of summed counts.

    Of a score θ of N items, item i has θ + (N − 1)(mean of θ₋ⱼ over j − θ₋ᵢ), θ₋ᵢ the score without item i: the jackknife's
    pseudo-values, moved to have the mean θ. Of an accuracy these are the items' own values; of an F1 they are, to first order,
    its influence function (Efron 1982, chapter 6).
    """
    sums = counts.sum(1, keepdims=True)  # (S, 1, K)
    without = metric(sums - counts)  # (S, N)
    values: Floats = metric(sums) + (counts.shape[1] - 1) * (without.mean(1, keepdims=True) - without)
    return values


def analyse(values: Floats) -> Crossed:
    """Split the variance of the mean of values (S, N ≥ 2) by factor.

    Raises:
        ValueError: there are fewer than two items.
    """
    seeds, items = values.shape
    if items < 2:
        raise ValueError("the variance between items needs two of them")
    mean = float(values.mean())
    of_items = values.mean(0)  # (N,)
    from_items = _variance(of_items) / items  # MS_I / (S·N)
    if seeds < 2:
        return Crossed(mean, seeds, items, 0.0, from_items)
    of_seeds = values.mean(1)  # (S,)
    residuals = values - of_seeds[:, None] - of_items + mean
    interaction = float((residuals**2).sum()) / ((seeds - 1) * (items - 1)) / (seeds * items)  # MS_E / (S·N)
    return Crossed(mean, seeds, items, _variance(of_seeds) / seeds, max(0.0, from_items - interaction))


def _variance(values: Floats) -> float:
    """Return the variance (n − 1), 0 where values differ by rounding alone."""
    return 0.0 if np.ptp(values) < 1e-12 else float(np.var(values, ddof=1))
