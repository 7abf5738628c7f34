"""Tests over test items: they read the per-example outcomes of the runs in two cells."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.common import paths
from pipeline.common.files import read_parquet
from pipeline.results.scores.measures import items
from pipeline.results.scores.outcomes import OUTCOMES
from pipeline.results.statistics.resampling import Metric, bootstrap, randomisation
from pipeline.results.statistics.seeds import Floats


@dataclass(frozen=True)
class ItemTests:
    """What the test items say of a difference: two-level bootstrap interval and approximate randomisation."""

    low: float
    high: float
    p: float


def counts(runs: Sequence[str], language: str, task: str, metric: str) -> tuple[Floats, Metric]:
    """Read the outcomes of a cell's runs.

    Args:
        runs: one per seed; one may be there twice, as where the point that a tuned method chose is the baseline's.
        language: the language evaluated.
        task: the runs' task.
        metric: says what is counted, see `measures.items`.

    Returns:
        Counts per run and test item, items in the order of their ids, (S, N, K); and the score of sums of them.

    Raises:
        UserError: a run's outcomes are missing, or the runs were tested on different items.
    """
    tables = {
        str(paths.outcomes(run)): read_parquet(paths.outcomes(run), OUTCOMES[task]) for run in dict.fromkeys(runs)
    }
    values, score = items(task, metric, tables, language)
    place = {run: number for number, run in enumerate(dict.fromkeys(runs))}
    return values[[place[run] for run in runs]], score


def mean_interval(runs: Sequence[str], language: str, task: str, metric: str) -> tuple[float, float]:
    """Return the two-level bootstrap's 95 % interval of a cell's mean score."""
    values, score = counts(runs, language, task, metric)
    return bootstrap(values, None, score)


def compare_items(ours: Sequence[str], baseline: Sequence[str], language: str, task: str, metric: str) -> ItemTests:
    """Compare two cells' runs, paired by position, over their test items."""
    both, score = counts([*ours, *baseline], language, task, metric)
    mine, theirs = both[: len(ours)], both[len(ours) :]
    low, high = bootstrap(mine, theirs, score)
    return ItemTests(low, high, randomisation(mine, theirs, score))
