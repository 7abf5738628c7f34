"""A dataset of loader `mlqa` in the config (its code: `pipeline.data.corpora.mlqa`)."""

from itertools import product
from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.datasets.downloaded import Downloaded


class Mlqa(Downloaded):
    """MLQA, extractive question answering in 7 languages, dev and test (Lewis et al. 2020).

    A language `de` is German context and question; `de.es` is a German context with a Spanish question.
    """

    task: ClassVar[str] = "qa"
    absent: ClassVar[dict[str, str]] = {
        "train": "MLQA has dev and test sets only; train on SQuAD as source_dataset, or on dev with few_shot"
    }
    known: ClassVar[tuple[str, ...]] = tuple(
        context if context == question else f"{context}.{question}"
        for context, question in product(("ar", "de", "en", "es", "hi", "vi", "zh"), repeat=2)
    )
    loader: Literal["mlqa"] = Field(description="the kind of dataset")
