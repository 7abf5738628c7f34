"""`majority` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.majority`)."""

from typing import Literal

from pydantic import Field

from pipeline.config.methods.parts.counting import Counted


class Majority(Counted):
    """Nothing is trained: the most frequent class of the training examples, or tag of their words, is always predicted."""

    method: Literal["majority"] = Field(default="majority", description="the method")
