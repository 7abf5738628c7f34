"""Ranks, wins and the bootstrap behind their intervals: by hand, and against brute force."""

import itertools

import numpy as np
import pytest

from pipeline.results.statistics.ranks import mean_ranks, ranks, resampled, shares, win_counts

SCORES = np.array([[0.5, 0.7, 0.6], [0.6, 0.7, 0.5], [0.1, 0.1, 0.1]])  # methods × columns


def columns_of(scores, seeds=3, items=40, spread=0.0, seed=0):
    random = np.random.default_rng(seed)
    return [
        scores[:, c, None, None] + spread * random.standard_normal((len(scores), seeds, items))
        for c in range(scores.shape[1])
    ]


def test_ranks_and_wins_by_hand():
    # columns: b a c; a and b tie; a b c
    assert mean_ranks(SCORES).tolist() == pytest.approx([(2 + 1.5 + 1) / 3, (1 + 1.5 + 2) / 3, 3])
    assert win_counts(SCORES).tolist() == [1.5, 1.5, 0]
    assert shares(SCORES)[:, 1].tolist() == [0.5, 0.5, 0]


def test_without_variance_the_intervals_are_points():
    found = ranks(columns_of(SCORES), resamples=20)
    assert [rank.rank_ends for rank in found] == [(rank.rank, rank.rank) for rank in found]
    assert [rank.best for rank in found] == [0.5, 0.5, 0.0]
    assert found[0].best_in == (0.0, 0.5, 1.0)


def test_a_bootstrap_mean_varies_as_much_as_the_mean_is_unsure():
    # over seeds alone: S − 1 drawn of S give the variance s²/S, all draws counted
    values = np.array([0.1, 0.4, 0.6])
    column = np.broadcast_to(values[None, :, None], (2, 3, 5))
    drawn = resampled([column], np.random.default_rng(1), 4000)[:, 0, 0]
    every = [np.mean(pair) for pair in itertools.product(values, repeat=2)]
    assert np.var(every) == pytest.approx(values.var(ddof=1) / 3)
    assert drawn.var() == pytest.approx(np.var(every), rel=0.1)
    assert set(np.round(drawn, 9)) == set(np.round(every, 9))


def test_items_are_drawn_as_often_as_there_are_any():
    random = np.random.default_rng(2)
    column = np.broadcast_to((random.random(200) < 0.3).astype(float), (2, 3, 200))
    drawn = resampled([column], random, 2000)[:, 0, 0]
    assert drawn.var() == pytest.approx(column[0, 0].var() / 200, rel=0.15)


def test_languages_drawn_anew_widen_the_intervals():
    scores = np.array([[0.5, 0.1, 0.5, 0.1, 0.5], [0.3] * 5])
    fixed, drawn = (ranks(columns_of(scores), languages, resamples=400) for languages in (False, True))
    assert fixed[0].wins_ends == (3, 3)
    assert drawn[0].wins_ends[0] <= 1 and drawn[0].wins_ends[1] == 5
    assert 0.3 < drawn[0].best < 0.9 and fixed[0].best == 1.0


def test_the_same_seed_gives_the_same_intervals():
    columns = columns_of(SCORES, spread=0.5)
    assert ranks(columns, resamples=50) == ranks(columns, resamples=50)


def test_unequal_columns_are_refused():
    with pytest.raises(ValueError, match="same methods and seeds"):
        ranks([np.zeros((2, 3, 4)), np.zeros((2, 2, 4))])
