"""What the baselines that read no input share: the labels of the target's training examples, counted, and nothing trained."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pipeline.methods.contract import Batch, Phase, Setting, Stream, Trainer


def count_phase(setting: Setting) -> Sequence[Phase]:
    """One phase of no epoch: the target's training examples are there to be counted."""
    return [Phase("count", {"train": Stream(setting.target_pools(), setting.batch_size)}, "train", 0)]


def places_of(batch: Batch) -> tuple[int, ...]:
    """Return the shape of what is guessed: (B, T), a label a sub-token, where the labels are such; else (B,)."""
    labels = batch["labels"]
    return tuple(labels.shape) if labels.shape == batch["input_ids"].shape else (len(labels),)


def certain(labels: Tensor, trainer: Trainer) -> Tensor:
    """Return logits that give each label (…) all the probability, (…, C)."""
    sure = torch.nn.functional.one_hot(labels, len(trainer.labels)).to(torch.float32)
    return (100.0 * (sure - 1.0)).to(trainer.device)
