"""What the config's sections must agree on, checked before any job starts: all rules, section by section."""

from pipeline.config.rules.analyses import check_analyses
from pipeline.config.rules.averages import check_members
from pipeline.config.rules.datasets import check_dataset, used_languages
from pipeline.config.rules.encoders import check_encoder
from pipeline.config.rules.errors import check_errors
from pipeline.config.rules.experiments import check_experiment
from pipeline.config.rules.figures import check_figures
from pipeline.config.rules.methods import check_method
from pipeline.config.rules.problems import Broken, Problem
from pipeline.config.rules.tables import check_table
from pipeline.config.rules.training import check_training
from pipeline.config.schema import Settings


def check(settings: Settings, broken: Broken) -> list[Problem]:
    """Return every broken rule."""
    problems: list[Problem] = []
    for name, dataset in settings.datasets.items():
        problems += check_dataset(name, dataset, used_languages(name, settings))
    for name, encoder in settings.encoders.items():
        problems += check_encoder(name, encoder, settings, broken)
    for name, method in settings.methods.items():
        problems += check_method(name, method)
        problems += check_members(name, method, settings, broken)
    for name, experiment in settings.experiments.items():
        problems += check_experiment(name, experiment, settings, broken)
    problems += check_training(settings)
    for name, table in settings.tables.items():
        problems += check_table(name, table, settings, broken)
    problems += check_errors(settings, broken)
    return [*problems, *check_analyses(settings, broken), *check_figures(settings, broken)]
