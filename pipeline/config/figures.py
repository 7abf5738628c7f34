"""The config's figures over experiments, as pydantic models; those of analyses come with the analyses."""

from typing import Annotated, Any, Literal

from pydantic import Field

from pipeline.config.section import Section
from pipeline.config.values import METRIC, Count, Name, OneOrMore, Seed, Several

SCORE: Any = Field(
    default=None,
    description="the score, by full name; `null`: the first of the task's",
    json_schema_extra={"format": "metric", "pattern": METRIC},
    examples=["accuracy"],
)


class GainsFigure(Section):
    """A heat map: what a method gains over a baseline, by auxiliary set (rows) and target (columns)."""

    kind: Literal["gains"] = Field(description="the kind of figure")
    experiment: Name = Field(description="a name under `experiments`", examples=["auxiliaries"])
    method: Name = Field(
        description="a method or variant of the experiment that learns from auxiliaries", examples=["xla_maml"]
    )
    baseline: Name = Field(default="zero_shot", description="the method of the experiment it is compared with")
    metric: str | None = SCORE


class RatesFigure(Section):
    """Soft layer selection's update rates λ: at the end, by layer, and over the episodes that learned them."""

    kind: Literal["rates"] = Field(description="the kind of figure")
    experiment: Name = Field(description="a name under `experiments`", examples=["layers"])
    method: Name = Field(
        description="a variant of `meta_optimizer` in it, with `meta_train`", examples=["meta_optimizer"]
    )


class SizesFigure(Section):
    """Scores against the number or share of the target's training examples, or the source's, a line for each method."""

    kind: Literal["sizes"] = Field(description="the kind of figure")
    experiments: OneOrMore[Name] = Field(
        description="names under `experiments`, of the same sizes, several; their languages are averaged",
        examples=[["shares"]],
    )
    over: Literal["target_size", "source_size"] = Field(
        default="target_size", description="the key of the experiments that has several values: the horizontal axis"
    )
    methods: Several[Name] = Field(
        default=[],
        description="its methods or variants to draw, in this order; empty: all",
        examples=[["joint", "mgl"]],
    )
    metric: str | None = SCORE


class CurvesFigure(Section):
    """Learning curves: the dev score or the training loss after each epoch, a panel for each target, a line for each method."""

    kind: Literal["curves"] = Field(description="the kind of figure")
    experiment: Name = Field(description="a name under `experiments`", examples=["few-shot"])
    methods: Several[Name] = Field(
        default=[],
        description="its methods or variants to draw, in this order; empty: all that have such a curve",
        examples=[["joint", "metaxl"]],
    )
    show: Literal["dev", "loss"] = Field(
        default="dev", description="the score on dev data that chooses the epoch, or the `loss` that training logs"
    )


class ForestFigure(Section):
    """What methods gain over a table's baseline, with 95 % intervals, a row for each column of the table."""

    kind: Literal["forest"] = Field(description="the kind of figure")
    table: Name = Field(description="a name under `tables`, of a table with a `baseline`", examples=["few-shot"])
    methods: Several[Name] = Field(
        default=[],
        description="methods or variants of the table to draw; empty: all but the baseline",
        examples=[["joint", "metaxl"]],
    )
    interval: Literal["crossed", "seeds"] = Field(
        default="crossed", description="what the interval is over: seeds and test examples, or seeds alone"
    )


class TransferFigure(Section):
    """A heat map: a method's score, or its gain over a baseline, by source set (rows) and target (columns)."""

    kind: Literal["transfer"] = Field(description="the kind of figure")
    experiments: OneOrMore[Name] = Field(
        description="names under `experiments`, each source set and target in one of them", examples=[["few-shot"]]
    )
    method: Name = Field(description="a method or variant of all of them, with sources", examples=["joint"])
    baseline: Name | None = Field(
        default=None,
        description="the method of all of them that it is compared with; `null`: the scores themselves are shown",
    )
    metric: str | None = SCORE


class MetaGraphFigure(Section):
    """MGL's meta graph: how strongly classes and languages are linked, the mean over many small graphs."""

    kind: Literal["meta_graph"] = Field(description="the kind of figure")
    experiments: OneOrMore[Name] = Field(
        description="names under `experiments`; a panel for each source set and target", examples=[["graphs"]]
    )
    method: Name = Field(default="mgl", description="a variant of `mgl` in all of them")
    draws: Count = Field(default=100, description="graphs that the mean is over, by each seed's model")
    neighbours: Count = Field(default=2, description="edges K that each node keeps in them, the one to itself counted")
    seed: Seed = Field(
        default=0, description="seed of the draws: an instance of each class and language, of the training data"
    )


Figure = Annotated[
    GainsFigure | RatesFigure | SizesFigure | CurvesFigure | ForestFigure | TransferFigure | MetaGraphFigure,
    Field(discriminator="kind"),
]


def experiments_of(figure: Figure) -> list[str]:
    """Return the names of the experiments that a figure names; none of one that is made from a table."""
    if isinstance(figure, ForestFigure):
        return []
    if isinstance(figure, SizesFigure | TransferFigure | MetaGraphFigure):
        return list(figure.experiments)
    return [figure.experiment]
