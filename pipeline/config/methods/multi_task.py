"""`multi_task` in the config: hyper-parameters and their defaults.

The method itself is `pipeline.methods.multi_task`.
"""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method


class MultiTask(Method):
    """Training on source and target together, with a head for each language; the target's is used (MGL's "Multi-task")."""

    words: ClassVar[str] = "multi-task"
    method: Literal["multi_task"] = Field(default="multi_task", description="the method")
    batches: Literal["balanced", "concatenated"] = Field(default="balanced", description="as in `joint`")
