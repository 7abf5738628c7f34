"""`joint_rtn`: joint training with RTNs on the source's path, φ trained by ordinary gradients (MetaXL, Section 4.4, "JT w/ RTN").

Each step descends one loss of L_s(θ, φ) and L_t(θ) in θ and φ. It shows what the RTN does without the meta-gradient.

`loss="mean"`   ½ (L_s + L_t), as `joint` does
`loss="sum"`    L_s + L_t, as the released code does here and in MetaXL, though its joint training takes the mean
`meta_lr=None`  φ is one more layer of θ: the run's optimiser moves both
`meta_lr=β`     φ moves by an optimiser of its own, as in `metaxl` and in the released code

The released code has no residual here, though its MetaXL has one, which alone may explain the collapse the paper reports
(Table 6): `residual=True` is the like-for-like control.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from pipeline.common.errors import UserError
from pipeline.methods.contract import Draw, Method, Trainer
from pipeline.methods.joint import balanced_losses, balanced_phases, logged
from pipeline.methods.parts.languages import language_indices
from pipeline.methods.parts.rtn import Design, SourcePath, Transformation, make_transformation, meta_settings


def descend(trainer: Trainer, loss: Tensor) -> None:
    """Make one step of θ's optimiser and one of φ's own, with the gradients at the same θ and φ."""
    theta, phi = trainer.parameters(), trainer.parameters("rtn")
    gradients = torch.autograd.grad(loss, [*theta, *phi], allow_unused=True)
    trainer.keep("rtn")
    trainer.apply(gradients[len(theta) :], "rtn")
    trainer.apply(gradients[: len(theta)])


def build(
    *,
    placement: Sequence[int | str],
    bottleneck: int | None,
    wide: bool,
    per_source: bool,
    residual: bool,
    gate: bool,
    detach: bool,
    loss: Literal["mean", "sum"],
    meta_lr: float | None,
    meta_optimizer: Literal["adam", "sgd"] | None,
    meta_weight_decay: float | None,
) -> Method:
    """Return the method; arguments as in `rtn.Design` and `pipeline.config.methods.joint_rtn.JointRtn`.

    Raises:
        UserError: φ has a learning rate of its own, and no optimiser or penalty is named.
    """
    design = Design(tuple(placement), bottleneck, wide, per_source, residual, gate, detach)
    if meta_lr is not None and (meta_optimizer is None or meta_weight_decay is None):
        raise UserError("method joint_rtn: 'meta_optimizer' and 'meta_weight_decay' are needed with meta_lr")

    def setup(trainer: Trainer) -> None:
        languages = language_indices(trainer, sources_only=True)
        phi = make_transformation(design, trainer.model, languages, False, trainer.generator, "joint_rtn")
        own = None
        if meta_lr is not None and meta_optimizer is not None and meta_weight_decay is not None:
            own = meta_settings(trainer.settings, meta_lr, meta_optimizer, meta_weight_decay)
        trainer.own("rtn", phi, own)

    def step(trainer: Trainer, draw: Draw) -> dict[str, Tensor]:
        transformation = trainer.modules["rtn"]
        assert isinstance(transformation, Transformation)
        source_loss, target_loss = balanced_losses(trainer, draw, SourcePath(trainer.model, transformation))
        total = source_loss + target_loss
        value = total if loss == "sum" else total / 2
        if meta_lr is None:
            trainer.optimise(value)
        else:
            descend(trainer, value)
        return logged(value, source_loss, target_loss)

    return Method(balanced_phases, step, setup)
