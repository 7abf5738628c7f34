"""What the tasks with one class per example share: one text or a pair in, the start token's class out.

All heads read the start token's last hidden state h and end in dropout and a linear layer; `training.head` says what is between:

    fresh    h, dropout, a new dense layer with tanh        the classifiers of RoBERTa and XLM-R in transformers
    pooler   h, the checkpoint's own pooler with tanh       BERT's classifier there
    linear   h itself
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from pipeline.common.errors import UserError
from pipeline.tasks.examples import Examples
from pipeline.tasks.model import start_new


def encode_classes(
    table: pa.Table, columns: Sequence[str], tokenizer: Tokenizer, labels: Sequence[str], max_length: int
) -> Examples:
    """Tokenise a split's texts, or pairs of texts, to at most `max_length` sub-tokens.

    Of a pair, sub-tokens are cut off the end of the longer text first.

    Args:
        table: rows of the task.
        columns: the columns to read, one or two.
        tokenizer: the encoder's.
        labels: the label set, in the order of the head.
        max_length: special tokens included.

    Raises:
        UserError: `max_length` leaves no room for a sub-token of each text; a tokenizer then cuts nothing off at all.
    """
    least = tokenizer.num_special_tokens_to_add(len(columns) > 1) + len(columns)
    if max_length < least:
        texts_named = " and ".join(columns)
        raise UserError(
            f"training.max_length: {max_length} leaves no room for {texts_named}; expected at least {least}"
        )
    tokenizer.enable_truncation(max_length, strategy="longest_first")
    texts = [table.column(name).to_pylist() for name in columns]
    encodings = tokenizer.encode_batch_fast(texts[0] if len(texts) == 1 else list(zip(*texts, strict=True)))
    number = {label: i for i, label in enumerate(labels)}
    gold = table.column("label").to_pylist()
    classes = np.fromiter((number[label] for label in gold), dtype=np.int64, count=len(gold))
    types = [np.asarray(e.type_ids, dtype=np.int64) for e in encodings] if len(texts) > 1 else []
    empty = np.empty(0, dtype=np.int64)
    return Examples(
        ids=table.column("id").to_pylist(),
        languages=table.column("lang").to_pylist(),
        input_ids=[np.asarray(e.ids, dtype=np.int64) for e in encodings],
        labels=list(classes[:, None]),
        positions=[empty] * len(gold),
        classes=classes,
        gold=gold,
        truncated_words=sum(bool(e.overflowing) for e in encodings),
        types=types if any(t.any() for t in types) else [],
    )


class ClassHead(nn.Module):
    """`fresh`: hidden states (B, T, H) → class logits (B, C), from the start token alone, all layers new."""

    def __init__(self, hidden_size: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.dense, self.out = nn.Linear(hidden_size, hidden_size), nn.Linear(hidden_size, classes)
        start_new(self.dense, self.out)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the logits of a batch."""
        logits: Tensor = self.out(self.dropout(self.dense(self.dropout(hidden[:, 0])).tanh()))
        return logits


class PoolerHead(nn.Module):
    """`pooler`: the same through a pretrained pooler, which is trained on as a part of the head; only the last layer is new."""

    def __init__(self, pooler: nn.Linear, classes: int, dropout: float) -> None:
        super().__init__()
        self.pooler, self.dropout = pooler, nn.Dropout(dropout)
        self.out = nn.Linear(pooler.out_features, classes)
        start_new(self.out)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the logits of a batch."""
        logits: Tensor = self.out(self.dropout(self.pooler(hidden[:, 0]).tanh()))
        return logits


class LinearHead(nn.Module):
    """`linear`: the same from the start token's state itself."""

    def __init__(self, hidden_size: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout, self.out = nn.Dropout(dropout), nn.Linear(hidden_size, classes)
        start_new(self.out)

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the logits of a batch."""
        logits: Tensor = self.out(self.dropout(hidden[:, 0]))
        return logits


def make_head(
    hidden_size: int,
    labels: Sequence[str],
    dropout: float,
    kind: Literal["fresh", "pooler", "linear"] = "fresh",
    pooler: nn.Linear | None = None,
) -> nn.Module:
    """Return a head for one class per example.

    Args:
        hidden_size: H.
        labels: the label set.
        dropout: the encoder's.
        kind: which; a method that never asks the head, as `mgl`, has no say in it.
        pooler: the checkpoint's, for `pooler`; it becomes a part of the head.

    Raises:
        ValueError: `pooler` without one.
    """
    if kind == "linear":
        return LinearHead(hidden_size, len(labels), dropout)
    if kind == "fresh":
        return ClassHead(hidden_size, len(labels), dropout)
    if pooler is None:
        raise ValueError("head 'pooler' needs the checkpoint's pooler")
    return PoolerHead(pooler, len(labels), dropout)


def loss(logits: Tensor, batch: Mapping[str, Tensor], weights: Tensor | None = None) -> Tensor:
    """Return the mean cross-entropy of logits (B, C) with labels (B, 1), in float32.

    With `weights` (C,) it is the weighted mean, Σ w_y l / Σ w_y.
    """
    return functional.cross_entropy(logits.float(), batch["labels"][:, 0], weights)


def decode(logits: Tensor, examples: Examples, rows: Sequence[int], labels: Sequence[str]) -> list[str]:
    """Return the most probable class of every row."""
    del examples, rows
    return [labels[i] for i in logits.argmax(-1).tolist()]


def stored(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, list[Any]]:
    """Return the columns of stored predictions: a class an example."""
    return {"gold": list(gold), "predicted": list(predicted)}
