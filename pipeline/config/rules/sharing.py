"""What methods that train on source and target together must agree on with their experiments: `mgl`, `multi_task` and others.

Checked before any job starts; what only fetched data tell (a class missing from a language) is checked by the run, before its
first step.
"""

from collections.abc import Iterator

from pipeline.config.experiments import Experiment
from pipeline.config.methods.contract import Method
from pipeline.config.methods.language_adversarial import LanguageAdversarial
from pipeline.config.methods.mgl import Mgl
from pipeline.config.methods.multi_task import MultiTask
from pipeline.config.rules.problems import KeyPath, Problem
from pipeline.config.schema import Settings
from pipeline.data.schema import CLASSES


def check_sharing(
    path: KeyPath, label: str, method: Method, experiment: Experiment, settings: Settings
) -> Iterator[Problem]:
    """A method that tells languages apart needs different ones; a graph needs classes and languages enough.

    Args:
        path: of the method in the experiment.
        label: the variant's or method's name.
        method: its settings, or one point of its grid.
        experiment: the experiment.
        settings: the whole config.
    """
    if not isinstance(method, Mgl | MultiTask | LanguageAdversarial):
        return
    for sources in experiment.sources:
        for target in experiment.targets:
            if target in sources:
                yield path, f"{label} tells the languages apart, and {target!r} is source and target"
    if isinstance(method, Mgl):
        yield from check_graph(path, label, method, experiment, settings)


def check_graph(
    path: KeyPath, label: str, method: Mgl, experiment: Experiment, settings: Settings
) -> Iterator[Problem]:
    """A graph is of whole examples, with a source to leave out in meta-train."""
    dataset = settings.datasets.get(experiment.dataset)
    if dataset is not None and dataset.task not in CLASSES:
        yield (
            path,
            f"{label} gives each example one class, and dataset {experiment.dataset!r} is of task {dataset.task}; "
            f"it is for {', '.join(CLASSES)}",
        )
        return
    for sources in experiment.sources:
        if method.meta_train and method.l2clt and len(sources) < 2:
            yield (
                path,
                f"{label} leaves one source out in meta-train, and the source set {sources} has only one; put several languages "
                "into one source set, as sources: [[en, de]], or set meta_train: no",
            )
