"""The model of every task: an encoder and a head."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pipeline.encoders.architectures import ARCHITECTURES, first_position, layers_of
from pipeline.tasks.packing import Layout, pack

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""What of a batch an encoder reads."""


def hidden_states(model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
    """Return the last hidden states (B, T, H) that a task model's encoder makes of a batch; short sequences share rows."""
    layout = layout_of(model, batch)
    if layout is not None:
        packed: Tensor = model.encoder(**shared_rows(model, batch, layout)).last_hidden_state  # type: ignore[operator]
        return layout.unpacked(packed, batch["input_ids"].shape[1])
    read = {key: batch[key] for key in INPUTS if key in batch}
    hidden: Tensor = model.encoder(**read).last_hidden_state  # type: ignore[operator]
    return hidden


def longest_row(model: nn.Module) -> int | None:
    """Return how long a row may be that short sequences share when a task model reads a batch; `None`: they share none."""
    config: Any = getattr(model.encoder, "config", None)
    architecture = ARCHITECTURES.get(getattr(config, "model_type", ""))
    return config.max_position_embeddings if architecture is not None and architecture.shares_rows else None


def layout_of(model: nn.Module, batch: Mapping[str, Tensor]) -> Layout | None:
    """Return which rows a batch's sequences share when `model` reads it, the same for the same lengths; `None`: a row each."""
    longest = longest_row(model)
    if longest is None:
        return None
    layout = pack(tuple(batch["attention_mask"].sum(1).tolist()), longest)
    return layout if layout.shared else None


def shared_rows(model: nn.Module, batch: Mapping[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    """Return what the encoder reads of a batch whose sequences share rows: ids, positions, types and who may attend to whom."""
    device, weight = batch["input_ids"].device, next(model.encoder.parameters())  # type: ignore[union-attr]
    return {
        **{key: layout.packed(batch[key]) for key in ("input_ids", "token_type_ids") if key in batch},
        "position_ids": layout.positions(device) + first_position(model.encoder),
        "attention_mask": layout.mask(device, weight.dtype),
    }


class TaskModel(nn.Module):
    """An encoder with a task's head on its last hidden states.

    `forward` maps a batch to logits: (B, T, C) for tagging, (B, C) for classes, (B, T, 2) for spans.
    """

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.passed_again = False  # its layers, for their gradient; see `pass_again`

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the logits of a batch."""
        logits: Tensor = self.head(hidden_states(self, batch))  # (B, T, H) -> logits
        return logits


def pass_again(model: TaskModel) -> None:
    """Let an encoder's layers keep their inputs alone in training, and be passed again where a gradient needs the rest.

    It is done to each layer's `forward`, so what a hook makes of its output is kept, and the hook, gone by then, is not needed.
    """
    model.passed_again = True
    for layer in layers_of(model.encoder):
        layer.forward = partial(_pass_again, layer, layer.forward)


def _pass_again(layer: nn.Module, forward: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    if not layer.training or not torch.is_grad_enabled():
        return forward(*arguments, **named)
    return checkpoint(forward, *arguments, use_reentrant=False, **named)


def start_new(*layers: nn.Linear) -> None:
    """Start layers of a head as BERT starts new ones: weights N(0, 0.02), zero biases."""
    for layer in layers:
        nn.init.normal_(layer.weight, std=0.02)
        nn.init.zeros_(layer.bias)


def token_head(hidden_size: int, outputs: int, dropout: float) -> nn.Module:
    """Return dropout and a new linear layer for every sub-token, (B, T, hidden_size) -> (B, T, outputs)."""
    linear = nn.Linear(hidden_size, outputs)
    start_new(linear)
    return nn.Sequential(nn.Dropout(dropout), linear)
