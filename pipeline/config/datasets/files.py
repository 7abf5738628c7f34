"""A dataset of loader `files` in the config (its code: `pipeline.data.corpora.files`)."""

import codecs
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    WithJsonSchema,
    field_serializer,
    field_validator,
)

from pipeline.common.names import twice
from pipeline.config.datasets.downloaded import NORMALISE, Archive, DevFromTrain, Form, Hub
from pipeline.config.section import Section
from pipeline.config.values import FilePath, Language, Seed, Share, Switch, TextOrNull, read_null
from pipeline.data.formats.delimited import DELIMITERS


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
        ValueError: a truth value, a date, or nothing.
    """
    if value is None:
        raise ValueError('null is no label; put it in quotes, or write "" for rows without a label')
    if isinstance(value, bool):
        raise ValueError("YAML reads no, yes, on, off, true, false and null as such; put the label in quotes")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, date):
        raise ValueError(f"YAML reads {value} as a date; put the label in quotes")
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


def read_delimiter(value: Any) -> str:
    """Read a character that separates cells, its name, or `auto`.

    Raises:
        ValueError: it is none, or could not be told from text.
    """
    value = {**DELIMITERS, "\\t": "\t"}.get(str(value), value)
    if value == "auto" or (isinstance(value, str) and len(value) == 1 and value not in '"\r\n' and not value.isalnum()):
        return str(value)
    raise ValueError(f'expected auto, tab, or one character in quotes, as ";"; got {value!r}')


def read_paths(value: Any) -> str | list[str]:
    """Read a path, or several.

    Raises:
        ValueError: neither, or an empty one.
    """
    paths = value if isinstance(value, list) else [value]
    if not paths or not all(isinstance(path, str) and path for path in paths):
        raise ValueError(f"expected a path, or a list of paths, got {value!r}")
    return value  # type: ignore[no-any-return]


_PATH = {"type": "string", "format": "path", "minLength": 1}
_PATHS = {"anyOf": [_PATH, {"type": "array", "items": _PATH, "minItems": 1}]}
_COLUMN = {"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "null"}]}
_CLASS = {"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "null"}]}

Column = Annotated[str | None, BeforeValidator(read_column), WithJsonSchema(_COLUMN)]
Delimiter = Annotated[str, PlainValidator(read_delimiter), WithJsonSchema({"type": "string"})]
FileNames = Annotated[str | list[str], PlainValidator(read_paths), WithJsonSchema(_PATHS)]
RawLabel = Annotated[str, BeforeValidator(read_label), WithJsonSchema({"type": "string"})]
Class = Annotated[
    str | None,
    BeforeValidator(lambda value: None if read_null(value) is None else read_label(value)),
    WithJsonSchema(_CLASS),
]


class FileColumns(Section):
    """Which column holds what, by name, or by number where there is no header; columns not named are called as the key."""

    later: ClassVar[tuple[str, ...]] = ("sentence", "group")

    id: Column = Field(default=None, description="a row's id; equal ids across languages mark parallel rows")
    group: Column = Field(
        default=None,
        description="what a row belongs to, as a document: rows with one value stay in one part of every cut; `null`: rows that "
        "share a context (`qa`), a premise (`nli`) or a query (`relevance`) do",
    )
    language: Column = Field(
        default=None, description="a row's language, where one file holds several; other languages' rows are left out"
    )
    label: Column = Field(
        default=None, description="the class; `sentiment`, `classification`, `nli`, `relevance`", examples=["stars"]
    )
    text: Column = Field(default=None, description="`sentiment`, `classification`: the text", examples=["body"])
    premise: Column = Field(default=None, description="`nli`: the premise")
    hypothesis: Column = Field(default=None, description="`nli`: the hypothesis")
    query: Column = Field(default=None, description="`relevance`: the search query")
    title: Column = Field(default=None, description="`relevance`: the product's title")
    question: Column = Field(default=None, description="`qa`: the question")
    context: Column = Field(default=None, description="`qa`: the text that holds the answer")
    answer: Column = Field(default=None, description="`qa`: the answer, a list of them, or SQuAD's `answers`")
    start: Column = Field(
        default=None,
        description="`qa`: the answer's first character in the context, from 0, or a list of them; without, or where it is -1, "
        "answers that stand there once are found",
    )
    tokens: Column = Field(
        default=None,
        description="`ner`: the words, a list of them or text with blanks between; in CoNLL files a number, from 0, or a "
        "name that the file has for it; `null` there: the first column",
    )
    tags: Column = Field(
        default=None,
        description="`ner`: their tags, as `tokens`; in CoNLL-U also a key in the last column (`NER`); `null` in CoNLL files: "
        "the last column",
    )
    sentence: Column = Field(
        default=None,
        description="`ner`, tables with one token a row: what tells sentences apart: a number or a name, the same in all rows of "
        "a sentence or in the first alone, or a count of tokens that begins anew; `null`: a column with a usual name "
        "(`Sentence #`, `sentence_id`), or blank rows",
    )

    @property
    def by_language(self) -> bool:
        """Whether languages stand beside each other, each in columns of its own."""
        return any("{language}" in str(name) for _, name in self)


class FileCut(Section):
    """Parts cut out of one file; the rest is train. Rows that share a text stay together (see `columns.group`)."""

    dev: Share = Field(default=0.1, description="share of the rows that becomes dev")
    test: Share = Field(default=0.2, description="share of the rows that becomes test")
    seed: Seed = Field(default=0, description="seed of the cut")
    stratify: Switch = Field(
        default=True, description="each class in its share; tasks without classes are cut at random"
    )


class Files(Section):
    """Your own data, or anybody's: CSV, TSV, Excel, JSONL, Parquet or CoNLL files in a folder, on the hub, in an archive."""

    later: ClassVar[tuple[str, ...]] = (
        *("optional", "delimiter", "quotes", "sheet", "scheme", "broken"),
        *("hub", "archive", "mirror", "language_until", "classes", "normalise"),
    )

    loader: Literal["files"] = Field(description="the kind of dataset")
    task: Literal["ner", "sentiment", "classification", "nli", "qa", "relevance"] = Field(
        description="the task that the rows are for", examples=["sentiment"]
    )
    folder: FilePath | None = Field(
        default=None,
        description="path of the folder; changes no run: a file that changed is read again. One of `folder`, `hub` and `archive` "
        "says where the files are",
        examples=["data/mine"],
    )
    hub: Hub | None = Field(
        default=None,
        description="or the hub's repository that holds them, and its commit; only what `files` names is downloaded",
    )
    archive: Archive | None = Field(
        default=None,
        description="or the archive that holds them; `{language}` in its address stands for the same as in `files`",
    )
    mirror: FilePath | None = Field(
        default=None,
        description="with `hub`: a folder that is read in its place where it holds the repository, as `<owner>/<name>/`; "
        "changes no run",
        examples=["../shared/data"],
    )
    files: dict[Literal["train", "dev", "test", "all"], FileNames] = Field(
        description="each split's file below the folder, in the repository or the archive, or one file for `all`, which `cut` "
        "divides; a list, or a name with "
        "`*`, where it has several; `{language}` in it stands for the language's name in `languages`",
        examples=[{"train": "{language}/train.csv", "test": "{language}/test.csv"}],
    )
    optional: list[Literal["train", "dev", "test"]] = Field(
        default=[],
        description="splits of `files` that a language may lack: it is used without them, and its report says so",
        examples=[["dev"]],
    )
    languages: dict[Language, Annotated[str, Field(min_length=1)]] = Field(
        default={},
        description="by language: what `{language}` in `files` and `columns`, or the column `language`, calls it; a language "
        "that is not listed is called by its code",
        examples=[{"jv": "javanese"}],
    )
    columns: FileColumns = Field(
        default=FileColumns(), description="which column holds what; `{language}` in a name as in `files`"
    )
    language_until: TextOrNull = Field(
        default=None,
        description="what stands in the column `language` counts up to this text: with `-`, `swahili-12-3` is `swahili`; "
        "`null`: all of it",
        examples=["-"],
    )
    header: Switch = Field(
        default=True, description="CSV and TSV begin with the columns' names; otherwise columns are numbered from 0"
    )
    encoding: Annotated[str, AfterValidator(check_encoding)] = Field(
        default="utf-8", description="how text files are encoded", examples=["cp1251"]
    )
    delimiter: Delimiter = Field(
        default="auto",
        description="what separates the cells of CSV, TSV and TXT tables, a character; `auto`: what the ending says, or else the "
        "one of comma, semicolon, tab and bar by which the columns are found",
        examples=[";"],
    )
    quotes: Literal["auto", "csv", "none"] = Field(
        default="auto",
        description="quotes in CSV, TSV and TXT tables: around cells, as in `csv`, or data (`none`); `auto`: data between tabs "
        "if any file of the dataset has one where CSV would not",
    )
    sheet: TextOrNull = Field(
        default=None,
        description="the sheet of an Excel workbook; `null`: the only one that has the columns",
        examples=["Annotations"],
    )
    labels: dict[RawLabel, Class] = Field(
        default={},
        description="by label in the files: the class it means, or `null` to leave such rows out. Every label must be listed. "
        'Empty, or nulls alone (`{"": null}`: rows without a label): the task\'s usual classes; `classification` '
        "has none (without a map, the error says it whole)",
        examples=[{"1": "negative", "2": "negative", "3": None, "4": "positive", "5": "positive"}],
    )
    classes: list[RawLabel] = Field(
        default=[],
        description="the classes, in the order of the head, where the files call them so, in the place of the task's usual ones; "
        "`labels` then says what other labels mean. `classification` has no usual ones: without `classes` and `labels` its "
        "files are read, and the error lists the labels that a language's have, ready to be copied here",
        examples=[["business", "health", "sports"]],
    )
    scheme: Literal["iob1", "iob2", "bioes", "bilou", "bmewo", "ioe", "io"] | None = Field(
        default=None,
        description="`ner`: how tags mark where entities begin and end; only `io`, types without a prefix, must be said",
    )
    broken: Literal["refuse", "drop"] = Field(
        default="refuse",
        description="`ner`, a sentence that cannot be read (a line with too few columns, an unknown tag, …): refuse the file, or "
        "`drop` such sentences, counted",
    )
    cut: FileCut = Field(default=FileCut(), description="with `files: {all: …}`: which parts become dev and test")
    dev: DevFromTrain | None = Field(
        default=None, description="cut the dev set from the training file; `null`: a file of its own"
    )
    normalise: Form = NORMALISE
    remove_duplicates: Literal["none", "train", "train_and_dev"] = Field(
        default="none",
        description="`train`: drop training examples that also stand in dev or test; `train_and_dev`: also dev examples that "
        "stand in test; otherwise they are only reported",
    )
    licence: str = Field(default="", description="a note for readers of the config; changes no run")

    @field_validator("labels", mode="before")
    @classmethod
    def _each_once(cls, given: Any) -> Any:
        """Refuse spellings of one label that YAML takes for several keys (`1` and `"1"`): the last would win unseen."""
        spelled = [str(label).strip() for label in given] if isinstance(given, Mapping) else []
        if (label := twice(spelled)) is not None:
            raise ValueError(f"label {label!r} stands there twice")
        return given

    @field_serializer("labels")
    def _in_order(self, labels: dict[str, str | None]) -> list[list[str | None]]:
        """Keep the map's order, that of the classes, where keys are sorted."""
        return [[label, name] for label, name in labels.items()]
