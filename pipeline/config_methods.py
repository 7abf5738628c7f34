"""The config's training settings and methods, as pydantic models (see `pipeline.config_schema`)."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from pipeline.config_sections import Section
from pipeline.config_tuning import NOT_TUNABLE, read_grid
from pipeline.config_types import (
    Count,
    CountOrNull,
    Fraction,
    Number,
    OneOrMore,
    Placement,
    Positive,
    PositiveOrNull,
    Switch,
    SwitchOrNull,
    ZeroOrMore,
)

# ------------------------------------------------------------------------------------------------------------- training


class Training(Section):
    """How a model is trained."""

    optimizer: Literal["adamw", "adam", "sgd"] = Field(
        default="adamw",
        description="`adamw`: decoupled weight decay; `adam`, `sgd`: the penalty is added to the gradient",
    )
    learning_rate: Positive = Field(default=3e-5, description="peak learning rate")
    weight_decay: Number = Field(default=0.01, ge=0, description="weight decay")
    batch_size: Count = Field(default=16, description="examples per batch and stream")
    epochs: Count = Field(default=20, description="passes over the method's main stream (`joint`: the source)")
    warmup: Fraction = Field(default=0.1, description="fraction of the steps with rising learning rate")
    schedule: Literal["linear", "constant"] = Field(
        default="linear", description="after the warm-up: linear decay to zero, or constant"
    )
    clip_norm: PositiveOrNull = Field(default=1.0, description="largest gradient norm; `null`: no clipping")
    max_length: Count = Field(
        default=200, ge=8, description="longest input, in word pieces with the special tokens; longer ones are cut"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="`auto`: bfloat16 autocast on GPUs that have it, float32 elsewhere"
    )
    select: Literal["best", "last"] = Field(
        default="best", description="which epoch's model is kept: the best on dev data, or the last"
    )
    patience: CountOrNull = Field(
        default=None,
        description="stop after so many epochs without a better dev score; `null`: never; without effect where "
        "`select` is `last`",
    )


# -------------------------------------------------------------------------------------------------------------- methods


class Method(Section):
    """A way to train. The class attributes say what it needs."""

    needs_sources: ClassVar[bool] = True  # uses source languages
    has_parent: ClassVar[bool] = False  # starts from a `source_only` run's weights
    training_keys: ClassVar[frozenset[str]] = frozenset(Training.model_fields)  # the keys that change its result

    training: Training = Field(default=Training(), description="training settings of this method alone")
    tune: dict[str, OneOrMore[Any]] = Field(
        default={},
        description="a grid: values to try, by hyper-parameter or `training.<key>`; tables show the point chosen on dev",
        examples=[{"training.learning_rate": [3e-5, 1e-4]}],
    )
    tune_by: Literal["target", "mean"] = Field(
        default="target",
        description="what a point is chosen for: each `target`, or all targets of the same sources, by their `mean`",
    )

    @field_validator("tune")
    @classmethod
    def _read_tune(cls, grid: dict[str, list[Any]]) -> dict[str, list[Any]]:
        return read_grid(cls, grid)

    def hyper_parameters(self) -> dict[str, Any]:
        """The method's own settings, without `method`, `training` and the grid."""
        return self.model_dump(exclude=set(NOT_TUNABLE))

    def built_in_training(self) -> Mapping[str, Any]:
        """Training settings that belong to the method; they stand above `training` of the config and the experiment."""
        return {}

    def registered_name(self) -> str:
        """The name the method is registered by, which a variant's own name is not."""
        return str(self.model_dump(include={"method"})["method"])


class SourceOnly(Method):
    """Training on the sources; the epoch is chosen on their dev data.

    The parent of `fine_tune`, `zero_shot` and `few_shot`: trained where one of them needs it, not listed in experiments.
    """

    method: Literal["source_only"] = Field(default="source_only", description="the method")


class TargetOnly(Method):
    """Training on the target's examples alone."""

    needs_sources: ClassVar[bool] = False
    method: Literal["target_only"] = Field(default="target_only", description="the method")


class Joint(Method):
    """Training on source and target together (MetaXL's "JT", MGL's "Mix")."""

    method: Literal["joint"] = Field(default="joint", description="the method")
    batches: Literal["balanced", "concatenated"] = Field(
        default="balanced",
        description="`balanced`: each step averages the losses of one source batch and one equally large target batch; "
        "`concatenated`: both are shuffled into one stream",
    )


class FineTune(Method):
    """Training on the sources first (the parent run), then on the target."""

    has_parent: ClassVar[bool] = True
    method: Literal["fine_tune"] = Field(default="fine_tune", description="the method")


class ZeroShot(Method):
    """The parent run as it is: no target example is seen. Only `max_length`, `precision` and `batch_size` apply."""

    has_parent: ClassVar[bool] = True
    training_keys: ClassVar[frozenset[str]] = frozenset({"max_length", "precision", "batch_size"})
    method: Literal["zero_shot"] = Field(default="zero_shot", description="the method")


class FewShot(Method):
    """The parent run, trained on with the target's dev data, by the papers' protocol: `epochs: 1`, `select: last`."""

    has_parent: ClassVar[bool] = True
    method: Literal["few_shot"] = Field(default="few_shot", description="the method")
    split: Literal["dev", "train"] = Field(
        default="dev",
        description="the target's split to train on: `dev` (at most `dev_size` sentences) or `train` (`target_size`)",
    )

    def built_in_training(self) -> Mapping[str, Any]:
        """One epoch on the dev data, which then cannot choose it."""
        return {"epochs": 1, "select": "last"}


class Transforming(Method):
    """A method that transforms source representations by networks (RTNs) of its own; what it says of them."""

    placement: OneOrMore[Placement] = Field(
        default=["top"],
        description="layers after which an RTN stands: 0 (the embeddings) to the encoder's last, which `top` also names",
        examples=[[0, "top"]],
    )
    bottleneck: CountOrNull = Field(
        default=None, description="width r between an RTN's two layers; `null`: half the encoder's, as 384 of 768"
    )
    wide: Switch = Field(default=False, description="consent to a bottleneck as wide as the encoder or wider")
    per_source: Switch = Field(
        default=False, description="an RTN for each source language, instead of one that they share"
    )


RELEASED = {"residual": True, "gate": True, "detach": True, "combine": "losses", "meta_weight_decay": 5e-4}
PAPER = {"residual": False, "gate": False, "detach": False, "combine": "stack", "meta_weight_decay": 0.0}
"""What MetaXL's two variants set where the config does not."""


class MetaXL(Transforming):
    """MetaXL (Xia et al. 2021): source representations transformed so that steps on them help the target."""

    method: Literal["metaxl"] = Field(default="metaxl", description="the method")
    variant: Literal["released", "paper"] = Field(
        default="released",
        description="`released`: what the authors' code runs, half the target batch in the inner loss; `paper`: Algorithm 1, "
        "where the target moves the RTN alone (docs/metaxl.md). It sets what is `null` below",
    )
    residual: SwitchOrNull = Field(default=None, description="add an RTN's input to its output")
    gate: SwitchOrNull = Field(default=None, description="weigh an RTN's output by a sigmoid unit of its own")
    detach: SwitchOrNull = Field(default=None, description="no gradient through an RTN's input to the layers below")
    combine: Literal["stack", "losses"] | None = Field(
        default=None,
        description="several placements: `stack` all RTNs on one path, or a learned mixture of the `losses` with one RTN each",
    )
    meta_lr: Positive = Field(default=1e-6, description="peak learning rate β of the RTN")
    meta_optimizer: Literal["adam", "sgd"] = Field(default="adam", description="the RTN's optimiser")
    meta_weight_decay: Annotated[Number, Field(ge=0)] | None = Field(
        default=None, description="L2 penalty of the RTN's optimiser"
    )
    phi_frozen: Switch = Field(default=False, description="control: the RTN keeps its random start")
    phi_no_decay: Switch = Field(default=False, description="control: no L2 penalty on the RTN")
    back_off_epochs: ZeroOrMore = Field(
        default=0, description="further passes over source and target together, without RTN, afterwards (Section 4.6)"
    )
    way: Literal["auto", "fast", "lean"] = Field(
        default="auto",
        description="how the meta-gradient is computed, exact all the same: `fast`, or with little memory (`lean`); `auto`: "
        "`lean` where all RTNs are on top, else `fast`",
    )

    def hyper_parameters(self) -> dict[str, Any]:
        """The settings with the variant's own where the config says nothing."""
        own = super().hyper_parameters()
        built_in = RELEASED if self.variant == "released" else PAPER
        own |= {key: value for key, value in built_in.items() if own[key] is None}
        if self.phi_no_decay:
            own["meta_weight_decay"] = 0.0
        return own

    def built_in_training(self) -> Mapping[str, Any]:
        """The released code's Adam with L2 on everything and its clipping; the paper names neither."""
        return {"optimizer": "adam", "weight_decay": 5e-4, "clip_norm": 10.0} if self.variant == "released" else {}


class JointRtn(Transforming):
    """Joint training with an RTN on the source's path, trained by ordinary gradients ("JT w/ RTN", MetaXL Section 4.4)."""

    method: Literal["joint_rtn"] = Field(default="joint_rtn", description="the method")
    residual: Switch = Field(
        default=False, description="add an RTN's input to its output; not so in the released code, unlike its MetaXL"
    )
    gate: Switch = Field(default=False, description="weigh an RTN's output by a sigmoid unit of its own")
    detach: Switch = Field(default=False, description="no gradient through an RTN's input to the layers below")


AnyMethod = Annotated[
    SourceOnly | TargetOnly | Joint | FineTune | ZeroShot | FewShot | MetaXL | JointRtn, Field(discriminator="method")
]
METHODS: dict[str, type[Method]] = {
    "source_only": SourceOnly,
    "target_only": TargetOnly,
    "joint": Joint,
    "fine_tune": FineTune,
    "zero_shot": ZeroShot,
    "few_shot": FewShot,
    "metaxl": MetaXL,
    "joint_rtn": JointRtn,
}
"""Every registered method by name."""

PARENT = "source_only"
"""The method of parent runs: configurable, not listed in experiments."""
