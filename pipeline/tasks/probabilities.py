"""Probabilities of labels as they are kept beside predictions: of an example's class, of every word's tag."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pipeline.tasks.examples import Examples

Floats = NDArray[np.floating[Any]]


def of_labels(logits: Tensor, examples: Examples, rows: Sequence[int], labels: Sequence[str]) -> list[Floats]:
    """Return the probabilities of the labels of every row, float16, by a softmax in float32.

    Rounding keeps the order, so a label that is predicted has none above it, though others may tie with it.

    Args:
        logits: (B, C), of one class an example; or (B, T, C), of every sub-token.
        examples: that the rows are of.
        rows: B rows.
        labels: C labels, in the order of the head.

    Returns:
        (C,) for each row; of tags (W·C,), word after word, each word's from its first sub-token; a word without one is `O`.
    """
    values = logits.detach().float().softmax(-1).cpu().numpy().astype(np.float16)
    if values.ndim == 2:
        return list(values)
    outside = np.asarray([label == "O" for label in labels], dtype=np.float16)
    found: list[Floats] = []
    for b, row in enumerate(rows):
        positions = examples.positions[row]
        words = np.where(positions[:, None] >= 0, values[b, np.maximum(positions, 0)], outside)
        found.append(words.reshape(-1))
    return found
