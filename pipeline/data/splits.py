"""Seeded choices of rows: subsets that nest and keep the classes' shares, and parts held out of a split.

NumPy's `RandomState` is used because its stream is frozen across NumPy versions: a subset is part of a run's identity.
"""

import hashlib
import heapq
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.common.errors import UserError

Size = int | float | None
"""How many rows: a number, a share of all rows (a float below 1), or all."""


def select(rows: int, size: Size, seed: int, what: str, strata: Sequence[str] | None = None) -> NDArray[np.int64]:
    """Choose `size` of `rows` rows: the first of one seeded order, so smaller choices are part of larger ones.

    With `strata` every choice has each class in its share of all rows, to less than one row.

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
    """Return a random order of rows; with `strata` every beginning of it has the classes in their shares (see `spread`)."""
    order = np.random.RandomState(seed).permutation(rows).astype(np.int64)
    return order if strata is None else spread(order, strata)


def hashed_order(keys: Sequence[str], seed: int, strata: Sequence[str] | None = None) -> NDArray[np.int64]:
    """Return an order of rows by the hashes of their keys; with `strata` every beginning has the classes in their shares.

    As `seeded_order`, but a row more or less moves the others hardly: the cuts of parallel languages agree even where a row of
    one of them was dropped.
    """
    hashes = [hashlib.blake2b(f"{seed} {key}".encode(), digest_size=8).digest() for key in keys]
    order = np.array(sorted(range(len(keys)), key=lambda row: (hashes[row], keys[row])), dtype=np.int64)
    return order if strata is None else spread(order, strata)


def spread(order: NDArray[np.int64], strata: Sequence[str]) -> NDArray[np.int64]:
    """Spread the classes evenly over an order of rows, each class keeping the order of its own.

    Of K classes, none is ever further than 1 - 1 / (2K - 2) of a row from its share of any beginning, the best there is
    (Tijdeman 1980, "The chairman assignment problem", https://doi.org/10.1016/0012-365X(80)90269-1). The k-th row
    (k = 1, 2, …) of a class with share p may come at place (k - 1 + d) / p or later and must come by (k - d) / p + 1,
    d = 1 / (2K - 2); of those that may, the one that must come first is taken, and the earlier in `order` among equals.

    Args:
        order: (N,) row numbers.
        strata: every row's class.
    """
    names, numbers = np.unique(np.asarray(strata), return_inverse=True)
    if len(names) < 2:
        return order
    numbers, rows, whole = numbers[order], len(order), 2 * len(names) - 2
    sizes = np.bincount(numbers)
    before = np.empty(rows, dtype=np.int64)  # earlier rows of the same class, k - 1
    for number, size in enumerate(sizes):
        before[numbers == number] = np.arange(size)
    parts = sizes[numbers] * whole  # all in integers, so that nothing is rounded
    earliest = -(-(before * whole + 1) * rows // parts)
    latest = ((before + 1) * whole - 1) * rows // parts + 1
    coming = np.argsort(earliest, kind="stable").tolist()[::-1]
    opening, closing = earliest.tolist(), latest.tolist()
    waiting: list[tuple[int, int]] = []
    places = []
    for place in range(1, rows + 1):
        while coming and opening[coming[-1]] <= place:
            row = coming.pop()
            heapq.heappush(waiting, (closing[row], row))
        places.append(heapq.heappop(waiting)[1])
    return order[places]


def hold_out(
    rows: int,
    fraction: float,
    seed: int,
    strata: Sequence[str] | None = None,
    groups: Sequence[Hashable] | None = None,
    keys: Sequence[str] | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Hold a dev set out of `rows` training rows, each class in its share where `strata` are given.

    Args:
        rows: how many training rows there are.
        fraction: share held out, strictly between 0 and 1; rounded to the nearest row, at least one row on each side.
        seed: chooses the rows.
        strata: every row's class.
        groups: what every row belongs to, where the rows of a group may not be divided: whole groups are held out, as many
            as come nearest to the fraction, at least one on each side; classes do not matter then.
        keys: every row's id, where parallel languages share ids: rows are chosen by them (see `hashed_order`).

    Returns:
        Row numbers that stay in train and row numbers of dev, disjoint, each in ascending order.

    Raises:
        UserError: `fraction` is out of range, or there are fewer than two rows or groups.
    """
    if not 0 < fraction < 1:
        raise UserError(f"dev: fraction {fraction} of train; expected a number above 0 and below 1")
    if rows < 2:
        raise UserError(f"dev: cannot hold out {fraction} of {rows} training rows; expected at least 2 rows")
    size = min(max(round(rows * fraction), 1), rows - 1)
    if groups is not None:
        chosen = _whole_groups(groups, size, seed, keys)
        return np.flatnonzero(~chosen), np.flatnonzero(chosen)
    order = seeded_order(rows, seed, strata) if keys is None else hashed_order(keys, seed, strata)
    return np.sort(order[size:]), np.sort(order[:size])


def _whole_groups(groups: Sequence[Hashable], size: int, seed: int, keys: Sequence[str] | None) -> NDArray[np.bool_]:
    """Choose whole groups that hold nearly `size` rows together; say of every row whether it is chosen."""
    first: dict[Hashable, int] = {}
    numbers = np.array([first.setdefault(group, len(first)) for group in groups])
    if len(first) < 2:
        raise UserError(
            f"dev: cannot be cut from train: all {len(groups)} rows are about one text, and rows about one text stay together"
        )
    if keys is None:
        order = seeded_order(len(first), seed)
    else:
        lowest: dict[int, str] = {}
        for number, key in zip(numbers.tolist(), keys, strict=True):
            lowest[number] = min(key, lowest.get(number, key))
        order = hashed_order([lowest[number] for number in range(len(first))], seed)
    ends = np.cumsum(np.bincount(numbers)[order])
    taken = order[: 1 + int(np.argmin(np.abs(ends[:-1] - size)))]
    return np.isin(numbers, taken)
