"""`x_maml` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.x_maml`)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.parts.maml import Episodic
from pipeline.config.values import Positive


class XMaml(Episodic):
    """X-MAML (Nooralahzadeh et al. 2020): support and query of one auxiliary language, through the inner steps."""

    words: ClassVar[str] = "X-MAML"
    method: Literal["x_maml"] = Field(default="x_maml", description="the method")
    inner_lr: Positive = Field(default=1e-4, description="learning rate α of the inner SGD steps")
    meta_batch: Literal["one", "all"] = Field(
        default="all",
        description="episodes in a meta step where there are several auxiliaries: one of `all`, their gradients summed, as the "
        "released code does, or `one`, the auxiliaries taking turns; without effect where there is one kind of "
        "episode, as with one auxiliary",
    )

    def built_in_training(self) -> Mapping[str, Any]:
        """The released code's: Adam at 1e-5, 16 + 16 examples, no schedule, no clipping, no weight decay."""
        return {
            "optimizer": "adam",
            "learning_rate": 1e-5,
            "weight_decay": 0.0,
            "batch_size": 16,
            "warmup": 0.0,
            "schedule": "constant",
            "clip_norm": None,
        }
