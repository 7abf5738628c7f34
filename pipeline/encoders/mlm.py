"""Masked language modelling: which pieces are hidden, and the loss at those positions only.

Source: Devlin et al. 2019, BERT, section 3.1 (Task 1) and appendix A.1; masks are drawn anew each time a sentence is
seen (Liu et al. 2019, RoBERTa, section 4.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from pipeline.encoders.architectures import ARCHITECTURES

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MOST_LOGITS = 2**26  # that are in memory at once (256 MiB); more are made in parts, and anew for the gradient
OWN_HEAD = "lm_predictions"  # DeBERTa's own head; the one that transformers makes by default it calls legacy
KEEP_FROM, RANDOM_FROM = 0.9, 0.8  # of the hidden pieces 80 % become the mask, 10 % a random piece, 10 % stay


@dataclass(frozen=True)
class Masked:
    """A batch with hidden pieces.

    Attributes:
        inputs: `(B, T)` ids the model sees.
        attention: `(B, T)` 1 at pieces, 0 at padding.
        positions: `(M,)` indices of the hidden pieces in the flattened batch.
        targets: `(M,)` their ids.
    """

    inputs: Tensor
    attention: Tensor
    positions: Tensor
    targets: Tensor

    def to(self, device: torch.device) -> "Masked":
        """Return the batch on `device`."""
        return Masked(*(t.to(device, non_blocking=True) for t in vars(self).values()))


@dataclass(frozen=True)
class Pieces:
    """What masking has to know of a vocabulary.

    Attributes:
        pad: the id to pad with.
        mask: the id of the mask.
        ordinary: ids that a hidden piece may become at random.
        never: ids that are never hidden, besides the first and the last of a sentence.
    """

    pad: int
    mask: int
    ordinary: NDArray[np.int64]
    never: tuple[int, ...] = ()

    def may_hide(self, ids: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Return which pieces between a sentence's first and last may be hidden."""
        inner = ids[1:-1]
        return ~np.isin(inner, self.never) if self.never else np.ones(len(inner), dtype=bool)


def hide(
    sentences: Sequence[NDArray[np.int32]], pieces: Pieces, probability: float, rng: np.random.Generator
) -> Masked:
    """Pad sentences (with start and end tokens) to a batch and hide pieces; at least one is hidden.

    Args:
        sentences: ids of each sentence, its first and last the start and end tokens, which are never hidden; each has a piece
            that may be.
        pieces: the vocabulary's ids.
        probability: the chance of each piece to be hidden.
        rng: source of the draws.
    """
    longest = max(len(s) for s in sentences)
    ids = np.full((len(sentences), longest), pieces.pad, dtype=np.int64)  # (B, T)
    attention = np.zeros_like(ids)
    may_hide = np.zeros(ids.shape, dtype=bool)
    for row, sentence in enumerate(sentences):
        ids[row, : len(sentence)] = sentence
        attention[row, : len(sentence)] = 1
        may_hide[row, 1 : len(sentence) - 1] = pieces.may_hide(sentence)
    hidden = may_hide & (rng.random(ids.shape) < probability)
    if not hidden.any():
        hidden.flat[rng.choice(np.flatnonzero(may_hide))] = True
    fate = rng.random(ids.shape)
    inputs = np.where(hidden & (fate < RANDOM_FROM), pieces.mask, ids)
    random = pieces.ordinary[rng.integers(len(pieces.ordinary), size=ids.shape)]
    inputs = np.where(hidden & (fate >= RANDOM_FROM) & (fate < KEEP_FROM), random, inputs)
    positions = np.flatnonzero(hidden)
    return Masked(*(torch.from_numpy(a) for a in (inputs, attention, positions, ids.flat[positions])))


def hidden_states(model: "PreTrainedModel", batch: Masked) -> Tensor:
    """Return `(M, H)` last hidden states at the hidden pieces alone; the model is a `…ForMaskedLM`.

    Its head works position by position, so gathering the states before it gives the same logits as gathering after it, at a
    fraction (the masking probability) of the largest matrix product's cost.
    """
    states = model.base_model(batch.inputs, attention_mask=batch.attention).last_hidden_state  # (B, T, H)
    gathered: Tensor = states.flatten(0, 1).index_select(0, batch.positions)
    return gathered


def head_logits(model: "PreTrainedModel", states: Tensor) -> Tensor:
    """Return `(M, V)` logits of last hidden states `(M, H)`."""
    if hasattr(model, OWN_HEAD):
        logits: Tensor = getattr(model, OWN_HEAD)(states, model.get_input_embeddings())
        return logits
    for name in ARCHITECTURES[model.config.model_type].masked:
        states = getattr(model, name)(states)
    return states


def masked_loss(model: "PreTrainedModel", batch: Masked) -> tuple[Tensor, Tensor]:
    """Return the mean cross-entropy (nats) over the hidden pieces and the number predicted right.

    With a vocabulary of 250,000 the logits are what takes the memory: at most `MOST_LOGITS` of them are there at a time.
    """
    states = hidden_states(model, batch)
    rows = max(1, MOST_LOGITS // int(model.config.vocab_size))
    if len(states) <= rows:
        logits = head_logits(model, states).float()
        return functional.cross_entropy(logits, batch.targets), (logits.argmax(-1) == batch.targets).sum()

    def part(given: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        logits = head_logits(model, given).float()
        return functional.cross_entropy(logits, targets, reduction="sum"), (logits.argmax(-1) == targets).sum()

    parts = zip(torch.split(states, rows), torch.split(batch.targets, rows), strict=True)
    made = [checkpoint(part, *given, use_reentrant=False, preserve_rng_state=False) for given in parts]
    losses, right = zip(*made, strict=True)
    return torch.stack(losses).sum() / len(states), torch.stack(right).sum()
