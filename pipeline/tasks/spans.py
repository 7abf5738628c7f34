"""From right answers to spans of sub-tokens and back: which span an answer is, what text a span gives, what none can give.

Characters that no sub-token shows, as marks of writing direction that a normaliser drops, can neither be found nor missed by a
model. At the ends of a right answer they go by the answer (`own_offsets`).
"""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from pipeline.tasks.examples import Examples
from pipeline.tasks.qa_score import LONGEST, answer_outcome

Prediction = tuple[str, int, int]
"""An answer: text, first character, one past the last character."""


def own_offsets(
    offsets: NDArray[np.int32], context: str, answers: Sequence[str], starts: Sequence[int]
) -> NDArray[np.int32]:
    """Return a context's offsets as one question has them: characters that no sub-token shows go by its answers.

    Where such characters stand at an end of an answer, the first or last sub-token of the answer begins or ends with them;
    where they stand just outside of it, that sub-token leaves them out. Of two answers with the same end the first counts.

    Args:
        offsets: of the context's sub-tokens (n, 2).
        context: the text.
        answers: the right answers.
        starts: each one's first character in the context.
    """
    own, settled = offsets, set()
    for begin, end in stripped(answers, starts):
        span = touched(offsets, begin, end)
        if span is None:
            continue
        for (piece, side), wanted in (((span[0], 0), begin), ((span[1], 1), end)):
            there = int(offsets[piece, side])
            between = context[min(there, wanted) : max(there, wanted)]
            outside = there < wanted if side == 0 else there > wanted
            if (piece, side) not in settled and between and (not outside or all(map(is_invisible, between))):
                own = offsets.copy() if own is offsets else own
                own[piece, side] = wanted
            settled.add((piece, side))
    return own


def is_invisible(character: str) -> bool:
    """Whether a character shows nothing: blanks, controls, marks of format as those of writing direction."""
    return character.isspace() or unicodedata.category(character) in ("Cf", "Cc")


def stripped(answers: Sequence[str], starts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first character of each answer and one past its last, without the blanks at its ends."""
    for answer, start in zip(answers, starts, strict=True):
        begin = start + len(answer) - len(answer.lstrip())
        yield begin, begin + len(answer.strip())


def touched(offsets: NDArray[np.int32], begin: int, end: int) -> tuple[int, int] | None:
    """Return the first and last sub-token that has any of the characters from `begin` to `end`; `None` where none has."""
    inside = np.flatnonzero((offsets[:, 0] < end) & (offsets[:, 1] > begin))
    return (int(inside[0]), int(inside[-1])) if len(inside) else None


def answer_span(
    offsets: NDArray[np.int32], context: str, answers: Sequence[str], starts: Sequence[int]
) -> tuple[int, int] | None:
    """Return the first and last sub-token of an answer: the first that these give exactly, else the first that has any.

    Args:
        offsets: of the context's sub-tokens (n, 2).
        context: the text.
        answers: the right answers.
        starts: each one's first character in the context.

    Returns:
        `None` where sub-tokens stand for no answer.
    """
    found: tuple[int, int] | None = None
    for begin, end in stripped(answers, starts):
        span = touched(offsets, begin, end)
        if span is not None and trimmed(context, *ends_of(offsets, span))[1:] == (begin, end):
            return span
        found = found or span
    return found


def ends_of(offsets: NDArray[np.int32], span: tuple[int, int]) -> tuple[int, int]:
    """Return the first character of a span of sub-tokens and one past its last."""
    return int(offsets[span[0], 0]), int(offsets[span[1], 1])


def trimmed(context: str, start: int, end: int) -> Prediction:
    """Cut a span out of the context, without the blanks at its ends."""
    text = context[start:end]
    start += len(text) - len(text.lstrip())
    text = text.strip()
    return text, start, start + len(text)


def unreachable(examples: Examples) -> dict[str, int]:
    """Count the questions whose right answer no prediction can be, whatever the model: for each, F1 or exact match is below 1.

    Returns:
        By reason: `cut_off`, no window holds an answer whole; `too_long`, of more than `examples.longest` sub-tokens; `inexact`,
        inside of what is one sub-token, or nothing by the rule of the score.
    """
    counts = dict.fromkeys(("cut_off", "too_long", "inexact"), 0)
    longest = examples.longest or LONGEST
    for begin, end in pairwise([*examples.firsts.tolist(), len(examples)]):
        lengths = exact_lengths(examples, range(begin, end))
        if lengths is None:
            counts["cut_off"] += 1
        elif not lengths:
            counts["inexact"] += 1
        elif min(lengths) > longest:
            counts["too_long"] += 1
    return counts


def exact_lengths(examples: Examples, rows: Sequence[int]) -> list[int] | None:
    """Return how many sub-tokens the right answers of one question take that spans give exactly, in any of its windows.

    Returns:
        `None` where no window holds an answer whole.
    """
    gold, found, held = examples.gold[rows[0]], [], False
    for row, (first, last) in product(rows, stripped(gold["answers"], gold["starts"])):
        places = np.asarray(examples.positions[row])
        span = touched(places, first, last)
        if span is None:
            continue
        start, stop = ends_of(places, span)
        if start <= first and stop >= last:
            held = True
            text = trimmed(gold["context"], start, stop)[0]
            if answer_outcome(text, gold["answers"], gold["language"]) == (1.0, 1.0):
                found.append(span[1] - span[0] + 1)
    return found if held else None
