"""The config's section about error analyses, as a pydantic model."""

from pydantic import Field

from pipeline.config.section import Section
from pipeline.config.values import Language, Name, Several


class ErrorAnalysis(Section):
    """What an experiment's models get wrong: kinds of errors, confusions, and scores by length, known words and frequency.

    Made of predictions that are there; no key of it is part of any run.
    """

    experiment: Name = Field(description="a name under `experiments`: whose predictions", examples=["example"])
    methods: Several[Name] = Field(
        default=[],
        description="its methods or variants, in this order; empty: all. Which training examples count as known depends on them",
        examples=[["joint", "fine_tune"]],
    )
    languages: Several[Language] = Field(
        default=[], description="its targets to look at, in this order; empty: all", examples=[["nearish"]]
    )
    title: str = Field(default="", description="the captions' first sentence", examples=["Errors in few-shot NER"])
    labels: dict[Name, str] = Field(
        default={}, description="by method: the text of its row, instead of its name", examples=[{"joint": "JT"}]
    )
