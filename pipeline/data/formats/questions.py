"""Questions with answers in their contexts, as rows: SQuAD-shaped JSON, the same as Parquet on the hub, users' tables.

An answer becomes a piece of its context (see `placing`); what had to be mended is counted. One that cannot be placed is left
out, and a question with no answer left is dropped and counted.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common.errors import UserError, nearest
from pipeline.data.arrange import Read, Unused
from pipeline.data.formats.placing import BLANK, NEAR, READINGS, RESPELT, Placed, place, reading_of
from pipeline.data.formats.squad import Question, json_questions, parquet_questions
from pipeline.data.schema import task_table

UNANSWERABLE = "question without an answer"
NO_QUESTION = "question empty"
NO_CONTEXT = "context empty"
LEFT_OUT = "one of several answers left out: "  # and why


@dataclass
class _Found:
    """What was read so far."""

    rows: list[tuple[str, str, str, list[str], list[int]]] = field(default_factory=list)
    unanswerable: list[str] = field(default_factory=list)  # where
    dropped: Counter[str] = field(default_factory=Counter)
    unused: list[Unused] = field(default_factory=list)
    mends: list[tuple[int, str]] = field(default_factory=list)  # row, reason
    wrong: list[str] = field(default_factory=list)  # what is said of offsets at which nothing like the answer stands
    right: int = 0  # the other offsets


def read_questions(
    files: Sequence[Path], language: str, prefix: str, unanswerable: str = "drop", advice: str = ""
) -> Read:
    """Read one split's files in order.

    Args:
        files: JSON of SQuAD's shape (1.1 or 2.0), or Parquet with columns `id`, `question`, `context`, `answers`.
        language: the rows' `lang`.
        prefix: what the rows' ids begin with; the dataset's own id follows.
        unanswerable: `"refuse"` or `"drop"`: what to do with questions that have no answer (SQuAD 2.0).
        advice: what to do if no question bears an answer, for the message.

    Raises:
        UserError: a file is malformed (names file and place), an id is there twice, no question is left, or some have no answer
            and are to be refused.
    """
    repaired: Counter[str] = Counter()
    questions: list[Question] = []
    for path in files:
        before = len(questions)
        questions += parquet_questions(path) if path.suffix == ".parquet" else json_questions(path, repaired)
        if len(questions) == before:
            raise UserError(f"{path}: holds no questions; expected at least one")
    check_ids(questions)
    found = _answered((f"{prefix}-{question.id}", question) for question in questions)
    _check(files[0], found, len(questions), unanswerable, advice)
    return _as_read(language, found, repaired)


def own_rows(language: str, questions: Sequence[tuple[str, Question]]) -> Read:
    """Return a user's questions as rows, whatever number of them is left.

    Args:
        language: the rows' `lang`.
        questions: each with its row's id.

    Raises:
        UserError: at most of the offsets stands nothing like the answer: they count something else.
    """
    found = _answered(questions)
    if len(found.wrong) > found.right:
        total = len(found.wrong) + found.right
        raise UserError(
            f"{found.wrong[0]}; {len(found.wrong):,} of {total:,} starts are wrong, read as characters, UTF-16 units or bytes; "
            "expected characters counted from 0, or no starts: without them answers that stand in their context once are found"
        )
    return _as_read(language, found, Counter())


def check_ids(questions: Iterable[Question]) -> None:
    """Check that no id is there twice.

    Raises:
        UserError: one is (names both places).
    """
    places: dict[str, str] = {}
    for question in questions:
        if question.id in places:
            raise UserError(f"{question.where}: the id {question.id!r} is already that of {places[question.id]}")
        places[question.id] = question.where


def _answered(questions: Iterable[tuple[str, Question]]) -> _Found:
    """Place the answers of all questions, after learning what their offsets count."""
    named, found = list(questions), _Found()
    asked = [question for _, question in named if not question.impossible]
    reading = reading_of((one.context, text, start) for one in asked for text, start in one.answers)
    for name, question in named:
        dropped = _take(name, question, reading, found)
        if dropped:
            found.dropped[dropped] += 1
            found.unused.append(Unused(name, question.context))
    return found


def _take(name: str, question: Question, reading: str, found: _Found) -> str:
    """Keep a question with those of its answers that can be placed, or say why not."""
    if question.impossible or not question.answers:
        found.unanswerable.append(question.where)
        return UNANSWERABLE
    if not question.question.strip() or not question.context.strip():
        return NO_CONTEXT if question.question.strip() else NO_QUESTION
    placed = [place(question.context, text, start, reading) for text, start in question.answers]
    for (text, start), answer in zip(question.answers, placed, strict=True):
        if start is not None and start >= 0 and answer.reason != BLANK:
            _judge(question, text, start, answer, found)
    kept = [answer for answer in placed if answer.start is not None]
    if not kept:
        return placed[0].reason
    row = len(found.rows)
    for answer in placed:
        if answer.reason:
            left_out = LEFT_OUT if answer.start is None else ""
            found.mends.append((row, f"{left_out}{answer.reason}"))
    starts = [answer.start for answer in kept if answer.start is not None]
    found.rows.append((name, question.question, question.context, [answer.text for answer in kept], starts))
    return ""


def _judge(question: Question, text: str, start: int, answer: Placed, found: _Found) -> None:
    """Note whether an offset led to its answer."""
    near = answer.start is not None and abs(answer.start - start) <= NEAR
    if near or answer.reason in READINGS or answer.reason == RESPELT:
        found.right += 1
        return
    there = question.context[start : start + len(text)]
    stands = f"where {there!r:.60} stands" if there else "which is past the end of its context"
    found.wrong.append(f"{question.where}: the answer {text!r:.60} has start {start}, {stands}")


def _as_read(language: str, found: _Found, repaired: Counter[str]) -> Read:
    mends: dict[str, np.ndarray[Any, np.dtype[np.int64]]] = {}
    for row, reason in found.mends:
        mends.setdefault(reason, np.zeros(len(found.rows), dtype=np.int64))[row] += 1
    return Read(task_table("qa", language, found.rows), dict(found.dropped), dict(repaired), mends, unused=found.unused)


def _check(path: Path, found: _Found, total: int, unanswerable: str, advice: str) -> None:
    """Refuse what leaves nothing to learn from, and unanswerable questions if they are not to be dropped."""
    without = len(found.unanswerable)
    if without + found.dropped[BLANK] == total:
        kind = "their answers are blank" if found.dropped[BLANK] else "their lists of answers are empty"
        raise UserError(f"{path}: none of {total:,} questions bears an answer ({kind}){advice}")
    if unanswerable not in ("refuse", "drop"):
        raise UserError(f"unanswerable: {unanswerable!r}{nearest(unanswerable, ('refuse', 'drop'))}")
    if without and unanswerable == "refuse":
        raise UserError(
            f"{path}: {without:,} of {total:,} questions have no answer, as in SQuAD 2.0 (the first is "
            f"{found.unanswerable[0]}); set unanswerable: drop to leave them out"
        )
    if not found.rows:
        reasons = ", ".join(f"{reason}: {n:,}" for reason, n in sorted((+found.dropped).items()))
        raise UserError(f"{path}: none of {total:,} questions can be used ({reasons})")
