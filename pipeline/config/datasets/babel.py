"""A dataset of loader `babel` in the config (its code: `pipeline.data.corpora.babel`)."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.section import Section
from pipeline.config.values import Count, Language, Number, Seed, Share, Switch


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

    later: ClassVar[tuple[str, ...]] = ("parallel",)

    loader: Literal["babel"] = Field(description="the kind of dataset")
    task: Literal["ner", "sentiment", "nli", "qa", "relevance"] = Field(
        default="ner", description="the task its labels are for; all tasks have the same meanings, words and raw text"
    )
    seed: Seed = Field(default=0, description="seed of the whole family: grammar, lexicons and sentences")
    sizes: BabelSizes = Field(default=BabelSizes(), description="examples per language and split")
    parallel: Switch = Field(
        default=False,
        description="`yes`: labelled rows say the same in all languages, row by row, under one id, as XNLI's do; raw text "
        "never does",
    )
    family: dict[Language, BabelLanguage] = Field(
        default={},
        description="by language: new languages, or other parameters for built-in ones (see `docs/babel.md`); parameters "
        "left out keep the built-in language's values, or take these defaults in a new one",
        examples=[{"newish": {"parent": "hubbish", "change_rate": 0.3}}],
    )
