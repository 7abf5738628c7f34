"""`checkpoint_average` in the config: hyper-parameters and their defaults.

The method itself is `pipeline.methods.checkpoint_average`.
"""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method, Split
from pipeline.config.methods.parts.auxiliary import UNCHOSEN


class CheckpointAverage(Method):
    """Training on the sources, the weights averaged over all epochs (Schmidt et al. 2023); no dev data are used."""

    training_keys: ClassVar[frozenset[str]] = UNCHOSEN
    method: Literal["checkpoint_average"] = Field(default="checkpoint_average", description="the method")

    @property
    def target_split(self) -> Split | None:
        """No target is seen."""
        return None

    @property
    def on_all(self) -> bool:
        """One model for all targets."""
        return True
