"""`freeze_layers` in the config: hyper-parameters and their defaults.

The method itself is `pipeline.methods.freeze_layers`.
"""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method, Split
from pipeline.config.values import ZeroOrMore


class FreezeLayers(Method):
    """Training on the sources with the embeddings and the bottom layers as pretrained (Wu and Dredze 2019)."""

    streams: ClassVar[int] = 1
    method: Literal["freeze_layers"] = Field(default="freeze_layers", description="the method")
    frozen_layers: ZeroOrMore = Field(
        default=0, description="how many of the encoder's layers are frozen beside the embeddings, from the bottom"
    )
    choose_on: Literal["source", "target"] = Field(
        default="source",
        description="whose dev data choose the epoch and the grid's point: the sources', so that no label of a target is "
        "seen, or each target's own, a run for each",
    )

    @property
    def target_split(self) -> Split | None:
        """No target is trained on."""
        return None

    @property
    def chosen_on(self) -> Literal["target", "source"]:
        """As the config says."""
        return self.choose_on

    @property
    def on_all(self) -> bool:
        """One model for all targets, unless each chooses its own."""
        return self.choose_on == "source"
