"""`auxiliary_tune` in the config: hyper-parameters and their defaults.

The method itself is `pipeline.methods.auxiliary_tune`.
"""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.parts.auxiliary import Auxiliary
from pipeline.config.values import Switch


class AuxiliaryTune(Auxiliary):
    """The source model trained on with the auxiliaries: what the meta-learning methods see, without meta-learning."""

    streams: ClassVar[int] = 1
    method: Literal["auxiliary_tune"] = Field(default="auxiliary_tune", description="the method")
    freeze_embeddings: Switch = Field(
        default=False, description="keep the embeddings as they are, as soft layer selection's baseline does"
    )
