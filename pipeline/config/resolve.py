"""What names in the config mean: the method, training settings, metric or encoder that is in effect."""

from typing import Any

from pipeline.config.encoders import Encoder, Made, TargetText, made_from
from pipeline.config.experiments import Experiment
from pipeline.config.methods import METHODS, PARENT
from pipeline.config.methods.contract import Method
from pipeline.config.methods.few_shot import FewShot
from pipeline.config.methods.parts.average import Average
from pipeline.config.methods.parts.maml import Episodic
from pipeline.config.schema import Settings
from pipeline.config.training import ONLY_WHERE_SET, Training
from pipeline.data.schema import CLASSES
from pipeline.methods.parts.fine_tuning import FINE_TUNE_KEYS
from pipeline.tasks.metric_names import MAIN


def lineage(settings: Settings, name: str) -> list[str]:
    """Return the names of an encoder, of the one that it is made from, and so on; of a circle each once, of unknown ones none."""
    names: list[str] = []
    while name in settings.encoders and name not in names:
        names.append(name)
        given = settings.encoders[name]
        name = made_from(given) if isinstance(given, Made) else ""
    return names


def origin(settings: Settings, name: str) -> Encoder | None:
    """Return the settings of the encoder that an encoder is at last made from, itself where that is no other; `None`: unknown."""
    names = lineage(settings, name)
    found = settings.encoders[names[-1]] if names else None
    return None if isinstance(found, Made) else found


def target_text(name: str, settings: Settings) -> TargetText | None:
    """Return what an encoder that is made for each target takes of its target itself, `None` for other encoders or none."""
    given = settings.encoders.get(name)
    texts = given.text if isinstance(given, Made) else []
    return next((text for text in texts if text.languages == "target"), None)


def target_texts(name: str, settings: Settings) -> dict[str, TargetText]:
    """Return the same of an encoder and of all that it is made from, by name; where there is any, each target has its own."""
    found = {step: target_text(step, settings) for step in lineage(settings, name)}
    return {step: text for step, text in found.items() if text is not None}


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


def label_of(settings: Settings, name: str) -> str:
    """Return how tables write a variant or method: by its `label`, a method's usual name, or the name with blanks."""
    method = method_settings(settings, name)
    usual = method.words if method is not None and name == method.registered_name() else ""
    return (method and method.label) or usual or name.replace("_", " ")


def trained_method(settings: Settings, name: str) -> Method | None:
    """Return the method whose runs are trained for a name: its own, or of an average that of its members; `None` for neither."""
    method = method_settings(settings, name)
    return method_settings(settings, method.of or "") if isinstance(method, Average) else method


def resolve_training(settings: Settings, experiment: Experiment, method: Method) -> Training:
    """Return the training settings of a method in an experiment.

    What says the same in two ways, or nothing, is `None`: equal trainings are one run. A method that starts from the source
    model has that model's head.
    """
    training = layered_training(settings, experiment, method)
    dataset, idle = settings.datasets.get(experiment.dataset), []
    if training.select == "last":  # there is no dev score to wait for or to be best by
        idle += ["patience", "select_metric"]
    if dataset is not None and training.select_metric == MAIN[dataset.task]:
        idle.append("select_metric")
    if training.test_max_length == training.max_length:
        idle.append("test_max_length")
    same: dict[str, Any] = dict.fromkeys(idle)
    if method.has_parent:
        same["head"] = layered_training(settings, experiment, method_called(settings, PARENT)).head
    return training.model_copy(update=same)


def layered_training(settings: Settings, experiment: Experiment, method: Method) -> Training:
    """Return the same as the config has it, what has no effect included.

    Each goes before the one before, `lora` key by key: `training`, the experiment's, the method's built-in ones, the method
    entry's own.
    """
    values: dict[str, Any] = settings.training.model_dump()
    for layer in (
        experiment.training.model_dump(exclude_unset=True),
        method.built_in_training(),
        method.training.model_dump(exclude_unset=True),
    ):
        both = values["lora"] and layer.get("lora")
        values.update(layer, **({"lora": values["lora"] | both} if both else {}))
    return Training.model_validate(values)


def has_curve(settings: Settings, experiment: Experiment, name: str, show: str) -> bool:
    """Whether a method's runs log what a learning curve shows after each epoch: a `loss`, or the `dev` score that chooses one."""
    method = method_settings(settings, name)
    if method is None or isinstance(method, Average) or "learning_rate" not in method.training_keys:
        return False
    if show == "loss":
        return True
    return "select" in method.training_keys and resolve_training(settings, experiment, method).select == "best"


ONLY_OF = {"head": CLASSES, "longest_answer": ("qa",), "class_weights": (*CLASSES, "ner")}
"""By training setting: the tasks that it has an effect on, where these are not all."""


def used_training(settings: Settings, experiment: Experiment, method: Method) -> dict[str, Any]:
    """Return the training settings that change a result of a method in an experiment: what a run's spec has of them."""
    task = settings.datasets[experiment.dataset].task
    idle = {key for key, tasks in ONLY_OF.items() if task not in tasks}
    training = resolve_training(settings, experiment, method).model_dump()
    silent = {key for key in ONLY_WHERE_SET if training[key] == Training.model_fields[key].default}
    return {key: value for key, value in training.items() if key in method.training_keys - idle - silent}


def resolve_fine_tuning(settings: Settings, experiment: Experiment, method: Method) -> dict[str, Any] | None:
    """Return the settings by which a method of an experiment is fine-tuned on the target at last, `None` where none is.

    They are those by which `few_shot` would train there, as the config has it, so that rows of one table differ in what went
    before; then come those of the method's own `fine_tune`.
    """
    if not isinstance(method, Episodic) or method.setting != "few_shot" or method.fine_tune is None:
        return None
    plain = method_settings(settings, "few_shot")
    training = resolve_training(settings, experiment, plain if isinstance(plain, FewShot) else FewShot())
    values = training.model_dump() | method.fine_tune.model_dump(exclude_unset=True)
    return {key: values[key] for key in FINE_TUNE_KEYS}


def method_names(settings: Settings) -> list[str]:
    """Return the names an experiment may list."""
    return sorted({*METHODS, *settings.methods} - {PARENT})


def metric_of(metric: str | None, experiment: Experiment, settings: Settings) -> str:
    """Return a table's or an analysis' metric: its own, or the main one of its experiments' task."""
    return metric or MAIN[settings.datasets[experiment.dataset].task]
