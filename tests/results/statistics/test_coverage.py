"""How often the 95 % interval over seeds and items holds the truth; by size in the long form, `make coverage`."""

import itertools

import numpy as np
import pytest

from pipeline.results.statistics.crossed import analyse, crossed, item_values
from tests.results.statistics.simulation import World, counts, draws, score_of

SEEDS = (3, 5, 6, 8, 10)
ROUNDS = {100: 2500, 1000: 1500, 5000: 600}
"""By number of items."""

SPREADS = (0.005, 0.03, 0.12)
WORLDS = [World(*world) for world in itertools.product(("accuracy", "entity_f1"), SPREADS, (0.0, 1.5))]
BETTER = 0.25  # what the second system's μ is higher by


def better(world):
    return World(world.metric, world.spread, world.interaction, world.level + BETTER)


def holds(found, truth):
    half = found.half
    return half is not None and abs(found.value - truth) <= half


def bootstrap_ends(data, metric, random, resamples=200):
    """The two-level percentile bootstrap, resampling seeds and items, that these intervals replaced."""
    seeds, items, _ = data.shape
    weights = random.multinomial(items, np.full(items, 1 / items), resamples).astype(float)
    scores = metric(np.einsum("rn,snk->rsk", weights, data, optimize=True))  # (R, S)
    drawn = random.integers(0, seeds, (resamples, seeds))
    return np.quantile(np.take_along_axis(scores, drawn, axis=1).mean(1), [0.025, 0.975])


@pytest.mark.parametrize("metric", ["accuracy", "entity_f1"])
def test_with_three_seeds_the_interval_holds_where_the_bootstrap_does_not(metric):
    world, random = World(metric, spread=0.1, interaction=1.0), np.random.default_rng(7)
    truth, score, new, old = world.truth(), score_of(metric), [], []
    for _ in range(400):
        (ability, _), (easy, _), (own, _), entities, coins = draws(random, 3, 200)
        data = counts(world, ability, easy, own, entities, coins)
        new.append(holds(crossed(data, None, score), truth))
        low, high = bootstrap_ends(data, score, random)
        old.append(low <= truth <= high)
    assert 0.93 <= np.mean(new) <= 0.98 + 0.005
    assert np.mean(old) < 0.9


def test_no_effect_is_found_in_one_table_of_twenty_where_seeds_differ():
    # two systems of equal worth whose seeds differ by 5 points, tested on the same items
    world, random, p = World("entity_f1", spread=0.05, interaction=1.0), np.random.default_rng(8), []
    for _ in range(400):
        abilities, easy, own, entities, coins = draws(random, 5, 200)
        one, two = (counts(world, a, b, e, entities, coins) for a, b, e in zip(abilities, easy, own, strict=True))
        p.append(crossed(one, two, score_of("entity_f1")).p)
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.07


def coverage(items):
    """How often intervals of means and of differences hold the truth: {(seeds, world): (mean, difference)}."""
    random, found = np.random.default_rng(items), {}
    truths = {world: (world.truth(), better(world).truth()) for world in WORLDS}
    for _ in range(ROUNDS[items]):
        abilities, easy, own, entities, coins = draws(random, max(SEEDS), items)
        for world in WORLDS:
            one, two = (
                item_values(counts(w, a, b, e, entities, coins), score_of(w.metric))
                for w, a, b, e in zip((world, better(world)), abilities, easy, own, strict=True)
            )
            first, second = truths[world]
            for n in SEEDS:
                hit = holds(analyse(one[:n]), first), holds(analyse(two[:n] - one[:n]), second - first)
                found.setdefault((n, world), []).append(hit)
    return {key: 100 * np.mean(hits, axis=0) for key, hits in found.items()}


@pytest.mark.long
def test_coverage_by_size(capsys):
    """Prints the table of docs/tables.md: the mean over worlds, and the least and the most of any."""
    cells, amiss = {}, []
    for items, rounds in ROUNDS.items():
        found, error = coverage(items), 100 * (0.95 * 0.05 / rounds) ** 0.5
        for n, which in itertools.product(SEEDS, (0, 1)):
            rates = {world: both[which] for (seeds, world), both in found.items() if seeds == n}
            every = list(rates.values())
            cells[n, items, which] = f"{np.mean(every):.1f} ({min(every):.1f}–{max(every):.1f})"
            amiss += [(items, n, which, w, r) for w, r in rates.items() if not 93 - 2 * error <= r <= 98 + 2 * error]
    with capsys.disabled():
        print("\n| seeds | " + " | ".join(f"{what}, {n:,}" for n in ROUNDS for what in ("mean", "difference")) + " |")
        print("|---" * (1 + 2 * len(ROUNDS)) + "|")
        for n in SEEDS:
            print(f"| {n} | " + " | ".join(cells[n, items, which] for items in ROUNDS for which in (0, 1)) + " |")
    assert not amiss
