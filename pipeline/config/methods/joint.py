"""`joint` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.joint`)."""

from typing import Literal

from pydantic import Field

from pipeline.config.methods.contract import Method


class Joint(Method):
    """Training on source and target together (MetaXL's "JT", MGL's "Mix")."""

    method: Literal["joint"] = Field(default="joint", description="the method")
    batches: Literal["balanced", "concatenated"] = Field(
        default="balanced",
        description="`balanced`: each step averages the losses of one source batch and one equally large target batch; "
        "`concatenated`: both are shuffled into one stream",
    )
