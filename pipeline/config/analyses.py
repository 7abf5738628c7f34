"""The config's sections about analyses, of representations and of errors, as pydantic models (see `pipeline.config.schema`)."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from pipeline.config.section import Section
from pipeline.config.values import METRIC, Count, Language, Name, Seed, Several, read_whole


def read_layer(value: Any) -> int | str:
    """Read a layer's number, or `last`.

    Raises:
        ValueError: neither.
    """
    if value == "last":
        return "last"
    try:
        layer = read_whole(value)
    except ValueError:
        layer = None
    if not isinstance(layer, int) or layer < 0:
        raise ValueError(f"expected a layer's number, 0 (the embeddings) or more, or 'last'; got {value!r}")
    return layer


Layer = Annotated[
    int | str,
    PlainValidator(read_layer),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"const": "last"}]}),
]


class Analysis(Section):
    """Representations of source and target in two methods' models: distances, pictures, and what the scores did.

    Every run of both methods in the experiment keeps its model.
    """

    experiment: Name = Field(description="a name under `experiments`: whose runs", examples=["example"])
    before: Name = Field(description="a method or variant of the experiment", examples=["joint"])
    after: Name = Field(description="another one, compared with `before`", examples=["fine_tune"])
    split: Literal["test", "dev", "train"] = Field(
        default="test",
        description="the split whose sentences are represented, of source and target alike; `test`: what no model was "
        "trained or chosen on",
    )
    sentences: Count = Field(default=500, description="at most so many sentences per language")
    seed: Seed = Field(default=0, description="seed that chooses the sentences, the same ones in every run")
    layer: Layer = Field(
        default="last",
        description="the layer: `last`, or its number as in `output_hidden_states` (0: the embeddings)",
    )
    units: Literal["token", "sentence"] | None = Field(
        default=None,
        description="what a point stands for: `token`, a word by its first sub-token, or `sentence`, by its start token "
        "([CLS]); `null`: `token` for `ner`",
    )
    metric: str | None = Field(
        default=None,
        description="the score whose gain is set against the distances, by full name; `null`: the first of the task's",
        json_schema_extra={"format": "metric", "pattern": METRIC},
        examples=["accuracy"],
    )


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


UNITS = {"ner": "token"}
"""By task: what a point stands for where the config does not say; `sentence` in tasks that label whole sentences."""

_LONGEST_PAIR = 120  # characters, as runs' names are shortened: file systems allow 255 bytes


def figure_name(analysis: str, sources: Iterable[str], target: str) -> str:
    """Return the name of a pair's figure; many sources are counted instead of listed."""
    languages = list(sources)
    text = "+".join(languages)
    return f"{analysis}-{text if len(text) <= _LONGEST_PAIR else f'{len(languages)}_sources'}-{target}"


def scatter_name(analysis: str) -> str:
    """Return the name of the figure that sets gains against distances."""
    return f"{analysis}-correlation"
