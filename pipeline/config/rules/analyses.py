"""What analyses must agree on with their experiments."""

from collections.abc import Iterator, Mapping
from itertools import product

from pipeline.common.errors import nearest
from pipeline.config.analyses import UNITS, figure_name, scatter_name
from pipeline.config.analyses import Analysis as AnalysisSettings
from pipeline.config.encoders import Pretrain
from pipeline.config.experiments import Experiment
from pipeline.config.methods.parts.average import Average
from pipeline.config.resolve import method_settings, origin, resolve_training
from pipeline.config.rules.encoders import LENGTHS
from pipeline.config.rules.problems import Broken, KeyPath, Problem, check_known
from pipeline.config.rules.tables import check_metric
from pipeline.config.schema import Settings


def check_analyses(settings: Settings, broken: Broken) -> Iterator[Problem]:
    """Yield every rule that the config's analyses break."""
    figures_of: dict[str, str] = {}
    for name, given in settings.analyses.items():
        path = ("analyses", name)
        yield from check_metric(path, given.metric, [given.experiment], settings)
        if given.experiment in broken["experiments"]:
            continue
        yield from check_known((*path, "experiment"), "experiment", given.experiment, list(settings.experiments))
        experiment = settings.experiments.get(given.experiment)
        if experiment is None:
            continue
        yield from check_methods(name, given, experiment, settings, broken)
        yield from check_units(name, given, experiment, settings)
        yield from check_grid(name, given, experiment, settings)
        names = [figure_name(name, s, t) for s, t in product(experiment.sources, experiment.targets)]
        for figure in [*names, scatter_name(name)]:
            if figure in figures_of:
                yield path, f"its figure {figure!r} has the name of one of {figures_of[figure]!r}; rename the analysis"
            figures_of[figure] = name


def check_methods(
    name: str, given: AnalysisSettings, experiment: Experiment, settings: Settings, broken: Broken
) -> Iterator[Problem]:
    """Before and after must be two methods of the experiment that have sources, one run a seed, and equal lengths."""
    lengths = {}
    for key in ("before", "after"):
        path, label = ("analyses", name, key), getattr(given, key)
        if label in broken["methods"]:
            continue
        if label not in experiment.methods:
            yield path, f"{label!r} is no method of experiment {given.experiment!r}{nearest(label, experiment.methods)}"
            continue
        method = method_settings(settings, label)
        if method is None:
            continue  # the experiment's own error
        if isinstance(method, Average):
            yield (
                path,
                f"{label!r} is an average of several runs; an analysis compares models run by run, as of {method.of}",
            )
            continue
        if not method.uses_sources:
            yield path, f"{label!r} is trained without sources: there is no source language to represent"
        if method.on_all:
            yield path, f"{label!r} is one model for all targets; an analysis compares models of one target"
        if getattr(method, "tune", None):
            yield path, f"{label!r} is tuned, so it has several runs a seed; name a variant with the values you mean"
        training = resolve_training(settings, experiment, method)
        lengths[label] = (training.max_length, training.test_max_length or training.max_length)
    if given.before == given.after:
        yield ("analyses", name, "after"), f"{given.after!r} is the method before too; expected another one"
    yield from check_same_lengths(("analyses", name, "after"), lengths)


def check_same_lengths(path: KeyPath, lengths: Mapping[str, tuple[int, int]]) -> Iterator[Problem]:
    """What two methods read, by name in training and in tests, must be cut alike."""
    for i, key in enumerate(LENGTHS):
        if len({found[i] for found in lengths.values()}) > 1:
            said = " and ".join(f"{label} {found[i]}" for label, found in lengths.items())
            yield path, f"the methods cut sentences at different lengths ({key}: {said})"
            return


def check_units(name: str, given: AnalysisSettings, experiment: Experiment, settings: Settings) -> Iterator[Problem]:
    """Words have vectors of their own where the task labels words."""
    dataset = settings.datasets.get(experiment.dataset)
    if dataset is not None and given.units == "token" and UNITS.get(dataset.task) != "token":
        yield (
            ("analyses", name, "units"),
            f"'token' is for tasks that label words (ner), and task {dataset.task!r} labels whole examples; expected "
            "'sentence', or leave it out",
        )


def check_grid(name: str, given: AnalysisSettings, experiment: Experiment, settings: Settings) -> Iterator[Problem]:
    """The experiment must have one size of each kind, and its encoder the layer."""
    for key in ("source_size", "target_size"):
        if len(getattr(experiment, key)) > 1:
            yield (
                ("analyses", name, "experiment"),
                f"{given.experiment!r} has several values of {key}; make an experiment with the one you mean "
                "(runs that both ask for are trained once)",
            )
    encoder = origin(settings, experiment.encoder)
    if isinstance(encoder, Pretrain) and isinstance(given.layer, int) and given.layer > encoder.layers:
        yield (
            ("analyses", name, "layer"),
            f"{given.layer}, but encoder {experiment.encoder!r} has layers 0 (the embeddings) to {encoder.layers}",
        )
