"""The score of tasks with one class per example: accuracy, and precision, recall and F1 of each class.

`accuracy` is the share of examples whose class was predicted. Of a class, precision is tp/(tp + fp), recall tp/(tp + fn), F1
2tp/(2tp + fp + fn), each 0 where undefined. `f1_macro` is the mean over the classes that gold or predictions have, each as
heavy as any other, as scikit-learn's `f1_score(average="macro")`: a class that is predicted and never right counts with 0, one
of the label set that occurs nowhere does not count.

Names: `f1_<class>`, `precision_<class>`, `recall_<class>` of the classes that occur. `f1_positive` and its like are the positive
class's, whatever it is called (`metric_names.positive_class`); a dataset's own labels may have no such class, and then there is
no such score. A class that is itself called `macro` has no F1 under its name. This module imports no torch.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.common.errors import UserError
from pipeline.tasks.metric_names import positive_class

MEASURES = ("precision", "recall", "f1")
WEIGHTS = {"precision": (1, 1, 0), "recall": (1, 0, 1), "f1": (2, 1, 1)}
"""By measure: what tp, fp and fn weigh below the line; tp weighs the same above it."""


def rate(measure: str, counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a measure of counts (…, 3), tp, fp, fn, as (…); 0 where undefined."""
    weights = np.asarray(WEIGHTS[measure], dtype=np.float64)
    below = counts @ weights
    found: NDArray[np.float64] = np.divide(
        weights[0] * counts[..., 0], below, out=np.zeros_like(below), where=below > 0
    )
    return found


def macro_f1(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean F1 of counts (…, C, 3) over the classes with any count, as (…); 0 where there is none."""
    present = counts.sum(-1) > 0  # (…, C)
    total = np.where(present, rate("f1", counts), 0.0).sum(-1)
    mean: NDArray[np.float64] = total / np.maximum(present.sum(-1), 1)
    return mean


def class_counts(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Count tp, fp and fn of every class that occurs, sorted by name.

    Raises:
        UserError: the numbers of gold and predicted classes differ.
    """
    if len(gold) != len(predicted):
        raise UserError(f"{len(gold)} gold classes but {len(predicted)} predicted ones")
    ours, theirs = np.asarray(gold, dtype=object), np.asarray(predicted, dtype=object)
    found = {}
    for name in sorted({*gold, *predicted}):
        right, said = ours == name, theirs == name
        found[name] = np.array([(right & said).sum(), (~right & said).sum(), (right & ~said).sum()], dtype=np.float64)
    return found


def metrics(counts: Mapping[str, NDArray[np.float64]], task: str) -> dict[str, float]:
    """Turn every class's counts (tp, fp, fn) into scores by full name.

    Args:
        counts: by class.
        task: says which class is the positive one, if any.
    """
    stacked = np.stack(list(counts.values())) if counts else np.zeros((1, 3))  # (C, 3)
    examples = stacked[:, 0].sum() + stacked[:, 2].sum()
    scores = {f"{measure}_{name}": float(rate(measure, of)) for name, of in counts.items() for measure in MEASURES}
    positive = positive_class(task, counts)
    if positive is not None:
        of = counts.get(positive, np.zeros(3))
        scores |= {f"{measure}_positive": float(rate(measure, of)) for measure in MEASURES}
    accuracy = float(stacked[:, 0].sum() / examples) if examples else 0.0
    return {**scores, "accuracy": accuracy, "f1_macro": float(macro_f1(stacked))}


def score_classes(gold: Sequence[str], predicted: Sequence[str], task: str) -> dict[str, float]:
    """Score a set of examples (0 to 1).

    Raises:
        UserError: the numbers of gold and predicted classes differ.
    """
    return metrics(class_counts(gold, predicted), task)
