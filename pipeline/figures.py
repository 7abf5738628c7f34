"""What the config's figures ask for: which cells or runs they draw; and what they must agree on with their experiments."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, Protocol

from pipeline.analyses import figure_name, scatter_name
from pipeline.config_dataset_rules import Problem, check_known
from pipeline.config_episodes import MetaOptimizer
from pipeline.config_figures import GainsFigure, RatesFigure
from pipeline.config_rules import Broken, check_metric, method_settings, metric_of
from pipeline.config_schema import Experiment, Settings
from pipeline.errors import nearest


class Run(Protocol):
    """What is asked of a run (`pipeline.runs.Run`)."""

    @property
    def uses(self) -> tuple[tuple[str, str], ...]:
        """(experiment, method or variant) pairs it belongs to."""

    @property
    def rates(self) -> str | None:
        """The run that learned its update rates."""


def figure_specs(settings: Settings, runs: Mapping[str, Run]) -> dict[str, dict[str, Any]]:
    """Return by name what the figure stage is told of each figure of a checked config.

    `gains`: `{"kind", "experiment", "method", "baseline", "metric", "auxiliaries": ["bg+de", …], "targets"}`, by names alone.
    `rates`: `{"kind", "label", "runs"}`, the runs that learned the rates.
    """
    specs: dict[str, dict[str, Any]] = {}
    for name, figure in settings.figures.items():
        experiment = settings.experiments[figure.experiment]
        if isinstance(figure, GainsFigure):
            specs[name] = {
                **figure.model_dump(include={"kind", "experiment", "method", "baseline"}),
                "metric": metric_of(figure.metric, experiment, settings),
                "auxiliaries": ["+".join(auxiliary) for auxiliary in experiment.auxiliaries],
                "targets": list(experiment.targets),
            }
        else:
            use = (figure.experiment, figure.method)
            learned = [run.rates for run in runs.values() if use in run.uses and run.rates is not None]
            specs[name] = {"kind": "rates", "label": figure.method, "runs": list(dict.fromkeys(learned))}
    return specs


def check_figures(settings: Settings, broken: Broken) -> Iterator[Problem]:
    """Yield every rule that the config's figures break."""
    taken = {
        figure_name(name, sources, target): name
        for name, given in settings.analyses.items()
        if (experiment := settings.experiments.get(given.experiment))
        for sources, target in product(experiment.sources, experiment.targets)
    }
    taken |= {scatter_name(name): name for name in settings.analyses}
    for name, figure in settings.figures.items():
        path = ("figures", name)
        if name in taken:
            yield path, f"analysis {taken[name]!r} has a figure of this name; rename one of them"
        if figure.experiment in broken["experiments"]:
            continue
        yield from check_known((*path, "experiment"), "experiment", figure.experiment, list(settings.experiments))
        experiment = settings.experiments.get(figure.experiment)
        if experiment is None:
            continue
        if isinstance(figure, GainsFigure):
            yield from check_gains(name, figure, experiment, settings, broken)
        else:
            yield from check_rates(name, figure, experiment, settings, broken)


def check_gains(
    name: str, figure: GainsFigure, experiment: Experiment, settings: Settings, broken: Broken
) -> Iterator[Problem]:
    """A heat map needs one number in each of its cells: a method with auxiliaries, a baseline without, one of every size."""
    path = ("figures", name)
    yield from check_metric(path, figure.metric, [figure.experiment], settings)
    for key, label in (("method", figure.method), ("baseline", figure.baseline)):
        if label not in experiment.methods and label not in broken["methods"]:
            yield (
                (*path, key),
                f"{label!r} is no method of experiment {figure.experiment!r}{nearest(label, experiment.methods)}",
            )
            continue
        method = method_settings(settings, label)
        if method is None:
            continue
        if key == "method" and not method.needs_auxiliaries:
            yield (*path, key), f"{label!r} learns from no auxiliary language, so there is no row for it"
        elif key == "baseline" and method.needs_auxiliaries:
            yield (
                (*path, key),
                f"{label!r} learns from auxiliary languages itself; expected a method without, as zero_shot",
            )
        if method.tune:
            yield (*path, key), f"{label!r} is tuned; name a variant with the values you mean"
    for key in ("sources", "source_size", "target_size"):
        if len(getattr(experiment, key)) > 1:
            yield (
                (*path, "experiment"),
                f"{figure.experiment!r} has several values of {key}; make an experiment with one",
            )


def check_rates(
    name: str, figure: RatesFigure, experiment: Experiment, settings: Settings, broken: Broken
) -> Iterator[Problem]:
    """Update rates are those of a meta-trained soft layer selection, learned once per seed."""
    path, label = ("figures", name, "method"), figure.method
    if label not in experiment.methods and label not in broken["methods"]:
        yield path, f"{label!r} is no method of experiment {figure.experiment!r}{nearest(label, experiment.methods)}"
        return
    method = method_settings(settings, label)
    if method is None:
        return
    if not isinstance(method, MetaOptimizer) or not method.meta_train:
        yield (
            path,
            f"{label!r} has no run that learns update rates; expected a variant of meta_optimizer with meta_train",
        )
    elif method.tune:
        yield path, f"{label!r} is tuned; name a variant with the values you mean"
    for key in ("sources", "source_size", "auxiliaries"):
        if len(getattr(experiment, key)) > 1:
            yield (
                ("figures", name, "experiment"),
                f"{figure.experiment!r} has several values of {key}, so several sets of rates; make an experiment with one",
            )
