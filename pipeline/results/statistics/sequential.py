"""Comparisons that are looked at again after every further seed: how far the error of all looks together stays at its level.

A paired t-test at level α that is repeated after each seed until it rejects finds a difference between equals more often than α.
So look k, of n_k pairs, has a level of its own, c·n_k/n_K: stricter at first, when t rests most on normality. c is such that
equals are separated at any look with probability α. This is a group-sequential design with a boundary on the scale of p (Wang &
Tsiatis 1987 have such a family on the scale of z; Jennison & Turnbull 2000, chapters 2 and 9). Of normal differences the sequence
of t has one distribution whatever their variance, so c is found once, by drawing it.

p_k·n_K/n_k, judged by the distribution of the least of them among equals, is a p-value that may be looked at after every seed
(`repeated_p`): it is α or less where the look is below its level, for every α at once.

Where differences are of seeds *and* test items, p is that of `crossed.Crossed`, which is never below that of seeds alone. Items
are the same at every look, so looks agree more than those of seeds alone, and fewer equals are separated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from scipy import special

from pipeline.results.statistics.crossed import Crossed
from pipeline.results.statistics.seeds import Floats

DRAWS = 100_000
BLOCK = 20_000

State = Literal["separated", "within", "items", "same", "open"]
"""Of a comparison: there is a difference; one below the margin; more seeds cannot tell, as test items are too few, or as every
seed has the same; none of these yet."""


@dataclass(frozen=True)
class Judgement:
    """What is known of a comparison.

    Attributes:
        state: see `State`.
        pairs: of the look that decided it, or of the last one.
        difference: mean of ours − theirs at that look.
        p: the repeated p-value of that look; `None` where nothing varied.
    """

    state: State
    pairs: int
    difference: float
    p: float | None


def judge(looks: Mapping[int, Crossed], sizes: Sequence[int], alpha: float, margin: float) -> Judgement:
    """Judge a comparison by the first of its looks that decides it.

    Separated: the repeated p-value is at most α. Within the margin: the interval that two one-sided tests of level α make, each
    repeated likewise, lies between −margin and margin (Schuirmann 1987). Items: for no value that the seeds leave possible would
    it ever be either, had it infinitely many seeds, as items alone leave too much open. The last two errors are no part of α:
    who stops for them never says that there is a difference.

    Args:
        looks: the difference, by the number of pairs at each look that was made, in order; at least one.
        sizes: numbers of pairs of all looks that were planned, those not made yet among them.
        alpha: α.
        margin: as scores are, between 0 and 1.
    """
    separating, uniting = levels(alpha, tuple(sizes)), levels(2 * alpha, tuple(sizes))
    for pairs, difference in looks.items():
        state = _state(difference, separating[pairs], uniting[pairs], margin)
        if state != "open":
            break
    p = difference.p
    repeated = None if p is None else repeated_p(p * max(sizes) / pairs, tuple(sizes))
    return Judgement(state, pairs, difference.value, repeated)


def _state(found: Crossed, level: float, uniting: float, margin: float) -> State:
    """Judge one look."""
    size = abs(found.value)
    if found.half is not None and size >= found.half_at(level):
        return "separated"
    if size + found.half_at(uniting) < margin:
        return "within"
    if found.from_seeds == 0:
        return "items" if found.from_items > 0 else "same"
    items, seeds = Crossed(found.value, found.seeds, found.items, 0.0, found.from_items), over_seeds_alone(found)
    reach = seeds.half_at(level)
    too_few = size + reach <= items.half_at(level) and max(0.0, size - reach) + items.half_at(uniting) >= margin
    return "items" if too_few else "open"


def over_seeds_alone(found: Crossed) -> Crossed:
    """Return the same difference on these test items, taken as given."""
    return Crossed(found.value, found.seeds, max(2, found.items), found.from_seeds, 0.0)


def of_seeds(differences: Floats) -> Crossed:
    """Return the mean of differences of seeds (S ≥ 2,), such as of averages, with no part of test items in its variance."""
    variance = 0.0 if np.ptp(differences) < 1e-12 else float(np.var(differences, ddof=1))
    return Crossed(float(differences.mean()), len(differences), 2, variance / len(differences), 0.0)


@lru_cache
def levels(alpha: float, sizes: tuple[int, ...]) -> dict[int, float]:
    """Return the level that each look's p is held to, by its number of pairs; together they have the error α."""
    shares = np.array(sizes) / max(sizes)
    by_draws = _least_ratios(sizes)[int(alpha * (DRAWS + 1)) - 2]  # at which repeated_p is α
    most = max(by_draws, alpha / shares.sum())  # Bonferroni's, which holds without any drawing
    return {size: float(most * share) for size, share in zip(sizes, shares, strict=True)}


def repeated_p(least: float, sizes: tuple[int, ...]) -> float:
    """Return the p-value of a comparison that is looked at again and again.

    Args:
        least: p·n_K/n_k of a look, or the least of several.
        sizes: numbers of pairs of all looks that were planned.

    Returns:
        The probability of as small a one among equals, by drawing, or Bonferroni's bound where that is smaller.
    """
    drawn = (np.searchsorted(_least_ratios(sizes), least, side="right") + 1) / (DRAWS + 1)
    return float(min(1.0, drawn, least * sum(sizes) / max(sizes)))


@lru_cache
def _least_ratios(sizes: tuple[int, ...]) -> Floats:
    """Draw the least p·n_K/n_k over all looks at differences of equals, sorted, (DRAWS,)."""
    random, pairs = np.random.default_rng(17), np.array(sizes)
    found = []
    for _ in range(DRAWS // BLOCK):
        drawn = random.standard_normal((BLOCK, max(sizes)))
        sums, squares = (np.cumsum(values, 1)[:, pairs - 1] for values in (drawn, drawn**2))
        errors = np.sqrt((squares - sums**2 / pairs) / (pairs - 1) / pairs)
        p = 2 * special.stdtr(pairs - 1, -np.abs(sums / pairs) / errors)
        found.append((p * max(sizes) / pairs).min(1))
    return np.sort(np.concatenate(found))
