"""The config's `datasets`: one pydantic model per loader (see `pipeline.config_schema`)."""

import codecs
from collections.abc import Mapping
from itertools import product
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, field_serializer, field_validator

from pipeline.config_sections import Section
from pipeline.config_types import (
    Commit,
    Count,
    FilePath,
    Language,
    Number,
    OneOrMore,
    Repository,
    Seed,
    Sha256,
    Share,
    Switch,
    ZeroOrMore,
    read_null,
)


class BabelSizes(Section):
    """How much each language of the family gets."""

    train: Count = Field(default=2000, description="labelled training examples per language")
    dev: Count = Field(default=500, description="labelled dev examples per language; they choose the epoch")
    test: Count = Field(default=1000, description="labelled test examples per language")
    text: Count = Field(default=10000, description="raw sentences per language, for pretraining an encoder")


class BabelLanguage(Section):
    """One language of the family: a new one, or other parameters for a built-in one."""

    parent: Language | None = Field(
        default=None,
        description="the language whose words it inherits through sound changes; `null`: unrelated words. A new language "
        "must say it",
        examples=["hubbish"],
    )
    change_rate: Number = Field(
        default=0.0, ge=0, le=1, description="share of the sounds changed since the parent, 0 to 1"
    )
    order: Literal["SVO", "SOV", "VSO", "VOS", "OVS", "OSV"] = Field(
        default="SVO", description="order of subject, verb and object"
    )
    adjective: Literal["before", "after"] = Field(
        default="before", description="place of adjectives, seen from the noun"
    )
    adposition: Literal["before", "after"] = Field(default="before", description="prepositions or postpositions")
    possessor: Literal["before", "after"] = Field(
        default="before", description="place of a name, seen from what it owns"
    )
    title: Literal["before", "after"] = Field(default="before", description="place of a noun in apposition to a name")
    affix: Literal["before", "after"] = Field(default="after", description="tense and number are prefixes or suffixes")
    article: Literal["before", "after", "none"] = Field(
        default="before", description="place of the article, seen from the noun phrase; `none`: no articles"
    )
    shared_names: Share = Field(default=1.0, description="share of the name stems in their common form")
    shared_numbers: Share = Field(default=1.0, description="share of the numbers written in digits")
    script: Literal["latin", "cyrillic", "georgian", "ethiopic"] = Field(
        default="latin", description="how it is written"
    )


class Babel(Section):
    """Artificial related languages, generated from a seed: no network, and what should transfer is known."""

    loader: Literal["babel"] = Field(description="the kind of dataset")
    task: Literal["ner", "sentiment", "nli", "qa", "relevance"] = Field(
        default="ner", description="the task its labels are for; all tasks have the same meanings, words and raw text"
    )
    seed: Seed = Field(default=0, description="seed of the whole family: grammar, lexicons and sentences")
    sizes: BabelSizes = Field(default=BabelSizes(), description="examples per language and split")
    family: dict[Language, BabelLanguage] = Field(
        default={},
        description="by language: new languages, or other parameters for built-in ones (see `docs/babel.md`); parameters "
        "left out keep the built-in language's values, or take these defaults in a new one",
        examples=[{"newish": {"parent": "hubbish", "change_rate": 0.3}}],
    )


class Hub(Section):
    """A dataset repository of the Hugging Face hub at one commit."""

    repository: Repository = Field(
        description="`owner/name` of the dataset repository", examples=["unimelb-nlp/wikiann"]
    )
    revision: Commit = Field(
        description="the commit, 40 hexadecimal digits: a branch name would let the data change unseen",
        examples=["0123456789abcdef0123456789abcdef01234567"],
    )


class Archive(Section):
    """An archive to download instead of the original one."""

    url: str = Field(
        min_length=1,
        description="address of a `.zip` or `.tar.gz`; `{language}` in it stands for the language",
        examples=["https://example.org/wikiann/{language}.tar.gz"],
    )
    sha256: Sha256 | None = Field(default=None, description="the archive's SHA-256, checked after the download")


class DevFromTrain(Section):
    """A dev set cut from the training split, for datasets whose own dev set serves as test set or is missing."""

    from_: Literal["train"] = Field(alias="from", description="the split that gives the dev set", examples=["train"])
    fraction: Number = Field(
        default=0.2, gt=0, lt=1, description="part of the training examples that becomes dev, between 0 and 1"
    )
    seed: Seed = Field(default=0, description="seed of the cut")


class Expected(Section):
    """How many examples a language's splits must hold."""

    train: ZeroOrMore | None = Field(default=None, description="training examples", examples=[100])
    dev: ZeroOrMore | None = Field(default=None, description="dev examples", examples=[100])
    test: ZeroOrMore | None = Field(default=None, description="test examples", examples=[100])


SOURCES = (
    "where to look for the files, in this order, until one place has them: `mirror` (a folder laid out as "
    "`<mirror>/<loader>/…`), `hub`, `archive` (the original download), `folder` (yours)"
)


class Downloaded(Section):
    """What all datasets that are fetched have in common. The class attributes say what is known of each beforehand."""

    task: ClassVar[str]
    absent: ClassVar[dict[str, str]] = {}  # by split that the dataset has in no language: why, and what to do about it
    known: ClassVar[tuple[str, ...]] = ()  # its languages; empty: only its files tell
    others: ClassVar[bool] = False  # whether copies with more languages are read; `expected` must name those
    nowhere: ClassVar[dict[str, str]] = {}  # by source that has it not, unless the config gives an address: why
    sources: OneOrMore[Literal["mirror", "hub", "archive", "folder"]] = Field(
        description=SOURCES, examples=[["archive"]]
    )
    mirror: FilePath | None = Field(
        default=None, description="path of the mirror; changes no run", examples=["../shared/data"]
    )
    folder: FilePath | None = Field(
        default=None, description="path of a folder with your own copy; changes no run", examples=["data/copy"]
    )
    hub: Hub | None = Field(default=None, description="the hub's repository and commit; needed by source `hub`")
    archive: Archive | None = Field(
        default=None, description="source `archive`: another address than the original; changes no run"
    )
    test: Literal["test", "dev"] = Field(
        default="test",
        description="the split used for testing; `dev` for copies whose test files bear no labels (needs `dev` where there is a "
        "training split)",
    )
    dev: DevFromTrain | None = Field(
        default=None, description="cut the dev set from the training split; `null`: the dataset's own dev set"
    )
    remove_duplicates: Literal["none", "train"] = Field(
        default="none",
        description="`train`: drop training examples that also stand in dev or test; otherwise they are only reported",
    )
    expected: dict[Language, Expected] = Field(
        default={},
        description="by language: counts to check instead of the built-in ones, also for languages that your copy has beside "
        "the known ones; changes no run",
        examples=[{"qu": {"train": 100}}],
    )


class WikiAnn(Downloaded):
    """WikiAnn named entities in 282 languages (Pan et al. 2017; splits of Rahimi et al. 2019)."""

    task: ClassVar[str] = "ner"
    loader: Literal["wikiann"] = Field(description="the kind of dataset")


class Xnli(Downloaded):
    """XNLI, inference in 15 languages, dev and test of MultiNLI's kind, row-parallel (Conneau et al. 2018)."""

    task: ClassVar[str] = "nli"
    absent: ClassVar[dict[str, str]] = {
        "train": "XNLI has dev and test sets only; train on MultiNLI as source_dataset, or on dev with few_shot"
    }
    known: ClassVar[tuple[str, ...]] = (
        *("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"),
    )
    others: ClassVar[bool] = True
    loader: Literal["xnli"] = Field(description="the kind of dataset")


class MultiNli(Downloaded):
    """MultiNLI, inference in English, the usual source of XNLI (Williams et al. 2018); dev is matched, test mismatched."""

    task: ClassVar[str] = "nli"
    known: ClassVar[tuple[str, ...]] = ("en",)
    loader: Literal["multinli"] = Field(description="the kind of dataset")


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


class Marc(Downloaded):
    """MARC, product reviews in 6 languages (Keung et al. 2020); withdrawn by its publisher, so a copy is needed."""

    task: ClassVar[str] = "sentiment"
    known: ClassVar[tuple[str, ...]] = ("de", "en", "es", "fr", "ja", "zh")
    others: ClassVar[bool] = True
    nowhere: ClassVar[dict[str, str]] = {
        "archive": "the publisher withdrew MARC in 2023; use a copy on the hub, or your own in a folder"
    }
    loader: Literal["marc"] = Field(description="the kind of dataset")
    title: Switch = Field(
        default=False, description="put the review's title before its text; copies without titles are then refused"
    )


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


class Sentiraama(Downloaded):
    """Sentiraama, Telugu product reviews (Gangula and Mamidi 2018), in MetaXL's split."""

    task: ClassVar[str] = "sentiment"
    known: ClassVar[tuple[str, ...]] = ("te",)
    nowhere: ClassVar[dict[str, str]] = dict.fromkeys(
        ("hub", "archive"), "Sentiraama is not published there; ask its authors, and put it into a folder"
    )
    loader: Literal["sentiraama"] = Field(description="the kind of dataset")


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
    files: dict[Literal["train", "dev", "test", "all"], FilePath] = Field(
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


Dataset = Annotated[
    Babel | WikiAnn | Xnli | MultiNli | Mlqa | Squad | Marc | SentiPers | Sentiraama | Cls10 | Files,
    Field(discriminator="loader"),
]
