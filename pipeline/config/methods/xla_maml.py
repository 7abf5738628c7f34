"""`xla_maml` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.xla_maml`)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.parts.maml import Episodic
from pipeline.config.values import Switch


class XlaMaml(Episodic):
    """XLA-MAML (Liu et al.): support and query of different languages, so that the inner steps cross a border."""

    words: ClassVar[str] = "XLA-MAML"
    method: Literal["xla_maml"] = Field(default="xla_maml", description="the method")
    parallel: Switch = Field(
        default=False, description="the support is the query's rows in the other language, found by their ids"
    )

    def built_in_training(self) -> Mapping[str, Any]:
        """The paper's (Section 4.2): Adam at 1e-5 with weight decay 0.01, linear schedule, 8 + 8 examples.

        The decay is taken as AdamW's, the usual one of such models; `training: {optimizer: adam}` adds it to the gradient.
        """
        return {
            "optimizer": "adamw",
            "learning_rate": 1e-5,
            "weight_decay": 0.01,
            "batch_size": 8,
            "warmup": 0.0,
            "schedule": "linear",
            "clip_norm": None,
        }
