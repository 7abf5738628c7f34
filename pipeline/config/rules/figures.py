"""What figures must agree on with their experiments."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, product

from pipeline.common.errors import nearest
from pipeline.config.analyses import figure_name, scatter_name
from pipeline.config.datasets.facts import label_set
from pipeline.config.experiments import Experiment
from pipeline.config.figures import (
    CurvesFigure,
    Figure,
    ForestFigure,
    GainsFigure,
    MetaGraphFigure,
    RatesFigure,
    SizesFigure,
    TransferFigure,
    experiments_of,
)
from pipeline.config.methods.contract import Method
from pipeline.config.methods.meta_optimizer import MetaOptimizer
from pipeline.config.methods.mgl import Mgl
from pipeline.config.methods.parts.average import Average
from pipeline.config.resolve import has_curve, method_settings
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
        where = "experiments" if hasattr(figure, "experiments") else "experiment"
        for key in known:
            yield from check_known((*path, where), "experiment", key, list(settings.experiments))
        experiments = {key: settings.experiments[key] for key in known if key in settings.experiments}
        yield from check_figure(name, figure, experiments, settings, broken)
    yield from check_named(settings, broken)


def check_figure(
    name: str, figure: Figure, experiments: Mapping[str, Experiment], settings: Settings, broken: Broken
) -> Iterator[Problem]:
    """Yield the rules of its kind that a figure breaks; `experiments` are those of its experiments that there are."""
    if isinstance(figure, SizesFigure):
        yield from check_sizes(name, figure, experiments, settings, broken)
    elif isinstance(figure, MetaGraphFigure):
        yield from check_meta_graph(name, figure, experiments, settings, broken)
    elif isinstance(figure, TransferFigure):
        yield from check_transfer(name, figure, experiments, settings, broken)
    elif isinstance(figure, ForestFigure):
        yield from check_forest(name, figure, settings, broken)
    for experiment in experiments.values():
        if isinstance(figure, GainsFigure):
            yield from check_gains(name, figure, experiment, settings, broken)
        elif isinstance(figure, RatesFigure):
            yield from check_rates(name, figure, experiment, settings, broken)
        elif isinstance(figure, CurvesFigure):
            yield from check_curves(name, figure, experiment, settings, broken)


def check_named(settings: Settings, broken: Broken) -> Iterator[Problem]:
    """A language that is given a name is one of an experiment's."""
    given = settings.language_names
    if isinstance(given, str) or broken["experiments"]:
        return
    known = {
        language
        for experiment in settings.experiments.values()
        for language in chain(experiment.targets, *experiment.sources, *experiment.auxiliaries)
    }
    for language in given:
        if language not in known:
            yield (
                ("language_names", language),
                f"no experiment has language {language!r}{nearest(language, sorted(known))}",
            )


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
    other = "source_size" if figure.over == "target_size" else "target_size"
    yield from check_metric(path, figure.metric, figure.experiments, settings)
    yield from check_twice((*path, "experiments"), figure.experiments)
    yield from check_twice((*path, "methods"), figure.methods)
    for key, experiment in experiments.items():
        for i, label in enumerate(figure.methods):
            yield from check_listed((*path, "methods", i), label, key, experiment, broken)
        if len(getattr(experiment, figure.over)) < 2:
            yield (*path, "experiments"), f"{key!r} has one {figure.over}, which makes no line; list several"
        yield from check_single((*path, "experiments"), key, experiment, (other,))
    drawn = figure.methods or list(chain.from_iterable(experiment.methods for experiment in experiments.values()))
    for label in dict.fromkeys(drawn):
        method = method_settings(settings, label)
        if method is None:
            continue
        yield from check_untuned((*path, "methods"), label, method)
        if method.needs_auxiliaries:
            yield (*path, "methods"), f"{label!r} learns from auxiliary languages; list the methods to draw without it"
    if len({tuple(map(str, getattr(experiment, figure.over))) for experiment in experiments.values()}) > 1:
        yield (*path, "experiments"), f"they have other values of {figure.over}; expected the same, in the same order"
    if not figure.methods and len({tuple(experiment.methods) for experiment in experiments.values()}) > 1:
        yield (*path, "methods"), "the experiments have other methods; list those to draw"


def check_curves(
    name: str, figure: CurvesFigure, experiment: Experiment, settings: Settings, broken: Broken
) -> Iterator[Problem]:
    """A line is of one run a seed in each panel, and these log what it shows."""
    path = ("figures", name)
    yield from check_twice((*path, "methods"), figure.methods)
    drawn = [label for label in experiment.methods if has_curve(settings, experiment, label, figure.show)]
    wanted = "is trained" if figure.show == "loss" else "has a dev score after each epoch (select: best)"
    if not drawn and not figure.methods and not broken["methods"] & {*experiment.methods}:
        instead = "" if figure.show == "loss" else "; show: loss draws the training loss"
        yield (*path, "experiment"), f"no method of {figure.experiment!r} {wanted}{instead}"
    for i, label in enumerate(figure.methods):
        missing = list(check_listed((*path, "methods", i), label, figure.experiment, experiment, broken))
        yield from missing
        if not missing and label not in broken["methods"] and label not in drawn:
            yield (
                (*path, "methods", i),
                f"{label!r} has no such curve; expected a method that {wanted}{nearest(label, drawn)}",
            )
    auxiliaries = False
    for label in figure.methods or drawn:
        method = method_settings(settings, label)
        if method is not None:
            auxiliaries |= method.needs_auxiliaries
            yield from check_untuned((*path, "methods"), label, method)
    keys = ("sources", "source_size", "target_size", *(("auxiliaries",) if auxiliaries else ()))
    yield from check_single((*path, "experiment"), figure.experiment, experiment, keys)


def check_forest(name: str, figure: ForestFigure, settings: Settings, broken: Broken) -> Iterator[Problem]:
    """A forest is planted on a table that compares with a baseline."""
    path, table = ("figures", name), settings.tables.get(figure.table)
    yield from check_twice((*path, "methods"), figure.methods)
    if table is None:
        if figure.table not in broken["tables"]:
            yield from check_known((*path, "table"), "table", figure.table, list(settings.tables))
        return
    if table.baseline is None:
        yield (*path, "table"), f"{figure.table!r} compares with nothing; set its baseline"
    there = [settings.experiments[key] for key in table.experiments if key in settings.experiments]
    rows = table.methods or list(dict.fromkeys(chain.from_iterable(experiment.methods for experiment in there)))
    others = [label for label in rows if label != table.baseline]
    for i, label in enumerate(figure.methods):
        if label == table.baseline:
            yield (*path, "methods", i), f"{label!r} is the table's baseline, which others are compared with"
        elif label not in others and there:
            yield (*path, "methods", i), f"{label!r} is no method of table {figure.table!r}{nearest(label, others)}"
    if there and not others:
        yield (*path, "table"), f"{figure.table!r} has no method but its baseline"


def check_transfer(
    name: str, figure: TransferFigure, experiments: Mapping[str, Experiment], settings: Settings, broken: Broken
) -> Iterator[Problem]:
    """A heat map of sources and targets needs one run a seed in each of its cells."""
    path = ("figures", name)
    yield from check_metric(path, figure.metric, figure.experiments, settings)
    yield from check_twice((*path, "experiments"), figure.experiments)
    auxiliaries = False
    for key, label in (("method", figure.method), ("baseline", figure.baseline)):
        if label is None:
            continue
        for experiment_name, experiment in experiments.items():
            yield from check_listed((*path, key), label, experiment_name, experiment, broken)
        method = method_settings(settings, label)
        if method is None:
            continue
        auxiliaries |= method.needs_auxiliaries
        yield from check_untuned((*path, key), label, method)
        if key == "method" and not method.uses_sources:
            yield (*path, key), f"{label!r} learns from no source language, so there is no row for it"
    if figure.baseline == figure.method:
        yield (*path, "baseline"), "is the method itself; name another, or leave it out to see the scores"
    keys = ("source_size", "target_size", *(("auxiliaries",) if auxiliaries else ()))
    homes: dict[tuple[str, str], str] = {}
    for key, experiment in experiments.items():
        yield from check_single((*path, "experiments"), key, experiment, keys)
        for sources, target in product(map("+".join, experiment.sources), experiment.targets):
            home = homes.setdefault((sources, target), key)
            if home != key:
                yield (*path, "experiments"), f"{sources}→{target} is in {home!r} and in {key!r}; name one of them"


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
