"""Layers of an encoder: which parameters belong to which, and which of them training leaves alone.

A layer is an encoder layer of a BERT- or XLM-R-shaped model, or the head, to which a pooler belongs where the head uses one.
Everything else (embeddings) belongs to none.
"""

from torch import nn

from pipeline.methods.contract import Trainer

LAYERS = "encoder.encoder.layer."


def depth_of(model: nn.Module) -> int:
    """Return the number of encoder layers N."""
    return len(model.encoder.encoder.layer)  # type: ignore[union-attr, arg-type]


def layer_of(name: str, depth: int) -> int | None:
    """Return the layer that a parameter of a `TaskModel` is of: 0 … N − 1 from the bottom, N for the head, else `None`."""
    if name.startswith(LAYERS):
        return int(name.removeprefix(LAYERS).partition(".")[0])
    return depth if name.startswith("head.") else None


def freeze(trainer: Trainer, layers: int) -> None:
    """Keep the embeddings and the bottom `layers` encoder layers as they are (Wu and Dredze 2019)."""
    depth = depth_of(trainer.model)
    for name, parameter in trainer.model.named_parameters():
        layer = layer_of(name, depth)
        if name.startswith("encoder.embeddings.") or (layer is not None and layer < layers):
            parameter.requires_grad_(False)
