"""How often each label stands in a phase's training examples, and what a label weighs in the loss by it.

`class_weights: balanced` is n / (C · n_c): of n labels n_c are of class c, and C classes occur. So every class has the same share
of the whole, and a label weighs 1 on average (King and Zeng 2001; scikit-learn's `class_weight="balanced"`). What is counted are
the examples that a phase's batches are drawn from, each pool once: source and target together where it trains on both. Of `ner`
it is what carries loss: the tags of words, `O` among them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from pipeline.methods.contract import Phase, Pool
from pipeline.tasks.examples import IGNORED, Examples


def label_counts(phase: Phase, pools: Mapping[Pool, Examples], classes: int) -> Tensor:
    """Return how many labels of each class carry loss in what a phase's batches are drawn from, (C,)."""
    counts = np.zeros(classes, dtype=np.int64)
    for pool in dict.fromkeys(pool for stream in phase.streams.values() for pool in stream.pools):
        labels = np.concatenate([np.empty(0, np.int64), *pools[pool].labels])
        counts += np.bincount(labels[labels != IGNORED], minlength=classes)
    return torch.from_numpy(counts)


def balanced(counts: Tensor) -> Tensor:
    """Return n / (C · n_c) of each class that occurs, and 0 of others, which no batch has, (C,)."""
    present = counts > 0
    return torch.where(present, counts.sum() / (present.sum() * counts.clamp(min=1)), 0.0).float()


def balanced_by_phase(phases: Sequence[Phase], pools: Mapping[Pool, Examples], classes: int) -> dict[str, Tensor]:
    """Return what a label of each class weighs in each phase, (C,), by the phase's name."""
    return {phase.name: balanced(label_counts(phase, pools, classes)) for phase in phases}


def absent_classes(weights: Mapping[str, float]) -> str | None:
    """Say which classes no training example has, and so no weight; `None`: all occur."""
    lacking = [label for label, weight in weights.items() if weight == 0]
    if not lacking:
        return None
    named = ", ".join(lacking[:5]) + (", …" if len(lacking) > 5 else "")
    return f"class_weights: no training example is {named}: no weight there; the others are weighed as if they were all"
