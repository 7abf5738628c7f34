"""What tables must agree on with their experiments; metrics, wherever one is named."""

import re
from collections.abc import Iterator, Sequence

from pipeline.common.errors import nearest
from pipeline.config.datasets.facts import label_set
from pipeline.config.rules.decided import check_one_rule
from pipeline.config.rules.problems import Broken, KeyPath, Problem, check_known, check_twice
from pipeline.config.schema import Settings
from pipeline.config.tables import Table
from pipeline.config.values import METRIC
from pipeline.tasks.metric_names import MAIN, metric_names


def check_table(name: str, table: Table, settings: Settings, broken: Broken) -> Iterator[Problem]:
    """A table's experiments, methods, baseline and metric must exist."""
    path = ("tables", name)
    yield from check_twice((*path, "experiments"), table.experiments)
    yield from check_twice((*path, "methods"), table.methods)
    yield from check_metric(path, table.metric, table.experiments, settings)
    if set(table.experiments) <= settings.experiments.keys():
        yield from check_rows(path, table, settings)
        return
    known = [*settings.experiments, *broken["experiments"]]
    for i, experiment in enumerate(table.experiments):
        yield from check_known((*path, "experiments", i), "experiment", experiment, known)


def check_metric(
    path: KeyPath, metric: str | None, experiments: Sequence[str], settings: Settings
) -> Iterator[Problem]:
    """A metric must be one of every experiment's task and labels; where those are not known, it must look like one."""
    if metric is None:
        return
    names = [settings.experiments[e].dataset for e in experiments if e in settings.experiments]
    known = dict.fromkeys(name for name in names if name in settings.datasets)
    scores = {name: metric_names(d.task, label_set(d)) for name in known for d in [settings.datasets[name]]}
    for name, valid in scores.items():
        if metric not in valid:
            among = f" of dataset {name!r}" if any(metric in others for others in scores.values()) else ""
            yield (*path, "metric"), f"unknown metric {metric!r}{among}{nearest(metric, valid)}"
            return
    if not scores and not re.fullmatch(METRIC, metric):
        valid = tuple(name for task in MAIN for name in metric_names(task))
        yield (*path, "metric"), f"unknown metric {metric!r}{nearest(metric, valid)}"


def check_rows(path: KeyPath, table: Table, settings: Settings) -> Iterator[Problem]:
    """Rows, baseline and labels must be methods of the table's experiments, and these of one task."""
    experiments = [settings.experiments[experiment] for experiment in table.experiments]
    tasks = {settings.datasets[e.dataset].task for e in experiments if e.dataset in settings.datasets}
    if len(tasks) > 1:
        yield (*path, "experiments"), f"experiments of several tasks in one table: {', '.join(sorted(tasks))}"
    present = [method for experiment in experiments for method in experiment.methods]
    for i, method in enumerate(table.methods):
        if method not in present:
            yield (*path, "methods", i), f"{method!r} is no method of the table's experiments{nearest(method, present)}"
    yield from check_one_rule(path, table, settings)
    if table.columns == "average" and not table.average:
        yield (*path, "average"), "columns: average shows nothing but the average; leave average out"
    if table.by_dataset:
        yield from check_datasets(path, table, settings)
    rows = table.methods or present
    if table.baseline is not None and table.baseline not in rows:
        yield (*path, "baseline"), f"{table.baseline!r} is not among the table's methods{nearest(table.baseline, rows)}"
    for method in table.labels:
        if method not in rows:
            yield (*path, "labels", method), f"{method!r} is not among the table's methods{nearest(method, rows)}"


def check_datasets(path: KeyPath, table: Table, settings: Settings) -> Iterator[Problem]:
    """Where targets are averaged over datasets, there must be several, each with every target from the same sources."""
    sources: dict[tuple[str, str], set[tuple[str, ...]]] = {}  # dataset and target → its source sets
    for name in table.experiments:
        experiment = settings.experiments[name]
        for target in experiment.targets:
            found = sources.setdefault((experiment.dataset, target), set())
            found |= {tuple(sorted(languages)) for languages in experiment.sources}
    datasets, targets = dict.fromkeys(key[0] for key in sources), dict.fromkeys(key[1] for key in sources)
    if len(datasets) < 2:
        only = f"the table's experiments are all of {next(iter(datasets))!r}"
        yield (*path, "columns"), f"columns: {table.columns} needs several datasets, and {only}; use columns: target"
    for target in targets:
        there = [dataset for dataset in datasets if (dataset, target) in sources]
        absent = [dataset for dataset in datasets if dataset not in there]
        if absent:
            yield (
                (*path, "experiments"),
                f"no experiment has target {target} in {' or '.join(map(repr, absent))}, and columns: {table.columns} averages "
                "each target over the same datasets; add one, or leave its experiments of the other datasets out",
            )
        unlike = [dataset for dataset in there[1:] if sources[dataset, target] != sources[there[0], target]]
        if unlike:
            yield (
                (*path, "experiments"),
                f"target {target} has other sources in {unlike[0]!r} than in {there[0]!r}, and columns: {table.columns} averages "
                "over the datasets; give both the same sources, or make a table for each",
            )
