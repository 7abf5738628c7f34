"""Hausdorff distances against scipy, a plain loop and numbers worked out by hand."""

import math
import tracemalloc

import numpy as np
import pytest
from scipy.spatial.distance import cdist, directed_hausdorff

from pipeline.common.errors import UserError
from pipeline.results.analyses.distance import cosine_distances, decimals, distances, nearest, unit


def clouds(m=57, n=83, width=11, seed=0):
    random = np.random.default_rng(seed)
    return random.normal(size=(m, width)) + 0.5, random.normal(size=(n, width)) * 3 - 0.2


def loop(a, b):
    """The nearest cosine distance of each point of `a`, by the book, in Python's own floats."""
    found = []
    for x in a.tolist():
        best = math.inf
        for y in b.tolist():
            dot = math.fsum(p * q for p, q in zip(x, y, strict=True))
            lengths = math.sqrt(math.fsum(p * p for p in x)) * math.sqrt(math.fsum(q * q for q in y))
            best = min(best, 1 - dot / lengths)
        found.append(best)
    return found


def test_by_hand():
    """s = (1,0), (0,2); t = (3,0), (1,1): d(s1,t1) = 0, d(s2,t2) = d(s1,t2) = 1 − 1/√2, d(s2,t1) = 1."""
    found = distances(np.array([[1.0, 0], [0, 2]]), np.array([[3.0, 0], [1, 1]]))
    away = 1 - 1 / math.sqrt(2)
    assert found.source_to_target == pytest.approx(away, abs=1e-15)
    assert found.target_to_source == pytest.approx(away, abs=1e-15)
    assert found.mean_source_to_target == pytest.approx(away / 2, abs=1e-15)
    assert found.hausdorff == pytest.approx(away, abs=1e-15)
    assert found.modified_hausdorff == pytest.approx(away / 2, abs=1e-15)
    pairs = [0, away, 1, 0, 1, away, 0, 0, away, 0]  # s1s1 s1t2 s1s2 s1t1 s2t1 s2t2 s2s2 t1t1 t1t2 t2t2
    whole = 2 * sum(pairs)  # each unordered pair twice; a point with itself is 0 anyway
    assert found.spread == pytest.approx(whole / 16, abs=1e-15)


def test_against_scipy():
    """On unit vectors ‖a − b‖² = 2 (1 − cos), so scipy's Euclidean directed distance squares to twice ours."""
    source, target = clouds()
    found = distances(source, target)
    a, b = unit(source), unit(target)
    assert found.source_to_target == pytest.approx(directed_hausdorff(a, b)[0] ** 2 / 2, abs=1e-14)
    assert found.target_to_source == pytest.approx(directed_hausdorff(b, a)[0] ** 2 / 2, abs=1e-14)
    every = np.concatenate([source, target])
    assert found.spread == pytest.approx(cdist(every, every, "cosine").mean(), abs=1e-14)


@pytest.mark.parametrize("block", [1, 7, 57, 1000])
def test_against_a_loop_in_any_block(block):
    source, target = clouds(19, 23)
    forth, back = nearest(source, target, block)
    assert forth == pytest.approx(loop(source, target), abs=1e-14)
    assert back == pytest.approx(loop(target, source), abs=1e-14)


def test_a_maximum_and_a_mean_are_told_apart():
    """99 points in place and one opposite: the maximum is 2, the mean 2/100."""
    source = np.tile([[1.0, 0.0]], (100, 1))
    source[40] = [-1, 0]
    found = distances(source, np.array([[5.0, 0.0]]))
    assert found.hausdorff == 2
    assert found.modified_hausdorff == pytest.approx(0.02)
    assert found.target_to_source == 0


def test_scale_and_order_mean_nothing_and_a_set_is_not_away_from_itself():
    source, target = clouds()
    found = distances(source, target)
    other = distances(source[::-1] * 7, target * 1e-3)
    assert other.hausdorff == pytest.approx(found.hausdorff, abs=1e-14)
    assert other.spread == pytest.approx(found.spread, abs=1e-14)
    assert distances(source, source).hausdorff == pytest.approx(0, abs=1e-15)
    swapped = distances(target, source)
    assert (swapped.source_to_target, swapped.target_to_source) == pytest.approx(
        (found.target_to_source, found.source_to_target), abs=1e-15
    )


def test_zero_vectors_follow_the_rule():
    zero, x = np.zeros((1, 3)), np.array([[1.0, 2, 3]])
    assert distances(zero, x).hausdorff == 1
    assert distances(zero, zero).hausdorff == 0
    assert distances(np.concatenate([zero, x]), zero).hausdorff == 1
    assert distances(np.concatenate([zero, x]), zero).target_to_source == 0
    found = distances(np.concatenate([zero, x]), zero)
    assert found.spread == pytest.approx(4 / 9)  # of nine ordered pairs, x with two zeros, both ways
    assert cosine_distances(unit(zero), unit(-x))[0, 0] == 1


def test_tiny_and_huge_values_neither_vanish_nor_overflow():
    source = np.array([[1e-200, 0.0], [1e200, 1e200]])
    found = distances(source, np.array([[1.0, 1.0]]))
    assert found.source_to_target == pytest.approx(1 - 1 / math.sqrt(2))
    assert found.target_to_source == pytest.approx(0, abs=1e-15)


def test_single_precision_points_are_measured_in_double():
    source, target = (points.astype(np.float32) for points in clouds())
    exact = distances(source.astype(np.float64), target.astype(np.float64))
    assert distances(source, target) == exact


def test_memory_stays_below_the_full_matrix():
    """6,000 × 6,000 distances would take 288 MB; blocks of 256 take a few."""
    random = np.random.default_rng(0)
    source, target = (random.normal(size=(6000, 8)).astype(np.float32) for _ in range(2))
    tracemalloc.start()
    distances(source, target, 256)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8e6


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (np.zeros((0, 2)), np.ones((1, 2)), "source: expected at least one point"),
        (np.ones((1, 2)), np.ones((1, 3)), "source has 2 dimensions, target 3"),
        (np.ones((1, 2)), np.array([[1, 2], [np.nan, 1]]), "target: point 1 has a value that is not finite"),
    ],
)
def test_what_cannot_be_measured_is_refused(source, target, message):
    with pytest.raises(UserError, match=message):
        distances(source, target)


@pytest.mark.parametrize(
    ("value", "places"), [(1.2, 3), (0.0123, 3), (0.0099, 4), (-0.00042, 5), (0.0, 3), (3e-8, 8), (1e-12, 3)]
)
def test_small_distances_get_more_decimals(value, places):
    """0.0099 → .0099, 0.00042 → .00042: two digits each."""
    assert decimals(value) == places
