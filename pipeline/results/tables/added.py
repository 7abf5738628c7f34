"""What a table says, and how it tests, where model seeds are added until comparisons are decided."""

from collections.abc import Collection, Mapping
from typing import Any

from pipeline.results.statistics.seeds import Comparison
from pipeline.results.statistics.sequential import repeated_p
from pipeline.results.tables.cells import Seed, Spec

Rule = Mapping[str, Any]
"""The config's `model_seeds`: `start`, `at_most`, `margin` (points), `alpha`."""


def rule_of(spec: Spec) -> Rule | None:
    """Return the rule by which seeds are added to a table's cells, all by the same; `None` where they are listed."""
    return next((e["until_decided"] for e in spec.experiments if "until_decided" in e), None)


def p_for_stars(spec: Spec, test: Comparison, seeds: Collection[Seed]) -> float:
    """Return the p of a comparison that stars go by: where seeds are added until it is small, the one that allows for that.

    Args:
        spec: the table.
        test: the comparison.
        seeds: of the cell.

    Returns:
        Of a test that is undefined 1.
    """
    rule = rule_of(spec)
    if test.p is None or rule is None:
        return 1.0 if test.p is None else test.p
    of_data = len({data for data, _ in seeds})
    sizes = tuple(of_data * n for n in range(rule["start"], rule["at_most"] + 1))
    return max(test.p, repeated_p(test.p * max(sizes) / test.n, sizes))


def seeds_added(spec: Spec) -> list[str]:
    """Say under a table by which rule seeds were added, and what that means for its stars."""
    rule = rule_of(spec)
    if rule is None:
        return []
    level = f"{rule['alpha']:g}".removeprefix("0")
    return [
        f"Seeds were added, {rule['start']} to {rule['at_most']} a cell, until comparisons with the baseline and the best were "
        f"decided (α {level} over all looks, margin {rule['margin']:g} points); stars allow for it, p does not."
    ]
