"""A table: means over seeds, comparisons with the baseline, what may be said of them, and the notes that say it."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from pipeline.results.scores.measures import kind_of
from pipeline.results.statistics.crossed import Crossed
from pipeline.results.statistics.seeds import ALPHA, Comparison, Summary, compare, holm, least_holm, summarise
from pipeline.results.tables.added import p_for_stars
from pipeline.results.tables.cells import (
    AVERAGE,
    Column,
    Grid,
    Row,
    Score,
    Seed,
    Spec,
    arrange,
    members,
    setting_text,
    shown_columns,
)
from pipeline.results.tables.doubts import Doubts, of_runs
from pipeline.results.tables.items import ItemValues
from pipeline.results.tables.leads import Lead, lead_of
from pipeline.results.tables.tuning import Choice
from pipeline.results.tables.unlike import fine_tunings, unlike_baseline, unlike_columns
from pipeline.tasks.metric_names import ITEMS


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        scores: by seed, 0 to 1.
        runs: the run of each seed; empty in a column of means.
        summary: mean, standard deviation and n; `None` where the cell is empty.
        crossed: the mean over seeds and test items, with its interval, where outcomes are at hand.
        sentences: how many sentences were tested; 0 in a column of means.
        comparison: with the baseline's cell, over common seeds.
        crossed_difference: the same comparison over seeds and test items.
        p_holm: the t-test's p, adjusted within the row.
        least_holm: the least that the exact test's adjusted p can be, whatever the scores of all the row's comparisons.
        family: how many comparisons it was adjusted for.
        best: whether no row's mean is higher in this column.
        tied: whether it cannot be told from the highest mean, the highest itself among them (`leads`).
        leads: whether it leads all others of its column.
        reasons: why it is empty, or lacks seeds or a comparison.
    """

    scores: Mapping[Seed, float]
    runs: Mapping[Seed, str]
    summary: Summary | None = None
    crossed: Crossed | None = None
    sentences: int = 0
    comparison: Comparison | None = None
    crossed_difference: Crossed | None = None
    p_holm: float | None = None
    least_holm: float | None = None
    family: int = 0
    best: bool = False
    tied: bool = False
    leads: bool = False
    reasons: tuple[str, ...] = ()

    @property
    def hopeless(self) -> bool:
        """Whether the exact paired test cannot become significant with so few seeds, whatever the scores."""
        return self.least_holm is not None and self.least_holm > ALPHA

    @property
    def significant(self) -> bool:
        """Whether the difference holds after Holm, with seeds enough for the exact test to agree."""
        return not self.hopeless and self.p_holm is not None and self.p_holm <= ALPHA


Cells = dict[tuple[Row, Column], Cell]


@dataclass(frozen=True, eq=False)
class Table:
    """A table ready to be written; equal to itself alone, so what is made of it may be kept.

    Attributes:
        name: its files' name.
        spec: what the config says of it.
        rows: in order.
        columns: those that are shown.
        cells: of all columns.
        labels: the rows' texts.
        baselines: the row each row is compared with.
        choices: the points chosen on dev, of cells whose variant has a grid.
        averaged: the columns behind the means where only these are shown.
        earlier: by run: the hashes of earlier code that it rests on and the config accepts.
        doubts: what the scores have to be read with (`doubts.of_runs`).
        fine_tunings: by row and column, of few-shot rows: how they are fine-tuned on the target (`unlike.fine_tuning_of`).
        leads: by column: how its methods compare with the highest mean.
        values: the values of test items of its runs.
    """

    name: str
    spec: Spec
    rows: Sequence[Row]
    columns: Sequence[Column]
    cells: Mapping[tuple[Row, Column], Cell]
    labels: Mapping[Row, str]
    baselines: Mapping[Row, Row | None]
    choices: Mapping[tuple[Row, Column], Choice]
    averaged: Sequence[Column] = ()
    earlier: Mapping[str, Sequence[str]] = field(default_factory=dict)
    doubts: Doubts = field(default_factory=dict)
    fine_tunings: Mapping[Row, Mapping[Column, Mapping[str, Any]]] = field(default_factory=dict)
    leads: Mapping[Column, Lead] = field(default_factory=dict)
    values: ItemValues | None = None


def build(name: str, spec: Spec, scores: pa.Table, facts: Mapping[str, Any]) -> Table:
    """Make a table from the collected scores.

    Raises:
        UserError: an experiment or the metric has no scores, or runs of one cell were tested on different items.
    """
    grid = arrange(spec, scores, facts)
    values = ItemValues(spec.task, spec.metric)
    cells: Cells = {
        (row, column): fill(spec, grid, values, row, column) for row in grid.rows for column in grid.columns
    }
    columns = shown_columns(spec, grid.columns)
    averaged = [column for column in grid.columns if column not in columns]
    for column in columns:
        if column.mean:
            for row in grid.rows:
                cell = mean_of(spec, grid, cells, row, members(column, grid.columns))
                cells[row, column] = explained(cell, row, cells, members(column, averaged))
    baselines = {row: baseline_of(spec, grid, row) for row in grid.rows}
    for row, baseline in baselines.items():
        if baseline is not None and baseline != row:
            for column in columns:
                cells[row, column] = compared(spec, grid, values, cells, (row, baseline), column)
            adjust(spec, cells, row, columns)
    leads = {
        column: mark_leads(cells, grid.rows, column, members_of(column, grid.columns), values) for column in columns
    }
    texts = {method["name"]: method.get("label", method["name"]) for method in spec.methods}
    labels = {row: label_of(texts[row.variant], row, spec.task) for row in grid.rows}
    runs = {run for cell in cells.values() for run in cell.runs.values()}
    return Table(
        *(name, spec, grid.rows, columns, cells, labels, baselines, grid.choices, averaged),
        earlier=facts.get("earlier_code", {}),
        doubts=of_runs(runs, scores, facts.get("doubts", {})),
        fine_tunings=fine_tunings(grid),
        leads=leads,
        values=values,
    )


def explained(cell: Cell, row: Row, cells: Cells, hidden: Sequence[Column]) -> Cell:
    """Give an average the reasons of the columns behind it, where these are not shown themselves."""
    inner = [f"{column.label}: {reason}" for column in hidden for reason in cells[row, column].reasons]
    return dataclasses.replace(cell, reasons=(*cell.reasons, *inner))


def label_of(text: str, row: Row, task: str) -> str:
    """Return a row's text: the method's, and what sets this part of it apart: `joint (target_size 100)`."""
    only = ", ".join(f"{key} {value}" for key, value in apart(row, task))
    return f"{text} ({only})" if only else text


def apart(row: Row, task: str) -> list[tuple[str, str]]:
    """Return what sets this part of a method apart, as text: `[("target_size", "100")]`."""
    return [(key, setting_text(key, value, dict(row.only), task)) for key, value in row.only]


def fill(spec: Spec, grid: Grid, values: ItemValues, row: Row, column: Column) -> Cell:
    """Summarise one cell's scores, or say why there are none."""
    scores = dict(sorted(grid.cells.get((row, column), {}).items()))
    reasons = gaps(spec, grid, row, column, scores)
    choice = grid.choices.get((row, column))
    if choice is not None and choice.reason:
        reasons = (choice.reason,) if choice.point is None else (*reasons, choice.reason)
    if not scores:
        return Cell({}, {}, reasons=reasons)
    runs = {seed: score.run for seed, score in scores.items()}
    return Cell(
        scores={seed: score.value for seed, score in scores.items()},
        runs=runs,
        summary=summarise([score.value for score in scores.values()]),
        crossed=values.mean(list(runs.values()), column.language) if values.at_hand(list(runs.values())) else None,
        sentences=next(iter(scores.values())).sentences,
        reasons=reasons,
    )


def gaps(spec: Spec, grid: Grid, row: Row, column: Column, scores: Mapping[Seed, Score]) -> tuple[str, ...]:
    """Return why a cell is empty or lacks seeds."""
    used = {name for score in scores.values() for name in score.experiments}
    here = [e for e in spec.experiments if spec.dataset_of(e["name"]) == column.dataset]
    offered = [e for e in here if row.variant in e["methods"] and column.language in e["targets"]]
    sourced = [e for e in offered if not column.sources or column.sources in e["sources"] or not e["sources"]]
    one = spec.over_seeds(row.variant)
    wanted: set[Seed] = {
        (d, m)
        for e in sourced
        if not used or e["name"] in used
        for d in e["data_seeds"]
        for m in ([None] if one else e["model_seeds"])
    }
    absent = sorted(wanted - scores.keys())
    if not wanted and not scores:
        return ("not among the table's experiments",)
    if not absent:
        return ()
    own = str(settings_of(grid, row).get("auxiliary", ""))
    if column.language in own.split("+"):
        return (f"{column.language} is an auxiliary language here",)
    undefined = [seed for seed in absent if seed in grid.unscored.get((row, column), ())]
    absent = [seed for seed in absent if seed not in undefined]
    reasons = []
    if undefined:
        nothing = f"no example of {kind_of(spec.metric, spec.task)}, neither in gold nor predicted"
        which = seeds_text(undefined) if scores or absent else ""
        reasons.append(f"{spec.metric} is not defined: {nothing}{which}")
    if not absent:
        return tuple(reasons)
    pairs = spec.columns == "pair"
    known = {
        (m["data_seed"], m["model_seed"]): m["reason"]
        for m in grid.missing
        if m["variant"] == row.variant
        and column.holds(m["sources"], m["language"], pairs, spec.dataset_of(m["experiment"]))
    }
    why = sorted({known.get(seed, "not in the collected scores") for seed in absent})
    return (*reasons, f"{', '.join(why)}{seeds_text(absent) if scores or undefined else ''}")


def seeds_text(seeds: Sequence[Seed]) -> str:
    """Name seeds in a note: ` (model seed 1, 3)`, or of averages over these ` (data seed 42)`."""
    if any(model is None for _, model in seeds):
        return f" (data seed {', '.join(str(data) for data, _ in seeds)})"
    return f" (model seed {', '.join(str(model) for _, model in seeds)})"


def mean_of(spec: Spec, grid: Grid, cells: Cells, row: Row, columns: Sequence[Column]) -> Cell:
    """Average a row over columns, and say so where their runs differ in more than their languages and datasets."""
    cell = average([cells[row, column] for column in columns])
    if cell.summary is None:
        return cell
    return dataclasses.replace(cell, reasons=(*cell.reasons, *unlike_columns(grid, row, columns, spec.task)))


def average(cells: Sequence[Cell]) -> Cell:
    """Average a row over its columns, for each seed first; only seeds that every column has."""
    empty = sum(cell.summary is None for cell in cells)
    if empty:
        return Cell({}, {}, reasons=(f"no average: {empty} of {len(cells)} columns are empty",))
    seeds = sorted(set.intersection(*(set(cell.scores) for cell in cells)))
    if not seeds:
        return Cell({}, {}, reasons=("no average: no seed is in every column",))
    scores = {seed: summarise([cell.scores[seed] for cell in cells]).mean for seed in seeds}
    partial = any(len(cell.scores) > len(seeds) for cell in cells)
    reasons = (f"over the {len(seeds)} seeds that every column has",) if partial else ()
    return Cell(scores, {}, summarise(list(scores.values())), reasons=reasons)


def baseline_of(spec: Spec, grid: Grid, row: Row) -> Row | None:
    """Return the baseline's row that agrees with `row` in all that sets the baseline's rows apart."""
    own = settings_of(grid, row)
    for candidate in grid.rows:
        if candidate.variant == spec.baseline and (
            candidate == row or all(own.get(key) == value for key, value in candidate.only)
        ):
            return candidate
    return None


def settings_of(grid: Grid, row: Row) -> dict[str, Any]:
    """Return the settings of a row's first score, with what sets the row apart."""
    scores = [score for (r, _), cell in grid.cells.items() if r == row for score in cell.values()]
    return {**(scores[0].settings if scores else {}), **dict(row.only)}


def compared(spec: Spec, grid: Grid, values: ItemValues, cells: Cells, rows: tuple[Row, Row], column: Column) -> Cell:
    """Return a cell with its comparison to the baseline's cell of the same column, over common seeds."""
    cell, base = cells[rows[0], column], cells[rows[1], column]
    if cell.summary is None or base.summary is None:
        return cell
    if spec.over_seeds(rows[0].variant) != spec.over_seeds(rows[1].variant):
        return compared_by_data(spec, grid, (cell, base), rows, column)
    seeds = [seed for seed in cell.scores if seed in base.scores]
    reasons = list(cell.reasons)
    if not seeds:
        return dataclasses.replace(cell, reasons=(*reasons, "no seed in common with the baseline"))
    if len(seeds) < len(cell.scores):
        reasons.append(f"compared over the {len(seeds)} seeds that the baseline has too")
    reasons += unlike_behind(spec, grid, rows, column)
    shared = [[runs[seed] for seed in seeds if seed in runs] for runs in (cell.runs, base.runs)]
    over_items = None
    if values.at_hand([*shared[0], *shared[1]]):
        if not values.alike([*shared[0], *shared[1]], column.language):
            said = f"tested on other {ITEMS[spec.task]} than the baseline, so not compared"
            return dataclasses.replace(cell, reasons=(*cell.reasons, said))
        over_items = values.difference(shared[0], shared[1], column.language)
    comparison = compare([cell.scores[seed] for seed in seeds], [base.scores[seed] for seed in seeds])
    return dataclasses.replace(cell, comparison=comparison, crossed_difference=over_items, reasons=tuple(reasons))


def unlike_behind(spec: Spec, grid: Grid, rows: tuple[Row, Row], column: Column) -> dict[str, None]:
    """Say in what two rows differ though a fair comparison would not, in a column or in those behind a mean shown alone."""
    hidden = spec.columns in ("average", "dataset_average")
    behind = members(column, grid.columns) if hidden else [column]
    return dict.fromkeys(reason for part in behind for reason in unlike_baseline(grid, rows, part))


def compared_by_data(spec: Spec, grid: Grid, cells: tuple[Cell, Cell], rows: tuple[Row, Row], column: Column) -> Cell:
    """Compare an average over model seeds with a row that has a run for each of them, or the other way round: by data seed.

    The row with single runs counts with their mean, so a pair is of all that one data seed has on either side.
    """
    ours, theirs = (by_data(cell.scores) for cell in cells)
    seeds = [seed for seed in ours if seed in theirs]
    if not seeds:
        return dataclasses.replace(cells[0], reasons=(*cells[0].reasons, "no data seed in common with the baseline"))
    own = "the baseline's" if spec.over_seeds(rows[0].variant) else "its"
    number = f"{len(seeds)} data seed{'s' if len(seeds) != 1 else ''}"
    said = f"compared over {number}, with {own} mean over model seeds"
    comparison = compare([ours[seed] for seed in seeds], [theirs[seed] for seed in seeds])
    reasons = (*cells[0].reasons, said, *unlike_behind(spec, grid, rows, column))
    return dataclasses.replace(cells[0], comparison=comparison, reasons=reasons)


def by_data(scores: Mapping[Seed, float]) -> dict[int, float]:
    """Return the mean score of each data seed."""
    found: dict[int, list[float]] = {}
    for (data, _), value in scores.items():
        found.setdefault(data, []).append(value)
    return {data: summarise(values).mean for data, values in found.items()}


def families_of(columns: Sequence[Column]) -> tuple[list[Column], list[Column], list[Column]]:
    """Part a row's columns into Holm's families: those of cells, its targets' means, its average alone."""
    means = [c for c in columns if c.mean and c != AVERAGE]
    return [c for c in columns if not c.mean], means, [c for c in columns if c == AVERAGE]


def adjust(spec: Spec, cells: Cells, row: Row, columns: Sequence[Column]) -> None:
    """Adjust a row's p-values by Holm within each family."""
    for family in families_of(columns):
        tested = {c: test for c in family if (test := cells[row, c].comparison)}
        adjusted = holm([p_for_stars(spec, test, cells[row, c].scores) for c, test in tested.items()])
        least = least_holm([test.n for test in tested.values()])
        for (column, test), p, attainable in zip(tested.items(), adjusted, least, strict=True):
            cells[row, column] = dataclasses.replace(
                cells[row, column],
                p_holm=None if test.p is None else p,
                least_holm=attainable,
                family=len(tested),
            )


def members_of(column: Column, columns: Sequence[Column]) -> list[Column]:
    """Return the columns of runs behind a column: itself, or those that it is a mean over."""
    return members(column, columns) if column.mean else [column]


def mark_leads(cells: Cells, rows: Sequence[Row], column: Column, behind: Sequence[Column], values: ItemValues) -> Lead:
    """Mark the highest mean of a column that has at least two, and those that cannot be told from it."""
    scores = {row: cells[row, column].scores for row in rows if cells[row, column].summary}
    runs = [(member.language, {row: cells[row, member].runs for row in scores}) for member in behind]
    lead = lead_of(scores, runs, values)
    means = {row: s.mean for row in scores if (s := cells[row, column].summary)}
    for row, mean in means.items():
        best = len(means) > 1 and mean >= max(means.values()) - 1e-12
        holds = lead.holds and lead.highest == row
        cells[row, column] = dataclasses.replace(
            cells[row, column], best=best, tied=row in lead.tied and not holds, leads=holds
        )
    return lead
