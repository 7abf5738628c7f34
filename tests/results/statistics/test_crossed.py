import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from pipeline.results.statistics.crossed import Crossed, analyse, crossed, item_values
from pipeline.results.statistics.seeds import compare, summarise
from pipeline.tasks.class_score import macro_f1, rate


def accuracy(counts):
    return counts[..., 0] / counts[..., 1]


def f1(counts):
    return rate("f1", counts)


def answers(rng, seeds, n, share):
    """Counts of an accuracy, (S, N, 2)."""
    right = (rng.random((seeds, n)) < share).astype(float)
    return np.stack([right, np.ones_like(right)], axis=-1)


def test_by_hand():
    # seeds' means 3, 5: variance 2; items' means 2, 4, 6: variance 4; residuals ± 1 at two items: 4 · 1 / (1 · 2) = MS_E = 2
    found = analyse(np.array([[0.0, 3, 6], [4, 5, 6]]) + 0.0)
    assert (found.value, found.seeds, found.items) == (4, 2, 3)
    assert found.from_seeds == pytest.approx(2 / 2)
    assert found.from_items == pytest.approx(4 / 3 - 2 / 6)
    # t(1) and t(2) at 97.5 %: 12.7062 and 4.3027
    assert found.half == pytest.approx((12.7062**2 * 1 + 4.3027**2 * 1) ** 0.5, abs=1e-3)
    assert found.ends == pytest.approx((4 - found.half, 4 + found.half))


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 4), st.integers(2, 6), st.integers(0, 10_000))
def test_variances_are_those_of_the_analysis_of_variance(seeds, items, seed):
    values = np.random.default_rng(seed).standard_normal((seeds, items))
    rows = [{"s": s, "i": i, "y": values[s, i]} for s in range(seeds) for i in range(items)]
    table = anova_lm(ols("y ~ C(s) + C(i)", pd.DataFrame(rows)).fit())
    squares = table["sum_sq"] / table["df"]
    found = analyse(values)
    assert found.from_seeds == pytest.approx(squares["C(s)"] / (seeds * items))
    expected = max(0, squares["C(i)"] - squares["Residual"]) / (seeds * items)
    assert found.from_items == pytest.approx(expected, abs=1e-12)


def test_estimates_are_the_true_variance_on_average():
    # a, b, e of variances .3, 2, 1 over 4 seeds and 30 items: Var = .3/4 + 2/30 + 1/120
    rng, estimates = np.random.default_rng(0), []
    for _ in range(2000):
        a, b = rng.normal(0, 0.3**0.5, (4, 1)), rng.normal(0, 2**0.5, 30)
        found = analyse(a + b + rng.standard_normal((4, 30)))
        estimates.append(found.from_seeds + found.from_items)
    assert np.mean(estimates) == pytest.approx(0.3 / 4 + 2 / 30 + 1 / 120, rel=0.04)


def test_the_jackknifes_values_of_an_accuracy_are_the_items_own():
    data = answers(np.random.default_rng(1), 3, 40, 0.7)
    assert item_values(data, accuracy) == pytest.approx(data[..., 0])


def test_the_jackknifes_values_of_f1_are_its_influence_function():
    rng = np.random.default_rng(2)
    data = rng.poisson([1.2, 0.5, 0.6], (2, 3000, 3)).astype(float)
    values = item_values(data, f1)
    assert values.mean(1) == pytest.approx(f1(data.sum(1)))
    # F = 2 tp / D, D = 2 tp + fp + fn: dF/dtp = 2 (fp + fn) / D², dF/dfp = dF/dfn = −2 tp / D²
    tp, fp, fn = np.moveaxis(data.mean(1, keepdims=True), -1, 0)
    slope = np.stack([2 * (fp + fn), -2 * tp, -2 * tp], axis=-1) / (2 * tp + fp + fn)[..., None] ** 2
    influence = (slope * data).sum(-1) + f1(data.sum(1))[:, None]
    assert values == pytest.approx(influence, abs=0.01)
    assert np.std(values - influence) < 0.002 * np.std(influence)


def test_the_interval_over_one_seeds_sentences_is_that_of_the_bootstrap():
    rng = np.random.default_rng(3)
    data = rng.poisson([1.2, 0.5, 0.6], (1, 300, 3)).astype(float)
    found = crossed(data, None, f1)
    oracle = stats.bootstrap(
        tuple(data[0].T),
        lambda tp, fp, fn, axis=-1: f1(np.stack([tp.sum(axis), fp.sum(axis), fn.sum(axis)], axis=-1)),
        paired=True,
        method="percentile",
        n_resamples=3000,
        random_state=1,
    )
    assert found.ends == pytest.approx(tuple(oracle.confidence_interval), abs=0.006)
    assert (found.seeds, found.p) == (1, None), "one seed says nothing of training again"


def test_the_interval_of_macro_f1_agrees_with_the_bootstrap_over_items():
    rng = np.random.default_rng(4)
    gold = rng.integers(0, 3, 300)
    said = np.where(rng.random(300) < 0.6, gold, rng.integers(0, 3, 300))
    right, ours = (np.stack([side == c for c in range(3)], axis=-1) for side in (gold, said))
    data = np.stack([right & ours, ~right & ours, right & ~ours], axis=-1).astype(float)  # (N, C, 3)

    def score(sums):
        return macro_f1(sums.reshape(*sums.shape[:-1], 3, 3))

    found = crossed(data.reshape(1, 300, 9), None, score)
    drawn = rng.multinomial(300, np.full(300, 1 / 300), 3000) @ data.reshape(300, 9)
    assert found.half == pytest.approx(1.96 * np.std(score(drawn)), rel=0.05)


@settings(deadline=None, max_examples=30)
@given(st.integers(2, 6), st.integers(2, 40), st.integers(0, 10_000))
def test_it_is_never_narrower_than_the_interval_over_seeds_nor_its_p_smaller(seeds, items, seed):
    rng = np.random.default_rng(seed)
    ours, base = answers(rng, seeds, items, 0.8), answers(rng, seeds, items, 0.5)
    over_seeds = compare(list(accuracy(ours.sum(1))), list(accuracy(base.sum(1))))
    found = crossed(ours, base, accuracy)
    assert found.value == pytest.approx(over_seeds.difference, abs=1e-12)
    if over_seeds.p is not None:
        assert found.half >= (over_seeds.high - over_seeds.low) / 2 - 1e-12
        assert found.p >= over_seeds.p - 1e-9


def test_p_is_the_level_whose_interval_reaches_zero():
    found = Crossed(0.1, 3, 50, 0.0008, 0.0004)
    quantiles = stats.t.isf(found.p / 2, [2, 49])
    assert float(quantiles**2 @ [0.0008, 0.0004]) == pytest.approx(0.1**2)
    assert Crossed(found.half, 3, 50, 0.0008, 0.0004).p == pytest.approx(0.05)
    assert Crossed(0.0, 3, 50, 0.0008, 0.0004).p == 1.0
    assert Crossed(0.5, 3, 50_000, 0.0, 1e-12).p == 0.0
    # items alone, as where all seeds agree: the one-sample t-test over items
    items = np.random.default_rng(5).standard_normal(40) + 0.3
    assert analyse(np.stack([items, items])).p == pytest.approx(stats.ttest_1samp(items, 0).pvalue)


def test_nothing_that_varies_gives_no_interval():
    perfect = np.ones((3, 20, 2))
    found = crossed(perfect, None, accuracy)
    assert (found.value, found.half, found.ends, found.p) == (1.0, None, (None, None), None)
    data = answers(np.random.default_rng(6), 3, 20, 0.5)
    same = crossed(data, data, accuracy)
    assert (same.value, same.half, same.p) == (0.0, None, None)
    assert crossed(data[:, :1], None, accuracy) is None, "one item"
    assert summarise([0.5, 0.5]).ends == (None, None)


def test_seeds_that_agree_leave_the_items():
    one = answers(np.random.default_rng(7), 1, 60, 0.7)
    found = crossed(np.repeat(one, 4, axis=0), None, accuracy)
    assert found.from_seeds == 0
    assert found.half == pytest.approx(crossed(one, None, accuracy).half)


def test_the_interval_over_seeds_is_scipys():
    values = [0.5, 0.53, 0.61]
    oracle = stats.t.interval(0.95, 2, loc=np.mean(values), scale=stats.sem(values))
    assert summarise(values).ends == pytest.approx(oracle)
