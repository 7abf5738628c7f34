"""The class of a text, of any label set: topic, intent, hate. The classes are the dataset's own; accuracy chooses the epoch.

Accuracy is what most sets of topics and intents report (SIB-200, MASSIVE, Injongo: their classes are about equally frequent);
where they are not, as for hate, say `select_metric: f1_macro`. `sentiment` is the special case with a positive class.
"""

from collections.abc import Sequence

import pyarrow as pa
from tokenizers import Tokenizer

from pipeline.tasks.class_score import score_classes
from pipeline.tasks.classes import decode, encode_classes, loss, make_head, stored
from pipeline.tasks.examples import Examples

__all__ = ["METRIC", "decode", "encode", "loss", "make_head", "score", "stored"]

METRIC = "accuracy"  # chooses the epoch


def encode(table: pa.Table, tokenizer: Tokenizer, labels: Sequence[str], max_length: int) -> Examples:
    """Tokenise a split's rows, special tokens included, to at most `max_length` sub-tokens."""
    return encode_classes(table, ("text",), tokenizer, labels, max_length)


def score(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """Return accuracy, macro F1, and precision, recall and F1 of every class."""
    return score_classes(gold, predicted, "classification")
