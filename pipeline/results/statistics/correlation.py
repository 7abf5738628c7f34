"""How two quantities go together over languages, and what so few of them allow to be said."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEAST_FOR_CORRELATION = 3
LEAST_FOR_INTERVAL = 4
"""Fisher's z has the standard error 1/√(n − 3)."""


@dataclass(frozen=True)
class Correlation:
    """A correlation of n pairs of values.

    Attributes:
        n: how many.
        pearson: Pearson's r; `None` where it is undefined, for the `reason` given.
        low: lower end of its 95 % interval by Fisher's z; `None` where there is none.
        high: upper end.
        p: two-sided p of r = 0 (`scipy.stats.pearsonr`).
        spearman: Spearman's ρ: Pearson's r of the ranks.
        reason: why something is missing; empty where nothing is.
    """

    n: int
    pearson: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    spearman: float | None = None
    reason: str = ""


def correlate(x: Sequence[float], y: Sequence[float]) -> Correlation:
    """Correlate paired values.

    Raises:
        ValueError: the lengths differ.
    """
    if len(x) != len(y):
        raise ValueError(f"{len(x)} and {len(y)} values are no pairs")
    n = len(x)
    if n < LEAST_FOR_CORRELATION:
        return Correlation(n, reason=f"n = {n}: a correlation needs {LEAST_FOR_CORRELATION} pairs at least")
    if min(np.ptp(x), np.ptp(y)) < 1e-12:
        return Correlation(n, reason="undefined: one of the two is the same everywhere")
    found = stats.pearsonr(x, y)
    rho = float(stats.spearmanr(x, y).statistic)
    r, p = float(found.statistic), float(found.pvalue)
    if n < LEAST_FOR_INTERVAL:
        return Correlation(n, r, p=p, spearman=rho, reason=f"n = {n}: an interval needs {LEAST_FOR_INTERVAL} pairs")
    interval = found.confidence_interval(0.95)
    return Correlation(n, r, float(interval.low), float(interval.high), p, rho)
