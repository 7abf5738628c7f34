"""The model of every task: an encoder and a head."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from pipeline.common.errors import UserError
from pipeline.encoders.architectures import ARCHITECTURES, first_position
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

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the logits of a batch."""
        logits: Tensor = self.head(hidden_states(self, batch))  # (B, T, H) -> logits
        return logits


def pass_again(encoder: nn.Module) -> None:
    """Let an encoder's layers keep their inputs alone in training, and be passed again where a gradient needs the rest.

    Raises:
        UserError: its class cannot.
    """
    if not getattr(encoder, "supports_gradient_checkpointing", False):
        raise UserError(
            "training.activation_checkpointing: the encoder's class in transformers cannot do it; leave it out"
        )
    encoder.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})  # type: ignore[operator]


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
