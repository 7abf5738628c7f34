"""`weight_average` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.weight_average`)."""

from typing import Literal

from pydantic import Field

from pipeline.config.methods.parts.average import Average


class WeightAverage(Average):
    """One model whose weights, encoder and head, are the mean of those of several runs of another method."""

    method: Literal["weight_average"] = Field(default="weight_average", description="the method")
