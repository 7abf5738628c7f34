"""What the config's sections must agree on, checked before any job starts: all rules, section by section."""

from collections.abc import Iterator

from pipeline.config.rules.analyses import check_analyses
from pipeline.config.rules.averages import check_members
from pipeline.config.rules.datasets import check_dataset, used_languages
from pipeline.config.rules.encoders import check_encoder
from pipeline.config.rules.errors import check_errors
from pipeline.config.rules.experiments import check_experiment
from pipeline.config.rules.figures import check_figures
from pipeline.config.rules.methods import check_method
from pipeline.config.rules.problems import Broken, Problem
from pipeline.config.rules.runs import check_runs
from pipeline.config.rules.tables import check_table
from pipeline.config.rules.training import check_training
from pipeline.config.schema import Settings


def check(settings: Settings, broken: Broken) -> Iterator[Problem]:
    """Yield every broken rule; of a config that asks for too much, that alone."""
    too_many = [*check_runs(settings)]
    if too_many:
        yield from too_many
        return
    used = used_languages(settings)
    for name, dataset in settings.datasets.items():
        yield from check_dataset(name, dataset, used.get(name, set()))
    for name, encoder in settings.encoders.items():
        yield from check_encoder(name, encoder, settings, broken)
    for name, method in settings.methods.items():
        yield from check_method(name, method)
        yield from check_members(name, method, settings, broken)
    for name, experiment in settings.experiments.items():
        yield from check_experiment(name, experiment, settings, broken)
    yield from check_training(settings)
    for name, table in settings.tables.items():
        yield from check_table(name, table, settings, broken)
    yield from check_errors(settings, broken)
    yield from check_analyses(settings, broken)
    yield from check_figures(settings, broken)
