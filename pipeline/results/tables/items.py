"""Values of test items behind a table's scores, from the per-example outcomes of its runs; and intervals over seeds and items.

The values of a run's items have its score as their mean (`crossed.item_values`), so whatever is asked of a table over test items
is asked of these. Each run's outcomes are read once for a table and language.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import digest
from pipeline.results.scores.measures import item_ids, itemised, items
from pipeline.results.scores.outcomes import read_outcomes
from pipeline.results.statistics.crossed import Crossed, Metric, analyse, item_values
from pipeline.results.statistics.seeds import Floats

LEAST_ITEMS = 10
"""Fewer test items say next to nothing of others: no interval is made of them."""

KEPT = 64
"""So many files are kept as they were read: a run that is tested on all targets stands in every column."""


class ItemValues:
    """The values of test items of a table's runs.

    Attributes:
        task: the runs' task.
        metric: says what an item's value is, see `measures.items`.
    """

    def __init__(self, task: str, metric: str) -> None:
        self.task, self.metric = task, metric
        self._found: dict[tuple[str, str], tuple[str, Floats]] = {}
        self._read = lru_cache(maxsize=KEPT)(self._outcomes)

    def _outcomes(self, run: str) -> pa.Table:
        return read_outcomes(run, self.task, itemised(self.task, self.metric))

    def at_hand(self, runs: Sequence[str]) -> bool:
        """Whether there are runs, and the outcomes of all of them."""
        return bool(runs) and all(paths.outcomes(run).exists() for run in runs)

    def of_run(self, run: str, language: str) -> tuple[str, Floats]:
        """Return a digest of the ids of a run's test items in one language, and their values (N,) in the order of the ids.

        Raises:
            UserError: the run's outcomes are missing, or there is no such metric.
        """
        key = run, language
        if key not in self._found:
            counts, score = self.counts(run, language)
            ids = digest(item_ids(self.task, self._read(run), language))
            self._found[key] = ids, item_values(counts, score)[0]
        return self._found[key]

    def counts(self, run: str, language: str) -> tuple[Floats, Metric]:
        """Return the counts of a run's items (1, N, K), and the score of sums of them."""
        return items(self.task, self.metric, {str(paths.outcomes(run)): self._read(run)}, language)

    def alike(self, runs: Sequence[str], language: str) -> bool:
        """Whether runs were tested on the same items."""
        return len({self.of_run(run, language)[0] for run in runs}) < 2

    def of_runs(self, runs: Sequence[str], language: str) -> Floats:
        """Return the values of items (S, N) of runs, one per seed.

        One may be there twice, as where the point that a tuned method chose is the baseline's.

        Raises:
            UserError: a run's outcomes are missing, or the runs were tested on different items.
        """
        found = [self.of_run(run, language) for run in runs]
        for run, (ids, _) in zip(runs, found, strict=True):
            if ids != found[0][0]:
                where = paths.outcomes(run)
                raise UserError(f"{where}: its test items of {language!r} are not those of {paths.outcomes(runs[0])}")
        return np.stack([values for _, values in found])

    def mean(self, runs: Sequence[str], language: str) -> Crossed | None:
        """Return how sure a cell's mean score is over its seeds and test items; `None` where these are too few to say."""
        values = self.of_runs(runs, language)
        return analyse(values) if values.shape[1] >= LEAST_ITEMS else None

    def difference(self, ours: Sequence[str], baseline: Sequence[str], language: str) -> Crossed | None:
        """Return the same of the difference of two cells' runs, paired by position."""
        both = self.of_runs([*ours, *baseline], language)
        return analyse(both[: len(ours)] - both[len(ours) :]) if both.shape[1] >= LEAST_ITEMS else None

    def of_methods(self, methods: Sequence[Sequence[str]], language: str) -> Floats:
        """Return the values (M, S, N) of methods' runs, each with as many, in the same order of seeds."""
        values = self.of_runs([run for runs in methods for run in runs], language)
        return values.reshape(len(methods), -1, values.shape[1])
