"""Intervals over seeds and test items: they read the per-example outcomes of the runs in a cell, or in two."""

from collections.abc import Sequence

from pipeline.common import paths
from pipeline.common.files import read_parquet
from pipeline.results.scores.measures import items
from pipeline.results.scores.outcomes import OUTCOMES
from pipeline.results.statistics.crossed import Crossed, Metric, crossed
from pipeline.results.statistics.seeds import Floats

LEAST_ITEMS = 10
"""Fewer test items say next to nothing of others: no interval is made of them."""


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


def mean_over_items(runs: Sequence[str], language: str, task: str, metric: str) -> Crossed | None:
    """Return how sure a cell's mean score is over its seeds and test items; `None` where these are too few to say."""
    values, score = counts(runs, language, task, metric)
    return crossed(values, None, score) if values.shape[1] >= LEAST_ITEMS else None


def difference_over_items(
    ours: Sequence[str], baseline: Sequence[str], language: str, task: str, metric: str
) -> Crossed | None:
    """Return the same of the difference of two cells' runs, paired by position."""
    both, score = counts([*ours, *baseline], language, task, metric)
    if both.shape[1] < LEAST_ITEMS:
        return None
    return crossed(both[: len(ours)], both[len(ours) :], score)
