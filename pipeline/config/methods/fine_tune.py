"""`fine_tune` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.fine_tune`)."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method


class FineTune(Method):
    """Training on the sources first (the parent run), then on the target."""

    words: ClassVar[str] = "fine-tune"
    has_parent: ClassVar[bool] = True
    streams: ClassVar[int] = 1
    method: Literal["fine_tune"] = Field(default="fine_tune", description="the method")
