"""Rows of a user's table, one reader per kind of task; what cannot be used is dropped and counted, or refused.

Texts of blanks only are dropped, rows whose label the map leaves out too. Answers are placed in their contexts as everywhere
(see `placing`); if that fails most of a file's starts, they count something else, and the file is refused.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.common.errors import UserError
from pipeline.data.arrange import Read, Unused
from pipeline.data.corpora.files.labels import Labels, label_text
from pipeline.data.formats.questions import own_rows
from pipeline.data.formats.squad import Question, own_start, own_truth
from pipeline.data.formats.tables import Table, as_text
from pipeline.data.schema import SCHEMAS, SHARED, task_table

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
    raw = [_only(value) for value in table.columns[names["label"]]]
    dropped: Counter[str] = Counter()
    rows, unused = [], []
    for row, name in chosen:
        label = labels.of(raw[row], table.place(row))
        found = [column[row] for column in texts]
        if label is None:
            dropped[f"label {label_text(raw[row])!r}, left out"] += 1
        elif empty := next((r for r, text in zip(roles, found, strict=True) if not text.strip()), None):
            dropped[f"empty {empty}"] += 1
            shared = dict(zip(roles, found, strict=True)).get(SHARED.get(task, ""), "")
            unused.append(Unused(name, shared, label))
        else:
            rows.append((name, *found, label))
    return Read(task_table(task, language, rows), dropped, unused=unused)


def _only(value: Any) -> Any:
    """Return the one label of a list of labels, as programs for annotating save it; none of an empty one."""
    return value if not isinstance(value, list) or len(value) > 1 else (*value, None)[0]


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
    says = table.columns[names["impossible"]] if "impossible" in names else [None] * table.rows
    asked = []
    for row, name in chosen:
        where = table.place(row)
        impossible = own_truth(says[row], f"{where}: {names.get('impossible')}")
        pairs = [] if impossible else _pairs(answers[row], starts[row], where)
        given = [(text, start) for text, start in pairs if text]
        asked.append((name, Question(where, name, questions[row], contexts[row], given, impossible)))
    return own_rows(language, asked)


def _pairs(answers: Any, starts: Any, where: str) -> list[tuple[str, int | None]]:
    """Return answers with their starts.

    Args:
        answers: a text, a list of them, SQuAD's list of `{text, answer_start}`, or the hub's `{text: […], answer_start: […]}`.
        starts: one, or a list of them, where the answers have none of their own.
        where: the row's place.
    """
    if isinstance(answers, list) and any(isinstance(answer, dict) for answer in answers):
        texts: list[Any] = [_member(answer, where) for answer in answers]
        numbers = [own_start(answer, where) for answer in answers]
    elif isinstance(answers, dict):
        texts = _member(answers, where)
        numbers = next((answers[key] for key in ("answer_start", "start") if key in answers), starts)
    elif answers is None:
        return []
    else:
        texts, numbers = answers, starts
    texts = texts if isinstance(texts, list) else [texts]
    numbers = numbers if isinstance(numbers, list) else [None] * len(texts) if numbers in (None, "") else [numbers]
    if len(numbers) != len(texts):
        raise UserError(f"{where}: {len(texts)} answers and {len(numbers)} starts; expected as many")
    for text in texts:
        if isinstance(text, list | dict):
            raise UserError(f"{where}: the answer {text!r:.60} is no text")
    pairs = zip(texts, numbers, strict=True)
    return [("" if text is None else as_text(text), _start(number, where)) for text, number in pairs]


def _member(answer: Any, where: str) -> Any:
    """Return the text of an answer that is an object."""
    if not isinstance(answer, dict):
        raise UserError(
            f"{where}: the answer {answer!r:.60} is no object; expected text and answer_start, as in others"
        )
    if "text" not in answer:
        raise UserError(f"{where}: the answer has keys {', '.join(answer) or 'none'}; expected text and answer_start")
    return answer["text"]


def _start(value: Any, where: str) -> int | None:
    """Return a start; -1 and the like say that it is not known."""
    text = as_text(value)
    if text is None or text == "":
        return None
    whole = re.fullmatch(r"\s*(-?\d+)(\.0+)?\s*", text) if isinstance(text, str) else None
    if not whole:
        raise UserError(
            f"{where}: start {text!r:.40}; expected a whole number of characters from 0, or -1 where it is not known"
        )
    return int(whole[1]) if int(whole[1]) >= 0 else None
