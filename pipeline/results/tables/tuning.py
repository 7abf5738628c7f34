"""Which point of a tuned variant's grid a table shows: the one with the best dev score, never the best test score.

Runs of a variant that differ in nothing but their seeds and the grid's own keys are one group; where the grid says so, all
targets of the same sources are one group too. In each group the point with the highest mean dev score over seeds is chosen
(seeds first, then targets); of equal ones the first in the config's order. No test score is read here.

A point none of whose runs is there is left out with a note. Points that have runs, but not of the same targets and seeds,
cannot be compared: then no point is chosen, and the cell is empty.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json
from pipeline.results.scores.stale import flatten

Group = tuple[str, str, str, str]
"""Variant, sources, target (empty where the grid is tuned by the mean over them), and all other settings as JSON."""

Unit = tuple[str, int, int]
"""What points are compared over: target, data seed, model seed."""


@dataclass(frozen=True)
class Point:
    """One point of a grid: its values as they stand in its runs' settings, by dotted key; and as they are shown."""

    settings: Mapping[str, Any]
    shown: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """`meta_lr 1e-06, bottleneck 48`."""
        return ", ".join(f"{key} {value}" for key, value in self.shown)


@dataclass(frozen=True)
class Tuned:
    """A variant's grid; `by` is `target`, `mean`, or `model` where one model is tested on all targets."""

    by: str
    points: Sequence[Point]

    def point_of(self, settings: Mapping[str, Any]) -> int | None:
        """Return the number of the point that a run with these settings is of."""
        for number, point in enumerate(self.points):
            if all(settings.get(key) == value for key, value in point.settings.items()):
                return number
        return None

    def rest(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return a run's settings without what the grid sets.

        Settings of a parent are left out where the child's are the same (`collect.settings_of`); where the child's are
        tuned, that would tell the points of one grid apart, so they are written out.
        """
        tuned = {key for point in self.points for key in point.settings}
        rest = {key: value for key, value in settings.items() if key not in tuned}
        if any(key.startswith("parent.") for key in settings):
            own = {f"parent.{key}": settings[key] for key in tuned if key.startswith("training.") and key in settings}
            rest = {**own, **rest}
        return rest


@dataclass(frozen=True)
class Trial:
    """One run of one point: its dev score, 0 to 1, and which score that is."""

    run: str
    point: int
    dev: float | None
    metric: str | None


@dataclass(frozen=True)
class Choice:
    """What was chosen for one group of runs.

    Attributes:
        point: the chosen one; `None` where none could be.
        among: how many points had runs to choose from.
        dev: the chosen point's mean dev score, 0 to 1.
        metric: which score that is.
        reason: why no point was chosen, or what the choice lacks; empty where it lacks nothing.
    """

    point: Point | None
    among: int
    dev: float | None = None
    metric: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Choices:
    """All choices of a table: grids by variant, choices by group, and the (variant, run) pairs that were not chosen."""

    grids: Mapping[str, Tuned]
    found: Mapping[Group, Choice]
    dropped: frozenset[tuple[str, str]]

    def of(self, row: Mapping[str, Any], settings: Mapping[str, Any]) -> Choice | None:
        """Return the choice that a run belongs to, `None` where its variant is not tuned.

        Args:
            row: `variant`, `sources` and `target` of the run.
            settings: what else determined it, by dotted key.
        """
        grid = self.grids.get(row["variant"])
        return self.found[group_of(row, settings, grid)] if grid else None

    def keep(self, scores: pa.Table) -> pa.Table:
        """Return the scores without those of points that were not chosen."""
        if not self.dropped:
            return scores
        pairs = zip(scores["variant"].to_pylist(), scores["run"].to_pylist(), strict=True)
        return scores.filter(pa.array([pair not in self.dropped for pair in pairs]))


def grids_of(methods: Iterable[Mapping[str, Any]]) -> dict[str, Tuned]:
    """Return the grids of a table's rows, by variant (`grid.tables.table_spec`, key `tune` of `methods`)."""
    return {
        method["name"]: Tuned(
            method["tune"]["by"],
            [Point(flatten(point["settings"]), tuple(point["shown"].items())) for point in method["tune"]["points"]],
        )
        for method in methods
        if "tune" in method
    }


def group_of(row: Mapping[str, Any], settings: Mapping[str, Any], grid: Tuned) -> Group:
    """Return the group among whose points one is chosen for this run."""
    target = row["target"] if grid.by == "target" else ""
    return row["variant"], row["sources"], target, canonical_json(grid.rest(settings))


COLUMNS = ("variant", "run", "sources", "target", "data_seed", "model_seed", "settings", "dev", "dev_metric")


def choose(methods: Iterable[Mapping[str, Any]], scores: pa.Table, facts: Mapping[str, Any]) -> Choices:
    """Choose a point for every group of a table's tuned variants.

    Args:
        methods: the table's rows.
        scores: the table's scores, of all metrics: whether a metric is defined may depend on the test set.
        facts: the scores file's metadata: `settings` by digest, `missing` runs of the table's experiments.

    Raises:
        UserError: a run is of no point of its variant's grid, or two runs are of the same point, target and seed.
    """
    grids = grids_of(methods)
    if not grids:
        return Choices({}, {}, frozenset())
    tuned = scores.filter(pc.is_in(scores["variant"], pa.array(list(grids), pa.string())))
    rows = tuned.select(COLUMNS).group_by(list(COLUMNS), use_threads=False).aggregate([]).to_pylist()
    trials: dict[Group, dict[int, dict[Unit, Trial]]] = {}
    for row in rows:
        group, number = _place(row, grids, facts)
        units = trials.setdefault(group, {}).setdefault(number, {})
        held = units.setdefault(_unit(row), Trial(row["run"], number, row["dev"], row["dev_metric"]))
        if held.run != row["run"]:
            raise UserError(f"runs {held.run} and {row['run']} are of one point of {row['variant']!r} and one seed")
    gaps: dict[Group, dict[tuple[int, Unit], str]] = {}
    for row in facts.get("missing", []):
        if row["variant"] in grids:
            group, number = _place(row, grids, facts)
            gaps.setdefault(group, {})[number, _unit(row)] = row["reason"]
    found = {group: choose_one(grids[group[0]], points, gaps.get(group, {})) for group, points in trials.items()}
    dropped = {
        (group[0], trial.run)
        for group, points in trials.items()
        for number, units in points.items()
        for trial in units.values()
        if found[group].point not in (None, grids[group[0]].points[number])
    }
    return Choices(grids, found, frozenset(dropped))


def _place(row: Mapping[str, Any], grids: Mapping[str, Tuned], facts: Mapping[str, Any]) -> tuple[Group, int]:
    """Return the group and the point of a run."""
    grid, settings = grids[row["variant"]], facts["settings"][row["settings"]]
    number = grid.point_of(settings)
    if number is None:
        raise UserError(f"run {row['run']} is of no point of {row['variant']!r}; collect the scores again")
    return group_of(row, settings, grid), number


def _unit(row: Mapping[str, Any]) -> Unit:
    return row["target"], row["data_seed"], row["model_seed"]


def choose_one(
    grid: Tuned, trials: Mapping[int, Mapping[Unit, Trial]], missing: Mapping[tuple[int, Unit], str]
) -> Choice:
    """Choose among one group's points.

    Args:
        grid: the grid.
        trials: by point's number, then target and seed; at least one.
        missing: why runs are not there, by point's number, and target and seed.
    """
    every = {unit for units in trials.values() for unit in units}
    means: dict[int, float] = {}
    metrics = sorted({str(trial.metric) for units in trials.values() for trial in units.values()})
    for number, units in sorted(trials.items()):
        if lacking := sorted(every - units.keys()):
            why = missing.get((number, lacking[0]), "not in the collected scores")
            return _none(trials, f"{grid.points[number].text} lacks {_unit_text(lacking[0])} ({why})")
        for trial in units.values():
            if trial.dev is None or not math.isfinite(trial.dev):
                return _none(trials, f"run {trial.run} has no dev score")
        means[number] = mean_dev(units)
    if len(metrics) > 1:
        return _none(trials, f"dev scores are of several kinds, {', '.join(metrics)}")
    best = max(sorted(means), key=lambda number: means[number])  # of equal ones, the first
    return Choice(grid.points[best], len(means), means[best], metrics[0], _lacks(grid, means.keys(), every, missing))


def mean_dev(units: Mapping[Unit, Trial]) -> float:
    """Return a point's mean dev score over seeds, and where there are several targets, the mean of that over targets."""
    by_target: dict[str, list[float]] = {}
    for (target, _, _), trial in units.items():
        assert trial.dev is not None
        by_target.setdefault(target, []).append(trial.dev)
    return fmean(fmean(scores) for scores in by_target.values())


def _none(trials: Mapping[int, Any], why: str) -> Choice:
    return Choice(None, len(trials), reason=f"no point chosen: {why}")


def _unit_text(unit: Unit) -> str:
    return f"{unit[0]}, data seed {unit[1]}, model seed {unit[2]}"


def _lacks(grid: Tuned, present: Iterable[int], every: set[Unit], missing: Mapping[tuple[int, Unit], str]) -> str:
    """Say which points had no run, and which targets no point had a run of."""
    parts = []
    gone = [number for number in range(len(grid.points)) if number not in set(present)]
    if gone:
        reasons = sorted({why for (number, _), why in missing.items() if number in gone})
        named = "; ".join(grid.points[number].text for number in gone)
        among = f"chosen among {len(grid.points) - len(gone)} of {len(grid.points)} points"
        parts.append(f"{among}, without {named} ({', '.join(reasons) or 'not in the collected scores'})")
    unseen = sorted({unit[0] for _, unit in missing} - {unit[0] for unit in every})
    if unseen:
        over = ", ".join(sorted({unit[0] for unit in every}))
        parts.append(f"chosen on the mean over {over} alone, without {', '.join(unseen)}")
    return "; ".join(parts)
