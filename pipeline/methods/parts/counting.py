"""What the sanity baselines share: label frequencies of training examples instead of training, and logits without the encoder."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import torch
from torch import Tensor

from pipeline.methods.contract import Batch, Draw, Method, Phase, Setting, Stream, Trainer
from pipeline.methods.parts.supervised import no_step

Logits = Callable[[Trainer, Sequence[int]], Tensor]
"""From the trainer and a shape (…, C) to logits of that shape."""


def log_frequencies(trainer: Trainer) -> Tensor:
    """Return the logarithm of each class's share in the phase's training examples, (C,); −∞ of classes that none has."""
    counts = trainer.label_counts().double()
    return (counts / counts.sum()).log().to(trainer.device)


def counting(of: Literal["target", "source"], logits: Logits) -> Method:
    """Return a method that counts labels and trains nothing: one phase without an epoch.

    Args:
        of: whose training examples are counted.
        logits: what is predicted: for each example (B, C), of `ner` for each sub-token (B, T, C), of `qa` (B, T, 2).
    """

    def phases(setting: Setting) -> Sequence[Phase]:
        pools = setting.target_pools() if of == "target" else setting.source_pools()
        return [Phase("count", {"train": Stream(pools, setting.batch_size)}, "train", 0)]

    def predict(trainer: Trainer, batches: Iterable[Batch], draw: Draw) -> Iterator[Tensor]:
        for batch in batches:
            of_words = trainer.task in ("ner", "qa")
            shape = batch["input_ids"].shape if of_words else batch["input_ids"].shape[:1]
            with torch.autocast(trainer.device.type, enabled=False):
                yield logits(trainer, (*shape, len(trainer.labels)))

    return Method(phases, no_step, predict=predict)
