"""A dataset of loader `wikiann` in the config (its code: `pipeline.data.corpora.wikiann`)."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.datasets.downloaded import Downloaded


class WikiAnn(Downloaded):
    """WikiAnn named entities in 282 languages (Pan et al. 2017; splits of Rahimi et al. 2019)."""

    task: ClassVar[str] = "ner"
    loader: Literal["wikiann"] = Field(description="the kind of dataset")
