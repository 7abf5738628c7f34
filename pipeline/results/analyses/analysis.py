"""An analysis: how far apart source and target lie in the models of two methods, and whether scores went along.

For every language pair and seed the distances between source and target points are measured in the model before and in the
model after. The *drop* of a distance is before − after, the *gain* of a score after − before: so both are positive where the
second method brought languages together and scored higher. Over language pairs the two are correlated (MetaXL, Section 4.5).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.common import paths
from pipeline.common.code import represent_code
from pipeline.common.errors import UserError
from pipeline.common.files import digest, parse_keys, read_parquet
from pipeline.common.integrity import verified_by_note
from pipeline.results.analyses.distance import Distances, Points, distances
from pipeline.results.scores.outcomes import facts
from pipeline.results.scores.stale import record
from pipeline.results.statistics.correlation import Correlation, correlate
from pipeline.results.statistics.seeds import Summary, summarise

Seed = tuple[int, int]
STATES = ("before", "after")


@dataclass(frozen=True)
class Spec:
    """An analysis as the config describes it (`pipeline.grid.analyses.analysis_spec`).

    Attributes:
        experiment: whose runs.
        before: a method or variant of it.
        after: another one.
        metric: the score whose gain is shown.
        view: what of each model is looked at: split, sentences, seed, layer, units.
        pairs: `[[sources], target]`, in order.
        seeds: `[data_seed, model_seed]`, in order.
    """

    experiment: str
    before: str
    after: str
    metric: str
    view: Mapping[str, Any]
    pairs: Sequence[tuple[Sequence[str], str]]
    seeds: Sequence[Sequence[int]]


@dataclass(frozen=True)
class Measured:
    """One run: its score, its points, and how far apart source and target lie in its model."""

    run: str
    score: float
    source_points: int
    target_points: int
    distances: Distances


@dataclass(frozen=True)
class Pair:
    """One language pair: what was measured in each seed, before and after."""

    sources: tuple[str, ...]
    target: str
    seeds: Mapping[Seed, tuple[Measured, Measured]]

    @property
    def label(self) -> str:
        """`en+es→qu`."""
        return f"{'+'.join(self.sources)}→{self.target}"

    def summary(self, state: int, value: Callable[[Measured], float]) -> Summary:
        """Summarise a value over seeds, before (state 0) or after (state 1)."""
        return summarise([value(both[state]) for both in self.seeds.values()])

    def change(self, value: Callable[[Measured], float]) -> Summary:
        """Summarise before − after over seeds: the drop of a distance."""
        return summarise([value(both[0]) - value(both[1]) for both in self.seeds.values()])

    @property
    def gain(self) -> Summary:
        """The score's gain over seeds, after − before."""
        return summarise([both[1].score - both[0].score for both in self.seeds.values()])


@dataclass(frozen=True)
class Analysis:
    """An analysis ready to be written; `correlations` of the gain with each distance's drop, over language pairs."""

    name: str
    spec: Spec
    pairs: Sequence[Pair]
    correlations: Mapping[str, Correlation]


def hausdorff(measured: Measured) -> float:
    """The Hausdorff distance in a run's model."""
    return measured.distances.hausdorff


def modified_hausdorff(measured: Measured) -> float:
    """The modified Hausdorff distance in a run's model."""
    return measured.distances.modified_hausdorff


def spread(measured: Measured) -> float:
    """The mean distance of any two points in a run's model."""
    return measured.distances.spread


DISTANCES = {"Hausdorff": hausdorff, "modified Hausdorff": modified_hausdorff}
"""By name: the distances that gains are correlated with."""


def read_spec(text: str) -> Spec:
    """Read an analysis' description from JSON.

    Raises:
        UserError: it is not JSON, or a key is missing or unknown.
    """
    found = parse_keys(text, [field.name for field in fields(Spec)], "--spec")
    return Spec(**found)


def analyse(name: str, spec: Spec, scores: pa.Table) -> Analysis:
    """Measure all language pairs and correlate.

    Raises:
        UserError: a run's score or representation is missing, stale or not finite.
    """
    found = run_scores(spec, scores)
    pairs = [measure_pair(spec, tuple(sources), target, found) for sources, target in spec.pairs]
    gains = [pair.gain.mean for pair in pairs]
    correlations = {
        kind: correlate([pair.change(value).mean for pair in pairs], gains) for kind, value in DISTANCES.items()
    }
    return Analysis(name, spec, pairs, correlations)


Place = tuple[str, str, str, Seed]
"""(variant, sources joined by "+", target, seed)."""


def run_scores(spec: Spec, scores: pa.Table) -> dict[Place, tuple[str, float]]:
    """Return each run of the analysis with its score on the target."""
    mine = pc.and_(pc.equal(scores["experiment"], spec.experiment), pc.equal(scores["metric"], spec.metric))
    found = {}
    for row in scores.filter(mine).to_pylist():
        if row["language"] == row["target"]:
            seed = row["data_seed"], row["model_seed"]
            found[row["variant"], row["sources"], row["target"], seed] = row["run"], row["value"]
    return found


def measure_pair(spec: Spec, sources: tuple[str, ...], target: str, scores: Mapping[Place, tuple[str, float]]) -> Pair:
    """Measure one language pair in every seed.

    Raises:
        UserError: see `analyse`.
    """
    measured = {}
    for data_seed, model_seed in spec.seeds:
        seed = data_seed, model_seed
        both = []
        for label in (spec.before, spec.after):
            place = label, "+".join(sources), target, seed
            if place not in scores:
                raise UserError(
                    f"{paths.scores()}: no {spec.metric} of {label} from {'+'.join(sources)} to {target}, model seed "
                    f"{model_seed}: the run is not scored, or the metric undefined (nothing of the kind in gold or predictions)"
                )
            run, score = scores[place]
            both.append(measure(run, score, spec.view, sources, target))
        measured[seed] = (both[0], both[1])
    return Pair(sources, target, measured)


def measure(run: str, score: float, view: Mapping[str, Any], sources: Sequence[str], target: str) -> Measured:
    """Measure one run.

    Raises:
        UserError: its representations are missing or stale, or not finite.
    """
    source_points, target_points = read_points(run, view, sources, target)
    try:
        found = distances(source_points, target_points)
    except UserError as error:
        raise UserError(f"run {run}: {error}") from None
    return Measured(run, score, len(source_points), len(target_points), found)


def points_path(run: str, view: Mapping[str, Any]) -> Path:
    """Return the file of a run's representations under a view."""
    return paths.representations(run, digest(dict(view), 8))


def read_vectors(run: str, view: Mapping[str, Any]) -> tuple[pa.Table, Points]:
    """Read a run's representations: their table, and its vectors as (n, H).

    Raises:
        UserError: the file is missing, broken, or of other code or another model.
    """
    path = points_path(run, view)
    if not path.exists():
        raise UserError(f"{path}: no such file; make it with: snakemake {path}")
    verified_by_note(path)
    said, made = facts(path), record(run)
    expected = {"run": run, "model": made.get("model"), "code": represent_code(made["spec"]["task"])}
    for key, value in expected.items():
        if said.get(key) != value:
            raise UserError(
                f"{path}: made from another {key}: {said.get(key)}, now {value}; mend with: snakemake --force {path}"
            )
    table = read_parquet(path)
    vectors = table["vector"].combine_chunks()
    return table, vectors.flatten().to_numpy().reshape(len(vectors), vectors.type.list_size)


def read_points(run: str, view: Mapping[str, Any], sources: Sequence[str], target: str) -> tuple[Points, Points]:
    """Read a run's source points, all sources together, and its target points: (m, H) and (n, H).

    Raises:
        UserError: the file is missing, broken, of other code or another model, or lacks a language.
    """
    table, points = read_vectors(run, view)
    languages = table["lang"].to_numpy(zero_copy_only=False)
    parts = [points[np.isin(languages, wanted)] for wanted in (list(sources), [target])]
    for part, wanted in zip(parts, ("+".join(sources), target), strict=True):
        if not len(part):
            raise UserError(f"{points_path(run, view)}: holds no point of {wanted}")
    return parts[0], parts[1]
