"""`joint_rtn` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.joint_rtn`)."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.metaxl import RELEASED_L2
from pipeline.config.methods.parts.rtn import Transforming
from pipeline.config.values import Number, PositiveOrNull, Switch

OF_META_LR = ("meta_optimizer", "meta_weight_decay")
"""What changes nothing where the RTN moves with the model."""


class JointRtn(Transforming):
    """Joint training with an RTN on the source's path, trained by ordinary gradients ("JT w/ RTN", MetaXL Section 4.4)."""

    words: ClassVar[str] = "joint + RTN"
    method: Literal["joint_rtn"] = Field(default="joint_rtn", description="the method")
    residual: Switch = Field(
        default=False, description="add an RTN's input to its output; not so in the released code, unlike its MetaXL"
    )
    gate: Switch = Field(default=False, description="weigh an RTN's output by a sigmoid unit of its own")
    detach: Switch = Field(default=False, description="no gradient through an RTN's input to the layers below")
    loss: Literal["mean", "sum"] = Field(
        default="mean",
        description="of a source and a target batch: their `mean`, as in `joint`, or their `sum`, as in the released code",
    )
    meta_lr: PositiveOrNull = Field(
        default=None,
        description="peak learning rate of an optimiser of the RTN's own, which clips nothing, as in the released code; "
        "`null`: it moves with the model, by the run's optimiser",
    )
    meta_optimizer: Literal["adam", "sgd"] = Field(
        default="adam", description="the RTN's optimiser where `meta_lr` is set"
    )
    meta_weight_decay: Number = Field(
        default=RELEASED_L2,
        ge=0,
        description="L2 penalty of the RTN's optimiser where `meta_lr` is set",
    )

    def hyper_parameters(self) -> dict[str, Any]:
        """The settings; of an optimiser that is not there, none."""
        own = super().hyper_parameters()
        return own if self.meta_lr is not None else own | dict.fromkeys(OF_META_LR)
