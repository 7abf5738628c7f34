"""The config's methods that learn from auxiliary languages, as pydantic models (see `pipeline.config_schema`).

An auxiliary language has labelled examples and is not the target: X-MAML's and XLA-MAML's episodes, Reptile and soft layer
selection learn from it how to reach languages that have none. All start from the source model.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from pipeline.config_training import Method, Split, Training
from pipeline.config_types import Count, Language, OneOrMore, Positive, PositiveOrNull, Share, Switch, ZeroOrMore
from pipeline.methods.sides import ROLES

EVERY_KEY = frozenset(Training.model_fields)
UNCHOSEN = EVERY_KEY - {"select", "patience"}
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


class AuxiliaryTune(Auxiliary):
    """The source model trained on with the auxiliaries: what the meta-learning methods see, without meta-learning."""

    method: Literal["auxiliary_tune"] = Field(default="auxiliary_tune", description="the method")
    freeze_embeddings: Switch = Field(
        default=False, description="keep the embeddings as they are, as soft layer selection's baseline does"
    )


class Episodic(Auxiliary):
    """X-MAML and XLA-MAML: what they share."""

    training_keys: ClassVar[frozenset[str]] = UNCHOSEN - {"epochs"}

    setting: Literal["zero_shot", "few_shot"] = Field(
        default="zero_shot",
        description="`zero_shot`: one model, tested on all targets; `few_shot`: a model for each target, at last fine-tuned on "
        "its `split`",
    )
    support: OneOrMore[Language] | None = Field(
        default=None,
        description="languages of the inner steps: `source` (the sources, in their own dataset), `auxiliary`, `target`, or "
        "languages of the experiment's dataset; `null`: as in the paper",
        examples=[["source"]],
    )
    query: OneOrMore[Language] | None = Field(
        default=None, description="languages of the meta step, likewise", examples=[["auxiliary"]]
    )
    sampling: Literal["covering", "random"] = Field(
        default="covering", description="`covering`: all examples, pass after pass; `random`: each batch drawn afresh"
    )
    inner_lr: Positive = Field(default=1e-5, description="learning rate α of the inner SGD steps")
    inner_steps: Count = Field(default=1, description="inner steps, all on the episode's support")
    first_order: Switch = Field(default=False, description="leave out the second derivatives (FOMAML)")
    iterations: Count = Field(default=500, description="meta-iterations for each language of the query side")
    fine_tune_epochs: ZeroOrMore = Field(default=1, description="few-shot: passes over the target's examples at last")
    fine_tune_lr: PositiveOrNull = Field(
        default=None, description="peak learning rate of that; `null`: the one of the meta step"
    )
    way: Literal["auto", "fast", "lean"] = Field(
        default="auto",
        description="how the exact meta-gradient is computed: `fast`, or with little memory (`lean`); `auto`: `fast` for one "
        "inner step while it fits the GPU, else `lean`",
    )

    @property
    def target_split(self) -> Split | None:
        """In few-shot the target's examples are trained on."""
        return self.split if self.setting == "few_shot" else None

    @property
    def on_all(self) -> bool:
        """One model for all targets in zero-shot."""
        return self.setting == "zero_shot"


class XMaml(Episodic):
    """X-MAML (Nooralahzadeh et al. 2020): support and query of one auxiliary language, through the inner steps."""

    method: Literal["x_maml"] = Field(default="x_maml", description="the method")
    inner_lr: Positive = Field(default=1e-4, description="learning rate α of the inner SGD steps")

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


class XlaMaml(Episodic):
    """XLA-MAML (Liu et al.): support and query of different languages, so that the inner steps cross a border."""

    method: Literal["xla_maml"] = Field(default="xla_maml", description="the method")
    parallel: Switch = Field(
        default=False, description="the support is the query's rows in the other language, found by their ids"
    )

    def built_in_training(self) -> Mapping[str, Any]:
        """The paper's (Section 4.2): Adam at 1e-5 with weight decay 0.01, linear schedule, 8 + 8 examples."""
        return {
            "optimizer": "adamw",
            "learning_rate": 1e-5,
            "weight_decay": 0.01,
            "batch_size": 8,
            "warmup": 0.0,
            "schedule": "linear",
            "clip_norm": None,
        }


class Reptile(Auxiliary):
    """Reptile (Nichol et al. 2018): some steps on one auxiliary language, then back most of the way."""

    training_keys: ClassVar[frozenset[str]] = UNCHOSEN - {"epochs"}
    method: Literal["reptile"] = Field(default="reptile", description="the method")
    inner_steps: Count = Field(default=5, description="steps k on one language, by the run's own optimiser")
    epsilon: Share = Field(default=0.1, gt=0, description="the part ε of the way that is kept")
    iterations: Count = Field(default=500, description="meta-iterations for each auxiliary language")


class MetaOptimizer(Auxiliary):
    """Soft layer selection (Xu et al. 2021): training on with the auxiliaries, each layer at a rate learned for transfer."""

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
        keys = ("split", "shared", "meta_lr", "interval", "episodes", "episode_steps", "held_out_batches")
        return {"name": "layer_rates", **{key: getattr(self, key) for key in keys}}

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


RATES_KEYS = UNCHOSEN - {"epochs"}
"""Training settings of a `layer_rates` run."""


def named_languages(method: Method) -> set[str]:
    """Return the languages that a method itself names, for a side of its episodes."""
    if not isinstance(method, Episodic):
        return set()
    return {word for side in (method.support, method.query) for word in side or ()} - set(ROLES)
