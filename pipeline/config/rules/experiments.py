"""What an experiment must agree on with the datasets, encoders and methods that it names."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, repeat

from pipeline.config.datasets.babel import Babel
from pipeline.config.datasets.downloaded import Downloaded
from pipeline.config.datasets.facts import label_set, lacks
from pipeline.config.experiments import Experiment
from pipeline.config.methods import PARENT
from pipeline.config.methods.contract import Method
from pipeline.config.methods.majority import Majority
from pipeline.config.methods.mgl import Mgl
from pipeline.config.methods.parts.average import Average
from pipeline.config.methods.parts.counting import Counted
from pipeline.config.points import points
from pipeline.config.reading import dotted
from pipeline.config.resolve import (
    method_called,
    method_names,
    method_settings,
    resolve_training,
    target_texts,
    trained_method,
)
from pipeline.config.rules.auxiliaries import check_auxiliaries, check_learner
from pipeline.config.rules.averages import check_average
from pipeline.config.rules.datasets import check_languages
from pipeline.config.rules.decided import check_decided
from pipeline.config.rules.encoders import check_lengths, check_made_use
from pipeline.config.rules.heads import check_head
from pipeline.config.rules.problems import Broken, KeyPath, Problem, check_known, check_twice
from pipeline.config.rules.rtn import check_use
from pipeline.config.rules.sharing import check_sharing
from pipeline.config.rules.training import set_where
from pipeline.config.schema import Settings


def check_experiment(name: str, experiment: Experiment, settings: Settings, broken: Broken) -> Iterator[Problem]:
    """Names must be declared, nothing twice, no source a target; then each method must have what it needs."""
    path = ("experiments", name)
    for kind, valid in (("dataset", settings.datasets), ("encoder", settings.encoders)):
        if getattr(experiment, kind) not in broken[f"{kind}s"]:
            yield from check_known((*path, kind), kind, getattr(experiment, kind), list(valid))
    yield from check_source_dataset(path, experiment, settings, broken)
    for key in ("methods", "sources", "targets", "source_size", "target_size", "data_seeds"):
        yield from check_twice((*path, key), getattr(experiment, key))
    yield from check_twice((*path, "model_seeds"), experiment.all_seeds)
    yield from check_decided(name, experiment, settings, broken)
    methods = [method for label in experiment.methods if (method := trained_method(settings, label)) is not None]
    learners = any(method.needs_auxiliaries for method in methods)
    unknown = any(label in broken["methods"] for label in experiment.methods)
    yield from check_auxiliaries(path, experiment, settings, learners or unknown)
    yield from check_pairs(path, experiment, settings)
    yield from check_lengths(path, experiment, settings)
    yield from check_head(path, experiment, settings)
    yield from check_made_use(path, experiment, settings)
    yield from check_sizes(path, experiment, settings)
    for i, label in enumerate(experiment.methods):
        method = method_settings(settings, label)
        if label == PARENT:
            yield (*path, "methods", i), f"{PARENT} is trained where a method needs it as parent and is not listed here"
        elif isinstance(method, Average):
            yield from check_average((*path, "methods", i), label, method, experiment, settings)
            yield from check_unlisted((*path, "methods", i), label, method, experiment, settings)
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
    if method.uses_sources and not experiment.sources:
        yield path, f"{label} needs source languages, and the experiment's sources are empty"
    own, foreign = experiment.dataset, experiment.source_dataset or experiment.dataset
    dataset = settings.datasets.get(own)
    if isinstance(method, Majority) and dataset is not None and dataset.task == "qa":
        yield path, f"{label} predicts the most frequent class, and qa has no classes; take random, which draws spans"
    yield from check_splits(path, label, method, experiment, settings)
    yield from check_learner(path, label, method, experiment, settings)
    from_sources = method.chosen_on == "source"
    sources = sorted(chain.from_iterable(experiment.sources))
    lacking = lacking_dev(experiment, *((foreign, sources) if from_sources else (own, experiment.targets)), settings)
    chooses = chooses_epoch(method, experiment, settings)
    if method.target_split == "dev":
        if lacking:
            yield path, f"{label} trains on the dev split, and {lacking}"
    elif chooses and (lacking := lacking or lacking_for_stages(method, experiment, foreign, sources, settings)):
        yield path, f"{label} needs dev data to choose the best epoch, and {lacking}; set select: last"
    if method.on_all and target_texts(experiment.encoder, settings):
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
    wanted += [(foreign, "train", "trains on the sources'")] if method.uses_sources else []
    for name, split, verb in wanted:
        why = lacks(settings.datasets.get(name), split)
        if why is not None:
            counted = isinstance(method, Counted) and split == "train" and method.of == "target"
            advice = f"; count the sources' instead: methods.{label}.of: source" if counted else ""
            yield path, f"{label} {verb} {split} data, and dataset {name!r} has none: {why}{advice}"


def check_points(
    path: KeyPath, label: str, method: Method, experiment: Experiment, settings: Settings
) -> Iterator[Problem]:
    """Every point of a method's grid must have what it needs and fit the experiment."""
    found: list[Problem] = []
    for point in points(method):
        found += check_needs(path, label, point, experiment, settings)
        found += check_sharing(path, label, point, experiment, settings)
        size = resolve_training(settings, experiment, point).batch_size
        found += check_use(path[:-2], label, point, experiment, settings, size)
    yield from dict.fromkeys(found)
    yield from check_choice(path, label, method, experiment, settings)


def check_unlisted(
    path: KeyPath, label: str, average: Average, experiment: Experiment, settings: Settings
) -> Iterator[Problem]:
    """The runs that an average is of must have what they need, as those of a listed method, where theirs is not listed itself."""
    member = trained_method(settings, label)
    trained = member is not None and not isinstance(member, Average) and not member.tune and average.of != PARENT
    if member is not None and trained and average.of not in experiment.methods:
        yield from check_points(path, f"{average.of} (averaged by {label})", member, experiment, settings)


def chooses_epoch(method: Method, experiment: Experiment, settings: Settings) -> bool:
    """Return whether dev data choose the epoch of a method, or of one point of its grid."""
    return "select" in method.training_keys and resolve_training(settings, experiment, method).select == "best"


def check_choice(
    path: KeyPath, label: str, method: Method, experiment: Experiment, settings: Settings
) -> Iterator[Problem]:
    """Dev data that are trained on choose nothing, neither an epoch nor a point of a grid; a grid's points need their choice."""
    on_dev = any(point.target_split == "dev" for point in points(method))
    chooses = chooses_epoch(method, experiment, settings)
    if not method.tune or "select" not in method.training_keys:
        if on_dev and chooses:
            yield path, f"{label} trains on the dev split, so dev data cannot choose its epoch; set select: last"
    elif on_dev:
        split = "take dev out of tune.split" if "split" in method.tune else "set split: train"
        yield (
            path,
            f"{label} is tuned by dev scores, and trains on the dev split, so there are none; in methods.{label} {split}, and "
            "set training: {select: best}",
        )
    elif not chooses:
        where = dotted(set_where(str(path[1]), label, method, "select", settings))
        yield path, f"{label} is tuned by dev scores, and with select: last there are none; set {where} to best"


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
