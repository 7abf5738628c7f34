"""`source_only` in the config: hyper-parameters and their defaults.

The method itself is `pipeline.methods.source_only`.
"""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method, Split
from pipeline.config.values import Switch


class SourceOnly(Method):
    """Training on the sources; the epoch is chosen on their dev data.

    The parent of methods that start from it, `zero_shot` first: trained where one needs it, not listed in experiments.
    """

    training_keys: ClassVar[frozenset[str]] = Method.training_keys - {"test_max_length"}  # it is not tested
    streams: ClassVar[int] = 1
    method: Literal["source_only"] = Field(default="source_only", description="the method")
    freeze_embeddings: Switch = Field(
        default=False, description="keep the embeddings as pretrained, as soft layer selection does throughout"
    )

    @property
    def target_split(self) -> Split | None:
        """No target is seen."""
        return None

    @property
    def chosen_on(self) -> Literal["target", "source"]:
        """The sources' dev data choose the epoch."""
        return "source"
