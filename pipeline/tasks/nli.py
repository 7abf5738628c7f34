"""Natural-language inference: does the premise entail the hypothesis, contradict it, or neither? Scored by accuracy.

The pair is one input, premise first, with token types where the encoder knows them (XLA-MAML, Section 4).
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
    return encode_classes(table, ("premise", "hypothesis"), tokenizer, labels, max_length)


def score(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """Return accuracy, macro F1, and precision, recall and F1 of every class."""
    return score_classes(gold, predicted, "nli")
