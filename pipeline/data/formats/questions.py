"""Questions with answers in their contexts: SQuAD-shaped JSON, and the same as Parquet on the hub.

What is kept is right by construction: every answer is a piece of its context, cut out at its offset, in characters. An answer
that does not stand at its offset is looked for, in this order:

1. at the offset read as UTF-16 units or as UTF-8 bytes (both differ from characters once the text is not plain ASCII);
2. within `NEAR` characters of the offset, if it stands there once;
3. anywhere in the context, if it stands there once;
4. written otherwise (white space, Unicode's composed and decomposed forms), at its offset or once anywhere.

What is found is mended and counted. An answer that stands nowhere, or several times with nothing to choose by, is left out, and
a question with no answer left is dropped and counted; guessing would make a wrong label. Strings are kept as they are, control
characters and carriage returns too: offsets count them.
"""

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import read_parquet, read_utf8
from pipeline.data.arrange import Read
from pipeline.data.formats.lines import without_mark
from pipeline.data.schema import task_table

T = TypeVar("T")

UNANSWERABLE = "question without an answer"
BLANK = "answer blank"
NOWHERE = "answer not in its context"
AMBIGUOUS = "answer not at its offset, but several times elsewhere"
NO_QUESTION = "question empty"
NO_CONTEXT = "context empty"

UTF16 = "offset counted UTF-16 units, now characters"
BYTES = "offset counted bytes, now characters"
MOVED = "offset wrong, now where the answer stands"
RESPELT = "answer written otherwise than in its context (white space, Unicode form), now as there"
LEFT_OUT = "one of several answers left out: "  # and why

NEAR = 2  # characters
_SURROGATE = re.compile(r"[\ud800-\udfff]")
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
        id: the dataset's own id.
        question: what is asked.
        context: the text that holds the answer; questions on one text share the object.
        answers: texts with their offsets.
        impossible: the file says that the context does not answer it.
    """

    where: str
    id: str
    question: str
    context: str
    answers: list[tuple[str, int]]
    impossible: bool


class Placed(NamedTuple):
    """Where an answer stands: its text and start, and what was mended; `start` is `None` where it cannot be placed."""

    text: str
    start: int | None
    reason: str = ""


@dataclass
class _Found:
    """What was read so far."""

    rows: list[tuple[str, str, str, list[str], list[int]]] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)  # by id: where
    unanswerable: list[str] = field(default_factory=list)  # where
    dropped: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)
    mends: list[tuple[int, str]] = field(default_factory=list)  # row, reason


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
    found = _Found()
    for path in files:
        read = _parquet_questions(path) if path.suffix == ".parquet" else _json_questions(path, found.repaired)
        before = len(found.places)
        for question in read:
            _take(question, prefix, found)
        if len(found.places) == before:
            raise UserError(f"{path}: holds no questions; expected at least one")
    _check(files[0], found, unanswerable, advice)
    mends: dict[str, np.ndarray[Any, np.dtype[np.int64]]] = {}
    for row, reason in found.mends:
        mends.setdefault(reason, np.zeros(len(found.rows), dtype=np.int64))[row] += 1
    return Read(task_table("qa", language, found.rows), dict(found.dropped), dict(found.repaired), mends)


def _take(question: Question, prefix: str, found: _Found) -> None:
    """Keep a question with those of its answers that can be placed, or count why not."""
    if question.id in found.places:
        raise UserError(f"{question.where}: the id {question.id!r} is already that of {found.places[question.id]}")
    found.places[question.id] = question.where
    if question.impossible or not question.answers:
        found.unanswerable.append(question.where)
        found.dropped[UNANSWERABLE] += 1
        return
    if not question.question.strip() or not question.context.strip():
        found.dropped[NO_CONTEXT if question.question.strip() else NO_QUESTION] += 1
        return
    placed = [place(question.context, text, start) for text, start in question.answers]
    kept = [answer for answer in placed if answer.start is not None]
    if not kept:
        found.dropped[placed[0].reason] += 1
        return
    row = len(found.rows)
    for answer in placed:
        if answer.reason:
            left_out = LEFT_OUT if answer.start is None else ""
            found.mends.append((row, f"{left_out}{answer.reason}"))
    starts = [answer.start for answer in kept if answer.start is not None]
    texts = [answer.text for answer in kept]
    found.rows.append((f"{prefix}-{question.id}", question.question, question.context, texts, starts))


def _check(path: Path, found: _Found, unanswerable: str, advice: str) -> None:
    """Refuse what leaves nothing to learn from, and unanswerable questions if they are not to be dropped."""
    total, without = len(found.places), len(found.unanswerable)
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


# --------------------------------------------------------------------------------------------------------- placing answers


def place(context: str, text: str, start: int) -> Placed:
    """Find where an answer stands in its context; see the module's description."""
    if not text.strip():
        return Placed(text, None, BLANK)
    if start >= 0 and context.startswith(text, start):
        return Placed(text, start)
    for encoding, width, reason in (("utf-16-le", 2, UTF16), ("utf-8", 1, BYTES)):
        begin = _characters(context, start, encoding, width)
        if begin is not None and context.startswith(text, begin):
            return Placed(text, begin, reason)
    near = [at for at in range(max(start - NEAR, 0), start + NEAR + 1) if context.startswith(text, at)]
    if start >= 0 and len(near) == 1:  # -1 and the like say that the place is not known
        return Placed(text, near[0], MOVED)
    first = context.find(text)
    if first < 0:
        return _respelt(context, text, start)
    if context.find(text, first + 1) < 0:
        return Placed(text, first, MOVED)
    return Placed(text, None, AMBIGUOUS)


def _characters(context: str, start: int, encoding: str, width: int) -> int | None:
    """Return how many characters the first `start` units of an encoding are, `None` where they end inside a character."""
    if start < 0:
        return None
    try:
        return len(context.encode(encoding)[: start * width].decode(encoding))
    except UnicodeDecodeError:
        return None


def _respelt(context: str, text: str, start: int) -> Placed:
    """Find an answer whose white space or Unicode form is not its context's, and return the context's own spelling."""
    wanted, (folded, origins) = _fold(text)[0].strip(), _fold(context)
    spans = []
    for match in re.finditer(f"(?={re.escape(wanted)})", folded):
        begin, end = match.start(), match.start() + len(wanted)
        # Not inside of what was one letter: "e" does not stand in "é".
        if (begin == 0 or origins[begin - 1] != origins[begin]) and origins[end - 1] != origins[end]:
            spans.append((origins[begin], origins[end]))
    chosen = [span for span in spans if span[0] == start] or spans
    if len(chosen) != 1:
        return Placed(text, None, AMBIGUOUS if chosen else NOWHERE)
    return Placed(context[slice(*chosen[0])], chosen[0][0], RESPELT)


@lru_cache(maxsize=2)  # questions on one text follow each other
def _fold(text: str) -> tuple[str, list[int]]:
    """Decompose `text` (NFD) and turn each run of white space into one blank.

    Returns:
        The folded text and, for each of its characters, where what it came from begins in `text`; then the length of `text`.
    """
    parts: list[str] = []
    origins: list[int] = []
    begin = 0
    while begin < len(text):
        end, blank = begin + 1, text[begin].isspace()
        while end < len(text) and (text[end].isspace() if blank else unicodedata.combining(text[end])):
            end += 1
        parts.append(" " if blank else unicodedata.normalize("NFD", text[begin:end]))
        origins += [begin] * len(parts[-1])
        begin = end
    return "".join(parts), [*origins, len(text)]


# ------------------------------------------------------------------------------------------------------------------- files


def _json_questions(path: Path, repaired: Counter[str]) -> Iterator[Question]:
    """Yield the questions of a file of SQuAD's shape: data[].paragraphs[].qas[]."""
    document = _parse(path, without_mark(read_utf8(path, "JSON of SQuAD's shape"), repaired))
    for i, article in enumerate(_get(document, "data", list, str(path))):
        for j, paragraph in enumerate(_get(article, "paragraphs", list, f"{path}: data[{i}]")):
            where = f"{path}: data[{i}].paragraphs[{j}]"
            context = _text(paragraph, "context", where)
            for k, question in enumerate(_get(paragraph, "qas", list, where)):
                yield _question(question, context, f"{where}.qas[{k}]")


def _parquet_questions(path: Path) -> Iterator[Question]:
    """Yield the questions of a Parquet file, one per row."""
    table = read_parquet(path)
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


def _question(fields: Any, context: str, where: str) -> Question:
    """Read a question's own fields."""
    question, key = _text(fields, "question", where), fields.get("id")
    if isinstance(key, int) and not isinstance(key, bool):
        key = str(key)
    elif not _text(fields, "id", where):
        raise UserError(f"{where}: id is empty; expected one of its own for every question")
    impossible = "is_impossible" in fields and _get(fields, "is_impossible", bool, where)
    return Question(where, str(key), question, context, _answers(fields, where), impossible)


def _answers(fields: dict[str, Any], where: str) -> list[tuple[str, int]]:
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
    result = []
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


def _parse(path: Path, text: str) -> Any:
    """Read JSON; control characters may stand in strings as they are."""
    try:
        return json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        at = f"{path}:{error.lineno}:{error.colno}"
        raise UserError(f"{at}: not valid JSON (truncated?): {error.msg}") from None
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets thousands deep
        raise UserError(f"{path}: not valid JSON: {error}") from None
