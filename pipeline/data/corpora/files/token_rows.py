"""Tables with one token a row, whose sentences a column tells, or blank rows between them.

| what tells sentences | how |
|---|---|
| `columns.sentence`, or a column called `Sentence #`, `sentence_id`, … | rows of one value are a sentence; blank: as above |
| such a column that counts tokens | a sentence begins where the count begins anew |
| blank rows | they stand between sentences |
| `columns.group` besides | a sentence ends with its group |

A table of which each row holds one word, and none of this, is refused: every word would be a sentence.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby, pairwise
from typing import Any

from pipeline.common.errors import UserError
from pipeline.data.corpora.files.labels import label_text
from pipeline.data.corpora.files.tagged import Sentence
from pipeline.data.formats.literals import is_list_column
from pipeline.data.formats.tables import Table, as_text

CALLED = (
    "sentence",
    "sentence_id",
    "sentence_number",
    "sentence_no",
    "sentence_idx",
    "sentid",
    "sent_id",
    "sent",
    "sid",
)
NO_TOKEN = "row without word and tag, skipped"
LINE = "say which column tells sentences: columns: {sentence: NAME}"


@dataclass(frozen=True)
class Boundaries:
    """How the sentences of a table with one token a row are told apart.

    Attributes:
        column: the column that tells, `None`: blank rows do.
        values: its values.
        note: that this was found out, not said.
    """

    column: str | None = None
    values: Sequence[Any] = ()
    note: str | None = None


def find_boundaries(
    table: Table, names: Mapping[str, str], more: Callable[[Sequence[str]], Table]
) -> Boundaries | None:
    """Tell how a table's sentences are told apart; `None`: each row is a sentence.

    Args:
        table: the file.
        names: the file's column by the task's.
        more: reads other columns of the file.

    Raises:
        UserError: each row holds one token, and nothing is known to tell sentences.
    """
    if "sentence" in names:
        return Boundaries(names["sentence"], table.columns[names["sentence"]])
    if not has_token_rows(table, names):
        return None
    others = [
        name for name in dict.fromkeys(table.there) if name not in names.values() and table.there.count(name) == 1
    ]
    called = [name for name in others if tells_sentences(name)]
    if called:
        values = more(called[:1]).columns[called[0]]
        if len({label_text(value) for value in values}) == table.rows:
            return None  # each row has a number of its own
        note = f"{table.path.name}: one token a row, sentences by column {called[0]!r}"
        return Boundaries(called[0], values, note)
    if table.gaps:
        return Boundaries(note=f"{table.path.name}: one token a row, sentences by the blank rows between them")
    read = more(others).columns if others else {}
    counting = next((name for name in others if counts_tokens([label_text(value) for value in read[name]])), None)
    advice = f"column {counting!r} counts tokens: columns: {{sentence: {counting!r}}}" if counting else LINE
    raise UserError(
        f"{table.path}: one token a row, and nothing tells where sentences begin; {advice}, or write a sentence a row, its "
        "words and its tags with blanks between"
    )


def tells_sentences(name: str) -> bool:
    """Whether a column's name is one that columns of sentences usually have."""
    return re.sub(r"[\W_]+", "_", name.lower()).strip("_") in CALLED


def has_token_rows(table: Table, names: Mapping[str, str]) -> bool:
    """Whether each row holds one word and one tag, and not every one of them is an entity of its own, as in a word list."""
    words, tags = table.columns[names["tokens"]], table.columns[names["tags"]]
    if not all(value is None or (isinstance(value, str) and len(value.split()) < 2) for value in (*words, *tags)):
        return False
    given = [tag for tag in tags if tag and tag.strip()]
    if is_list_column(words) or is_list_column(tags, sure=True) or any("," in tag or ";" in tag for tag in given):
        return False
    return len(given) > 1 and not all(tag.strip().startswith(("B-", "S-", "U-")) for tag in given)


def counts_tokens(values: Sequence[str]) -> bool:
    """Whether values count from 0 or 1, each one more than that before it, and after a larger one begin anew."""
    if not values or values[0] not in ("0", "1") or not all(value.isdecimal() for value in values):
        return False
    steps = [*pairwise(map(int, values))]
    counts = all(after in (before + 1, int(values[0])) for before, after in steps)
    return counts and any(after < before for before, after in steps)  # 1, 1, 2 are numbers of sentences


def sentence_rows(
    table: Table, boundaries: Boundaries, rows: Sequence[int], groups: Sequence[Any] | None = None
) -> list[list[int]]:
    """Return the rows of each sentence.

    Args:
        table: the file.
        boundaries: what tells sentences.
        rows: the rows of the language, in order.
        groups: what each row of the file belongs to; a sentence ends with its group, and numbers of sentences may begin anew
            in the next one.

    Raises:
        UserError: the first value is blank, a value comes back after others, or differs in every row.
    """
    within = [label_text(groups[row]) if groups else "" for row in rows]
    if boundaries.column is None:
        gaps = sorted(table.gaps)
        return _runs(rows, [(group, bisect_right(gaps, row)) for group, row in zip(within, rows, strict=True)])
    values = [label_text(boundaries.values[row]) for row in rows]
    if counts_tokens(values):
        return _runs(rows, list(accumulate(value == values[0] for value in values)))
    if not values[0]:
        raise UserError(
            f"{table.place(rows[0])}: no sentence in column {boundaries.column!r}, and none above; expected one"
        )
    keys = [*zip(within, accumulate(values, _filled), strict=True)]
    found = _runs(rows, keys)
    if len(rows) > 1 and len(found) == len(rows):
        raise UserError(
            f"{table.path}: column {boundaries.column!r} differs in every row, so every word would be a sentence of its own; "
            "name a column that tells sentences, or leave columns.sentence out if each row is one"
        )
    named = dict(zip(rows, keys, strict=True))
    seen: dict[tuple[str, str], int] = {}
    for sentence in found:
        key = named[sentence[0]]
        if key in seen:
            raise UserError(
                f"{table.place(sentence[0])}: sentence {key[1]!r} of column {boundaries.column!r} comes back; its rows from "
                f"{table.place(seen[key])} on ended. Sort the rows by sentence, or number sentences through the whole file; "
                "if they are numbered anew in each document, say which column names it: columns: {group: NAME}"
            )
        seen[key] = sentence[0]
    return found


def _filled(above: str, value: str) -> str:
    return value or above


def _runs(rows: Sequence[int], keys: Sequence[Any]) -> list[list[int]]:
    """Divide rows where the key changes."""
    return [[row for row, _ in run] for _, run in groupby(zip(rows, keys, strict=True), key=lambda pair: pair[1])]


def sentences(
    table: Table, names: Mapping[str, str], groups: Sequence[tuple[str, Sequence[int]]], skipped: Counter[str]
) -> Iterator[Sentence]:
    """Yield the sentences of a table with one token a row.

    Args:
        table: the file.
        names: the file's column by the task's.
        groups: an id and the rows of each sentence.
        skipped: counts rows without word and tag, which are left out.

    Raises:
        UserError: a cell holds a list.
    """
    words, tags = table.columns[names["tokens"]], table.columns[names["tags"]]
    for name, rows in groups:
        kept = [row for row in rows if label_text(words[row]) or label_text(tags[row])]
        skipped[NO_TOKEN] += len(rows) - len(kept)
        for row in kept:
            if isinstance(words[row], list | dict):
                raise UserError(
                    f"{table.place(row)}: column {names['tokens']!r} holds {words[row]!r:.40}, expected a word"
                )
        if kept:
            yield name, [as_text(words[row]) or "" for row in kept], [tags[row] for row in kept], _places(table, kept)


def _places(table: Table, rows: Sequence[int]) -> Callable[[int], str]:
    return lambda i: table.place(rows[i])
