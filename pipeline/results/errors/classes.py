"""What a classifier gets wrong: which class it takes for which, and how often by length, known words and class."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.results.errors.entities import confusion, f1_value
from pipeline.results.errors.spec import Key, Measured, Value
from pipeline.tasks.class_score import class_counts


def measure(rows: Sequence[Mapping[str, Any]], groups: Mapping[str, Mapping[str, str]]) -> Measured:
    """Measure a run's predictions on one language.

    Args:
        rows: predictions, a row an example.
        groups: by part (`length`, `known`) and example id: its group.

    Returns:
        `confusion`, by gold class; accuracy in each group of the parts; F1 of each class under `frequency`.
    """
    matrix = Counter((row["gold"], row["predicted"]) for row in rows)
    counts = class_counts([row["gold"] for row in rows], [row["predicted"] for row in rows])
    return {
        **confusion(matrix),
        **means({row["id"]: float(row["gold"] == row["predicted"]) for row in rows}, groups),
        **{Key("frequency", name): f1_value(*map(int, found)) for name, found in counts.items()},
    }


def means(values: Mapping[str, float], groups: Mapping[str, Mapping[str, str]]) -> Measured:
    """Return the mean of the examples in each group of each part; an example without a group is in none."""
    found: dict[Key, list[float]] = {}
    for part, of_part in groups.items():
        for name, value in values.items():
            if name in of_part:
                found.setdefault(Key(part, of_part[name]), []).append(value)
    return {key: Value(sum(those) / len(those), len(those)) for key, those in found.items()}
