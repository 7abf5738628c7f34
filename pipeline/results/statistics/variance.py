"""Where the uncertainty of a mean score comes from: model seeds, data seeds, test items."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.results.statistics.crossed import analyse
from pipeline.results.statistics.seeds import Floats


@dataclass(frozen=True)
class Parts:
    """The variance of a mean score by factor.

    Attributes:
        seeds: of model seeds, with what each makes of single items; `None` where no data seed has two.
        data: of data seeds; `None` of fewer than two.
        items: of test items; `None` where their outcomes are not at hand.
    """

    seeds: float | None
    data: float | None
    items: float | None

    @property
    def total(self) -> float:
        """The sum of those that are known."""
        return sum(part or 0.0 for part in (self.seeds, self.data, self.items))


def parts(scores: Sequence[float], data_seeds: Sequence[int], values: Floats | None = None) -> Parts:
    """Part the variance of the mean of scores.

    Args:
        scores: one for each run.
        data_seeds: of each run; runs of one data seed differ in the model seed.
        values: values of items (S, N) in the same order.

    Model seeds are nested in data seeds, which are weighed by their runs: by the analysis of variance of one factor with unequal
    groups, σ²_model is the mean square within data seeds, and σ²_data what the mean square between them has more, over n₀ = (S −
    Σn²/S)/(D − 1); below 0 it is 0. The mean then has σ²_model/S and σ²_data·Σn²/S² (Searle, Casella and McCulloch 1992, 3.6).
    """
    found = np.asarray(scores, dtype=np.float64)
    groups = [found[[seed == other for other in data_seeds]] for seed in dict.fromkeys(data_seeds)]
    sizes = np.array([len(group) for group in groups])
    n, within = len(found), len(found) - len(groups)
    inside = sum(float(((group - group.mean()) ** 2).sum()) for group in groups) / within if within else None
    data = None
    if len(groups) > 1:
        square = float(sizes @ np.array([(group.mean() - found.mean()) ** 2 for group in groups])) / (len(groups) - 1)
        share = (n - float((sizes**2).sum()) / n) / (len(groups) - 1)
        data = max(0.0, square - (inside or 0.0)) / share * float((sizes**2).sum()) / n**2
    items = None if values is None else analyse(values).from_items
    return Parts(None if inside is None else inside / n, data, items)


def pooled(found: Sequence[Parts]) -> Parts:
    """Return the mean over methods of each part; of those that have it."""
    kinds = ([part.seeds for part in found], [part.data for part in found], [part.items for part in found])
    known = [[value for value in kind if value is not None] for kind in kinds]
    return Parts(*(float(np.mean(kind)) if kind else None for kind in known))
