"""Files of questions in SQuAD's shape, one question after the other; their answers are placed elsewhere (`questions`).

The shape is `data[].paragraphs[].qas[]` in JSON, or the same as Parquet on the hub, a row a question. Strings are kept as they
are, control characters and carriage returns too: offsets count them.

`own_questions` reads what users make of it as well: the list of articles alone, or of paragraphs; answers without offsets;
questions without ids; `answer_start` called `start`; an answer that is a text alone; `is_impossible` as text or number.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa

from pipeline.common.errors import UserError, closest, nearest
from pipeline.common.files import read_parquet, read_utf8
from pipeline.common.names import name_of
from pipeline.data.formats.lines import without_mark

T = TypeVar("T")

_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NESTED = re.compile(r'"(?:paragraphs|qas)"\s*:\s*\[')
_WORDS: dict[type, str] = {
    dict: "an object",
    list: "a list",
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number with a fraction",
    type(None): "nothing",
}


class Question(NamedTuple):
    """One question as it stands in a file.

    Attributes:
        where: file and place, for messages.
        id: the dataset's own id; empty where it has none.
        question: what is asked.
        context: the text that holds the answer; questions on one text share the object.
        answers: texts with their offsets, `None` where there is none.
        impossible: the file says that the context does not answer it.
    """

    where: str
    id: str
    question: str
    context: str
    answers: list[tuple[str, int | None]]
    impossible: bool


def json_questions(path: Path, repaired: Counter[str]) -> Iterator[Question]:
    """Yield the questions of a file of SQuAD's shape: data[].paragraphs[].qas[].

    Raises:
        UserError: no such file, not UTF-8, not JSON, or a key is missing or holds something else (names its path).
    """
    document = _parse(path, without_mark(read_utf8(path, "JSON of SQuAD's shape"), repaired))
    for i, article in enumerate(_get(document, "data", list, str(path))):
        for j, paragraph in enumerate(_get(article, "paragraphs", list, f"{path}: data[{i}]")):
            where = f"{path}: data[{i}].paragraphs[{j}]"
            context = _text(paragraph, "context", where)
            for k, question in enumerate(_get(paragraph, "qas", list, where)):
                yield _question(question, context, f"{where}.qas[{k}]")


def parquet_questions(path: Path) -> Iterator[Question]:
    """Yield the questions of a Parquet file, one per row.

    Raises:
        UserError: no such file, not Parquet, or a column is missing or holds something else (names the row).
    """
    table = read_parquet(path, foreign=True)
    for name in ("id", "question", "context", "answers"):
        if name not in table.column_names:
            raise UserError(f"{path}: column {name!r} is missing{nearest(name, table.column_names)}")
    try:
        table.validate(full=True)
    except pa.ArrowInvalid as error:
        raise UserError(f"{path}: {error}; expected UTF-8") from None
    names = [name for name in ("id", "question", "context", "answers", "is_impossible") if name in table.column_names]
    contexts: dict[str, str] = {}  # each text once, whatever number of questions it has
    number = 0
    for batch in table.select(names).to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            where = f"{path}: row {number}"
            context = _text(row, "context", where)
            yield _question(row, contexts.setdefault(context, context), where)
            number += 1


# --------------------------------------------------------------------------------------------------------- files of users


def is_nested(text: str) -> bool:
    """Whether a file's text is JSON in which questions stand below their contexts."""
    return text.lstrip()[:1] in ("{", "[") and _NESTED.search(text) is not None


def own_questions(path: Path, text: str) -> list[Question]:
    """Return the questions of a user's file in which they stand below their contexts.

    Args:
        path: the file.
        text: what it holds: `{"data": […]}` or `[…]` of articles (`paragraphs`) or of paragraphs (`context`, `qas`), or an
            object of either kind a line.

    Raises:
        UserError: not JSON, or a key is missing or holds something else (names its path); some questions have an id and others
            none.
    """
    found: list[Question] = []
    for entry, where in _entries(path, text):
        if isinstance(entry, dict) and "qas" not in entry:
            paragraphs = enumerate(_get(entry, "paragraphs", list, where))
            places = [(paragraph, f"{where}.paragraphs[{j}]") for j, paragraph in paragraphs]
        else:
            places = [(entry, where)]
        for paragraph, place in places:
            qas, context = _get(paragraph, "qas", list, place), _text(paragraph, "context", place)
            found += [_own_question(fields, context, f"{place}.qas[{k}]") for k, fields in enumerate(qas)]
    bare = next((question for question in found if not question.id), None)
    if bare is not None and any(question.id for question in found):
        raise UserError(f"{bare.where}: key 'id' is missing; expected an id for every question, or for none")
    return found


def _entries(path: Path, text: str) -> list[tuple[Any, str]]:
    """Return the articles or paragraphs of a file, each with its place."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) > 1 and all(not line.strip() or line.lstrip()[0] == "{" for line in lines):
        try:
            first = json.loads(next(line for line in lines if line.strip()), strict=False)
        except ValueError:
            first = None  # the first line is not all of an object
        if isinstance(first, dict) and "data" not in first:
            numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
            numbered = numbered[1:] if set(first) == {"header"} else numbered  # MRQA's first line
            return [(_parse(path, line, number), f"{path}:{number}") for number, line in numbered]
    document = _parse(path, text)
    listed, place = document, str(path)
    if isinstance(document, dict) and not {"paragraphs", "qas"} & set(document):
        listed, place = _get(document, "data", list, str(path)), f"{path}: data"
    if isinstance(listed, dict):
        return [(listed, f"{path}: $")]
    return [(entry, f"{place}[{i}]") for i, entry in enumerate(listed)]


def _own_question(fields: Any, context: str, where: str) -> Question:
    """Read a question that may lack its id, its offsets, or all answers where it says that there are none."""
    key = "" if not isinstance(fields, dict) or fields.get("id") is None else fields["id"]
    key = str(key) if isinstance(key, int | float) and not isinstance(key, bool) else key
    if not isinstance(key, str):
        raise UserError(f"{where}: id is {_name(key)}, expected {_WORDS[str]}")
    question = _text(fields, "question", where)
    impossible = own_truth(fields.get("is_impossible"), f"{where}: is_impossible")
    given = fields.get("answers")
    if "answers" not in fields and "answer" in fields:  # one, as in KorQuAD 2.0; a text has its offset beside it
        one = fields["answer"]
        given = {**fields, "text": one} if isinstance(one, str) else one
    if (impossible and not given) or (given is None and {"answers", "answer"} & set(fields)):
        answers: list[tuple[str, int | None]] = []
    elif isinstance(given, dict) and not isinstance(given.get("text"), str):
        answers = _answers(fields, where)
    else:
        listed = [given] if isinstance(given, dict) else given if isinstance(given, list) else []
        listed = listed or _get(fields, "answers", list, where)
        answers = [_own_answer(answer, f"{where}.answers[{number}]") for number, answer in enumerate(listed)]
    return Question(where, name_of(key), question, context, answers, impossible)


def _own_answer(answer: Any, where: str) -> tuple[str, int | None]:
    """Read an answer with or without its offset: an object, or its text alone."""
    fields = {"text": answer} if isinstance(answer, str) else answer
    return _text(fields, "text", where), own_start(fields, where)


def own_truth(value: Any, where: str) -> bool:
    """Read a truth value as programs write it (`true`, `yes`, `1`, `1.0`); nothing is false.

    Raises:
        UserError: it is none.
    """
    text = name_of("" if value is None else str(value)).lower()
    if text not in ("", "0", "false", "no", "1", "true", "yes"):
        raise UserError(f"{where} is {text!r:.40}; expected true or false")
    return text in ("1", "true", "yes")


def own_start(answer: dict[str, Any], where: str) -> int | None:
    """Return an answer's `answer_start` or `start`; `None` where it has neither.

    Raises:
        UserError: it is no whole number, or another key looks like one of the two.
    """
    key = next((name for name in ("answer_start", "start") if answer.get(name) is not None), None)
    if key is not None:
        whole = answer[key]
        if isinstance(whole, str) and re.fullmatch(r"\s*-?\d{1,18}\s*", whole):
            return int(whole)
        return int(whole) if isinstance(whole, float) and whole.is_integer() else _get(answer, key, int, where)
    if {"answer_start", "start"} & set(answer):
        return None
    if meant := closest("answer_start", answer, 0.8):
        raise UserError(f"{where}: key 'answer_start' is missing; did you mean {meant!r}?")
    return None


# ----------------------------------------------------------------------------------------------------------------- values


def _question(fields: Any, context: str, where: str) -> Question:
    """Read a question's own fields."""
    question, key = _text(fields, "question", where), fields.get("id")
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key)
    elif not _text(fields, "id", where):
        raise UserError(f"{where}: id is empty; expected one of its own for every question")
    impossible = "is_impossible" in fields and _get(fields, "is_impossible", bool, where)
    return Question(where, str(key), question, context, _answers(fields, where), impossible)


def _answers(fields: dict[str, Any], where: str) -> list[tuple[str, int | None]]:
    """Read a question's answers: a list of objects, or (on the hub) an object of lists."""
    given = fields.get("answers")
    if isinstance(given, dict):
        inner = f"{where}.answers"
        texts, starts = _get(given, "text", list, inner), _get(given, "answer_start", list, inner)
        if len(texts) != len(starts):
            raise UserError(f"{inner}: {len(texts)} texts and {len(starts)} offsets; expected as many")
        given = [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)]
    else:
        given = _get(fields, "answers", list, where)
    result: list[tuple[str, int | None]] = []
    for number, answer in enumerate(given):
        at = f"{where}.answers[{number}]"
        result.append((_text(answer, "text", at), _get(answer, "answer_start", int, at)))
    return result


def _get(fields: Any, key: str, kind: type[T], where: str) -> T:
    """Return the value of a key after checking its type."""
    if not isinstance(fields, dict):
        raise UserError(f"{where}: expected an object with the key {key!r}, found {_name(fields)}")
    if key not in fields:
        raise UserError(f"{where}: key {key!r} is missing{nearest(key, fields)}")
    value = fields[key]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UserError(f"{where}: {key} is {_name(value)}, expected {_WORDS[kind]}")
    return value


def _text(fields: Any, key: str, where: str) -> str:
    """Return a string that can be written as UTF-8."""
    value = _get(fields, key, str, where)
    if not value.isascii() and (half := _SURROGATE.search(value)):
        raise UserError(
            f"{where}: {key} has half of a surrogate pair (\\u{ord(half[0]):04x}) at character {half.start()}; "
            "expected both halves, or the character itself"
        )
    return value


def _name(value: Any) -> str:
    return _WORDS.get(type(value), type(value).__name__)


def _parse(path: Path, text: str, line: int = 1) -> Any:
    """Read JSON that begins at a line; control characters may stand in strings as they are."""
    try:
        return json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        at = f"{path}:{error.lineno + line - 1}:{error.colno}"
        raise UserError(f"{at}: not valid JSON (truncated?): {error.msg}") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets thousands deep
        raise UserError(f"{path}: not valid JSON: {error}") from None
