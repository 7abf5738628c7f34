"""The data contract: what a Parquet split holds, how it is written and how it is read back.

A split is one language's `train`, `dev` or `test` rows in its task's schema, or `text`, the raw text of the training
side. The file's metadata key `metalingua` holds canonical JSON: task, label set, dataset key, language and split.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import canonical_json, read_parquet, write_parquet
from pipeline.common.stored import verified_split

_ROW = [
    ("id", pa.string()),  # "<loader>-<language>-<file's split>-<row in that file>": stable whatever is dropped
    ("lang", pa.string()),
]
_CLASSIFIED = ("label", pa.string())  # one of the file's label set
# What a split of each task holds. Rows of parallel data share an id across languages, which then leaves the language out.
SCHEMAS: dict[str, pa.Schema] = {
    "ner": pa.schema(
        [*_ROW, ("tokens", pa.list_(pa.string())), ("tags", pa.list_(pa.string()))]
    ),  # IOB2, one per token
    "sentiment": pa.schema([*_ROW, ("text", pa.string()), _CLASSIFIED]),
    "classification": pa.schema([*_ROW, ("text", pa.string()), _CLASSIFIED]),
    "nli": pa.schema([*_ROW, ("premise", pa.string()), ("hypothesis", pa.string()), _CLASSIFIED]),
    "relevance": pa.schema([*_ROW, ("query", pa.string()), ("title", pa.string()), _CLASSIFIED]),
    "qa": pa.schema(
        [
            *_ROW,  # `lang` is the context's language
            ("question", pa.string()),
            ("context", pa.string()),
            ("answers", pa.list_(pa.string())),  # at least one
            ("starts", pa.list_(pa.int32())),  # each answer's first character in the context
        ]
    ),
    "text": pa.schema([*_ROW, ("text", pa.string())]),
}
NER, TEXT = SCHEMAS["ner"], SCHEMAS["text"]
CLASSES = ("sentiment", "classification", "nli", "relevance")  # tasks whose rows bear one label each

# A run's predictions: one row per example of an evaluation language.
_PREDICTED = [("lang", pa.string()), ("split", pa.string()), ("id", pa.string())]
PREDICTIONS: dict[str, pa.Schema] = {
    "ner": pa.schema(
        [*_PREDICTED, ("gold", pa.list_(pa.string())), ("predicted", pa.list_(pa.string()))]
    ),  # a tag a word
    **dict.fromkeys(CLASSES, pa.schema([*_PREDICTED, ("gold", pa.string()), ("predicted", pa.string())])),
    "qa": pa.schema(
        [
            *_PREDICTED,
            ("gold", pa.list_(pa.string())),
            ("predicted", pa.string()),  # cut out of the context: characters start to end
            ("start", pa.int32()),
            ("end", pa.int32()),
        ]
    ),
}

PROBABLE = ("ner", *CLASSES)
"""Tasks whose predictions are a label each, of which a run keeps the probabilities beside the label."""
PROBABILITIES = pa.field("probabilities", pa.list_(pa.float16()))
"""A further column of their predictions: one probability for each of C labels, in the order of `labels` in the file's metadata.
For `ner` of one word after the other, W·C. Files of earlier code lack it; a score needs none."""

# The order is the head's. `ner`: index 0 is "outside", then B/I of each type. `nli`: the hub's numbering. A dataset may have
# other labels than its task's usual ones (`Loaded.labels`); one of `classification` always has.
LABELS: dict[str, list[str]] = {
    "ner": ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"],
    "sentiment": ["negative", "positive"],
    "classification": [],
    "nli": ["entailment", "neutral", "contradiction"],
    "relevance": ["irrelevant", "relevant"],
    "qa": ["start", "end"],
    "text": [],
}
POSITIVE = {"sentiment": "positive", "relevance": "relevant"}
"""By task: the class that `f1_positive` and its like are about."""

# What makes two rows the same example.
KEYS: dict[str, tuple[str, ...]] = {
    "ner": ("tokens",),
    "sentiment": ("text",),
    "classification": ("text",),
    "nli": ("premise", "hypothesis"),
    "relevance": ("query", "title"),
    "qa": ("question", "context"),
}

SHARED: dict[str, str] = {"qa": "context", "nli": "premise", "relevance": "query"}
"""By task: the text that several rows may share; whoever learns one of them knows something of the others."""


@dataclass(frozen=True)
class Split:
    """Rows of one split and what reading them cost.

    Attributes:
        table: rows in the task's schema.
        dropped: rows left out, by reason.
        repaired: rows' faults mended, by reason (how many mends, not how many rows).
    """

    table: pa.Table
    dropped: dict[str, int] = field(default_factory=dict)
    repaired: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Loaded:
    """What a loader's `load(spec, raw)` returns for one language.

    Attributes:
        task: name of the task, a key of `SCHEMAS`.
        splits: `train`, `dev` and `test`.
        text: raw text of the training side, in the `TEXT` schema.
        notes: sentences for the report (a count that could not be checked, a source that failed).
        labels: the label set where it is not the task's usual one (`LABELS`), in the order of the head.
        absent: by split that the dataset does not have, and whose table is empty: why, and what to do about it.
    """

    task: str
    splits: dict[str, Split]
    text: pa.Table
    notes: tuple[str, ...] = ()
    labels: tuple[str, ...] | None = None
    absent: dict[str, str] = field(default_factory=dict)


def task_table(task: str, language: str, rows: Iterable[Sequence[Any]]) -> pa.Table:
    """Build a table of a task from rows of one language: `id`, then the columns after `lang`, in the schema's order."""
    schema = SCHEMAS[task]
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) or [[] for _ in schema.names[1:]]
    columns.insert(1, [language] * len(columns[0]))
    return pa.Table.from_arrays([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema)


def ner_table(language: str, rows: Iterable[tuple[str, Sequence[str], Sequence[str]]]) -> pa.Table:
    """Build an NER table from `(id, tokens, tags)` rows of one language."""
    return task_table("ner", language, rows)


def text_table(language: str, rows: Iterable[tuple[str, str]]) -> pa.Table:
    """Build a raw-text table from `(id, text)` rows of one language."""
    return task_table("text", language, rows)


@dataclass(frozen=True)
class Facts:
    """What a split says of itself, in its metadata.

    Attributes:
        labels: the label set, in the order of the head.
        absent: why the split has no rows, where the dataset has no such split.
    """

    task: str
    labels: list[str]
    dataset: str
    language: str
    split: str
    absent: str | None = None


def write_split(path: Path, table: pa.Table, facts: Facts, final: Path | None = None) -> None:
    """Write one split with its metadata: same rows, same bytes; whole or not at all.

    Args:
        path: where to write it.
        table: the rows.
        facts: what the split says of itself.
        final: where it will lie in the end, for messages.

    Raises:
        UserError: `table` breaks the contract of the task (see `check_table`), or holds rows of another language.
    """
    where = str(final or path)
    if facts.absent is None or table.num_rows:
        check_table(table, facts.task, where, facts.labels)
    if others := sorted(set(pc.unique(table["lang"]).to_pylist()) - {facts.language}):
        raise UserError(f"{where}: holds rows in {', '.join(map(repr, others))}; expected {facts.language!r} alone")
    kept = {key: value for key, value in vars(facts).items() if value is not None}
    table = table.select(SCHEMAS[facts.task].names).combine_chunks()  # pages end where chunks do
    write_parquet(path, table, {"metalingua": canonical_json(kept)})


def read_split(path: Path, task: str) -> pa.Table:
    """Read one split (`task` is `"text"` for raw text) and check it against its report's digest and the contract.

    Raises:
        UserError: the file is altered, missing, truncated, of another task, has no rows, or breaks the contract.
    """
    table = read_parquet(verified_split(path), SCHEMAS[task])
    facts = split_facts(table, str(path))
    if facts.get("task") != task:
        raise UserError(f"{path}: holds task {facts.get('task')!r}, expected {task!r}")
    if facts.get("absent"):
        dataset, language, split = (facts.get(key) for key in ("dataset", "language", "split"))
        raise UserError(f"{dataset} has no {split} data in {language}: {facts['absent']}")
    check_table(table, task, str(path), facts.get("labels"))
    return table


def split_facts(table: pa.Table, where: str = "table") -> dict[str, Any]:
    """Return the split's own description: task, labels, dataset, language, split.

    Raises:
        UserError: the metadata key `metalingua` is absent or not JSON.
    """
    raw = (table.schema.metadata or {}).get(b"metalingua")
    try:
        facts = json.loads(raw) if raw is not None else None
    except ValueError:
        facts = None
    if not isinstance(facts, dict):
        raise UserError(
            f"{where}: no metadata 'metalingua': not a split written by `python -m pipeline.stages.preprocess`"
        )
    return facts


def split_labels(table: pa.Table) -> list[str]:
    """Return the label set of a split, in the order of the head's outputs."""
    return [str(label) for label in split_facts(table)["labels"]]


def check_table(table: pa.Table, task: str, where: str, labels: Sequence[str] | None = None) -> None:
    """Check rows against the contract of `task`; `labels` is the file's own label set where it has one.

    Raises:
        UserError: no rows, an empty value, an id that is there twice, a label outside the label set, tokens and tags of unequal
            number, an answer that does not stand at its place.
    """
    if table.num_rows == 0:
        raise UserError(f"{where}: holds no rows")
    for name in SCHEMAS[task].names:
        if table[name].null_count:
            raise UserError(f"{where}: column {name!r} has {table[name].null_count} empty values")
    if task == "text":
        return
    _check_ids(table, where)
    allowed = LABELS[task] if labels is None else list(labels)
    if task == "ner":
        _check_lists(table, "tokens", "tags", where)
        _check_labels(pc.list_flatten(table["tags"]), "tag", allowed, where)
        return
    for name in KEYS[task]:
        _check_texts(table, name, where)
    if task in CLASSES:
        _check_labels(table["label"], "label", allowed, where)
    else:
        _check_lists(table, "answers", "starts", where)
        _check_answers(table, where)


def _check_ids(table: pa.Table, where: str) -> None:
    """Every row must have an id of its own: predictions are paired by it."""
    if pc.count_distinct(table["id"]).as_py() < table.num_rows:
        name, times = Counter(table["id"].to_pylist()).most_common(1)[0]
        raise UserError(f"{where}: {times} rows have the id {name!r}; expected an id of its own for each")


def _check_texts(table: pa.Table, name: str, where: str) -> None:
    """Every text must hold something but white space."""
    blank = pc.index(pc.equal(pc.utf8_trim_whitespace(table[name]), ""), True).as_py()
    if blank >= 0:
        raise UserError(f"{where}: row {blank} ({table['id'][blank]}) has a blank {name}; expected text")


def _check_lists(table: pa.Table, first: str, second: str, where: str) -> None:
    """Two list columns must be of equal, positive lengths in every row, and hold no empty value."""
    ours, theirs = pc.list_value_length(table[first]), pc.list_value_length(table[second])
    unequal = pc.index(pc.or_(pc.not_equal(ours, theirs), pc.equal(ours, 0)), True).as_py()
    if unequal >= 0:
        row = f"{where}: row {unequal} ({table['id'][unequal]})"
        raise UserError(
            f"{row} has {ours[unequal]} {first} and {theirs[unequal]} {second}; expected as many, at least one"
        )
    for name in (first, second):
        values = pc.list_flatten(table[name])
        if values.null_count or (pa.types.is_string(values.type) and pc.any(pc.equal(values, "")).as_py()):
            number = next(i for i, found in enumerate(table[name].to_pylist()) if None in found or "" in found)
            raise UserError(f"{where}: row {number} ({table['id'][number]}) has an empty value in {name}")


def _check_labels(values: pa.ChunkedArray, kind: str, allowed: Sequence[str], where: str) -> None:
    """Every value must be one of the label set."""
    for value in pc.unique(values).to_pylist():
        if value not in allowed:
            raise UserError(f"{where}: {kind} {value!r} is not in the label set{nearest(str(value), allowed)}")


def _check_answers(table: pa.Table, where: str) -> None:
    """Every answer must stand in its context where it is said to."""
    for batch in table.select(["id", "context", "answers", "starts"]).to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            for answer, start in zip(row["answers"], row["starts"], strict=True):
                if start < 0 or not row["context"].startswith(answer, start):
                    raise UserError(f"{where}: {row['id']}: the answer {answer!r} does not stand at character {start}")
