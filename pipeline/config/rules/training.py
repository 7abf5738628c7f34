"""What training settings must agree on with the task that they are for, and with the grids that vary them."""

from collections.abc import Iterator

from pipeline.common.errors import nearest
from pipeline.config.datasets.facts import label_set
from pipeline.config.encoders import Pretrain
from pipeline.config.experiments import Experiment
from pipeline.config.methods import PARENT
from pipeline.config.methods.contract import Method
from pipeline.config.methods.parts.average import Average
from pipeline.config.points import points
from pipeline.config.resolve import layered_training, method_settings, origin
from pipeline.config.rules.problems import KeyPath, Problem
from pipeline.config.schema import Settings
from pipeline.config.training import ALL_LINEAR
from pipeline.config.tuning import TRAINING
from pipeline.data.schema import CLASSES
from pipeline.tasks.metric_names import metric_names

CHECKPOINTING = "activation_checkpointing"


def check_training(settings: Settings) -> Iterator[Problem]:
    """Yield every rule that a method's training settings break in an experiment, one mistake once."""
    found: dict[Problem, None] = {}
    for name, experiment in settings.experiments.items():
        for label, method in trained(experiment, settings):
            found |= dict.fromkeys(check_select_metric(name, label, method, settings))
            found |= dict.fromkeys(check_test_length(name, label, method, settings))
            found |= dict.fromkeys(check_adapters(name, label, method, settings))
            found |= dict.fromkeys(check_class_weights(name, label, method, settings))
            found |= dict.fromkeys(check_memory(name, label, method, settings))
    yield from found


def trained(experiment: Experiment, settings: Settings) -> Iterator[tuple[str, Method]]:
    """Yield an experiment's methods by name, those that averages are of, and the parent that any of them starts from."""
    listed = [(label, method_settings(settings, label)) for label in experiment.methods]
    averaged = [method.of for _, method in listed if isinstance(method, Average) and method.of is not None]
    found = listed + [(of, method_settings(settings, of)) for of in averaged if of not in experiment.methods]
    found = [(label, method) for label, method in found if not isinstance(method, Average)]
    if any(method is not None and method.has_parent for _, method in found):
        found.append((PARENT, method_settings(settings, PARENT)))
    yield from ((label, method) for label, method in found if method is not None)


def set_where(name: str, label: str, method: Method, key: str, settings: Settings) -> KeyPath:
    """Return the path of the key that gives a method its training setting in an experiment.

    It is the grid's where the setting is tuned, as a key of `lora` may be, and the entry's where it is built into the method,
    above all other layers.
    """
    for tuned in method.tune:
        if tuned == f"{TRAINING}{key}" or tuned.startswith(f"{TRAINING}{key}."):
            return ("methods", label, "tune", tuned)
    if key in method.training.model_fields_set or key in method.built_in_training():
        return ("methods", label, "training", key)
    if key in settings.experiments[name].training.model_fields_set:
        return ("experiments", name, "training", key)
    return ("training", key)


def check_select_metric(name: str, label: str, method: Method, settings: Settings) -> Iterator[Problem]:
    """The score that chooses epochs must be one of the experiment's task and labels."""
    experiment, key = settings.experiments[name], "select_metric"
    dataset = settings.datasets.get(experiment.dataset)
    metric = layered_training(settings, experiment, method).select_metric
    if dataset is None or metric is None or key not in method.training_keys:
        return
    valid = metric_names(dataset.task, label_set(dataset))
    if metric not in valid:
        where = set_where(name, label, method, key, settings)
        others = {
            metric for other in settings.datasets.values() for metric in metric_names(other.task, label_set(other))
        }
        elsewhere = ", though one of another dataset: set it in the experiments of that one"
        advice = elsewhere if metric in others else nearest(metric, valid)
        yield where, f"unknown metric {metric!r} of dataset {experiment.dataset!r} (task {dataset.task!r}){advice}"


def check_test_length(name: str, label: str, method: Method, settings: Settings) -> Iterator[Problem]:
    """No point of a grid of lengths may be cut for testing as for training: its run would be that of the grid without the key.

    Equal trainings are one run, so such a point's spec has no `test_max_length`, while those beside it have.
    """
    length = layered_training(settings, settings.experiments[name], method).test_max_length
    if length is not None and length in method.tune.get("training.max_length", []):
        yield (
            set_where(name, label, method, "test_max_length", settings),
            f"{length} is a value of {label}'s grid of training.max_length too; at {length} the point would be the same run as "
            "without test_max_length, so it would belong to two grids; set another length, or take that value out of the grid",
        )


LINEAR = ("query", "key", "value", "dense")
"""Ends of the names of an encoder's linear layers, where it is pretrained here (`bert`, `xlm-roberta`)."""


def check_adapters(name: str, label: str, method: Method, settings: Settings) -> Iterator[Problem]:
    """Adapters must fit an encoder that is pretrained here; of another, the run tells as it starts, before it reads any text."""
    experiment, key = settings.experiments[name], "lora"
    encoder = origin(settings, experiment.encoder)
    if not isinstance(encoder, Pretrain) or key not in method.training_keys:
        return
    where, of = set_where(name, label, method, key, settings), f"of encoder {experiment.encoder!r}"
    for point in points(method):
        lora = layered_training(settings, experiment, point).lora
        if lora is not None and lora.rank >= encoder.hidden_size:
            yield where, f"rank {lora.rank} is no low rank: the layers {of} are {encoder.hidden_size} wide; set less"
        for target in (lora.targets or []) if lora is not None else []:
            end = target.rpartition(".")[2]
            if target != ALL_LINEAR and end not in LINEAR:
                yield where, f"target {target!r} ends in no linear layer {of}{nearest(end, LINEAR)}"


def check_class_weights(name: str, label: str, method: Method, settings: Settings) -> Iterator[Problem]:
    """Only what has classes can weigh them."""
    experiment, key = settings.experiments[name], "class_weights"
    dataset = settings.datasets.get(experiment.dataset)
    if dataset is None or dataset.task in (*CLASSES, "ner") or key not in method.training_keys:
        return
    if any(layered_training(settings, experiment, point).class_weights is not None for point in points(method)):
        yield (
            set_where(name, label, method, key, settings),
            f"{dataset.task} has no classes to weigh, and experiment {name!r} is of dataset {experiment.dataset!r}; leave it "
            "out, or set it in the experiments of other tasks alone",
        )


def check_memory(name: str, label: str, method: Method, settings: Settings) -> Iterator[Problem]:
    """Layers are passed again only for losses at θ; what keeps the graphs of a whole batch gains nothing from its parts."""
    experiment, kind = settings.experiments[name], method.registered_name()
    for point in points(method):
        training = layered_training(settings, experiment, point)
        if training.activation_checkpointing and not method.passes_again and CHECKPOINTING in method.training_keys:
            yield (
                set_where(name, label, method, CHECKPOINTING, settings),
                f"{kind} looks at losses at other weights than the model's, at which its layers cannot be passed again; for less "
                f"memory set training.micro_batch, and {CHECKPOINTING}: no in methods.{label}.training",
            )
        if training.micro_batch is not None and getattr(point, "way", None) == "fast":
            yield (
                set_where(name, label, method, "micro_batch", settings),
                f"{label} has way: fast, which keeps the graphs of a whole batch however it is divided; set way: lean, or auto",
            )
