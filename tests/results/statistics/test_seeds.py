import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from pipeline.results.statistics.resampling import bootstrap, randomisation
from pipeline.results.statistics.seeds import compare, holm, seeds_needed, sign_flip, smallest_p, summarise
from pipeline.tasks.class_score import rate

scores = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=2, max_size=8)


def test_summary_by_hand():
    # mean (1 + 2 + 6) / 3 = 3; squared deviations 4 + 1 + 9 = 14; sd = sqrt(14 / 2)
    summary = summarise([1.0, 2.0, 6.0])
    assert (summary.mean, summary.sd, summary.n) == (3.0, pytest.approx(7**0.5), 3)
    assert summarise([0.5]).sd is None
    with pytest.raises(ValueError, match="no values"):
        summarise([])


def test_comparison_by_hand():
    # differences 1, 2, 3: mean 2, sd 1, t = 2 / (1/√3) = 3.4641; t(2) at 97.5 % = 4.3027: half width 4.3027/√3 = 2.4841
    found = compare([2, 4, 6], [1, 2, 3])
    assert (found.n, found.difference, found.effect) == (3, 2.0, 2.0)
    assert found.low == pytest.approx(2 - 2.4841, abs=1e-4)
    assert found.high == pytest.approx(2 + 2.4841, abs=1e-4)
    assert found.p == pytest.approx(0.0742, abs=1e-4)
    assert found.p_exact == 0.25  # all three differences positive: 2 of 8 sign patterns as extreme


@settings(deadline=None)
@given(scores)
def test_paired_t_equals_scipy_and_statsmodels(pairs):
    ours, base = (np.array(side, dtype=float) / 1000 for side in zip(*pairs, strict=True))
    found = compare(list(ours), list(base))
    if np.ptp(ours - base) < 1e-12:
        assert found.p is None and found.low is None
        return
    oracle = DescrStatsW(ours - base)
    assert found.p == pytest.approx(oracle.ttest_mean(0)[1])
    assert (found.low, found.high) == pytest.approx(oracle.tconfint_mean())
    assert found.p == pytest.approx(stats.ttest_rel(ours, base).pvalue)


@settings(deadline=None, max_examples=25)
@given(scores)
def test_sign_flip_equals_scipys_permutation_test(pairs):
    differences = np.array([a - b for a, b in pairs], dtype=float)
    oracle = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=False
    )
    # scipy doubles the smaller tail; on the symmetric sign-flip distribution of the mean that is the two-sided p
    assert sign_flip(differences) == pytest.approx(oracle.pvalue)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_equals_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_by_hand():
    # sorted .01 .03 .04 → 3·.01, 2·.03, then 1·.04 raised to the .06 before it
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([]) == []


def test_one_pair_or_equal_differences_have_no_t_test():
    assert compare([0.5], [0.25]).p is None
    found = compare([0.5, 0.75], [0.25, 0.5])
    assert (found.difference, found.p, found.low, found.effect) == (0.25, None, None, None)


@pytest.mark.parametrize(("n", "p"), [(1, 1.0), (3, 0.25), (5, 0.0625), (6, 0.03125)])
def test_smallest_p_is_reached_and_not_undercut(n, p):
    assert smallest_p(n) == p
    assert sign_flip(np.arange(1.0, n + 1)) == p


@pytest.mark.parametrize(("comparisons", "seeds"), [(1, 6), (2, 7), (5, 8), (8, 9)])
def test_seeds_needed(comparisons, seeds):
    # Holm rejects the smallest of m p-values at α/m; 2/2ⁿ ≤ .05/m
    assert smallest_p(seeds) * comparisons <= 0.05 < smallest_p(seeds - 1) * comparisons
    assert seeds_needed(comparisons) == seeds


def test_rates_by_hand():
    counts = np.array([[2.0, 1, 3], [0, 0, 0]])
    assert rate("f1", counts).tolist() == [4 / 8, 0]
    assert rate("precision", counts).tolist() == [2 / 3, 0]
    assert rate("recall", counts).tolist() == [2 / 5, 0]
    with pytest.raises(KeyError):
        rate("f2", counts)


def accuracy(counts):
    return counts[..., 0] / counts[..., 1]


def items(rng, seeds, n, rate):
    right = (rng.random((seeds, n)) < rate).astype(float)
    return np.stack([right, np.ones_like(right)], axis=-1)


def test_bootstrap_over_items_matches_scipy():
    data = items(np.random.default_rng(0), 1, 200, 0.7)
    low, high = bootstrap(data, None, accuracy, resamples=4000)
    oracle = stats.bootstrap((data[0, :, 0],), np.mean, method="percentile", n_resamples=4000, random_state=1)
    assert (low, high) == pytest.approx(tuple(oracle.confidence_interval), abs=0.01)
    # by hand: 1.96 · sqrt(p (1 − p) / 200)
    p = data[0, :, 0].mean()
    assert high - low == pytest.approx(2 * 1.96 * (p * (1 - p) / 200) ** 0.5, rel=0.1)


def test_bootstrap_resamples_seeds_too():
    # all items alike within a seed: only seeds vary. Three seeds at 0, 0 and 1: the mean is k/3, k ~ Binomial(3, 1/3)
    right = np.repeat(np.array([[0.0], [0.0], [1.0]]), 50, axis=1)
    data = np.stack([right, np.ones_like(right)], axis=-1)
    assert bootstrap(data, None, accuracy) == (0.0, 1.0)  # P(k = 0) = .30, P(k = 3) = .037 > .025


def test_bootstrap_of_a_system_with_itself_is_zero():
    data = items(np.random.default_rng(1), 3, 40, 0.5)
    assert bootstrap(data, data, accuracy) == (0.0, 0.0)


def test_bootstrap_draws_the_same_in_blocks(monkeypatch):
    rng = np.random.default_rng(2)
    ours, base = items(rng, 2, 30, 0.8), items(rng, 2, 30, 0.4)
    low, high = bootstrap(ours, base, accuracy, seed=3)
    assert 0.1 < low < (ours - base)[..., 0].mean() < high < 0.7
    assert (low, high) == bootstrap(ours, base, accuracy, seed=3)


def test_randomisation_equals_the_exact_test_over_items():
    # two systems over 8 items, one seed: swapping item i flips the sign of its difference, so the exact p over all 2⁸
    # patterns is that of the sign-flip test on the items' differences
    rng = np.random.default_rng(4)
    ours, base = items(rng, 1, 8, 0.9), items(rng, 1, 8, 0.3)
    exact = sign_flip((ours - base)[0, :, 0])
    assert randomisation(ours, base, accuracy, rounds=20_000) == pytest.approx(exact, abs=0.015)


def test_randomisation_of_equal_systems_is_one_and_of_far_ones_the_least():
    data = items(np.random.default_rng(5), 2, 50, 0.5)
    assert randomisation(data, data, accuracy, rounds=99) == 1.0
    worse = data.copy()
    worse[..., 0] = 0
    assert randomisation(data, worse, accuracy, rounds=99) == pytest.approx(1 / 100)


def test_under_the_null_p_is_uniform_enough():
    rng = np.random.default_rng(6)
    p_values = [randomisation(items(rng, 1, 60, 0.5), items(rng, 1, 60, 0.5), accuracy, rounds=99) for _ in range(200)]
    assert 0.01 <= np.mean(np.array(p_values) <= 0.05) <= 0.1
