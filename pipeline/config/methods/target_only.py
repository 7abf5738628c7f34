"""`target_only` in the config: hyper-parameters and their defaults.

The method itself is `pipeline.methods.target_only`.
"""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method


class TargetOnly(Method):
    """Training on the target's examples alone."""

    needs_sources: ClassVar[bool] = False
    streams: ClassVar[int] = 1
    method: Literal["target_only"] = Field(default="target_only", description="the method")
