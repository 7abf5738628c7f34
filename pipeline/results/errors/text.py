"""An error analysis as CSV (every number), Markdown and LaTeX."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import TypeVar

from pipeline.results.errors.grids import FEW, Grid, caption, grids, notes, pairs
from pipeline.results.errors.report import Report
from pipeline.results.tables.characters import advice
from pipeline.results.tables.characters import escape as latex_escape
from pipeline.results.tables.latex import environment, label_of
from pipeline.results.tables.render import escape as markdown_escape
from pipeline.results.tables.render import percent, pipe_table

T = TypeVar("T")

CSV_COLUMNS = (
    *("errors", "experiment", "task", "part", "sources", "language", "method", "label", "group", "predicted"),
    *("n", "mean", "sd", "items", "few", "in_target_training", "in_others_training", "seeds", "values", "runs"),
)
ACROSS = 7
"""Columns of numbers that fit the text width of a LaTeX page; the others follow below."""
DOWN = 40
"""Rows of a LaTeX table; the others stand in another."""


def to_csv(report: Report) -> str:
    """Return one line per number; means, deviations and values ×100, nothing rounded away.

    In the part `confusion` `group` is the gold class and `predicted` the other; elsewhere `predicted` is empty.
    """
    out = io.StringIO()
    writer = csv.DictWriter(out, CSV_COLUMNS, lineterminator="\n")
    writer.writeheader()
    labels = {method["name"]: method["label"] for method in report.spec.methods}
    for (method, (sources, language)), cell in report.cells.items():
        for key, number in cell.numbers.items():
            counts = report.counts[sources, language].get(key.group, ()) if key.part == "frequency" else ()
            known = [str(whole(count)) for count in counts] or ["", ""]
            writer.writerow(
                {
                    "errors": report.name,
                    "experiment": report.spec.experiment,
                    "task": report.spec.task,
                    **{"part": key.part, "group": key.group, "predicted": key.other},
                    **{"sources": sources, "language": language, "method": method, "label": labels[method]},
                    "n": number.summary.n,
                    "mean": percent(number.summary.mean),
                    "sd": "" if number.summary.sd is None else percent(number.summary.sd),
                    "items": whole(number.items),
                    "few": int(number.items < FEW),
                    **{"in_target_training": known[0], "in_others_training": known[1]},
                    "seeds": "; ".join(f"{data}/{'all' if model is None else model}" for data, model in number.values),
                    "values": "; ".join(str(percent(value)) for value in number.values.values()),
                    "runs": "; ".join(cell.runs[seed] for seed in number.values),
                }
            )
    return out.getvalue()


def whole(number: float) -> float | int:
    """Return a number without its `.0`; a mean over seeds may be none."""
    return int(number) if number == int(number) else number


def to_markdown(report: Report) -> str:
    """Return the caption, a table for each part under its title, and the notes."""
    parts, found = [markdown_escape(caption(report))], shown(report)
    for grid in found:
        parts += [f"**{markdown_escape(grid.part.title)}**", markdown_grid(grid)]
    return "\n\n".join([*parts, *map(markdown_escape, notes(report, found))]) + "\n"


def shown(report: Report) -> list[Grid]:
    """Return the grids, without the targets' column where there is one target alone."""
    one = len(pairs(report)) == 1
    return [without_first(grid) if one else grid for grid in grids(report)]


def without_first(grid: Grid) -> Grid:
    """Return a grid without its first column."""
    return Grid(grid.part, grid.head[1:], [[row[1:] for row in block] for block in grid.blocks], grid.words - 1)


def markdown_grid(grid: Grid) -> str:
    """Return a grid as a Markdown table; a word that is the one above is not said again."""
    rows = [[markdown_escape(cell) for cell in row] for block in grid.blocks for row in once(block, grid.words)]
    return pipe_table([markdown_escape(cell) for cell in grid.head], rows, grid.words)


def chunks(values: Sequence[T], most: int) -> Iterator[Sequence[T]]:
    """Yield a sequence in parts of at most so many."""
    for start in range(0, len(values), most):
        yield values[start : start + most]


def once(block: Sequence[Sequence[str]], words: int) -> Iterator[list[str]]:
    """Yield a block's rows, leading words left out where they are those of the row above."""
    above: list[str] = []
    for row in block:
        same = 0
        while above and same < words and row[same] == above[same]:
            same += 1
        yield [*[""] * same, *row[same:]]
        above = list(row)


def to_latex(report: Report) -> str:
    r"""Return a `table` environment for each part: `\input` them in a document with `\usepackage{booktabs}`.

    Long parts go on in a further table, wide ones below in the same.
    """
    lines: list[str] = []
    for number, grid in enumerate(shown(report), start=1):
        for i, piece in enumerate(pieces(grid)):
            title = f"{caption(report)} {grid.part.title}{', continued' if i else ''}."
            lines += latex_table(f"{report.name}-{number}-{i + 1}", title, piece, notes(report, [piece]))
    text = "\n".join(lines)
    return "\n".join([*advice(text), text, ""])


def pieces(grid: Grid) -> Iterator[Grid]:
    """Yield a grid in pieces that fit a page, whole blocks as long as these do."""
    panels = -(-(len(grid.head) - grid.words) // ACROSS)
    blocks: list[Sequence[Sequence[str]]] = []
    for block in grid.blocks:
        for part in chunks(block, max(DOWN // panels, 1)):
            if blocks and (sum(map(len, blocks)) + len(part)) * panels > DOWN:
                yield Grid(grid.part, grid.head, blocks, grid.words)
                blocks = []
            blocks = [*blocks, part]
    yield Grid(grid.part, grid.head, blocks, grid.words)


def latex_table(name: str, title: str, grid: Grid, said: Sequence[str]) -> list[str]:
    """Return the lines of one `table` environment."""
    panels = [list(columns) for columns in chunks(range(grid.words, len(grid.head)), ACROSS)]
    widest = max(map(len, panels))
    body = [line for columns in panels for line in (r"\midrule", *latex_panel(grid, columns))][1:]
    layout = r"\footnotesize\setlength{\tabcolsep}{2pt}", f"{'l' * grid.words}{'r' * widest}"
    return environment(title, label_of(name), layout, body, [*map(latex_escape, said)])


def latex_panel(grid: Grid, columns: Sequence[int]) -> list[str]:
    """Return the lines of the columns that stand side by side: their head and all blocks."""
    places = [*range(grid.words), *columns]
    lines = [" & ".join(latex_escape(grid.head[place]) for place in places) + r" \\"]
    for block in grid.blocks:
        lines.append(r"\midrule")
        for row in once(block, grid.words):
            lines.append(" & ".join(latex_cell(row[place], place >= grid.words) for place in places) + r" \\")
    return lines


def latex_cell(text: str, number: bool) -> str:
    """Return a cell; a deviation small and close to its mean."""
    mean, sign, deviation = text.partition(" ± ")
    if not (number and sign):
        return latex_escape(text)
    bracket = ")" if deviation.endswith(")") else ""
    return rf"{mean}{{\scriptsize\,$\pm$\,{deviation.removesuffix(')')}}}{bracket}"
