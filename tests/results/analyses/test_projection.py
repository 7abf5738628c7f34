"""Principal components against scikit-learn's and a figure worked out by hand."""

import numpy as np
import pytest

from pipeline.common.errors import UserError
from pipeline.results.analyses.projection import panel, project


def test_by_hand():
    """A cross of ±3 along the first axis and ±1 along the second: variances 18 and 2, shares 0.9 and 0.1."""
    points = np.array([[3.0, 0, 5], [-3, 0, 5], [0, 1, 5], [0, -1, 5]])
    found = project(points)
    assert found.explained == pytest.approx((0.9, 0.1))
    assert found.components == pytest.approx(np.array([[1.0, 0, 0], [0, 1, 0]]))
    assert found.scores == pytest.approx(points[:, :2])


def test_against_scikit_learn():
    decomposition = pytest.importorskip("sklearn.decomposition")
    points = np.random.default_rng(1).normal(size=(60, 9)) @ np.random.default_rng(2).normal(size=(9, 9)) + 4
    theirs = decomposition.PCA(2, svd_solver="full").fit(points)
    ours = project(points)
    signs = np.sign((theirs.components_ * ours.components).sum(axis=1))
    assert ours.components == pytest.approx(theirs.components_ * signs[:, None], abs=1e-12)
    assert ours.scores == pytest.approx(theirs.transform(points) * signs, abs=1e-11)
    assert ours.explained == pytest.approx(tuple(theirs.explained_variance_ratio_), abs=1e-12)


def test_against_the_svd_where_there_are_fewer_points_than_dimensions():
    points = np.random.default_rng(5).normal(size=(7, 30))
    _, singular, rows = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)
    ours = project(points)
    assert np.abs((ours.components * rows[:2]).sum(axis=1)) == pytest.approx(np.ones(2), abs=1e-12)
    assert ours.explained == pytest.approx(tuple(singular[:2] ** 2 / (singular**2).sum()), abs=1e-12)


def test_the_sign_does_not_depend_on_the_order_of_points():
    points = np.random.default_rng(3).normal(size=(40, 6))
    ours, other = project(points), project(points[::-1])
    assert other.components == pytest.approx(ours.components, abs=1e-12)
    rows = np.abs(ours.components).argmax(axis=1)
    assert (ours.components[[0, 1], rows] > 0).all()


def test_points_without_variance_are_in_the_middle():
    found = project(np.ones((5, 3)))
    assert found.explained == (0, 0)
    assert found.scores == pytest.approx(np.zeros((5, 2)))


@pytest.mark.parametrize("shape", [(1, 5), (5, 1)])
def test_too_little_for_two_components_is_refused(shape):
    with pytest.raises(UserError, match="two points of two dimensions"):
        project(np.ones(shape))


def test_a_panel_is_turned_to_agree_with_the_other():
    random = np.random.default_rng(4)
    source, target = random.normal(size=(30, 5)), random.normal(size=(20, 5)) + 1
    first = panel("before", source, target)
    mirrored = panel("after", -source, -target, first)
    assert mirrored.source == pytest.approx(first.source)
    assert mirrored.target == pytest.approx(first.target)
    assert first.source.shape == (30, 2) and first.target.shape == (20, 2)
    assert panel("alone", -source, -target).source == pytest.approx(-first.source)
