"""The model of every task: an encoder and a head."""

from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor, nn

from pipeline.tasks.packing import Layout, pack

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""What of a batch an encoder reads."""


SHARING = ("bert", "xlm-roberta")
"""Architectures (`model_type`) whose sequences can share rows: positions are given one by one, and the mask as it is."""


def hidden_states(model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
    """Return the last hidden states (B, T, H) that a task model's encoder makes of a batch; short sequences share rows."""
    layout = layout_of(model, batch)
    if layout is not None and layout.shared:
        packed: Tensor = model.encoder(**shared_rows(model, batch, layout)).last_hidden_state  # type: ignore[operator]
        return layout.unpacked(packed, batch["input_ids"].shape[1])
    read = {key: batch[key] for key in INPUTS if key in batch}
    hidden: Tensor = model.encoder(**read).last_hidden_state  # type: ignore[operator]
    return hidden


def shares_rows(model: nn.Module) -> bool:
    """Whether short sequences share rows when a task model reads a batch."""
    return getattr(getattr(model.encoder, "config", None), "model_type", None) in SHARING


def layout_of(model: nn.Module, batch: Mapping[str, Tensor]) -> Layout | None:
    """Return how a batch's sequences are laid out when `model` reads it, the same for the same lengths; `None`: padded."""
    if not shares_rows(model):
        return None
    longest: int = model.encoder.config.max_position_embeddings  # type: ignore[union-attr, assignment]
    return cached_pack(tuple(batch["attention_mask"].sum(1).tolist()), longest)


cached_pack = lru_cache(256)(pack)  # a step's batches go through the encoder several times


def shared_rows(model: nn.Module, batch: Mapping[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    """Return what the encoder reads of a batch whose sequences share rows: ids, positions, types and who may attend to whom."""
    ids = batch["input_ids"]
    weight = next(model.encoder.parameters())  # type: ignore[union-attr]
    types = batch.get("token_type_ids", torch.zeros_like(ids))
    first = getattr(model.encoder.embeddings, "padding_idx", -1) + 1  # type: ignore[union-attr]
    return {
        "input_ids": layout.packed(ids),
        "token_type_ids": layout.packed(types),
        "position_ids": layout.positions(ids.device) + first,  # RoBERTa's begin after the padding index
        "attention_mask": layout.mask(ids.device, weight.dtype),
    }


class TaskModel(nn.Module):
    """An encoder with a task's head on its last hidden states.

    `forward` maps a batch to logits: (B, T, C) for tagging, (B, C) for classes, (B, T, 2) for spans.
    """

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the logits of a batch."""
        logits: Tensor = self.head(hidden_states(self, batch))  # (B, T, H) -> logits
        return logits
