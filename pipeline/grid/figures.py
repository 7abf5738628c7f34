"""What the config's figures ask for: which cells or runs they draw."""

from collections.abc import Mapping
from itertools import product
from typing import Any, Protocol

from pipeline.config.experiments import Experiment
from pipeline.config.figures import GainsFigure, MetaGraphFigure, SizesFigure, experiments_of
from pipeline.config.resolve import method_called, metric_of
from pipeline.config.schema import Settings

GRAPH_SENTENCES = 500
"""Training examples of each language that a meta graph's instances are drawn from, at most."""


class Run(Protocol):
    """What is asked of a run (`pipeline.grid.runs.Run`)."""

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that determines its result."""

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
    `sizes`: `{"kind", "methods", "metric", "sizes": [0.1, None], "columns": [[experiment, target]], "unsized"}`, the last those
    methods that no size changes.
    `meta_graph`: `{"kind", "label", "panels": [{"sources", "target", "runs"}], "view", "draws", "neighbours"}`.
    """
    specs: dict[str, dict[str, Any]] = {}
    for name, figure in settings.figures.items():
        experiments = {key: settings.experiments[key] for key in experiments_of(figure)}
        experiment = next(iter(experiments.values()))
        if isinstance(figure, GainsFigure):
            specs[name] = {
                **figure.model_dump(include={"kind", "experiment", "method", "baseline"}),
                "metric": metric_of(figure.metric, experiment, settings),
                "auxiliaries": ["+".join(auxiliary) for auxiliary in experiment.auxiliaries],
                "targets": list(experiment.targets),
            }
        elif isinstance(figure, SizesFigure):
            methods = list(figure.methods or experiment.methods)
            specs[name] = {
                "kind": "sizes",
                "methods": methods,
                "unsized": [label for label in methods if not method_called(settings, label).sized],
                "metric": metric_of(figure.metric, experiment, settings),
                "sizes": list(experiment.target_size),
                "columns": [[key, target] for key, given in experiments.items() for target in given.targets],
            }
        elif isinstance(figure, MetaGraphFigure):
            specs[name] = meta_graph_spec(figure, experiments, runs)
        else:
            use = (figure.experiment, figure.method)
            learned = [run.rates for run in runs.values() if use in run.uses and run.rates is not None]
            specs[name] = {"kind": "rates", "label": figure.method, "runs": list(dict.fromkeys(learned))}
    return specs


def meta_graph_spec(
    figure: MetaGraphFigure, experiments: Mapping[str, Experiment], runs: Mapping[str, Run]
) -> dict[str, Any]:
    """Return the description of a meta graph's figure: a panel for each source set and target, of the runs of all seeds."""
    panels = [
        {
            "sources": list(sources),
            "target": target,
            "runs": [
                name
                for name, run in runs.items()
                if (key, figure.method) in run.uses
                and run.spec["sources"] == sources
                and run.spec["targets"] == [target]
            ],
        }
        for key, experiment in experiments.items()
        for sources, target in product(experiment.sources, experiment.targets)
    ]
    view = {"split": "train", "sentences": GRAPH_SENTENCES, "seed": figure.seed, "layer": "last", "units": "sentence"}
    return {
        **{"kind": "meta_graph", "label": figure.method, "panels": panels, "view": view},
        **figure.model_dump(include={"draws", "neighbours"}),
    }


def represented(specs: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the runs whose representations figures are drawn from, each with its view."""
    graphs = [spec for spec in specs.values() if spec["kind"] == "meta_graph"]
    return [(run, spec["view"]) for spec in graphs for panel in spec["panels"] for run in panel["runs"]]
