"""Scores made up for every run that a paper's table needs, and the table made of them by the real code."""

import json
import zlib
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.common import paths
from pipeline.common.files import digest, write_text
from pipeline.config.load import parse
from pipeline.grid import papers, printing
from pipeline.grid.runs import Grid, expand
from pipeline.results.printed.compose import Printed, compose, views_of
from pipeline.results.printed.published import read_published
from pipeline.results.printed.views import read_views
from pipeline.results.scores.collect import SCORES, describe, settings_of
from pipeline.results.scores.runs_file import Expected
from pipeline.results.tables.cells import Spec
from pipeline.results.tables.render import to_csv
from pipeline.results.tables.table import build
from tests.configs import paper_config

PUBLISHED = Path(__file__).parents[3] / "published"
FULL, DEMO = papers.Scale(), papers.Scale(demo=True)


def grid_of(*targets: str, scale: papers.Scale = FULL) -> Grid:
    """The runs that targets ask for."""
    what = papers.asked(targets)
    assert what is not None
    return expand(parse(papers.chosen(paper_config(what.paper), what, scale)))


def scores_of(grid: Grid, leave_out: tuple[str, ...] = ()) -> tuple[pa.Table, dict[str, Any]]:
    """A score for each run, language and metric that a table shows; methods left out are missing."""
    runs = [Expected(run.name, "0" * 12, run.uses, run.spec) for run in grid.runs.values()]
    specs = {run.name: run.spec for run in runs}
    metrics = {e["name"]: set() for table in grid.tables.values() for e in table["experiments"]}
    for table in grid.tables.values():
        for experiment in table["experiments"]:
            metrics[experiment["name"]].add(table["metric"])
    rows, settings, missing = [], {}, []
    for run in runs:
        found = settings_of(run.spec, specs)
        settings[digest(found)] = found
        shared = describe(run, digest(found))
        for experiment, variant in run.uses:
            for language in run.spec["evaluate"]:
                here = {"experiment": experiment, "variant": variant, **shared, "language": language}
                if variant in leave_out:
                    missing.append({**here, "reason": "not run"})
                    continue
                for metric in metrics.get(experiment, ()):
                    value = 0.5 + zlib.crc32(f"{run.name}{language}{metric}".encode()) % 1000 / 5000
                    more = {
                        "split": "test",
                        "metric": metric,
                        "value": value,
                        "n": 100,
                        "dev": value,
                        "dev_metric": metric,
                    }
                    rows.append({**here, **more})
    return pa.Table.from_pylist(rows, schema=SCORES), {"settings": settings, "missing": missing}


def printed(target: str, scale: papers.Scale = FULL, leave_out: tuple[str, ...] = ()) -> Printed:
    """A paper's table of scores that are made up, its views written below the working directory."""
    what = papers.asked([target])
    assert what is not None
    grid = grid_of(target, scale=scale)
    scores, facts = scores_of(grid, leave_out)
    for name, spec in grid.tables.items():
        write_text(paths.table(name, "csv"), to_csv(build(name, Spec(**json.loads(json.dumps(spec))), scores, facts)))
    spec = printing.printed_spec(what.paper, what.tables[0], scale, grid.tables)
    name = printing.printed_name(what.paper, what.tables[0], scale)
    published = read_published(PUBLISHED, what.paper, what.tables[0])
    return compose(name, spec, read_views(views_of(spec)), published)
