"""Texts in one Unicode form: `normalise: NFC | NFKC` (UAX #15), before duplicates are looked for and anything is cut.

Texts as `unicodedata.normalize`. A token of `ner` stays one token: a blank that NFKC puts into it (`¨` is a blank and a mark) is
taken out, and one of which nothing would be left stays as it was. An answer of `qa` is the piece of the normalised context that
its piece has become; where it ended inside of what is one letter now, with the whole letter.

A text normalises piece by piece if it is cut where no character can join what stands before it: marks, and the few others
that compose.
"""

import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.common.errors import UserError, nearest
from pipeline.data.schema import KEYS

Form = Literal["NFC", "NFKC"]
FORMS: tuple[Form, ...] = ("NFC", "NFKC")
WHOLE = "answer that ended inside of a letter in Unicode form {form}, now with the whole letter"
CHANGED = "text or token in another Unicode form, now {form}"

Mends = dict[str, NDArray[np.int64]]
"""By reason: how many mends each row needed."""


def form_of(spec: Mapping[str, Any]) -> Form | None:
    """Return the form that a dataset's texts are brought into, `None` where they stay as they are.

    Raises:
        UserError: there is no such form.
    """
    choice = spec.get("normalise", "none")
    if choice not in ("none", *FORMS):
        raise UserError(f"normalise: {choice!r}{nearest(str(choice), ('none', *FORMS))}")
    return None if choice == "none" else choice


def normalised(task: str, table: pa.Table, form: Form) -> tuple[pa.Table, Mends]:
    """Bring a task's texts into a form.

    Args:
        task: whose rows they are; `text` for raw text.
        table: the rows.
        form: NFC or NFKC.

    Returns:
        The rows, and how many texts or tokens of each were changed, and answers made longer.
    """
    rows = table.num_rows
    changed, longer = np.zeros(rows, dtype=np.int64), np.zeros(rows, dtype=np.int64)
    columns: dict[str, list[Any]] = {}
    for name in KEYS.get(task, ("text",)):
        before = table[name].to_pylist()
        columns[name] = [_value(value, form) for value in before]
        changed += [_differing(old, new) for old, new in zip(before, columns[name], strict=True)]
    if task == "qa":
        columns["answers"], columns["starts"] = [], []
        given = zip(*(table[name].to_pylist() for name in ("context", "answers", "starts")), strict=True)
        for row, (context, answers, starts) in enumerate(given):
            spans = [(start, start + len(answer)) for answer, start in zip(answers, starts, strict=True)]
            moved, longer[row] = move_spans(context, spans, form)
            columns["answers"].append([columns["context"][row][begin:end] for begin, end in moved])
            columns["starts"].append([begin for begin, _ in moved])
    for name, values in columns.items():
        field = table.schema.field(name)
        table = table.set_column(table.schema.get_field_index(name), field, pa.array(values, field.type))
    return table, {CHANGED.format(form=form): changed, WHOLE.format(form=form): longer}


def _value(value: Any, form: Form) -> Any:
    """Return a text, or the tokens of a sentence, in a form."""
    return [_token(token, form) for token in value] if isinstance(value, list) else unicodedata.normalize(form, value)


def _token(token: str, form: Form) -> str:
    found = unicodedata.normalize(form, token)
    return found if " " in token or " " not in found else found.replace(" ", "") or token


def _differing(old: Any, new: Any) -> int:
    return sum(a != b for a, b in zip(old, new, strict=True)) if isinstance(old, list) else int(old != new)


def move_spans(text: str, spans: Sequence[tuple[int, int]], form: Form) -> tuple[list[tuple[int, int]], int]:
    """Return where spans of a text, begin and end, are in its form, and how many of them are longer than they were.

    What a span cuts through, and is one piece of normalisation, is in it whole.
    """
    if unicodedata.is_normalized(form, text):
        return list(spans), 0
    begins = piece_begins(text, form)
    pieces = [len(unicodedata.normalize(form, text[a:b])) for a, b in pairwise([*begins, len(text)])]
    places = np.cumsum([0, *pieces])
    edges = np.array([*begins, len(text)])
    moved, longer = [], 0
    for begin, end in spans:
        first = int(np.searchsorted(edges, begin, side="right")) - 1
        last = int(np.searchsorted(edges, end, side="left"))
        longer += bool(edges[first] != begin or edges[last] != end)
        moved.append((int(places[first]), int(places[last])))
    return moved, longer


def piece_begins(text: str, form: Form) -> list[int]:
    """Return where the pieces of a text begin that normalise by themselves."""
    return [i for i, char in enumerate(text) if i == 0 or not _joins(char, form)]


@cache
def _joins(char: str, form: Form) -> bool:
    """Whether a character may become a part of what stands before it."""
    first = unicodedata.normalize("NFD" if form == "NFC" else "NFKD", char)[0]
    return unicodedata.combining(first) != 0 or first in _seconds()


@cache
def _seconds() -> frozenset[str]:
    """The characters that are no marks by their class and compose with what stands before them all the same."""
    pairs = (unicodedata.decomposition(chr(code)).split() for code in range(0x110000))
    seconds = {chr(int(pair[1], 16)) for pair in pairs if len(pair) == 2 and not pair[0].startswith("<")}
    jamo = {
        chr(code) for code in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))
    }  # vowels and final consonants of Hangul
    return frozenset(seconds | jamo)
