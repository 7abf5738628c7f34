"""`language_adversarial`: joint training against a language discriminator behind gradient reversal (Chen et al. 2018; ADAN).

D is the cross-entropy of a discriminator with parameters ω, which tells the language of a text from its mean hidden state. With
L = ½ (L_s + L_t) and D = ½ (D_s + D_t), a step is given the gradients

    encoder and head θ    ∇_θ L − λ_p ∇_θ D
    discriminator ω       ∇_ω D

so λ_p weighs what the reversal hands the encoder, and not the discriminator's own part: it learns at full strength from the first
step, as in Ganin et al. (2016), while the encoder does not yet heed it. No loss has both gradients: the one that is logged is L.
Chen et al. (2018) train the discriminator, a Wasserstein critic there, in steps of its own; here one step of one optimiser moves
both. λ_p rises from 0 to λ over the training, as in Ganin et al. (2016):

    λ_p = λ (2 / (1 + exp(−10 p)) − 1),   p the part of all steps that is done

With `target_labels: no`, L is L_s: of the target the texts alone are read, as in the paper. Batches are `joint`'s, balanced.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.encoders.architectures import head_dropout
from pipeline.meta.products import scaled
from pipeline.methods.contract import Batch, Draw, Method, Trainer
from pipeline.methods.joint import balanced_phases
from pipeline.methods.parts.languages import language_indices
from pipeline.tasks.model import hidden_states
from pipeline.tasks.transfer import sent

STEEPNESS = 10.0


class Reversal(torch.autograd.Function):
    """The identity, whose gradient is turned round and weighed."""

    @staticmethod
    def forward(context: Any, hidden: Tensor, weight: float) -> Tensor:
        """Return `hidden`."""
        context.weight = weight
        return hidden.view_as(hidden)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Return −weight times the gradient."""
        return -context.weight * gradients[0], None


class Discriminator(nn.Module):
    """Mean hidden states (B, d) → a logit for each language: one hidden ReLU layer of width d."""

    def __init__(self, width: int, languages: Sequence[int], dropout: float, generator: torch.Generator) -> None:
        super().__init__()
        self.hidden, self.out = nn.Linear(width, width), nn.Linear(width, len(languages))
        self.dropout = nn.Dropout(dropout)
        self.languages = tuple(languages)
        for layer in (self.hidden, self.out):
            nn.init.xavier_normal_(layer.weight, generator=generator)
            nn.init.zeros_(layer.bias)

    def forward(self, states: Tensor) -> Tensor:
        """Return the logits, in the order of `languages`."""
        logits: Tensor = self.out(self.dropout(functional.relu(self.hidden(states))))
        return logits


class Seen(nn.Module):
    """The model, and the hidden states (B, T, d) that its head has last read."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.hidden: Tensor | None = None

    def forward(self, batch: Batch) -> Tensor:
        """Return the logits of a batch."""
        self.hidden = hidden_states(self.model, batch)
        logits: Tensor = self.model.head(self.hidden)  # type: ignore[operator]
        return logits


def mean_state(hidden: Tensor, mask: Tensor) -> Tensor:
    """Return the mean over the sub-tokens that are no padding: (B, T, d), (B, T) → (B, d)."""
    weights = mask.to(hidden.dtype)[..., None]
    return (hidden * weights).sum(1) / weights.sum(1)


def strength(progress: float, most: float) -> float:
    """Return λ_p after the part `progress` of all steps."""
    return most * (2 / (1 + math.exp(-STEEPNESS * progress)) - 1)


def build(*, weight: float, target_labels: bool) -> Method:
    """Return the method.

    Args:
        weight: λ.
        target_labels: whether the target's labels are trained on.
    """

    def setup(trainer: Trainer) -> None:
        config = trainer.model.encoder.config  # type: ignore[union-attr]
        languages = language_indices(trainer)
        made = Discriminator(config.hidden_size, languages, head_dropout(config), trainer.generator)  # type: ignore[union-attr, arg-type]
        trainer.own("discriminator", made)

    def losses(trainer: Trainer, batch: Batch, reversed_by: float) -> tuple[Tensor, Tensor]:
        """Return the task's and the discriminator's loss of a batch, from one pass over each of its parts."""
        found = [
            (*trainer.recomputed(losses_of, trainer, part, reversed_by), share, len(part["row"]) / len(batch["row"]))
            for part, share in trainer.parts(batch)
        ]
        if len(found) == 1:
            return found[0][:2]
        told = [share * loss for _, loss, _, share in found]
        return torch.stack([scaled(loss, share) for loss, _, share, _ in found]).sum(), torch.stack(told).sum()

    def losses_of(trainer: Trainer, batch: Batch, reversed_by: float) -> tuple[Tensor, Tensor]:
        """Return both of a batch that goes through the model at once."""
        discriminator = trainer.modules["discriminator"]
        assert isinstance(discriminator, Discriminator)
        seen = Seen(trainer.model)
        task_loss = trainer.loss(batch, module=seen, whole=True)
        assert seen.hidden is not None
        with trainer.autocast():
            states = mean_state(seen.hidden, batch["attention_mask"])
            logits = discriminator(Reversal.apply(states, reversed_by))  # type: ignore[no-untyped-call]
        known = torch.tensor(discriminator.languages)
        wanted = sent((batch["language"][:, None] == known).int().argmax(1), logits.device)
        return task_loss, functional.cross_entropy(logits.float(), wanted)

    def step(trainer: Trainer, draw: Draw) -> dict[str, Tensor]:
        reversed_by = strength(trainer.step_number / trainer.total_steps, weight)
        source_loss, source_told = losses(trainer, draw("source"), reversed_by)
        target_loss, target_told = losses(trainer, draw("target"), reversed_by)
        loss = (source_loss + target_loss) / 2 if target_labels else source_loss
        told = (source_told + target_told) / 2
        trainer.optimise(loss + told)
        return {"loss": loss.detach(), "language_loss": told.detach(), "lambda": torch.tensor(reversed_by)}

    return Method(balanced_phases, step, setup)
