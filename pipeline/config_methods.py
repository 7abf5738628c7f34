"""The config's training settings and methods, as pydantic models (see `pipeline.config_schema`)."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from pipeline.config_sections import Section
from pipeline.config_tuning import NOT_TUNABLE, read_grid
from pipeline.config_types import Count, CountOrNull, Fraction, Number, OneOrMore, Positive, PositiveOrNull

# ------------------------------------------------------------------------------------------------------------- training


class Training(Section):
    """How a model is trained."""

    optimizer: Literal["adamw", "adam"] = Field(
        default="adamw", description="`adamw`: decoupled weight decay; `adam`: the penalty is added to the gradient"
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
    training_defaults: ClassVar[Mapping[str, Any]] = {}  # stand above `training` of the config and the experiment
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
    training_defaults: ClassVar[Mapping[str, Any]] = {"epochs": 1, "select": "last"}
    method: Literal["few_shot"] = Field(default="few_shot", description="the method")
    split: Literal["dev", "train"] = Field(
        default="dev",
        description="the target's split to train on: `dev` (at most `dev_size` sentences) or `train` (`target_size`)",
    )


AnyMethod = Annotated[SourceOnly | TargetOnly | Joint | FineTune | ZeroShot | FewShot, Field(discriminator="method")]
METHODS: dict[str, type[Method]] = {
    "source_only": SourceOnly,
    "target_only": TargetOnly,
    "joint": Joint,
    "fine_tune": FineTune,
    "zero_shot": ZeroShot,
    "few_shot": FewShot,
}
"""Every registered method by name."""

PARENT = "source_only"
"""The method of parent runs: configurable, not listed in experiments."""
