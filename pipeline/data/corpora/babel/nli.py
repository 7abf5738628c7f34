"""Inference: a premise told, a hypothesis that follows from it, contradicts it, or is left open.

The hypothesis is drawn first, from one distribution for all labels, and the premise is made from it; so the hypothesis
alone says nothing about the label.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from pipeline.data.corpora.babel.entailment import Match, match_event
from pipeline.data.corpora.babel.examples import Said, Task
from pipeline.data.corpora.babel.grammar import FREE, Grammar, Rates, verb_frames
from pipeline.data.corpora.babel.lexicon import Lexicon
from pipeline.data.corpora.babel.meaning import (
    INVENTORY,
    NOUN_OF,
    RELATIONS,
    ROLES,
    Argument,
    Attribute,
    Event,
    Referent,
    Statement,
    opposite,
    type_of,
)
from pipeline.data.corpora.babel.realise import realise

RATES = Rates(
    further=0.15,
    denied=0.3,
    manner=0.15,
    time=0.05,
    named=0.3,
    counted=0.2,
    qualities=(0.6, 0.4, 0.0),
    not_so=0.0,
    very=0.0,
)
SECOND = 0.2  # share of the premises with another event
FLIPPED = 0.5  # share of the contradictions that turn on denial, where something else could clash


@dataclass(frozen=True)
class Pair:
    """A premise, a hypothesis of one event, and the label."""

    premise: Statement
    hypothesis: Statement
    label: str


def relation(premise: Statement, claim: Event) -> str | None:
    """Return the label of a claim; None where the premise contradicts itself about it."""
    found = {_relation(told, claim) for told in premise.events}
    if {"entailment", "contradiction"} <= found:
        return None
    return next((label for label in ("entailment", "contradiction") if label in found), "neutral")


def _relation(told: Event, claim: Event) -> str:
    """Return the label of a claim by one event that is told.

    What is told of an event holds of less of it; what is denied of an event is denied of more of it.
    """
    if told.negated != claim.negated:
        happened, denied = (claim, told) if told.negated else (told, claim)
        return "contradiction" if match_event(happened, denied) is Match.TOLD else "neutral"
    if told.negated:
        return "entailment" if match_event(claim, told) is Match.TOLD else "neutral"
    return {Match.TOLD: "entailment", Match.CLASH: "contradiction", Match.OPEN: "neutral"}[match_event(told, claim)]


def draw(grammar: Grammar, label: str) -> Pair:
    """Draw a hypothesis, then a premise to which it stands as the label says."""
    claim = grammar.event()
    while True:
        premise = _premise(grammar, _CHANGES[label](grammar, claim))
        if relation(premise, claim) == label:
            return Pair(premise, Statement((claim,)), label)


def _premise(grammar: Grammar, told: Event) -> Statement:
    """Say more than an event, unless it is denied, and perhaps another one."""
    events = [told if told.negated else _more(grammar, told)]
    if not grammar.stream.chance(SECOND):
        return Statement(tuple(events))
    events.insert(grammar.stream.below(2), grammar.event())
    return Statement(tuple(events), grammar.stream.pick(RELATIONS))


def _same(_grammar: Grammar, claim: Event) -> Event:
    """Leave the claim as it is."""
    return claim


def _more(grammar: Grammar, event: Event) -> Event:
    """Add qualities, nouns in apposition, an argument, a manner, a time."""
    stream = grammar.stream
    event = replace(
        event,
        arguments=tuple(Argument(a.role, _more_of_referent(grammar, a.referent)) for a in event.arguments),
        manner=grammar.concept("manner") if event.manner is None and stream.chance(0.2) else event.manner,
        time=stream.below(INVENTORY["number"]) if event.time is None and stream.chance(0.15) else event.time,
    )
    role, kind = stream.pick(FREE)
    if stream.chance(0.6) or any(a.role == role for a in event.arguments):
        return event
    return _with(event, role, grammar.described(kind))


def _more_of_referent(grammar: Grammar, referent: Referent) -> Referent:
    """Add a quality to a noun without one, or a noun to a bare name."""
    if not grammar.stream.chance(0.3):
        return referent
    if referent.name is None:
        return replace(referent, attributes=referent.attributes or (grammar.attribute(),))
    if referent.noun is None and referent.name.noun is None:
        return replace(referent, noun=grammar.concept(NOUN_OF[referent.name.type]))
    return referent


def _other(grammar: Grammar, claim: Event) -> Event:
    """Make the claim one that is not told: another event with one of its arguments, another verb or argument, or less."""
    changes = (_other_event, _other_event, _other_verb, _other_argument) + (() if claim.negated else (_less,))
    return grammar.stream.pick(changes)(grammar, claim)


def _other_event(grammar: Grammar, claim: Event) -> Event:
    """Take another event, denied like the claim, with the claim's first argument where it has one of that type."""
    told = replace(grammar.event(), negated=claim.negated)
    first = claim.arguments[0]
    same = [a.role for a in told.arguments if type_of(a.referent) == type_of(first.referent)]
    return _with(told, same[0], first.referent) if same else told


def _other_verb(grammar: Grammar, claim: Event) -> Event:
    """Take another verb that asks for the same."""
    frames = verb_frames(grammar.seed)
    verb = grammar.concept("verb")
    while verb == claim.verb or frames[verb.index] != frames[claim.verb.index]:
        verb = grammar.concept("verb")
    return replace(claim, verb=verb)


def _other_argument(grammar: Grammar, claim: Event) -> Event:
    """Take somebody or something else."""
    argument = grammar.stream.pick(claim.arguments)
    return _with(claim, argument.role, grammar.referent(type_of(argument.referent)))


def _less(grammar: Grammar, claim: Event) -> Event:
    """Leave out a manner, a time, a quality or an argument that the verb does not ask for."""
    frame = verb_frames(grammar.seed)[claim.verb.index]
    options = [replace(claim, manner=None), replace(claim, time=None)]
    for argument in claim.arguments:
        if argument.role not in frame:
            options.append(replace(claim, arguments=tuple(a for a in claim.arguments if a is not argument)))
        if argument.referent.attributes:
            options.append(_with(claim, argument.role, replace(argument.referent, attributes=())))
    return grammar.stream.pick([event for event in options if event != claim] or [claim])


def _clash(grammar: Grammar, claim: Event) -> Event:
    """Deny the claim, or take another number, time or the opposite quality."""
    options = []
    stream = grammar.stream
    if not claim.negated:
        if claim.time is not None:
            options.append(replace(claim, time=stream.below(INVENTORY["number"])))
        for argument in claim.arguments:
            referent = argument.referent
            if referent.count is not None:
                options.append(_with(claim, argument.role, replace(referent, count=2 + stream.below(48))))
            if referent.attributes:
                changed = tuple(Attribute(opposite(a.concept)) for a in referent.attributes)
                options.append(_with(claim, argument.role, replace(referent, attributes=changed)))
    if not options or stream.chance(FLIPPED):
        return replace(claim, negated=not claim.negated)
    return stream.pick(options)


def _with(event: Event, role: str, referent: Referent) -> Event:
    """Return an event with a referent in a role, in place of the one it may have there."""
    arguments = {argument.role: argument.referent for argument in event.arguments} | {role: referent}
    return replace(event, arguments=tuple(Argument(r, arguments[r]) for r in ROLES if r in arguments))


_CHANGES: dict[str, Callable[[Grammar, Event], Event]] = {
    "entailment": _same,
    "neutral": _other,
    "contradiction": _clash,
}


def say(pair: Pair, lexicon: Lexicon) -> Said:
    """Say a pair: the columns `premise`, `hypothesis` and `label`."""
    sentences = [realise(statement, lexicon) for statement in (pair.premise, pair.hypothesis)]
    texts = tuple(sentence.text for sentence in sentences)
    return Said((*texts, pair.label), sum(len(s.tokens) for s in sentences), texts, texts)


TASK = Task(RATES, ("entailment", "neutral", "contradiction"), range(8, 33), draw, say)
