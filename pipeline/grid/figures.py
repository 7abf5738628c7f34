"""What the config's figures ask for: which cells or runs they draw."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product
from typing import Any, Protocol

from pipeline.common.autonyms import autonyms
from pipeline.config.experiments import Experiment
from pipeline.config.figures import (
    CurvesFigure,
    Figure,
    ForestFigure,
    GainsFigure,
    MetaGraphFigure,
    SizesFigure,
    TransferFigure,
    experiments_of,
)
from pipeline.config.resolve import has_curve, label_of, method_called, metric_of, resolve_training
from pipeline.config.schema import Settings
from pipeline.grid import analyses

GRAPH_SENTENCES = 500
"""Training examples of each language that a meta graph's instances are drawn from, at most."""


class Run(analyses.Run, Protocol):
    """What is asked of a run (`pipeline.grid.runs.Run`)."""

    @property
    def rates(self) -> str | None:
        """The run that learned its update rates."""


def figure_specs(settings: Settings, runs: Mapping[str, Run]) -> dict[str, dict[str, Any]]:
    """Return by name what the figure stage is told of each figure of a checked config.

    `gains`: `{"kind", "experiment", "method", "baseline", "words", "metric", "auxiliaries": ["bg+de", …], "targets"}`, by names
    alone; `words` is what methods are called.
    `rates`: `{"kind", "label", "runs"}`, the runs that learned the rates.
    `sizes`: `{"kind", "methods", "words", "metric", "sizes": [0.1, None], "columns": [[experiment, target]], "unsized"}`, the
    last those methods that no size changes; over sizes of the sources also `"over": "source_size"`.
    `curves`: `{"kind", "show", "metric", "targets", "lines": [{"method", "dev", "runs": {target: […]}}]}`, see `curves_spec`.
    `forest`: `{"kind", "table", "methods", "interval"}`; no method is all of them.
    `transfer`: `{"kind", "method", "baseline", "words", "metric", "cells": [[experiment, "en+es", target]]}`; no baseline is
    `None`.
    `meta_graph`: `{"kind", "label", "panels": [{"sources", "target", "runs"}], "view", "draws", "neighbours"}`.
    All may have `"language_names"`, what languages are called, by code.
    """
    return {
        name: {**figure_spec(figure, settings, runs), **named_languages(languages_of(figure, settings), settings)}
        for name, figure in settings.figures.items()
    }


def figure_spec(figure: Figure, settings: Settings, runs: Mapping[str, Run]) -> dict[str, Any]:
    """Return the description of one figure, its languages by code."""
    experiments = {key: settings.experiments[key] for key in experiments_of(figure)}
    if isinstance(figure, ForestFigure):
        return figure.model_dump()
    experiment = next(iter(experiments.values()))
    if isinstance(figure, GainsFigure):
        return {
            **figure.model_dump(include={"kind", "experiment", "method", "baseline"}),
            "words": words(settings, figure.method, figure.baseline),
            "metric": metric_of(figure.metric, experiment, settings),
            "auxiliaries": ["+".join(auxiliary) for auxiliary in experiment.auxiliaries],
            "targets": list(experiment.targets),
        }
    if isinstance(figure, SizesFigure):
        return sizes_spec(figure, experiments, settings)
    if isinstance(figure, MetaGraphFigure):
        return meta_graph_spec(figure, experiments, settings, runs)
    if isinstance(figure, CurvesFigure):
        return curves_spec(figure, experiment, settings, runs)
    if isinstance(figure, TransferFigure):
        return {
            **figure.model_dump(include={"kind", "method", "baseline"}),
            "words": words(settings, figure.method, figure.baseline),
            "metric": metric_of(figure.metric, experiment, settings),
            "cells": [
                [key, "+".join(sources), target]
                for key, given in experiments.items()
                for sources, target in product(given.sources, given.targets)
            ],
        }
    use = (figure.experiment, figure.method)
    learned = [run.rates for run in runs.values() if use in run.uses and run.rates is not None]
    return {"kind": "rates", "label": label_of(settings, figure.method), "runs": list(dict.fromkeys(learned))}


def words(settings: Settings, *methods: str | None) -> dict[str, str]:
    """Return what methods are called, by name."""
    return {name: label_of(settings, name) for name in methods if name is not None}


def sizes_spec(figure: SizesFigure, experiments: Mapping[str, Experiment], settings: Settings) -> dict[str, Any]:
    """Return the description of a figure over sizes of the target's training data, or of the sources'."""
    experiment = next(iter(experiments.values()))
    methods, of_target = list(figure.methods or experiment.methods), figure.over == "target_size"
    sized = {
        label: method.sized if of_target else method.uses_sources
        for label in methods
        for method in [method_called(settings, label)]
    }
    return {
        "kind": "sizes",
        "methods": methods,
        "words": words(settings, *methods),
        "unsized": [label for label in methods if not sized[label]],
        "metric": metric_of(figure.metric, experiment, settings),
        "sizes": list(getattr(experiment, figure.over)),
        "columns": [[key, target] for key, given in experiments.items() for target in given.targets],
        **({} if of_target else {"over": figure.over}),
    }


def curves_spec(
    figure: CurvesFigure, experiment: Experiment, settings: Settings, runs: Mapping[str, Run]
) -> dict[str, Any]:
    """Return the description of learning curves, a panel for each target, a line for each method of the runs of all seeds.

    `dev` of a line is whose dev data its scores are of, `target` or `source`; a run that is tested on several targets is in the
    panels of all of them. `metric` is the scores' name, `None` where they differ, or are losses.
    """
    listed = figure.methods or [m for m in experiment.methods if has_curve(settings, experiment, m, figure.show)]
    metrics, lines = set(), []
    for label in listed:
        method = method_called(settings, label)
        chosen = resolve_training(settings, experiment, method).select_metric
        metrics.add(metric_of(chosen, experiment, settings))
        own = {name: run.spec["evaluate"] for name, run in runs.items() if (figure.experiment, label) in run.uses}
        of_target = {
            target: [name for name, tested in own.items() if target in tested] for target in experiment.targets
        }
        lines.append({"method": label_of(settings, label), "dev": method.chosen_on, "runs": of_target})
    metric = metrics.pop() if figure.show == "dev" and len(metrics) == 1 else None
    return {
        **{"kind": "curves", "show": figure.show, "metric": metric},
        **{"targets": list(experiment.targets), "lines": lines},
    }


def languages_of(figure: Figure, settings: Settings) -> list[str]:
    """Return the codes of all languages that a figure may name."""
    names = settings.tables[figure.table].experiments if isinstance(figure, ForestFigure) else experiments_of(figure)
    return list(dict.fromkeys(chain.from_iterable(experiment_languages(settings.experiments[name]) for name in names)))


def analysed_languages(spec: Mapping[str, Any], settings: Settings) -> list[str]:
    """Return the codes of all languages that a figure of an analysis may name (`pipeline.grid.analyses.figures`)."""
    if spec["kind"] == "pair":
        return [*spec["sources"], spec["target"]]
    experiment = settings.analyses[spec["analysis"]].experiment
    return list(dict.fromkeys(experiment_languages(settings.experiments[experiment])))


def logged_runs(spec: Mapping[str, Any]) -> list[str]:
    """Return the runs whose logs a figure of `rates` or `curves` is drawn from."""
    lines = spec.get("lines", ())
    return list(
        dict.fromkeys([*spec.get("runs", ()), *(r for line in lines for v in line["runs"].values() for r in v)])
    )


def experiment_languages(experiment: Experiment) -> Iterator[str]:
    """Yield the codes of an experiment's languages, in the config's order."""
    yield from chain(experiment.targets, *experiment.sources, *experiment.auxiliaries)


def named_languages(languages: Sequence[str], settings: Settings) -> dict[str, Any]:
    """Return `{"language_names": {code: name}}` of those that the config names, nothing where it names none."""
    given = settings.language_names
    if isinstance(given, str):
        names = autonyms(languages) if given == "own" else {}
    else:
        names = {language: given[language] for language in languages if language in given}
    return {"language_names": names} if names else {}


def meta_graph_spec(
    figure: MetaGraphFigure, experiments: Mapping[str, Experiment], settings: Settings, runs: Mapping[str, Run]
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
        **{"kind": "meta_graph", "label": label_of(settings, figure.method), "panels": panels, "view": view},
        **figure.model_dump(include={"draws", "neighbours"}),
    }


def represented(specs: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return the runs whose representations figures are drawn from, each with its view."""
    graphs = [spec for spec in specs.values() if spec["kind"] == "meta_graph"]
    return [(run, spec["view"]) for spec in graphs for panel in spec["panels"] for run in panel["runs"]]
