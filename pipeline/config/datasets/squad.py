"""A dataset of loader `squad` in the config (its code: `pipeline.data.corpora.squad`)."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.datasets.downloaded import Downloaded


class Squad(Downloaded):
    """SQuAD 1.1, extractive question answering in English, the usual source of MLQA (Rajpurkar et al. 2016)."""

    task: ClassVar[str] = "qa"
    absent: ClassVar[dict[str, str]] = {
        "test": "SQuAD's test set is not public; use SQuAD as source_dataset of MLQA, or say test: dev with dev: {from: train}"
    }
    known: ClassVar[tuple[str, ...]] = ("en",)
    nowhere: ClassVar[dict[str, str]] = {"archive": "SQuAD is two files, not an archive; put them into a folder"}
    loader: Literal["squad"] = Field(description="the kind of dataset")
    unanswerable: Literal["refuse", "drop"] = Field(
        default="refuse",
        description="questions without an answer, as in files of SQuAD 2.0: an error, or left out and counted",
    )
