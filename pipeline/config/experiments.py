"""The config's section about experiments, as a pydantic model."""

from typing import Literal

from pydantic import Field

from pipeline.config.model_seeds import ModelSeeds, UntilDecided
from pipeline.config.section import Section
from pipeline.config.training import Training
from pipeline.config.values import DevSize, Language, Name, OneOrMore, Seed, Several, Size, SourceSet, Switch


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
