"""Experiments become runs: what a run is, what it depends on, and which cells of which experiment it fills.

A run is addressed by its content: its id is a hash of its spec, which holds everything that determines its result and nothing
else. Equal specs are one run, whoever asks for it; titles, tables and places of files are in no spec.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from pipeline import paths
from pipeline.analyses import Analysis, analyses
from pipeline.config_methods import PARENT, FewShot, Method
from pipeline.config_rules import method_called, resolve_training
from pipeline.config_schema import Experiment, Settings
from pipeline.config_tables import table_spec
from pipeline.config_tuning import points
from pipeline.files import digest
from pipeline.inputs import Dataset, Encoder, Encoders, dataset_keys, needed_datasets, target_text

_LONGEST_NAME = 160
"""Characters; a run's name is a folder's, and file systems allow 255 bytes."""


@dataclass(frozen=True)
class Run:
    """One method × languages × sizes × seeds: the unit of training, of caching, of a cluster job.

    Attributes:
        name: the folder's name, `<task>-<dataset>-<sources>-<targets>-<method>-s<model_seed>-<id>`.
        id: 12 hexadecimal digits of the spec's hash.
        spec: everything that determines the result.
        parent: the name of the run whose weights this one starts from.
        uses: (experiment, method or variant) pairs the run belongs to; empty for a parent, which nobody lists.
    """

    name: str
    id: str
    spec: dict[str, Any]
    parent: str | None
    uses: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Grid:
    """All a config asks for.

    Attributes:
        runs: by name, parents before their children, else in the config's order.
        datasets: by key.
        encoders: by key; only those an experiment uses.
        tables: by name: all a table needs to know, see `config_tables.table_spec`.
        parents: names of the runs that children start from.
        kept: names of the runs whose weights the config wants kept, children or not, or an analysis looks at.
        analyses: by name: the runs and models an analysis compares.
    """

    runs: dict[str, Run]
    datasets: dict[str, Dataset]
    encoders: dict[str, Encoder]
    tables: dict[str, dict[str, Any]]
    parents: frozenset[str]
    kept: frozenset[str] = frozenset()
    analyses: dict[str, Analysis] = field(default_factory=dict)


def expand(settings: Settings) -> Grid:
    """Expand a checked config into its runs, datasets, encoders and tables, in an order that depends on the config alone."""
    datasets = dataset_keys(settings)
    encoders = Encoders(settings, datasets)
    specs: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {}
    for name, experiment in settings.experiments.items():
        for label in experiment.methods:
            for spec, parent in run_specs(settings, experiment, label, datasets, encoders):
                if parent is not None:
                    specs.setdefault(spec["parent"], (parent, []))
                run = run_name(spec)
                uses = specs.setdefault(run, (spec, []))[1]
                if (name, label) not in uses:
                    uses.append((name, label))
    runs = {
        name: Run(name, name.rpartition("-")[2], spec, spec["parent"], tuple(uses))
        for name, (spec, uses) in specs.items()
    }
    analysed = analyses(settings, runs)
    return Grid(
        runs=runs,
        datasets={d.key: d for d in needed_datasets(settings, datasets)},
        encoders=encoders.all(),
        tables={name: table_spec(table, settings) for name, table in settings.tables.items()},
        parents=frozenset(run.parent for run in runs.values() if run.parent is not None),
        kept=frozenset(
            name for name, run in runs.items() if any(settings.experiments[e].keep_model for e, _ in run.uses)
        ).union(*(analysis.runs for analysis in analysed.values())),
        analyses=analysed,
    )


# ------------------------------------------------------------------------------------------------------------------ runs


def run_specs(
    settings: Settings,
    experiment: Experiment,
    label: str,
    datasets: Mapping[str, str],
    encoders: Encoders,
) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Yield the spec of each run of one method of an experiment, at every point of its grid, with its parent's spec if any.

    What a method does not use is `null` or empty in its spec, so that one run serves all values of it: the sources of
    `target_only`, the target size of `zero_shot`, the dev size where the last epoch is taken.
    """
    for method in points(method_called(settings, label)):
        yield from _point_specs(settings, experiment, method, datasets, encoders)


def _point_specs(
    settings: Settings,
    experiment: Experiment,
    method: Method,
    datasets: Mapping[str, str],
    encoders: Encoders,
) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Yield the same for one point of a method's grid."""
    own = _shape(settings, experiment, method, datasets)
    parents = _shape(settings, experiment, method_called(settings, PARENT), datasets)
    if parents["source_dataset"] is not None:  # no target's dataset is part of what trains on the sources alone
        parents |= {"dataset": parents["source_dataset"], "source_dataset": None}
    known: dict[tuple[Any, ...], tuple[dict[str, Any], str]] = {}
    source_sets = experiment.sources if method.needs_sources else [[]]
    source_sizes = experiment.source_size if method.needs_sources else [None]
    sized, text = uses_target_train(method), target_text(experiment.encoder, settings)
    encoder_sized = text is not None and text.size == "target_size"
    target_sizes = experiment.target_size if sized or encoder_sized else [None]
    for sources, target, source_size, size, data_seed, model_seed in product(
        source_sets, experiment.targets, source_sizes, target_sizes, experiment.data_seeds, experiment.model_seeds
    ):
        encoder = encoders.of(experiment.encoder, target, size, data_seed).key
        place: dict[str, Any] = {"encoder": encoder, "sources": sources, "source_size": source_size}
        place |= {"data_seed": data_seed, "model_seed": model_seed}
        parent, parent_name = None, None
        if method.has_parent:
            key = (*sources, source_size, data_seed, model_seed, encoder)
            if key not in known:
                spec = {**parents, **place, "targets": [], "target_size": None, "parent": None, "evaluate": []}
                known[key] = spec, run_name(spec)
            parent, parent_name = known[key]
        yield (
            {
                **own,
                **place,
                "targets": [target],
                "target_size": size if sized else None,
                "parent": parent_name,
                "evaluate": [target],
            },
            parent,
        )


def _shape(settings: Settings, experiment: Experiment, method: Method, datasets: Mapping[str, str]) -> dict[str, Any]:
    """The part of a spec that all runs of a method in an experiment have in common."""
    training = resolve_training(settings, experiment, method).model_dump()
    return {
        "task": settings.datasets[experiment.dataset].task,
        "dataset": datasets[experiment.dataset],
        "source_dataset": source_dataset(experiment, method, datasets),
        "method": {"name": method.registered_name(), **method.hyper_parameters()},
        "training": {key: value for key, value in training.items() if key in method.training_keys},
        "dev_size": experiment.dev_size if uses_dev(method, training["select"]) else None,
    }


def source_dataset(experiment: Experiment, method: Method, datasets: Mapping[str, str]) -> str | None:
    """Return the key of the dataset that source languages are read from, `None` where it is the targets' or no source is used."""
    name = experiment.source_dataset
    if name is None or name == experiment.dataset or not method.needs_sources:
        return None
    return datasets[name]


def uses_target_train(method: Method) -> bool:
    """Whether the target's training split is used."""
    trains = "epochs" in method.training_keys
    return trains and not (isinstance(method, FewShot) and method.split == "dev")


def uses_dev(method: Method, select: str) -> bool:
    """Whether a dev split is used, to choose the epoch or to train on."""
    if isinstance(method, FewShot) and method.split == "dev":
        return True
    return select == "best" and "select" in method.training_keys


def run_name(spec: Mapping[str, Any]) -> str:
    """Return a run's name: readable parts, then the id; many languages are counted instead of listed."""
    dataset = spec["dataset"].rpartition("-")[0]
    sources, targets = "+".join(spec["sources"]), "+".join(spec["targets"])
    if len(sources) + len(targets) + len(dataset) > _LONGEST_NAME:
        sources = f"{len(spec['sources'])}_sources"
    parts = (spec["task"], dataset, sources, targets, spec["method"]["name"], f"s{spec['model_seed']}", digest(spec))
    return "-".join(part for part in parts if part)


def run_inputs(run: Run) -> list[str]:
    """Return the files a training job reads: the splits it uses, the encoder's manifest, the parent's weights."""
    spec = run.spec
    split = spec["method"].get("split", "train")
    select_on = [] if spec["training"].get("select", "last") == "last" else spec["targets"] or spec["sources"]
    wanted: list[tuple[str, str]] = []
    if run.parent is None:
        wanted += [(language, "train") for language in spec["sources"]]
    if spec["method"]["name"] != "zero_shot":
        wanted += [(language, split) for language in spec["targets"]]
    wanted += [(language, "dev") for language in select_on]
    wanted += [(language, "test") for language in spec["evaluate"]]
    files = [paths.run_split(spec, language, name) for language, name in dict.fromkeys(wanted)]
    files.append(paths.encoder_manifest(spec["encoder"]))
    if run.parent is not None:
        files.append(paths.run_model(run.parent))
    return [str(path) for path in files]
