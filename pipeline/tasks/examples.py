"""Tokenised examples of any task, and batches of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from pipeline.common.errors import UserError

TINY = 1e-30  # what a batch without labels is divided by
IGNORED = -100  # the label of sub-tokens that carry no loss, as in torch.nn.functional.cross_entropy


@dataclass(frozen=True)
class Picked(Sequence[Any]):
    """Rows of another sequence, looked up when they are asked for: what is on disk stays there."""

    of: Sequence[Any]
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, row: int) -> Any: ...

    @overload
    def __getitem__(self, row: slice) -> "Picked": ...

    def __getitem__(self, row: int | slice) -> Any:
        """Return one row, or some of them."""
        return Picked(self.of, self.rows[row]) if isinstance(row, slice) else self.of[int(self.rows[row])]


@dataclass(frozen=True)
class Examples:
    """N tokenised examples of one task, in one or several languages.

    Attributes:
        ids: N example ids; rows of parallel data share an id across languages.
        languages: N languages.
        input_ids: N arrays of T_n sub-token ids, special tokens included.
        labels: N arrays: per sub-token (T_n,) for tagging, or (1,) for one class per example.
        positions: N arrays (W_n,): where word w's first sub-token stands, -1 where it was cut off; empty where unused.
        classes: (N,) class per example where the task has one, else empty.
        gold: N gold answers in the task's own form (for tagging, a tag per word), what predictions are scored against.
        truncated_words: words that no sub-token stands for; of questions, answers that no window holds whole; of classes, texts
            or pairs longer than the limit; of the whole split, whichever of its rows these are.
        types: N arrays of T_n token types (0: first text, 1: second); empty where all are 0.
        groups: (N,) the number, ascending, of the example that a row is a window of; empty where each row is an example.
        counts: `pieces`, `unknown_pieces` and `words` (what `truncated_words` are of) of a split that was just read; else empty.
        longest: sub-tokens of the longest answer that may be predicted; `None`: the task's own, or there are no answers.
    """

    ids: Sequence[str]
    languages: Sequence[str]
    input_ids: Sequence[np.ndarray]
    labels: Sequence[np.ndarray]
    positions: Sequence[np.ndarray]
    classes: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    gold: Sequence[Any] = field(default_factory=list)
    truncated_words: int = 0
    types: Sequence[np.ndarray] = field(default_factory=list)
    groups: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    counts: Mapping[str, int] = field(default_factory=dict)
    longest: int | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def lengths(self) -> np.ndarray:
        """(N,) sub-tokens per example."""
        return np.fromiter((len(ids) for ids in self.input_ids), dtype=np.int64, count=len(self))

    @property
    def firsts(self) -> np.ndarray:
        """The rows at which examples begin: all, but of examples in several windows only the first."""
        if not len(self.groups):
            return np.arange(len(self))
        return np.flatnonzero(np.diff(self.groups, prepend=self.groups[0] - 1))

    def take(self, rows: Sequence[int] | np.ndarray) -> "Examples":
        """Return the examples of the given rows, in that order."""
        rows = np.asarray(rows, dtype=np.int64)
        return Examples(
            [self.ids[r] for r in rows],
            [self.languages[r] for r in rows],
            Picked(self.input_ids, rows),
            Picked(self.labels, rows),
            Picked(self.positions, rows),
            self.classes[rows] if len(self.classes) else self.classes,
            Picked(self.gold, rows),
            self.truncated_words,
            Picked(self.types, rows) if len(self.types) else [],
            self.groups[rows] if len(self.groups) else self.groups,
            longest=self.longest,
        )

    def take_examples(self, numbers: np.ndarray) -> "Examples":
        """Return whole examples by their numbers, in that order; of one in several windows, all its rows."""
        if not len(self.groups):
            return self.take(numbers)
        firsts = np.append(self.firsts, len(self))
        begins, sizes = firsts[numbers], np.diff(firsts)[numbers]
        groups = np.repeat(np.arange(len(sizes)), sizes)
        place = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)  # of each row in its example
        return replace(self.take(begins[groups] + place), groups=groups)


def concatenate(parts: Sequence[Examples]) -> Examples:
    """Return all examples of `parts`, one after the other.

    Raises:
        UserError: there is no example at all.
    """
    if not sum(len(part) for part in parts):
        raise UserError("no training example: every selected split is empty")
    parts = [part for part in parts if len(part)]
    if len(parts) == 1:
        return parts[0]
    offsets = np.cumsum([0] + [int(part.groups[-1]) + 1 if len(part.groups) else 0 for part in parts])
    return Examples(
        [x for part in parts for x in part.ids],
        [x for part in parts for x in part.languages],
        [x for part in parts for x in part.input_ids],
        [x for part in parts for x in part.labels],
        [x for part in parts for x in part.positions],
        np.concatenate([part.classes for part in parts]),
        [x for part in parts for x in part.gold],
        sum(part.truncated_words for part in parts),
        [x for part in parts for x in part.types],
        np.concatenate([part.groups + offset for part, offset in zip(parts, offsets, strict=False)]),
        longest=parts[0].longest,
    )


def pad(arrays: Sequence[np.ndarray], value: int) -> Tensor:
    """Stack arrays of different lengths into (B, T), padded on the right with `value`."""
    out = np.full((len(arrays), max(len(a) for a in arrays)), value, dtype=np.int64)
    for row, array in enumerate(arrays):
        out[row, : len(array)] = array
    return torch.from_numpy(out)


def collate(examples: Examples, rows: np.ndarray, pad_id: int, languages: Sequence[str]) -> dict[str, Tensor]:
    """Make one batch of B rows, padded to its longest.

    Returns:
        `input_ids`, `attention_mask` (B, T); `token_type_ids` (B, T) where the examples have types; `labels` (B, T), (B, 2) or
        (B, 1); `row` (B,); `example` (B,), the same for all windows of an example; `language` (B,), an index into `languages`;
        `lengths` (B,), sub-tokens of each row.
    """
    input_ids = [examples.input_ids[r] for r in rows]
    padded = pad(input_ids, pad_id)
    types = {"token_type_ids": pad([examples.types[r] for r in rows], 0)} if len(examples.types) else {}
    known = facts(examples, rows, np.array([len(ids) for ids in input_ids]), languages)
    return {
        **types,
        "input_ids": padded,
        "attention_mask": (torch.arange(padded.shape[1])[None, :] < known["lengths"][:, None]).long(),
        "labels": pad([examples.labels[r] for r in rows], IGNORED),
        **known,
    }


def facts(examples: Examples, rows: np.ndarray, lengths: np.ndarray, languages: Sequence[str]) -> dict[str, Tensor]:
    """Return what of a batch of B rows is not for the encoder: see `collate`. `lengths` (B,) are those of the rows."""
    numbers = examples.groups[rows] if len(examples.groups) else rows
    return {
        "row": torch.from_numpy(np.asarray(rows, dtype=np.int64)),
        "example": torch.from_numpy(np.asarray(numbers, dtype=np.int64)),
        "language": torch.tensor([languages.index(examples.languages[r]) for r in rows]),
        "lengths": torch.from_numpy(lengths),
    }


def labelled(batch: Mapping[str, Tensor]) -> Tensor:
    """Return how many labels of a batch carry loss, or what they weigh: a loss that is their sum is so many times the mean."""
    return batch["weights"].sum() if "weights" in batch else (batch["labels"] != IGNORED).sum()


def weighted(batch: Mapping[str, Tensor], weights: Tensor) -> dict[str, Tensor]:
    """Return a batch whose labels weigh as `weights` (C,) says, with `weights` of their shape; 0 where they carry no loss."""
    labels = batch["labels"]
    return {**batch, "weights": torch.where(labels == IGNORED, 0.0, weights[labels.clamp(min=0)])}


def weighted_mean(logits: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """Return the mean cross-entropy of logits (…, C) in float32 with labels (…), by a batch's `weights`; zero without labels."""
    labels, weights = batch["labels"].flatten(), batch["weights"].flatten()
    each = functional.cross_entropy(logits.float().flatten(0, -2), labels, ignore_index=IGNORED, reduction="none")
    return (each * weights).sum() / weights.sum().clamp(min=TINY)
