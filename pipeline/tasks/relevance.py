"""Search relevance: is a product, by its title, what a query asks for? The F1 of `relevant` chooses the epoch (MGL, Table 3).

Relevant titles are the minority, so accuracy says little; the split's report and `precision_positive`, `recall_positive` do.
"""

from collections.abc import Sequence

import pyarrow as pa
from tokenizers import Tokenizer

from pipeline.tasks.class_score import score_classes
from pipeline.tasks.classes import decode, encode_classes, loss, make_head, stored
from pipeline.tasks.examples import Examples

__all__ = ["METRIC", "decode", "encode", "loss", "make_head", "score", "stored"]

METRIC = "f1_positive"  # chooses the epoch


def encode(table: pa.Table, tokenizer: Tokenizer, labels: Sequence[str], max_length: int) -> Examples:
    """Tokenise a split's rows, special tokens included, to at most `max_length` sub-tokens."""
    return encode_classes(table, ("query", "title"), tokenizer, labels, max_length)


def score(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """Return accuracy, macro F1, and precision, recall and F1 of every class."""
    return score_classes(gold, predicted, "relevance")
