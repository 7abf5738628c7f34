"""`random`: classes drawn at random, each as often as in the training examples; of `ner` tags of words, of `qa` spans.

Draws are the run's own, by `model_seed`. A class is drawn as the largest of log p + Gumbel noise, which is a draw from p. A
random answer is the span whose random start and end score highest among those that may be predicted.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from pipeline.methods.contract import Method, Trainer
from pipeline.methods.parts.counting import counting, log_frequencies


def logits(trainer: Trainer, shape: Sequence[int]) -> Tensor:
    """Return log p plus Gumbel noise; of `qa`, which has no classes, the noise alone."""
    noise = -torch.empty(*shape, dtype=torch.float64).exponential_(generator=trainer.generator).log()
    noise = noise.to(trainer.device)
    return noise if trainer.task == "qa" else log_frequencies(trainer) + noise


def build(*, of: Literal["target", "source"]) -> Method:
    """Return the method; `of`: whose training examples are counted."""
    return counting(of, logits)
