"""Named-entity recognition: word labels on first sub-tokens, predictions per word.

Each word's label stands on its first sub-token (Devlin et al. 2019, Section 5.3; so does MetaXL's released code); the others
carry no loss. Words without a sub-token, cut off by the length limit or emptied by the tokenizer's normaliser, are predicted
`O`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from pipeline.tasks.examples import IGNORED, Examples, labelled
from pipeline.tasks.model import token_head
from pipeline.tasks.ner_score import score_sentences

METRIC = "entity_f1_strict"  # chooses the epoch


def encode(table: pa.Table, tokenizer: Tokenizer, labels: Sequence[str], max_length: int) -> Examples:
    """Tokenise a split's sentences, special tokens included, to at most `max_length` sub-tokens."""
    number = {label: i for i, label in enumerate(labels)}
    tokens, tags = table.column("tokens").to_pylist(), table.column("tags").to_pylist()
    tokenizer.enable_truncation(max_length)
    encodings = tokenizer.encode_batch(tokens, is_pretokenized=True)
    input_ids, sub_labels, positions, cut = [], [], [], 0
    for encoding, words, sentence_tags in zip(encodings, tokens, tags, strict=True):
        first = np.full(len(words), -1, dtype=np.int64)
        for position, word in enumerate(encoding.word_ids):
            if word is not None and first[word] < 0:
                first[word] = position
        label = np.full(len(encoding.ids), IGNORED, dtype=np.int64)
        kept = first >= 0
        label[first[kept]] = [number[tag] for tag, keep in zip(sentence_tags, kept, strict=True) if keep]
        input_ids.append(np.asarray(encoding.ids, dtype=np.int64))
        sub_labels.append(label)
        positions.append(first)
        cut += int((~kept).sum())
    ids, languages = table.column("id").to_pylist(), table.column("lang").to_pylist()
    return Examples(ids, languages, input_ids, sub_labels, positions, gold=tags, truncated_words=cut)


def make_head(hidden_size: int, labels: Sequence[str], dropout: float) -> nn.Module:
    """Return a head for every sub-token, (B, T, hidden_size) -> (B, T, C)."""
    return token_head(hidden_size, len(labels), dropout)


def loss(logits: Tensor, batch: Mapping[str, Tensor], weights: Tensor | None = None) -> Tensor:
    """Return the mean cross-entropy over labelled sub-tokens, in float32; zero where a batch has none.

    With `weights` (C,) of the tags it is the weighted mean, Σ w_y l / Σ w_y.
    """
    labels = batch["labels"].flatten()
    total = functional.cross_entropy(
        logits.float().flatten(0, 1), labels, weights, ignore_index=IGNORED, reduction="sum"
    )
    least = 1 if weights is None else torch.finfo(weights.dtype).tiny
    return total / labelled(batch, weights).clamp(min=least)


def decode(logits: Tensor, examples: Examples, rows: Sequence[int], labels: Sequence[str]) -> list[list[str]]:
    """Return the predicted tag of every word of the given rows from logits (B, T, C)."""
    best = logits.argmax(-1).cpu().numpy()
    outside = labels.index("O")
    out = []
    for b, row in enumerate(rows):
        positions = examples.positions[row]
        chosen = np.where(positions >= 0, best[b, np.maximum(positions, 0)], outside)
        out.append([labels[i] for i in chosen])
    return out


def score(gold: list[list[str]], predicted: list[list[str]]) -> dict[str, float]:
    """Return entity precision, recall and F1, strict and lenient, of a set of sentences."""
    return score_sentences(gold, predicted)


def stored(gold: Sequence[list[str]], predicted: Sequence[list[str]]) -> dict[str, list[Any]]:
    """Return the columns of stored predictions: a tag a word."""
    return {"gold": list(gold), "predicted": list(predicted)}
