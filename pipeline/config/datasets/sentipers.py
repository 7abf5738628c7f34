"""A dataset of loader `sentipers` in the config (its code: `pipeline.data.corpora.sentipers`)."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.datasets.downloaded import Downloaded


class SentiPers(Downloaded):
    """SentiPers, Persian product reviews by sentence (Hosseini et al. 2018), as MetaXL uses it."""

    task: ClassVar[str] = "sentiment"
    known: ClassVar[tuple[str, ...]] = ("fa",)
    nowhere: ClassVar[dict[str, str]] = dict.fromkeys(
        ("hub", "archive"), "SentiPers is not published there; ask its authors, and put it into a folder"
    )
    loader: Literal["sentipers"] = Field(description="the kind of dataset")
    split: Literal["published", "clean"] = Field(
        default="published",
        description="`published`: MetaXL's rows, from `data_index.txt`; `clean`: the same without training rows that also "
        "stand in dev or test, and dev rows that stand in test",
    )
