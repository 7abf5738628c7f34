"""In what runs differ that a table sets side by side: those behind one mean, a row and its baseline, few-shot rows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipeline.methods.parts.fine_tuning import FINE_TUNE_KEYS
from pipeline.results.tables.cells import Column, Grid, Row, Score, differing, setting, setting_text

SAME_DATA = ("task", "dataset", "encoder", "target_size")
"""Settings in which a method and its baseline should agree; where they do not, a note says so."""

OF_THE_COLUMN = ("task", "dataset", "source_dataset", "sources", "targets")
"""Settings by which columns are other columns: that they differ makes no mean over columns an unlike one."""

FINE_TUNE_SHOWN = ("split", *FINE_TUNE_KEYS, "select")
"""What is said of fine-tuning on the target: the split trained on, the settings, and which epoch is taken."""


def first_score(grid: Grid, row: Row, column: Column) -> Score | None:
    """Return a score of a cell, `None` where it is empty: all of one cell have the same settings."""
    return next(iter(grid.cells.get((row, column), {}).values()), None)


def unlike_columns(grid: Grid, row: Row, columns: Sequence[Column], task: str) -> tuple[str, ...]:
    """Say in which settings the runs behind a mean differ: nothing, or one sentence.

    Args:
        grid: the table's scores.
        row: the mean's.
        columns: those the mean is over.
        task: the table's, see `setting_text`.

    Returns:
        `its columns are of unlike target_size 50 (books), 20 (dvd)`. What makes columns other columns is no difference
        (`OF_THE_COLUMN`).
    """
    scores = {column: score for column in columns if (score := first_score(grid, row, column))}
    parts = []
    for key in differing([list(scores.values())]):
        if key.removeprefix("parent.").removeprefix("rates.") in OF_THE_COLUMN:
            continue
        groups: dict[str, list[Column]] = {}
        for column, score in scores.items():
            if key in score.settings or not key.startswith("method."):
                text = setting_text(key, setting(score.settings, key), score.settings, task)
                groups.setdefault(text, []).append(column)
        found = column_groups(groups)
        parts.append(f"{key} " + ", ".join(f"{text} ({', '.join(names)})" for text, names in found.items()))
    return (f"its columns are of unlike {'; '.join(parts)}",) if parts else ()


def column_groups(groups: Mapping[str, Sequence[Column]]) -> dict[str, list[str]]:
    """Name each group's columns by dataset, language or sources where that alone tells the groups apart, else by label."""
    namings: list[Callable[[Column], str]] = [lambda c: c.dataset, lambda c: c.language, lambda c: c.sources]
    for naming in namings:
        found = {text: list(dict.fromkeys(map(naming, columns))) for text, columns in groups.items()}
        names = [name for group in found.values() for name in group]
        if all(names) and len(set(names)) == len(names):
            return found
    return {text: [column.label for column in columns] for text, columns in groups.items()}


def unlike_baseline(grid: Grid, rows: tuple[Row, Row], column: Column) -> list[str]:
    """Say in what a cell and its baseline differ though a fair comparison would not.

    A child of a source model without a target size (`zero_shot`, `few_shot` on dev) takes no target training sentences: that is
    the method, no unlikeness.
    """
    first, second = (first_score(grid, row, column) for row in rows)
    if first is None or second is None:
        return []
    ours, theirs = first.settings, second.settings
    child = any(key.startswith(("parent.", "members.parent.")) for key in ours)
    fair = {"target_size"} if child and ours.get("target_size") is None else set()
    keys = [key for key in SAME_DATA if key not in fair and ours.get(key) != theirs.get(key)]
    return [f"differs from its baseline in {', '.join(keys)} too"] if keys else []


def fine_tuning_of(score: Score) -> dict[str, Any] | None:
    """Return how a run is fine-tuned on the target: by a phase of its own, or by all that `few_shot` does.

    Of a tuned row that is as the point says that dev data chose.

    Returns:
        Values of `FINE_TUNE_SHOWN`; none of them for a few-shot method whose fine-tuning the config leaves out; `None` for a
        method that has no such thing.
    """
    chosen = score.choice.point.settings if score.choice and score.choice.point else {}
    settings = {**score.settings, **chosen}
    few_shot = settings.get("method.name") == "few_shot"
    prefix = "training." if few_shot else "method.fine_tune."
    way = {key: settings[f"{prefix}{key}"] for key in FINE_TUNE_KEYS if f"{prefix}{key}" in settings}
    if not way:
        left_out = settings.get("method.setting") == "few_shot" and settings.get("method.fine_tune", way) is None
        return {} if left_out else None
    if "method.split" in settings:
        way["split"] = settings["method.split"]
    if not few_shot:  # a phase that ends a method has no dev data to choose an epoch by
        way["select"] = "last"
    elif "training.select" in settings:
        way["select"] = settings["training.select"]
    return way


def fine_tunings(grid: Grid) -> dict[Row, dict[Column, dict[str, Any]]]:
    """Return how each few-shot row is fine-tuned on the target, by column: its columns may be of unlike experiments or points."""
    found: dict[Row, dict[Column, dict[str, Any]]] = {}
    for row in grid.rows:
        for column in grid.columns:
            score = first_score(grid, row, column)
            way = None if score is None else fine_tuning_of(score)
            if way is not None:
                found.setdefault(row, {})[column] = way
    return found
