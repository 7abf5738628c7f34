"""Sentiment of a text: `negative` or `positive`, or the dataset's own classes. Macro F1 chooses the epoch.

MetaXL reports the F1 of the positive class (`f1_positive`), MGL accuracy; all are scored.
"""

from collections.abc import Sequence

from pipeline.tasks.class_score import score_classes
from pipeline.tasks.classes import decode, loss, make_head, stored
from pipeline.tasks.classification import encode

__all__ = ["METRIC", "decode", "encode", "loss", "make_head", "score", "stored"]

METRIC = "f1_macro"  # chooses the epoch


def score(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """Return accuracy, macro F1, and precision, recall and F1 of every class."""
    return score_classes(gold, predicted, "sentiment")
