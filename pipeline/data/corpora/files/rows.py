"""Rows of a user's table, one reader per kind of task; what cannot be used is dropped and counted, or refused.

Texts of blanks only are dropped, rows whose label the map leaves out too. Answers are placed in their contexts as everywhere
(see `placing`); if that fails most of a file's starts, they count something else, and the file is refused.
"""

import ast
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.common.errors import UserError
from pipeline.data.arrange import Read, Unused
from pipeline.data.corpora.files.labels import Labels, label_text
from pipeline.data.formats.lines import EMPTY, ORPHAN, iob2
from pipeline.data.formats.questions import own_rows
from pipeline.data.formats.squad import Question, own_start
from pipeline.data.formats.tables import Table, as_text
from pipeline.data.formats.tagged_parquet import BLANK
from pipeline.data.schema import SCHEMAS, SHARED, task_table

_ARRAY = re.compile(r"array\((\[.*?\])(?:, dtype=\w+)?\)", re.DOTALL)

Chosen = Sequence[tuple[int, str]]
"""The rows to be read: number in the table, and id."""

Sentence = tuple[str, Sequence[str], Sequence[Any], Callable[[int], str]]
"""An id, tokens, tags as they are in the file, and the place of each token for messages."""


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
    answers = _unpacked(table, names["answer"])
    starts = _unpacked(table, names["start"]) if "start" in names else [None] * table.rows
    says = table.columns[names["impossible"]] if "impossible" in names else [None] * table.rows
    asked = []
    for row, name in chosen:
        where = table.place(row)
        impossible = _is_true(says[row], f"{where}: {names.get('impossible')}")
        pairs = [] if impossible else _pairs(answers[row], starts[row], where)
        given = [(text, start) for text, start in pairs if text]
        asked.append((name, Question(where, name, questions[row], contexts[row], given, impossible)))
    return own_rows(language, asked)


def _unpacked(table: Table, name: str) -> list[Any]:
    """Return a column, in which lists and mappings may be written out as text, as tables saved as CSV have them.

    All of them must be, or brackets belong to answers.
    """
    column = table.columns[name]
    written = [value for value in column if isinstance(value, str) and value.strip()]
    if not written or not all(value.strip()[0] in "[{" and value.strip()[-1] in "]}" for value in written):
        return column
    read = {value: _literal(value) for value in written}
    if not all(isinstance(value, list | dict) for value in read.values()):
        return column
    return [read.get(value, value) if isinstance(value, str) else value for value in column]


def _literal(text: str) -> Any:
    """Read JSON or Python's way to write a list or mapping, NumPy's arrays in it too; `None` where it is neither."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return ast.literal_eval(_ARRAY.sub(r"\1", text))
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _is_true(value: Any, where: str) -> bool:
    """Read a truth value as tables write it; nothing is false."""
    text = str(as_text(value) if value is not None else "").strip().lower()
    if text not in ("", "0", "false", "no", "1", "true", "yes"):
        raise UserError(f"{where} is {text!r:.40}; expected true or false")
    return text in ("1", "true", "yes")


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


# ------------------------------------------------------------------------------------------------------ tagged sentences


def tagged_rows(table: Table, names: Mapping[str, str], chosen: Chosen) -> Iterable[Sentence]:
    """Yield the sentences of a table: lists of words and of tags, or text that has a blank between two.

    Raises:
        UserError: a row has not as many tags as words.
    """
    words, tags = table.columns[names["tokens"]], table.columns[names["tags"]]
    for row, name in chosen:
        where = table.place(row)
        ours, theirs = _listed(words[row], where, names["tokens"]), _listed(tags[row], where, names["tags"])
        if len(ours) != len(theirs):
            raise UserError(f"{where}: {len(ours)} words and {len(theirs)} tags; expected as many")
        for word in ours:
            if word is None or isinstance(word, list | dict):
                raise UserError(f"{where}: column {names['tokens']!r} holds {word!r:.40}, expected words")
        yield name, [as_text(word) for word in ours], theirs, _always(where)


def _always(where: str) -> Callable[[int], str]:
    return lambda _: where


def _listed(value: Any, where: str, column: str) -> list[Any]:
    if isinstance(value, dict):
        raise UserError(f"{where}: column {column!r} holds an object, expected a list")
    if isinstance(value, str):
        return [part for part in value.split(" ") if part]
    return [] if value is None else value


def tagged_read(language: str, sentences: Iterable[Sentence], labels: Labels) -> Read:
    """Bring sentences into the task's tags and IOB2.

    Raises:
        UserError: a tag is unknown.
    """
    dropped: Counter[str] = Counter()
    rows, orphans, blanks, unused = [], [], [], []
    for name, words, raw, where in sentences:
        tags = [labels.of(tag, where(i)) for i, tag in enumerate(raw)]
        if None in tags:
            dropped[f"tag {label_text(raw[tags.index(None)])!r}, left out"] += 1
            continue
        kept = [(word, tag) for word, tag in zip(words, tags, strict=True) if word.strip(" ") and tag is not None]
        if not kept:
            dropped[EMPTY] += 1
            unused.append(Unused(name))
            continue
        mended, turned = iob2([tag for _, tag in kept])
        rows.append((name, [word for word, _ in kept], mended))
        orphans.append(turned)
        blanks.append(len(words) - len(kept))
    mends = {ORPHAN: np.array(orphans, dtype=np.int64), BLANK: np.array(blanks, dtype=np.int64)}
    return Read(task_table("ner", language, rows), dropped, mends=mends, unused=unused)
