"""Seeded choices of rows: subsets that nest and keep the classes' shares, and parts held out of a split.

NumPy's `RandomState` is used because its stream is frozen across NumPy versions: a subset is part of a run's identity.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError

Size = int | float | None
"""How many rows: a number, a share of all rows (a float below 1), or all."""


def select(rows: int, size: Size, seed: int, what: str, strata: Sequence[str] | None = None) -> NDArray[np.int64]:
    """Choose `size` of `rows` rows: the first of one seeded order, so smaller choices are part of larger ones.

    With `strata` every choice has each class in its share of all rows, to the nearest row.

    Args:
        rows: how many rows there are.
        size: how many to take, or which share of them; `None` takes all, in the same order.
        seed: the data seed.
        what: names the rows in errors, e.g. `"wikiann qu train"`.
        strata: every row's class, where the task has classes.

    Returns:
        Row numbers, shape (size,), each at most once.

    Raises:
        UserError: `size` is below one row, or more than there are.
    """
    if rows < 1:
        raise UserError(f"{what}: there are no examples to choose from")
    number = count_of(rows, size)
    if number < 1:
        raise UserError(f"{what}: {size} examples requested; expected at least 1, or 'all'")
    if number > rows:
        raise UserError(f"{what}: {size} examples requested but only {rows} exist; ask for at most {rows}, or 'all'")
    return seeded_order(rows, seed, strata)[:number]


def count_of(rows: int, size: Size) -> int:
    """Return how many of `rows` rows a size means: a share is rounded to the nearest row, one at least."""
    if size is None:
        return rows
    return max(1, round(rows * size)) if isinstance(size, float) and 0 < size < 1 else int(size)


def seeded_order(rows: int, seed: int, strata: Sequence[str] | None = None) -> NDArray[np.int64]:
    """Return a random order of rows; with `strata` every beginning of it has the classes in their shares.

    A class of n rows has its k-th (k = 0, 1, …, in random order) at (k + ½)/n of the way: sorted by that, the rows of all
    classes are spread evenly. Classes that meet at one place stand there in random order.
    """
    order = np.random.RandomState(seed).permutation(rows).astype(np.int64)
    if strata is None:
        return order
    numbers = np.unique(np.asarray(strata), return_inverse=True)[1][order]  # class of each row, in random order
    place = np.empty(rows)
    for number in range(int(numbers.max()) + 1):
        (where,) = np.nonzero(numbers == number)
        place[where] = (np.arange(len(where)) + 0.5) / len(where)
    return order[np.argsort(place, kind="stable")]


def hold_out(
    rows: int, fraction: float, seed: int, strata: Sequence[str] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hold a dev set out of `rows` training rows, each class in its share where `strata` are given.

    Args:
        rows: how many training rows there are.
        fraction: share held out, strictly between 0 and 1; rounded to the nearest row, at least one row on each side.
        seed: chooses the rows.
        strata: every row's class.

    Returns:
        Row numbers that stay in train and row numbers of dev, disjoint, each in ascending order.

    Raises:
        UserError: `fraction` is out of range or there are fewer than two rows.
    """
    if not 0 < fraction < 1:
        raise UserError(f"dev: fraction {fraction} of train; expected a number above 0 and below 1")
    if rows < 2:
        raise UserError(f"dev: cannot hold out {fraction} of {rows} training rows; expected at least 2 rows")
    size = min(max(round(rows * fraction), 1), rows - 1)
    order = seeded_order(rows, seed, strata)
    return np.sort(order[size:]), np.sort(order[:size])
