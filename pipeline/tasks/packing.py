"""Several short sequences in one row of an encoder's input, so that batches of any rows have little padding.

Batches are drawn at random, so their sequences are of unlike lengths: padded to the longest, half of a batch is padding. Here the
sequences of a batch share rows instead. Each attends to itself alone and keeps its own positions, so every hidden state is
what it would be in a row of its own, up to rounding; methods and heads see (B, T, H) as ever. An encoder that cannot read shared
rows reads a batch in several passes, sequences of like length in each, as far as what is saved of padding is worth a pass.

Lengths 5, 2 and 3 take two rows of five:

>>> layout = pack((3, 5, 2))
>>> (layout.rows, layout.columns, layout.row.tolist(), layout.start.tolist())
(2, 5, [1, 0, 1], [0, 0, 3])
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from pipeline.tasks.transfer import sent

USEFUL = 0.95
"""Share of sub-tokens that are no padding from which on no better layout is looked for."""

WIDEST = 2
"""A row is at most so many times as long as the longest sequence: attention costs the square of it."""

CHEAP = 64
"""Rows of so many places may be made of shorter sequences all the same: their attention costs next to nothing."""

PASS = {"cpu": 48, "cuda": 512}
"""What a pass costs beside its sub-tokens, forward and backward, in sub-tokens, by device.

On a CPU about what `pass_in_tokens` of `benchmarks/packing.py` says: more for small encoders than for large ones. A GPU's is an
estimate.
"""

HIDDEN = -1e9
"""What is added to the attention between sequences, finite so that derivatives of any order are; its exponential is 0."""


@dataclass(frozen=True)
class Layout:
    """Where B sequences stand in R rows of C places.

    Attributes:
        lengths: (B,) sub-tokens of each.
        row: (B,) its row.
        start: (B,) its first place there.
        rows: R.
        columns: C.
    """

    lengths: NDArray[np.int64]
    row: NDArray[np.int64]
    start: NDArray[np.int64]
    rows: int
    columns: int

    @property
    def area(self) -> int:
        """Sub-tokens that the encoder works on, padding included: R · C."""
        return self.rows * self.columns

    @property
    def shared(self) -> bool:
        """Whether any row holds more than one sequence; otherwise this is the batch as it is padded."""
        return self.rows < len(self.lengths)

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """(R, C) the number of the sequence at each place, -1 for padding."""
        found = np.full((self.rows, self.columns), -1, dtype=np.int64)
        for number, (row, start, length) in enumerate(zip(self.row, self.start, self.lengths, strict=True)):
            found[row, start : start + length] = number
        return found

    @cached_property
    def step(self) -> NDArray[np.int64]:
        """(R, C) each place's position in its own sequence, from 0; of padding 0."""
        own = np.arange(self.columns)[None] - self.start[self.owner]
        return np.where(self.owner >= 0, own, 0)

    def positions(self, device: torch.device) -> Tensor:
        """(R, C) `step` as a tensor."""
        return sent(self.step, device)

    def mask(self, device: torch.device, dtype: torch.dtype) -> Tensor:
        """(R, 1, C, C) what is added to the attention: 0 within a sequence, `HIDDEN` to all else."""
        owner = sent(self.owner, device)
        apart = owner[:, :, None] != owner[:, None, :]
        return torch.zeros(apart.shape, device=device, dtype=dtype).masked_fill_(apart, HIDDEN)[:, None]

    def packed(self, values: Tensor) -> Tensor:
        """Return values of sub-tokens (B, T) at their places (R, C); padding gets the first one's, which nobody looks at."""
        place = np.maximum(self.owner, 0) * values.shape[1] + self.step
        return values.flatten()[sent(place, values.device)]

    def spread(self, values: Tensor) -> Tensor:
        """Return values of sequences (B,), on the CPU, at the places (R, C) of their sub-tokens; padding gets the first one's."""
        return values[torch.from_numpy(np.maximum(self.owner, 0))]

    def unpacked(self, hidden: Tensor, width: int) -> Tensor:
        """Return (R, C, H) as (B, T, H), T = `width`, zeros where a sequence has ended."""
        steps = np.arange(width)[None]
        inside = steps < self.lengths[:, None]
        place = np.where(inside, (self.row * self.columns + self.start)[:, None] + steps, 0)
        found = hidden.flatten(0, 1).index_select(0, sent(place.ravel(), hidden.device)).view(*place.shape, -1)
        return found.masked_fill(~sent(inside, hidden.device)[..., None], 0.0)


@dataclass(frozen=True)
class Reads:
    """How an encoder reads batches.

    Attributes:
        longest: the longest row that sequences may share; `None`: each has its own.
        per_pass: what a pass costs beside its sub-tokens, in sub-tokens.
    """

    longest: int | None = None
    per_pass: int = PASS["cpu"]


OWN_ROWS = Reads()


@dataclass(frozen=True)
class Pass:
    """Sequences of a batch that go through the encoder together.

    Attributes:
        index: (b,) their numbers in the batch.
        layout: where they stand.
    """

    index: NDArray[np.int64]
    layout: Layout

    @property
    def width(self) -> int:
        """Sub-tokens of the longest."""
        return int(self.layout.lengths.max())

    def spread(self, values: Tensor) -> Tensor:
        """Return values of a batch's sequences (B,), on the CPU, as (R, C) for the rows of the pass, or (R, 1)."""
        own = values[torch.from_numpy(self.index)]
        return self.layout.spread(own) if self.layout.shared else own[:, None]


@lru_cache(256)  # a step counts a batch, and sends it through the encoder, several times
def plan(lengths: tuple[int, ...], reads: Reads) -> tuple[Pass, ...]:
    """Return the passes in which an encoder reads sequences of the given lengths: one where they share rows, else by length."""
    sizes = np.asarray(lengths, dtype=np.int64)
    if reads.longest is not None:
        return (Pass(np.arange(len(sizes)), pack(lengths, reads.longest)),)
    return tuple(Pass(index, in_own_rows(sizes[index])) for index in by_length(sizes, reads.per_pass))


def area_of(lengths: tuple[int, ...], reads: Reads) -> int:
    """Return the sub-tokens that an encoder works on, padding included, when it reads sequences of the given lengths."""
    return sum(part.layout.area for part in plan(lengths, reads))


def by_length(sizes: NDArray[np.int64], per_pass: int) -> list[NDArray[np.int64]]:
    """Divide sequences by length so that padding and passes cost least; one group keeps the order that it has.

    Sizes 9, 2, 8 and 3 take 24 places in two groups and 36 in one: a second pass pays if it costs less than 12.

    >>> [group.tolist() for group in by_length(np.array([9, 2, 8, 3]), 11)]
    [[1, 3], [2, 0]]
    >>> [group.tolist() for group in by_length(np.array([9, 2, 8, 3]), 12)]
    [[0, 1, 2, 3]]

    Args:
        sizes: (B,) sub-tokens of each.
        per_pass: what a group costs beside its places.
    """
    order = np.argsort(sizes, kind="stable")
    least, begin = np.zeros(len(sizes) + 1, dtype=np.int64), np.zeros(len(sizes) + 1, dtype=np.int64)
    for end in range(1, len(sizes) + 1):  # the cost of the `end` shortest, the last group of which begins at `begin`
        costs = least[:end] + (end - np.arange(end)) * sizes[order[end - 1]] + per_pass
        begin[end] = costs.argmin()
        least[end] = costs[begin[end]]
    groups, end = [], len(sizes)
    while end:
        groups.append(order[begin[end] : end])
        end = begin[end]
    return groups[::-1] if len(groups) > 1 else [np.arange(len(sizes))]


def joined(hidden: Sequence[Tensor], passes: Sequence[Pass], width: int) -> Tensor:
    """Return the states (b, t, H) of each pass as those of the batch, (B, T, H), T = `width`, zeros beyond a pass's longest."""
    whole = torch.cat([functional.pad(states, (0, 0, 0, width - states.shape[1])) for states in hidden])
    return whole[sent(np.argsort(np.concatenate([part.index for part in passes])), whole.device)]


def in_own_rows(sizes: NDArray[np.int64]) -> Layout:
    """Lay out sequences in a row each."""
    return Layout(sizes, np.arange(len(sizes)), np.zeros(len(sizes), dtype=np.int64), len(sizes), int(sizes.max()))


def pack(lengths: tuple[int, ...], most: int | None = None) -> Layout:
    """Lay out sequences with little padding: the longest first, each where it leaves least room (best fit decreasing).

    Rows as long as the longest sequence are tried first, then longer ones, until `USEFUL` of the places are. Where a row each
    is as good, each has its own.

    Args:
        lengths: sub-tokens of each sequence, at least 1.
        most: the longest row there may be; `None` for no limit.
    """
    sizes = np.asarray(lengths, dtype=np.int64)
    longest, total = int(sizes.max()), int(sizes.sum())
    best = in_own_rows(sizes)
    order = np.argsort(-sizes, kind="stable").tolist()
    widest = min(max(WIDEST * longest, CHEAP), total)
    widest = max(longest, widest if most is None else min(widest, most))
    for columns in range(longest, widest + 1):
        if total >= USEFUL * best.area:
            break
        if -(-total // columns) * columns >= best.area:  # full rows of this length would be no better
            continue
        found = fit(sizes, order, columns)
        best = found if found.area < best.area else best
    return best


def fit(sizes: NDArray[np.int64], order: Sequence[int], columns: int) -> Layout:
    """Put each sequence, in the given order, into the fullest row of `columns` places that has room for it."""
    rooms: list[tuple[int, int]] = []  # what each row has room for, and its number; ascending
    known = sizes.tolist()
    row, start, rows = [0] * len(known), [0] * len(known), 0
    for number in order:
        size = known[number]
        fullest = bisect_left(rooms, (size, -1))
        if fullest < len(rooms):
            left, chosen = rooms.pop(fullest)
        else:
            left, chosen, rows = columns, rows, rows + 1
        row[number], start[number] = chosen, columns - left
        insort(rooms, (left - size, chosen))
    return Layout(sizes, np.array(row), np.array(start), rows, columns)
