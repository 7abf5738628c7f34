"""The smallest difference that a number of seeds and test items can show: known before anything runs, or from what has run.

Two methods of true difference δ, compared over the same seeds and items: the comparison of `crossed` finds it where it is longer
than half its interval. The smallest detectable δ is what it finds in 80 of 100 tables.
"""

import math

from scipy import optimize, stats

from pipeline.results.statistics.seeds import ALPHA

POWER = 0.8


def smallest_detectable(from_seeds: float, from_items: float, seeds: int, items: int) -> float | None:
    """Return the smallest true difference found at 5 % with probability `POWER`; `None` for one seed, or where nothing varies.

    Args:
        from_seeds: variance of the mean difference from seeds, over S already.
        from_items: the same from test items, over N already.
        seeds: S.
        items: N; 0 where items are not asked.

    Half the interval is in standard errors, c = √(t²·V_S + t²·V_I)/√(V_S + V_I), as `crossed.Crossed` makes it; the chance of a
    longer difference is that of Student's noncentral distribution with Satterthwaite's degrees of freedom (of seeds alone that
    is the power of the paired t-test).
    """
    total = from_seeds + from_items
    if seeds < 2 or total <= 0:
        return None
    of_seeds, of_items = (float(stats.t.ppf(1 - ALPHA / 2, max(1, n - 1))) for n in (seeds, items or math.inf))
    reach = math.sqrt((of_seeds**2 * from_seeds + of_items**2 * from_items) / total)
    spread = from_seeds**2 / (seeds - 1) + (from_items**2 / (items - 1) if items > 1 else 0.0)
    freedom = total**2 / spread if spread > 0 else math.inf

    def excess(shift: float) -> float:
        """How much more often than `POWER` a difference of `shift` standard errors is found."""
        return (
            float(stats.nct.sf(reach, freedom, shift)) - POWER
            if freedom < 1e5
            else float(stats.norm.sf(reach - shift)) - POWER
        )

    return float(optimize.brentq(excess, 0.0, 4 * reach + 4)) * math.sqrt(total)


SEEDS_DIFFER = 0.02
"""Assumed before anything ran: the standard deviation over seeds of a difference of two methods, as a score between 0 and 1."""

METHODS_DISAGREE = 0.2
"""Assumed likewise: of how many test items one method is right and the other wrong: an item's variance in the difference."""


def foreseen(seeds: int, items: int) -> float | None:
    """Return the smallest detectable difference before anything ran, by what is assumed; `None` for one seed or item."""
    if min(seeds, items) < 2:
        return None
    return smallest_detectable(SEEDS_DIFFER**2 / seeds, METHODS_DISAGREE / items, seeds, items)
