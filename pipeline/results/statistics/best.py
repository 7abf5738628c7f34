"""Which methods of a column cannot be told from the one with the highest mean, over seeds and test items.

Whoever looks at a column picks the highest mean out of M and compares the others with it. That choice is paid for by Tukey's
range: a lead counts where it is longer than the longest lead among M equal methods is in 95 of 100 tables. So what is marked
as tied holds *every* method that is truly best in 95 of 100 tables (a model confidence set: Hansen, Lunde and Nason 2011), and
a lead over all others is wrongly claimed in fewer. Of Hsu's comparisons with the best (1984) only one such method is sure to be
in.

The variance of a difference has two parts, joined as in `crossed`: that of the seeds, with their few degrees of freedom, and
that of the test items. Three seeds say little of one pair of methods, so the part of the seeds is pooled over all M, with fewer
degrees of freedom where some vary more than others; a pair that itself varies more counts with its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import optimize, stats

from pipeline.results.statistics.crossed import analyse
from pipeline.results.statistics.seeds import ALPHA, Floats

MANY = 200
"""From so many degrees of freedom on the range's quantile is that of known variances, to a hundredth."""


@dataclass(frozen=True)
class Best:
    """A column's methods, compared with the highest mean.

    Attributes:
        tied: of each method, whether it cannot be told from the highest, which itself is among them.
        leads: how far each is below the highest, over the seeds compared; below 0 where it is higher over these.
        margins: how long that lead must be to count.
        seeds: S.
        items: N, the fewest of those behind the scores; 0 where seeds alone are compared.
        from_seeds: variance of a mean difference from seeds, as pooled over methods.
        from_items: the same from test items, the mean over the others.
    """

    tied: tuple[bool, ...]
    leads: tuple[float, ...]
    margins: tuple[float, ...]
    seeds: int
    items: int
    from_seeds: float
    from_items: float

    @property
    def holds(self) -> bool:
        """Whether the highest mean leads all others."""
        return sum(self.tied) == 1


def tied_with_best(scores: Floats, highest: int, values: Sequence[Floats] = ()) -> Best | None:
    """Find the methods that cannot be told from the highest; `None` where nothing varies, so nothing can be told.

    Args:
        scores: (M ≥ 2, S ≥ 2), each column of the same seed.
        highest: the row of the highest mean, which may be of more seeds than these.
        values: of each test set behind the scores, values of items (M, S, N) whose mean over items, and then over test sets, is
            `scores`; of none, the items are not asked.

    Raises:
        ValueError: there are fewer than two methods or seeds.
    """
    methods, seeds = scores.shape
    if min(methods, seeds) < 2:
        raise ValueError(f"{methods} methods with {seeds} seeds: nothing to compare")
    leads = scores[highest].mean() - scores.mean(1)  # (M,)
    from_seeds = seed_variances(scores, highest)
    from_items = np.zeros(methods)
    for found in values:
        pairs = [analyse(found[highest] - other).from_items for other in found]
        from_items += np.array(pairs) / len(values) ** 2
    others = np.arange(methods) != highest
    if np.max((from_seeds + from_items)[others]) <= 0:
        return None
    items = min((found.shape[2] for found in values), default=0)
    of_seeds = quantile(methods, freedom(scores))
    of_items = quantile(methods, max(1, items - 1))
    margins = np.sqrt(of_seeds**2 * from_seeds + of_items**2 * from_items)
    tied = (leads <= margins + 1e-12) | ~others
    sure = tuple(tied.tolist()), tuple(leads.tolist()), tuple(margins.tolist())
    return Best(*sure, seeds, items, pooled_variance(scores) / seeds, float(from_items[others].mean()))


def seed_variances(scores: Floats, highest: int) -> Floats:
    """Return the variance over seeds of each method's mean difference from the highest, (M,): pooled, or its own where larger."""
    pooled, seeds = pooled_variance(scores), scores.shape[1]
    own = (scores[highest] - scores).var(1, ddof=1)
    found: Floats = np.maximum(pooled, own) / seeds
    found[highest] = 0.0
    found[found < 1e-24] = 0.0  # rounding
    return found


def pooled_variance(scores: Floats) -> float:
    """Return the variance of one seed's difference of two methods: 2·MS_E, the mean square of what `residuals` leaves."""
    methods, seeds = len(scores), len(scores[0])
    squares: Floats = residuals(scores) ** 2
    return 2 * float(squares.sum()) / ((methods - 1) * (seeds - 1))


def residuals(scores: Floats) -> Floats:
    """Return what is left of scores (M, S) without the effects of methods and of seeds."""
    left: Floats = scores - scores.mean(1, keepdims=True) - scores.mean(0) + scores.mean()
    return left


def freedom(scores: Floats) -> int:
    """Return the degrees of freedom of the pooled variance: (M − 1)(S − 1) where methods vary alike, fewer where one varies more.

    After Box (1954): (Σσ²)²/Σσ⁴ methods' worth of them, by the methods' own mean squares. As these are estimates, the number is
    too low rather than too high: so the error holds where one method's three seeds differ several times as much as others' do.
    """
    methods, seeds = len(scores), len(scores[0])
    most = (methods - 1) * (seeds - 1)
    squares: Floats = (residuals(scores) ** 2).sum(1)  # (M,)
    if squares.sum() < 1e-24:
        return most
    worth = float(squares.sum()) ** 2 / float((squares**2).sum())
    return max(seeds - 1, min(most, int(worth * most / methods)))


@cache
def quantile(methods: int, freedom: int) -> float:
    """Return the 95 % quantile of the range of `methods` normal means in standard errors of a difference; of two it is t's."""
    least = float(stats.t.ppf(1 - ALPHA / 2, freedom))
    if methods == 2:
        return least
    most = float(stats.t.ppf(1 - ALPHA / (methods * (methods - 1)), freedom))  # Bonferroni's, over all pairs
    of = freedom if freedom < MANY else np.inf

    def excess(width: float) -> float:
        """How much more than 95 of 100 ranges are within `width`; scipy's own `ppf` asks for many more digits of it."""
        return float(stats.studentized_range.cdf(width * math.sqrt(2), methods, of)) - 1 + ALPHA

    return float(optimize.brentq(excess, least, most * 1.001, xtol=1e-4))
