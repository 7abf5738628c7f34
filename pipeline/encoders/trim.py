"""Word embeddings with the rows of some ids alone: a model that is given no other ids computes what it would with all of them.

No gradient reaches a row that is never looked up, so whatever trains the model does one linear thing to all such rows: decoupled
weight decay, SGD's coupled one, an interpolation or a mean of models multiplies each by the same factor. The rows that are left
out are stood for by one more row, the witness, which no id looks up either: what it was multiplied by, they would have been too.
Adam's coupled weight decay alone is no such thing (`pipeline.training.trimming` does not trim there).

Ids stay what they were: batches, padding and positions that count from the padding's id know nothing of it.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.encoders.architectures import architecture_of

ABSENT = -1
"""The row of an id that is left out; looking it up fails."""


class TrimmedEmbedding(nn.Embedding):
    """The rows of `ids` (K,), ascending, of an embedding, looked up by the ids of the whole; (K + 1, E), the witness last."""

    rows: Tensor

    def __init__(self, whole: nn.Embedding, ids: Tensor) -> None:
        old = whole.weight.detach()
        rows = torch.full((len(old),), ABSENT, device=old.device)
        rows[ids] = torch.arange(len(ids), device=old.device)
        padding = None if whole.padding_idx is None else int(rows[whole.padding_idx])
        weight = torch.cat([old[ids.to(old.device)], witness(old)[None]])
        super().__init__(len(weight), weight.shape[1], padding, _weight=weight)
        self.weight.requires_grad_(whole.weight.requires_grad)
        self.register_buffer("rows", rows, persistent=False)

    def forward(self, input: Tensor) -> Tensor:
        """Look up ids (…) of the whole: (…, E)."""
        return super().forward(self.rows[input])


def witness(like: Tensor) -> Tensor:
    """Return the row (E,) that stands for those left out of embeddings (V, E), as it is at first.

    Its numbers are spread over [1, 2), as mantissas are, so that what rounding adds to the factor evens out.
    """
    width = like.shape[1]
    return 1 + torch.arange(width, dtype=like.dtype, device=like.device) / width


@dataclass(frozen=True)
class Trimmed:
    """What a model's word embeddings were before they were trimmed.

    Attributes:
        name: of the weight in the bare model.
        ids: (K,) of the rows that it has still, ascending.
        original: (V, E), all rows before any training; a memory-mapped file's, so that it takes no memory.
    """

    name: str
    ids: Tensor
    original: Tensor

    @property
    def digest(self) -> str:
        """SHA-256 of the ids: weights of one trimmed model are no other's."""
        return hashlib.sha256(self.ids.numpy().tobytes()).hexdigest()

    def whole(self, trained: Tensor) -> Tensor:
        """Return (V, E) as training would have left all rows, from what it left of the trimmed ones (K + 1, E)."""
        rows, last = trained[:-1], trained[-1].double()
        factor = float((last / witness(trained).double()).mean())
        made = self.original.to(trained.device, trained.dtype, copy=True).mul_(factor)
        made[self.ids.to(made.device)] = rows
        return made


def trim(encoder: Any, ids: Iterable[int], original: Tensor) -> Trimmed:
    """Leave a bare model the word embeddings of some ids and of its padding alone.

    Args:
        encoder: the model.
        ids: all that it will be given.
        original: its word embeddings (V, E), as they are, in any precision.
    """
    whole, name = encoder.get_input_embeddings(), architecture_of(encoder).words
    padding = () if whole.padding_idx is None else (whole.padding_idx,)
    kept = torch.tensor(sorted({*ids, *padding}))
    encoder.set_submodule(name.removesuffix(".weight"), TrimmedEmbedding(whole, kept))
    for (
        weight
    ) in encoder.parameters():  # one mapped file holds them all, all rows too, as long as any of them lies in it
        weight.data = weight.data.clone()
    return Trimmed(name, kept, original)
