"""Named entities: every name in the meaning is an entity, labelled where the sentence says it."""

from pipeline.data.corpora.babel.examples import Said, Task
from pipeline.data.corpora.babel.grammar import Grammar, Rates
from pipeline.data.corpora.babel.lexicon import Lexicon
from pipeline.data.corpora.babel.meaning import Statement, resolve
from pipeline.data.corpora.babel.realise import Sentence, realise

RATES = Rates()


def tags(meaning: Statement, sentence: Sentence) -> list[str]:
    """Return IOB2 tags, one per token."""
    result = ["O"] * len(sentence.tokens)
    for path, (start, stop) in sentence.spans.items():
        if path[-1:] == ("name",):
            kind = resolve(meaning, path).type
            result[start:stop] = [f"B-{kind}"] + [f"I-{kind}"] * (stop - start - 1)
    return result


def draw(grammar: Grammar, _label: str) -> Statement:
    """Draw a statement."""
    return grammar.statement()


def say(meaning: Statement, lexicon: Lexicon) -> Said:
    """Say a statement: the columns `tokens` and `tags`."""
    sentence = realise(meaning, lexicon)
    columns = (sentence.tokens, tags(meaning, sentence))
    return Said(columns, len(sentence.tokens), (sentence.text,), (sentence.text,))


TASK = Task(RATES, (), range(5, 26), draw, say)
