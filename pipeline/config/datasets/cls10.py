"""A dataset of loader `cls10` in the config (its code: `pipeline.data.corpora.cls10`)."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.datasets.downloaded import DevFromTrain, Downloaded
from pipeline.config.values import Count


class Cls10(Downloaded):
    """CLS-10, Amazon reviews in 4 languages and 3 domains (Prettenhofer and Stein 2010); dev is cut from train."""

    task: ClassVar[str] = "sentiment"
    absent: ClassVar[dict[str, str]] = {"dev": "CLS-10 has no dev set of its own; cut one with dev: {from: train}"}
    known: ClassVar[tuple[str, ...]] = ("de", "en", "fr", "ja")
    others: ClassVar[bool] = True
    nowhere: ClassVar[dict[str, str]] = dict.fromkeys(
        ("hub", "archive"), "CLS-10 is not published there; request it from its page, and put it into a folder"
    )
    loader: Literal["cls10"] = Field(description="the kind of dataset")
    domain: Literal["books", "dvd", "music"] = Field(description="the kind of products reviewed", examples=["books"])
    dev: DevFromTrain | None = Field(
        default=DevFromTrain.model_validate({"from": "train"}),
        description="how dev is cut from the training split, which has none of its own: 1,600 / 400 of 2,000",
    )
    unlabelled: Count | None = Field(
        default=None,
        description="unlabelled reviews that join the raw text for pretraining; `null`: none",
        examples=[5000],
    )
