"""What the choice of a head, `training.head`, must agree on with tasks, encoders and parents."""

from collections.abc import Iterator

from pipeline.config.encoders import Pretrain
from pipeline.config.experiments import Experiment
from pipeline.config.methods import PARENT
from pipeline.config.methods.contract import Method
from pipeline.config.points import points
from pipeline.config.reading import dotted
from pipeline.config.resolve import layered_training, method_settings, origin
from pipeline.config.rules.problems import KeyPath, Problem
from pipeline.config.rules.training import set_where, trained
from pipeline.config.schema import Settings
from pipeline.config.tuning import TRAINING
from pipeline.data.schema import CLASSES

HEAD = "head"
TUNED = f"{TRAINING}{HEAD}"


def check_own_head(path: KeyPath, method: Method) -> Iterator[Problem]:
    """A method that starts from the source model's weights has its head and none of its own."""
    if not method.has_parent:
        return
    places = {("training", HEAD): HEAD in method.training.model_fields_set, ("tune", TUNED): TUNED in method.tune}
    for place in (place for place, given in places.items() if given):
        yield (
            (*path, *place),
            f"{method.registered_name()} starts from {PARENT}'s weights and has its head; set training.{HEAD}, the experiment's, "
            f"or that of methods.{PARENT}",
        )


def check_head(path: KeyPath, experiment: Experiment, settings: Settings) -> Iterator[Problem]:
    """A task with one kind of head has no choice; an encoder pretrained here has no pooler."""
    dataset = settings.datasets.get(experiment.dataset)
    if dataset is None:
        return
    if dataset.task in CLASSES:
        yield from _check_pooler(path, experiment, settings)
        return
    why = f"{dataset.task} has one kind of head, so this changes nothing; it is for {', '.join(CLASSES)}"
    if HEAD in experiment.training.model_fields_set:
        yield (*path, "training", HEAD), why
    for i, label in enumerate(experiment.methods):
        method = method_settings(settings, label)
        if method is not None and TUNED in method.tune:
            yield (*path, "methods", i), f"{label} is tuned by {TUNED}: {why}"


def _check_pooler(path: KeyPath, experiment: Experiment, settings: Settings) -> Iterator[Problem]:
    """Masked language modelling, all that encoders here are pretrained by, trains no pooler: say so of each key that sets one."""
    if not isinstance(origin(settings, experiment.encoder), Pretrain):
        return
    said: set[KeyPath] = set()
    for label, method in trained(experiment, settings):
        if method.has_parent or HEAD not in method.training_keys:
            continue  # a child has the parent's, which stands in the list too
        where = set_where(str(path[-1]), label, method, HEAD, settings)
        heads = [layered_training(settings, experiment, point).head for point in points(method)]
        if "pooler" in heads and where not in said:
            said.add(where)
            yield (
                where,
                f"pooler is the head of {label} in experiment {path[-1]!r}, whose encoder {experiment.encoder!r} is pretrained "
                f"here, on masked words alone, and has none; {_instead(where, path)}",
            )


def _instead(where: KeyPath, path: KeyPath) -> str:
    """Advise on a key that asks for a pooler, by where it stands."""
    if where[2:3] == ("tune",):
        return "take pooler out of the grid"
    return "set fresh or linear" + (f", here or as {dotted((*path, *where))}" if where[0] == "training" else "")
