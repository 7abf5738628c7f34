"""What a language's splits hold, in numbers: rows, drops and mends, duplicates, labels, entities, lengths."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.data.duplicates import row_keys, shared_texts
from pipeline.data.schema import CLASSES, KEYS, Split


def describe(task: str, splits: Mapping[str, Split]) -> dict[str, dict[str, Any]]:
    """Describe a task's splits.

    Args:
        task: the task.
        splits: a language's splits by name.

    Returns:
        For each split: `rows`; `dropped` and `repaired` by reason; `duplicates_within`, rows of which an earlier row is the
        same example (see `duplicates`); `duplicates_across`, by other split, rows that stand there too; `shared_across`, by other
        split, rows whose context (`qa`), premise (`nli`) or query (`relevance`) stands there too; what the labels are
        (`labels` by tag and `entities` by type; `labels` by class with the share of the largest, `majority`; `answers`, how
        many questions have so many); `tokens` (`ner`) or `characters`, per row: mean, median, 95th percentile, maximum.
    """
    keys = {name: [hash(key) for key in row_keys(task, split.table)] for name, split in splits.items()}
    distinct = {name: set(rows) for name, rows in keys.items()}
    shared = shared_across(task, splits)
    result: dict[str, dict[str, Any]] = {}
    for name, split in splits.items():
        across = {other: sum(row in distinct[other] for row in keys[name]) for other in splits if other != name}
        result[name] = {
            "rows": split.table.num_rows,
            "dropped": split.dropped,
            "repaired": split.repaired,
            "duplicates_within": len(keys[name]) - len(distinct[name]),
            "duplicates_across": across,
            **({"shared_across": shared[name]} if shared else {}),
            **_labels(task, split.table),
            **_sizes(task, split.table),
        }
    return result


def shared_across(task: str, splits: Mapping[str, Split]) -> dict[str, dict[str, int]]:
    """Count rows whose shared text (`schema.SHARED`) another split has too; empty where the task's rows share none.

    Returns:
        By split, by other split: how many rows of the one.
    """
    texts = {name: found for name, s in splits.items() if (found := shared_texts(task, s.table)) is not None}
    distinct = {name: set(found) for name, found in texts.items()}
    return {
        name: {other: sum(text in distinct[other] for text in found) for other in texts if other != name}
        for name, found in texts.items()
    }


def describe_text(table: pa.Table) -> dict[str, Any]:
    """Describe raw text: `rows`, `characters`, and `duplicates_within`."""
    rows, characters = table.num_rows, pc.sum(pc.utf8_length(table["text"])).as_py() or 0
    return {
        "rows": rows,
        "characters": characters,
        "duplicates_within": rows - pc.count_distinct(table["text"]).as_py(),
    }


def _labels(task: str, table: pa.Table) -> dict[str, Any]:
    """Count labels; of NER also entities, by the `B-` that begins each."""
    if task == "ner":
        labels = Counter(pc.list_flatten(table["tags"]).to_pylist())
        entities = {tag[2:]: n for tag, n in sorted(labels.items()) if tag.startswith("B-")}
        return {"labels": dict(sorted(labels.items())), "entities": entities}
    if task in CLASSES:
        found = Counter(table["label"].to_pylist())
        majority = round(max(found.values()) / table.num_rows, 4) if found else None
        return {"labels": dict(sorted(found.items())), "majority": majority}
    numbers = Counter(pc.list_value_length(table["answers"]).to_pylist())
    return {"answers": {str(number): count for number, count in sorted(numbers.items())}}


def _sizes(task: str, table: pa.Table) -> dict[str, Any]:
    """Describe how long rows are, all their texts together."""
    if task == "ner":
        return {"tokens": _lengths(pc.list_value_length(table["tokens"]).to_numpy())}
    lengths = sum(pc.utf8_length(table[name]).to_numpy() for name in KEYS[task])
    return {"characters": _lengths(np.asarray(lengths))}


def _lengths(lengths: NDArray[np.int64]) -> dict[str, float] | None:
    """Mean, median, 95th percentile (the smallest length that 95 % do not exceed) and maximum; nothing of no rows."""
    if not len(lengths):
        return None
    p50, p95 = np.percentile(lengths, [50, 95], method="inverted_cdf")
    return {"mean": round(float(lengths.mean()), 3), "p50": int(p50), "p95": int(p95), "max": int(lengths.max())}
