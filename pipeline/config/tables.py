"""The config's section about tables, as a pydantic model."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.section import Section
from pipeline.config.values import METRIC, Name, OneOrMore, Switch


class Table(Section):
    """A view of runs' scores; no key of it is part of any run."""

    later: ClassVar[tuple[str, ...]] = ("statistics",)

    experiments: OneOrMore[Name] = Field(
        description="names under `experiments`, shown together", examples=[["few-shot"]]
    )
    metric: str | None = Field(
        default=None,
        description="what the cells show, by full name; `null`: the first of the task's",
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
        default={}, description="by method: the text of its row, instead of its `label`", examples=[{"joint": "JT"}]
    )
    columns: Literal["pair", "target", "average", "dataset", "dataset_average"] = Field(
        default="pair",
        description="a column for each source→target pair, or each target; `average`: only their mean over the targets; "
        "`dataset`: one for each dataset of each target, and the target's mean over them; `dataset_average`: only these means",
    )
    style: Literal["paper", "full"] = Field(
        default="full",
        description="`paper`: scores with standard deviation and marks, and what the marks mean; `full`: differences from the "
        "baseline, and all notes, too. The CSV always has everything",
    )
    average: Switch = Field(default=True, description="a last column with the mean over the others, per seed first")
    statistics: Literal["brief", "full"] = Field(
        default="brief",
        description="`brief`: under the table which methods are tied with the best, and the smallest difference that could be "
        "seen; `full`: also small tables of ranks, of tests over target languages (five or more), of what the scores vary by",
    )

    @property
    def by_dataset(self) -> bool:
        """Whether there is a cell for each dataset of a target."""
        return self.columns in ("dataset", "dataset_average")
