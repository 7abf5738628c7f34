"""Which methods are tied with the best: against t and Tukey's range, and how often the marks are wrong."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multicomp import pairwise_tukeyhsd

from pipeline.results.statistics.best import freedom, quantile, tied_with_best
from pipeline.results.statistics.crossed import analyse

WORLDS = 500
SIZES = ((5, 3, 100), (5, 3, 1000), (5, 5, 100), (5, 5, 1000), (10, 5, 1000), (5, 10, 1000))
"""Methods, seeds, test items."""
AHEAD = 0.35
"""What the best method's ability is higher by: about seven points."""


@dataclass(frozen=True)
class World:
    """Methods whose seeds are right about items where ability + seed + item + interaction > 0; all normal.

    Attributes:
        abilities: of each method.
        spreads: standard deviation of its seeds' abilities.
        items: how many.
        seeds: how many.
    """

    abilities: np.ndarray
    spreads: np.ndarray
    seeds: int
    items: int

    def values(self, random):
        """Whether each item is right, (M, S, N); what is easy for one method is so for others, up to a correlation of .5."""
        methods = len(self.abilities)
        own = self.abilities[:, None] + self.spreads[:, None] * random.standard_normal((methods, self.seeds))
        easy = (random.standard_normal(self.items) + random.standard_normal((methods, self.items))) / 2**0.5
        interaction = random.standard_normal((methods, self.seeds, self.items), dtype=np.float32)
        return (0.4 + own[..., None] + easy[:, None] + interaction > 0).astype(float)


def marked(world, rounds, seed):
    """In percent: tables where a truly best method is unmarked; where the one best leads; where another does; marked methods."""
    random, best = np.random.default_rng(seed), np.flatnonzero(world.abilities >= world.abilities.max())
    found = []
    for _ in range(rounds):
        values = world.values(random)
        scores = values.mean(2)
        highest = int(scores.mean(1).argmax())
        told = tied_with_best(scores, highest, [values])
        right = len(best) == 1 and highest == best[0]
        tied = np.array(told.tied)
        found.append(
            (100 * (not tied[best].all()), 100 * (told.holds and right), 100 * (told.holds and not right), tied.sum())
        )
    return np.mean(found, axis=0)


def spreads_of(kind, methods):
    """Alike, or one method whose seeds differ six times as much."""
    return np.full(methods, 0.08) if kind == "alike" else np.r_[np.full(methods - 1, 0.05), 0.3]


def test_of_two_methods_it_is_the_interval_of_their_difference():
    random = np.random.default_rng(1)
    values = random.random((2, 4, 60)) < 0.6
    scores = values.mean(2)
    highest = int(scores.mean(1).argmax())
    found, pair = (
        tied_with_best(scores, highest, [values.astype(float)]),
        analyse(values[highest] - 1.0 * values[1 - highest]),
    )
    assert found.margins[1 - highest] == pytest.approx(pair.half)
    assert found.leads[1 - highest] == pytest.approx(pair.value)
    assert (found.seeds, found.items) == (4, 60)


def test_over_seeds_alone_it_is_tukeys_range_of_a_block_design():
    scores = np.array([[60.0, 61, 63, 60], [58, 58, 61, 59.5], [50, 53, 52, 50], [59, 61, 62, 62]])
    found = tied_with_best(scores, 3)
    rest = scores - scores.mean(1, keepdims=True) - scores.mean(0) + scores.mean()
    error = (rest**2).sum() / 9
    own = (scores[3] - scores[0]).var(ddof=1)
    wide = quantile(4, freedom(scores))
    assert stats.studentized_range.cdf(wide * 2**0.5, 4, freedom(scores)) == pytest.approx(0.95, abs=1e-4)
    assert found.margins[0] == pytest.approx(wide * (max(2 * error, own) / 4) ** 0.5)
    # without blocks, and with all degrees of freedom, statsmodels' Tukey has the same quantile
    flat = pairwise_tukeyhsd(scores.ravel(), np.repeat(np.arange(4), 4))
    assert quantile(4, 12) * 2**0.5 == pytest.approx(flat.q_crit, rel=1e-4)


def test_of_two_methods_the_quantile_is_students():
    assert quantile(2, 4) == stats.t.ppf(0.975, 4)
    assert quantile(3, 4) * 2**0.5 == pytest.approx(5.040, abs=2e-3), "as in printed tables of the range"


def test_degrees_of_freedom_go_down_where_one_method_varies_most():
    random = np.random.default_rng(2)
    alike, unlike = random.standard_normal((5, 200)), random.standard_normal((5, 200))
    unlike[0] *= 20
    assert freedom(alike) == pytest.approx(4 * 199, rel=0.05)
    assert freedom(unlike) == pytest.approx(199, rel=0.6) and freedom(unlike) < freedom(alike) / 2
    assert freedom(np.array([[0.0, 1, 2], [0, 1, 2]])) == 2


def test_a_mean_over_test_sets_has_the_variance_of_each_over_their_number_squared():
    values = np.random.default_rng(3).random((3, 3, 50))
    once, twice = tied_with_best(values.mean(2), 0, [values]), tied_with_best(values.mean(2), 0, [values, values])
    assert twice.from_items == pytest.approx(once.from_items / 2)
    assert twice.from_seeds == once.from_seeds


def test_where_nothing_varies_nothing_is_told():
    assert tied_with_best(np.array([[0.5, 0.5], [0.6, 0.6]]), 1) is None
    found = tied_with_best(np.array([[0.5, 0.5, 0.5], [0.9, 0.91, 0.89]]), 1)
    assert found.tied == (False, True) and found.holds


@pytest.mark.parametrize("shape", [(1, 3), (3, 1)])
def test_one_method_or_one_seed_is_refused(shape):
    with pytest.raises(ValueError, match="nothing to compare"):
        tied_with_best(np.zeros(shape), 0)


@pytest.mark.parametrize("kind", ["alike", "one varies"])
def test_equal_methods_are_all_marked_in_95_of_100_tables(kind):
    wrong, *_ = marked(World(np.zeros(5), spreads_of(kind, 5), 3, 100), 120, 4)
    assert wrong <= 5 + 2 * (100 * 5 * 0.95 / 120) ** 0.5


@pytest.mark.long
def test_errors_and_power_by_size(capsys):
    """Prints the table of docs/tables.md: 500 worlds without and 500 with a best method, of each size and spread."""
    lines, amiss = [], []
    for kind in ("alike", "one varies"):
        for methods, seeds, items in SIZES:
            spreads = spreads_of(kind, methods)
            null = World(np.zeros(methods), spreads, seeds, items)
            two = World(np.r_[0.0, 0.0, np.full(methods - 2, -AHEAD)], spreads, seeds, items)
            ahead = World(np.r_[AHEAD, np.zeros(methods - 1)], spreads, seeds, items)
            wrong, *_ = marked(null, WORLDS, 1)
            wrong_two, *_ = marked(two, WORLDS, 2)
            lost, leads, false, number = marked(ahead, WORLDS, 3)
            cells = f"{wrong:.1f} | {wrong_two:.1f} | {lost:.1f} | {false:.1f} | {leads:.0f} | {number:.1f}"
            lines.append(f"| {kind} | {methods} × {seeds} × {items:,} | {cells} |")
            bound = 5 + 2.5 * (100 * 5 * 0.95 / WORLDS) ** 0.5
            amiss += [(kind, methods, seeds, items, rate) for rate in (wrong, wrong_two, lost, false) if rate > bound]
    with capsys.disabled():
        head = ("spread of seeds", "methods × seeds × items", "all equal", "two best", "best unmarked", "false lead")
        print("\n| " + " | ".join([*head, "right lead", "marked"]) + " |\n" + "|---" * 8 + "|")
        print("\n".join(lines))
    assert not amiss
