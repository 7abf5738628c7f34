"""How long it takes to collect the scores of 10,000 runs, and to make all statistics of a large table.

    python -m benchmarks.results --json benchmarks/records/results.json

Writes made-up outcomes of 10,000 runs with 1,000 examples each, as the `score` stage leaves them. Each stage is a process of its
own. Keys of the JSON:

* `collect_s`, `collect_mb`: wall seconds and most resident memory of `collect.scores_table` over all runs, and of writing it;
* `statistics_s`, `statistics_mb`: the same of one table of 12 methods × 15 languages × 6 seeds with `statistics: full`: every
  mark, test, interval, rank and share, from outcomes to Markdown, CSV and LaTeX; imports are not counted;
* `peak_mb`: the larger of the two;
* `yardstick_matmul_s`: a float32 matrix product of 4,096² in NumPy; `yardstick_parquet_s`: the same runs' Parquet files read by
  pyarrow alone: by these, figures of two machines can be compared;
* `goals`: what `collect_s`, `statistics_s` and `peak_mb` must not exceed, on `cpus` cores; `reached` says whether they do not.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.common import resident
from pipeline.common import paths
from pipeline.common.errors import run_stage
from pipeline.common.files import canonical_json, digest, write_json, write_parquet
from pipeline.results.scores.collect import metadata, read_scores, scores_table
from pipeline.results.scores.outcomes import OUTCOMES, facts
from pipeline.results.scores.runs_file import Expected
from pipeline.results.scores.stale import RECORDED
from pipeline.results.tables.cells import read_spec
from pipeline.results.tables.latex import to_latex
from pipeline.results.tables.render import to_csv, to_markdown
from pipeline.results.tables.table import build

GOALS = {"collect_s": 60.0, "statistics_s": 30.0, "peak_mb": 4096.0}
CPUS = 2
RUNS, EXAMPLES = 10_000, 1_000
METHODS = tuple(f"method-{number}" for number in range(12))
LANGUAGES = tuple(f"l{number:02}" for number in range(15))
SEEDS = tuple(range(1, 7))
SHOWN = len(METHODS) * len(LANGUAGES) * len(SEEDS)
SIDE = 4096


def measure(runs: int, examples: int) -> dict[str, Any]:
    """Make the runs in a temporary folder, and time each stage on them."""
    with tempfile.TemporaryDirectory() as name:
        here = Path.cwd()
        os.chdir(name)
        try:
            count = write_runs(runs, examples)
            files = [paths.outcomes(run.name) for run in grid(runs)]
            parquet_s = timed_call(lambda: [pq.read_table(file) for file in files])
            stages = {stage: timed_stage(stage, runs, here) for stage in ("collect", "statistics")}
        finally:
            os.chdir(here)
    figures = {f"{stage}_{unit}": found[unit] for stage, found in stages.items() for unit in ("s", "mb")}
    figures["peak_mb"] = max(figures["collect_mb"], figures["statistics_mb"])
    matrix = np.random.default_rng(0).random((SIDE, SIDE), dtype=np.float32)
    return {
        **figures,
        "goals": GOALS,
        "reached": all(figures[key] <= goal for key, goal in GOALS.items()),
        "yardstick_matmul_s": round(timed_call(lambda: matrix @ matrix), 2),
        "yardstick_parquet_s": round(parquet_s, 2),
        "runs": count,
        "examples": examples,
        "cpus": len(os.sched_getaffinity(0)),
        "versions": {"python": platform.python_version(), "pyarrow": pa.__version__, "numpy": np.__version__},
    }


def grid(runs: int) -> Iterator[Expected]:
    """Yield so many runs: those of the table first, then of further data seeds and methods, which it does not show."""
    for number in range(runs):
        shown = number < SHOWN
        rest, seed = divmod(number, len(SEEDS))
        rest, language = divmod(rest, len(LANGUAGES))
        method = METHODS[rest] if shown else f"other-{rest}"
        spec = spec_of(method, LANGUAGES[language], SEEDS[seed])
        experiment = "main" if shown else "others"
        yield Expected(
            f"nli-made-{spec['targets'][0]}-{method}-s{SEEDS[seed]}-{digest(spec)}",
            "made",
            ((experiment, method),),
            spec,
        )


def spec_of(method: str, language: str, seed: int) -> dict[str, Any]:
    """Return a run's description, as far as scores are told by it."""
    return {
        "task": "nli",
        "dataset": "made-00000000",
        "source_dataset": None,
        "sources": ["en"],
        "auxiliary": [],
        "targets": [language],
        "source_size": None,
        "target_size": 100,
        "data_seed": 42,
        "model_seed": seed,
        "encoder": "small-00000000",
        "method": {"name": method},
        "training": {"epochs": 3, "learning_rate": 1e-4},
        "parent": None,
        "rates": None,
        "evaluate": [language],
    }


def write_runs(runs: int, examples: int) -> int:
    """Write every run's outcomes and record; return their number."""
    random = np.random.default_rng(0)
    labels = np.array(["entailment", "neutral", "contradiction"])
    gold = {language: random.integers(0, 3, examples) for language in LANGUAGES}
    ids = [f"example-{number:05}" for number in range(examples)]
    abilities: dict[str, float] = {}
    for run in grid(runs):
        (language,) = run.spec["evaluate"]
        ability = (
            abilities.setdefault(run.spec["method"]["name"], random.uniform(0.6, 0.75))
            + 0.015 * random.standard_normal()
        )
        wrong = random.random(examples) > ability
        said = (gold[language] + wrong * random.integers(1, 3, examples)) % 3
        columns = {
            "lang": [language] * examples,
            "split": ["test"] * examples,
            "id": ids,
            "gold": labels[gold[language]],
            "predicted": labels[said],
            "correct": ~wrong,
        }
        write_parquet(paths.outcomes(run.name), pa.table(columns, schema=OUTCOMES["nli"]))
        write_json(
            paths.run_record(run.name), {**dict.fromkeys(RECORDED), "run": run.name, "spec": run.spec, "data": {}}
        )
    write_json(paths.scored(), {})
    return runs


def collect(runs: int) -> None:
    """Collect the scores of all runs."""
    table, said = scores_table(list(grid(runs)), [])
    write_parquet(paths.scores(), table, metadata(said))


def statistics(runs: int) -> str:
    """Make the table, with all its statistics, in every form; return it as Markdown."""
    del runs
    table = build("made", read_spec(canonical_json(table_spec())), read_scores(paths.scores()), facts(paths.scores()))
    text, *_ = (write(table) for write in (to_markdown, to_csv, to_latex))
    return text


def table_spec() -> dict[str, Any]:
    """Return the description of the table."""
    experiment = {"name": "main", "task": "nli", "dataset": "made", "sources": ["en"], "targets": list(LANGUAGES)}
    return {
        "title": "Made up",
        "metric": "accuracy",
        "baseline": METHODS[0],
        "columns": "target",
        "average": True,
        "style": "full",
        "methods": [{"name": method, "method": method, "label": method} for method in METHODS],
        "experiments": [{**experiment, "data_seeds": [42], "model_seeds": list(SEEDS), "methods": list(METHODS)}],
        "selection": [],
        "statistics": "full",
    }


STAGES = {"collect": collect, "statistics": statistics}


def timed_call(call: Any) -> float:
    """Return the wall seconds of a call."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def timed_stage(stage: str, runs: int, root: Path) -> dict[str, float]:
    """Run a stage in a process of its own; return its wall seconds, without imports, and the most megabytes it took."""
    command = [sys.executable, "-m", "benchmarks.results", "--stage", stage, "--runs", str(runs)]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure, print and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--examples", type=int, default=EXAMPLES)
    parser.add_argument("--json", type=Path, help="write the record there")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.stage:
        seconds = timed_call(lambda: STAGES[arguments.stage](arguments.runs))
        print(json.dumps({"s": round(seconds, 2), "mb": round(resident("VmHWM"))}))
        return
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CPUS])  # of this process, and so of the stages it starts
    record = measure(arguments.runs, arguments.examples)
    print(json.dumps(record, indent=2))
    if arguments.json:
        write_json(arguments.json, record)


if __name__ == "__main__":
    run_stage(main)
