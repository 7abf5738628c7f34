"""What the config's analyses ask for: which runs' models, which views of them, which figures.

A *view* says what of a model is looked at: the split, how many of its sentences by which seed, the layer and the units. Runs
are represented once per view, whichever analyses ask for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol

from pipeline.common.files import digest
from pipeline.config.analyses import UNITS, figure_name, scatter_name
from pipeline.config.analyses import Analysis as AnalysisSettings
from pipeline.config.resolve import metric_of
from pipeline.config.schema import Settings

LEAST_FOR_SCATTER = 2
"""Language pairs below which there is nothing to set against each other."""

Seed = tuple[int, int]
"""(data_seed, model_seed)."""


class Run(Protocol):
    """What is asked of a run (`pipeline.grid.runs.Run`)."""

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
        seeds = list(product(experiment.data_seeds, experiment.first_seeds))
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


def figures(found: Mapping[str, Analysis], called: Callable[[str], str]) -> dict[str, dict[str, Any]]:
    """Return by name what the figure stage is told of each figure.

    A pair's figure shows its first seed: `{"kind": "pair", "sources", "target", "seed", "runs", "labels", "view"}`, runs and
    labels before and after; the other kind is `{"kind": "correlation", "analysis"}`.

    Args:
        found: the analyses, by name.
        called: what a variant or method is called.
    """
    specs: dict[str, dict[str, Any]] = {}
    for name, analysis in found.items():
        labels = [called(analysis.settings.before), called(analysis.settings.after)]
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
