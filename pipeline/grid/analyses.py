"""What the config's analyses ask for: which runs' models, which views of them, which figures; and what they must agree on.

A *view* says what of a model is looked at: the split, how many of its sentences by which seed, the layer and the units. Runs
are represented once per view, whichever analyses ask for it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

from pipeline.config_analyses import Analysis as AnalysisSettings
from pipeline.config_dataset_rules import Problem, check_known
from pipeline.config_rules import (
    Broken,
    check_metric,
    method_settings,
    metric_of,
    resolve_training,
)
from pipeline.config_schema import Experiment, Settings
from pipeline.config_sections import Pretrain
from pipeline.errors import nearest
from pipeline.files import digest

UNITS = {"ner": "token"}
"""By task: what a point stands for where the config does not say; `sentence` in tasks that label whole sentences."""

LEAST_FOR_SCATTER = 2
"""Language pairs below which there is nothing to set against each other."""

_LONGEST_PAIR = 120  # characters, as runs' names are shortened: file systems allow 255 bytes

Seed = tuple[int, int]
"""(data_seed, model_seed)."""


class Run(Protocol):
    """What is asked of a run (`pipeline.runs.Run`)."""

    @property
    def spec(self) -> dict[str, Any]:
        """Everything that determines its result."""

    @property
    def uses(self) -> tuple[tuple[str, str], ...]:
        """(experiment, method or variant) pairs it belongs to."""


@dataclass(frozen=True)
class Pair:
    """A source set and a target in one analysis.

    Attributes:
        figure: the name of its figure, `<analysis>-<sources>-<target>`.
        sources: the source languages, taken together.
        target: the target language.
        before: by seed: the run of the method before.
        after: by seed: the run of the method after.
    """

    figure: str
    sources: tuple[str, ...]
    target: str
    before: Mapping[Seed, str]
    after: Mapping[Seed, str]


@dataclass(frozen=True)
class Analysis:
    """An analysis of the config with its runs.

    Attributes:
        settings: as in the config.
        metric: the score whose gain is set against the distances.
        view: what of each model is looked at: split, sentences, seed, layer, units.
        pairs: in the experiment's order.
    """

    settings: AnalysisSettings
    metric: str
    view: dict[str, Any]
    pairs: tuple[Pair, ...]

    @property
    def key(self) -> str:
        """The view's digest, by which representations are filed."""
        return digest(self.view, 8)

    @property
    def runs(self) -> list[str]:
        """All runs whose models are looked at."""
        return list(dict.fromkeys(run for p in self.pairs for runs in (p.before, p.after) for run in runs.values()))


def analyses(settings: Settings, runs: Mapping[str, Run]) -> dict[str, Analysis]:
    """Return the analyses of a checked config by name, `runs` being all runs of its grid by name."""
    wanted = {given.experiment for given in settings.analyses.values()}
    cells: dict[tuple[str, str, tuple[str, ...], str, Seed], str] = {}
    for name, run in runs.items():
        for use, label in run.uses:
            if use in wanted and run.spec["targets"]:
                place = tuple(run.spec["sources"]), run.spec["targets"][0]
                cells[use, label, *place, (run.spec["data_seed"], run.spec["model_seed"])] = name
    found = {}
    for name, given in settings.analyses.items():
        experiment = settings.experiments[given.experiment]
        seeds = list(product(experiment.data_seeds, experiment.model_seeds))
        pairs = tuple(
            Pair(
                figure_name(name, sources, target),
                tuple(sources),
                target,
                *(
                    {seed: cells[given.experiment, label, tuple(sources), target, seed] for seed in seeds}
                    for label in (given.before, given.after)
                ),
            )
            for sources, target in product(experiment.sources, experiment.targets)
        )
        metric = metric_of(given.metric, settings.experiments[given.experiment], settings)
        found[name] = Analysis(given, metric, view_of(given, settings), pairs)
    return found


def view_of(given: AnalysisSettings, settings: Settings) -> dict[str, Any]:
    """Return what of each model an analysis looks at."""
    task = settings.datasets[settings.experiments[given.experiment].dataset].task
    units = given.units or UNITS.get(task, "sentence")
    return {**given.model_dump(include={"split", "sentences", "seed", "layer"}), "units": units}


def figure_name(analysis: str, sources: Iterable[str], target: str) -> str:
    """Return the name of a pair's figure; many sources are counted instead of listed."""
    languages = list(sources)
    text = "+".join(languages)
    return f"{analysis}-{text if len(text) <= _LONGEST_PAIR else f'{len(languages)}_sources'}-{target}"


def scatter_name(analysis: str) -> str:
    """Return the name of the figure that sets gains against distances."""
    return f"{analysis}-correlation"


def analysis_spec(analysis: Analysis) -> dict[str, Any]:
    """Return what the analysis stage is told, by names alone: no run's id is in it.

    Keys:
        experiment, before, after, metric: as in the config.
        view: what of each model is looked at.
        pairs: `[[sources], target]`, in order.
        seeds: `[data_seed, model_seed]`, in order.
    """
    given = analysis.settings
    return {
        **given.model_dump(include={"experiment", "before", "after"}),
        "metric": analysis.metric,
        "view": analysis.view,
        "pairs": [[list(pair.sources), pair.target] for pair in analysis.pairs],
        "seeds": [list(seed) for seed in analysis.pairs[0].before],
    }


def figures(found: Mapping[str, Analysis]) -> dict[str, dict[str, Any]]:
    """Return by name what the figure stage is told of each figure.

    A pair's figure shows its first seed: `{"kind": "pair", "sources", "target", "seed", "runs", "labels", "view"}`, runs and
    labels before and after; the other kind is `{"kind": "correlation", "analysis"}`.
    """
    specs: dict[str, dict[str, Any]] = {}
    for name, analysis in found.items():
        labels = [analysis.settings.before, analysis.settings.after]
        for pair in analysis.pairs:
            seed = next(iter(pair.before))
            specs[pair.figure] = {
                "kind": "pair",
                "sources": list(pair.sources),
                "target": pair.target,
                "seed": list(seed),
                "runs": [pair.before[seed], pair.after[seed]],
                "labels": labels,
                "view": analysis.view,
            }
        if len(analysis.pairs) >= LEAST_FOR_SCATTER:
            specs[scatter_name(name)] = {"kind": "correlation", "analysis": name}
    return specs


# ------------------------------------------------------------------------------------------------------------- the rules


def check_analyses(settings: Settings, broken: Broken) -> Iterator[Problem]:
    """Yield every rule that the config's analyses break."""
    figures_of: dict[str, str] = {}
    for name, given in settings.analyses.items():
        path = ("analyses", name)
        yield from check_metric(path, given.metric, [given.experiment], settings)
        if given.experiment in broken["experiments"]:
            continue
        yield from check_known((*path, "experiment"), "experiment", given.experiment, list(settings.experiments))
        experiment = settings.experiments.get(given.experiment)
        if experiment is None:
            continue
        yield from check_methods(name, given, experiment, settings, broken)
        yield from check_units(name, given, experiment, settings)
        yield from check_grid(name, given, experiment, settings)
        names = [figure_name(name, s, t) for s, t in product(experiment.sources, experiment.targets)]
        for figure in [*names, scatter_name(name)]:
            if figure in figures_of:
                yield path, f"its figure {figure!r} has the name of one of {figures_of[figure]!r}; rename the analysis"
            figures_of[figure] = name


def check_methods(
    name: str, given: AnalysisSettings, experiment: Experiment, settings: Settings, broken: Broken
) -> Iterator[Problem]:
    """Before and after must be two methods of the experiment that have sources, one run a seed, and equal lengths."""
    lengths = {}
    for key in ("before", "after"):
        path, label = ("analyses", name, key), getattr(given, key)
        if label in broken["methods"]:
            continue
        if label not in experiment.methods:
            yield path, f"{label!r} is no method of experiment {given.experiment!r}{nearest(label, experiment.methods)}"
            continue
        method = method_settings(settings, label)
        if method is None:
            continue  # the experiment's own error
        if not method.needs_sources:
            yield path, f"{label!r} is trained without sources: there is no source language to represent"
        if method.on_all:
            yield path, f"{label!r} is one model for all targets; an analysis compares models of one target"
        if getattr(method, "tune", None):
            yield path, f"{label!r} is tuned, so it has several runs a seed; name a variant with the values you mean"
        lengths[label] = resolve_training(settings, experiment, method).max_length
    if given.before == given.after:
        yield ("analyses", name, "after"), f"{given.after!r} is the method before too; expected another one"
    if len(set(lengths.values())) > 1:
        said = " and ".join(f"{label} {length}" for label, length in lengths.items())
        yield ("analyses", name, "after"), f"the methods cut sentences at different lengths (max_length: {said})"


def check_units(name: str, given: AnalysisSettings, experiment: Experiment, settings: Settings) -> Iterator[Problem]:
    """Words have vectors of their own where the task labels words."""
    dataset = settings.datasets.get(experiment.dataset)
    if dataset is not None and given.units == "token" and UNITS.get(dataset.task) != "token":
        yield (
            ("analyses", name, "units"),
            f"'token' is for tasks that label words (ner), and task {dataset.task!r} labels whole examples; expected "
            "'sentence', or leave it out",
        )


def check_grid(name: str, given: AnalysisSettings, experiment: Experiment, settings: Settings) -> Iterator[Problem]:
    """The experiment must have one size of each kind, and its encoder the layer."""
    for key in ("source_size", "target_size"):
        if len(getattr(experiment, key)) > 1:
            yield (
                ("analyses", name, "experiment"),
                f"{given.experiment!r} has several values of {key}; make an experiment with the one you mean "
                "(runs that both ask for are trained once)",
            )
    encoder = settings.encoders.get(experiment.encoder)
    if isinstance(encoder, Pretrain) and isinstance(given.layer, int) and given.layer > encoder.layers:
        yield (
            ("analyses", name, "layer"),
            f"{given.layer}, but encoder {experiment.encoder!r} has layers 0 (the embeddings) to {encoder.layers}",
        )
