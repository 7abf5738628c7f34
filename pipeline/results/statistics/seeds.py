"""Means over seeds, differences with their intervals, tests, and what the tests cannot show.

All functions take plain numbers. Scores are paired by seed: `ours[i]` and `baseline[i]` come from the same seed.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]

ALPHA = 0.05

LARGEST_EXACT = 16  # 2^16 sign patterns; beyond that the exact test is left out


@dataclass(frozen=True)
class Summary:
    """Mean, standard deviation (n − 1; `None` for one value) and number of values."""

    mean: float
    sd: float | None
    n: int

    @property
    def ends(self) -> tuple[float, float] | tuple[None, None]:
        """The 95 % t-interval of the mean, the test set as given; none for one value, or where all are equal."""
        if self.sd is None or self.sd < 1e-12:
            return None, None
        half = half_interval(self.sd, self.n)
        return self.mean - half, self.mean + half


@dataclass(frozen=True)
class Comparison:
    """A paired comparison with a baseline.

    Attributes:
        n: paired seeds.
        difference: mean of ours − baseline: the effect, in the metric's unit.
        low: lower end of its 95 % t-interval; `None` where there is no variation to estimate it from.
        high: upper end.
        effect: Cohen's d_z, the mean difference over the differences' standard deviation.
        p: two-sided paired t-test (`scipy.stats.ttest_rel`); `None` for n < 2 or identical differences.
        p_exact: exact two-sided sign-flip test; `None` for n > 16.
    """

    n: int
    difference: float
    low: float | None
    high: float | None
    effect: float | None
    p: float | None
    p_exact: float | None


def summarise(values: Sequence[float]) -> Summary:
    """Return mean and standard deviation over seeds.

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("no values to summarise")
    return Summary(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None, len(values))


def usual_count(numbers: Iterable[int]) -> int:
    """Return the number of seeds that most cells have: of equals the greatest, 0 where there is no cell."""
    found = Counter(numbers)
    return max(found, key=lambda n: (found[n], n), default=0)


def compare(ours: Sequence[float], baseline: Sequence[float]) -> Comparison:
    """Compare paired scores.

    Raises:
        ValueError: the lengths differ, or there are no values.
    """
    differences = np.asarray(ours, dtype=np.float64) - np.asarray(baseline, dtype=np.float64)
    n = len(differences)
    mean = summarise(list(differences)).mean
    exact = sign_flip(differences) if n <= LARGEST_EXACT else None
    if n < 2 or np.ptp(differences) < 1e-12:  # one pair, or seeds that agree to the last bit: nothing to estimate from
        return Comparison(n, mean, None, None, None, None, exact)
    sd = float(np.std(differences, ddof=1))
    half = half_interval(sd, n)
    p = float(stats.ttest_rel(ours, baseline).pvalue)
    return Comparison(n, mean, mean - half, mean + half, mean / sd, p, exact)


def half_interval(sd: float, n: int) -> float:
    """Return half the 95 % t-interval of a mean over n ≥ 2 values of standard deviation `sd` (n − 1)."""
    return float(stats.t.ppf(1 - ALPHA / 2, n - 1)) * sd / math.sqrt(n)


def sign_flip(differences: Floats) -> float:
    """Return the exact two-sided p of the paired permutation test on the mean: all 2ⁿ signs, n ≤ 16.

    Under the null hypothesis each seed's difference is as likely with the other sign; p is the share of sign patterns
    whose mean is at least as far from zero as the one observed, so it cannot go below 2/2ⁿ.
    """
    n = len(differences)
    signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)  # (2ⁿ, n)
    means = np.abs(signs @ differences)
    return float(np.mean(means >= abs(differences.sum()) - 1e-12))


def smallest_p(n: int) -> float:
    """Return the least p that the exact two-sided paired test can give with `n` seeds: 2/2ⁿ."""
    return min(1.0, 2.0 * 0.5**n)


def least_holm(seeds: Sequence[int]) -> list[float]:
    """Return the least p, adjusted by Holm, that the exact test can give each comparison of a family.

    Args:
        seeds: of each comparison; they may differ.

    That is Holm's adjustment of each one's `smallest_p`: a comparison is helped by others that are rejected before it, and by
    all that can be. So one of few seeds can be significant beside others of more, and one above α cannot, whatever the scores.
    Beyond 16 seeds, where no exact test is made, its least p is still what it would be.
    """
    return holm([smallest_p(n) for n in seeds])


def seeds_needed(comparisons: int, alpha: float = ALPHA) -> int:
    """Return how many seeds of each comparison the exact test needs for Holm over `comparisons` to reject any: 2m/2ⁿ ≤ α."""
    return math.ceil(math.log2(2 * comparisons / alpha))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values of one family by Holm (1979): rejecting where the result is ≤ α keeps the family's error at α.

    Sorted ascending, p₍ᵢ₎ becomes max over j ≤ i of min(1, (m − j + 1) p₍ⱼ₎).
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = np.minimum(1.0, (len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(steps)
    return [float(value) for value in adjusted]
