"""What collected scores have to be read with: warnings of the data that runs were tested on, and of the runs themselves.

Those of the data are read from its reports when scores are collected, not when a run trains: what a report says of the same
splits may grow, and no run is made again for it.
"""

from collections.abc import Iterable
from typing import Any

from pipeline.common import paths
from pipeline.common.files import canonical_json
from pipeline.common.stored import stored_report
from pipeline.results.scores.runs_file import Expected
from pipeline.results.scores.stale import record


def doubts(runs: Iterable[Expected]) -> dict[str, list[dict[str, Any]]]:
    """Return all warnings, by what they are of; nothing where there are none.

    Args:
        runs: those that were found to be current.

    Returns:
        `data`: warnings of reports, each with its `dataset` and `language`; `runs`: warnings of runs (`training.warnings`), each
        once, with the `runs` that have it.

    Raises:
        UserError: a report is broken.
    """
    runs = list(runs)
    tested = paths.tested(run.spec for run in runs)
    data = [{"dataset": d, "language": lang, **warning} for d, lang in tested for warning in _reported(d, lang)]
    told: dict[str, dict[str, Any]] = {}
    for run in sorted(runs, key=lambda run: run.name):
        for warning in record(run.name).get("warnings", []):
            told.setdefault(canonical_json(warning), {**warning, "runs": []})["runs"].append(run.name)
    return {key: found for key, found in (("data", data), ("runs", list(told.values()))) if found}


def _reported(dataset: str, language: str) -> list[dict[str, Any]]:
    """What the report of one language's splits warns of; nothing where it is gone."""
    return list(stored_report(paths.data_report(dataset, language)).get("warnings", []))
