"""A dataset of loader `multinli` in the config (its code: `pipeline.data.corpora.multinli`)."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.datasets.downloaded import Downloaded


class MultiNli(Downloaded):
    """MultiNLI, inference in English, the usual source of XNLI (Williams et al. 2018); dev is matched, test mismatched."""

    task: ClassVar[str] = "nli"
    known: ClassVar[tuple[str, ...]] = ("en",)
    loader: Literal["multinli"] = Field(description="the kind of dataset")
