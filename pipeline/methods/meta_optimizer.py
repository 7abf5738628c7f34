"""`meta_optimizer`: soft layer selection, fine-tuning at update rates learned for transfer (Xu et al. 2021).

The source model trains on with all auxiliaries together, each layer at λ times the optimiser's step, the embeddings fixed
(Section 3.1, step 2); λ comes from a `layer_rates` run and does not change. Without `meta_train`, the paper's ablation "no
cross-lingual meta-train", there is no such run: ϕ is learned here beside θ, from the next batch of the training data.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.methods.contract import Draw, Method, Phase, Setting, Trainer
from pipeline.methods.parts.supervised import one_phase
from pipeline.methods.parts.update_rates import copies, meta_update, own_rates, rate_log, rated_step, rates_of


def build(
    *,
    split: Literal["dev", "train"],
    meta_train: bool,
    shared: bool,
    meta_lr: float | None = None,
    interval: int | None = None,
) -> Method:
    """Return the method; arguments as in `pipeline.config.methods.meta_optimizer.MetaOptimizer`.

    `meta_lr` and `interval` are those of a ϕ that is learned here; with `meta_train` they belong to the run that learned it.

    Raises:
        UserError: ϕ is learned here, and one of the two is missing.
    """
    if not meta_train and (meta_lr is None or interval is None):
        raise UserError(
            "method meta_optimizer: hyper-parameters 'meta_lr' and 'interval' are needed without meta_train"
        )

    def phases(setting: Setting) -> Sequence[Phase]:
        return one_phase(setting, setting.auxiliary_pools(split), ())

    def step(trainer: Trainer, draw: Draw) -> dict[str, Tensor]:
        rates = rates_of(trainer)
        log = rate_log(rates)
        if not meta_train and trainer.step_number == 0:
            trainer.memory |= {"since": copies(trainer), "meta_loss": torch.zeros((), device=trainer.device)}
        loss = trainer.loss(draw("train"))
        moves_phi = interval is not None and not meta_train and (trainer.step_number + 1) % interval == 0
        if moves_phi:
            trainer.keep()
        rated_step(trainer, loss, rates)
        if moves_phi:
            meta_update(trainer, [draw("train")])
        if not meta_train:
            log["meta_loss"] = trainer.memory["meta_loss"]
        return {"loss": loss.detach(), **log}

    return Method(phases, step, lambda trainer: own_rates(trainer, shared, None if meta_train else meta_lr))
