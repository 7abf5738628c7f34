"""Rows of a user's table, one reader per kind of task; what cannot be used is dropped and counted, or refused.

Texts of blanks only are dropped, rows whose label the map leaves out too. An answer without a start is looked for in its
context and taken if it stands there exactly once. An answer that is blank, not at its start, or cannot be found is left
out; a question without any other is dropped. If that befalls most of a file's starts, they count something else than
characters, and the file is refused.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.common.errors import UserError
from pipeline.data.arrange import Read
from pipeline.data.corpora.files.labels import Labels, label_text
from pipeline.data.formats.tables import Table, as_text
from pipeline.data.schema import SCHEMAS, task_table

FOUND = "start missing, found in the context"
NO_ANSWER = "no answer, or a blank one"
MISPLACED = "answer not at its start"
ELSEWHERE = "answer without a start, not in its context"
SEVERAL = "answer without a start, several times in its context"

Chosen = Sequence[tuple[int, str]]
"""The rows to be read: number in the table, and id."""


def class_rows(
    task: str, language: str, table: Table, names: Mapping[str, str], chosen: Chosen, labels: Labels
) -> Read:
    """Read rows of texts and one label.

    Args:
        task: `sentiment`, `nli` or `relevance`.
        language: the rows' language.
        table: the file.
        names: the file's column by the task's.
        chosen: which rows.
        labels: what the labels mean.

    Raises:
        UserError: a label is unknown or missing, or a text is a list.
    """
    roles = SCHEMAS[task].names[2:-1]
    texts = [_texts(table, names[role]) for role in roles]
    raw = table.columns[names["label"]]
    dropped: Counter[str] = Counter()
    rows = []
    for row, name in chosen:
        label = labels.of(raw[row], table.place(row))
        found = [column[row] for column in texts]
        if label is None:
            dropped[f"label {label_text(raw[row])!r}, left out"] += 1
        elif empty := next((r for r, text in zip(roles, found, strict=True) if not text.strip()), None):
            dropped[f"empty {empty}"] += 1
        else:
            rows.append((name, *found, label))
    return Read(task_table(task, language, rows), dropped)


def _texts(table: Table, name: str) -> list[str]:
    """Return a column of text, with an empty one where there is none."""
    for row, value in enumerate(table.columns[name]):
        if isinstance(value, list | dict):
            kind = "a list" if isinstance(value, list) else "an object"
            raise UserError(f"{table.place(row)}: column {name!r} holds {kind}, expected text")
    return ["" if value is None else value for value in table.columns[name]]


# ---------------------------------------------------------------------------------------------------------- questions


def answer_rows(language: str, table: Table, names: Mapping[str, str], chosen: Chosen) -> Read:
    """Read questions with their answers, each found in its context.

    Raises:
        UserError: answers and starts differ in number, a start is no number, or most starts are wrong.
    """
    questions, contexts = _texts(table, names["question"]), _texts(table, names["context"])
    answers = table.columns[names["answer"]]
    starts = table.columns[names["start"]] if "start" in names else [None] * table.rows
    dropped: Counter[str] = Counter()
    rows, mends, checked = [], [], Checked()
    for row, name in chosen:
        where, context = table.place(row), contexts[row]
        empty = next((r for r, t in (("question", questions[row]), ("context", context)) if not t.strip()), None)
        if empty:
            dropped[f"empty {empty}"] += 1
            continue
        placed, faults = checked.place(context, _pairs(answers[row], starts[row], where), where)
        if not placed:
            dropped[next(iter(faults), NO_ANSWER)] += 1
            continue
        texts, numbers = zip(*placed, strict=True)
        rows.append((name, questions[row], context, list(texts), list(numbers)))
        mends.append(faults)
    checked.check()
    reasons = sorted({reason for faults in mends for reason in faults})
    counts = {_mend(reason): np.array([faults[reason] for faults in mends], dtype=np.int64) for reason in reasons}
    return Read(task_table("qa", language, rows), dropped, mends=counts)


def _mend(reason: str) -> str:
    return reason if reason == FOUND else f"{reason}; left out, the question has others"


class Checked:
    """Puts answers to their places and keeps count of the starts that were wrong."""

    def __init__(self) -> None:
        self.right, self.wrong, self.first = 0, 0, ""

    def place(
        self, context: str, pairs: Iterable[tuple[str, int | None]], where: str
    ) -> tuple[list[tuple[str, int]], Counter[str]]:
        """Return the answers that stand in the context, with their starts, and what was wrong with the others."""
        placed: list[tuple[str, int]] = []
        faults: Counter[str] = Counter()
        for answer, start in pairs:
            if not answer.strip():
                faults[NO_ANSWER] += 1
            elif start is not None:
                if context.startswith(answer, start):
                    self.right += 1
                    placed.append((answer, start))
                    continue
                self.wrong += 1
                stands = context[start : start + len(answer)]
                self.first = self.first or f"{where}: the answer {answer!r} has start {start}, where {stands!r} stands"
                faults[MISPLACED] += 1
            elif (at := context.find(answer)) < 0:
                faults[ELSEWHERE] += 1
            elif context.find(answer, at + 1) >= 0:
                faults[SEVERAL] += 1
            else:
                faults[FOUND] += 1
                placed.append((answer, at))
        return placed, faults

    def check(self) -> None:
        """Refuse a file most of whose starts are wrong.

        Raises:
            UserError: they are.
        """
        if self.wrong > self.right:
            total = self.right + self.wrong
            raise UserError(
                f"{self.first}; {self.wrong} of {total} starts are wrong; expected characters (not bytes) counted from 0"
            )


def _pairs(answers: Any, starts: Any, where: str) -> list[tuple[str, int | None]]:
    """Return answers with their starts: of one text, of a list, or of SQuAD's `{text: […], answer_start: […]}`."""
    if isinstance(answers, dict):
        if "text" not in answers:
            raise UserError(
                f"{where}: the answer has keys {', '.join(answers) or 'none'}; expected text and answer_start"
            )
        answers, starts = answers["text"], answers.get("answer_start", starts)
    if answers is None:
        return []
    texts = answers if isinstance(answers, list) else [answers]
    numbers = starts if isinstance(starts, list) else [None] * len(texts) if starts in (None, "") else [starts]
    if len(numbers) != len(texts):
        raise UserError(f"{where}: {len(texts)} answers and {len(numbers)} starts; expected as many")
    for text in texts:
        if isinstance(text, list | dict):
            raise UserError(f"{where}: the answer {text!r:.60} is no text")
    pairs = zip(texts, numbers, strict=True)
    return [("" if text is None else as_text(text), _start(number, where)) for text, number in pairs]


def _start(value: Any, where: str) -> int | None:
    text = as_text(value)
    if text is None or text == "":
        return None
    whole = re.fullmatch(r"\s*(\d+)(\.0+)?\s*", text) if isinstance(text, str) else None
    if not whole:
        raise UserError(f"{where}: start {text!r:.40}; expected a whole number of characters, 0 or more")
    return int(whole[1])
