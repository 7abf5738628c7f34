"""A run's predictions as they are stored: `predictions.parquet`, a row an example, and what the file says of itself."""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.common import paths
from pipeline.common.files import canonical_json, write_parquet
from pipeline.data.schema import PREDICTIONS, PROBABILITIES
from pipeline.tasks.probabilities import Floats


def write_table(
    run: str,
    task: str,
    code: str,
    columns: Mapping[str, Sequence[Any]],
    labels: Sequence[str] = (),
    probabilities: Sequence[Floats] | None = None,
) -> None:
    """Write predictions in the task's schema, with the probabilities of the labels where there are any.

    Args:
        run: the run's name.
        task: its task.
        code: the code hash that made them.
        columns: of `PREDICTIONS[task]`.
        labels: the label set, in the order of the probabilities.
        probabilities: of every row, as `tasks.probabilities.of_labels` has them.
    """
    facts: dict[str, Any] = {"task": task, "run": run, "code": code}
    table = pa.table(dict(columns), schema=PREDICTIONS[task])
    if probabilities is not None:
        facts["labels"] = list(labels)
        table = table.append_column(PROBABILITIES, listed(probabilities))
    write_parquet(paths.predictions(run), table, {"metalingua": canonical_json(facts)})


def listed(rows: Sequence[Floats]) -> pa.ListArray:
    """Return rows of numbers as a column of lists of float16."""
    ends = np.cumsum([0, *map(len, rows)], dtype=np.int32)
    values = np.concatenate([np.empty(0, np.float16), *rows], dtype=np.float16)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(values))


def unlisted(column: pa.ChunkedArray) -> list[Floats]:
    """Return a column of lists of float16 as rows of numbers."""
    found: list[Floats] = []
    for chunk in column.chunks:
        values = chunk.values.to_numpy()
        ends = chunk.offsets.to_numpy()
        found += [values[begin:end] for begin, end in pairwise(ends)]
    return found


def facts_of(path: Path) -> dict[str, Any]:
    """Return what a file of predictions says of itself: `task`, `run`, `code`, and `labels` where it has probabilities.

    Nothing where there is no such file, as of a parent that predicts nothing.
    """
    if not path.exists():
        return {}
    found: dict[str, Any] = json.loads((pq.read_schema(path).metadata or {}).get(b"metalingua", b"{}"))
    return found
