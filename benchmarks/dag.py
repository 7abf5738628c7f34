"""How long Snakemake takes to find out what to do, with very many runs.

    python -m benchmarks.dag --runs 10000 --json benchmarks/records/dag.json

Builds a config of that many runs in a temporary folder and times the whole command, from start to exit:

* `dry_run_s`: `snakemake -n` with nothing there, so that every job is planned and printed;
* `nothing_to_do_s`: `snakemake` with everything there. No run is trained for that: the outputs are made empty, and
  `snakemake --touch --forceall` records for each the params, inputs and code that a real job records;
* `memory_mb`: the most resident memory any of these commands took.
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
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.files import write_json
from pipeline.config.datasets.babel import Babel
from pipeline.config.datasets.facts import babel_languages
from pipeline.config.load import parse
from pipeline.grid.jobs import TABLE_FORMS
from pipeline.grid.runs import Grid, expand

ROOT = Path(__file__).resolve().parents[1]
METHODS = ("target_only", "joint", "fine_tune", "zero_shot", "few_shot")
VERSIONED = ("snakemake", "pydantic", "pyarrow")
SNAKEMAKE = ("-m", "snakemake")
TOUCH = (  # Snakemake waits 0.1 s after each touch, for file systems with coarse times: a quarter of an hour here
    "-c",
    "import types, snakemake.executors.touch as touch, snakemake.cli as cli; "
    "touch.time = types.SimpleNamespace(sleep=lambda seconds: None); cli.main()",
)


def main() -> None:
    """Measure, print and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000, help="at least so many runs")
    parser.add_argument("--json", type=Path, help="write the record there")
    arguments = parser.parse_args()
    record = measure(arguments.runs)
    print(json.dumps(record, indent=2))
    if arguments.json:
        write_json(arguments.json, record)


def measure(runs: int) -> dict[str, Any]:
    """Time Snakemake on a config of `runs` runs; seconds and megabytes, with what they were measured on."""
    config = synthetic_config(runs)
    started = time.perf_counter()
    grid = expand(parse(config))
    expanded = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_json(folder / "config.json", config)
        dry_run = timed(folder, ["--dry-run"], f"train_run {len(grid.runs) - len(grid.parents)}")
        for path in outputs(grid):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).touch()
        timed(folder, ["--touch", "--forceall", "--cores", "1000000"], "steps (100%) done", TOUCH)
        nothing = timed(folder, [], "Nothing to be done")
    return {
        "runs": len(grid.runs),
        "parents": len(grid.parents),
        "expand_s": round(expanded, 2),
        "dry_run_s": round(dry_run, 2),
        "nothing_to_do_s": round(nothing, 2),
        "memory_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        "machine": {
            "cpus": os.cpu_count(),
            "system": platform.platform(),
            "python": platform.python_version(),
            **{package: importlib.metadata.version(package) for package in VERSIONED},
        },
    }


def synthetic_config(runs: int) -> dict[str, Any]:
    """Return a config of at least `runs` runs: five methods, four targets, two target sizes, as many seeds as it takes."""
    source, *others = babel_languages(Babel(loader="babel"))
    targets, sizes = others[:4], [50, 100]
    seeds = -(-runs // (len(METHODS) * len(targets) * len(sizes)))
    while True:
        config = {
            "datasets": {"babel": {"loader": "babel"}},
            "encoders": {
                "small": {"from": "pretrain", "text": [{"dataset": "babel", "languages": [source, *targets]}]}
            },
            "experiments": {
                "grid": {
                    "dataset": "babel",
                    "encoder": "small",
                    "methods": list(METHODS),
                    "sources": [source],
                    "targets": targets,
                    "source_size": 1000,
                    "target_size": sizes,
                    "model_seeds": list(range(seeds)),
                }
            },
            "tables": {"table": {"experiments": ["grid"], "baseline": "target_only"}},
        }
        if len(expand(parse(config)).runs) >= runs:
            return config
        seeds += 1


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


def timed(folder: Path, flags: Sequence[str], expected: str, program: Sequence[str] = SNAKEMAKE) -> float:
    """Run Snakemake in `folder` and return its seconds, having seen `expected` in what it said.

    Raises:
        RuntimeError: it failed, or said something else.
    """
    command = [sys.executable, *program, "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    started = time.perf_counter()
    done = subprocess.run(
        [*command, *flags, "--configfile", str(folder / "config.json")], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - started
    said = done.stdout + done.stderr
    if done.returncode or expected not in " ".join(said.split()):
        raise RuntimeError(
            f"snakemake {' '.join(flags)}: expected {expected!r}, got (exit {done.returncode}):\n{said[-3000:]}"
        )
    return seconds


if __name__ == "__main__":
    main()
