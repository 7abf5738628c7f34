"""What the config's sections must agree on, checked before any job starts."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, count, repeat
from typing import Any

from pipeline.config_auxiliaries import check_auxiliaries, check_learner, check_rates
from pipeline.config_dataset_rules import (
    KeyPath,
    Problem,
    check_dataset,
    check_known,
    check_twice,
    known_languages,
    label_set,
    lacks,
    lacks_text,
)
from pipeline.config_datasets import Babel
from pipeline.config_downloads import Downloaded
from pipeline.config_episodes import named_languages
from pipeline.config_extend import check_extend, check_extended_use, target_text, unextended
from pipeline.config_metaxl import check_options, check_use
from pipeline.config_methods import METHODS, PARENT
from pipeline.config_mgl import Mgl
from pipeline.config_schema import Experiment, Settings, Table
from pipeline.config_sections import Extend, ExtensionText, Pretrain, Text
from pipeline.config_sharing import check_sharing
from pipeline.config_training import Method, Training
from pipeline.config_tuning import check_grid, points
from pipeline.config_types import METRIC
from pipeline.errors import nearest
from pipeline.tasks.metric_names import MAIN, metric_names

Broken = Mapping[str, set[str]]
"""By section: names that are declared but left out for errors of their own; nothing is said of references to them."""


def check(settings: Settings, broken: Broken) -> list[Problem]:
    """Return every broken rule."""
    problems: list[Problem] = []
    for name, dataset in settings.datasets.items():
        problems += check_dataset(name, dataset, used_languages(name, settings))
    for name, encoder in settings.encoders.items():
        if isinstance(encoder, Pretrain):
            problems += check_pretrain(name, encoder)
        if isinstance(encoder, Extend):
            problems += check_extend(name, encoder, settings, broken)
        if isinstance(encoder, Pretrain | Extend):
            problems += check_text(name, encoder, settings, broken)
    for name, method in settings.methods.items():
        problems += check_method(name, method)
    for name, experiment in settings.experiments.items():
        problems += check_experiment(name, experiment, settings, broken)
    for name, table in settings.tables.items():
        problems += check_table(name, table, settings, broken)
    return problems


def used_languages(name: str, settings: Settings) -> set[str]:
    """Return the languages of a dataset that experiments and encoders name."""
    found: set[str] = set()
    for encoder in settings.encoders.values():
        texts: Sequence[Text | ExtensionText] = encoder.text if isinstance(encoder, Pretrain | Extend) else []
        for text in texts:
            if text.dataset == name and isinstance(text.languages, list):
                found.update(text.languages)
    for experiment in settings.experiments.values():
        if (experiment.source_dataset or experiment.dataset) == name:
            found.update(chain.from_iterable(experiment.sources))
        if experiment.dataset == name:
            found.update(experiment.targets, *experiment.auxiliaries)
            methods = (method_settings(settings, label) for label in experiment.methods)
            found.update(*(named_languages(method) for method in methods if method is not None))
    return found


# ------------------------------------------------------------------------------------------------- what things resolve to


def method_settings(settings: Settings, name: str) -> Method | None:
    """Return the settings of a variant or of a registered method, `None` where there is neither."""
    if name in settings.methods:
        return settings.methods[name]
    return METHODS[name]() if name in METHODS else None


def method_called(settings: Settings, name: str) -> Method:
    """Return the settings of a variant or method of a checked config.

    Raises:
        KeyError: there is none, which the rules refuse.
    """
    method = method_settings(settings, name)
    if method is None:
        raise KeyError(name)
    return method


def resolve_training(settings: Settings, experiment: Experiment, method: Method) -> Training:
    """Return the training settings of a method in an experiment.

    Each goes before the one before: `training`, the experiment's, the method's built-in ones, the method entry's own.
    """
    values: dict[str, Any] = settings.training.model_dump()
    for layer in (
        experiment.training.model_dump(exclude_unset=True),
        method.built_in_training(),
        method.training.model_dump(exclude_unset=True),
    ):
        values.update(layer)
    if values["select"] == "last":
        values["patience"] = None  # there is no dev score to wait for
    return Training.model_validate(values)


def method_names(settings: Settings) -> list[str]:
    """Return the names an experiment may list."""
    return sorted({*METHODS, *settings.methods} - {PARENT})


# ------------------------------------------------------------------------------------------------------------- the rules


def check_languages(
    paths: Iterable[KeyPath], dataset: str, languages: Sequence[str], settings: Settings
) -> Iterator[Problem]:
    """Languages of Babel and of most corpora are known beforehand; other datasets tell when they are fetched."""
    given = settings.datasets.get(dataset)
    known = [] if given is None else known_languages(given)
    for path, language in zip(paths, languages, strict=False):
        if known:
            yield from check_known(path, "language", language, known)


def check_pretrain(name: str, encoder: Pretrain) -> Iterator[Problem]:
    """Heads must divide the width; no dataset may stand in the text twice."""
    path = ("encoders", name)
    if encoder.hidden_size % encoder.heads:
        yield (*path, "hidden_size"), f"{encoder.hidden_size} is not a multiple of heads, {encoder.heads}"
    yield from check_twice((*path, "text"), [text.dataset for text in encoder.text])


def check_text(name: str, encoder: Pretrain | Extend, settings: Settings, broken: Broken) -> Iterator[Problem]:
    """The text must come from known datasets and languages."""
    texts: list[Text | ExtensionText] = [*encoder.text]
    for i, text in enumerate(texts):
        here = ("encoders", name, "text", i)
        if text.dataset in broken["datasets"]:
            continue
        yield from check_known((*here, "dataset"), "dataset", text.dataset, list(settings.datasets))
        if text.languages is None and not isinstance(settings.datasets.get(text.dataset), Babel):
            yield (*here, "languages"), "'all' is known for loader babel only; list the languages"
        given = settings.datasets.get(text.dataset)
        sized = isinstance(text, ExtensionText) and text.languages == "target" and text.size == "target_size"
        if why := lacks(given, "train") if sized else lacks_text(given):
            what = "training sentences" if sized else "raw text"
            yield (*here, "dataset"), f"{text.dataset!r} gives no {what}: {why}"
        listed = text.languages if isinstance(text.languages, list) else []
        yield from check_languages(repeat((*here, "languages")), text.dataset, listed, settings)


def check_method(name: str, method: Method) -> Iterator[Problem]:
    """A registered method's name means that method; settings a method does not use are refused."""
    path = ("methods", name)
    kind = method.registered_name()
    if name in METHODS and kind != name:
        yield (
            (*path, "method"),
            f"{name!r} is a method itself, so it cannot be a variant of {kind!r}; choose another name",
        )
    elif kind == PARENT and name != PARENT:
        yield path, f"{PARENT} has no variants: it is the parent of other methods; set its settings under its own name"
    for key in sorted(method.training.model_fields_set - method.training_keys):
        used = ", ".join(sorted(method.training_keys))
        yield (*path, "training", key), f"{kind} does not use it, so this changes nothing; it uses {used}"
    yield from check_grid(path, method, kind == PARENT)
    yield from check_options(path, method)
    yield from check_rates(path, method)


def check_experiment(name: str, experiment: Experiment, settings: Settings, broken: Broken) -> Iterator[Problem]:
    """Names must be declared, nothing twice, no source a target; then each method must have what it needs."""
    path = ("experiments", name)
    for kind, valid in (("dataset", settings.datasets), ("encoder", settings.encoders)):
        if getattr(experiment, kind) not in broken[f"{kind}s"]:
            yield from check_known((*path, kind), kind, getattr(experiment, kind), list(valid))
    yield from check_source_dataset(path, experiment, settings, broken)
    for key in ("methods", "sources", "targets", "source_size", "target_size", "data_seeds", "model_seeds"):
        yield from check_twice((*path, key), getattr(experiment, key))
    methods = [method for label in experiment.methods if (method := method_settings(settings, label)) is not None]
    learners = any(method.needs_auxiliaries for method in methods)
    unknown = any(label in broken["methods"] for label in experiment.methods)
    yield from check_auxiliaries(path, experiment, settings, learners or unknown)
    yield from check_pairs(path, experiment, settings)
    yield from check_lengths(path, experiment, settings)
    yield from check_extended_use(path, experiment, settings)
    yield from check_sizes(path, experiment, settings)
    for i, label in enumerate(experiment.methods):
        method = method_settings(settings, label)
        if label == PARENT:
            yield (*path, "methods", i), f"{PARENT} is trained where a method needs it as parent and is not listed here"
        elif method is not None:
            yield from check_points((*path, "methods", i), label, method, experiment, settings)
        elif label not in broken["methods"]:
            yield from check_known((*path, "methods", i), "method", label, method_names(settings))


def check_source_dataset(
    path: KeyPath, experiment: Experiment, settings: Settings, broken: Broken
) -> Iterator[Problem]:
    """The sources' dataset must be known, and of the same task and labels as the targets'."""
    name = experiment.source_dataset
    if name is None or name in broken["datasets"]:
        return
    yield from check_known((*path, "source_dataset"), "dataset", name, list(settings.datasets))
    if not experiment.sources:
        yield (*path, "source_dataset"), "changes nothing: the experiment has no sources; leave it out"
    ours, theirs = settings.datasets.get(experiment.dataset), settings.datasets.get(name)
    if ours is None or theirs is None:
        return
    if ours.task != theirs.task:
        yield (
            (*path, "source_dataset"),
            f"{name!r} is of task {theirs.task!r}, and {experiment.dataset!r} of {ours.task!r}",
        )
    elif label_set(ours) != label_set(theirs):
        yield (
            (*path, "source_dataset"),
            f"{name!r} has the labels {label_set(theirs)}, and {experiment.dataset!r} {label_set(ours)}; they must be the same, "
            "in the same order",
        )


def check_pairs(path: KeyPath, experiment: Experiment, settings: Settings) -> Iterator[Problem]:
    """Languages must be known where they can be, and no target its own source."""
    yield from check_languages(
        ((*path, "targets", i) for i in count()), experiment.dataset, experiment.targets, settings
    )
    foreign = experiment.source_dataset or experiment.dataset
    for i, sources in enumerate(experiment.sources):
        yield from check_languages(repeat((*path, "sources", i)), foreign, sources, settings)
        for target in experiment.targets:
            if target in sources and foreign == experiment.dataset:
                yield (*path, "sources", i), f"{target!r} is a target too; a language cannot be its own source"


def lacking_dev(experiment: Experiment, name: str, languages: Iterable[str], settings: Settings) -> str | None:
    """Return why a dataset has no dev data in some of the languages, `None` where it has."""
    if experiment.dev_size == 0:
        return "dev_size is 0"
    dataset = settings.datasets.get(name)
    if isinstance(dataset, Downloaded) and dataset.test == "dev" and dataset.dev is None:
        return f"the dev set of dataset {name!r} is its test set"
    if why := lacks(dataset, "dev"):
        return f"dataset {name!r} has none: {why}"
    if isinstance(dataset, Downloaded) and dataset.dev is None:
        for language in languages:
            if language in dataset.expected and dataset.expected[language].dev == 0:
                return f"dataset {name!r} has none in {language}"
    return None


def check_needs(
    path: KeyPath, label: str, method: Method, experiment: Experiment, settings: Settings
) -> Iterator[Problem]:
    """A method needs the languages and dev data it uses."""
    if method.needs_sources and not experiment.sources:
        yield path, f"{label} needs source languages, and the experiment's sources are empty"
    own, foreign = experiment.dataset, experiment.source_dataset or experiment.dataset
    yield from check_splits(path, label, method, experiment, settings)
    yield from check_learner(path, label, method, experiment, settings)
    from_sources = method.chosen_on == "source"
    sources = sorted(chain.from_iterable(experiment.sources))
    lacking = lacking_dev(experiment, *((foreign, sources) if from_sources else (own, experiment.targets)), settings)
    select = resolve_training(settings, experiment, method).select
    chooses = select == "best" and "select" in method.training_keys
    if method.target_split == "dev":
        if chooses:
            yield path, f"{label} trains on the dev split, so dev data cannot choose its epoch; set select: last"
        if lacking:
            yield path, f"{label} trains on the dev split, and {lacking}"
    elif chooses and (lacking := lacking or lacking_for_stages(method, experiment, foreign, sources, settings)):
        yield path, f"{label} needs dev data to choose the best epoch, and {lacking}; set select: last"
    if method.on_all and target_text(experiment.encoder, settings) is not None:
        yield path, f"{label} is one model for all targets, and encoder {experiment.encoder!r} is another one for each"
    if method.has_parent:
        lacking = lacking_dev(experiment, foreign, sorted(chain.from_iterable(experiment.sources)), settings)
        if lacking and resolve_training(settings, experiment, method_called(settings, PARENT)).select == "best":
            yield path, f"{label} starts from {PARENT}, which needs dev data to choose its epoch, and {lacking}"


def lacking_for_stages(
    method: Method, experiment: Experiment, foreign: str, sources: Sequence[str], settings: Settings
) -> str | None:
    """Return why the sources' dev data cannot choose the epoch of MGL's first stage, `None` where they can or need not."""
    if not (isinstance(method, Mgl) and method.meta_train):
        return None
    return lacking_dev(experiment, foreign, sources, settings)


def check_splits(
    path: KeyPath, label: str, method: Method, experiment: Experiment, settings: Settings
) -> Iterator[Problem]:
    """A method's languages must have the splits it trains and is tested on, where a dataset has them in no language."""
    own, foreign = experiment.dataset, experiment.source_dataset or experiment.dataset
    wanted = [(own, "test", "is tested on"), *([(own, "train", "trains on")] if method.sized else [])]
    wanted += [(foreign, "train", "trains on the sources'")] if method.needs_sources else []
    for name, split, verb in wanted:
        why = lacks(settings.datasets.get(name), split)
        if why is not None:
            yield path, f"{label} {verb} {split} data, and dataset {name!r} has none: {why}"


def check_points(
    path: KeyPath, label: str, method: Method, experiment: Experiment, settings: Settings
) -> Iterator[Problem]:
    """Every point of a method's grid must have what it needs and fit the experiment, and have a dev score to be chosen by."""
    found: list[Problem] = []
    for point in points(method):
        found += check_needs(path, label, point, experiment, settings)
        found += check_sharing(path, label, point, experiment, settings)
        size = resolve_training(settings, experiment, point).batch_size
        found += check_use(path[:-2], label, point, experiment, settings, size)
    yield from dict.fromkeys(found)
    if (
        method.tune
        and "select" in method.training_keys
        and resolve_training(settings, experiment, method).select == "last"
    ):
        yield path, f"{label} is tuned by dev scores, and with select: last there are none; set select: best"


def check_lengths(path: KeyPath, experiment: Experiment, settings: Settings) -> Iterator[Problem]:
    """An encoder pretrained here has as many positions as it was given."""
    encoder = unextended(settings, experiment.encoder)
    if not isinstance(encoder, Pretrain):
        return
    for label in experiment.methods:
        method = method_settings(settings, label)
        for point in points(method) if method is not None else ():
            length = resolve_training(settings, experiment, point).max_length
            if length > encoder.max_length:
                yield (
                    (*path, "encoder"),
                    f"{experiment.encoder!r} takes {encoder.max_length} word pieces, and {label} has max_length {length}",
                )
                return


def check_sizes(path: KeyPath, experiment: Experiment, settings: Settings) -> Iterator[Problem]:
    """No more sentences may be asked of Babel than it is told to make; other datasets tell when they are fetched."""
    for key, name in (("source_size", experiment.source_dataset), ("target_size", None)):
        dataset = settings.datasets.get(name or experiment.dataset)
        if not isinstance(dataset, Babel):
            continue
        most = dataset.sizes.train
        for size in getattr(experiment, key):
            if size is not None and size > most:
                yield (
                    (*path, key),
                    f"{size} examples, and {name or experiment.dataset!r} has {most} per language (sizes.train)",
                )


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


def metric_of(metric: str | None, experiment: Experiment, settings: Settings) -> str:
    """Return a table's or an analysis' metric: its own, or the main one of its experiments' task."""
    return metric or MAIN[settings.datasets[experiment.dataset].task]


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
    if table.columns == "average" and not table.average:
        yield (*path, "average"), "columns: average shows nothing but the average; leave average out"
    rows = table.methods or present
    if table.baseline is not None and table.baseline not in rows:
        yield (*path, "baseline"), f"{table.baseline!r} is not among the table's methods{nearest(table.baseline, rows)}"
    for method in table.labels:
        if method not in rows:
            yield (*path, "labels", method), f"{method!r} is not among the table's methods{nearest(method, rows)}"
