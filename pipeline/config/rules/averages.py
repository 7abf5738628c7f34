"""What methods that average over several runs must agree on with the method these runs are of, and with experiments."""

from collections.abc import Iterator

from pipeline.config.experiments import Experiment
from pipeline.config.methods import METHODS, PARENT
from pipeline.config.methods.contract import Method
from pipeline.config.methods.ensemble import Ensemble
from pipeline.config.methods.parts.average import Average
from pipeline.config.methods.parts.counting import Counted
from pipeline.config.methods.weight_average import WeightAverage
from pipeline.config.resolve import method_names, method_settings, trained_method
from pipeline.config.rules.problems import Broken, KeyPath, Problem, check_known
from pipeline.config.schema import Settings
from pipeline.data.schema import PROBABLE

NOT_WEIGHTS_ALONE = {
    "mgl": "its predictions come from a graph and a support set beside the weights",
}
"""Methods whose predictions are not those of their saved weights, and why."""


def check_members(name: str, method: Method, settings: Settings, broken: Broken) -> Iterator[Problem]:
    """An average is of a method that is there, trained, untuned and of weights where weights are averaged.

    Args:
        name: of the entry under `methods`.
        method: its settings.
        settings: the whole config.
        broken: names with errors of their own.
    """
    if not isinstance(method, Average) or method.of in broken["methods"]:
        return
    path, kind, of = ("methods", name, "of"), method.registered_name(), method.of
    if of is None:
        if name != kind:  # one of the method's own name may hold its defaults, and cannot be listed: `check_average`
            yield path[:-1], f"{kind} averages runs of another method: say of which, as of: joint"
        return
    member = method_settings(settings, of)
    averages = [n for n in method_names(settings) if isinstance(method_settings(settings, n), Average)]
    if member is None:
        yield from check_known(path, "method", of, [n for n in method_names(settings) if n not in averages])
    elif of == PARENT:
        yield path, f"{PARENT} is tested on no target; write of: zero_shot, which is the same model tested on each"
    elif isinstance(member, Average):
        trained = trained_method(settings, of)
        plain = member.of if trained is not None and not isinstance(trained, Average) else None
        instead = f"write of: {plain}" if plain else "name a method whose runs are trained"
        yield (
            path,
            f"{of!r} is an average itself, and averages of averages are not made; {instead}"
            + (", with average_over: both for seeds and sources at once" if plain else ""),
        )
    elif member.tune:
        yield (
            path,
            f"{of!r} is tuned, and which of its points dev data choose is known only when all have run; write a variant with the "
            f"values you mean and average that one",
        )
    elif isinstance(member, Counted):
        yield (
            path,
            f"{of!r} counts labels and trains nothing: its runs have neither weights nor probabilities to average",
        )
    elif isinstance(method, WeightAverage) and (why := NOT_WEIGHTS_ALONE.get(member.registered_name())):
        yield path, f"the weights of {of!r} are not averaged, as {why}; use method: ensemble"


def check_average(
    path: KeyPath, label: str, method: Average, experiment: Experiment, settings: Settings
) -> Iterator[Problem]:
    """In an experiment there must be several runs to average, and for an ensemble probabilities.

    Args:
        path: of the method in the experiment.
        label: the variant's name.
        method: its settings.
        experiment: the experiment.
        settings: the whole config.
    """
    if method.of is None and label in METHODS:
        yield (
            path,
            f"{label} averages runs of another method: write under methods, say, my_average: {{method: {label}, of: joint}}, and "
            "list my_average here",
        )
        return
    member = trained_method(settings, label)
    if member is None or isinstance(member, Average) or member.tune:
        return  # said of the entry itself
    dataset = settings.datasets.get(experiment.dataset)
    if isinstance(method, Ensemble) and dataset is not None and dataset.task not in PROBABLE:
        yield (
            path,
            f"{label} is made of stored probabilities of labels, and predictions of {dataset.task} are answers without any; use "
            "method: weight_average",
        )
    yield from check_several(path, label, method, member, experiment)


def check_several(
    path: KeyPath, label: str, method: Average, member: Method, experiment: Experiment
) -> Iterator[Problem]:
    """What is averaged over must have several values."""
    where, over = path[:-2], method.average_over
    seeds, sources = len(experiment.all_seeds) > 1, len(experiment.sources) > 1
    if method.over_sources and not member.uses_sources:
        yield path, f"{label} averages over {over}, and {method.of} uses no sources; set its average_over: seeds"
    elif method.over_sources and experiment.sources and not sources:
        instead = ", or set its average_over: seeds" if over == "both" else ""
        yield (
            (*where, "sources"),
            f"{label} averages over {over}, and there is one source set: nothing to average; list several, each an item of its "
            f"own{instead}",
        )
    if method.over_seeds and experiment.until_decided is not None:
        yield (
            (*where, "model_seeds"),
            f"{label} averages over {over}, and how many seeds there will be is not known; list them: model_seeds: [1, 2, 3], or "
            f"leave {label} to another experiment",
        )
    elif method.over_seeds and not seeds:
        instead = ", or set its average_over: sources" if over == "both" else ""
        yield (
            (*where, "model_seeds"),
            f"{label} averages over {over}, and there is one seed: nothing to average; list several{instead}",
        )
