"""The config's figures over experiments, as pydantic models; those of analyses come with the analyses."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.config_sections import Section
from pipeline.config_types import METRIC, Name


class GainsFigure(Section):
    """A heat map: what a method gains over a baseline, by auxiliary set (rows) and target (columns)."""

    kind: Literal["gains"] = Field(description="the kind of figure")
    experiment: Name = Field(description="a name under `experiments`", examples=["auxiliaries"])
    method: Name = Field(
        description="a method or variant of the experiment that learns from auxiliaries", examples=["xla_maml"]
    )
    baseline: Name = Field(default="zero_shot", description="the method of the experiment it is compared with")
    metric: str | None = Field(
        default=None,
        description="the score, by full name; `null`: the metric that chooses epochs in the experiment's task",
        json_schema_extra={"format": "metric", "pattern": METRIC},
        examples=["accuracy"],
    )


class RatesFigure(Section):
    """Soft layer selection's update rates λ: at the end, by layer, and over the episodes that learned them."""

    kind: Literal["rates"] = Field(description="the kind of figure")
    experiment: Name = Field(description="a name under `experiments`", examples=["layers"])
    method: Name = Field(
        description="a variant of `meta_optimizer` in it, with `meta_train`", examples=["meta_optimizer"]
    )


Figure = Annotated[GainsFigure | RatesFigure, Field(discriminator="kind")]
