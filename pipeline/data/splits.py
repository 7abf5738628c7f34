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
    """Hold a dev set out of `rows` training rows, each class in its share where `strata` are given (see `divide`).

    Args:
        rows: how many training rows there are.
        fraction: share held out, strictly between 0 and 1; rounded to the nearest row, at least one row on each side.
        seed: chooses the rows.
        strata: every row's class.
        groups: what every row belongs to, where the rows of a group may not be divided.
        keys: every row's id, where parallel languages share ids.

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
    try:
        dev, train = divide([size], rows, seed, strata, groups, keys)
    except TooFewGroups:
        raise UserError(
            f"dev: cannot be cut from train: all {rows} rows are about one text, and rows about one text stay together; give "
            "dev rows of its own"
        ) from None
    return train, dev


class TooFewGroups(ValueError):
    """Rows that stay together are fewer groups than there are parts."""


def divide(
    sizes: Sequence[int],
    rows: int,
    seed: int,
    strata: Sequence[str] | None = None,
    groups: Sequence[Hashable] | None = None,
    keys: Sequence[str] | None = None,
) -> list[NDArray[np.int64]]:
    """Divide rows into parts of nearly the given sizes, and a last one of all others.

    Args:
        sizes: how many rows each part is to have but the last; together fewer than `rows`.
        rows: how many there are.
        seed: chooses the rows.
        strata: every row's class: each part has the classes in their shares, to less than a row; of groups, groups of the same
            classes are spread so.
        groups: what every row belongs to: whole groups come into a part, as many as come nearest to its size, at least one. A
            group twice as large as any part is to be stays in the last one, if enough others are left.
        keys: every row's id, where parallel languages share ids: rows are chosen by them (see `hashed_order`), groups by
            their lowest.

    Returns:
        Row numbers of each part, disjoint, each in ascending order.

    Raises:
        TooFewGroups: there are fewer groups than parts.
    """
    if groups is None or len(set(groups)) == rows:
        order = seeded_order(rows, seed, strata) if keys is None else hashed_order(keys, seed, strata)
        return [np.sort(part) for part in np.split(order, np.cumsum(sizes))]
    first: dict[Hashable, int] = {}
    numbers = np.array([first.setdefault(group, len(first)) for group in groups])
    if len(first) <= len(sizes):
        raise TooFewGroups
    order = _order_of_groups(numbers, seed, strata, keys)
    counts = np.bincount(numbers)[order]
    if sizes:
        large = counts >= 2 * max(sizes)
        if 0 < np.count_nonzero(large) <= len(large) - len(sizes):
            order, counts = (np.concatenate([x[~large], x[large]]) for x in (order, counts))
    ends, begin, parts = np.concatenate([[0], np.cumsum(counts)]), 0, []
    for place, size in enumerate(sizes):
        last = len(order) - len(sizes) + place  # a group is left for each part to come
        end = begin + 1 + int(np.argmin(np.abs(ends[begin + 1 : last + 1] - ends[begin] - size)))
        parts.append(np.flatnonzero(np.isin(numbers, order[begin:end])))
        begin = end
    return [*parts, np.flatnonzero(np.isin(numbers, order[begin:]))]


def _order_of_groups(
    numbers: NDArray[np.int64], seed: int, strata: Sequence[str] | None, keys: Sequence[str] | None
) -> NDArray[np.int64]:
    """Return an order of groups, given each row's; those of the same classes spread evenly over it."""
    count = int(numbers.max()) + 1
    mixtures: list[str] | None = None
    if strata is not None:
        held: list[list[str]] = [[] for _ in range(count)]
        for number, name in zip(numbers.tolist(), strata, strict=True):
            held[number].append(name)
        mixtures = ["\n".join(sorted(names)) for names in held]
    if keys is None:
        return seeded_order(count, seed, mixtures)
    lowest: dict[int, str] = {}
    for number, key in zip(numbers.tolist(), keys, strict=True):
        lowest[number] = min(key, lowest.get(number, key))
    return hashed_order([lowest[number] for number in range(count)], seed, mixtures)
