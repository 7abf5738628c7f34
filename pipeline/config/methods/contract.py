"""What the config says of every method, as a pydantic model, and what each says of itself to the grid."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from pipeline.config.section import Section
from pipeline.config.training import Training
from pipeline.config.tuning import NOT_TUNABLE, read_grid
from pipeline.config.values import OneOrMore

Split = Literal["train", "dev"]


class Method(Section):
    """A way to train. The class attributes say what it needs."""

    needs_sources: ClassVar[bool] = True  # uses source languages
    has_parent: ClassVar[bool] = False  # starts from a `source_only` run's weights
    needs_auxiliaries: ClassVar[bool] = False  # learns from auxiliary languages
    training_keys: ClassVar[frozenset[str]] = frozenset(Training.model_fields)  # the keys that change its result

    # By these three jobs ask for memory and time, so they are upper bounds.
    streams: ClassVar[int] = 2  # batches whose activations a step holds at once
    copies: ClassVar[float] = 0  # of the weights that a step holds, besides them, their gradients and moments
    passes: ClassVar[float] = 1  # forward and backward, as often as a batch makes them

    passes_again: ClassVar[bool] = True  # whether layers may be passed again for the gradient: losses are at θ alone

    words: ClassVar[str] = ""  # how tables write it; where empty, its name with blanks for underscores

    later: ClassVar[tuple[str, ...]] = ("label",)

    label: str | None = Field(
        default=None,
        description="the text of its row in tables; `null`: the method's usual name in words, of a variant its own name",
        examples=["MetaXL, tuned"],
    )
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
        """The method's own settings, without `method`, `label`, `training` and the grid."""
        return self.model_dump(exclude=set(NOT_TUNABLE))

    @property
    def uses_sources(self) -> bool:
        """Whether it uses source languages with these settings."""
        return self.needs_sources

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

    def held(self, batch_size: int, sources: int) -> int:
        """Examples whose activations a step holds at once, at most.

        Args:
            batch_size: of one stream.
            sources: how many source languages there are.
        """
        return self.streams * batch_size

    def built_in_training(self) -> Mapping[str, Any]:
        """Training settings that belong to the method; they stand above `training` of the config and the experiment."""
        return {}

    def registered_name(self) -> str:
        """The name the method is registered by, which a variant's own name is not."""
        return str(self.model_dump(include={"method"})["method"])
