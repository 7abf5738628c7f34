"""How often each label stands in a run's training examples, and what a class weighs in the loss by it.

`class_weights: balanced` is n / (C · n_c): of n labels n_c are of class c, and C classes occur. So every class has the same share
of the whole, and an example weighs 1 on average (King and Zeng 2001; scikit-learn's `class_weight="balanced"`). What is counted
are the examples that the run's batches are drawn from, each pool once, in all phases: those of source and target together where
both are trained on. Of `ner` it is what carries loss: the tags of words, `O` among them.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.methods.contract import Phase, Pool
from pipeline.tasks.examples import IGNORED, Examples

Counts = NDArray[np.int64]


def drawn_from(phases: Iterable[Phase]) -> list[Pool]:
    """Return the pools that the phases' batches are drawn from, each once."""
    return list(dict.fromkeys(p for phase in phases for stream in phase.streams.values() for p in stream.pools))


def count_labels(parts: Iterable[Examples], classes: int) -> Counts:
    """Return how many labels of each class carry loss, (C,)."""
    counts = np.zeros(classes, dtype=np.int64)
    for part in parts:
        labels = np.concatenate([np.asarray(one) for one in part.labels]) if len(part) else np.empty(0, np.int64)
        counts += np.bincount(labels[labels != IGNORED], minlength=classes)
    return counts


def label_counts(phases: Iterable[Phase], pools: Mapping[Pool, Examples], classes: int) -> Counts:
    """Return the counts (C,) of what the phases' batches are drawn from."""
    return count_labels((pools[pool] for pool in drawn_from(phases)), classes)


def balanced(counts: Counts) -> NDArray[np.float64]:
    """Return n / (C · n_c) of each class that occurs, and 0 of others, which no batch has, (C,)."""
    present = counts > 0
    weights = np.zeros(len(counts))
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return weights


def absent_classes(weights: Sequence[float], labels: Sequence[str]) -> str | None:
    """Say which classes no training example has, and so no weight; `None`: all occur."""
    lacking = [label for label, weight in zip(labels, weights, strict=True) if weight == 0]
    if not lacking:
        return None
    named = ", ".join(lacking[:5]) + (", …" if len(lacking) > 5 else "")
    return f"class_weights: no training example is {named}: no weight there; the others are weighed as if they were all"
