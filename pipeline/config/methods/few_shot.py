"""`few_shot` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.few_shot`)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method, Split


class FewShot(Method):
    """The parent run, trained on with the target's dev data, by the papers' protocol: `epochs: 1`, `select: last`."""

    words: ClassVar[str] = "few-shot"
    has_parent: ClassVar[bool] = True
    streams: ClassVar[int] = 1
    method: Literal["few_shot"] = Field(default="few_shot", description="the method")
    split: Split = Field(
        default="dev",
        description="the target's split to train on: `dev` (at most `dev_size` sentences) or `train` (`target_size`)",
    )

    @property
    def target_split(self) -> Split | None:
        """As the config says."""
        return self.split

    def built_in_training(self) -> Mapping[str, Any]:
        """One epoch on the dev data, which then cannot choose it."""
        return {"epochs": 1, "select": "last"}
