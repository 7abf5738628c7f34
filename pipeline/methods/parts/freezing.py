"""Layers of an encoder: which parameters belong to which, and which of them training leaves alone.

A layer is one of the encoder's (`pipeline.encoders.architectures`), or the head, to which a pooler belongs where the head uses
one. Embeddings belong to none.
"""

from torch import nn

from pipeline.encoders import architectures
from pipeline.methods.contract import Trainer

ENCODER = "encoder."


def depth_of(model: nn.Module) -> int:
    """Return the number of encoder layers N."""
    return len(architectures.layers_of(model.encoder))


def layer_of(model: nn.Module, name: str) -> int | None:
    """Return the layer that a parameter of a `TaskModel` is of: 0 … N − 1 from the bottom, N for the head, else `None`."""
    if name.startswith(ENCODER):
        return architectures.layer_of(model.encoder, name.removeprefix(ENCODER))
    return depth_of(model) if name.startswith("head.") else None


def freeze(trainer: Trainer, layers: int) -> None:
    """Keep the embeddings and the bottom `layers` encoder layers as they are (Wu and Dredze 2019)."""
    model = trainer.model
    for name, parameter in model.named_parameters():
        layer = layer_of(model, name)
        embedding = name.startswith(ENCODER) and architectures.is_embedding(model.encoder, name.removeprefix(ENCODER))
        if embedding or (layer is not None and layer < layers):
            parameter.requires_grad_(False)
