"""An error analysis as grids of words, which Markdown and LaTeX set: a grid for each part, a block of rows for each target."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from pipeline.data.schema import CLASSES
from pipeline.results.errors import answers, bins, entities
from pipeline.results.errors.report import Number, Pair, Report, usual_seeds
from pipeline.results.errors.spec import Key

FEW = 20
"""Items below which a number stands in parentheses."""


@dataclass(frozen=True)
class Part:
    """A part of an analysis: its key, and what its numbers are."""

    key: str
    title: str


@dataclass(frozen=True)
class Grid:
    """A part as a table of words: a head, and blocks of rows; the first `words` columns are words, the others numbers."""

    part: Part
    head: Sequence[str]
    blocks: Sequence[Sequence[Sequence[str]]]
    words: int = 2


LENGTH, KNOWN, FREQUENCY = "length", "known", "frequency"
_CLASSES = (
    Part("confusion", "Predicted class (columns) by gold class (rows), per 100 examples of the row"),
    Part(LENGTH, "Accuracy by the example's length in words"),
    Part(KNOWN, "Accuracy by how many of the example's words stand in the training examples"),
    Part(FREQUENCY, "F1 by class, from frequent to rare in training"),
)
PARTS: dict[str, tuple[Part, ...]] = {
    "ner": (
        Part("kinds", "Correct entities and errors, per 100 gold entities"),
        Part(
            "confusion",
            "Predicted type (columns) by gold type (rows) whatever the boundaries, per 100 entities of the row; none: missed, "
            "or invented",
        ),
        Part(LENGTH, "F1 by the entity's length in words"),
        Part("sentence", "F1 by the sentence's length in words"),
        Part(KNOWN, "F1 by where all words of the entity are known from"),
        Part(FREQUENCY, "F1 by entity type, from frequent to rare in training"),
    ),
    "qa": (
        Part("kinds", "Exact answers and errors, per 100 questions"),
        Part(LENGTH, "Answer F1 by the answer's length in words"),
        Part(KNOWN, "Answer F1 by where all words of the answer are known from"),
        Part("question", "Answer F1 by the question's first word"),
        Part("place", "Answer F1 by where in the context the answer begins"),
    ),
    **dict.fromkeys(CLASSES, _CLASSES),
}
"""By task: the parts, in order."""

ORDERS = {
    ("ner", LENGTH): bins.length_groups(bins.ENTITY_LENGTHS),
    ("ner", "sentence"): bins.length_groups(bins.SENTENCE_LENGTHS),
    ("qa", LENGTH): bins.length_groups(bins.ANSWER_LENGTHS),
    ("qa", "place"): bins.THIRDS,
    ("ner", KNOWN): bins.LEVELS,
    ("qa", KNOWN): bins.LEVELS,
    **{(task, LENGTH): bins.length_groups(bins.TEXT_LENGTHS) for task in CLASSES},
    **{(task, KNOWN): bins.SHARES for task in CLASSES},
    ("ner", "kinds"): (entities.CORRECT, *entities.KINDS),
    ("qa", "kinds"): (answers.EXACT, *answers.KINDS),
}
"""By task and part: the groups in order; those of others follow from the data."""


def caption(report: Report) -> str:
    """Say what the numbers are of, for all parts."""
    spec, seeds = report.spec, usual_seeds(report)
    over = f"Mean ± standard deviation over {seeds} seeds." if seeds > 1 else "One seed."
    title = spec.title or f"Errors in {spec.experiment}"
    return f"{title.rstrip('.')}. {over}"


def notes(report: Report, shown: Sequence[Grid]) -> list[str]:
    """Say what must be known to read the numbers of some grids, and what is missing."""
    cells = [cell for grid in shown for block in grid.blocks for row in block for cell in row[grid.words :]]
    found = [f"In parentheses: fewer than {FEW} items."] if any(cell.startswith("(") for cell in cells) else []
    known = report.spec.known
    whose = []
    for key, words in (("target", "the target's"), ("source", "the sources'"), ("auxiliary", "the auxiliaries'")):
        if key in known:
            each = "" if key == "target" else " of each"
            whose.append(f"{words} {known[key]['split']} ({size_text(known[key]['size'])}{each})")
    if whose and any(grid.part.key in (KNOWN, FREQUENCY) for grid in shown):
        found.append(f"Known words and frequencies, for all methods alike: those of {', '.join(whose)}.")
    return [*found, *report.notes]


def size_text(size: float | None) -> str:
    """Word how many examples: `100 examples`, `10 % of all`, `all`."""
    if size is None:
        return "all"
    return (
        f"{100 * size:g} % of all"
        if isinstance(size, float) and size < 1
        else f"{size:g} example{'' if size == 1 else 's'}"
    )


def grids(report: Report) -> list[Grid]:
    """Return the grids of all parts that hold a number; where targets have other groups, a part has several."""
    found: list[Grid] = []
    for part in PARTS[report.spec.task]:
        if not report.keys(part.key):
            continue
        if part.key == "confusion":
            found.append(matrix_grid(report, part))
        elif part.key == "kinds":
            found.append(kinds_grid(report, part))
        else:
            found += group_grids(report, part)
    return found


def groups(report: Report, part: str, pair: Pair | None = None) -> list[str]:
    """Return the groups of a part, in order: those of one pair, or of all."""
    task = report.spec.task
    keys = [
        key for (_, of), cell in report.cells.items() if pair in (None, of) for key in cell.numbers if key.part == part
    ]
    there = list(dict.fromkeys(key.group for key in keys))
    if (task, part) in ORDERS:
        return [group for group in ORDERS[task, part] if group in there]
    if part == "question":
        sizes = {key.group: items_of(report, pair, key) for key in keys}
        return sorted(there, key=lambda group: (group == bins.OTHER, -sizes[group], group))
    names = [*there, *(key.other for key in keys if key.other)]
    totals = dict.fromkeys(names, 0.0)
    for of_pair in report.counts.values():
        for name, both in of_pair.items():
            if name in totals:
                totals[name] += sum(both)
    return sorted(totals, key=lambda name: (name == entities.NOTHING, -totals[name], name))


def items_of(report: Report, pair: Pair | None, key: Key) -> float:
    """Return how many items a number is of, by the first method that has it."""
    found = (cell.numbers.get(key) for (_, of), cell in report.cells.items() if pair in (None, of))
    return next((number.items for number in found if number is not None), 0.0)


def kinds_grid(report: Report, part: Part) -> Grid:
    """Return correct items and kinds of errors: a row a method."""
    names = groups(report, part.key)
    blocks = [
        [
            [label, method, *(cell_text(report, name, pair, Key(part.key, group)) for group in names), count]
            for name, method in methods(report, pair)
            for count in [items_text(items_of(report, pair, Key(part.key, names[0])))]
        ]
        for pair, label in pairs(report)
    ]
    return Grid(part, ["", "", *names, "items"], blocks)


def group_grids(report: Report, part: Part) -> list[Grid]:
    """Return the scores of each group, a row a method, under how many items each has; targets of equal groups together."""
    heads = {
        pair: tuple(groups(report, part.key, pair if part.key == "question" else None)) for pair, _ in pairs(report)
    }
    return [
        Grid(part, ["", "", *head], [group_block(report, part.key, pair, head, label) for pair, label in those])
        for head, members in groupby(pairs(report), key=lambda pair: heads[pair[0]])
        for those in [list(members)]
    ]


def group_block(report: Report, part: str, pair: Pair, head: Sequence[str], label: str) -> list[list[str]]:
    """Return the rows of one target."""
    counts = report.counts[pair]
    rows = [[label, "items", *(items_text(items_of(report, pair, Key(part, group))) for group in head)]]
    if part == FREQUENCY:
        for i, (key, words) in enumerate((("target", "in the target's training"), ("source", "in others' training"))):
            if key in report.spec.known or (i and "auxiliary" in report.spec.known):
                rows.append([label, words, *(items_text(counts.get(group, (0, 0))[i]) for group in head)])
    for name, method in methods(report, pair):
        rows.append([label, method, *(cell_text(report, name, pair, Key(part, group)) for group in head)])
    return rows


def matrix_grid(report: Report, part: Part) -> Grid:
    """Return confusion matrices: a row for each method and gold class."""
    names = groups(report, part.key)
    gold = [name for name in names if any(key.group == name for key in report.keys(part.key))]
    said = [name for name in names if any(key.other == name for key in report.keys(part.key))]
    blocks = []
    for pair, label in pairs(report):
        for name, method in methods(report, pair):
            rows = []
            for one in gold:
                cells = [cell_text(report, name, pair, Key(part.key, one, other)) for other in said]
                number = next(
                    (n for other in said if (n := report.number(name, pair, Key(part.key, one, other)))), None
                )
                rows.append([label, method, one, *cells, items_text(number.items) if number else ""])
            blocks.append(rows)
    return Grid(part, ["", "", "gold", *said, "items"], blocks, words=3)


def pairs(report: Report) -> list[tuple[Pair, str]]:
    """Return the pairs that have a cell, each with its label."""
    there = {pair for _, pair in report.cells}
    return [(pair, report.spec.pair_label(*pair)) for pair in report.spec.pairs if pair in there]


def methods(report: Report, pair: Pair) -> list[tuple[str, str]]:
    """Return the names and labels of the methods that have runs on a pair."""
    return [(m["name"], m["label"]) for m in report.spec.methods if (m["name"], pair) in report.cells]


def cell_text(report: Report, method: str, pair: Pair, key: Key) -> str:
    """Word a number, `71.3 ± 1.2`; in parentheses where it is of few items, `–` where there is none."""
    number = report.number(method, pair, key)
    return "–" if number is None else number_text(number)


def number_text(number: Number) -> str:
    """Word a number ×100."""
    mean, sd = number.summary.mean, number.summary.sd
    text = f"{100 * mean:.1f}" if sd is None else f"{100 * mean:.1f} ± {100 * sd:.1f}"
    return f"({text})" if number.items < FEW else text


def items_text(items: float) -> str:
    """Word how many items; the mean where seeds differ."""
    return f"{items:.0f}" if items == round(items) else f"{items:.1f}"
