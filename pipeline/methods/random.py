"""`random`: whatever the input, a label drawn as often as the target's training examples have it, by the run's `model_seed`.

For tags a tag a word. A sanity baseline: what is not above it has learned nothing of its input.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from pipeline.methods.contract import Batch, Draw, Method, Trainer
from pipeline.methods.parts.guessing import certain, count_phase, places_of
from pipeline.methods.parts.supervised import no_step


def predict(trainer: Trainer, batches: Iterable[Batch], draw: Draw) -> Iterator[Tensor]:
    """Yield labels drawn from those of the training examples."""
    del draw
    weights = trainer.label_counts().to(torch.float64)
    for batch in batches:
        shape = places_of(batch)
        number = torch.Size(shape).numel()
        drawn = torch.multinomial(weights, number, replacement=True, generator=trainer.generator)
        yield certain(drawn.reshape(shape), trainer)


def build() -> Method:
    """Return the method."""
    return Method(count_phase, no_step, predict=predict)
