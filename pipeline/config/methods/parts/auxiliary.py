"""What methods that learn from auxiliary languages have in common.

An auxiliary language has labelled examples and is not the target: X-MAML's and XLA-MAML's episodes, Reptile and soft layer
selection learn from it how to reach languages that have none. All start from the source model.
"""

from typing import ClassVar

from pydantic import Field

from pipeline.config.methods.contract import Method, Split

CHOICE = frozenset({"select", "select_metric", "patience"})
"""Training settings that say how dev data choose an epoch."""

UNCHOSEN = Method.training_keys - CHOICE
"""Training settings of methods that take the last epoch: no dev data choose one, as the papers have it."""


class Auxiliary(Method):
    """A method that learns from auxiliary languages, starting from the source model; one run is tested on all targets."""

    has_parent: ClassVar[bool] = True
    needs_auxiliaries: ClassVar[bool] = True
    training_keys: ClassVar[frozenset[str]] = UNCHOSEN

    split: Split = Field(
        default="dev",
        description="the split to train on, of auxiliaries (`auxiliary_size`) and, in few-shot, of the target",
    )

    @property
    def target_split(self) -> Split | None:
        """No target is seen."""
        return None

    @property
    def auxiliary_split(self) -> Split | None:
        """As the config says."""
        return self.split

    @property
    def on_all(self) -> bool:
        """One model for all targets."""
        return True
