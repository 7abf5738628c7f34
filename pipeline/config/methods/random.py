"""`random` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.random`)."""

from typing import Literal

from pydantic import Field

from pipeline.config.methods.parts.counting import Counted


class Random(Counted):
    """Nothing is trained: classes, or tags of words, are drawn as often as the training examples have them; of `qa` any span."""

    method: Literal["random"] = Field(default="random", description="the method")
