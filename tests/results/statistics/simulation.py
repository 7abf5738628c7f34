"""Tables drawn at random from a world whose true scores are known, and how often an interval holds the truth.

A seed s is right about an item i where μ + a_s + b_i + e_si > 0: a how good the seed is, b how easy the item, e what this seed
makes of this item, 0 in a world without interaction. All are normal. Scores of infinitely many items are then known exactly for
each seed, and their mean over all seeds by quadrature.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import optimize
from scipy.special import ndtr

from pipeline.tasks.class_score import rate

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
WEIGHTS = WEIGHTS / WEIGHTS.sum()
ENTITIES = np.array([0.1, 0.5, 0.25, 0.15])  # shares of sentences with 0, 1, 2, 3 entities
PER_SENTENCE = float(ENTITIES @ np.arange(4))
INVENTED = 1.0  # below −1 a sentence without entities gets one


@dataclass(frozen=True)
class World:
    """What a table is drawn from.

    Attributes:
        metric: `accuracy` or `entity_f1`.
        spread: standard deviation of the true scores of seeds.
        interaction: standard deviation of e.
        level: μ.
    """

    metric: str
    spread: float
    interaction: float
    level: float = 0.4

    def true_score(self, ability):
        """The score on infinitely many items of a seed whose μ + a_s is `ability`."""
        deviation = np.hypot(1, self.interaction)
        right, invents = ndtr(ability / deviation), ndtr((-INVENTED - ability) / deviation)
        if self.metric == "accuracy":
            return right
        tp, wrong = (
            PER_SENTENCE * right,
            PER_SENTENCE * (1 - right),
        )  # half of the wrong ones are found, of another type
        return 2 * tp / (2 * tp + 1.5 * wrong + ENTITIES[0] * invents)

    @cached_property
    def ability_spread(self):
        """The standard deviation of a_s that gives scores the wanted one."""

        def excess(deviation):
            scores = self.true_score(self.level + deviation * NODES)
            return np.sqrt(WEIGHTS @ (scores - WEIGHTS @ scores) ** 2) - self.spread

        return optimize.brentq(excess, 0, 10) if self.spread else 0.0

    def truth(self):
        """The mean score over all seeds and items."""
        return float(WEIGHTS @ self.true_score(self.level + self.ability_spread * NODES))


def score_of(metric):
    """The score of summed counts."""
    return (lambda sums: sums[..., 0] / sums[..., 1]) if metric == "accuracy" else (lambda sums: rate("f1", sums))


def counts(world, seeds, easy, own, entities, coins):
    """Counts (S, N, K) of what seeds (S,), items (N,) and their interaction (S, N), all standard normal, make of items."""
    latent = world.level + world.ability_spread * seeds[:, None] + easy + world.interaction * own
    right = latent > 0
    if world.metric == "accuracy":
        return np.stack([right, np.ones_like(right)], axis=-1).astype(float)
    invented = (entities == 0) & (latent < -INVENTED)
    tp = np.where(right, entities, 0)
    return np.stack([tp, np.where(right, 0, entities * coins) + invented, entities - tp], axis=-1).astype(float)


def draws(random, most_seeds, most_items):
    """What a world is made of, for two systems: a (2, S), b (2, N), e (2, S, N), entities and coins (N,).

    What is easy for one system is so for the other, up to a correlation of one half.
    """
    common, own = random.standard_normal(most_items), random.standard_normal((2, most_items))
    return (
        random.standard_normal((2, most_seeds)),
        (common + own) / 2**0.5,
        random.standard_normal((2, most_seeds, most_items), dtype=np.float32),
        random.choice(4, most_items, p=ENTITIES),
        random.integers(0, 2, most_items),
    )
