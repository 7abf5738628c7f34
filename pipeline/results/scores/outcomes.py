"""Per-example outcomes: what every score, interval and test is computed from.

A run's `scores.parquet` has one row per test example: of classes, whether the right one was predicted; of questions, exact match
and F1 by the rules of MLQA and of SQuAD, whatever the dataset. For `ner` it has one per (sentence, scheme, type) with the
entities found, invented and missed there. Changing a metric re-reads these or the predictions; nothing is trained again for it.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.common import paths
from pipeline.common.code import stage_code
from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json, read_json, read_parquet, write_parquet
from pipeline.common.integrity import AlteredError, again, noted, noting, sha256, verified_by_note
from pipeline.common.stored import verified_run_file
from pipeline.data.schema import CLASSES, PREDICTIONS
from pipeline.results.scores.runs_file import remedy
from pipeline.tasks.metric_names import ANSWERS
from pipeline.tasks.ner_score import sentence_outcomes
from pipeline.tasks.qa_score import outcomes

_EXAMPLE = [("lang", pa.string()), ("split", pa.string()), ("id", pa.string())]
OUTCOMES: dict[str, pa.Schema] = {
    "ner": pa.schema(
        [
            *_EXAMPLE,
            ("scheme", pa.string()),  # strict | lenient
            ("type", pa.string()),  # "all" for every sentence, entity types where they occur
            ("tp", pa.int32()),
            ("fp", pa.int32()),
            ("fn", pa.int32()),
        ]
    ),
    **dict.fromkeys(
        CLASSES, pa.schema([*_EXAMPLE, ("gold", pa.string()), ("predicted", pa.string()), ("correct", pa.bool_())])
    ),
    "qa": pa.schema([*_EXAMPLE, *((name, pa.float64()) for name in ANSWERS)]),
}


def facts(path: Path) -> dict[str, Any]:
    """Return what a Parquet file of ours says of itself: its `metalingua` metadata, empty where it has none.

    Raises:
        UserError: the file is not readable Parquet.
    """
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{path}: not a readable Parquet file (truncated?): {error}") from None
    found: dict[str, Any] = json.loads(metadata.get(b"metalingua", b"{}"))
    return found


def score_predictions(table: pa.Table, where: str) -> pa.Table:
    """Turn NER predictions into outcomes.

    Args:
        table: rows in the `PREDICTIONS` schema of `ner`.
        where: the file's name, for errors.

    Returns:
        Rows in the `OUTCOMES` schema of `ner`, sentences in their order.

    Raises:
        UserError: a sentence's gold and predicted tags differ in number, a tag is not IOB2, or an id occurs twice.
    """
    schema = OUTCOMES["ner"]
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    for key, row in _rows(table, where):
        try:
            outcomes = sentence_outcomes(row["gold"], row["predicted"])
        except UserError as error:
            raise UserError(f"{where}: sentence {row['id']!r} of {row['lang']}: {error}") from None
        for (scheme, kind), counts in outcomes.items():
            for name, value in zip(schema.names, (*key, scheme, kind, *counts), strict=True):
                columns[name].append(value)
    return pa.table(columns, schema=schema)


def score_class_predictions(table: pa.Table, where: str) -> pa.Table:
    """Turn predicted classes into outcomes: whether each example's class was predicted.

    Raises:
        UserError: an id occurs twice, or a class is missing.
    """
    for key, row in _rows(table, where):
        if row["gold"] is None or row["predicted"] is None:
            raise UserError(f"{where}: example {key[2]!r} of {key[0]} lacks its gold or its predicted class")
    correct = pc.equal(table["gold"], table["predicted"])
    return table.append_column("correct", correct).select(OUTCOMES[CLASSES[0]].names).cast(OUTCOMES[CLASSES[0]])


def score_answer_predictions(table: pa.Table, where: str) -> pa.Table:
    """Turn predicted answers into outcomes: exact match and F1 of each question, by both rules (MLQA's is the language's).

    Raises:
        UserError: a question has no gold answer, or an id occurs twice.
    """
    schema = OUTCOMES["qa"]
    columns: dict[str, list[Any]] = {name: [] for name in schema.names}
    for key, row in _rows(table, where):
        try:
            found = outcomes(row["predicted"], row["gold"], row["lang"])
        except UserError as error:
            raise UserError(f"{where}: question {row['id']!r} of {row['lang']}: {error}") from None
        for name, value in (*zip(schema.names, key, strict=False), *found.items()):
            columns[name].append(value)
    return pa.table(columns, schema=schema)


def _rows(table: pa.Table, where: str) -> Iterator[tuple[tuple[str, str, str], dict[str, Any]]]:
    """Yield every row with its key.

    Raises:
        UserError: a key occurs twice.
    """
    seen = set()
    for batch in table.to_batches(max_chunksize=4096):
        for row in batch.to_pylist():
            key = row["lang"], row["split"], row["id"]
            if key in seen:
                raise UserError(f"{where}: example {row['id']!r} of {row['lang']}/{row['split']} occurs twice")
            seen.add(key)
            yield key, row


SCORERS: dict[str, Callable[[pa.Table, str], pa.Table]] = {
    "ner": score_predictions,
    **dict.fromkeys(CLASSES, score_class_predictions),
    "qa": score_answer_predictions,
}
"""By task: predictions and their file's name → outcomes."""


def score_run(run: str, task: str, code: str) -> tuple[str, bool]:
    """Write a run's outcomes unless they are current: made by this code from these very predictions.

    Args:
        run: the run's name.
        task: its task.
        code: code hash of the score stage.

    Returns:
        SHA-256 of the outcomes file, and whether it was written now.

    Raises:
        UserError: the predictions are missing, broken, or altered since the run wrote them.
    """
    source, target = verified_run_file(run, "predictions"), paths.outcomes(run)
    if not source.exists():
        raise UserError(f"run {run}: {source}: no predictions; make them with: snakemake {source}")
    sha = sha256(source)
    made_of = {"task": task, "run": run, "code": code, "predictions": sha}
    if target.exists() and noted(target) == sha256(target) and _facts_or_none(target) == made_of:
        return sha256(target), False
    stored = facts(source)
    if (stored.get("task"), stored.get("run")) != (task, run):
        raise UserError(
            f"{source}: holds predictions of run {stored.get('run')!r}, task {stored.get('task')!r}; expected {run!r}, "
            f"{task!r}; make them again with: {remedy([run])}"
        )
    outcomes = SCORERS[task](read_parquet(source, PREDICTIONS[task]), str(source))
    with noting(target):
        write_parquet(target, outcomes, {"metalingua": canonical_json(made_of)})
    return sha256(target), True


def read_outcomes(run: str, task: str) -> pa.Table:
    """Read a run's outcomes, in the `OUTCOMES` schema of its task.

    Raises:
        UserError: they are missing, altered or broken.
    """
    path = verified_by_note(paths.outcomes(run), again(paths.scored()))
    return read_parquet(path, OUTCOMES[task])


def read_scored() -> dict[str, str]:
    """Return the SHA-256 of every run's outcomes, as the score stage wrote it down.

    Raises:
        UserError: `results/scored.json` is missing, altered or broken.
    """
    path = verified_by_note(paths.scored())
    found = read_json(path)
    if not isinstance(found, dict):
        raise AlteredError(path, "expected a JSON object", again(path))
    return found


def _facts_or_none(path: Path) -> dict[str, Any] | None:
    """A broken outcomes file is made again, not complained about."""
    try:
        return facts(path)
    except UserError:
        return None


score_code = partial(stage_code, "score")
