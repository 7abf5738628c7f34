"""Score stored predictions: per-example outcomes of every run the config names.

    python -m pipeline.stages.score --runs FILE [--threads N] [--partial]

Reads each run's `predictions.parquet`; writes its `scores.parquet` where that is not current, and `results/scored.json`
(run → SHA-256 of its outcomes). Trains nothing. With `--partial`, runs without predictions are left out and named.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread

from pipeline.common import paths
from pipeline.common.errors import UserError, fitting, run_stage
from pipeline.common.files import write_json
from pipeline.common.integrity import AlteredError, noting, refuse
from pipeline.results.scores.outcomes import SCORERS, score_code, score_run
from pipeline.results.scores.runs_file import Expected, read_runs

ROOM = 1_600  # characters that the names of runs and of their files may have in a message


def main() -> None:
    """Run the stage.

    Raises:
        UserError: a run has no predictions, or they are broken.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", required=True, type=Path, help="JSON list of the runs the config names")
    parser.add_argument("--threads", type=int, default=1, help="processes that score at the same time")
    parser.add_argument("--partial", action="store_true", help="leave out runs that are not trained yet")
    arguments = parser.parse_args()
    runs = [run for run in read_runs(arguments.runs) if run.evaluated]
    score(present(runs, arguments.partial), arguments.threads)


def present(runs: Sequence[Expected], partial_: bool) -> list[Expected]:
    """Return the runs that have predictions.

    Raises:
        UserError: some have none, and `partial_` is false.
    """
    missing = [run.name for run in runs if not paths.predictions(run.name).exists()]
    if missing and not partial_:
        made = [str(paths.predictions(name)) for name in missing]
        shown = fitting(map("".join, zip(missing, made, strict=True)), ROOM)
        names = "\n  ".join(missing[:shown] + ([f"and {len(missing) - shown} more"] if len(missing) > shown else []))
        targets = " ".join(made[:shown])
        raise UserError(
            f"{len(missing)} of {len(runs)} runs have no predictions:\n  {names}\nmake them with: snakemake {targets}\n"
            "or leave them out with --partial"
        )
    for name in missing:
        print(f"left out, not trained yet: {name}", file=sys.stderr)
    return [run for run in runs if run.name not in set(missing)]


def score(runs: Sequence[Expected], threads: int) -> None:
    """Bring every run's outcomes up to date and write `results/scored.json`.

    Raises:
        UserError: a task has no score, or predictions are broken.
    """
    for run in runs:
        if run.spec["task"] not in SCORERS:
            raise UserError(f"run {run.name}: no score for task {run.spec['task']!r}; there are: {', '.join(SCORERS)}")
    names, tasks = [run.name for run in runs], [run.spec["task"] for run in runs]
    work = partial(attempt, code=score_code())
    if threads > 1 and len(runs) > 1:
        with ProcessPoolExecutor(threads, get_context("spawn"), end_with_parent) as pool:
            found = list(pool.map(work, names, tasks, chunksize=max(1, len(runs) // (8 * threads))))
    else:
        found = [work(name, task) for name, task in zip(names, tasks, strict=True)]
    refuse([error for error in found if isinstance(error, AlteredError)])
    results = [one for one in found if not isinstance(one, AlteredError)]
    with noting(paths.scored()):
        write_json(paths.scored(), {name: sha for name, (sha, _) in zip(names, results, strict=True)})
    print(f"scored {sum(made for _, made in results)} runs, {sum(not made for _, made in results)} were current")


def end_with_parent() -> None:
    """Let this worker end when the stage is killed: the executor's own would wait for more work for ever."""
    parent = parent_process()

    def watch() -> None:
        if parent is not None:
            wait([parent.sentinel])
            os._exit(1)

    Thread(target=watch, daemon=True).start()


def attempt(run: str, task: str, code: str) -> tuple[str, bool] | AlteredError:
    """Score a run as `score_run` does, but return the error of altered predictions, so that all of them are named at once."""
    try:
        return score_run(run, task, code)
    except AlteredError as error:
        return error


if __name__ == "__main__":
    run_stage(main)
