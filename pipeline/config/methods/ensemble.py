"""`ensemble` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.ensemble`)."""

from typing import Literal

from pydantic import Field

from pipeline.config.methods.parts.average import Average


class Ensemble(Average):
    """The label that is most probable by the mean of the probabilities which several runs of another method stored."""

    method: Literal["ensemble"] = Field(default="ensemble", description="the method")
