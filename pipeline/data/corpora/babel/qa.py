"""Questions: a short text of a few events, and a question for one constituent of one of them.

The question says the event with a question word in the constituent's place; nothing else that the text tells answers it.
"""

from dataclasses import dataclass, replace

from pipeline.data.corpora.babel.entailment import Match, match_event
from pipeline.data.corpora.babel.examples import Said, Task
from pipeline.data.corpora.babel.grammar import Grammar, Rates, verb_frames
from pipeline.data.corpora.babel.lexicon import Lexicon
from pipeline.data.corpora.babel.meaning import Argument, Event, Referent, Statement, type_of
from pipeline.data.corpora.babel.realise import event_node, flatten, realise

RATES = Rates(
    further=0.3,
    denied=0.05,
    manner=0.1,
    time=0.0,
    named=0.6,
    counted=0.1,
    qualities=(0.7, 0.3, 0.0),
    not_so=0.0,
    very=0.05,
)
EVENTS = (2, 3, 3)  # how many a text has
ALIKE = 0.5  # share of the texts in which another event has the verb that is asked with


@dataclass(frozen=True)
class Question:
    """A text, one event a sentence, and a question about it.

    Attributes:
        context: the events.
        question: an event with a question word.
        answer: number of the event that answers it, and the role of the constituent that does.
    """

    context: tuple[Event, ...]
    question: Event
    answer: tuple[int, str]


def answering(context: tuple[Event, ...], question: Event) -> list[int]:
    """Return the numbers of the events that answer a question."""
    return [
        i
        for i, told in enumerate(context)
        if told.negated == question.negated and match_event(told, question) is Match.TOLD
    ]


def draw(grammar: Grammar, _label: str) -> Question:
    """Draw a text and a question that one of its events answers."""
    stream = grammar.stream
    while True:
        events = [grammar.event() for _ in range(stream.pick(EVENTS))]
        number = stream.below(len(events))
        if stream.chance(ALIKE):
            other = (number + 1 + stream.below(len(events) - 1)) % len(events)
            events[other] = grammar.event(events[number].verb)
        context = tuple(events)
        role = stream.pick(context[number].arguments).role
        question = _ask(grammar, context[number], role)
        if answering(context, question) == [number]:
            return Question(context, question, (number, role))


def _ask(grammar: Grammar, event: Event, role: str) -> Event:
    """Put a question word in a role; leave out some of the rest."""
    frame = verb_frames(grammar.seed)[event.verb.index]
    arguments = []
    for argument in event.arguments:
        if argument.role == role:
            arguments.append(Argument(role, Referent(asked=type_of(argument.referent))))
        elif argument.role in frame or grammar.stream.chance(0.5):
            arguments.append(argument)
    return replace(event, arguments=tuple(arguments), manner=None)


def say(question: Question, lexicon: Lexicon) -> Said:
    """Say a question and its text: the columns `question`, `context`, `answers` and `starts`."""
    sentences = [realise(Statement((event,)), lexicon) for event in question.context]
    number, role = question.answer
    before = sum(len(sentence.text) + 1 for sentence in sentences[:number])
    start, stop = sentences[number].characters(("events", 0, role))
    context = " ".join(sentence.text for sentence in sentences)
    asked = flatten(event_node(question.question, ("events", 0), lexicon))
    columns = (asked.text, context, [context[before + start : before + stop]], [before + start])
    words = len(asked.tokens) + sum(len(sentence.tokens) for sentence in sentences)
    return Said(columns, words, (asked.text, context), tuple(sentence.text for sentence in sentences))


TASK = Task(RATES, (), range(12, 41), draw, say)
