"""Further statistics of a table, each a small table of its own below it: ranks, tests over languages, shares of the variance.

A table has them with `statistics: full`. What needs pairs, languages or seeds that are not there is no section.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

import numpy as np

from pipeline.results.statistics.languages import LEAST_LANGUAGES, OverLanguages, over_languages
from pipeline.results.statistics.ranks import RESAMPLES, Rank, ranks
from pipeline.results.statistics.seeds import Floats
from pipeline.results.statistics.variance import Parts, parts, pooled
from pipeline.results.tables.cells import Column, Row, Seed
from pipeline.results.tables.items import LEAST_ITEMS
from pipeline.results.tables.table import Table
from pipeline.tasks.metric_names import ITEMS


@dataclass(frozen=True)
class Section:
    """A small table under a table, as text.

    Attributes:
        name: what it is called in labels, of letters.
        caption: what it shows.
        head: the columns' heads, of the first nothing.
        rows: the cells, each row's label first.
        notes: sentences below it.
    """

    name: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def sections(table: Table) -> list[Section]:
    """Return the sections that a table's config asks for and its runs allow."""
    if table.spec.statistics != "full":
        return []
    return [*rank_section(table), *language_section(table), *variance_section(table)]


def cells_of(table: Table) -> list[Column]:
    """Return the columns of runs, whether they are shown or behind a mean."""
    return [column for column in [*table.averaged, *table.columns] if not column.mean]


# ------------------------------------------------------------------------------------------------------------------ ranks


def rank_section(table: Table) -> list[Section]:
    """Rank the methods over the columns of runs: mean rank, columns won, how likely each is best; of whole rows alone."""
    columns = cells_of(table)
    rows, seeds = whole_rows(table, columns)
    if len(columns) < 2 or len(rows) < 2:
        return []
    values = [values_of(table, rows, seeds, column) for column in columns]
    found = [v for v in values if v is not None]
    if len(found) < len(columns):
        return []
    languages = len({column.language for column in columns}) >= LEAST_LANGUAGES
    drawn = f"seeds, {ITEMS[table.spec.task]}" + (" and columns" if languages else "")
    left = [table.labels[row] for row in table.rows if row not in rows]
    section = Section(
        "ranks",
        f"Ranks over {len(columns)} columns, 95 % intervals of {RESAMPLES:,} bootstrap tables over {drawn}.",
        ("", "mean rank", "columns won", "highest average"),
        tuple(rank_row(table.labels[row], rank) for row, rank in zip(rows, ranks(found, languages), strict=True)),
        (
            f"Over {len(seeds)} seeds. Highest average: in how many of 100 bootstrap tables.",
            *([f"Left out, as they lack a column or a seed: {', '.join(left)}."] if left else []),
        ),
    )
    return [section]


def rank_row(label: str, rank: Rank) -> tuple[str, ...]:
    """Write a method's line."""
    return (
        label,
        f"{rank.rank:.1f} [{rank.rank_ends[0]:.1f}, {rank.rank_ends[1]:.1f}]",
        f"{rank.wins:.3g} [{rank.wins_ends[0]:.3g}, {rank.wins_ends[1]:.3g}]",
        f"{100 * rank.best:.0f} %",
    )


def whole_rows(table: Table, columns: Sequence[Column]) -> tuple[list[Row], list[Seed]]:
    """Return the rows that have all seeds in all columns, and these: as many seeds as most rows share, two at least."""
    own = {row: set.intersection(*(set(table.cells[row, c].scores) for c in columns)) for row in table.rows if columns}
    kinds = {frozenset(seeds) for seeds in own.values() if len(seeds) > 1}
    if not kinds:
        return [], []
    best = max(kinds, key=lambda kind: (sum(kind <= seeds for seeds in own.values()), len(kind)))
    return [row for row, seeds in own.items() if best <= seeds], sorted(best, key=str)


def values_of(table: Table, rows: Sequence[Row], seeds: Sequence[Seed], column: Column) -> Floats | None:
    """Return the values (M, S, N) of a column's test items; scores alone where outcomes are not at hand.

    `None` where rows were tested on other items than each other.
    """
    named = [[table.cells[row, column].runs[seed] for seed in seeds] for row in rows]
    every = [run for runs in named for run in runs]
    if table.values is None or not table.values.at_hand(every):
        scores = [[table.cells[row, column].scores[seed] for seed in seeds] for row in rows]
        return np.array(scores)[..., None]
    return table.values.of_methods(named, column.language) if table.values.alike(every, column.language) else None


# -------------------------------------------------------------------------------------------------------------- languages


def language_section(table: Table) -> list[Section]:
    """Test each method against the baseline over targets, where there are five or more."""
    found: dict[Row, tuple[list[float], list[float]]] = {}
    for row in table.rows:
        baseline = table.baselines.get(row)
        if baseline is None or baseline == row:
            continue
        ours, theirs = by_language(table, row), by_language(table, baseline)
        shared = [language for language in ours if language in theirs]
        if len(shared) >= LEAST_LANGUAGES:
            found[row] = [ours[language] for language in shared], [theirs[language] for language in shared]
    if not found:
        return []
    tests = zip(found, over_languages(list(found.values())), strict=True)
    return [
        Section(
            "languages",
            "Difference from the baseline over target languages: n is their number, each with its mean over seeds.",
            ("", "n", "better in", "difference, 95 %", "paired t: p", "Holm", "signed rank: p", "Holm"),
            tuple(language_row(table.labels[row], test) for row, test in tests),
            ("Signed rank: Wilcoxon's test, exact up to 16 languages. Holm: over the rows.",),
        )
    ]


def by_language(table: Table, row: Row) -> Mapping[str, float]:
    """Return a row's mean in each target language, of several columns their mean; not where one of them is empty."""
    found: dict[str, list[float | None]] = {}
    for column in cells_of(table):
        summary = table.cells[row, column].summary
        found.setdefault(column.language, []).append(summary.mean if summary else None)
    whole = {language: [m for m in means if m is not None] for language, means in found.items() if None not in means}
    return {language: fmean(means) for language, means in whole.items()}


def language_row(label: str, found: OverLanguages) -> tuple[str, ...]:
    """Write a method's line."""
    test = found.test
    ends = "" if test.low is None or test.high is None else f" [{100 * test.low:.1f}, {100 * test.high:.1f}]"
    return (
        *(label, str(test.n), str(found.better), f"{100 * test.difference:+.1f}{ends}".replace("-", "−")),
        *(probability(p) for p in (test.p, found.t_holm, found.wilcoxon, found.wilcoxon_holm)),
    )


def probability(p: float | None) -> str:
    """Write p as papers do."""
    return "–" if p is None else "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")


# --------------------------------------------------------------------------------------------------------------- variance


def variance_section(table: Table) -> list[Section]:
    """Say of each column of runs which share of the variance of a mean score seeds, data seeds and test items have."""
    lines = []
    for column in cells_of(table):
        found = [each for row in table.rows if (each := parts_of(table, row, column)) is not None]
        if found and (whole := pooled(found)).total > 0:
            lines.append((column.label, *shares_of(whole)))
    if not lines:
        return []
    items = ITEMS[table.spec.task]
    caption = (
        f"What a mean score varies by: its standard error in points over seeds and {items}, and shares of its square."
    )
    head = ("", "standard error", "model seeds", "data seeds", f"test {items}")
    return [Section("variance", caption, head, tuple(lines), ("A mean over methods. –: fewer than two, or unknown.",))]


def parts_of(table: Table, row: Row, column: Column) -> Parts | None:
    """Part one cell's variance; `None` where it has one seed or none."""
    cell, language = table.cells[row, column], column.language
    if len(cell.scores) < 2:
        return None
    runs, values = list(cell.runs.values()), None
    if table.values is not None and table.values.at_hand(runs) and table.values.alike(runs, language):
        values = table.values.of_runs(runs, language)
    enough = values is not None and values.shape[1] >= LEAST_ITEMS
    return parts(list(cell.scores.values()), [data for data, _ in cell.scores], values if enough else None)


def shares_of(whole: Parts) -> tuple[str, ...]:
    """Write a standard error, and the shares of the variance."""
    each = (whole.seeds, whole.data, whole.items)
    return f"{100 * whole.total**0.5:.1f}", *(
        "–" if part is None else f"{100 * part / whole.total:.0f} %" for part in each
    )
