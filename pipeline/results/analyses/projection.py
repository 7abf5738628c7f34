"""Principal components of a cloud of points: what the figures of MetaXL (Figures 1 and 3) show of representations."""

from dataclasses import dataclass

import numpy as np

from pipeline.common.errors import UserError
from pipeline.results.analyses.distance import Distances, Floats, Points, distances


@dataclass(frozen=True)
class Projection:
    """Points seen from their two widest sides.

    Attributes:
        scores: (n, 2), coordinates along the components, centred.
        explained: the share of all variance along each component, 0 to 1; 0 where there is no variance at all.
        components: (2, H), orthonormal; the largest loading of each by absolute value is positive.
    """

    scores: Floats
    explained: tuple[float, float]
    components: Floats


def project(points: Points) -> Projection:
    """Project n points (n, H) on their first two principal components, in float64.

    By the eigenvectors of their H × H scatter matrix, which costs a fraction of the SVD of many points and agrees with it in the
    widest components.

    A component's sign is arbitrary; the one with a positive largest loading (the first of equals) is taken, so that the same
    points always give the same picture.

    Raises:
        UserError: there are fewer than two points or dimensions.
    """
    if points.ndim != 2 or min(points.shape) < 2:
        raise UserError(
            f"two components need two points of two dimensions at least; got an array of shape {points.shape}"
        )
    exact = points.astype(np.float64)
    centred = exact - exact.mean(axis=0)
    variances, vectors = np.linalg.eigh(centred.T @ centred)  # ascending; (H,) and (H, H), a component a column
    components = vectors[:, -1:-3:-1].T
    largest = components[np.arange(2), np.abs(components).argmax(axis=1)]
    components = components * np.where(largest < 0, -1.0, 1.0)[:, None]
    total = variances.clip(min=0).sum()
    shares = variances[-1:-3:-1].clip(min=0) / total if total > 0 else np.zeros(2)
    return Projection(centred @ components.T, (float(shares[0]), float(shares[1])), components)


@dataclass(frozen=True)
class Panel:
    """What one half of a pair's figure shows.

    Attributes:
        label: the method.
        source: (m, 2), coordinates of the source points.
        target: (n, 2), coordinates of the target points.
        explained: the share of all variance along each axis.
        distances: between source and target, in all dimensions.
    """

    label: str
    source: Floats
    target: Floats
    explained: tuple[float, float]
    distances: Distances


def panel(label: str, source: Points, target: Points, like: Panel | None = None) -> Panel:
    """Project source (m, H) and target (n, H) together, and measure how far apart they lie.

    Args:
        label: the method.
        source: source points.
        target: target points.
        like: a panel of the same points in another model: components are turned to agree with it in sign.

    Raises:
        UserError: as `distances` and `project`.
    """
    measured = distances(source, target)
    found = project(np.concatenate([source, target]))
    scores = found.scores
    if like is not None and (len(like.source), len(like.target)) == (len(source), len(target)):
        agreement = (scores * np.concatenate([like.source, like.target])).sum(axis=0)
        scores = scores * np.where(agreement < 0, -1.0, 1.0)
    return Panel(label, scores[: len(source)], scores[len(source) :], found.explained, measured)
