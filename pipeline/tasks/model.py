"""The model of every task: an encoder and a head."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pipeline.encoders.architectures import ARCHITECTURES, first_position, layers_of
from pipeline.tasks.packing import PASS, Layout, Pass, Reads, joined, plan
from pipeline.tasks.transfer import rows_of

INPUTS = ("input_ids", "attention_mask", "token_type_ids")
"""What of a batch an encoder reads."""


def hidden_states(model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
    """Return the last hidden states (B, T, H) that a task model's encoder makes of a batch.

    Short sequences share rows where the encoder can read them so; where it cannot, those of like length go through it together,
    pass after pass.
    """
    passes, width = passes_of(model, batch), batch["input_ids"].shape[1]
    if len(passes) == 1:
        return one_pass(model, batch, passes[0].layout)
    found = []
    for part in passes:
        rows = rows_of({key: batch[key] for key in INPUTS if key in batch}, torch.from_numpy(part.index))
        found.append(one_pass(model, {key: value[:, : part.width] for key, value in rows.items()}, part.layout))
    return joined(found, passes, width)


def one_pass(model: nn.Module, batch: Mapping[str, Tensor], layout: Layout) -> Tensor:
    """Return the last hidden states (B, T, H) of one pass over a batch in the given layout."""
    if layout.shared:
        packed: Tensor = model.encoder(**shared_rows(model, batch, layout)).last_hidden_state  # type: ignore[operator]
        return layout.unpacked(packed, batch["input_ids"].shape[1])
    hidden: Tensor = model.encoder(**own_rows(model, batch, layout)).last_hidden_state  # type: ignore[operator]
    return hidden


def reads_of(model: nn.Module, device: torch.device) -> Reads:
    """Return how a task model's encoder reads batches on a device."""
    config: Any = getattr(model.encoder, "config", None)
    architecture = ARCHITECTURES.get(getattr(config, "model_type", ""))
    shares = architecture is not None and architecture.shares_rows
    return Reads(config.max_position_embeddings if shares else None, PASS.get(device.type, PASS["cpu"]))


def passes_of(model: nn.Module, batch: Mapping[str, Tensor]) -> tuple[Pass, ...]:
    """Return in which passes and layouts a batch goes through a task model's encoder: the same for the same lengths."""
    lengths = batch["lengths"] if "lengths" in batch else batch["attention_mask"].sum(1)
    return plan(tuple(lengths.tolist()), reads_of(model, batch["input_ids"].device))


def shared_rows(model: nn.Module, batch: Mapping[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    """Return what the encoder reads of a batch whose sequences share rows: ids, positions, types and who may attend to whom."""
    device, weight = batch["input_ids"].device, next(model.encoder.parameters())  # type: ignore[union-attr]
    return {
        **{key: layout.packed(batch[key]) for key in ("input_ids", "token_type_ids") if key in batch},
        "position_ids": layout.positions(device) + first_position(model.encoder),
        "attention_mask": layout.mask(device, weight.dtype),
    }


def own_rows(model: nn.Module, batch: Mapping[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    """Return what the encoder reads of a batch with a row for each sequence.

    To an encoder that takes any mask it is given as transformers would make it, which asks a GPU whether there is padding at all.
    """
    read = {key: batch[key] for key in INPUTS if key in batch}
    mask = read["attention_mask"]
    if reads_of(model, mask.device).longest is None or model.encoder.config._attn_implementation != "sdpa":  # type: ignore[union-attr]
        return read
    del read["attention_mask"]
    if int(layout.lengths.min()) < mask.shape[1]:  # rows taken out of a batch are as wide as it was
        read["attention_mask"] = mask.bool()[:, None, None].expand(-1, -1, mask.shape[1], -1)
    return read


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
