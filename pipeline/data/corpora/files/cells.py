"""Lists that a table's cells hold as text: read for all rows of a column, or for none.

Columns are as in `literals`. Tags may also be separated by commas or semicolons (`B-PER,O,B-LOC`), words then by blanks as ever,
or by the same.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.common.errors import UserError
from pipeline.data.formats.literals import (
    Unread,
    first_list,
    is_list_column,
    is_mapping_column,
    is_mostly_lists,
    read_cells,
)
from pipeline.data.formats.tables import Table

SEPARATORS = (",", ";", "|")


def with_lists(
    table: Table, task: str, names: Mapping[str, str], known: Collection[str] = (), drop: bool = False
) -> Table:
    """Return the table with the lists in its cells read.

    Args:
        table: the file.
        task: only `ner` and `qa` have lists.
        names: the file's column by the task's.
        known: labels that the config lists.
        drop: whether sentences that cannot be read are left out: most cells may be lists then; what is none is `Unread`.

    Raises:
        UserError: a cell of a column of lists is none, and is not left out.
    """
    columns = dict(table.columns)
    if task == "qa":
        name = names["answer"]
        if is_mapping_column(columns[name]):
            columns[name] = read_cells(columns[name], table.place, name, "mapping")
        else:
            columns[name] = _lists(table, name)
        if "start" in names:
            columns[names["start"]] = _lists(table, names["start"], sure=True)
    elif task == "ner":
        tags, words = names["tags"], names["tokens"]
        columns[tags] = _lists(table, tags, sure=True, drop=drop)
        columns[words] = _lists(table, words, sure=columns[tags] is not table.columns[tags], drop=drop)
        columns[words], columns[tags] = _separated(columns[words], columns[tags], known)
    return replace(table, columns=columns)


def _lists(table: Table, name: str, sure: bool = False, drop: bool | None = None) -> list[Any]:
    """Return a column, its lists read if it is one of lists.

    Raises:
        UserError: a cell of such a column is none, or some cells are lists and others not.
    """
    values = table.columns[name]
    if is_list_column(values, sure) or (drop and is_mostly_lists(values, sure)):
        return read_cells(values, table.place, name, "list", lenient=drop is not None)
    if (row := first_list(values)) is not None:
        other = next(
            i for i, value in enumerate(values) if isinstance(value, str) and first_list([value]) is None and value
        )
        raise UserError(
            f"{table.place(row)}: column {name!r} holds a list, {values[row]!r:.60}, and at {table.place(other)} none, "
            f"{values[other]!r:.60}; expected one or the other in every row"
        )
    return values


def _separated(words: Sequence[Any], tags: Sequence[Any], known: Collection[str]) -> tuple[list[Any], list[Any]]:
    """Divide tags at commas, semicolons or bars where these separate them, and words too where blanks do not fit."""
    texts = [tag for tag in tags if isinstance(tag, str) and tag.strip()]
    used = (mark for mark in SEPARATORS if any(mark in tag for tag in texts))
    mark = next((mark for mark in used if not any(mark in label for label in known)), None)
    if mark is None:
        return list(words), list(tags)
    divided = [_divide(tag, mark) if isinstance(tag, str) else tag for tag in tags]

    def fit(listed: Sequence[Any]) -> bool:
        pairs = zip(listed, divided, strict=True)
        return all(len(ours or ()) == len(theirs or ()) for ours, theirs in pairs if not isinstance(ours, Unread))

    by_blanks = [word.split() if isinstance(word, str) else word for word in words]
    by_mark = [_divide(word, mark) if isinstance(word, str) else word for word in words]
    return (by_mark if not fit(by_blanks) and fit(by_mark) else list(words)), divided


def _divide(cell: str, mark: str) -> list[str]:
    return [part.strip() for part in cell.strip().removesuffix(mark).split(mark)] if cell.strip() else []
