"""Variance by factor: by hand, and found again in worlds where it is known."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.formula.api import ols

from pipeline.results.statistics.crossed import analyse
from pipeline.results.statistics.variance import Parts, parts, pooled


def test_model_seeds_nested_in_data_seeds_by_statsmodels():
    scores, data = [0.50, 0.54, 0.60, 0.66, 0.40, 0.42], [1, 1, 2, 2, 3, 3]
    table = sm.stats.anova_lm(ols("score ~ C(data)", pd.DataFrame({"score": scores, "data": data})).fit())
    between, within = table["mean_sq"]["C(data)"], table["mean_sq"]["Residual"]
    found = parts(scores, data)
    assert found.seeds == pytest.approx(within / 6)
    assert found.data == pytest.approx((between - within) / 2 / 3)
    assert found.items is None
    assert found.seeds + found.data == pytest.approx(between / 6), "balanced: the variance of the mean of all runs"


def test_unequal_groups_are_found_again():
    random, data = np.random.default_rng(0), [1, 1, 1, 2, 2, 3]
    found = []
    for _ in range(600):
        effect = dict(zip((1, 2, 3), 0.03 * random.standard_normal(3), strict=True))
        found.append(parts([effect[d] + 0.01 * random.standard_normal() for d in data], data))
    assert np.mean([each.seeds for each in found]) == pytest.approx(0.01**2 / 6, rel=0.1)
    assert np.mean([each.data for each in found]) == pytest.approx(0.03**2 * (9 + 4 + 1) / 36, rel=0.2)


def test_one_data_seed_has_no_part_of_its_own_and_one_run_each_none_of_model_seeds():
    values = np.random.default_rng(1).random((3, 20))
    found = parts(values.mean(1), [42, 42, 42], values)
    assert found.data is None and found.seeds == pytest.approx(analyse(values).from_seeds)
    assert found.items == analyse(values).from_items
    alone = parts([0.5, 0.6, 0.7], [1, 2, 3])
    assert alone.seeds is None and alone.data == pytest.approx(0.01 / 3)


def test_methods_are_pooled_by_the_mean_of_those_that_have_a_part():
    assert pooled([Parts(1.0, None, 3.0), Parts(3.0, None, None)]) == Parts(2.0, None, 3.0)
    assert pooled([]).total == 0
