"""What a model of question answering gets wrong: answers cut too long or too short, beside the right one, or none.

Answers are compared as tokens by MLQA's rule (`pipeline.tasks.qa_score`), each with the gold answer that it has the highest F1
with. *Exact*: equal to a gold answer. *Too long*: it has all of it and more, in one piece; *too short*: it is a piece of it;
*partial*: they share some tokens; *no overlap*: none; *no answer*: nothing is left of it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.results.errors.classes import means
from pipeline.results.errors.entities import share
from pipeline.results.errors.spec import Key, Measured
from pipeline.tasks.qa_score import answer_f1, normalise, token_f1

EXACT = "exact"
KINDS = ("too long", "too short", "partial", "no overlap", "no answer")


def kind_of(prediction: str | None, golds: Sequence[str], language: str) -> str:
    """Return what a prediction is."""
    tokens = normalise(prediction, language) if prediction else []
    rights = [normalise(gold, language) for gold in golds]
    if prediction is not None and tokens in rights:
        return EXACT
    if not tokens:
        return "no answer"
    best = max(rights, key=lambda right: token_f1(tokens, right))
    if not token_f1(tokens, best):
        return "no overlap"
    return "too long" if holds(tokens, best) else "too short" if holds(best, tokens) else "partial"


def holds(long: Sequence[str], short: Sequence[str]) -> bool:
    """Whether the tokens of `short` stand in `long` one after the other."""
    return any(list(long[i : i + len(short)]) == list(short) for i in range(len(long) - len(short) + 1))


def measure(rows: Sequence[Mapping[str, Any]], groups: Mapping[str, Mapping[str, str]], language: str) -> Measured:
    """Measure a run's predictions on one language.

    Args:
        rows: predictions, a row a question.
        groups: by part (`length`, `known`, `question`, `place`) and question id: its group.
        language: the contexts'.

    Returns:
        `kinds`, of all questions; the mean answer F1 in each group of the parts.
    """
    kinds = Counter(kind_of(row["predicted"], row["gold"], language) for row in rows)
    scores = {row["id"]: answer_f1(row["predicted"], row["gold"], language) for row in rows}
    return {
        **{Key("kinds", kind): share(kinds[kind], len(rows)) for kind in (EXACT, *KINDS)},
        **means(scores, groups),
    }
