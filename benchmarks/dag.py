"""How long Snakemake takes to find out what to do, with very many runs, beside a toy workflow of as many jobs.

    python -m benchmarks.dag --runs 10000 --json benchmarks/records/dag.json

Builds a config of that many runs in a temporary folder, and beside it a toy: a Snakefile with one rule of one input, one output
and a command, no params, no config, of which `all` asks for as many files. Times whole commands, from start to exit, ours and the
toy's in turn, and takes the median of the rounds:

* `dry_run_s`, `toy_dry_run_s`: `snakemake -n` with nothing there, so that every job is planned and printed;
* `nothing_to_do_s`, `toy_nothing_to_do_s`: `snakemake` with everything there. No job is run for that: the outputs are made empty,
  and `snakemake --touch --forceall` records for each the params, inputs and code that a real job records;
* `dry_run_over_toy`, `nothing_to_do_over_toy`: the first over the second;
* `memory_mb`: the most resident memory any of these commands took.

`goals` says what the quotients must not exceed, `reached` whether they do not.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from pipeline.common import paths
from pipeline.common.files import write_json
from pipeline.config.datasets.babel import Babel
from pipeline.config.datasets.facts import babel_languages
from pipeline.config.load import parse
from pipeline.grid.jobs import TABLE_FORMS
from pipeline.grid.runs import Grid, expand

ROOT = Path(__file__).resolve().parents[1]
GOALS = {"dry_run_over_toy": 2.0, "nothing_to_do_over_toy": 1.5}
ROUNDS = 3
METHODS = ("target_only", "joint", "fine_tune", "zero_shot", "few_shot")
VERSIONED = ("snakemake", "pydantic", "pyarrow")
CORES = "1000000"
"""As many as jobs: none waits for another."""
GREEDY = ("--scheduler", "greedy")
"""Snakemake's other one solves a linear programme of ten thousand ready jobs, in more memory than most machines have."""
SNAKEMAKE = ("-m", "snakemake")
TOUCH = (  # Snakemake waits 0.1 s after each touch, for file systems with coarse times: a quarter of an hour here
    "-c",
    "import types, snakemake.executors.touch as touch, snakemake.cli as cli; "
    "touch.time = types.SimpleNamespace(sleep=lambda seconds: None); cli.main()",
)
TOY = """rule all:
    input:
        [f"out/{{number}}.txt" for number in range({jobs})],


rule one:
    input:
        "in.txt",
    output:
        "out/{{number}}.txt",
    shell:
        "cp {{input}} {{output}}"
"""


@dataclass(frozen=True)
class Workflow:
    """A workflow in a folder of its own.

    Attributes:
        folder: the working directory.
        snakefile: of it.
        outputs: all files that its rules declare.
        planned: what a dry-run says of its jobs.
        arguments: what Snakemake is given at the end, besides.
    """

    folder: Path
    snakefile: Path
    outputs: tuple[Path, ...]
    planned: str
    arguments: tuple[str, ...]


def main() -> None:
    """Measure, print and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000, help="at least so many runs")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each command is timed")
    parser.add_argument("--json", type=Path, help="write the record there")
    arguments = parser.parse_args()
    record = measure(arguments.runs, arguments.rounds)
    print(json.dumps(record, indent=2))
    if arguments.json:
        write_json(arguments.json, record)


def measure(runs: int, rounds: int = ROUNDS) -> dict[str, Any]:
    """Time Snakemake on a config of `runs` runs and on the toy; seconds and megabytes, with what they were measured on."""
    config = synthetic_config(runs)
    started = time.perf_counter()
    grid = expand(parse(config))
    expanded = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as name:
        workflows = {"": ours(Path(name) / "ours", config, grid), "toy_": toy(Path(name) / "toy", len(grid.runs))}
        found = in_turn(workflows, "dry_run", ["--dry-run"], rounds)
        for workflow in workflows.values():
            make(workflow)
        found |= in_turn(workflows, "nothing_to_do", [], rounds)
    ratios = {f"{kind}_over_toy": found[f"{kind}_s"] / found[f"toy_{kind}_s"] for kind in ("dry_run", "nothing_to_do")}
    return {
        "runs": len(grid.runs),
        "parents": len(grid.parents),
        "rounds": rounds,
        "expand_s": round(expanded, 2),
        **{key: round(value, 2) for key, value in (found | ratios).items()},
        "goals": GOALS,
        "reached": all(ratios[key] <= goal for key, goal in GOALS.items()),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        "machine": {
            "cpus": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in VERSIONED},
        },
    }


def in_turn(workflows: dict[str, Workflow], kind: str, flags: Sequence[str], rounds: int) -> dict[str, float]:
    """Time a command on each workflow in turn; return the median seconds, `<name>_s`."""
    seconds: dict[str, list[float]] = {name: [] for name in workflows}
    for _ in range(rounds):
        for name, workflow in workflows.items():
            expected = workflow.planned if flags else "Nothing to be done"
            seconds[name].append(timed(workflow, flags, expected))
    return {f"{name}{kind}_s": median(found) for name, found in seconds.items()}


def ours(folder: Path, config: dict[str, Any], grid: Grid) -> Workflow:
    """Lay down the config, and return this workflow with it."""
    write_json(folder / "config.json", config)
    planned = f"train_run {len(grid.runs) - len(grid.parents)}"
    return Workflow(
        folder, ROOT / "Snakefile", tuple(outputs(grid)), planned, ("--configfile", str(folder / "config.json"))
    )


def toy(folder: Path, jobs: int) -> Workflow:
    """Lay down a workflow of that many jobs, each of which copies the same file."""
    folder.mkdir(parents=True)
    (folder / "in.txt").touch()
    (folder / "Snakefile").write_text(TOY.format(jobs=jobs), encoding="utf-8")
    made = tuple(Path("out") / f"{number}.txt" for number in range(jobs))
    return Workflow(folder, folder / "Snakefile", made, f"one {jobs}", ())


def make(workflow: Workflow) -> None:
    """Make all outputs, empty, and let Snakemake record of each what a real job records."""
    for path in workflow.outputs:
        (workflow.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (workflow.folder / path).touch()
    timed(workflow, ["--touch", "--forceall", *GREEDY], "steps (100%) done", TOUCH)


def synthetic_config(runs: int) -> dict[str, Any]:
    """Return a config of at least `runs` runs: five methods, four targets, two target sizes, as many seeds as it takes."""
    one, two = (len(expand(parse(config_of(seeds))).runs) for seeds in (1, 2))
    return config_of(1 + max(0, -(-(runs - one) // (two - one))))


def config_of(seeds: int) -> dict[str, Any]:
    """Return a config with that many model seeds; each of them has as many runs as any other."""
    source, *others = babel_languages(Babel(loader="babel"))
    targets = others[:4]
    return {
        "datasets": {"babel": {"loader": "babel"}},
        "encoders": {"small": {"from": "pretrain", "text": [{"dataset": "babel", "languages": [source, *targets]}]}},
        "experiments": {
            "grid": {
                "dataset": "babel",
                "encoder": "small",
                "methods": list(METHODS),
                "sources": [source],
                "targets": targets,
                "source_size": 1000,
                "target_size": [50, 100],
                "model_seeds": list(range(seeds)),
            }
        },
        "tables": {"table": {"experiments": ["grid"], "baseline": "target_only"}},
    }


def outputs(grid: Grid) -> Iterator[Path]:
    """Yield every file that a rule declares as its output."""
    for dataset in grid.datasets.values():
        for language in dataset.languages:
            yield from (paths.split(dataset.key, language, name) for name in ("train", "dev", "test", "text"))
            yield paths.data_report(dataset.key, language)
    yield from (paths.encoder_manifest(key) for key in grid.encoders)
    yield from (paths.predictions(run) for run in grid.runs)
    yield from (paths.run_model(run) for run in grid.parents)
    yield from (paths.scored(), paths.scores())
    yield from (paths.table(name, suffix) for name in grid.tables for suffix in TABLE_FORMS)


def timed(workflow: Workflow, flags: Iterable[str], expected: str, program: Sequence[str] = SNAKEMAKE) -> float:
    """Run Snakemake on a workflow and return its seconds, having seen `expected` in what it said.

    Raises:
        RuntimeError: it failed, or said something else.
    """
    command = [sys.executable, *program, "--snakefile", str(workflow.snakefile), "--directory", str(workflow.folder)]
    command += ["--cores", CORES, *flags, *workflow.arguments]
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    said = done.stdout + done.stderr
    if done.returncode or expected not in " ".join(said.split()):
        raise RuntimeError(
            f"snakemake {' '.join(flags)}: expected {expected!r}, got (exit {done.returncode}):\n{said[-3000:]}"
        )
    return seconds


if __name__ == "__main__":
    main()
