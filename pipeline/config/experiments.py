"""The config's section about experiments, as a pydantic model."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, TypeAdapter, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from pipeline.config.section import Section
from pipeline.config.training import Training
from pipeline.config.values import (
    DevSize,
    Language,
    Name,
    Number,
    OneOrMore,
    Seed,
    Several,
    Size,
    SourceSet,
    Switch,
    Whole,
)


class UntilDecided(Section):
    """Seeds 1, 2, 3, … of each cell, one more at a time, until the comparisons it stands in are decided (docs/seeds.md)."""

    start: Annotated[Whole, Field(ge=2)] = Field(default=3, description="how many seeds every cell begins with")
    until: Literal["decided"] = Field(description="when a cell gets no further seeds")
    at_most: Annotated[Whole, Field(le=100)] = Field(
        default=12, description="the last seed that is added; a comparison that is open then remains so"
    )
    margin: Annotated[Number, Field(gt=0, lt=100)] = Field(
        description="methods that differ by less are alike: points of a score ×100. One that is known to be within it of the "
        "other gets no further seeds",
        examples=[2.0],
    )
    alpha: Annotated[Number, Field(ge=0.001, le=0.2)] = Field(
        default=0.05,
        description="how often a comparison of equals is called separated, and one of methods that are the margin apart alike, "
        "over all looks at the growing seeds together",
    )

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.at_most < self.start:
            raise ValueError(
                f"at_most {self.at_most} is below start {self.start}; expected start ≤ at_most, e.g. start: {self.at_most}, "
                f"at_most: {max(12, self.start)}"
            )
        return self

    @property
    def seeds(self) -> list[int]:
        """Every seed there may be."""
        return list(range(1, self.at_most + 1))


_LIST: TypeAdapter[list[int]] = TypeAdapter(OneOrMore[Seed])


def read_seeds(given: Any, handler: ValidatorFunctionWrapHandler) -> list[int] | UntilDecided:
    """Read keys and values as a rule, everything else as a list: so errors are of the one that was meant."""
    del handler  # of the union, which would say what is wrong by both
    if isinstance(given, UntilDecided):
        return given
    return UntilDecided.model_validate(given) if isinstance(given, Mapping) else _LIST.validate_python(given)


ModelSeeds = Annotated[OneOrMore[Seed] | UntilDecided, WrapValidator(read_seeds)]


class Experiment(Section):
    """A grid of runs: every method × source set × target × size × seed."""

    dataset: Name = Field(description="a name under `datasets`", examples=["babel"])
    source_dataset: Name | None = Field(
        default=None,
        description="the dataset of the source languages, where it is another one of the same task and labels; `null`: "
        "`dataset`",
        examples=["multinli"],
    )
    encoder: Name = Field(description="a name under `encoders`", examples=["small"])
    methods: OneOrMore[Name] = Field(
        description="names of methods, or of variants under `methods`",
        examples=[["target_only", "joint"]],
    )
    sources: Several[SourceSet] = Field(
        default=[],
        description="source sets: each item is a language, or a list of languages that are used together",
        examples=[["en", ["en", "es"]]],
    )
    auxiliaries: Several[SourceSet] = Field(
        default=[],
        description="auxiliary sets, for methods that learn from auxiliary languages: each item is a language, or a list of "
        "languages that are used together",
        examples=[["hi", ["bg", "de"]]],
    )
    auxiliary_size: Size = Field(
        default=None,
        description="examples per auxiliary language: a number, a share below 1, or `all`; of dev data at most so many",
    )
    auxiliary_targets: Literal["refuse", "leave_out"] = Field(
        default="refuse",
        description="a target that is an auxiliary too: an error, or its cells are left out",
    )
    targets: OneOrMore[Language] = Field(description="target languages", examples=[["qu", "jv"]])
    source_size: OneOrMore[Size] = Field(
        default=[None],
        description="training examples per source language: a number, a share below 1, `all`, or a list of those (a grid)",
    )
    target_size: OneOrMore[Size] = Field(
        default=[None],
        description="training examples of the target: a number, a share below 1, `all`, or a list of those (a grid)",
    )
    dev_size: DevSize = Field(
        default=None,
        description="at most so many dev examples per language choose the epoch: a number or `all`; 0 needs `select: last`",
    )
    data_seeds: OneOrMore[Seed] = Field(
        default=[42],
        description="seeds that choose which examples; smaller sizes are subsets of larger ones",
    )
    model_seeds: ModelSeeds = Field(
        default=[1],
        description="seeds of initialisation, order and dropout; or a rule by which they are added until it is decided how "
        "methods compare (docs/seeds.md)",
        examples=[[1, 2, 3]],
    )
    training: Training = Field(
        default=Training(), description="training settings of this experiment; keys left out come from `training`"
    )
    keep_model: Switch = Field(
        default=False,
        description="keep the weights of every run in its folder, `model/model.safetensors`, not only of runs that others "
        "start from; changes no run, but runs that have finished without are trained again",
    )

    @property
    def until_decided(self) -> UntilDecided | None:
        """The rule by which model seeds are added, `None` where they are listed."""
        return self.model_seeds if isinstance(self.model_seeds, UntilDecided) else None

    @property
    def all_seeds(self) -> list[int]:
        """Every model seed that there is, or that may be added."""
        return self.model_seeds.seeds if isinstance(self.model_seeds, UntilDecided) else self.model_seeds

    @property
    def first_seeds(self) -> list[int]:
        """The model seeds that every cell has from the beginning."""
        rule = self.until_decided
        return self.all_seeds if rule is None else self.all_seeds[: rule.start]
