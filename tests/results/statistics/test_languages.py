"""Tests over languages: against scipy and statsmodels, ties and zeros by brute force."""

import itertools

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from pipeline.results.statistics.languages import over_languages, wilcoxon

BASE = [0.50, 0.41, 0.33, 0.62, 0.70, 0.28]
OURS = [0.58, 0.47, 0.30, 0.71, 0.75, 0.30]


def test_wilcoxon_is_scipys_exact_test():
    differences = np.subtract(OURS, BASE)
    assert wilcoxon(differences) == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)
    many = np.random.default_rng(0).standard_normal(25) + 0.3
    assert wilcoxon(many) == pytest.approx(stats.wilcoxon(many).pvalue)


def test_ties_are_exact_and_zeros_left_out():
    found = np.array([0.1, 0.1, -0.1, 0.2, 0.3, 0.0])
    signed = [2, 2, -2, 4, 5]
    sums = [
        abs(sum(s * abs(r) for s, r in zip(signs, signed, strict=True)))
        for signs in itertools.product((-1, 1), repeat=5)
    ]
    assert wilcoxon(found) == pytest.approx(np.mean(np.array(sums) >= abs(sum(signed))))
    assert wilcoxon([0.0, 0.0]) is None


def test_methods_are_compared_with_n_languages_and_holm():
    worse = [x - 0.01 * i for i, x in enumerate(BASE)]
    first, second = over_languages([(OURS, BASE), (worse, BASE)])
    assert (first.test.n, first.better, second.better) == (6, 5, 0)
    p = [stats.ttest_rel(ours, BASE).pvalue for ours in (OURS, worse)]
    assert [first.test.p, second.test.p] == pytest.approx(p)
    assert [first.t_holm, second.t_holm] == pytest.approx(multipletests(p, method="holm")[1])
    assert [first.wilcoxon_holm, second.wilcoxon_holm] == pytest.approx(
        multipletests([first.wilcoxon, second.wilcoxon], method="holm")[1]
    )


def test_where_nothing_differs_there_is_no_p():
    (found,) = over_languages([(BASE, BASE)])
    assert (found.test.p, found.wilcoxon, found.wilcoxon_holm, found.better) == (None, None, None, 0)


def test_unequal_languages_are_refused():
    with pytest.raises(ValueError, match="shape"):
        over_languages([(OURS, BASE[:-1])])
