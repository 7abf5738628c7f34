"""Draws meanings: which events happen to whom, with Zipf's frequencies. One distribution for all languages.

What type a name has is decided by its surroundings alone: the verb's frame, a noun in apposition, or an organisation
noun inside the name. The stem says little (any stem names persons, organisations and places), the adposition as little
(each goes with several types), and letter case nothing.
"""

from dataclasses import dataclass, field
from functools import lru_cache

from pipeline.data.corpora.babel.meaning import (
    ENTITY_TYPES,
    INVENTORY,
    NAME_STEMS,
    NOUN_OF,
    NOVEL_STEMS,
    RELATIONS,
    ROLES,
    Argument,
    Attribute,
    Concept,
    Event,
    Name,
    Referent,
    Statement,
)
from pipeline.data.corpora.babel.streams import Stream, cumulative_weights, zipf

ZIPF_OFFSET = 2.0
STEM_OFFSET = 300.0  # names are spread more evenly than words
LEANING = 0.3  # share of mentions whose stem is drawn from those that lean to the type
NOVEL = 0.35  # share of the stems in dev and test that no other split uses

# What a verb may ask for: role → type of referent. Verbs are dealt round these, so every rank has all of them.
Frame = dict[str, str]
FRAMES: tuple[Frame, ...] = (
    {"agent": "PER", "patient": "thing"},
    {"agent": "PER", "patient": "thing"},
    {"agent": "PER", "patient": "PER"},
    {"agent": "PER", "patient": "ORG"},
    {"agent": "PER", "patient": "LOC"},
    {"agent": "PER", "goal": "LOC"},
    {"agent": "PER", "companion": "ORG"},
    {"agent": "PER", "place": "LOC"},
    {"agent": "ORG", "patient": "thing"},
    {"agent": "ORG", "patient": "thing"},
    {"agent": "ORG", "patient": "ORG"},
    {"agent": "ORG", "patient": "PER"},
    {"agent": "ORG", "patient": "LOC"},
    {"agent": "ORG", "place": "LOC"},
    {"agent": "LOC", "patient": "thing"},
    {"agent": "LOC", "companion": "LOC"},
    {"agent": "thing", "patient": "thing"},
    {"agent": "thing", "origin": "LOC"},
    {"agent": "thing", "topic": "PER"},
    {"agent": "thing", "goal": "ORG"},
)
FREE = (  # role and type of an argument that no frame asks for
    ("place", "LOC"),
    ("place", "LOC"),
    ("place", "ORG"),
    ("origin", "LOC"),
    ("companion", "PER"),
    ("companion", "PER"),
    ("topic", "thing"),
)


@lru_cache(maxsize=8)
def verb_frames(seed: int) -> tuple[Frame, ...]:
    """Deal frames to the verbs of a family, by verb index."""
    stream = Stream(seed, "frames")
    dealt: list[Frame] = []
    while len(dealt) < INVENTORY["verb"]:
        dealt += stream.shuffled(FRAMES)
    return tuple(dealt[: INVENTORY["verb"]])


@dataclass(frozen=True)
class Rates:
    """How often a meaning has what it may have. The defaults are those of named entities and raw text.

    Attributes:
        single: statements of one event; the others have two.
        further: events with one more argument than the verb asks for.
        denied: events that are denied.
        manner: events with a manner.
        time: events with a time.
        named: a verb's PER, ORG and LOC arguments that are named.
        counted: nouns without a name that have a number.
        qualities: of such nouns, weights of no, one and two qualities.
        not_so: qualities that are denied.
        very: qualities that are intensified.
    """

    single: float = 0.75
    further: float = 0.45
    denied: float = 0.08
    manner: float = 0.2
    time: float = 0.15
    named: float = 0.68
    counted: float = 0.12
    qualities: tuple[float, float, float] = (0.6, 0.32, 0.08)
    not_so: float = 0.05
    very: float = 0.1


@dataclass(frozen=True)
class Grammar:
    """Draws statements from one stream.

    Attributes:
        seed: the family's seed (it deals the verbs' frames).
        stream: where every choice comes from.
        novel: share of the name stems drawn from those kept for dev and test.
        rates: how often meanings have what they may have.
    """

    seed: int
    stream: Stream
    novel: float = 0.0
    rates: Rates = field(default_factory=Rates)

    def statement(self) -> Statement:
        """Draw a statement of one or two events."""
        if self.stream.chance(self.rates.single):
            return Statement((self.event(),))
        return Statement((self.event(), self.event()), self.stream.pick(RELATIONS))

    def event(self, verb: Concept | None = None) -> Event:
        """Draw an event: a verb (unless given), the arguments of its frame, and perhaps one more, a manner, a time."""
        stream, rates = self.stream, self.rates
        verb = verb or self.concept("verb")
        frame = verb_frames(self.seed)[verb.index]
        arguments = {role: self.referent(kind) for role, kind in frame.items()}
        if stream.chance(rates.further):
            role, kind = stream.pick(FREE)
            arguments.setdefault(role, self.described(kind))
        return Event(
            verb,
            tuple(Argument(role, arguments[role]) for role in ROLES if role in arguments),
            past=stream.chance(0.5),
            negated=stream.chance(rates.denied),
            manner=self.concept("manner") if stream.chance(rates.manner) else None,
            time=stream.below(INVENTORY["number"]) if stream.chance(rates.time) else None,
        )

    def referent(self, kind: str) -> Referent:
        """Draw what fills an argument of a frame; its type is known from the verb, so a name may stand bare."""
        if kind != "thing" and self.stream.chance(self.rates.named):
            if self.stream.chance(0.35):
                return self.described(kind)
            return Referent(name=self.name(kind, plain=self.stream.chance(0.5)))
        return self.common(kind)

    def described(self, kind: str) -> Referent:
        """Draw a referent whose type shows: a noun, a noun in apposition to a name, or a name with its noun inside."""
        if kind == "thing" or self.stream.chance(0.35):
            return self.common(kind)
        if kind == "ORG" and self.stream.chance(0.6):
            return Referent(name=self.name(kind, plain=False))
        return Referent(noun=self.concept(NOUN_OF[kind]), name=self.name(kind, plain=True))

    def common(self, kind: str) -> Referent:
        """Draw a referent without a name."""
        weights = cumulative_weights(self.rates.qualities)
        attributes = tuple(self.attribute() for _ in range(self.stream.weighted(weights)))
        count = 2 + self.stream.below(48) if self.stream.chance(self.rates.counted) else None
        return Referent(self.concept(NOUN_OF[kind]), None, attributes, count, definite=self.stream.chance(0.5))

    def attribute(self) -> Attribute:
        """Draw a quality."""
        concept = self.concept("quality")
        return Attribute(
            concept, negated=self.stream.chance(self.rates.not_so), intensified=self.stream.chance(self.rates.very)
        )

    def name(self, kind: str, plain: bool) -> Name:
        """Draw a name of a type; `plain` organisations have no organisation noun inside."""
        stream = self.stream
        stems = tuple(self.stem(kind) for _ in range(1 + stream.chance(_TWO_STEMS[kind])))
        linked = stream.chance(0.15)
        if kind == "ORG" and not plain:
            return Name(kind, stems, noun=self.concept("organisation"), linked=stream.chance(0.4))
        quality = self.concept("quality") if kind == "LOC" and stream.chance(0.15) else None
        return Name(kind, stems, quality=quality, linked=linked and len(stems) > 1)

    def stem(self, kind: str) -> Concept:
        """Draw a name stem; every third stem leans to the type, and is drawn somewhat more often for it."""
        stream = self.stream
        first, size = (NAME_STEMS, NOVEL_STEMS) if stream.chance(self.novel) else (0, NAME_STEMS)
        index = stream.weighted(_STEMS) * size // NAME_STEMS
        if stream.chance(LEANING):
            index = min(index - index % 3 + ENTITY_TYPES.index(kind), size - 1)
        return Concept("stem", first + index)

    def concept(self, kind: str) -> Concept:
        """Draw a concept of a kind by Zipf's law."""
        return Concept(kind, self.stream.weighted(_ZIPF[kind]))


_ZIPF = {kind: zipf(size, ZIPF_OFFSET) for kind, size in INVENTORY.items()}
_STEMS = zipf(NAME_STEMS, STEM_OFFSET)
_TWO_STEMS = {"PER": 0.6, "ORG": 0.1, "LOC": 0.1}
