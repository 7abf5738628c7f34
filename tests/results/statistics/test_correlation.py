"""Correlations by their formulas, and what too few languages do not allow."""

import math

import numpy as np
import pytest
from scipy import stats

from pipeline.results.statistics.correlation import correlate


def test_by_formula():
    """r from sums, its interval from Fisher's z = artanh r ± 1.96/√(n − 3), p from t = r √((n − 2)/(1 − r²))."""
    x, y = [0.1, 0.4, -0.2, 0.3, 0.0, 0.25], [1.0, 2.5, 0.5, 1.5, 2.0, 3.0]
    found = correlate(x, y)
    a, b = np.array(x) - np.mean(x), np.array(y) - np.mean(y)
    r = (a @ b) / math.sqrt((a @ a) * (b @ b))
    half = 1.959963984540054 / math.sqrt(3)
    t = r * math.sqrt(4 / (1 - r * r))
    assert found.n == 6
    assert found.pearson == pytest.approx(r)
    assert (found.low, found.high) == pytest.approx((math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half)))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(t), 4))
    ranks = [3, 6, 1, 5, 2, 4], [2, 5, 1, 3, 4, 6]  # ρ = 1 − 6 Σd²/(n (n² − 1)), Σd² = 1+1+0+4+4+4 = 14
    assert sum((p - q) ** 2 for p, q in zip(*ranks, strict=True)) == 14
    assert found.spearman == pytest.approx(1 - 6 * 14 / 210)
    assert found.reason == ""


def test_three_have_no_interval_and_two_no_correlation():
    three = correlate([1, 2, 4], [1, 3, 2])
    assert three.pearson is not None and three.low is None and three.high is None
    assert "n = 3: an interval needs 4" in three.reason
    two = correlate([1, 2], [3, 4])
    assert (two.pearson, two.p, two.spearman) == (None, None, None)
    assert "n = 2: a correlation needs 3" in two.reason


def test_without_variation_there_is_none():
    found = correlate([1, 1, 1, 1], [1, 2, 3, 4])
    assert found.pearson is None and "the same everywhere" in found.reason


def test_unpaired_values_are_a_defect():
    with pytest.raises(ValueError, match="no pairs"):
        correlate([1], [1, 2])
