"""An error analysis put together: every run measured on every language, averaged over seeds."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import read_parquet
from pipeline.common.stored import verified_run_file
from pipeline.data.schema import PREDICTIONS
from pipeline.results.errors import answers, classes, entities
from pipeline.results.errors.known import Items, items
from pipeline.results.errors.spec import Key, Measured, Seed, Spec, Value
from pipeline.results.statistics.seeds import Summary, summarise, usual_count

Pair = tuple[str, str]
"""(sources joined by "+", target)."""


@dataclass(frozen=True)
class Number:
    """A number over seeds: its summary, 0 to 1, the mean number of gold items it is of, and each seed's value."""

    summary: Summary
    items: float
    values: Mapping[Seed, float]


@dataclass(frozen=True)
class Cell:
    """A method on a language.

    Attributes:
        runs: by seed.
        numbers: those that at least one seed has; `Key` without one has no gold items.
    """

    runs: Mapping[Seed, str]
    numbers: Mapping[Key, Number]


@dataclass(frozen=True)
class Report:
    """An error analysis ready to be written.

    Attributes:
        cells: by (method, pair); those without a run are not there.
        counts: by pair and class or entity type: in the target's training examples and in the others', means over data seeds.
        notes: what is missing, by name.
    """

    name: str
    spec: Spec
    cells: Mapping[tuple[str, Pair], Cell]
    counts: Mapping[Pair, Mapping[str, tuple[float, float]]]
    notes: Sequence[str]

    def number(self, method: str, pair: Pair, key: Key) -> Number | None:
        """Return a number, `None` where there is none."""
        cell = self.cells.get((method, pair))
        return None if cell is None else cell.numbers.get(key)

    def keys(self, part: str) -> list[Key]:
        """Return all keys of a part, in the order in which they are first found."""
        return list(dict.fromkeys(key for cell in self.cells.values() for key in cell.numbers if key.part == part))


def build(name: str, spec: Spec, scores: pa.Table, facts: Mapping[str, Any]) -> Report:
    """Measure the runs that the scores name.

    Args:
        name: the analysis'.
        spec: what it is told.
        scores: all scores, which say which run is which.
        facts: the scores' metadata, which says why runs are missing.

    Raises:
        UserError: no run of the experiment is scored; predictions or splits are missing or broken, or of other test items.
    """
    runs = find_runs(spec, scores)
    if not any(runs.values()):
        raise UserError(f"{paths.scores()}: no score of experiment {spec.experiment!r}; train its runs first")
    grouped: dict[tuple[Pair, int], Items] = {}
    measured: dict[tuple[str, Pair, Seed], Measured] = {}
    for (method, pair), by_seed in runs.items():
        for seed, run in by_seed.items():
            if (pair, seed[0]) not in grouped:
                grouped[pair, seed[0]] = items(spec, *pair, seed[0])
            measured[method, pair, seed] = measure(run, spec.task, pair[1], grouped[pair, seed[0]])
    measured = dict(zip(measured, filled(list(measured.values())), strict=True))
    cells = {
        (method, pair): Cell(by_seed, dict(averaged({seed: measured[method, pair, seed] for seed in by_seed})))
        for (method, pair), by_seed in runs.items()
        if by_seed
    }
    counts = {pair: mean_counts([found for (of, _), found in grouped.items() if of == pair]) for pair in spec.pairs}
    return Report(name, spec, cells, counts, list(missing(spec, runs, facts)))


def find_runs(spec: Spec, scores: pa.Table) -> dict[tuple[str, Pair], dict[Seed, str]]:
    """Return by method and pair the runs that are scored, by seed; a method without sources has the same for every source set.

    Raises:
        UserError: a method has two runs of one seed.
    """
    wanted = [method["name"] for method in spec.methods]
    mine = pc.and_(pc.equal(scores["experiment"], spec.experiment), pc.is_in(scores["variant"], pa.array(wanted)))
    columns = ["variant", "sources", "language", "data_seed", "model_seed", "run"]
    rows = scores.filter(mine).select(columns).group_by(columns).aggregate([]).sort_by("run").to_pylist()
    found: dict[tuple[str, Pair], dict[Seed, str]] = {}
    for method in wanted:
        for sources, language in spec.pairs:
            by_seed = found.setdefault((method, (sources, language)), {})
            for row in rows:
                if (row["variant"], row["language"]) == (method, language) and row["sources"] in (sources, ""):
                    seed = row["data_seed"], row["model_seed"]
                    if seed in by_seed:
                        raise UserError(
                            f"{method}: two runs on {language} with model seed {seed[1]}: {by_seed[seed]}, {row['run']}"
                        )
                    by_seed[seed] = row["run"]
    return found


def measure(run: str, task: str, language: str, found: Items) -> Measured:
    """Measure one run on one language.

    Raises:
        UserError: its predictions are missing or broken, or of other test items than the split has now.
    """
    path = verified_run_file(run, "predictions")
    table = read_parquet(path, PREDICTIONS[task])
    rows = table.filter(pc.equal(table["lang"], language)).to_pylist()
    if {row["id"] for row in rows} != found.ids:
        raise UserError(
            f"{path}: its test items of {language!r} are not those of the test split; mend with: snakemake --force {path}"
        )
    if task == "ner":
        return entities.measure(rows, found.levels)
    if task == "qa":
        return answers.measure(rows, found.groups, language)
    return classes.measure(rows, found.groups)


def averaged(measured: Mapping[Seed, Measured]) -> Iterator[tuple[Key, Number]]:
    """Yield every number that some seed has, over those that have it."""
    for key in dict.fromkeys(key for of_seed in measured.values() for key in of_seed):
        found = {seed: of_seed[key] for seed, of_seed in measured.items() if key in of_seed}
        values = {seed: value.value for seed, value in found.items() if value.value is not None}
        if values:
            yield key, Number(summarise(list(values.values())), fmean(found[seed].items for seed in values), values)


def filled(found: Sequence[Measured]) -> list[Measured]:
    """Return what was measured with the share 0 where a matrix has the row, and another run's alone the column."""
    said = dict.fromkeys(key.other for one in found for key in one if key.part == "confusion")
    return [
        {
            **{
                Key("confusion", key.group, other): Value(0.0, value.items)
                for key, value in one.items()
                if key.part == "confusion"
                for other in said
                if (key.group, other) != (entities.NOTHING, entities.NOTHING)
            },
            **one,
        }
        for one in found
    ]


def mean_counts(found: Sequence[Items]) -> dict[str, tuple[float, float]]:
    """Return the mean over data seeds of how often each class stands in training examples."""
    names = dict.fromkeys(name for one in found for name in one.counts)
    return {
        name: (
            fmean(one.counts.get(name, (0, 0))[0] for one in found),
            fmean(one.counts.get(name, (0, 0))[1] for one in found),
        )
        for name in names
    }


def missing(spec: Spec, runs: Mapping[tuple[str, Pair], Mapping[Seed, str]], facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each method and pair that lacks seeds: `joint on qu: 2 of 3 seeds (model seed 3: not trained)`."""
    reasons = {
        (entry["variant"], entry["sources"], entry["language"], entry["data_seed"], entry["model_seed"]): entry[
            "reason"
        ]
        for entry in facts.get("missing", ())
        if entry["experiment"] == spec.experiment
    }
    auxiliaries = spec.known.get("auxiliary", {}).get("languages", ())
    for method in spec.methods:
        name, wanted = method["name"], [(data, model) for data, model in method["seeds"]]
        for sources, language in spec.pairs:
            there, place = runs[name, (sources, language)], f"{method['label']} on {spec.pair_label(sources, language)}"
            absent = [seed for seed in wanted if seed not in there]
            why = [reasons.get((name, s, language, *seed)) for seed in absent for s in (sources, "")]
            if absent and language in auxiliaries and not any(why):
                yield f"{place}: no run, it is an auxiliary language."
            elif absent:
                found = [one or other or "no such run" for one, other in zip(why[::2], why[1::2], strict=True)]
                said = ", ".join(f"{seed_text(seed)}: {reason}" for seed, reason in zip(absent, found, strict=True))
                yield f"{place}: {len(there)} of {len(wanted)} seeds ({said})."


def seed_text(seed: Seed) -> str:
    """Word a seed; an average over seeds has none of its own."""
    return "the average" if seed[1] is None else f"model seed {seed[1]}"


def usual_seeds(report: Report) -> int:
    """Return how many seeds most cells have, of equals the most."""
    return usual_count(len(cell.runs) for cell in report.cells.values())
