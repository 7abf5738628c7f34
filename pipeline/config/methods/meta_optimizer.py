"""`meta_optimizer` in the config: hyper-parameters and their defaults.

The method itself is `pipeline.methods.meta_optimizer`.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.layer_rates import KEYS
from pipeline.config.methods.parts.auxiliary import Auxiliary
from pipeline.config.values import Count, Positive, Switch


class MetaOptimizer(Auxiliary):
    """Soft layer selection (Xu et al. 2021): training on with the auxiliaries, each layer at a rate learned for transfer."""

    words: ClassVar[str] = "meta-optimizer"
    method: Literal["meta_optimizer"] = Field(default="meta_optimizer", description="the method")
    meta_train: Switch = Field(
        default=True,
        description="learn the rates in a run of its own, from episodes with a held-out language; `no`: beside the training "
        "itself (the paper's ablation)",
    )
    shared: Switch = Field(default=False, description="one rate for all layers (the paper's ablation)")
    meta_lr: Positive = Field(default=0.05, description="learning rate of the rates' Adam")
    interval: Count = Field(default=15, description="steps L between two updates of the rates")
    episodes: Count = Field(default=10, description="episodes N of meta-training")
    episode_steps: Count = Field(default=450, description="steps of an episode")
    held_out_batches: Count = Field(
        default=16, description="batches of the held-out language that an update of the rates sees"
    )

    def hyper_parameters(self) -> dict[str, Any]:
        """What the fine-tuning itself depends on; what the rates depend on belongs to their run."""
        own = super().hyper_parameters()
        for key in ("episodes", "episode_steps", "held_out_batches"):
            del own[key]
        if self.meta_train:
            del own["meta_lr"], own["interval"]
        return own

    def rates_parameters(self) -> dict[str, Any] | None:
        """The hyper-parameters of the `layer_rates` run that learns the rates; `None` where there is none."""
        if not self.meta_train:
            return None
        return {"name": "layer_rates", **{key: getattr(self, key) for key in KEYS}}

    def built_in_training(self) -> Mapping[str, Any]:
        """The paper's Adam at 2e-5 (Section 3.1); it names no weight decay, schedule or clipping."""
        return {
            "optimizer": "adam",
            "learning_rate": 2e-5,
            "weight_decay": 0.0,
            "warmup": 0.0,
            "schedule": "constant",
            "clip_norm": None,
            "epochs": 2,
        }
