"""Tagged sentences in the hub's Parquet: columns `tokens` and `ner_tags`, one row per sentence.

`ner_tags` are numbers into the label names kept in the file's `huggingface` metadata, or into the task's label set where
there are none; tag strings are accepted too. Rows with -1 throughout, or no such column, bear no tags.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import read_parquet
from pipeline.data.formats.class_labels import class_names
from pipeline.data.formats.lines import Sentences
from pipeline.data.formats.tags import simple_tag

BLANK = "token of no characters, removed"


def read_tagged_parquet(paths: Sequence[Path], labels: Sequence[str]) -> Sentences:
    """Read one split's Parquet files in order.

    Raises:
        UserError: a file is truncated or without rows, a column is missing or of another type, a tag is unknown, a row has
            tokens and tags of unequal number, or only some rows bear tags. Names file and row.
    """
    result, unlabelled = Sentences(), 0
    for path in paths:
        table = read_parquet(path, foreign=True)
        if table.num_rows == 0:
            raise UserError(f"{path}: holds no rows; expected at least one sentence")
        tokens, tags = _column(path, table, "tokens", pa.types.is_string), _tags(path, table, labels)
        for number, (words, marks) in enumerate(zip(tokens, tags, strict=True)):
            if marks is None:
                unlabelled += 1
                result.add(list(words), [])
                continue
            if len(words) != len(marks):
                raise UserError(f"{path}: row {number} has {len(words)} tokens and {len(marks)} tags; expected as many")
            pairs = [(word, tag) for word, tag in zip(words, marks, strict=True) if word]
            if len(pairs) < len(words):
                result.repaired[BLANK] += len(words) - len(pairs)
            result.add([word for word, _ in pairs], [tag for _, tag in pairs])
    total = len(result.rows) + sum(result.dropped.values())
    if 0 < unlabelled < total:
        raise UserError(f"{paths[0]}: {unlabelled} of {total} rows bear no tags; expected all or none")
    result.labelled = unlabelled == 0
    return result


def _column(path: Path, table: pa.Table, name: str, accepts: Any) -> list[list[Any]]:
    """Return a list column as Python lists, after checking its type."""
    if name not in table.column_names:
        raise UserError(f"{path}: column {name!r} is missing{nearest(name, table.column_names)}")
    found = table.schema.field(name).type
    if not (pa.types.is_list(found) or pa.types.is_large_list(found)) or not (
        accepts(found.value_type) or pa.types.is_large_string(found.value_type)
    ):
        raise UserError(f"{path}: column {name!r} is {found}, expected a list per sentence")
    values: list[list[Any]] = table[name].to_pylist()
    for number, value in enumerate(values):
        if value is None or None in value:
            raise UserError(f"{path}: row {number}: column {name!r} has an empty value")
    return values


def _tags(path: Path, table: pa.Table, labels: Sequence[str]) -> list[list[str] | None]:
    """Return each row's tags as strings; `None` for a row that bears none."""
    if "ner_tags" not in table.column_names:
        return [None] * table.num_rows
    rows = _column(path, table, "ner_tags", lambda kind: pa.types.is_integer(kind) or pa.types.is_string(kind))
    names = class_names(table.schema.metadata).get("ner_tags") or list(labels)
    result: list[list[str] | None] = []
    for number, row in enumerate(rows):
        if row and all(value == -1 for value in row):
            result.append(None)
            continue
        for value in row:
            known = 0 <= value < len(names) if isinstance(value, int) else simple_tag(value) in labels
            if not known:
                expected = f"; expected 0 … {len(names) - 1}" if isinstance(value, int) else nearest(value, labels)
                raise UserError(f"{path}: row {number}: unknown tag {value!r}{expected}")
        result.append([names[value] if isinstance(value, int) else value for value in row])
    if strange := sorted(name for name in set(names) if simple_tag(name) not in labels):
        raise UserError(f"{path}: label name {strange[0]!r} in the file's metadata{nearest(strange[0], labels)}")
    return result
