"""The config's sections as pydantic models: the one source of its schema, defaults and documentation.

Every key is described here (datasets and encoders in `pipeline.config_sections`, training and methods in
`pipeline.config_methods`) and nowhere else; `python -m
pipeline.document` writes `config/schema.json`, `config/default.yaml` and `config/README.md` from it. What sections must agree
on is in `pipeline.config_rules`.
"""

from typing import Literal

from pydantic import Field

from pipeline.config_analyses import Analysis
from pipeline.config_datasets import Dataset
from pipeline.config_figures import Figure
from pipeline.config_methods import AnyMethod
from pipeline.config_sections import Encoder, Section
from pipeline.config_training import Training
from pipeline.config_types import (
    METRIC,
    DevSize,
    FilePath,
    Language,
    Name,
    OneOrMore,
    Seed,
    Several,
    Size,
    SourceSet,
    Switch,
)

# ---------------------------------------------------------------------------------------------- experiments and tables


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
    model_seeds: OneOrMore[Seed] = Field(
        default=[1], description="seeds of initialisation, order and dropout", examples=[[1, 2, 3]]
    )
    training: Training = Field(
        default=Training(), description="training settings of this experiment; keys left out come from `training`"
    )
    keep_model: Switch = Field(
        default=False,
        description="keep the weights of every run in its folder, `model/model.safetensors`, not only of runs that others "
        "start from; changes no run, but runs that have finished without are trained again",
    )


class Table(Section):
    """A view of runs' scores; no key of it is part of any run."""

    experiments: OneOrMore[Name] = Field(
        description="names under `experiments`, shown together", examples=[["few-shot"]]
    )
    metric: str | None = Field(
        default=None,
        description="what the cells show, by full name; `null`: the metric that chooses epochs in the experiments' task",
        json_schema_extra={"format": "metric", "pattern": METRIC},
        examples=["accuracy"],
    )
    baseline: Name | None = Field(
        default=None, description="the method others are tested against; `null`: no tests", examples=["target_only"]
    )
    title: str = Field(default="", description="the caption's first sentence", examples=["Few-shot NER"])
    methods: list[Name] = Field(
        default=[], description="rows, in this order; empty: all methods in the experiments' order"
    )
    labels: dict[Name, str] = Field(
        default={}, description="by method: the text of its row, instead of its name", examples=[{"joint": "JT"}]
    )
    columns: Literal["pair", "target", "average"] = Field(
        default="pair",
        description="a column for each source→target pair, or each target; `average`: only their mean over the targets",
    )
    average: Switch = Field(default=True, description="a last column with the mean over the others, per seed first")


class Settings(Section):
    """The whole config."""

    datasets: dict[Name, Dataset] = Field(default={}, description="corpora, by a name of your choice")
    encoders: dict[Name, Encoder] = Field(default={}, description="pretrained models, by a name of your choice")
    methods: dict[Name, AnyMethod] = Field(
        default={}, description="variants of methods, by a name of your choice; every method is there by its own name"
    )
    training: Training = Field(default=Training(), description="training settings of all runs")
    experiments: dict[Name, Experiment] = Field(default={}, description="grids of runs, by a name of your choice")
    tables: dict[Name, Table] = Field(default={}, description="tables over experiments, by file name")
    analyses: dict[Name, Analysis] = Field(
        default={}, description="representations before and after, and how far apart they are, by file name"
    )
    figures: dict[Name, Figure] = Field(default={}, description="figures over experiments, by file name")
    confirm: Switch = Field(
        default=False, description="`snakemake prune` deletes what it shows only with `confirm=yes`"
    )
    keep: Several[FilePath] = Field(
        default=[],
        description="other config files, each for itself: `prune` keeps what they name too",
        examples=[["config/examples/wikiann.yaml"]],
    )
