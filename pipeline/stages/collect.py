"""Collect all runs' scores into `results/scores.parquet`, refusing stale ones by name.

    python -m pipeline.stages.collect --runs FILE [--partial]

Reads each run's `run.json`, predictions and outcomes, `results/scored.json`, and what the runs were made from. A run made
by other code, from another spec or from other data, or altered since, stops the stage with its name, the reason and the
command that mends it; earlier code may be accepted in the config, and the error says how. With `--partial`, runs that are
*missing* are left out and noted; stale ones are refused all the same.
"""

import argparse
import sys
from pathlib import Path

from pipeline.common import paths
from pipeline.common.earlier import offer
from pipeline.common.errors import run_stage
from pipeline.common.files import write_parquet
from pipeline.common.integrity import noting
from pipeline.results.scores.collect import metadata, scores_table
from pipeline.results.scores.outcomes import read_scored, score_code
from pipeline.results.scores.runs_file import read_runs
from pipeline.results.scores.stale import NOT_TRAINED, Context, find_stale, record, refuse


def main() -> None:
    """Run the stage.

    Raises:
        UserError: a run is missing or stale.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", required=True, type=Path, help="JSON list of the runs the config names")
    parser.add_argument("--partial", action="store_true", help="leave out runs that are not trained yet")
    arguments = parser.parse_args()
    collect(arguments.runs, arguments.partial)


def collect(runs_file: Path, partial: bool = False) -> None:
    """Check all runs and write their scores.

    Raises:
        UserError: a run is stale, or missing and `partial` is false.
    """
    runs = read_runs(runs_file)
    context = Context(score_code(), read_scored(), f"python -m pipeline.stages.score --runs {runs_file}")
    stale = [found for run in runs if (found := find_stale(run, context))]
    missing = [found for found in stale if found.reason == NOT_TRAINED] if partial else []
    refused = [found for found in stale if found not in missing]
    accepted = {code for run in runs for code in run.accepted}
    refuse(refused, offer((record(found.run) for found in refused if found.other_code), accepted))
    for found in missing:
        print(f"left out, {found.reason}: {found.run}", file=sys.stderr)
    table, facts = scores_table(runs, missing)
    with noting(paths.scores()):
        write_parquet(paths.scores(), table, metadata(facts))
    print(f"{paths.scores()}: {table.num_rows} scores of {len(runs) - len(missing)} runs")


if __name__ == "__main__":
    run_stage(main)
