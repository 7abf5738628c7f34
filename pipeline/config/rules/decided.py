"""What seeds that are added until comparisons are decided need: comparisons, and one rule in each table."""

from collections.abc import Iterator

from pipeline.config.experiments import Experiment
from pipeline.config.rules.problems import Broken, KeyPath, Problem
from pipeline.config.schema import Settings
from pipeline.config.tables import Table


def check_decided(name: str, experiment: Experiment, settings: Settings, broken: Broken) -> Iterator[Problem]:
    """A table must compare methods of the experiment with a baseline, or nothing would ever be decided."""
    if experiment.until_decided is None or broken["tables"]:
        return
    shown = {key: table for key, table in settings.tables.items() if name in table.experiments}
    path = ("experiments", name, "model_seeds")
    instead = "or list the seeds: model_seeds: [1, 2, 3]"
    if not shown:
        yield (
            path,
            f"no table shows {name!r}, so nothing would decide about its seeds; add one with a baseline, {instead}",
        )
    elif all(table.baseline is None for table in shown.values()):
        first = next(iter(shown))
        yield (
            path,
            f"no table that shows {name!r} has a baseline, so nothing would decide about its seeds; set tables.{first}.baseline: "
            f"{experiment.methods[0]}, {instead}",
        )
    elif not any(compares(table, experiment) for table in shown.values() if table.baseline is not None):
        yield path, f"no table compares a method of {name!r} with its baseline; list another method, {instead}"


def compares(table: Table, experiment: Experiment) -> bool:
    """Whether a table has a row of the experiment beside its baseline."""
    return any(method != table.baseline for method in experiment.methods if method in (table.methods or [method]))


def check_one_rule(path: KeyPath, table: Table, settings: Settings) -> Iterator[Problem]:
    """Experiments of one table that add seeds must do so by the same rule: a comparison is of both its sides."""
    rules = {name: rule for name in table.experiments if (rule := settings.experiments[name].until_decided) is not None}
    first = next(iter(rules), "")
    for name, rule in rules.items():
        if rule != rules[first]:
            yield (
                (*path, "experiments"),
                f"{first!r} and {name!r} add seeds by unlike rules, and their methods are compared with each other; give both "
                "the same model_seeds, or make a table for each",
            )
