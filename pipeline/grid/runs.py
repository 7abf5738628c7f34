"""Experiments become runs: what a run is, what it depends on, and which cells of which experiment it fills.

A run is addressed by its content: its id is a hash of its spec, which holds everything that determines its result and nothing
else. Equal specs are one run, whoever asks for it; titles, tables and places of files are in no spec.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from typing import Any

from pipeline.common import paths
from pipeline.common.files import canonical_json, digest
from pipeline.config.experiments import Experiment
from pipeline.config.methods import METHODS, PARENT
from pipeline.config.methods.contract import Method
from pipeline.config.methods.ensemble import Ensemble
from pipeline.config.methods.layer_rates import RATES_KEYS
from pipeline.config.methods.meta_optimizer import MetaOptimizer
from pipeline.config.methods.parts.average import TESTED, Average
from pipeline.config.points import points
from pipeline.config.resolve import method_called, resolve_fine_tuning, resolve_training, target_texts, used_training
from pipeline.config.schema import Settings
from pipeline.grid.analyses import Analysis, analyses
from pipeline.grid.decisions import Wanted, decide_spec, decided_tables, with_seeds
from pipeline.grid.errors import error_specs
from pipeline.grid.figures import figure_specs, represented
from pipeline.grid.inputs import Dataset, Encoder, Encoders, dataset_keys, needed_datasets
from pipeline.grid.tables import table_spec
from pipeline.methods.parts.sides import Episode, episodes, origins

ENSEMBLE = str(Ensemble.model_fields["method"].default)
"""The method whose runs read predictions of others, no weights, and have none to keep."""

NONE_DECIDED: Wanted = {}

_LONGEST_NAME = 160
"""Characters; a run's name is a folder's, and file systems allow 255 bytes."""


@dataclass(frozen=True)
class Run:
    """One method × languages × sizes × seeds: the unit of training, of caching, of a cluster job.

    Attributes:
        name: the folder's name, `<task>-<dataset>-<sources>[-via_<auxiliaries>]-<targets>-<method>-s<model_seed>-<id>`; no
            targets where one model is tested on all.
        id: 12 hexadecimal digits of the spec's hash.
        spec: everything that determines the result.
        parent: the name of the run whose weights this one starts from.
        rates: the name of the run that learned the update rates this one uses.
        uses: (experiment, method or variant) pairs the run belongs to; empty for a parent, which nobody lists.
        members: the names of the runs that this one is an average of.
    """

    name: str
    id: str
    spec: dict[str, Any]
    parent: str | None
    uses: tuple[tuple[str, str], ...]
    rates: str | None = None
    members: tuple[str, ...] = ()

    @property
    def parents(self) -> tuple[str, ...]:
        """The names of the runs whose kept weights this one reads."""
        members = () if self.spec["method"]["name"] == ENSEMBLE else self.members
        return (*(name for name in (self.parent, self.rates) if name is not None), *members)


@dataclass(frozen=True)
class Grid:
    """All a config asks for.

    Attributes:
        runs: by name, parents before their children, else in the config's order.
        datasets: by key.
        encoders: by key; only those an experiment uses.
        tables: by name: all a table needs to know, see `grid.tables.table_spec`.
        parents: names of the runs that children start from.
        kept: names of the runs whose weights the config wants kept, children or not, or an analysis looks at.
        analyses: by name: the runs and models an analysis compares.
        figures: by name: all a figure of the config's `figures` needs to know.
        errors: by name: all an error analysis needs to know.
        accepted: hashes of earlier code whose results are taken as they are.
        decisions: by table that decides how many seeds cells have: all that the stage needs to know which decides.
    """

    runs: dict[str, Run]
    datasets: dict[str, Dataset]
    encoders: dict[str, Encoder]
    tables: dict[str, dict[str, Any]]
    parents: frozenset[str]
    kept: frozenset[str] = frozenset()
    analyses: dict[str, Analysis] = field(default_factory=dict)
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    accepted: tuple[str, ...] = ()
    errors: dict[str, dict[str, Any]] = field(default_factory=dict)
    decisions: dict[str, dict[str, Any]] = field(default_factory=dict)


def expand(settings: Settings, wanted: Wanted | None = NONE_DECIDED) -> Grid:
    """Expand a checked config into its runs, datasets, encoders and tables, in an order that depends on the config alone.

    Args:
        settings: the config.
        wanted: where seeds are added until comparisons are decided, how many the cells are to have (`decisions.read_decisions`);
            `None`: as many as they may ever have. Without it they have those they begin with.
    """
    datasets = dataset_keys(settings)
    encoders = Encoders(settings, datasets)
    specs: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {}
    for name, experiment in settings.experiments.items():
        for label in experiment.methods:
            possible = run_specs(settings, experiment, label, datasets, encoders)
            for spec, parents in with_seeds(experiment, possible, wanted, run_name):
                for parent in parents:
                    specs.setdefault(run_name(parent), (parent, []))
                run = run_name(spec)
                uses = specs.setdefault(run, (spec, []))[1]
                if (name, label) not in uses:
                    uses.append((name, label))
    runs = {
        name: Run(
            *(name, name.rpartition("-")[2], spec, spec["parent"], tuple(uses), spec["rates"]),
            members=tuple(spec.get("members", ())),
        )
        for name, (spec, uses) in specs.items()
    }
    analysed, drawn = analyses(settings, runs), figure_specs(settings, runs)
    return Grid(
        runs=runs,
        datasets={d.key: d for d in needed_datasets(settings, datasets)},
        encoders=encoders.all(),
        tables={name: table_spec(table, settings) for name, table in settings.tables.items()},
        parents=frozenset(parent for run in runs.values() for parent in run.parents),
        kept=frozenset(
            name
            for name, run in runs.items()
            if run.spec["method"]["name"] != ENSEMBLE and any(settings.experiments[e].keep_model for e, _ in run.uses)
        ).union(*(analysis.runs for analysis in analysed.values()), (run for run, _ in represented(drawn))),
        analyses=analysed,
        figures=drawn,
        accepted=tuple(sorted(set(settings.results.accept_code))),
        errors=error_specs(settings, runs, datasets),
        decisions={name: decide_spec(name, settings) for name in decided_tables(settings)},
    )


# ------------------------------------------------------------------------------------------------------------------ runs


def run_specs(
    settings: Settings,
    experiment: Experiment,
    label: str,
    datasets: Mapping[str, str],
    encoders: Encoders,
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield the spec of each run of one method of an experiment, at every point of its grid, with its parents' specs.

    What a method does not use is `null` or empty in its spec, so that one run serves all values of it: the sources of
    `target_only`, the target size of `zero_shot`, the dev size where the last epoch is taken.
    """
    method = method_called(settings, label)
    if isinstance(method, Average):
        members = list(run_specs(settings, experiment, method.of or "", datasets, encoders))
        yield from average_specs(method, members)
        return
    for point in points(method):
        yield from _point_specs(settings, experiment, point, datasets, encoders)


def _point_specs(
    settings: Settings,
    experiment: Experiment,
    method: Method,
    datasets: Mapping[str, str],
    encoders: Encoders,
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield the same for one point of a method's grid."""
    own = _shape(settings, experiment, method, datasets)
    parents = _shape(settings, experiment, method_called(settings, PARENT), datasets)
    if parents["source_dataset"] is not None:  # no target's dataset is part of what trains on the sources alone
        parents |= {"dataset": parents["source_dataset"], "source_dataset": None}
    source_sets = experiment.sources if method.uses_sources else [[]]
    source_sizes = experiment.source_size if method.uses_sources else [None]
    auxiliary_sets = experiment.auxiliaries if method.needs_auxiliaries else [[]]
    sized, texts = method.sized, target_texts(experiment.encoder, settings).values()
    encoder_sized = any(text.size == "target_size" for text in texts)
    target_sizes = experiment.target_size if sized or encoder_sized else [None]
    targets = [None] if method.on_all else experiment.targets
    for sources, auxiliary, target, source_size, size, data_seed, model_seed in product(
        *(source_sets, auxiliary_sets, targets, source_sizes, target_sizes),
        *(experiment.data_seeds, experiment.all_seeds),
    ):
        evaluate = evaluated(experiment, auxiliary, target)
        if not evaluate:
            continue
        encoder = encoders.of(experiment.encoder, target or "", size, data_seed).key
        place: dict[str, Any] = {"encoder": encoder, "sources": sources, "source_size": source_size}
        place |= {"data_seed": data_seed, "model_seed": model_seed, **_NOTHING}
        own_place = {
            "auxiliary": auxiliary,
            "auxiliary_size": experiment.auxiliary_size if auxiliary else None,
            "targets": [] if target is None else [target],
            "target_size": size if sized else None,
            "evaluate": evaluate,
        }
        spec, found = felt({**own, **place, **own_place}), []
        if method.has_parent:
            found.append({**parents, **place})
            spec["parent"] = run_name(found[0])
        if isinstance(method, MetaOptimizer) and (learned := rates_spec(method, spec)):
            found.append(learned)
            spec["rates"] = run_name(learned)
        yield spec, found


def average_specs(
    method: Average, members: Sequence[tuple[dict[str, Any], list[dict[str, Any]]]]
) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Yield the spec of each average, with all its members' specs and before them their parents'.

    It stands for all seeds or source sets that it is over, so it has no `model_seed`, or no `sources`, of its own; what they were
    is in its members' names, which are sorted: the same members are one average. It is tested as they were.

    Args:
        method: the average.
        members: every run of the method it is of, with its parents, in the grid's order.
    """
    told_by = [
        *("auxiliary", "targets", "source_size", "target_size", "data_seed"),
        *(() if method.over_seeds else ("model_seed",)),
        *(() if method.over_sources else ("sources",)),
    ]
    groups: dict[str, list[tuple[dict[str, Any], list[dict[str, Any]]]]] = {}
    for member in members:
        groups.setdefault(canonical_json([member[0][key] for key in told_by]), []).append(member)
    for group in groups.values():
        first = group[0][0]
        spec = {
            **first,
            "method": {"name": method.registered_name(), **method.hyper_parameters()},
            "training": {key: value for key, value in first["training"].items() if key in TESTED},
            **{"dev_size": None, "parent": None, "rates": None},
            **({"model_seed": None} if method.over_seeds else {}),
            **({"sources": []} if method.over_sources else {}),
            "members": sorted(run_name(spec) for spec, _ in group),
        }
        yield spec, [*(parent for _, parents in group for parent in parents), *(spec for spec, _ in group)]


_NOTHING: dict[str, Any] = {
    **{"auxiliary": [], "auxiliary_size": None, "targets": [], "target_size": None, "evaluate": []},
    **{"parent": None, "rates": None},
}
"""What a spec has where a run has no such thing."""


def felt(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a spec without what its run cannot feel: of one kind of episode a meta step has one, whatever `meta_batch` says."""
    if spec["method"]["name"] not in EPISODIC or len(kinds_of(spec)) > 1:
        return spec
    return {**spec, "method": {key: value for key, value in spec["method"].items() if key != "meta_batch"}}


def evaluated(experiment: Experiment, auxiliary: list[str], target: str | None) -> list[str]:
    """Return the languages a run is tested on: its target, or all targets of the experiment that are not auxiliaries."""
    wanted = experiment.targets if target is None else [target]
    return sorted(language for language in wanted if language not in auxiliary)


def rates_spec(method: MetaOptimizer, spec: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the spec of the run that learns a `meta_optimizer` run's update rates, `None` where there is none."""
    parameters = method.rates_parameters()
    if parameters is None:
        return None
    training = {key: value for key, value in spec["training"].items() if key in RATES_KEYS}
    return {**spec, "method": parameters, "training": training, "evaluate": [], "parent": None, "rates": None}


def _shape(settings: Settings, experiment: Experiment, method: Method, datasets: Mapping[str, str]) -> dict[str, Any]:
    """The part of a spec that all runs of a method in an experiment have in common."""
    select = resolve_training(settings, experiment, method).select
    parameters = method.hyper_parameters()
    if "fine_tune" in parameters:
        parameters["fine_tune"] = resolve_fine_tuning(settings, experiment, method)
    return {
        "task": settings.datasets[experiment.dataset].task,
        "dataset": datasets[experiment.dataset],
        "source_dataset": source_dataset(experiment, method, datasets),
        "method": {"name": method.registered_name(), **parameters},
        "training": used_training(settings, experiment, method),
        "dev_size": experiment.dev_size if uses_dev(method, select) else None,
    }


def source_dataset(experiment: Experiment, method: Method, datasets: Mapping[str, str]) -> str | None:
    """Return the key of the dataset that source languages are read from, `None` where it is the targets' or no source is used."""
    name = experiment.source_dataset
    if name is None or name == experiment.dataset or not method.uses_sources:
        return None
    return datasets[name]


def uses_dev(method: Method, select: str) -> bool:
    """Whether a dev split is used as far as `dev_size` says, to choose the epoch or to train on the target's."""
    return method.target_split == "dev" or (select == "best" and "select" in method.training_keys)


def run_name(spec: Mapping[str, Any]) -> str:
    """Return a run's name: readable parts, then the id; many languages are counted instead of listed."""
    dataset = spec["dataset"].rpartition("-")[0]
    sources, auxiliary, targets = ("+".join(spec[key]) for key in ("sources", "auxiliary", "targets"))
    if sum(map(len, (sources, auxiliary, targets, dataset))) > _LONGEST_NAME:
        sources = f"{len(spec['sources'])}_sources"
        auxiliary = f"{len(spec['auxiliary'])}_languages" if auxiliary else ""
    via = f"via_{auxiliary}" if auxiliary else ""
    parts = (
        spec["task"],
        dataset,
        sources,
        via,
        targets,
        spec["method"]["name"],
        "" if spec["model_seed"] is None else f"s{spec['model_seed']}",
        digest(spec),
    )
    return "-".join(part for part in parts if part)


def reads(spec: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
    """Return the splits a run reads: language, split, and whether it is the sources' (of their own dataset)."""
    method, training = spec["method"], spec["training"]
    if "members" in spec:
        return [(language, "test", False) for language in spec["evaluate"]]
    split = method.get("split", "train")
    found: list[tuple[str, str, bool]] = []
    if spec["parent"] is None:
        found += [(language, "train", True) for language in spec["sources"]]
    if method["name"] in EPISODIC:
        found += [(origin.language, split, origin.source) for origin in origins(kinds_of(spec))]
    else:
        found += [(language, split, False) for language in spec["auxiliary"]]
    of_target = trained_split(spec)
    if of_target is not None:
        found += [(language, of_target, False) for language in spec["targets"]]
    if training.get("select", "last") == "best":
        found += [(language, "dev", False) for language in spec["targets"]]
        of_sources = not spec["targets"] or (method["name"] == "mgl" and method["meta_train"])
        found += [(language, "dev", True) for language in spec["sources"] if of_sources]
    found += [(language, "test", False) for language in spec["evaluate"]]
    return list(dict.fromkeys(found))


def trained_split(spec: Mapping[str, Any]) -> str | None:
    """Return the split of its target that a run trains on, by its method's own word; `None` where it trains on none."""
    return _trained_split(canonical_json(spec["method"]))


@cache
def _trained_split(method: str) -> str | None:
    """The same by the text of a method, of which ten thousand runs have a few."""
    given = json.loads(method)
    kind = METHODS.get(given["name"])  # none of `layer_rates`, which has no target
    return None if kind is None else kind.model_construct(**given).target_split


EPISODIC = ("x_maml", "xla_maml")


def kinds_of(spec: Mapping[str, Any]) -> tuple[Episode, ...]:
    """Return the kinds of episodes of an `x_maml` or `xla_maml` run."""
    method = spec["method"]
    languages = (spec["sources"], spec["auxiliary"], spec["targets"])
    same, few_shot = method["name"] == "x_maml", method["setting"] == "few_shot"
    return episodes(method["support"], method["query"], same, few_shot, *languages)


def run_inputs(run: Run) -> list[str]:
    """Return the files a run's job reads: the splits it uses, the encoder's manifest, the weights of its parents.

    An ensemble reads its members' predictions and nothing else.
    """
    spec = run.spec
    if spec["method"]["name"] == ENSEMBLE:
        return [str(paths.predictions(member)) for member in run.members]
    files = [paths.run_split(spec, *which) for which in reads(spec)]
    files.append(paths.encoder_manifest(spec["encoder"]))
    files += [paths.run_model(parent) for parent in run.parents]
    return [str(path) for path in dict.fromkeys(files)]
