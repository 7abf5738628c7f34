"""How far two sets of representations lie apart: Hausdorff distances under the cosine distance (MetaXL, equations 5 and 6).

Exact, in float64, one block of pairs at a time: 100,000 × 100,000 points of 768 dimensions need 150 MB beside the points.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.common.errors import UserError

Floats = npt.NDArray[np.float64]
Points = npt.NDArray[np.floating[Any]]
"""n points of H dimensions, (n, H), in any precision."""

BLOCK = 2048
"""Points on a side of a block: 32 MB of distances at a time, and twice 12 MB of points with 768 dimensions."""


@dataclass(frozen=True)
class Distances:
    """Distances between a source set S and a target set T; d is the cosine distance, 0 to 2.

    Attributes:
        source_to_target: max over s of min over t of d(s, t): how far the loneliest source point is from the target.
        target_to_source: the same from the target's side.
        mean_source_to_target: mean over s of min over t of d(s, t).
        mean_target_to_source: the same from the target's side.
        spread: mean of d over all pairs in S ∪ T, pairs of a point with itself included: how wide the whole space is.
    """

    source_to_target: float
    target_to_source: float
    mean_source_to_target: float
    mean_target_to_source: float
    spread: float

    @property
    def hausdorff(self) -> float:
        """The Hausdorff distance, MetaXL's equation 5: the larger of the two maxima."""
        return max(self.source_to_target, self.target_to_source)

    @property
    def modified_hausdorff(self) -> float:
        """The modified Hausdorff distance (Dubuisson and Jain 1994): the larger of the two means."""
        return max(self.mean_source_to_target, self.mean_target_to_source)


def distances(source: Points, target: Points, block: int = BLOCK) -> Distances:
    """Measure two sets of points.

    Args:
        source: (m, H).
        target: (n, H).
        block: points on a side of a block; changes memory and time, not the result beyond rounding.

    Raises:
        UserError: a set is empty, a value is not finite, or the dimensions differ.
    """
    check(source, target)
    near_source, near_target = nearest(source, target, block)
    return Distances(
        source_to_target=float(near_source.max()),
        target_to_source=float(near_target.max()),
        mean_source_to_target=float(near_source.mean()),
        mean_target_to_source=float(near_target.mean()),
        spread=spread(source, target, block),
    )


def nearest(source: Points, target: Points, block: int = BLOCK) -> tuple[Floats, Floats]:
    """Return each point's cosine distance to the nearest point of the other set, (m,) and (n,)."""
    near_source, near_target = np.full(len(source), np.inf), np.full(len(target), np.inf)
    for i in range(0, len(source), block):
        rows = slice(i, i + block)
        ours = unit(source[rows])
        for j in range(0, len(target), block):
            columns = slice(j, j + block)
            found = cosine_distances(ours, unit(target[columns]))  # (block, block)
            np.minimum(near_source[rows], found.min(axis=1), out=near_source[rows])
            np.minimum(near_target[columns], found.min(axis=0), out=near_target[columns])
    return near_source, near_target


def cosine_distances(a: Floats, b: Floats) -> Floats:
    """Return 1 − cos(a_i, b_j) of unit or zero vectors, (m, n), equation 6.

    A zero vector has no direction. It is at distance 1, as if at a right angle, from every vector but another zero vector,
    from which it is at distance 0; so d stays symmetric and no point is away from itself.
    """
    found = np.clip(1.0 - a @ b.T, 0.0, 2.0)
    blank_a, blank_b = ~a.any(axis=1), ~b.any(axis=1)
    if blank_a.any() and blank_b.any():
        found[np.ix_(blank_a, blank_b)] = 0.0
    return found


def spread(source: Points, target: Points, block: int = BLOCK) -> float:
    """Return the mean cosine distance over all ordered pairs of S ∪ T: 1 − ‖mean unit vector‖², but for zero vectors."""
    total, zeros, count = np.zeros(source.shape[1]), 0, len(source) + len(target)
    for points in (source, target):
        for i in range(0, len(points), block):
            units = unit(points[i : i + block])
            total += units.sum(axis=0)
            zeros += int((~units.any(axis=1)).sum())
    mean = total / count
    return float(np.clip(1.0 - mean @ mean - (zeros / count) ** 2, 0.0, 2.0))


def unit(points: Points) -> Floats:
    """Return the points divided by their lengths, in float64; zero vectors stay zero."""
    exact = points.astype(np.float64)
    largest = np.abs(exact).max(axis=1, keepdims=True)
    exact = np.divide(exact, largest, out=np.zeros_like(exact), where=largest > 0)  # no overflow in the squares
    length = np.linalg.norm(exact, axis=1, keepdims=True)
    units: Floats = np.divide(exact, length, out=np.zeros_like(exact), where=length > 0)
    return units


def decimals(value: float) -> int:
    """Return how many decimals show a distance: three, or as many as show two of its digits, but no more than eight."""
    return 3 if abs(value) < 1e-8 or abs(value) >= 0.01 else min(8, 1 - math.floor(math.log10(abs(value))))


def check(source: Points, target: Points) -> None:
    """Check that two sets of points can be compared.

    Raises:
        UserError: see `distances`.
    """
    for name, points in (("source", source), ("target", target)):
        if points.ndim != 2 or not len(points):
            raise UserError(f"{name}: expected at least one point, got an array of shape {points.shape}")
        if not np.isfinite(points).all():
            bad = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
            raise UserError(f"{name}: point {bad} has a value that is not finite: did the training diverge?")
    if source.shape[1] != target.shape[1]:
        raise UserError(f"source has {source.shape[1]} dimensions, target {target.shape[1]}: not of one model")
