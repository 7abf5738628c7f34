"""A dataset of loader `xnli` in the config (its code: `pipeline.data.corpora.xnli`)."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.datasets.downloaded import Downloaded


class Xnli(Downloaded):
    """XNLI, inference in 15 languages, dev and test of MultiNLI's kind, row-parallel (Conneau et al. 2018)."""

    task: ClassVar[str] = "nli"
    absent: ClassVar[dict[str, str]] = {
        "train": "XNLI has dev and test sets only; train on MultiNLI as source_dataset, or on dev with few_shot"
    }
    known: ClassVar[tuple[str, ...]] = (
        *("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"),
    )
    others: ClassVar[bool] = True
    loader: Literal["xnli"] = Field(description="the kind of dataset")
