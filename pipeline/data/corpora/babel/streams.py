"""Named streams of random choices: what one stream draws never depends on what another drew.

A stream is seeded by the SHA-256 of its seed and names, and uses NumPy's generator for uniform doubles alone, so its
choices are the same in every process and under every Python and NumPy version.
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar

import numpy as np

T = TypeVar("T")
_BLOCK = 1024


class Stream:
    """An endless sequence of random choices, determined by a seed and names.

    Args:
        seed: the family's seed.
        names: what the stream is for, for example `("lexicon", "hubbish", "verb")`.
    """

    def __init__(self, seed: int, *names: str) -> None:
        key = hashlib.sha256(json.dumps([seed, *names]).encode()).digest()
        self._generator = np.random.Generator(np.random.PCG64(int.from_bytes(key, "big")))
        self._block: list[float] = []

    def uniform(self) -> float:
        """Draw from [0, 1)."""
        if not self._block:
            self._block = self._generator.random(_BLOCK).tolist()[::-1]
        return self._block.pop()

    def chance(self, probability: float) -> bool:
        """Draw True with this probability."""
        return self.uniform() < probability

    def below(self, bound: int) -> int:
        """Draw an integer of 0, …, bound - 1."""
        return int(self.uniform() * bound)

    def pick(self, items: Sequence[T]) -> T:
        """Draw one item, each as likely."""
        return items[self.below(len(items))]

    def weighted(self, cumulative: Sequence[float]) -> int:
        """Draw an index by cumulative weights (see `cumulative_weights`)."""
        return bisect_right(cumulative, self.uniform() * cumulative[-1], 0, len(cumulative) - 1)

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Return the items in a random order (Fisher-Yates)."""
        result = list(items)
        for last in range(len(result) - 1, 0, -1):
            other = self.below(last + 1)
            result[last], result[other] = result[other], result[last]
        return result


def cumulative_weights(weights: Sequence[float]) -> tuple[float, ...]:
    """Return running sums of `weights`, for `Stream.weighted`."""
    return tuple(accumulate(weights))


def zipf(size: int, offset: float) -> tuple[float, ...]:
    """Return cumulative Zipf-Mandelbrot weights 1 / (rank + offset), rank 1 … size."""
    return cumulative_weights([1.0 / (rank + offset) for rank in range(1, size + 1)])
