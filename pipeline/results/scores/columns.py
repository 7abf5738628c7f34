"""Columns as NumPy reads them, and rows counted by what they have in common."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


def numbers(column: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """Return a column of numbers, none of them missing, as it lies in memory."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return np.from_dlpack(whole) if len(whole) else np.zeros(0, whole.type.to_pandas_dtype())


def grouped(
    table: pa.Table, keys: Sequence[str], summed: Sequence[str] = ()
) -> Iterator[tuple[tuple[str, ...], tuple[int, ...]]]:
    """Yield, of rows that agree in all keys, what these are, the number of rows, and the sums of further columns.

    Args:
        table: the rows.
        keys: columns of text.
        summed: columns of integers.
    """
    if not table.num_rows:
        return
    columns = [table[name].combine_chunks().dictionary_encode() for name in keys]
    names = [column.dictionary.to_pylist() for column in columns]
    shape = [len(values) for values in names]
    places = np.ravel_multi_index([numbers(column.indices) for column in columns], shape)
    there, group = np.unique(places, return_inverse=True)
    sums = [np.bincount(group)]
    sums += [np.bincount(group, weights=numbers(table[name])).astype(np.int64) for name in summed]
    for place, *found in zip(zip(*np.unravel_index(there, shape), strict=True), *sums, strict=True):
        yield tuple(values[i] for values, i in zip(names, place, strict=True)), tuple(map(int, found))
