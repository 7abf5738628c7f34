"""`joint_rtn` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.joint_rtn`)."""

from typing import Literal

from pydantic import Field

from pipeline.config.methods.parts.rtn import Transforming
from pipeline.config.values import Switch


class JointRtn(Transforming):
    """Joint training with an RTN on the source's path, trained by ordinary gradients ("JT w/ RTN", MetaXL Section 4.4)."""

    method: Literal["joint_rtn"] = Field(default="joint_rtn", description="the method")
    residual: Switch = Field(
        default=False, description="add an RTN's input to its output; not so in the released code, unlike its MetaXL"
    )
    gate: Switch = Field(default=False, description="weigh an RTN's output by a sigmoid unit of its own")
    detach: Switch = Field(default=False, description="no gradient through an RTN's input to the layers below")
