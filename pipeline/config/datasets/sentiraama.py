"""A dataset of loader `sentiraama` in the config (its code: `pipeline.data.corpora.sentiraama`)."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.datasets.downloaded import Downloaded


class Sentiraama(Downloaded):
    """Sentiraama, Telugu product reviews (Gangula and Mamidi 2018), in MetaXL's split."""

    task: ClassVar[str] = "sentiment"
    known: ClassVar[tuple[str, ...]] = ("te",)
    nowhere: ClassVar[dict[str, str]] = dict.fromkeys(
        ("hub", "archive"), "Sentiraama is not published there; ask its authors, and put it into a folder"
    )
    loader: Literal["sentiraama"] = Field(description="the kind of dataset")
