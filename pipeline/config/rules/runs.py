"""How many runs a config may ask for: more than that is a slip of the pen, and expanding it would not end."""

import math
from collections.abc import Iterator

from pipeline.config.experiments import Experiment
from pipeline.config.resolve import method_settings
from pipeline.config.rules.problems import Problem
from pipeline.config.schema import Settings

MOST_RUNS = 100_000
"""Of all experiments together, each point of every grid counted."""


def check_runs(settings: Settings) -> Iterator[Problem]:
    """All experiments together must not ask for more runs than can be expanded."""
    asked = {name: runs_of(experiment, settings) for name, experiment in settings.experiments.items()}
    if sum(asked.values()) > MOST_RUNS:
        name = max(asked, key=lambda name: asked[name])
        yield (
            ("experiments", name),
            f"asks for {asked[name]:,} runs, and all experiments for {sum(asked.values()):,}; expected at most {MOST_RUNS:,}: "
            "list fewer values, or divide the config into several",
        )


def runs_of(experiment: Experiment, settings: Settings) -> int:
    """Return how many runs an experiment asks for at most: methods may not use all that it varies."""
    varied = (
        experiment.sources,
        experiment.auxiliaries,
        experiment.targets,
        experiment.source_size,
        experiment.target_size,
    )
    places = math.prod(len(values) or 1 for values in (*varied, experiment.data_seeds, experiment.all_seeds))
    methods = (method_settings(settings, label) for label in experiment.methods)
    return places * sum(math.prod(map(len, method.tune.values())) if method is not None else 1 for method in methods)
