"""Show what a config would run: runs by experiment and method, what is done, what is not, and how long that may take.

    metalingua plan config/config.yaml [--config training.epochs=5] [--jobs 4]

Reads the config and what results say about themselves; writes nothing. Run it where Snakemake runs, the folder that holds
`results/`.
"""

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tabulate import tabulate

from pipeline.commands.arguments import add_config, call, settings_of
from pipeline.commands.remarks import remarks
from pipeline.commands.spared import spared
from pipeline.common import paths
from pipeline.common.earlier import offer
from pipeline.common.errors import UserError, run_stage
from pipeline.common.files import canonical_json
from pipeline.grid.decisions import read_decisions
from pipeline.grid.runs import Grid, Run, expand
from pipeline.grid.survey import Record, Survey, survey

SUMMARY = "what a config would run: what is done, shared, missing, and how long the rest may take"
PARENTS = "(parents)"
NAMED = 10
"""Runs that are named one by one."""

COLUMNS = ("experiment", "method", "runs", "done", "stale", "missing", "shared", "time left")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_config(parser)
    parser.add_argument("--jobs", type=int, default=1, help="how many runs go at a time, for the estimate")


def run(arguments: argparse.Namespace) -> None:
    """Print the plan.

    Raises:
        UserError: the config is wrong, or `--jobs` is not positive.
    """
    if arguments.jobs < 1:
        raise UserError(f"--jobs {arguments.jobs}: expected 1 or more")
    settings = settings_of(arguments)
    grid = expand(settings, read_decisions(settings))
    print("\n\n".join([report(grid, survey(grid), arguments.jobs), *spared(settings, grid)]))


def report(grid: Grid, seen: Survey, jobs: int = 1) -> str:
    """Return the whole plan as text."""
    from pipeline.commands.detectable import detectable  # imports SciPy

    expected = estimates(grid, seen)
    blocks = [tabulate(rows(grid, seen, expected), headers=COLUMNS, disable_numparse=True, colalign=ALIGNED)]
    preparation = list(to_prepare(grid, seen))
    if preparation:
        blocks.append("\n".join(["to prepare:", *(f"  {line}" for line in preparation)]))
    left = [run for name, run in grid.runs.items() if seen.runs[name] != "done"]
    if left and (shown := detectable(grid)):
        blocks.append(shown)
    blocks.append(closing(grid, seen, expected, jobs))
    if left:
        blocks.append(steps_line(left))
    blocks += remarks(grid)
    if nameless := unrecorded(grid, seen):
        blocks.append(nameless)
    if advice := offer(outdated(grid, seen), grid.accepted):
        blocks.append(advice)
    return "\n\n".join(blocks)


def unrecorded(grid: Grid, seen: Survey) -> str:
    """Return what to do about runs that count as missing though their predictions are there; nothing where there are none."""
    made = [
        paths.predictions(name)
        for name in grid.runs
        if name not in seen.records and paths.predictions(name).exists() and not paths.run_record(name).exists()
    ]
    if not made:
        return ""
    lines = [f"  {path}" for path in made[:NAMED]] + ([f"  and {len(made) - NAMED} more"] if len(made) > NAMED else [])
    return "\n".join(
        [
            f"{len(made)} of the missing runs have predictions, but run.json beside them is gone: nothing says what made them, "
            "so no table takes them. Bring it back, or make them anew with snakemake --force and their names:",
            *lines,
        ]
    )


def outdated(grid: Grid, seen: Survey) -> Iterator[Record]:
    """Yield the records of finished runs of the grid that answer to their spec, but not to today's code or data."""
    for name, run in grid.runs.items():
        record = seen.records.get(name, {})
        if seen.runs[name] == "stale" and record.get("spec") == run.spec:
            yield record


# ----------------------------------------------------------------------------------------------------------- the table

ALIGNED = ("left", "left", "right", "right", "right", "right", "right", "left")


def rows(grid: Grid, seen: Survey, expected: "dict[str, Estimate]") -> Iterator[list[str]]:
    """Yield a row for each experiment and method, one for parents, and one for all, each run counted once there."""
    groups: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in grid.runs.values():
        for use in run.uses or ((PARENTS, run.spec["method"]["name"]),):
            groups[use].append(run)
    for (experiment, method), runs in sorted(groups.items(), key=lambda group: group[0][0] == PARENTS):
        yield row(experiment, method, runs, seen, expected)
    yield row("all", "each once", list(grid.runs.values()), seen, expected)


def row(experiment: str, method: str, runs: Sequence[Run], seen: Survey, expected: "dict[str, Estimate]") -> list[str]:
    """Return a row's cells; `shared` counts the runs that other rows show too."""
    states = [seen.runs[run.name] for run in runs]
    counts = [states.count("done"), states.count("stale"), states.count("missing")]
    shared = sum(len(run.uses) > 1 for run in runs)
    left = time_left([expected[run.name] for run in runs if seen.runs[run.name] != "done"])
    return [experiment, method, *(str(n) for n in (len(runs), *counts, shared)), left]


def to_prepare(grid: Grid, seen: Survey) -> Iterator[str]:
    """Yield a line for each dataset and encoder that is not ready."""
    for key, dataset in grid.datasets.items():
        waiting = [language for language in dataset.languages if seen.languages[key, language] != "done"]
        if waiting:
            yield f"dataset {key}: {', '.join(waiting)} ({len(waiting)} of {len(dataset.languages)} languages)"
    for key in grid.encoders:
        if seen.encoders[key] != "done":
            yield f"encoder {key}{' (made by other code)' if seen.encoders[key] == 'stale' else ''}"


def steps_line(runs: Sequence[Run]) -> str:
    """Return how many training steps the runs have, which needs no finished run to go by."""
    counts = [steps_of(run.spec) for run in runs]
    known = [count for count in counts if count is not None]
    line = f"Training steps: {sum(known):,}"
    if len(known) < len(counts):
        line += f" and those of {len(counts) - len(known)} runs that take all of a language's examples, or a share"
    return f"{line}; early stopping may spare some."


def steps_of(spec: Mapping[str, Any]) -> int | None:
    """Return a run's training steps, `None` where a number of examples is `all` or a share, known only when they are fetched."""
    from pipeline.methods import build_method  # imports PyTorch
    from pipeline.methods.contract import Setting
    from pipeline.training.data import setting_of

    method = build_method(spec["method"]["name"], {k: v for k, v in spec["method"].items() if k != "name"})
    total = 0
    for phase in method.phases(Setting(**setting_of(dict(spec)))):
        steps = phase.epoch
        if isinstance(steps, str):
            stream = phase.streams[steps]
            sizes = [pool.size for pool in stream.pools if isinstance(pool.size, int)]
            if len(sizes) < len(stream.pools):
                return None
            steps = -(-sum(sizes) // stream.batch_size)
        total += phase.epochs * steps
    return total


def closing(grid: Grid, seen: Survey, expected: "dict[str, Estimate]", jobs: int) -> str:
    """Return the last lines: what is left in all, and what the estimate rests on."""
    left = [expected[name] for name in grid.runs if seen.runs[name] != "done"]
    if not left:
        return "Nothing to train."
    known = [estimate for estimate in left if estimate.seconds is not None]
    line = f"{len(left)} of {len(grid.runs)} runs to train"
    if not known:
        return f"{line}; time unknown: none of these methods has a finished run to go by."
    total = f"{time_left(left, jobs)} with {jobs} at a time, data and encoders not counted"
    return f"{line}; {total}. Goes by {rests_on(known)}."


def rests_on(known: "Sequence[Estimate]") -> str:
    """Say what the estimates go by."""
    counts = {basis: sum(estimate.basis == basis for estimate in known) for basis, _ in LIKENESS}
    return ", ".join(f"finished runs of {basis} for {n} of them" for basis, n in counts.items() if n)


# ------------------------------------------------------------------------------------------------------- the estimates


@dataclass(frozen=True)
class Estimate:
    """How long a run may take, `None` where nothing like it has finished, and how alike were the runs it goes by."""

    seconds: float | None
    basis: str = ""


def _alike(spec: dict[str, Any]) -> str:
    """All but languages and seeds."""
    differing = ("sources", "auxiliary", "targets", "evaluate", "data_seed", "model_seed", "parent", "rates", "members")
    return canonical_json({key: value for key, value in spec.items() if key not in differing})


LIKENESS: tuple[tuple[str, Callable[[dict[str, Any]], Any]], ...] = (
    ("the same settings", _alike),
    ("the same method, encoder and dataset", lambda s: (s["method"]["name"], s["encoder"], s["dataset"])),
    ("the same task and method", lambda s: (s.get("task"), s["method"]["name"])),
)
"""From most to least alike: the first kind of which a run has finished is the one to go by."""


def estimates(grid: Grid, seen: Survey) -> dict[str, Estimate]:
    """Estimate every unfinished run of the grid by the mean time of finished runs like it."""
    times = [(record["spec"], seconds) for record in seen.records.values() if (seconds := taken(record)) is not None]
    means: list[tuple[str, Callable[[dict[str, Any]], Any], dict[Any, float]]] = []
    for basis, likeness in LIKENESS:
        groups: dict[Any, list[float]] = defaultdict(list)
        for spec, seconds in times:
            groups[likeness(spec)].append(seconds)
        means.append((basis, likeness, {kind: sum(group) / len(group) for kind, group in groups.items()}))
    return {name: estimate(run.spec, means) for name, run in grid.runs.items() if seen.runs[name] != "done"}


def estimate(
    spec: dict[str, Any], means: Sequence[tuple[str, Callable[[dict[str, Any]], Any], dict[Any, float]]]
) -> Estimate:
    """Estimate one run."""
    for basis, likeness, known in means:
        if known and (seconds := known.get(likeness(spec))) is not None:
            return Estimate(seconds, basis)
    return Estimate(None)


def taken(record: Record) -> float | None:
    """Return how long a finished run took, `None` where it does not say, or says nothing of what it was."""
    spec, seconds = record.get("spec"), record.get("seconds")
    described = isinstance(spec, dict) and {"method", "encoder", "dataset"} <= spec.keys()
    total = seconds.get("total") if isinstance(seconds, dict) else None
    return float(total) if described and isinstance(total, int | float) else None


def time_left(left: Sequence[Estimate], jobs: int = 1) -> str:
    """Word the time a number of runs may take, some of them maybe unknown."""
    if not left:
        return "–"
    known = [estimate.seconds for estimate in left if estimate.seconds is not None]
    unknown = len(left) - len(known)
    if not known:
        return "unknown"
    text = f"about {duration(max(sum(known) / jobs, max(known)))}"
    return f"{text} + {unknown} unknown" if unknown else text


def duration(seconds: float) -> str:
    """Word a duration with its two largest units."""
    whole = max(1, round(seconds))
    for size, unit, smaller, part in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {unit} {rest} {part}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


def main() -> None:
    """Run the command by itself."""
    call(__doc__, add_arguments, run)


if __name__ == "__main__":
    run_stage(main)
