"""What a method gains over a baseline by auxiliary set and target: the numbers of a heat map (XLA-MAML, Figure 2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.results.scores.collect import read_scores
from pipeline.results.tables.cells import Seed


@dataclass(frozen=True)
class Gain:
    """One cell: the mean over seeds that both methods have, in points; `None` with the reason where there is none."""

    points: float | None
    seeds: int = 0
    reason: str = ""


def read_gains(spec: Mapping[str, Any]) -> list[list[Gain]]:
    """Return the gains of a figure, a row for each auxiliary set and a column for each target, in the description's order.

    Raises:
        UserError: the scores are missing, or hold nothing of the method or the baseline.
    """
    return gains(read_scores(paths.scores()), spec)


def gains(scores: pa.Table, spec: Mapping[str, Any]) -> list[list[Gain]]:
    """Return the same from collected scores.

    Raises:
        UserError: nothing of the method or the baseline is among them, or a cell has two runs of one seed.
    """
    wanted = pc.and_(pc.equal(scores["experiment"], spec["experiment"]), pc.equal(scores["metric"], spec["metric"]))
    rows = scores.filter(wanted).to_pylist()
    ours, theirs = ([row for row in rows if row["variant"] == spec[key]] for key in ("method", "baseline"))
    for found, key in ((ours, "method"), (theirs, "baseline")):
        if not found:
            raise UserError(
                f"{paths.scores()}: no {spec['metric']} of {spec[key]!r} in experiment {spec['experiment']!r}; train it first"
            )
    base = {target: by_seed(theirs, target, "") for target in spec["targets"]}
    return [
        [gain(by_seed(ours, target, auxiliary), base[target], target, auxiliary) for target in spec["targets"]]
        for auxiliary in spec["auxiliaries"]
    ]


def by_seed(rows: Sequence[Mapping[str, Any]], language: str, auxiliary: str) -> dict[Seed, float]:
    """Return the scores on one language with one auxiliary set, by seed.

    Raises:
        UserError: two runs of one seed.
    """
    found: dict[Seed, float] = {}
    for row in rows:
        if row["language"] == language and row["auxiliary"] == auxiliary:
            seed = row["data_seed"], row["model_seed"]
            if seed in found:
                raise UserError(f"{row['variant']}: several runs on {language} with model seed {seed[1]}")
            found[seed] = row["value"]
    return found


def gain(ours: Mapping[Seed, float], theirs: Mapping[Seed, float], target: str, auxiliary: str) -> Gain:
    """Compare two cells over the seeds both have."""
    if target in auxiliary.split("+"):
        return Gain(None, reason="auxiliary")
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return Gain(None, reason="missing")
    return Gain(100 * fmean(ours[seed] - theirs[seed] for seed in seeds), len(seeds))
