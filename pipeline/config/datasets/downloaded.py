"""The config's `datasets` that are downloaded, or lie in a mirror or folder, as pydantic models (`pipeline.config_schema`)."""

from itertools import product
from typing import ClassVar, Literal

from pydantic import Field

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
    Switch,
    ZeroOrMore,
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
