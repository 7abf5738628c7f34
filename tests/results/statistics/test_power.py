"""The smallest detectable difference: against statsmodels' power of a paired t-test, and by simulation."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from pipeline.results.statistics.power import POWER, foreseen, smallest_detectable


@pytest.mark.parametrize("seeds", [3, 5, 12])
def test_of_seeds_alone_it_is_the_power_of_the_paired_t_test(seeds):
    wanted = TTestPower().solve_power(nobs=seeds, alpha=0.05, power=POWER)
    assert smallest_detectable(1 / seeds, 0.0, seeds, 0) == pytest.approx(wanted, rel=1e-4)


def test_of_items_alone_it_is_the_power_of_a_z_test():
    wanted = (stats.norm.ppf(0.975) + stats.norm.ppf(POWER)) * 0.01
    assert smallest_detectable(0.0, 1e-4, 3, 100_000) == pytest.approx(wanted, rel=1e-3)


def test_a_difference_of_that_size_is_found_in_80_of_100_tables():
    random, seeds, items = np.random.default_rng(5), 5, 200
    of_seed, of_item = 0.02, 0.4
    size = smallest_detectable(of_seed**2 / seeds, of_item**2 / items, seeds, items)
    rounds = 20_000
    means = size + of_seed * random.standard_normal((rounds, seeds))
    of_items = of_item / items**0.5 * random.standard_normal(rounds)
    from_seeds = means.var(1, ddof=1) / seeds
    half = np.hypot(
        stats.t.ppf(0.975, seeds - 1) * from_seeds**0.5, stats.t.ppf(0.975, items - 1) * of_item / items**0.5
    )
    assert np.mean(means.mean(1) + of_items > half) == pytest.approx(POWER, abs=0.03)


def test_one_seed_or_no_variance_detects_nothing():
    assert smallest_detectable(0.0, 1e-4, 1, 100) is None
    assert smallest_detectable(0.0, 0.0, 3, 100) is None
    assert foreseen(1, 100) is None and foreseen(3, 1) is None


def test_more_seeds_and_more_items_see_less():
    assert foreseen(3, 100) > foreseen(3, 1000) > foreseen(6, 1000) > foreseen(12, 5000)
