"""Sentiment: qualities and manners are good or bad, and a text is what most of them are.

Which are good is drawn for the family; of two neighbours in frequency one is good and one bad. A denied one counts for the
other side, an intensified one twice; a denied event denies its manner. Qualities inside names count nothing.
"""

from dataclasses import dataclass
from functools import lru_cache

from pipeline.data.corpora.babel.examples import Said, Task
from pipeline.data.corpora.babel.grammar import Grammar, Rates
from pipeline.data.corpora.babel.lexicon import Lexicon
from pipeline.data.corpora.babel.meaning import INVENTORY, Concept, Event, Statement
from pipeline.data.corpora.babel.realise import realise
from pipeline.data.corpora.babel.streams import Stream

RATES = Rates(manner=0.4, named=0.45, qualities=(0.35, 0.5, 0.15), not_so=0.2, very=0.2, denied=0.15)
POLAR = ("quality", "manner")


@dataclass(frozen=True)
class Text:
    """A statement and its label."""

    statement: Statement
    label: str


@lru_cache(maxsize=8)
def polarities(seed: int) -> dict[Concept, int]:
    """Return 1 for the good and -1 for the bad qualities and manners of a family; opposites have opposite ones."""
    stream = Stream(seed, "polarity")
    result = {}
    for kind in POLAR:
        for first in range(0, INVENTORY[kind], 2):
            sign = 1 if stream.chance(0.5) else -1
            result[Concept(kind, first)], result[Concept(kind, first + 1)] = sign, -sign
    return result


def polarity(statement: Statement, seed: int) -> int:
    """Return the sum of what speaks for (above zero) and against."""
    signs = polarities(seed)
    return sum(_of_event(event, signs) for event in statement.events)


def _of_event(event: Event, signs: dict[Concept, int]) -> int:
    """Return the sum over one event."""
    total = 0 if event.manner is None else signs[event.manner] * (-1 if event.negated else 1)
    for argument in event.arguments:
        for attribute in argument.referent.attributes:
            weight = -1 if attribute.negated else 2 if attribute.intensified else 1
            total += weight * signs[attribute.concept]
    return total


def draw(grammar: Grammar, label: str) -> Text:
    """Draw a statement that speaks for the label."""
    wanted = 1 if label == "positive" else -1
    while True:
        statement = grammar.statement()
        if polarity(statement, grammar.seed) * wanted > 0:
            return Text(statement, label)


def say(text: Text, lexicon: Lexicon) -> Said:
    """Say a text: the columns `text` and `label`."""
    sentence = realise(text.statement, lexicon)
    return Said((sentence.text, text.label), len(sentence.tokens), (sentence.text,), (sentence.text,))


TASK = Task(RATES, ("negative", "positive"), range(5, 26), draw, say)
