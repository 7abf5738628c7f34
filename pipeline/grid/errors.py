"""What the stage of error analyses is told: whose predictions, and which training examples count as known, by names alone."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.config.analyses import ErrorAnalysis
from pipeline.config.experiments import Experiment
from pipeline.config.methods.contract import Method
from pipeline.config.resolve import label_of, trained_method
from pipeline.config.schema import Settings
from pipeline.grid.analyses import Run


def error_specs(settings: Settings, runs: Mapping[str, Run], datasets: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return by name what the stage is told of each error analysis of a checked config; no run's id is in it.

    Keys:
        title, experiment, task: as in the config.
        dataset, source_dataset: keys; where the targets' and the sources' splits lie.
        sources: source sets in order, `["en+es", …]`; `[""]` where there is none.
        languages: the targets.
        methods: rows in order, `{"name", "label", "seeds": [[data_seed, model_seed], …]}`, the seeds those that it is to have.
        known: see `known_examples`.
    """
    return {name: error_spec(given, settings, runs, datasets) for name, given in settings.errors.items()}


def error_spec(
    given: ErrorAnalysis, settings: Settings, runs: Mapping[str, Run], datasets: Mapping[str, str]
) -> dict[str, Any]:
    """Return the same of one."""
    experiment = settings.experiments[given.experiment]
    labels = given.methods or experiment.methods
    trained = [method for label in labels if (method := trained_method(settings, label)) is not None]
    return {
        "title": given.title,
        "experiment": given.experiment,
        "task": settings.datasets[experiment.dataset].task,
        "dataset": datasets[experiment.dataset],
        "source_dataset": datasets[experiment.source_dataset or experiment.dataset],
        "sources": ["+".join(sources) for sources in experiment.sources] or [""],
        "languages": list(given.languages or experiment.targets),
        "methods": [
            {
                "name": label,
                "label": given.labels.get(label) or label_of(settings, label),
                "seeds": seeds(given.experiment, label, runs),
            }
            for label in labels
        ],
        "known": known_examples(experiment, trained),
    }


def seeds(experiment: str, label: str, runs: Mapping[str, Run]) -> list[list[int | None]]:
    """Return the (data_seed, model_seed) pairs that a method's runs have; an average over seeds has no model seed."""
    found = {
        (run.spec["data_seed"], run.spec["model_seed"]): None
        for run in runs.values()
        if (experiment, label) in run.uses
    }
    return [list(seed) for seed in found]


def known_examples(experiment: Experiment, methods: Sequence[Method]) -> dict[str, Any]:
    """Return the training examples by which test words and classes are known: the same for all methods of an analysis.

    `{"target": {"split", "size"}, "source": likewise, "auxiliary": {"languages", "split", "size"}}`, each absent where no method
    trains on such. Where methods train on the target's train *and* others on its dev, it is train.
    """
    found: dict[str, Any] = {}
    splits = {method.target_split for method in methods}
    split = next((name for name in ("train", "dev") if name in splits), None)
    if split is not None:
        size = experiment.target_size[0] if split == "train" else experiment.dev_size
        found["target"] = {"split": split, "size": size}
    if any(method.uses_sources for method in methods):
        found["source"] = {"split": "train", "size": experiment.source_size[0]}
    with_auxiliaries = [method for method in methods if method.needs_auxiliaries]
    if with_auxiliaries and experiment.auxiliaries:
        found["auxiliary"] = {
            "languages": list(experiment.auxiliaries[0]),
            "split": getattr(with_auxiliaries[0], "split", "train"),
            "size": experiment.auxiliary_size,
        }
    return found


def known_splits(spec: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the (dataset, language, split) of all splits that an error analysis reads."""
    known, dataset = spec["known"], spec["dataset"]
    found = [(dataset, language, "test") for language in spec["languages"]]
    if "target" in known:
        found += [(dataset, language, known["target"]["split"]) for language in spec["languages"]]
    if "source" in known:
        languages = [language for sources in spec["sources"] if sources for language in sources.split("+")]
        found += [(spec["source_dataset"], language, known["source"]["split"]) for language in languages]
    if "auxiliary" in known:
        found += [(dataset, language, known["auxiliary"]["split"]) for language in known["auxiliary"]["languages"]]
    return list(dict.fromkeys(found))
