"""`meta_optimizer`: soft layer selection, fine-tuning at update rates learned for transfer (Xu et al. 2021).

The source model trains on with all auxiliaries together, each layer at λ times the optimiser's step, the embeddings fixed
(Section 3.1, step 2); λ comes from a `layer_rates` run and does not change. Without `meta_train`, the paper's ablation "no
cross-lingual meta-train", there is no such run: ϕ is learned here beside θ, from the next batch of the training data.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from pipeline.methods.contract import Draw, Method, OptimizerSettings, Phase, Setting, Trainer
from pipeline.methods.parts.freezing import depth_of, freeze
from pipeline.methods.parts.supervised import one_phase
from pipeline.methods.parts.update_rates import (
    UpdateRates,
    copies,
    meta_update,
    rate_log,
    rated_step,
    rates_of,
)


def build(
    split: Literal["dev", "train"] = "dev",
    meta_train: bool = True,
    shared: bool = False,
    meta_lr: float = 0.05,
    interval: int = 15,
) -> Method:
    """Return the method; arguments as in `pipeline.config.methods.meta_optimizer.MetaOptimizer`."""

    def phases(setting: Setting) -> Sequence[Phase]:
        return one_phase(setting, setting.auxiliary_pools(split), ())

    def setup(trainer: Trainer) -> None:
        freeze(trainer, 0)
        rates = UpdateRates(depth_of(trainer.model) + 1, shared, trainer.generator)
        if meta_train:
            rates.load_state_dict({"phi": trainer.inherited["rates.phi"]})
            rates.requires_grad_(False)
        settings = OptimizerSettings(meta_lr, kind="adam", schedule="constant")
        trainer.own("rates", rates, None if meta_train else settings)

    def step(trainer: Trainer, draw: Draw) -> dict[str, Tensor]:
        rates = rates_of(trainer)
        log = rate_log(rates)
        if not meta_train and trainer.step_number == 0:
            trainer.memory |= {"since": copies(trainer), "meta_loss": torch.zeros((), device=trainer.device)}
        loss = trainer.loss(draw("train"))
        rated_step(trainer, loss, rates)
        if not meta_train:
            if (trainer.step_number + 1) % interval == 0:
                meta_update(trainer, [draw("train")])
            log["meta_loss"] = trainer.memory["meta_loss"]
        return {"loss": loss.detach(), **log}

    return Method(phases, step, setup)
