import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import DescrStatsW

from pipeline.results.statistics.seeds import (
    compare,
    holm,
    least_holm,
    seeds_needed,
    sign_flip,
    smallest_p,
    summarise,
)
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


@settings(deadline=None, max_examples=30)
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


def attainable(n):
    """Every p that the exact test can give with n seeds: a pattern of signs and its mirror image are as extreme."""
    return [k / 2**n for k in range(2, 2**n + 1, 2)]


def rejected(p_values, alpha):
    """Which hypotheses Holm rejects, from the least p until the first that is not (Holm 1979)."""
    found = [False] * len(p_values)
    for step, i in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if (len(p_values) - step) * p_values[i] > alpha:
            break
        found[i] = True
    return found


@pytest.mark.parametrize("alpha", [0.05, 0.3, 0.55])  # larger ones make a few seeds enough
@pytest.mark.parametrize(
    "seeds", [(2,), (2, 3), (3, 3), (2, 4), (3, 4), (4, 4), (2, 2, 4), (2, 3, 4), (3, 3, 4), (2, 4, 4)]
)
def test_a_dagger_stands_where_no_scores_at_all_could_be_significant(seeds, alpha):
    possible = [False] * len(seeds)
    for p_values in itertools.product(*map(attainable, seeds)):
        possible = [before or now for before, now in zip(possible, rejected(p_values, alpha), strict=True)]
    assert [p <= alpha for p in least_holm(seeds)] == possible


def test_few_seeds_beside_more_can_be_significant():
    # .0078 passes at ×2, then .031 at ×1; both with six: .031 ×2
    assert least_holm([6, 8]) == [0.03125, 0.015625]
    assert least_holm([6, 6]) == [0.0625, 0.0625]
    assert max(least_holm([20, 30, 17])) < 0.001, "no exact test is made of so many seeds, yet nothing is out of reach"
    for m in (1, 5, 20):
        assert max(least_holm([seeds_needed(m)] * m)) <= 0.05 < min(least_holm([seeds_needed(m) - 1] * m))


def test_rates_by_hand():
    counts = np.array([[2.0, 1, 3], [0, 0, 0]])
    assert rate("f1", counts).tolist() == [4 / 8, 0]
    assert rate("precision", counts).tolist() == [2 / 3, 0]
    assert rate("recall", counts).tolist() == [2 / 5, 0]
    with pytest.raises(KeyError):
        rate("f2", counts)
