"""Tests and intervals that resample test items, seeds too where there are several.

Outcomes are arrays of counts (S, N, K): seeds, test items, counts per item (for entity F1: tp, fp, fn).
"""

from collections.abc import Callable

import numpy as np

from pipeline.results.statistics.seeds import ALPHA, Floats

Metric = Callable[[Floats], Floats]
"""Counts summed over items, (…, K), to scores, (…)."""


def bootstrap(
    ours: Floats, baseline: Floats | None, metric: Metric, resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % percentile interval of a mean score, or of a difference, resampling seeds *and* test items.

    Two levels (Sälevä et al. 2025): each resample draws S seeds with replacement and, once for all of them and for both
    systems, N test items with replacement; the score is the mean over the drawn seeds of the corpus score.

    Args:
        ours: counts (S, N, K).
        baseline: counts (S, N, K) of the same seeds and items, or `None` for the interval of our score alone.
        metric: from counts summed over items (…, K) to scores (…).
        resamples: how many.
        seed: of the resampling.
    """
    random = np.random.default_rng(seed)
    seeds, items, kinds = ours.shape
    systems = np.stack([ours] if baseline is None else [ours, baseline])  # (2, S, N, K)
    flat = np.moveaxis(systems, 2, 0).reshape(items, -1).astype(np.float64)  # (N, 2·S·K)
    values = np.empty(resamples)
    step = max(1, 4_000_000 // items)  # items' weights of so many resamples at a time: 32 MB
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        weights = random.multinomial(items, np.full(items, 1 / items), size).astype(np.float64)  # (R, N)
        scores = metric((weights @ flat).reshape(size, len(systems), seeds, kinds))  # (R, 2, S)
        drawn = random.integers(0, seeds, (size, seeds))
        means = np.take_along_axis(scores, drawn[:, None, :], axis=2).mean(-1)  # (R, 2)
        values[start : start + size] = means[:, 0] - (means[:, 1] if baseline is not None else 0)
    low, high = np.quantile(values, [ALPHA / 2, 1 - ALPHA / 2])
    return float(low), float(high)


def randomisation(ours: Floats, baseline: Floats, metric: Metric, rounds: int = 1000, seed: int = 0) -> float:
    """Return the two-sided p of approximate randomisation over test items (Noreen 1989).

    In each round every test item's outcomes are swapped between the systems with probability ½, for all seeds together;
    p is (1 + rounds at least as far apart as observed) / (1 + rounds). Says whether the difference could come from these
    *test items*; seeds are taken as they are.

    Args:
        ours: counts (S, N, K).
        baseline: counts (S, N, K) of the same seeds and items.
        metric: from counts summed over items (…, K) to scores (…).
        rounds: how many.
        seed: of the swaps.
    """
    random = np.random.default_rng(seed)
    seeds, items, kinds = ours.shape
    gap = np.moveaxis(baseline - ours, 1, 0).reshape(items, -1).astype(np.float64)  # (N, S·K): what a swap adds to ours
    sums, other = ours.sum(1).astype(np.float64), baseline.sum(1).astype(np.float64)  # (S, K)
    observed = abs(float((metric(sums) - metric(other)).mean()))
    extreme, step = 0, max(1, 4_000_000 // items)
    for start in range(0, rounds, step):
        swapped = random.integers(0, 2, (min(step, rounds - start), items)).astype(np.float64) @ gap
        moved = swapped.reshape(-1, seeds, kinds)
        distance = np.abs((metric(sums + moved) - metric(other - moved)).mean(-1))
        extreme += int((distance >= observed - 1e-12).sum())
    return (1 + extreme) / (1 + rounds)
