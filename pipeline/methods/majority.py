"""`majority`: whatever the input, the most frequent label of the target's training examples, the first of equals.

For tags the most frequent tag of a word, which is `O`: an F1 of 0, which is what a tagger must beat. A sanity baseline.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from pipeline.methods.contract import Batch, Draw, Method, Trainer
from pipeline.methods.parts.guessing import certain, count_phase, places_of
from pipeline.methods.parts.supervised import no_step


def predict(trainer: Trainer, batches: Iterable[Batch], draw: Draw) -> Iterator[Tensor]:
    """Yield the same label for everything."""
    del draw
    label = int(trainer.label_counts().argmax())
    for batch in batches:
        yield certain(torch.full(places_of(batch), label), trainer)


def build() -> Method:
    """Return the method."""
    return Method(count_phase, no_step, predict=predict)
