"""`layer_rates`: soft layer selection's meta-training, which learns the update rates λ (Xu et al. 2021, Algorithm 1).

A run of its own, whose ϕ every `meta_optimizer` run of these languages shares. In each episode one language of sources and
auxiliaries is held out, θ starts again from the encoder with a fresh head, and trains on the others by the rule of
`pipeline.methods.parts.update_rates`; every `interval` steps the loss on the held-out language moves ϕ by Adam.

Where the paper is silent: the held-out language is drawn evenly; a training batch is of all other languages together, each
example alike; an episode is `episode_steps` steps; L_test is the mean over `held_out_batches` batches, drawn anew (the paper's
figure says all of D_test, which may be all of MultiNLI), with dropout as in training. ϕ₀ ~ N(0, 0.01²).
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.methods.contract import Draw, Method, Phase, Setting, Stream, Trainer
from pipeline.methods.parts.update_rates import copies, meta_update, own_rates, rate_log, rated_step, rates_of
from pipeline.tasks.transfer import sent


def build(
    *,
    split: Literal["dev", "train"],
    shared: bool,
    meta_lr: float,
    interval: int,
    episodes: int,
    episode_steps: int,
    held_out_batches: int,
) -> Method:
    """Return the method; arguments as in `pipeline.config.methods.meta_optimizer.MetaOptimizer`."""

    def phases(setting: Setting) -> Sequence[Phase]:
        pools = (*setting.source_pools(), *setting.auxiliary_pools(split))
        languages = tuple(dict.fromkeys(pool.language for pool in pools))
        if len(languages) < 2:
            raise UserError(
                "method layer_rates: a language is held out of sources and auxiliaries; expected two or more"
            )
        streams: dict[str, Stream] = {}
        for number, language in enumerate(languages):  # a source may be an auxiliary too: no pool of it stays
            held_out = tuple(pool for pool in pools if pool.language == language)
            others = tuple(pool for pool in pools if pool.language != language)
            streams[f"train{number}"] = Stream(others, setting.batch_size)
            streams[f"held_out{number}"] = Stream(held_out, setting.batch_size)
        return [Phase("episodes", streams, episode_steps, episodes)]

    def step(trainer: Trainer, draw: Draw) -> dict[str, Tensor]:
        if trainer.step_number % episode_steps == 0:
            start_episode(trainer)
        held_out = trainer.memory["held_out"]
        rates = rates_of(trainer)
        loss = trainer.loss(draw(f"train{held_out}"))
        moves_phi = (trainer.step_number + 1) % interval == 0
        if moves_phi:
            trainer.keep()
        rated_step(trainer, loss, rates)
        if moves_phi:
            meta_update(trainer, [draw(f"held_out{held_out}") for _ in range(held_out_batches)])
        return {"loss": loss.detach(), "meta_loss": trainer.memory["meta_loss"], **rate_log(rates)}

    return Method(phases, step, lambda trainer: own_rates(trainer, shared, meta_lr), keeps=("rates",))


@torch.no_grad()
def start_episode(trainer: Trainer) -> None:
    """Hold a language out, and let θ start again: the encoder as it was, a fresh head, an optimiser that has seen nothing."""
    memory, model = trainer.memory, trainer.model
    trainer.keep()
    languages = len(trainer.phase.streams) // 2
    memory["held_out"] = int(torch.randint(languages, (), generator=trainer.generator))
    if "initial" not in memory:
        memory["initial"] = copies(trainer)
        memory["meta_loss"] = torch.zeros((), device=trainer.device)
    heads = {id(parameter) for name, parameter in model.named_parameters() if name.startswith("head.")}
    for parameter, initial in zip(trainer.parameters(), memory["initial"], strict=True):
        if id(parameter) in heads and parameter.ndim > 1:  # of the spread that the task gave it
            fresh = sent(torch.randn(parameter.shape, generator=trainer.generator), parameter.device)
            parameter.copy_(fresh * initial.float().std())
        else:
            parameter.copy_(initial)
    trainer.restart()
    memory["since"] = copies(trainer)
