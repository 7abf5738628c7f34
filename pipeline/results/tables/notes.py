"""The sentences around a table: what the cells show, how epochs were chosen, what the tests can and cannot say.

Above it stands a caption of at most three lines: what, how many seeds and examples, how chosen. All else is numbered below.
"""

import string
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count, product
from statistics import median
from typing import Any

from pipeline.results.scores.measures import title as metric_title
from pipeline.results.statistics.seeds import ALPHA, seeds_needed, smallest_p, usual_count
from pipeline.results.tables.added import seeds_added
from pipeline.results.tables.averaged import averaged_runs
from pipeline.results.tables.cells import AVERAGE, Column, Row
from pipeline.results.tables.doubts import sentences
from pipeline.results.tables.items import LEAST_ITEMS
from pipeline.results.tables.misnamed import misnamed
from pipeline.results.tables.protocols import items_of, selection
from pipeline.results.tables.sureness import sureness
from pipeline.results.tables.table import Cell, Table, families_of
from pipeline.results.tables.tuning import grids_of
from pipeline.results.tables.unlike import FINE_TUNE_SHOWN, column_groups

BRIEF = 100
"""Characters that a caption has for how epochs were chosen."""

FEW_SETS = 4
"""Test sets of several sizes that a caption names one by one."""


def caption(table: Table) -> list[str]:
    """Return the caption's sentences: title, measure, test sets, and how epochs and hyper-parameters were chosen."""
    title = table.spec.title.strip()
    return [
        *([title if title.endswith((".", "?", "!")) else f"{title}."] if title else []),
        measure(table),
        *test_sets(table),
        *briefly(table),
    ]


def notes(table: Table, mark: str) -> list[str]:
    """Return the numbered notes under the table: how it was made, what its marks mean, then what there is to remark.

    Args:
        table: the table.
        mark: how methods are marked that are tied with the best: `Underlined` or `Shaded`.
    """
    if table.spec.style == "paper":
        return [*sureness(table, mark), *tests(table), *power(table)]
    said = selection(table)
    made = [" ".join(said)] if said and said != briefly(table) else []
    return [*made, *averages(table), *sureness(table, mark), *remarks(table)]


def briefly(table: Table) -> list[str]:
    """Say how epochs and hyper-parameters were chosen where that is one short sentence, else where it is said."""
    said = selection(table)
    if len(said) == 1 and len(said[0]) <= BRIEF:
        return said
    if table.spec.style == "paper":
        return []
    return (
        ["Epochs and hyper-parameters: note 1." if grids_of(table.spec.methods) else "Epochs: note 1."] if said else []
    )


def measure(table: Table) -> str:
    """Say what a cell shows."""
    n, differs = usual_n(table)
    spread = "" if n == 1 and not differs else " ± standard deviation"
    seeds = f"n = {n} seed{'s' if n != 1 else ''}{' (in parentheses where it is another number)' if differs else ''}"
    return f"{metric_title(table.spec.metric)} (×100): mean{spread} over {seeds}."


def averages(table: Table) -> list[str]:
    """Say of which columns the averages are where these are not shown."""
    labels = [column.label for column in table.averaged]
    return [f"Averages are over {', '.join(labels)}, for each seed first."] if labels else []


def shown(table: Table) -> list[Cell]:
    """Return the cells of the columns that are shown."""
    return [table.cells[row, column] for row in table.rows for column in table.columns]


def usual_n(table: Table) -> tuple[int, bool]:
    """Return the number of seeds that most cells have, and whether any has another."""
    numbers = [cell.summary.n for cell in shown(table) if cell.summary]
    return usual_count(numbers), len(set(numbers)) > 1


def remarks(table: Table) -> list[str]:
    """Return the sentences under the table: points chosen on dev, tests, power, test sets, what is doubtful about them."""
    said = [*averaged_runs(table), *chosen(table), *fine_tuning(table), *tests(table)]
    said += [*seeds_added(table.spec), *power(table), *spread(table)]
    named = [column.language for column in [*table.averaged, *table.columns] if not column.mean]
    return [*said, *misnamed(table.spec.metric, named), *sentences(table.doubts), *earlier_code(table)]


def fine_tuning(table: Table) -> list[str]:
    """Say in what few-shot rows are fine-tuned otherwise than each other on the target, beside what goes before it."""
    every = [way for ways in table.fine_tunings.values() for way in ways.values()]
    parts = []
    if any(every) and not all(every):
        parts.append(f"none ({', '.join(tuned_so(table, lambda way: 'some' if way else 'none')['none'])})")
    for key in FINE_TUNE_SHOWN:
        groups = tuned_so(table, partial(value_text, key))
        if len(groups) > 1:
            parts.append(f"{key} " + ", ".join(f"{value} ({', '.join(rows)})" for value, rows in groups.items()))
    return [f"Rows are not fine-tuned on the target alike: {'; '.join(parts)}."] if parts else []


def value_text(key: str, way: Mapping[str, Any]) -> str | None:
    """Write a setting of fine-tuning as the config has it; `None` where there is no such setting."""
    if key not in way:
        return None
    return "null" if way[key] is None else str(way[key])


def tuned_so(table: Table, value: Callable[[Mapping[str, Any]], str | None]) -> dict[str, list[str]]:
    """Group few-shot rows by something of their fine-tuning; a row that has several values is named with its columns.

    Args:
        table: the table.
        value: of a way to fine-tune; `None` where it has no such thing.

    Returns:
        By value the rows' labels, in order: `few_shot`, or `few_shot for qu and jv`.
    """
    groups: dict[str, list[str]] = {}
    for row in table.rows:
        own: dict[str, list[Column]] = {}
        for column, way in table.fine_tunings.get(row, {}).items():
            if (text := value(way)) is not None:
                own.setdefault(text, []).append(column)
        for text, names in column_groups(own).items():
            where = f" for {' and '.join(names)}" if len(own) > 1 else ""
            groups.setdefault(text, []).append(f"{table.labels[row]}{where}")
    return groups


def earlier_code(table: Table) -> list[str]:
    """Say how many cells rest on runs of earlier code, and which; an average is no cell of its own."""
    columns = table.averaged or [column for column in table.columns if not column.mean]
    codes: dict[str, None] = {}
    cells = mixed = 0
    for row, column in product(table.rows, columns):
        runs = [table.earlier.get(run, ()) for run in table.cells[row, column].runs.values()]
        cells += any(runs)
        mixed += any(runs) and not all(runs)
        codes |= dict.fromkeys(code for found in runs for code in found)
    if not cells:
        return []
    beside = f" ({mixed} of them beside runs of the present code)" if mixed else ""
    return [f"{cells} cell{'s' if cells != 1 else ''} from runs of earlier code {', '.join(sorted(codes))}{beside}."]


def chosen(table: Table) -> list[str]:
    """Name the points that dev data chose, a sentence for each row of a variant with a grid."""
    sentences = []
    for row in table.rows:
        found = {key[1]: choice for key, choice in table.choices.items() if key[0] == row and choice.point}
        if found:
            metric = next(iter(found.values())).metric
            sentences.append(f"Chosen on dev ({metric}): {table.labels[row]}: {chosen_text(table, row)}.")
    return sentences


def chosen_text(table: Table, row: Row) -> str:
    """Return a row's points and for which columns they were chosen: `meta_lr 1e-06 (qu, jv), 3e-05 (yo)`."""
    columns = [*table.averaged, *(column for column in table.columns if not column.mean)]
    names = column_names(columns)
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for column in columns:
        choice = table.choices.get((row, column))
        if choice is not None and choice.point is not None:
            groups.setdefault(choice.point.shown, []).append(names[column])
    one_key = all(len(values) == 1 for values in groups)
    parts = []
    for i, (values, members) in enumerate(groups.items()):
        point = values[0][1] if one_key and i else ", ".join(f"{key} {value}" for key, value in values)
        parts.append(point if len(members) == len(columns) else f"{point} ({', '.join(members)})")
    return (", " if one_key else "; ").join(parts)


def column_names(columns: Sequence[Column]) -> dict[Column, str]:
    """Return columns' names: the languages where these are enough, else the labels."""
    single = len({column.sources for column in columns}) < 2 and not any(column.dataset for column in columns)
    return {column: column.language if single else column.label for column in columns}


def baseline_label(table: Table) -> str:
    """Return the text of the method that others are compared with."""
    return next(str(m.get("label", m["name"])) for m in table.spec.methods if m["name"] == table.spec.baseline)


def tests(table: Table) -> list[str]:
    """Explain p and the star."""
    if not any(cell.comparison for cell in table.cells.values()):
        return []
    sizes = families(table, means=False)
    within = f"{'/'.join(map(str, sizes))} comparison{'s' if sizes != [1] else ''}"
    means = f"the targets' averages, {'/'.join(map(str, found))}" if (found := families(table, means=True)) else ""
    parts = [within if sizes else "", f"{means}, a family of their own" if sizes and means else means]
    averaged = any(cell.comparison for (_, column), cell in table.cells.items() if column == AVERAGE)
    family = "; ".join([*filter(None, parts), *(["the average is a family of one"] if averaged else [])])
    alone = not means and (sizes == [] if averaged else sizes == [1])
    holm = ", one comparison a row" if alone else f" after Holm over the row ({family})"
    alike = any(cell.comparison and cell.comparison.p is None for cell in table.cells.values())
    return [
        f"p: two-sided paired t-test over seeds against {baseline_label(table)}, not adjusted."
        + ("" if all_hopeless(table) else f" * p ≤ {points(ALPHA)}{holm}.")
        + (" No p: one seed, or the same difference in every seed." if alike else "")
    ]


def families(table: Table, means: bool) -> list[int]:
    """Return how many comparisons a row's p-values were adjusted for: of its cells, or of its targets' means."""
    columns = families_of(table.columns)[means]
    cells = [table.cells[row, column] for row in table.rows for column in columns]
    return sorted({cell.family for cell in cells if cell.comparison})


def all_hopeless(table: Table) -> bool:
    """Whether no comparison of the table can be significant, whatever the scores."""
    tested = [cell for cell in table.cells.values() if cell.comparison]
    return bool(tested) and all(cell.hopeless for cell in tested)


def power(table: Table) -> list[str]:
    """Say which cells cannot be significant whatever their scores, and how many seeds would do."""
    found = {(cell.comparison.n, cell.family) for cell in table.cells.values() if cell.comparison and cell.hopeless}
    if not found:
        return []
    unequal = any(len(ns) > 1 for ns in numbers_of_seeds(table))
    floors = ", ".join(f"{points(smallest_p(n))} with n = {n}" for n in sorted({n for n, _ in found}))
    needs = ", ".join(
        f"{seeds_needed(m)} for {'one comparison' if m == 1 else f'{m} comparisons under Holm'}"
        for m in sorted({m for _, m in found})
    )
    whose = "No difference here can be significant" if all_hopeless(table) else "† cannot be significant"
    return [
        f"{whose}, whatever the scores: an exact paired test over seeds cannot go below p = {floors}; "
        f"seeds needed{' where all cells of a row have as many' if unequal else ''}: {needs}."
    ]


def numbers_of_seeds(table: Table) -> list[set[int]]:
    """Return which numbers of seeds the comparisons of each row have, for each of Holm's families."""
    return [
        {test.n for column in family if (test := table.cells[row, column].comparison)}
        for row in table.rows
        for family in families_of(table.columns)
    ]


def test_sets(table: Table) -> list[str]:
    """Say how many examples were tested: of each language where they are few, else from the least to the most."""
    items = items_of(table)
    sizes = sizes_of(table)
    if not sizes:
        return []
    if len(set(sizes.values())) == 1:
        size = next(iter(sizes.values()))
        return [f"Test sets: {size:,} {items if size != 1 else items.removesuffix('s')} each."]
    if len(sizes) <= FEW_SETS:
        return [f"Test {items}: {', '.join(f'{lang} {n:,}' for lang, n in sizes.items())}."]
    return [f"Test sets: {min(sizes.values()):,} to {max(sizes.values()):,} {items}."]


def sizes_of(table: Table) -> dict[str, int]:
    """Return how many examples were tested of each language, and dataset where columns are by it."""
    return {
        f"{c.language} {c.dataset}".strip(): cell.sentences for (_, c), cell in table.cells.items() if cell.sentences
    }


def spread(table: Table) -> list[str]:
    """Say how wide test sets leave the means, and of many what their sizes are."""
    sizes = sizes_of(table)
    parts = [spread_over_items(table)] if sizes else []
    if len(set(sizes.values())) > 1 and len(sizes) > FEW_SETS:
        parts.append(f"test {items_of(table)}: {', '.join(f'{lang} {n:,}' for lang, n in sizes.items())}")
    said = "; ".join(filter(None, parts))
    return [f"{said[0].upper()}{said[1:]}."] if said else []


def spread_over_items(table: Table) -> str:
    """Say how wide the interval over seeds and test examples is in the median of the cells that have one, or why none has."""
    cells, items = shown(table), items_of(table)
    found = [cell.crossed for cell in cells if cell.crossed and cell.crossed.half is not None]
    few = any(0 < cell.sentences < LEAST_ITEMS for cell in cells)
    if not found:
        if any(cell.crossed for cell in cells):
            return f"no interval: there is no variance over seeds and {items} to make one of"
        return f"fewer than {LEAST_ITEMS} {items} are too few for an interval" if few else ""
    single = [mean for mean in found if mean.seeds == 1]
    both = f"95 % interval of a mean over seeds and {items}"
    if len(single) == len(found):
        both = f"95 % interval over {items}, of the one seed"
    elif single:
        both += f", of one seed over {items} alone"
    half = median(100 * mean.half for mean in found if mean.half is not None)
    width = f"±{half:.1f}" if half >= 0.05 else "less than ±0.1"
    return f"{both}: {width} in the median cell" + (f"; fewer than {LEAST_ITEMS} are too few for one" if few else "")


def footnotes(table: Table) -> dict[str, str]:
    """Give each reason a letter, in the order of the cells: reason → `a`, `b`, …."""
    reasons = [r for row in table.rows for column in table.columns for r in table.cells[row, column].reasons]
    return dict(zip(dict.fromkeys(reasons), _letters(), strict=False))


def _letters() -> Iterator[str]:
    for length in count(1):
        yield from map("".join, product(string.ascii_lowercase, repeat=length))


@dataclass(frozen=True)
class CellText:
    """What every form of a table writes of a cell, before its own escaping.

    Attributes:
        mean: ×100; empty where there is no score.
        rest: what follows it: ` ± 1.3 (3)`.
        sign: `*`, `†` or nothing.
        notes: the letters of its footnotes.
        leads, tied: how it is marked, one of the two or neither.
        difference: from the baseline, with its interval; empty where there is no comparison.
        p: its p.
    """

    mean: str
    rest: str
    sign: str
    notes: str
    leads: bool
    tied: bool
    difference: str
    p: str


def cell_texts(table: Table, letters: Mapping[str, str]) -> dict[tuple[Row, Column], CellText]:
    """Return the words of all cells that are shown; what all comparisons have in common is no mark.

    Args:
        table: the table.
        letters: of footnotes, by reason.
    """
    usual, dagger = usual_n(table)[0], "" if all_hopeless(table) else "†"
    found = {}
    for row, column in product(table.rows, table.columns):
        cell = table.cells[row, column]
        mean, rest = score_texts(cell, usual)
        found[row, column] = CellText(
            mean=mean,
            rest=rest,
            sign=dagger if cell.hopeless else "*" if cell.significant else "",
            notes=",".join(letters[reason] for reason in cell.reasons),
            leads=cell.leads,
            tied=cell.tied and not cell.leads,
            difference=difference_text(cell),
            p=p_text(cell),
        )
    return found


def p_text(cell: Cell) -> str:
    """Return `p = .021`, `no p` where the t-test is undefined, or nothing where there is no comparison."""
    if cell.comparison is None:
        return ""
    p = cell.comparison.p
    if p is None:
        return "no p"
    return "p < .001" if p < 0.001 else f"p = {p:.3f}".replace("0.", ".")


def difference_text(cell: Cell) -> str:
    """Return the difference from the baseline ×100 with its 95 % t-interval over seeds: `+10.0 [7.5, 12.5]`."""
    test = cell.comparison
    if test is None:
        return ""
    ends = "" if test.low is None or test.high is None else f" [{100 * test.low:.1f}, {100 * test.high:.1f}]"
    return f"{100 * test.difference:+.1f}{ends}".replace("-", "−")


def points(value: float) -> str:
    """Write a level of significance as papers do: `.05`, `.25`, `1`."""
    return f"{value:.3f}".rstrip("0").rstrip(".").removeprefix("0") or "0"


def score_texts(cell: Cell, usual: int) -> tuple[str, str]:
    """Return a cell's mean and the rest, ×100 with one decimal: `("61.2", " ± 1.3 (3)")`; n where it is not the usual one."""
    if cell.summary is None:
        return "", ""
    sd = "" if cell.summary.sd is None else f" ± {100 * cell.summary.sd:.1f}"
    return f"{100 * cell.summary.mean:.1f}", sd + (f" ({cell.summary.n})" if cell.summary.n != usual else "")


def rows_with_p(table: Table) -> Sequence[Row]:
    """Return the rows whose comparisons are shown: of those that have any, all, or in a paper's style none."""
    if table.spec.style == "paper":
        return []
    return [row for row in table.rows if any(table.cells[row, column].comparison for column in table.columns)]
