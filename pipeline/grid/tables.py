"""What the table stage is told of a table: its expected cells and its selection protocol, by names alone."""

from typing import Any

from pipeline.config.experiments import Experiment
from pipeline.config.methods import PARENT
from pipeline.config.methods.checkpoint_average import CheckpointAverage
from pipeline.config.methods.contract import Method
from pipeline.config.methods.parts.average import Average
from pipeline.config.points import described_points
from pipeline.config.resolve import label_of, method_called, metric_of, resolve_training, trained_method
from pipeline.config.schema import Settings
from pipeline.config.tables import Table


def table_spec(table: Table, settings: Settings) -> dict[str, Any]:
    """Return all a table needs to know, by names alone: no run's id is in it.

    Keys:
        title, metric, baseline, columns, average, style: as in the config.
        methods: rows in order, `{"name": variant, "method": registered name, "label": text}`; of a variant with a grid
            also `"tune": {"by": "target", "mean" or "model", "points": […]}`, see `config.points.described_points`; of an average
            `"average": {"over": "seeds", "sources" or "both", "of": text}`.
        experiments: the expected cells, `{"name", "task", "dataset", "encoder", "sources": ["en+es", …],
            "auxiliaries": likewise, "targets", "source_sizes", "target_sizes", "data_seeds", "model_seeds", "methods"}`; a size
            of `null` is all. Where seeds are added, `model_seeds` are those that every cell has, and `until_decided` is the rule.
        selection: how the epoch was chosen, per experiment and variant, see `selection`.
        statistics: as in the config, where it is not `brief`.
    """
    chosen = {name: settings.experiments[name] for name in table.experiments}
    present = list(dict.fromkeys(label for experiment in chosen.values() for label in experiment.methods))
    labels = table.methods or present
    return {
        "title": table.title,
        "metric": metric_of(table.metric, next(iter(chosen.values())), settings),
        "baseline": table.baseline,
        "columns": table.columns,
        "average": table.average,
        "style": table.style,
        "methods": [_row(label, table, settings) for label in labels],
        "experiments": [_cells(name, settings) for name in chosen],
        "selection": [
            selection(name, label, settings) for name in chosen for label in labels if label in chosen[name].methods
        ],
        **({"statistics": table.statistics} if table.statistics != "brief" else {}),
    }


def _row(label: str, table: Table, settings: Settings) -> dict[str, Any]:
    method = method_called(settings, label)
    row = {"name": label, "method": method.registered_name(), "label": text_of(label, table, settings)}
    if isinstance(method, Average):
        of = method.of or ""
        return {**row, "average": {"over": method.average_over, "of": text_of(of, table, settings)}}
    by = "model" if method.on_all else method.tune_by
    tune = {"tune": {"by": by, "points": described_points(method)}}
    return {**row, **tune} if method.tune else row


def text_of(variant: str, table: Table, settings: Settings) -> str:
    """Return the text of a variant's row."""
    return table.labels.get(variant) or label_of(settings, variant)


def _cells(name: str, settings: Settings) -> dict[str, Any]:
    experiment = settings.experiments[name]
    rule = experiment.until_decided
    return {
        "name": name,
        "task": settings.datasets[experiment.dataset].task,
        "dataset": experiment.dataset,
        "encoder": experiment.encoder,
        "sources": ["+".join(sources) for sources in experiment.sources],
        "auxiliaries": ["+".join(auxiliary) for auxiliary in experiment.auxiliaries],
        "targets": experiment.targets,
        "source_sizes": experiment.source_size,
        "target_sizes": experiment.target_size,
        "data_seeds": experiment.data_seeds,
        "model_seeds": experiment.first_seeds,
        "methods": experiment.methods,
        **({} if rule is None else {"until_decided": rule.model_dump(exclude={"until"})}),
    }


def selection(experiment_name: str, label: str, settings: Settings) -> dict[str, Any]:
    """Return how a method's epoch was chosen in an experiment, for the caption.

    Keys:
        experiment, method (the variant), select: `best`, `last`, `averaged` (the mean over all epochs) or `parent` (nothing is
            trained; the parent's choice holds).
        dev: whose dev data chose the epoch, `target` or `source`; `null` where none did.
        dev_size: at most so many sentences per language; `null` is all.
        metric: the score that was best; `null` is the first of the task's.
        dev_from: `dev`, the dataset's own dev set, or `train`, cut from the training split.
        test: the split the scores are of, `test` or `dev`.
        parent: the same facts (select, dev, dev_size, metric) of the parent run, or `null`.
        members: of an average alone, the same facts of the runs it is of.
    """
    experiment, method = settings.experiments[experiment_name], method_called(settings, label)
    dataset = settings.datasets[experiment.dataset]
    facts = _choice(settings, experiment, method)
    member = trained_method(settings, label)
    child = (member or method).has_parent
    parent = _choice(settings, experiment, method_called(settings, PARENT)) if child else None
    return {
        "experiment": experiment_name,
        "method": label,
        **facts,
        "dev_from": "train" if getattr(dataset, "dev", None) is not None else "dev",
        "test": getattr(dataset, "test", "test"),
        "parent": parent,
        **({"members": _choice(settings, experiment, member)} if isinstance(method, Average) and member else {}),
    }


def _choice(settings: Settings, experiment: Experiment, method: Method) -> dict[str, Any]:
    if "select" not in method.training_keys:
        trains = "learning_rate" in method.training_keys
        how = "averaged" if isinstance(method, CheckpointAverage) else "last" if trains else "parent"
        return {"select": how, "dev": None, "dev_size": None, "metric": None}
    training = resolve_training(settings, experiment, method)
    best = training.select == "best"
    return {
        "select": training.select,
        "dev": method.chosen_on if best else None,
        "dev_size": experiment.dev_size if best else None,
        "metric": training.select_metric,
    }
