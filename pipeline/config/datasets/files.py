"""A dataset of loader `files` in the config (its code: `pipeline.data.corpora.files`)."""

import codecs
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_serializer, field_validator

from pipeline.config.datasets.downloaded import DevFromTrain
from pipeline.config.section import Section
from pipeline.config.values import FileName, FilePath, Language, Seed, Share, Switch, read_null


def read_column(value: Any) -> Any:
    """Read a column's name, or its number, from 0, in a file without names.

    Raises:
        ValueError: a truth value or a fraction.
    """
    if isinstance(value, bool | float):
        raise ValueError(f"expected a column's name or number, got {value!r}; put it in quotes if it is a name")
    return str(value) if isinstance(value, int) else read_null(value)


def read_label(value: Any) -> Any:
    """Read a label or a class, also where YAML takes it for a number.

    Raises:
        ValueError: a truth value, or nothing.
    """
    if value is None or isinstance(value, bool):
        raise ValueError("YAML reads no, yes, on, off, true, false and null as such; put the label in quotes")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, int | float) else value


def check_encoding(value: str) -> str:
    """Check that Python knows an encoding.

    Raises:
        ValueError: it does not.
    """
    try:
        codecs.lookup(value)
    except LookupError:
        raise ValueError(
            f"unknown encoding {value!r}; expected one that Python knows, as utf-8, cp1251, latin-1"
        ) from None
    return value


_COLUMN = {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "null"}]}
_CLASS = {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]}

Column = Annotated[str | None, BeforeValidator(read_column), WithJsonSchema(_COLUMN)]
RawLabel = Annotated[str, BeforeValidator(read_label), WithJsonSchema({"type": "string"})]
Class = Annotated[
    str | None,
    BeforeValidator(lambda value: None if read_null(value) is None else read_label(value)),
    WithJsonSchema(_CLASS),
]


class FileColumns(Section):
    """Which column holds what, by name, or by number where there is no header; columns not named are called as the key."""

    id: Column = Field(default=None, description="a row's id; equal ids across languages mark parallel rows")
    language: Column = Field(
        default=None, description="a row's language, where one file holds several; other languages' rows are left out"
    )
    label: Column = Field(default=None, description="the class; `sentiment`, `nli`, `relevance`", examples=["stars"])
    text: Column = Field(default=None, description="`sentiment`: the text", examples=["body"])
    premise: Column = Field(default=None, description="`nli`: the premise")
    hypothesis: Column = Field(default=None, description="`nli`: the hypothesis")
    query: Column = Field(default=None, description="`relevance`: the search query")
    title: Column = Field(default=None, description="`relevance`: the product's title")
    question: Column = Field(default=None, description="`qa`: the question")
    context: Column = Field(default=None, description="`qa`: the text that holds the answer")
    answer: Column = Field(default=None, description="`qa`: the answer, or a list of them in JSONL and Parquet")
    start: Column = Field(
        default=None,
        description="`qa`: the answer's first character in the context, from 0, or a list of them; without, answers that "
        "stand there once are found",
    )
    tokens: Column = Field(
        default=None,
        description="`ner`: the words, a list of them or text with blanks between; in CoNLL files a number, from 0; "
        "`null` there: the first column",
    )
    tags: Column = Field(
        default=None, description="`ner`: their tags, as `tokens`; `null` in CoNLL files: the last column"
    )


class FileCut(Section):
    """Parts cut out of one file; the rest is train."""

    dev: Share = Field(default=0.1, description="share of the rows that becomes dev")
    test: Share = Field(default=0.2, description="share of the rows that becomes test")
    seed: Seed = Field(default=0, description="seed of the cut")
    stratify: Switch = Field(
        default=True, description="each class in its share; tasks without classes are cut at random"
    )


class Files(Section):
    """Your own data: CSV, TSV, JSONL, Parquet or CoNLL files in a folder."""

    loader: Literal["files"] = Field(description="the kind of dataset")
    task: Literal["ner", "sentiment", "nli", "qa", "relevance"] = Field(
        description="the task that the rows are for", examples=["sentiment"]
    )
    folder: FilePath = Field(
        description="path of the folder; changes no run: a file that changed is read again", examples=["data/mine"]
    )
    files: dict[Literal["train", "dev", "test", "all"], FileName] = Field(
        description="each split's file below the folder, or one file for `all`, which `cut` divides; `{language}` in it "
        "stands for the language's name in `languages`",
        examples=[{"train": "{language}/train.csv", "test": "{language}/test.csv"}],
    )
    languages: dict[Language, Annotated[str, Field(min_length=1)]] = Field(
        default={},
        description="by language: what `{language}` in `files`, or the column `language`, calls it; a language that is not "
        "listed is called by its code",
        examples=[{"jv": "javanese"}],
    )
    columns: FileColumns = Field(default=FileColumns(), description="which column holds what")
    header: Switch = Field(
        default=True, description="CSV and TSV begin with the columns' names; otherwise columns are numbered from 0"
    )
    encoding: Annotated[str, AfterValidator(check_encoding)] = Field(
        default="utf-8", description="how text files are encoded", examples=["cp1251"]
    )
    labels: dict[RawLabel, Class] = Field(
        default={},
        description="by label in the files: the class it means, or `null` to leave such rows out. Every label must be listed. "
        "Empty: the task's usual classes",
        examples=[{"1": "negative", "2": "negative", "3": None, "4": "positive", "5": "positive"}],
    )
    cut: FileCut = Field(default=FileCut(), description="with `files: {all: …}`: which parts become dev and test")
    dev: DevFromTrain | None = Field(
        default=None, description="cut the dev set from the training file; `null`: a file of its own"
    )
    remove_duplicates: Literal["none", "train"] = Field(
        default="none",
        description="`train`: drop training examples that also stand in dev or test; otherwise they are only reported",
    )
    licence: str = Field(default="", description="a note for readers of the config; changes no run")

    @field_validator("labels", mode="before")
    @classmethod
    def _each_once(cls, given: Any) -> Any:
        """Refuse spellings of one label that YAML takes for several keys (`1` and `"1"`): the last would win unseen."""
        spelled = [str(label).strip() for label in given] if isinstance(given, Mapping) else []
        for label in spelled:
            if spelled.count(label) > 1:
                raise ValueError(f"label {label!r} stands there twice")
        return given

    @field_serializer("labels")
    def _in_order(self, labels: dict[str, str | None]) -> list[list[str | None]]:
        """Keep the map's order, that of the classes, where keys are sorted."""
        return [[label, name] for label, name in labels.items()]
