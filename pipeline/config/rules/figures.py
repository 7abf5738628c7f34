"""What figures must agree on with their experiments."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product

from pipeline.common.errors import nearest
from pipeline.config.analyses import figure_name, scatter_name
from pipeline.config.datasets.facts import label_set
from pipeline.config.experiments import Experiment
from pipeline.config.figures import GainsFigure, MetaGraphFigure, RatesFigure, SizesFigure, experiments_of
from pipeline.config.methods.contract import Method
from pipeline.config.methods.meta_optimizer import MetaOptimizer
from pipeline.config.methods.mgl import Mgl
from pipeline.config.methods.parts.average import Average
from pipeline.config.resolve import method_settings
from pipeline.config.rules.problems import Broken, KeyPath, Problem, check_known, check_twice
from pipeline.config.rules.tables import check_metric
from pipeline.config.schema import Settings


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
        known = [key for key in experiments_of(figure) if key not in broken["experiments"]]
        where = "experiments" if isinstance(figure, SizesFigure | MetaGraphFigure) else "experiment"
        for key in known:
            yield from check_known((*path, where), "experiment", key, list(settings.experiments))
        experiments = {key: settings.experiments[key] for key in known if key in settings.experiments}
        if isinstance(figure, SizesFigure):
            yield from check_sizes(name, figure, experiments, settings, broken)
        elif isinstance(figure, MetaGraphFigure):
            yield from check_meta_graph(name, figure, experiments, settings, broken)
        for experiment in experiments.values():
            if isinstance(figure, GainsFigure):
                yield from check_gains(name, figure, experiment, settings, broken)
            elif isinstance(figure, RatesFigure):
                yield from check_rates(name, figure, experiment, settings, broken)


def check_gains(
    name: str, figure: GainsFigure, experiment: Experiment, settings: Settings, broken: Broken
) -> Iterator[Problem]:
    """A heat map needs one number in each of its cells: a method with auxiliaries, a baseline without, one of every size."""
    path = ("figures", name)
    yield from check_metric(path, figure.metric, [figure.experiment], settings)
    for key, label in (("method", figure.method), ("baseline", figure.baseline)):
        missing = list(check_listed((*path, key), label, figure.experiment, experiment, broken))
        yield from missing
        method = method_settings(settings, label)
        if missing or method is None:
            continue
        if key == "method" and not method.needs_auxiliaries:
            yield (*path, key), f"{label!r} learns from no auxiliary language, so there is no row for it"
        elif key == "baseline" and method.needs_auxiliaries:
            yield (
                (*path, key),
                f"{label!r} learns from auxiliary languages itself; expected a method without, as zero_shot",
            )
        yield from check_untuned((*path, key), label, method)
    yield from check_single(
        (*path, "experiment"), figure.experiment, experiment, ("sources", "source_size", "target_size")
    )


def check_rates(
    name: str, figure: RatesFigure, experiment: Experiment, settings: Settings, broken: Broken
) -> Iterator[Problem]:
    """Update rates are those of a meta-trained soft layer selection, learned once per seed."""
    path, label = ("figures", name, "method"), figure.method
    missing = list(check_listed(path, label, figure.experiment, experiment, broken))
    yield from missing
    method = method_settings(settings, label)
    if missing or method is None:
        return
    if not isinstance(method, MetaOptimizer) or not method.meta_train:
        yield (
            path,
            f"{label!r} has no run that learns update rates; expected a variant of meta_optimizer with meta_train",
        )
    else:
        yield from check_untuned(path, label, method)
    yield from check_single(
        ("figures", name, "experiment"),
        figure.experiment,
        experiment,
        ("sources", "source_size", "auxiliaries"),
        ", so several sets of rates",
    )


def check_listed(path: KeyPath, label: str, name: str, experiment: Experiment, broken: Broken) -> Iterator[Problem]:
    """A figure's method is one of its experiment's."""
    if label not in experiment.methods and label not in broken["methods"]:
        yield path, f"{label!r} is no method of experiment {name!r}{nearest(label, experiment.methods)}"


def check_untuned(path: KeyPath, label: str, method: Method) -> Iterator[Problem]:
    """A figure shows one run a seed, where a grid has several, and an average one for several seeds or source sets."""
    if isinstance(method, Average):
        yield (
            path,
            f"{label!r} is an average of several runs, which tables show beside them; a figure shows single runs",
        )
    if method.tune:
        yield path, f"{label!r} is tuned; name a variant with the values you mean"


def check_single(
    path: KeyPath, name: str, experiment: Experiment, keys: Sequence[str], why: str = ""
) -> Iterator[Problem]:
    """An experiment has one value of each of these keys; `why` says what several would make."""
    for key in keys:
        if len(getattr(experiment, key)) > 1:
            yield path, f"{name!r} has several values of {key}{why}; make an experiment with one"


def check_sizes(
    name: str, figure: SizesFigure, experiments: Mapping[str, Experiment], settings: Settings, broken: Broken
) -> Iterator[Problem]:
    """A line needs several sizes, and one run for each size, language and seed."""
    path = ("figures", name)
    yield from check_metric(path, figure.metric, figure.experiments, settings)
    yield from check_twice((*path, "experiments"), figure.experiments)
    yield from check_twice((*path, "methods"), figure.methods)
    for key, experiment in experiments.items():
        for i, label in enumerate(figure.methods):
            yield from check_listed((*path, "methods", i), label, key, experiment, broken)
        if len(experiment.target_size) < 2:
            yield (*path, "experiments"), f"{key!r} has one target_size, which makes no line; list several"
        yield from check_single((*path, "experiments"), key, experiment, ("source_size",))
    drawn = figure.methods or list(chain.from_iterable(experiment.methods for experiment in experiments.values()))
    for label in dict.fromkeys(drawn):
        method = method_settings(settings, label)
        if method is None:
            continue
        yield from check_untuned((*path, "methods"), label, method)
        if method.needs_auxiliaries:
            yield (*path, "methods"), f"{label!r} learns from auxiliary languages; list the methods to draw without it"
    if len({tuple(map(str, experiment.target_size)) for experiment in experiments.values()}) > 1:
        yield (*path, "experiments"), "they have other values of target_size; expected the same, in the same order"
    if not figure.methods and len({tuple(experiment.methods) for experiment in experiments.values()}) > 1:
        yield (*path, "methods"), "the experiments have other methods; list those to draw"


def check_meta_graph(
    name: str, figure: MetaGraphFigure, experiments: Mapping[str, Experiment], settings: Settings, broken: Broken
) -> Iterator[Problem]:
    """A meta graph is a trained `mgl` model's, one a seed for each panel, of as many nodes as neighbours at least."""
    path, label = ("figures", name), figure.method
    yield from check_twice((*path, "experiments"), figure.experiments)
    method = method_settings(settings, label)
    if method is not None and not isinstance(method, Mgl):
        yield (*path, "method"), f"{label!r} has no meta graph; expected a variant of mgl"
    elif method is not None:
        yield from check_untuned((*path, "method"), label, method)
    for key, experiment in experiments.items():
        yield from check_listed((*path, "method"), label, key, experiment, broken)
        yield from check_single((*path, "experiments"), key, experiment, ("source_size", "target_size"))
        dataset = settings.datasets.get(experiment.dataset)
        classes = len(label_set(dataset)) if dataset is not None else 2
        nodes = classes * (min(map(len, experiment.sources), default=1) + 1)
        if figure.neighbours > nodes:
            yield (
                (*path, "neighbours"),
                f"{figure.neighbours} of each node are kept, and a graph of one instance of each class and language of {key!r} "
                f"has {nodes}",
            )
