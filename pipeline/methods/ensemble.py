"""`ensemble`: the label that several runs together hold most probable.

    p = 1/K Σ pₖ    of each class of an example, of each tag of a word; predicted is arg max p, the first of equals

No model is run: the pₖ are those that the runs stored beside their predictions, so `pipeline.training.ensemble` does all.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.methods.contract import Method
from pipeline.methods.parts.average import Over, untrained
from pipeline.tasks.probabilities import Floats


def mean_probabilities(members: Sequence[Floats], labels: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the mean of K runs' probabilities, summed in float32, and the most probable label of each item, the first of equals.

    Args:
        members: (N·C,) of each run, C probabilities for each of N items.
        labels: C.

    Returns:
        (N, C) and (N,).
    """
    total = np.zeros((len(members[0]) // labels, labels), dtype=np.float32)
    for probabilities in members:
        total += probabilities.reshape(total.shape)
    return total / np.float32(len(members)), total.argmax(-1)


def build(average_over: Over) -> Method:
    """Return the method."""
    return untrained(average_over)
