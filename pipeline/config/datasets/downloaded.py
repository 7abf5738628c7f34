"""What all datasets of the config have in common that are downloaded, or lie in a mirror or folder."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from pipeline.config.section import Section
from pipeline.config.values import Commit, FilePath, Language, Number, OneOrMore, Repository, Seed, Sha256, ZeroOrMore


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


Form = Literal["none", "NFC", "NFKC"]
NORMALISE: Any = Field(
    default="none",
    description="bring all texts into this Unicode form, counted under `repaired`: `NFC` composes letters and their marks, "
    "`NFKC` also makes full-width letters, ligatures and fractions ordinary ones; answers of `qa` keep their places",
)


class Downloaded(Section):
    """What all datasets that are fetched have in common. The class attributes say what is known of each beforehand."""

    later: ClassVar[tuple[str, ...]] = ("normalise",)
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
    normalise: Form = NORMALISE
    remove_duplicates: Literal["none", "train", "train_and_dev"] = Field(
        default="none",
        description="`train`: drop training examples that also stand in dev or test; `train_and_dev`: also dev examples that "
        "stand in test; otherwise they are only reported",
    )
    expected: dict[Language, Expected] = Field(
        default={},
        description="by language: counts to check instead of the built-in ones, also for languages that your copy has beside "
        "the known ones; changes no run",
        examples=[{"qu": {"train": 100}}],
    )
