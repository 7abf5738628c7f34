"""What error analyses must agree on with their experiments."""

from collections.abc import Iterator

from pipeline.common.errors import nearest
from pipeline.config.analyses import ErrorAnalysis
from pipeline.config.experiments import Experiment
from pipeline.config.resolve import method_settings
from pipeline.config.rules.figures import check_listed, check_single
from pipeline.config.rules.problems import Broken, Problem, check_known, check_twice
from pipeline.config.schema import Settings


def check_errors(settings: Settings, broken: Broken) -> Iterator[Problem]:
    """Yield every rule that the config's error analyses break."""
    for name, given in settings.errors.items():
        path = ("errors", name)
        yield from check_twice((*path, "methods"), given.methods)
        yield from check_twice((*path, "languages"), given.languages)
        if given.experiment in broken["experiments"]:
            continue
        yield from check_known((*path, "experiment"), "experiment", given.experiment, list(settings.experiments))
        experiment = settings.experiments.get(given.experiment)
        if experiment is not None:
            yield from check_one(name, given, experiment, settings, broken)


def check_one(
    name: str, given: ErrorAnalysis, experiment: Experiment, settings: Settings, broken: Broken
) -> Iterator[Problem]:
    """Methods and languages must be the experiment's, with one run a seed in each cell."""
    path = ("errors", name)
    for i, label in enumerate(given.methods):
        yield from check_listed((*path, "methods", i), label, given.experiment, experiment, broken)
    for i, language in enumerate(given.languages):
        if language not in experiment.targets:
            said = (
                f"{language!r} is no target of experiment {given.experiment!r}{nearest(language, experiment.targets)}"
            )
            yield (*path, "languages", i), said
    rows = given.methods or experiment.methods
    for label in given.labels:
        if label not in rows:
            yield (*path, "labels", label), f"{label!r} is not among the analysis' methods{nearest(label, rows)}"
    for label in rows:
        method = method_settings(settings, label)
        if method is not None and getattr(method, "tune", None):
            yield (
                (*path, "methods"),
                f"{label!r} is tuned, so it has several runs a seed; list methods without it, or a variant with the values "
                "you mean",
            )
    keys = ("source_size", "target_size", "auxiliaries")
    yield from check_single((*path, "experiment"), given.experiment, experiment, keys)
