"""The config's sections about data and encoders, as pydantic models (see `pipeline.config_schema`)."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema

from pipeline.config_types import (
    Commit,
    Count,
    CountOrNull,
    FilePath,
    Fraction,
    Language,
    Languages,
    Name,
    Number,
    OneOrMore,
    Positive,
    Repository,
    Seed,
    Sha256,
    Share,
    Switch,
    ZeroOrMore,
    read_languages,
)


class Section(BaseModel):
    """A mapping of the config: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# ------------------------------------------------------------------------------------------------------------- datasets


class BabelSizes(Section):
    """How much each language of the family gets."""

    train: Count = Field(default=2000, description="labelled training sentences per language")
    dev: Count = Field(default=500, description="labelled dev sentences per language; they choose the epoch")
    test: Count = Field(default=1000, description="labelled test sentences per language")
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
    task: Literal["ner"] = Field(default="ner", description="the task its labels are for")
    seed: Seed = Field(default=0, description="seed of the whole family: grammar, lexicons and sentences")
    sizes: BabelSizes = Field(default=BabelSizes(), description="sentences per language and split")
    family: dict[Language, BabelLanguage] = Field(
        default={},
        description="by language: new languages, or other parameters for built-in ones (see `docs/babel.md`); parameters "
        "left out keep the built-in language's values, or take these defaults in a new one",
        examples=[{"newish": {"parent": "hubbish", "change_rate": 0.3}}],
    )


class Hub(Section):
    """A dataset repository of the Hugging Face hub at one commit."""

    repository: Repository = Field(default="unimelb-nlp/wikiann", description="`owner/name` of the dataset repository")
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
        default=0.2, gt=0, lt=1, description="part of the training sentences that becomes dev, between 0 and 1"
    )
    seed: Seed = Field(default=0, description="seed of the cut")


class Expected(Section):
    """How many sentences a language's splits must hold."""

    train: ZeroOrMore | None = Field(default=None, description="training sentences", examples=[100])
    dev: ZeroOrMore | None = Field(default=None, description="dev sentences", examples=[100])
    test: ZeroOrMore | None = Field(default=None, description="test sentences", examples=[100])


class WikiAnn(Section):
    """WikiAnn named entities in 282 languages (Pan et al. 2017; splits of Rahimi et al. 2019)."""

    task: ClassVar[str] = "ner"
    loader: Literal["wikiann"] = Field(description="the kind of dataset")
    sources: OneOrMore[Literal["mirror", "hub", "archive", "folder"]] = Field(
        description="where to look for the files, in this order, until one place has them: `mirror` (a folder laid out "
        "as `<mirror>/wikiann/…`), `hub`, `archive` (the original download), `folder` (yours)",
        examples=[["archive"]],
    )
    mirror: FilePath | None = Field(
        default=None, description="path of the mirror; changes no run", examples=["../shared/data"]
    )
    folder: FilePath | None = Field(
        default=None, description="path of a folder with your own copy; changes no run", examples=["data/wikiann"]
    )
    hub: Hub | None = Field(default=None, description="the hub's repository and commit; needed by source `hub`")
    archive: Archive | None = Field(
        default=None, description="source `archive`: another address than the original; changes no run"
    )
    test: Literal["test", "dev"] = Field(
        default="test",
        description="the split used for testing; `dev` for copies whose test files bear no labels (needs `dev`)",
    )
    dev: DevFromTrain | None = Field(
        default=None, description="cut the dev set from the training split; `null`: the dataset's own dev set"
    )
    remove_duplicates: Literal["none", "train"] = Field(
        default="none",
        description="`train`: drop training sentences that also stand in dev or test; otherwise they are only reported",
    )
    expected: dict[Language, Expected] = Field(
        default={},
        description="by language: counts to check instead of the built-in ones; changes no run",
        examples=[{"qu": {"train": 100}}],
    )


Dataset = Annotated[Babel | WikiAnn, Field(discriminator="loader")]

# ------------------------------------------------------------------------------------------------------------- encoders


class Text(Section):
    """Raw text of one dataset."""

    dataset: Name = Field(description="a name under `datasets`", examples=["babel"])
    languages: Languages = Field(
        description="the languages; `all` (every language of the family) for loader `babel` only", examples=["all"]
    )


class Pretrain(Section):
    """Pretrained here, from scratch, by masked language modelling on the raw text of datasets."""

    from_: Literal["pretrain"] = Field(alias="from", description="where the encoder comes from")
    architecture: Literal["bert", "xlm-roberta"] = Field(default="bert", description="the model's architecture")
    layers: Count = Field(default=4, description="transformer layers")
    hidden_size: Count = Field(default=192, description="width of the hidden states; a multiple of `heads`")
    heads: Count = Field(default=4, description="attention heads per layer")
    intermediate_size: CountOrNull = Field(
        default=None, description="width of the feed-forward layers; `null`: 4 × `hidden_size`"
    )
    dropout: Fraction = Field(default=0.1, description="dropout in later training; pretraining uses none")
    vocabulary_size: Count = Field(default=4000, description="word pieces")
    lower_case: Switch = Field(default=False, description="whether the vocabulary is of lower-cased text")
    max_length: Count = Field(
        default=256, ge=8, description="longest input, in word pieces with the special tokens (trained positions)"
    )
    text: OneOrMore[Text] = Field(
        description="what to pretrain on: datasets and languages", examples=[[{"dataset": "babel", "languages": "all"}]]
    )
    alpha: Share = Field(
        default=0.5,
        description="language sampling q ∝ p^α: 1 keeps each language's share of the sentences, 0 makes them equal",
    )
    steps: Count = Field(default=1000, description="optimiser steps")
    batch_size: Count = Field(default=32, description="sentences per step")
    learning_rate: Positive = Field(default=1e-3, description="peak learning rate of AdamW")
    weight_decay: Number = Field(default=0.01, ge=0, description="decoupled weight decay")
    warmup: Fraction = Field(default=0.1, description="fraction of the steps with rising learning rate")
    mask: Number = Field(
        default=0.15,
        gt=0,
        lt=1,
        description="fraction of the word pieces to predict; a short training learns more at 0.4",
    )
    seed: Seed = Field(default=0, description="seed of initialisation, sampling and masking")


class HubEncoder(Section):
    """A pretrained model of the Hugging Face hub (safetensors only, no remote code)."""

    from_: Literal["hub"] = Field(alias="from", description="where the encoder comes from")
    repository: Repository = Field(
        description="`owner/name` of the model", examples=["google-bert/bert-base-multilingual-cased"]
    )
    revision: Commit = Field(
        description="the commit, 40 hexadecimal digits", examples=["0123456789abcdef0123456789abcdef01234567"]
    )


class FolderEncoder(Section):
    """A model in a folder of yours: `config.json`, `model.safetensors`, and its tokenizer."""

    from_: Literal["folder"] = Field(alias="from", description="where the encoder comes from")
    folder: FilePath = Field(
        description="path of the folder. As written, it is part of every run that uses it: another path is another "
        "encoder, and a folder whose content changed needs another name",
        examples=["models/mine"],
    )


def read_target_or_languages(value: Any) -> list[str] | str | None:
    """Read `target`, or languages as `read_languages` does.

    Raises:
        ValueError: see `read_languages`.
    """
    return "target" if value == "target" else read_languages(value)


TargetOrLanguages = Annotated[
    list[str] | Literal["target"] | None,
    PlainValidator(read_target_or_languages),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": "target"},
                {"const": "all"},
                {
                    "type": "array",
                    "items": {"type": "string", "format": "language"},
                    "minItems": 1,
                    "uniqueItems": True,
                },
            ]
        }
    ),
]


class ExtensionText(Section):
    """What new pieces are learned from."""

    dataset: Name = Field(description="a name under `datasets`", examples=["babel"])
    languages: TargetOrLanguages = Field(
        description="`target`: an encoder for each target language, from that target's text alone; or a list of languages "
        "(`all`: every one, for loader `babel` only): one encoder for all targets, from their raw text",
        examples=["target"],
    )
    size: Literal["target_size", "all"] = Field(
        default="target_size",
        description="with `languages: target`: `target_size` takes the training sentences that the run is given "
        "(`target_size` by `data_seed`) and no others, `all` all raw text of the target; listed languages give all raw text",
    )


class Extend(Section):
    """Another encoder of the config with new word pieces appended to its vocabulary, for languages it has not seen."""

    from_: Literal["extend"] = Field(alias="from", description="where the encoder comes from")
    encoder: Name = Field(description="the encoder to extend: a name under `encoders`", examples=["small"])
    text: OneOrMore[ExtensionText] = Field(
        description="what to learn new pieces from",
        examples=[[{"dataset": "babel", "languages": "target", "size": "target_size"}]],
    )
    pieces: Count = Field(default=500, description="at most so many new pieces")
    min_frequency: Count = Field(default=2, description="a new piece must occur so often in the text")
    initialise: Literal["mean", "random"] = Field(
        default="mean",
        description="embedding of a new piece: the mean over the pieces that it was cut into before, or drawn from N(0, "
        "`initializer_range` of the encoder), as letters that the encoder did not know always are",
    )
    seed: Seed = Field(default=0, description="seed of what is drawn")


Encoder = Annotated[Pretrain | HubEncoder | FolderEncoder | Extend, Field(discriminator="from_")]
