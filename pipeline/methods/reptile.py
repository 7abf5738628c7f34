"""`reptile`: k steps on one language, then back most of the way (Nichol et al. 2018, Algorithm 1).

    θ̃ = θ after k inner steps of the run's own optimiser on batches of one language
    θ ← θ + ε (θ̃ − θ)

Starts from the source model; the auxiliaries take turns. First order by nature: no step is differentiated.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from pipeline.methods.contract import Draw, Method, Phase, Setting, Stream, Trainer
from pipeline.methods.parts.episodes import stretches


def build(
    *,
    split: Literal["dev", "train"],
    inner_steps: int,
    epsilon: float,
    iterations: int,
) -> Method:
    """Return the method.

    Args:
        split: the auxiliaries' split to train on.
        inner_steps: k.
        epsilon: ε.
        iterations: meta-iterations per auxiliary language, each of k inner steps.
    """

    def phases(setting: Setting) -> Sequence[Phase]:
        pools = setting.auxiliary_pools(split)
        streams = {f"language{i}": Stream((pool,), setting.batch_size, whole=True) for i, pool in enumerate(pools)}
        steps, times = stretches(iterations * len(pools))
        return [Phase("meta", streams, steps * inner_steps, times)]

    return Method(phases, lambda trainer, draw: reptile_step(trainer, draw, inner_steps, epsilon))


def reptile_step(trainer: Trainer, draw: Draw, inner_steps: int, epsilon: float) -> dict[str, Tensor]:
    """Make one inner step on the language whose turn it is; the last of k is followed by the interpolation."""
    iteration, inner = divmod(trainer.step_number, inner_steps)
    if inner == 0:
        trainer.memory["start"] = [p.detach().clone() for p in trainer.parameters()]
    loss = trainer.loss(draw(f"language{iteration % len(trainer.phase.streams)}"))
    trainer.optimise(loss)
    if inner == inner_steps - 1:
        pull_back(trainer.parameters(), trainer.memory.pop("start"), epsilon)
    return {"loss": loss.detach()}


@torch.no_grad()
def pull_back(parameters: Sequence[Tensor], start: Sequence[Tensor], epsilon: float) -> None:
    """Move parameters in place to start + ε (parameters − start)."""
    for parameter, origin in zip(parameters, start, strict=True):
        parameter.copy_(origin.to(parameter.device).lerp_(parameter, epsilon))
