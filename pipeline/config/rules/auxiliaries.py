"""What methods that learn from auxiliary languages and the experiments that use them must agree on.

Checked before any job starts; what only fetched data tell (too few rows for a batch, rows that are not parallel) is checked by
the run, before its first step.
"""

from collections.abc import Iterator
from itertools import chain, product

from pipeline.config.datasets.facts import known_languages, lacks
from pipeline.config.experiments import Experiment
from pipeline.config.methods.contract import Method
from pipeline.config.methods.meta_optimizer import MetaOptimizer
from pipeline.config.methods.parts.auxiliary import Auxiliary
from pipeline.config.methods.parts.maml import Episodic
from pipeline.config.methods.x_maml import XMaml
from pipeline.config.methods.xla_maml import XlaMaml
from pipeline.config.rules.problems import KeyPath, Problem, check_known, check_twice
from pipeline.config.schema import Settings
from pipeline.methods.parts.sides import ROLES, episodes


def check_auxiliaries(path: KeyPath, experiment: Experiment, settings: Settings, used: bool) -> Iterator[Problem]:
    """Auxiliary sets must be of known languages, each once, and used by some method; a target among them is left out by consent.

    Args:
        path: of the experiment's entry.
        experiment: the experiment.
        settings: the whole config.
        used: whether one of its methods learns from auxiliaries.
    """
    here = (*path, "auxiliaries")
    if experiment.auxiliaries and not used:
        yield here, "changes nothing: no method of the experiment learns from auxiliary languages; leave it out"
    yield from check_twice(here, experiment.auxiliaries)
    dataset = settings.datasets.get(experiment.dataset)
    known = [] if dataset is None else known_languages(dataset)
    among = []
    for i, auxiliary in enumerate(experiment.auxiliaries):
        for language in auxiliary if known else ():
            yield from check_known((*here, i), "language", language, known)
        among += [language for language in auxiliary if language in experiment.targets]
        if among and experiment.auxiliary_targets == "refuse":
            yield (
                (*here, i),
                f"{among[-1]!r} is a target too, and a language trained on is no zero-shot target; take it out of one of the "
                "two, or set auxiliary_targets: leave_out",
            )
        if set(experiment.targets) <= set(auxiliary):
            yield (*here, i), "all targets are in it, so nothing is left to test"
    if experiment.auxiliary_targets == "leave_out" and not among:
        yield (*path, "auxiliary_targets"), "changes nothing: no target is an auxiliary; leave it out"


def check_learner(
    path: KeyPath, label: str, method: Method, experiment: Experiment, settings: Settings
) -> Iterator[Problem]:
    """A method that learns from auxiliaries needs some, and data of theirs.

    Args:
        path: of the method in the experiment.
        label: the variant's or method's name.
        method: its settings, or one point of its grid.
        experiment: the experiment.
        settings: the whole config.
    """
    if not isinstance(method, Auxiliary):
        return
    if not experiment.auxiliaries:
        yield path, f"{label} learns from auxiliary languages, and the experiment's auxiliaries are empty"
    dataset = settings.datasets.get(experiment.dataset)
    if why := lacks(dataset, method.split):
        yield (
            path,
            f"{label} trains on the auxiliaries' {method.split} data, and dataset {experiment.dataset!r} has none: {why}",
        )
    if isinstance(method, Episodic):
        problems = list(side_problems(method, experiment, settings))
        for key, text in problems or overlaps(method, experiment):
            yield path, f"{label}: {key}: {text}"


MEANT_FOR_EPISODES = ("episodes", "episode_steps", "held_out_batches")


def check_rates(path: KeyPath, method: Method) -> Iterator[Problem]:
    """What only meta-training uses changes nothing without it.

    Args:
        path: of the method's entry.
        method: the method.
    """
    if isinstance(method, MetaOptimizer) and not method.meta_train:
        for key in MEANT_FOR_EPISODES:
            if key in method.model_fields_set:
                yield (
                    (*path, key),
                    "is of the episodes, and meta_train: no has none, so this changes nothing; leave it out",
                )


def check_fine_tuning(path: KeyPath, method: Method) -> Iterator[Problem]:
    """Fine-tuning on the target is told nothing where there is none.

    Args:
        path: of the method's entry.
        method: the method.
    """
    if not isinstance(method, Episodic):
        return
    here, said = (*path, "fine_tune"), method.fine_tune.model_fields_set if method.fine_tune is not None else None
    if method.setting == "zero_shot" and said != set():
        yield (
            here,
            "changes nothing: in zero-shot there is no fine-tuning on a target; leave it out, or set setting: few_shot",
        )


def side_problems(method: Episodic, experiment: Experiment, settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the keys of an episodic method that do not fit its experiment, and why."""
    dataset = settings.datasets.get(experiment.dataset)
    known = [] if dataset is None else known_languages(dataset)
    few_shot = method.setting == "few_shot"
    for key, side in (("support", method.support), ("query", method.query)):
        for word in side or ():
            if word == "target" and not few_shot:
                yield key, "in zero-shot no label of a target is seen; set setting: few_shot"
            elif word == "source" and (why := lacking_source(method, experiment, settings)):
                yield key, why
            elif word not in ROLES and known and word not in known:
                yield key, "".join(text for _, text in check_known((), "language", word, [*ROLES, *known]))
            elif word in experiment.targets and word not in chain.from_iterable(experiment.sources):
                yield key, f"{word!r} is a target of the experiment, which would be trained on"
    single = any(len(auxiliary) == 1 for auxiliary in experiment.auxiliaries)
    from_sources = isinstance(method, XlaMaml) and method.support is None and not few_shot and single
    if from_sources and (why := lacking_source(method, experiment, settings)):
        yield "support", f"{why}; name its languages, as support: [en]"


def overlaps(method: Episodic, experiment: Experiment) -> Iterator[tuple[str, str]]:
    """Yield languages that are on both sides of an episode beside others: an example could be on both sides at once.

    Sides of the very same languages are halves of one batch, which share no example.
    """
    few_shot, own = method.setting == "few_shot", experiment.source_dataset in (None, experiment.dataset)
    targets = experiment.targets if few_shot else [None]
    for sources, auxiliary, target in product(experiment.sources, experiment.auxiliaries, targets):
        if target in auxiliary:
            continue  # left out
        given = (sources, auxiliary, [target] if target is not None else [])
        for kind in episodes(method.support, method.query, isinstance(method, XMaml), few_shot, *given):
            if kind.support == kind.query:
                continue
            sides = [{(o.language, o.source and not own) for o in side} for side in (kind.support, kind.query)]
            for language, _ in sorted(sides[0] & sides[1]):
                yield (
                    "query",
                    f"{language!r} is on the support side too, and the sides are not the same languages, so an example could be "
                    "on both; take it out of one of the two, or give both the same list",
                )
                return


def lacking_source(method: Episodic, experiment: Experiment, settings: Settings) -> str | None:
    """Return why the sources' dataset has no data for a side, `None` where it has."""
    name = experiment.source_dataset or experiment.dataset
    why = lacks(settings.datasets.get(name), method.split)
    return f"is the sources' {method.split} data, and dataset {name!r} has none: {why}" if why else None
