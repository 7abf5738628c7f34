"""Relevance: what somebody looks for, and the title of something offered.

A title is relevant if the thing it offers is the one looked for, with the qualities and the name looked for. Of those that
are not, some offer anything, others share words with the query: another thing of that name, the opposite quality, the thing
under another name, something *with* the thing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline.data.corpora.babel.entailment import Match, match_referent
from pipeline.data.corpora.babel.examples import Said, Task
from pipeline.data.corpora.babel.grammar import Grammar, Rates
from pipeline.data.corpora.babel.lexicon import Lexicon
from pipeline.data.corpora.babel.meaning import Argument, Attribute, Referent, opposite
from pipeline.data.corpora.babel.realise import Node, flatten, name_node, oblique_node, referent_node

RATES = Rates(counted=0.0, qualities=(0.6, 0.4, 0.0), not_so=0.0, very=0.0)
BRANDED = 0.15  # share of the queries, and of the titles of other things, that have a name
EXTRAS = (("companion", "thing"), ("topic", "thing"), ("origin", "LOC"), ("companion", "ORG"))


@dataclass(frozen=True)
class Offer:
    """What a title offers, and what is said beside it."""

    thing: Referent
    extra: Argument | None = None


@dataclass(frozen=True)
class Search:
    """A query, a title and the label."""

    query: Referent
    title: Offer
    label: str


def relevant(query: Referent, title: Offer) -> bool:
    """Say whether a title offers what is looked for."""
    return match_referent(title.thing, query) is Match.TOLD


def draw(grammar: Grammar, label: str) -> Search:
    """Draw a query, then a title that is relevant to it or not."""
    query = _thing(grammar)
    while True:
        title = _title(grammar, query) if label == "relevant" else grammar.stream.pick(_WRONG)(grammar, query)
        if relevant(query, title) == (label == "relevant"):
            return Search(query, title, label)


def _thing(grammar: Grammar) -> Referent:
    """Draw a thing with its qualities and perhaps a name."""
    thing = grammar.common("thing")
    return replace(thing, name=grammar.name("ORG", plain=True) if grammar.stream.chance(BRANDED) else None)


def _title(grammar: Grammar, thing: Referent) -> Offer:
    """Offer a thing, perhaps with one more quality, a name, and something beside it."""
    stream = grammar.stream
    if thing.name is None and stream.chance(BRANDED):
        thing = replace(thing, name=grammar.name("ORG", plain=True))
    if len(thing.attributes) < 2 and stream.chance(0.3):
        thing = replace(thing, attributes=tuple(stream.shuffled((*thing.attributes, grammar.attribute()))))
    role, kind = stream.pick(EXTRAS)
    return Offer(thing, Argument(role, grammar.described(kind)) if stream.chance(0.4) else None)


def _unrelated(grammar: Grammar, _query: Referent) -> Offer:
    """Offer anything."""
    return _title(grammar, _thing(grammar))


def _other_thing(grammar: Grammar, query: Referent) -> Offer:
    """Offer another thing with the same qualities and name."""
    return _title(grammar, replace(query, noun=grammar.concept("thing")))


def _other_quality(grammar: Grammar, query: Referent) -> Offer:
    """Offer the thing with the opposite qualities, or others."""
    changed = tuple(
        Attribute(opposite(a.concept)) if grammar.stream.chance(0.5) else grammar.attribute() for a in query.attributes
    )
    return _title(grammar, replace(query, attributes=changed))


def _other_name(grammar: Grammar, query: Referent) -> Offer:
    """Offer the thing under another name."""
    return _title(grammar, replace(query, name=grammar.name("ORG", plain=True)))


def _beside(grammar: Grammar, query: Referent) -> Offer:
    """Offer another thing, with the one looked for beside it."""
    return replace(_title(grammar, _thing(grammar)), extra=Argument(grammar.stream.pick(("companion", "topic")), query))


_WRONG: tuple[Callable[[Grammar, Referent], Offer], ...] = (
    *[_unrelated] * 5, _other_thing, _other_quality, _other_name, _beside,
)  # fmt: skip


def say(search: Search, lexicon: Lexicon) -> Said:
    """Say a search: the columns `query`, `title` and `label`. A query is mere words: the noun, its qualities, the name."""
    concepts = (search.query.noun, *(a.concept for a in search.query.attributes))
    words = [lexicon.word(concept) for concept in concepts if concept is not None]
    if search.query.name is not None:
        words += flatten(name_node(search.query.name, ("name",), lexicon)).tokens
    parts = [referent_node(search.title.thing, ("thing",), lexicon)]
    if search.title.extra is not None:
        parts.append(oblique_node(search.title.extra, ("extra",), lexicon))
    query, title = " ".join(words), flatten(Node((), tuple(parts)))
    return Said((query, title.text, search.label), len(words) + len(title.tokens), (query, title.text), (title.text,))


TASK = Task(RATES, ("irrelevant",) * 7 + ("relevant",) * 3, range(4, 21), draw, say)
