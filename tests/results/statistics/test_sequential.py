"""Comparisons that are looked at after every seed: their levels by brute force, what they are called, and in the long form,
`make coverage`, how often each call is wrong, by worlds whose true difference is known."""

import itertools
from collections import Counter

import numpy as np
import pytest
from scipy import optimize, stats

from pipeline.results.statistics.crossed import Crossed, analyse, item_values
from pipeline.results.statistics.sequential import judge, levels, of_seeds, repeated_p
from tests.results.statistics.simulation import World, counts, draws, score_of

SIZES = tuple(range(3, 13))
MARGIN = 0.02
ROUNDS = 500


def p_values(differences):
    """The paired t-test's p of every world at every look, by scipy: (worlds, looks)."""
    return np.stack([stats.ttest_1samp(differences[:, :n], 0, axis=1).pvalue for n in SIZES], axis=1)


def test_equals_are_separated_at_any_look_as_often_as_alpha_says():
    p = p_values(np.random.default_rng(1).normal(0, 3.0, (8000, 12)))
    for alpha in (0.05, 0.01):
        each = levels(alpha, SIZES)
        error = (p <= np.array(list(each.values()))).any(1).mean()
        assert abs(error - alpha) < 3 * (alpha * (1 - alpha) / len(p)) ** 0.5
        assert list(each) == list(SIZES) and each[12] == pytest.approx(4 * each[3])
    assert (p <= 0.05).any(1).mean() > 0.12, "what the levels are for: p ≤ .05 at some look"


def test_repeated_p_is_below_alpha_where_a_look_is_below_its_level():
    for alpha in (0.05, 0.005):
        least = levels(alpha, SIZES)[12]
        assert repeated_p(least, SIZES) <= alpha < repeated_p(1.1 * least, SIZES)
    ratios = np.geomspace(1e-12, 4, 50)
    found = [repeated_p(ratio, SIZES) for ratio in ratios]
    assert found == sorted(found) and found[-1] == 1.0
    assert all(p <= ratio * sum(SIZES) / 12 for p, ratio in zip(found, ratios, strict=True)), "Bonferroni's bound"
    assert repeated_p(0.03, (8,)) == pytest.approx(0.03, abs=0.003), "one look is an ordinary test"


def judged(*differences, alpha=0.05, margin=MARGIN):
    return judge({n: of_seeds(np.array(differences[:n])) for n in range(3, len(differences) + 1)}, SIZES, alpha, margin)


def test_a_comparison_is_what_its_first_decisive_look_says():
    apart = judged(0.1, 0.101, 0.099, -0.5, 0.6)
    assert (apart.state, apart.pairs) == ("separated", 3) and apart.difference == pytest.approx(0.1)
    alike = judged(0.0005, -0.0004, 0.0001)
    assert (alike.state, alike.pairs) == ("within", 3)
    still = judged(0.05, -0.03, 0.02, 0.04)
    assert (still.state, still.pairs) == ("open", 4) and still.p > 0.05
    assert judged(0.01, 0.01, 0.01).state == "within", "no seed differs: nothing to add"
    assert judged(0.03, 0.03, 0.03).state == "same"


def test_where_items_leave_too_much_open_no_seed_is_added():
    seeds, few = dict(value=0.01, seeds=4, items=100), dict(from_items=0.02**2)
    assert judge({4: Crossed(**seeds, from_seeds=1e-8, **few)}, SIZES, 0.05, MARGIN).state == "items"
    assert judge({4: Crossed(**seeds, from_seeds=0.05**2, **few)}, SIZES, 0.05, MARGIN).state == "open", (
        "the seeds leave a difference possible that as many items would show"
    )
    assert judge({4: Crossed(**seeds, from_seeds=0.0, from_items=1e-8)}, SIZES, 0.05, MARGIN).state == "separated"


# ---------------------------------------------------------------------------------------------------------- simulation


def worlds(metric, spread, apart):
    """Two worlds whose true scores differ by `apart`, the one in the middle of them being that of level 0.4."""
    one = World(metric, spread, interaction=1.0)
    if not apart:
        return one, one
    level = optimize.brentq(lambda x: World(metric, spread, 1.0, x).truth() - one.truth() - apart, 0.4, 3.0)
    return one, World(metric, spread, 1.0, level)


def simulate(metric, spread, items, apart, rounds):
    """What comparisons are called when seeds are added one by one: shares of states, mean seeds, errors of plain tests."""
    one, two = worlds(metric, spread, apart)
    random, states, seeds, differences = np.random.default_rng([items, round(1000 * spread)]), Counter(), 0, []
    for _ in range(rounds):
        abilities, easy, own, entities, coins = draws(random, max(SIZES), items)
        ours, theirs = (
            item_values(counts(world, a, b, e, entities, coins), score_of(metric))
            for world, a, b, e in zip((two, one), abilities, easy, own, strict=True)
        )
        found = judge({n: analyse((ours - theirs)[:n]) for n in SIZES}, SIZES, 0.05, MARGIN)
        states[found.state] += 1
        seeds += found.pairs
        differences.append((ours - theirs).mean(1))
    shares = [states[state] / rounds for state in ("separated", "within", "items", "open")]
    return shares, seeds / rounds, (p_values(np.array(differences)) <= 0.05).any(1).mean()


@pytest.mark.long
def test_errors_of_all_looks_together_stay_at_their_level(capsys):
    """Prints the table of docs/seeds.md."""
    head = (
        "score",
        "seeds differ by",
        "examples",
        "true difference",
        *("separated", "within", "items", "open"),
    )
    with capsys.disabled():
        print("", f"| {' | '.join([*head, 'mean seeds', 'p ≤ .05 at some look'])} |", "|---" * 10 + "|", sep="\n")
    wrong = []
    for metric, spread, items in itertools.product(("accuracy", "entity_f1"), (0.005, 0.03), (100, 1000)):
        for apart in (0.0, MARGIN, 0.05):
            shares, seeds, naive = simulate(metric, spread, items, apart, ROUNDS)
            place = [metric, f"{100 * spread:g}", f"{items:,}", f"{100 * apart:g}"]
            cells = [*(f"{100 * share:.1f}" for share in shares), f"{seeds:.1f}", f"{100 * naive:.1f}"]
            with capsys.disabled():
                print(f"| {' | '.join([*place, *cells])} |", flush=True)
            most = 0.05 + 2.6 * (0.05 * 0.95 / ROUNDS) ** 0.5
            wrong += [(*place, "separated")] if not apart and shares[0] > most else []
            wrong += [(*place, "alike")] if apart >= MARGIN and shares[1] > most else []
    assert not wrong


def always_valid(p, g=1.0):
    """Where the Bayes factor of a t-test, d_z being N(0, g), is 20 at least: an e-value (Rouder et al. 2009 have the factor)."""
    n = np.array(SIZES)
    t2 = stats.t.isf(p / 2, n - 1) ** 2
    factor = (1 + n * g) ** -0.5 * ((1 + t2 / (n - 1)) / (1 + t2 / (n - 1) / (1 + n * g))) ** (n / 2)
    return factor >= 20


@pytest.mark.long
def test_how_often_each_rule_finds_a_difference(capsys):
    """Prints the other table of docs/seeds.md."""
    random, cells = np.random.default_rng(5), {}
    ours = np.array(list(levels(0.05, SIZES).values()))
    for effect in (0, 0.5, 1, 1.5, 2, 3):
        p = p_values(random.standard_normal((10_000, 12)) + effect)
        for rule, found in (("this rule", p <= ours), ("Bonferroni", p <= 0.005), ("always valid", always_valid(p))):
            seeds = np.where(found.any(1), np.array(SIZES)[found.argmax(1)], 12).mean()
            cells.setdefault(rule, []).append(f"{100 * found.any(1).mean():.1f} ({seeds:.1f})")
        cells.setdefault("one look at 12", []).append(f"{100 * (p[:, -1] <= 0.05).mean():.1f} (12)")
    with capsys.disabled():
        print("", "| d_z | 0 | 0.5 | 1 | 1.5 | 2 | 3 |", "|---" * 7 + "|", sep="\n")
        for rule, row in cells.items():
            print(f"| {rule} | {' | '.join(row)} |")
