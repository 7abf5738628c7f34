"""The config's section about encoders, as pydantic models."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, PlainValidator, Tag, WithJsonSchema

from pipeline.config.section import Section
from pipeline.config.values import (
    Commit,
    Count,
    CountOrNull,
    FilePath,
    Fraction,
    Languages,
    Name,
    Number,
    OneOrMore,
    Positive,
    Repository,
    Seed,
    Share,
    Switch,
    SwitchOrNull,
    read_languages,
)

Alpha = Annotated[
    Share,
    Field(description="language sampling q ∝ p^α: 1 keeps each language's share of the sentences, 0 makes them equal"),
]
Steps = Annotated[Count, Field(description="optimiser steps")]
BatchSize = Annotated[Count, Field(description="sentences per step")]
Rate = Annotated[Positive, Field(description="peak learning rate of AdamW")]
Decay = Annotated[Number, Field(ge=0, description="decoupled weight decay")]
Warmup = Annotated[Fraction, Field(description="fraction of the steps with rising learning rate")]
Mask = Annotated[
    Number,
    Field(gt=0, lt=1, description="fraction of the word pieces to predict; a short training learns more at 0.4"),
]


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
    alpha: Alpha = 0.5
    steps: Steps = 1000
    batch_size: BatchSize = 32
    learning_rate: Rate = 1e-3
    weight_decay: Decay = 0.01
    warmup: Warmup = 0.1
    mask: Mask = 0.15
    seed: Seed = Field(default=0, description="seed of initialisation, sampling and masking")


LOWER_CASE: Any = Field(
    default=None,
    description="whether the tokenizer lower-cases; `null`: as its files say. Only BERT's normaliser can be told",
    examples=[False],
)
STRIP_ACCENTS: Any = Field(
    default=None,
    description="whether the tokenizer strips accents, tone marks among them; `null`: as its files say. Only BERT's normaliser "
    "can be told",
    examples=[False],
)


class HubEncoder(Section):
    """A pretrained model of the Hugging Face hub (safetensors only, no remote code)."""

    later: ClassVar[tuple[str, ...]] = ("mirror", "lower_case", "strip_accents")

    from_: Literal["hub"] = Field(alias="from", description="where the encoder comes from")
    repository: Repository = Field(
        description="`owner/name` of the model", examples=["google-bert/bert-base-multilingual-cased"]
    )
    revision: Commit = Field(
        description="the commit, 40 hexadecimal digits", examples=["0123456789abcdef0123456789abcdef01234567"]
    )
    mirror: FilePath | None = Field(
        default=None,
        description="a folder that holds the repository in `<owner>/<name>/`, looked at before the hub; changes no run",
        examples=["mirror"],
    )
    lower_case: SwitchOrNull = LOWER_CASE
    strip_accents: SwitchOrNull = STRIP_ACCENTS


class FolderEncoder(Section):
    """A model in a folder of yours: `config.json`, `model.safetensors`, and its tokenizer."""

    later: ClassVar[tuple[str, ...]] = ("lower_case", "strip_accents")

    from_: Literal["folder"] = Field(alias="from", description="where the encoder comes from")
    folder: FilePath = Field(
        description="path of the folder. As written, it is part of every run that uses it: another path is another "
        "encoder, and a folder whose content changed needs another name",
        examples=["models/mine"],
    )
    lower_case: SwitchOrNull = LOWER_CASE
    strip_accents: SwitchOrNull = STRIP_ACCENTS


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


class TargetText(Section):
    """What an encoder that is made from another one learns from."""

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
    text: OneOrMore[TargetText] = Field(
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


class Continue(Section):
    """Another encoder of the config, trained on here by masked language modelling on the raw text of datasets."""

    from_: Literal["pretrain"] = Field(alias="from", description="where the encoder comes from")
    start: Name = Field(
        description="the encoder to train on from, a name under `encoders`: its architecture, sizes and vocabulary stay as they "
        "are",
        examples=["mbert"],
    )
    text: OneOrMore[TargetText] = Field(
        description="what to train on", examples=[[{"dataset": "wikiann", "languages": ["qu", "jv"]}]]
    )
    max_length: Count = Field(
        default=128,
        ge=8,
        description="sentences are cut to so many word pieces, special tokens included; the encoder takes as long ones "
        "afterwards as before",
    )
    alpha: Alpha = 0.5
    steps: Steps = 1000
    batch_size: BatchSize = 32
    learning_rate: Rate = 5e-5
    weight_decay: Decay = 0.01
    warmup: Warmup = 0.1
    mask: Mask = 0.15
    seed: Seed = Field(default=0, description="seed of sampling, masking, and of a head where the encoder has none")


def which_pretraining(given: Any) -> str:
    """Tell the two kinds of `from: pretrain` apart: whether there is a `start`."""
    return "from start" if isinstance(given, Continue) or (isinstance(given, Mapping) and "start" in given) else "new"


Pretraining = Annotated[
    Annotated[Pretrain, Tag("new")] | Annotated[Continue, Tag("from start")], Discriminator(which_pretraining)
]
Encoder = Annotated[Pretraining | HubEncoder | FolderEncoder | Extend, Field(discriminator="from_")]
Made = Extend | Continue
"""What is made from another encoder of the config."""


def made_from(encoder: Made) -> str:
    """Return the name of the encoder that another one is made from."""
    return encoder.encoder if isinstance(encoder, Extend) else encoder.start
