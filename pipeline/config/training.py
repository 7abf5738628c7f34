"""The config's training settings and what every method has, as pydantic models (see `pipeline.config_schema`)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from pipeline.config_sections import Section
from pipeline.config_tuning import NOT_TUNABLE, read_grid
from pipeline.config_types import Count, CountOrNull, Fraction, Number, OneOrMore, Positive, PositiveOrNull

Split = Literal["train", "dev"]

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
    needs_auxiliaries: ClassVar[bool] = False  # learns from auxiliary languages
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

    @property
    def target_split(self) -> Split | None:
        """The split of the target that it trains on, `None` where it sees no label of the target in training."""
        return "train"

    @property
    def sized(self) -> bool:
        """Whether `target_size` changes it: it trains on the target's training split."""
        return self.target_split == "train"

    @property
    def auxiliary_split(self) -> Split | None:
        """The split of the auxiliary languages that it trains on."""
        return None

    @property
    def chosen_on(self) -> Literal["target", "source"]:
        """Whose dev data choose the epoch, where one is chosen."""
        return "target"

    @property
    def on_all(self) -> bool:
        """Whether one run is tested on all targets; otherwise each target has a run of its own."""
        return False

    def built_in_training(self) -> Mapping[str, Any]:
        """Training settings that belong to the method; they stand above `training` of the config and the experiment."""
        return {}

    def registered_name(self) -> str:
        """The name the method is registered by, which a variant's own name is not."""
        return str(self.model_dump(include={"method"})["method"])
