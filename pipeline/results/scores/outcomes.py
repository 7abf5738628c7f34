"""Per-example outcomes: what every score, interval and test is computed from.

A run's `scores.parquet` has one row per test example: of classes, whether the right one was predicted; of questions, exact match
and F1 by the rules of MLQA and of SQuAD, whatever the dataset. For `ner` it has one per (sentence, scheme, type) with the
entities found, invented and missed there. Changing a metric re-reads these or the predictions; nothing is trained again for it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.common import paths
from pipeline.common.code import stage_code
from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json, read_json, read_parquet, write_parquet
from pipeline.common.integrity import AlteredError, again, noted, noting, read_verified, verified_by_note
from pipeline.common.stored import recorded_digest
from pipeline.data.schema import CLASSES, PREDICTIONS
from pipeline.results.scores.entities import count_entities
from pipeline.results.scores.runs_file import remedy
from pipeline.tasks.metric_names import ANSWERS
from pipeline.tasks.ner_score import sentence_outcomes
from pipeline.tasks.qa_score import outcomes

KEYS = ("lang", "split", "id")
"""What an example is known by."""
_EXAMPLE = [(name, pa.string()) for name in KEYS]
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
    return _facts(path, path)


def facts_of(path: Path, data: bytes) -> dict[str, Any]:
    """Return the same of what was read from a file.

    Raises:
        UserError: as `facts`.
    """
    return _facts(path, pa.BufferReader(data))


def _facts(path: Path, source: Any) -> dict[str, Any]:
    try:
        metadata = pq.read_schema(source).metadata or {}
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
    check_keys(table, where)
    try:
        found = count_entities(*(table[name].combine_chunks() for name in ("gold", "predicted")))
    except UserError:
        found = None
    if found is None:
        raise _wrong_sentence(table, where)
    keys = [table[name].take(pa.array(found.sentence)) for name in KEYS]
    return pa.table([*keys, found.scheme, found.kind, *found.counts.T], schema=OUTCOMES["ner"])


def _wrong_sentence(table: pa.Table, where: str) -> UserError:
    """Return what is wrong with the first sentence that cannot be scored."""
    for gold, predicted, language, _, identity in zip(*_lists(table, "gold", "predicted", *KEYS), strict=True):
        try:
            sentence_outcomes(gold or [], predicted or [])
        except UserError as error:
            return UserError(f"{where}: sentence {identity!r} of {language}: {error}")
    return UserError(f"{where}: a sentence lacks its gold or its predicted tags")


def score_class_predictions(table: pa.Table, where: str) -> pa.Table:
    """Turn predicted classes into outcomes: whether each example's class was predicted.

    Raises:
        UserError: an id occurs twice, or a class is missing.
    """
    check_keys(table, where)
    lacking = pc.or_(pc.is_null(table["gold"]), pc.is_null(table["predicted"]))
    if (first := pc.index(lacking, True).as_py()) >= 0:
        language, identity = (table[name][first].as_py() for name in ("lang", "id"))
        raise UserError(f"{where}: example {identity!r} of {language} lacks its gold or its predicted class")
    correct = pc.equal(table["gold"], table["predicted"])
    return table.append_column("correct", correct).select(OUTCOMES[CLASSES[0]].names).cast(OUTCOMES[CLASSES[0]])


def score_answer_predictions(table: pa.Table, where: str) -> pa.Table:
    """Turn predicted answers into outcomes: exact match and F1 of each question, by both rules (MLQA's is the language's).

    Raises:
        UserError: a question has no gold answer, or an id occurs twice.
    """
    check_keys(table, where)
    found = []
    for predicted, gold, language, identity in zip(*_lists(table, "predicted", "gold", "lang", "id"), strict=True):
        try:
            found.append(_answered(predicted, tuple(gold), language))
        except UserError as error:
            raise UserError(f"{where}: question {identity!r} of {language}: {error}") from None
    columns = zip(*found, strict=True) if found else [[] for _ in ANSWERS]
    return pa.table([*(table[name] for name in KEYS), *map(list, columns)], schema=OUTCOMES["qa"])


@lru_cache(maxsize=1 << 16)
def _answered(predicted: str | None, gold: tuple[str, ...], language: str) -> tuple[float, ...]:
    """The scores of an answer, in the order of `ANSWERS`; many runs are asked the same, and many say the same."""
    found = outcomes(predicted, gold, language)
    return tuple(found[name] for name in ANSWERS)


def _lists(table: pa.Table, *names: str) -> Iterator[list[Any]]:
    return (table[name].to_pylist() for name in names)


def check_keys(table: pa.Table, where: str) -> None:
    """Check that no example occurs twice.

    Raises:
        UserError: one does; it is named.
    """
    keys = pc.binary_join_element_wise(*(table[name] for name in KEYS), "\0")
    if pc.count_distinct(keys, mode="all").as_py() == table.num_rows:
        return
    seen = set()
    for language, split, identity in zip(*_lists(table, *KEYS), strict=True):
        if (language, split, identity) in seen:
            raise UserError(f"{where}: example {identity!r} of {language}/{split} occurs twice")
        seen.add((language, split, identity))


SCORERS: dict[str, Callable[[pa.Table, str], pa.Table]] = {
    "ner": score_predictions,
    **dict.fromkeys(CLASSES, score_class_predictions),
    "qa": score_answer_predictions,
}
"""By task: predictions and their file's name → outcomes."""


def score_run(run: str, task: str, code: str) -> tuple[str, bool]:
    """Write a run's outcomes unless they are current: made by this code from these very predictions, which are read once.

    Args:
        run: the run's name.
        task: its task.
        code: code hash of the score stage.

    Returns:
        SHA-256 of the outcomes file, and whether it was written now.

    Raises:
        UserError: the predictions are missing, broken, or altered since the run wrote them.
    """
    source, target = paths.predictions(run), paths.outcomes(run)
    if not source.exists():
        raise UserError(f"run {run}: {source}: no predictions; make them with: snakemake {source}")
    data, sha = read_verified(source, recorded_digest(run, "predictions"), again(source))
    made_of = {"task": task, "run": run, "code": code, "predictions": sha}
    if (current := _current(target, made_of)) is not None:
        return current, False
    stored = facts_of(source, data)
    if (stored.get("task"), stored.get("run")) != (task, run):
        raise UserError(
            f"{source}: holds predictions of run {stored.get('run')!r}, task {stored.get('task')!r}; expected {run!r}, "
            f"{task!r}; make them again with: {remedy([run])}"
        )
    schema = PREDICTIONS[task]
    columns = [name for name in schema.names if name in (*KEYS, "gold", "predicted")]
    outcomes = SCORERS[task](read_parquet(source, schema, columns, data=data), str(source))
    with noting(target):
        write_parquet(target, outcomes, {"metalingua": canonical_json(made_of)})
    return str(noted(target)), True


def _current(target: Path, made_of: Mapping[str, Any]) -> str | None:
    """The SHA-256 of outcomes that say of themselves that they are made of this; `None` of others, of broken ones, of none."""
    try:
        data, sha = read_verified(target, None, "")
        return sha if noted(target) == sha and facts_of(target, data) == made_of else None
    except (FileNotFoundError, UserError):
        return None


def read_outcomes(run: str, task: str, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a run's outcomes, in the `OUTCOMES` schema of its task, or some of their columns.

    Raises:
        UserError: they are missing, altered or broken.
    """
    path = paths.outcomes(run)
    try:
        data, _ = read_verified(path, noted(path), again(paths.scored()))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    return read_parquet(path, OUTCOMES[task], columns, data=data)


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


score_code = partial(stage_code, "score")
