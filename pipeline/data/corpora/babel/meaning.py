"""Meanings: what a sentence says, without a word of any language.

A meaning is a tree of frozen dataclasses over numbered concepts. A constituent is addressed by its path, the fields and
indices that lead to it: `("events", 0, "agent", "name")`. A referent of an event is addressed by its role. Realisation
reports the tokens of each path (`realise.Sentence.spans`), so a task may label, ask for, or change any constituent.
"""

from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]

# Kinds of content words and how many concepts each has; index order is frequency order. Append only: a later task adds
# kinds at the end, and words drawn for earlier kinds stay as they are.
INVENTORY: dict[str, int] = {
    "verb": 60,
    "thing": 60,
    "person": 24,  # professions and titles
    "place": 16,  # river, town, …
    "organisation": 16,  # bank, university, …
    "quality": 30,
    "manner": 16,
    "number": 50,
}
NAME_STEMS = 3000  # stems that any split may use
NOVEL_STEMS = 1000  # further stems, met in dev and test only
ROLES = ("agent", "patient", "place", "goal", "origin", "companion", "topic")
RELATIONS = ("and", "but", "because", "when")
ENTITY_TYPES = ("PER", "ORG", "LOC")
NOUN_OF = {"PER": "person", "ORG": "organisation", "LOC": "place", "thing": "thing"}  # the kind of its nouns by type


@dataclass(frozen=True, slots=True)
class Concept:
    """One concept of a kind in `INVENTORY`, or a name stem (kind `"stem"`)."""

    kind: str
    index: int


def opposite(concept: Concept) -> Concept:
    """Return the opposite of a quality: of two neighbours in frequency each is the other's."""
    return Concept(concept.kind, concept.index ^ 1)


@dataclass(frozen=True, slots=True)
class Attribute:
    """A quality said of a referent, perhaps denied ("not big") or intensified ("very big")."""

    concept: Concept
    negated: bool = False
    intensified: bool = False


@dataclass(frozen=True, slots=True)
class Name:
    """A proper name of a person, organisation or place.

    Attributes:
        type: one of `ENTITY_TYPES`.
        stems: name stems in order; any stem may serve any type.
        noun: an organisation noun inside the name ("Varo *bank*").
        quality: a quality inside the name ("*new* Varo").
        linked: the parts are joined by the language's linking word ("bank *of* Varo", "Mira *de* Varo").
    """

    type: str
    stems: tuple[Concept, ...]
    noun: Concept | None = None
    quality: Concept | None = None
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Referent:
    """Who or what an event is about: a noun, a name, or both (a noun in apposition: "doctor Varo").

    Attributes:
        noun: what it is.
        name: what it is called.
        attributes: what the noun is like.
        count: how many there are.
        definite: it is known already ("the", not "a").
        asked: nothing but a question word for this type of referent (see `type_of`).
    """

    noun: Concept | None = None
    name: Name | None = None
    attributes: tuple[Attribute, ...] = ()
    count: int | None = None
    definite: bool = False
    asked: str | None = None


def type_of(referent: Referent) -> str:
    """Return what a referent is: one of `ENTITY_TYPES`, or `thing`."""
    if referent.asked is not None:
        return referent.asked
    if referent.name is not None:
        return referent.name.type
    if referent.noun is None:
        raise ValueError("a referent has a noun, a name or a question word")
    return next(kind for kind, noun in NOUN_OF.items() if noun == referent.noun.kind)


@dataclass(frozen=True, slots=True)
class Argument:
    """A referent in its role."""

    role: str
    referent: Referent


@dataclass(frozen=True, slots=True)
class Event:
    """A verb with its arguments, each role at most once.

    Attributes:
        verb: the verb's concept; `grammar.Grammar.frames` says what its arguments are.
        arguments: in the order of `ROLES`.
        past: it has happened.
        negated: it is denied.
        manner: how it happens.
        time: a number that dates it.
    """

    verb: Concept
    arguments: tuple[Argument, ...]
    past: bool = False
    negated: bool = False
    manner: Concept | None = None
    time: int | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One event, or two joined by a relation of `RELATIONS`."""

    events: tuple[Event, ...]
    relation: str | None = None


def resolve(meaning: Any, path: Path) -> Any:
    """Return the constituent of `meaning` at `path`.

    Raises:
        LookupError: there is no such constituent.
    """
    for step in path:
        if isinstance(step, int):
            meaning = meaning[step]
        elif isinstance(meaning, Event) and step in ROLES:
            referents = [a.referent for a in meaning.arguments if a.role == step]
            if not referents:
                raise LookupError(f"the event has no {step}")
            meaning = referents[0]
        elif hasattr(meaning, step):
            meaning = getattr(meaning, step)
        else:
            raise LookupError(f"{type(meaning).__name__} has no constituent {step!r}")
    return meaning
