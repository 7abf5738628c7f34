"""A dataset of loader `marc` in the config (its code: `pipeline.data.corpora.marc`)."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.datasets.downloaded import Downloaded
from pipeline.config.values import Switch


class Marc(Downloaded):
    """MARC, product reviews in 6 languages (Keung et al. 2020); withdrawn by its publisher, so a copy is needed."""

    task: ClassVar[str] = "sentiment"
    known: ClassVar[tuple[str, ...]] = ("de", "en", "es", "fr", "ja", "zh")
    others: ClassVar[bool] = True
    nowhere: ClassVar[dict[str, str]] = {
        "archive": "the publisher withdrew MARC in 2023; use a copy on the hub, or your own in a folder"
    }
    loader: Literal["marc"] = Field(description="the kind of dataset")
    title: Switch = Field(
        default=False, description="put the review's title before its text; copies without titles are then refused"
    )
