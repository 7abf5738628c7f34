"""Scores against the number or share of the target's training examples, or the sources', by method (MGL, Figure 5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.results.scores.collect import read_scores
from pipeline.results.statistics.seeds import half_interval, summarise
from pipeline.results.tables.cells import Seed


@dataclass(frozen=True)
class Point:
    """A method's score at one size, ×100: the mean over seeds, each over experiments and their languages first.

    `half` is half its 95 % t-interval over seeds, `None` for one seed.
    """

    mean: float
    half: float | None
    seeds: int


def read_sizes(spec: Mapping[str, Any]) -> dict[str, list[Point | None]]:
    """Return each method's points, one a size, in the description's order; `None` where runs are missing.

    Raises:
        UserError: the scores are missing, or hold nothing of a method.
    """
    return sizes(read_scores(paths.scores()), spec)


def sizes(scores: pa.Table, spec: Mapping[str, Any]) -> dict[str, list[Point | None]]:
    """Return the same from collected scores.

    An unsized method, as `zero_shot`, has the same point everywhere.

    Raises:
        UserError: nothing of a method is among them.
    """
    over = spec.get("over", "target_size")
    columns = [(experiment, language) for experiment, language in spec["columns"]]
    rows = [
        row
        for row in scores.filter(pc.equal(scores["metric"], spec["metric"])).to_pylist()
        if (row["experiment"], row["language"]) in columns
    ]
    found: dict[str, list[Point | None]] = {}
    for method in spec["methods"]:
        own = [row for row in rows if row["variant"] == method]
        if not own:
            raise UserError(
                f"{paths.scores()}: no {spec['metric']} of {method!r} in {', '.join(dict.fromkeys(e for e, _ in columns))}; "
                "train it first"
            )
        sized = method not in spec["unsized"]
        found[method] = [
            point([row for row in own if not sized or row[over] == size], len(columns)) for size in spec["sizes"]
        ]
    return found


def point(rows: Sequence[Mapping[str, Any]], columns: int) -> Point | None:
    """Return the mean over the seeds that have all languages of all experiments, `None` where none has."""
    values: dict[Seed, dict[tuple[str, str], list[float]]] = {}
    for row in rows:
        of_seed = values.setdefault((row["data_seed"], row["model_seed"]), {})
        of_seed.setdefault((row["experiment"], row["language"]), []).append(100 * row["value"])
    whole = [fmean(map(fmean, found.values())) for _, found in sorted(values.items()) if len(found) == columns]
    if not whole:
        return None
    summary = summarise(whole)
    half = None if summary.sd is None else half_interval(summary.sd, summary.n)
    return Point(summary.mean, half, summary.n)
