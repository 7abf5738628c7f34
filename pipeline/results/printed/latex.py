r"""A printed table as LaTeX: heads over several columns, one `tabular` for each handful of columns; needs `booktabs`."""

from collections.abc import Sequence
from itertools import groupby

from pipeline.results.printed.compose import Cell, Printed, Row
from pipeline.results.printed.words import (
    LINES,
    Notes,
    by_head,
    caption,
    labels,
    lines,
    notes,
    number_of,
    own_notes,
    remarks,
    shared,
    usual_n,
)
from pipeline.results.tables.characters import advice, escape
from pipeline.results.tables.latex import SHADE, UNSHADED, across, smaller

TEXT_WIDTH = 490.0
"""Points between margins of 18 mm on A4; a wider table is set as several panels."""

LETTER, SCORE = 3.7, 43.0
"""Points of a letter in `scriptsize`, and of a column of scores with their deviations and gaps."""


def to_latex(table: Printed) -> str:
    """Return a `table` environment for each panel: caption above, notes under the last."""
    numbers = notes(table)
    parts = panels(table)
    blocks = [_block(table, part, at, len(parts), numbers) for at, part in enumerate(parts)]
    text = "\n".join(blocks)
    return "\n".join([*advice(text), *([UNSHADED] if SHADE in text else []), text])


def panels(table: Printed) -> list[list[int]]:
    """Return which columns stand side by side on a page, as many in each panel as may be, all about as wide."""
    widths = [max(SCORE, LETTER * (len(head[-1]) + 2)) for head in table.heads]
    room = TEXT_WIDTH - stub_width(table)
    fewest = len(_filled(table, widths, room))
    while room > max(widths) and len(_filled(table, widths, room - SCORE)) == fewest:
        room -= SCORE
    return _filled(table, widths, room)


def _filled(table: Printed, widths: Sequence[float], room: float) -> list[list[int]]:
    """Fill panels of some width in order; columns under one head stay together where they fit."""
    heads = by_head(table.heads)
    parts: list[list[int]] = [[]]
    for _, group in groupby(range(len(table.heads)), lambda at: heads[at] or (str(at),)):
        columns = list(group)
        if parts[-1] and sum(widths[at] for at in (*parts[-1], *columns)) > room:
            parts.append([])
        for column in columns:
            if parts[-1] and sum(widths[at] for at in (*parts[-1], column)) > room:
                parts.append([])
            parts[-1].append(column)
    return parts


def stub_width(table: Printed) -> float:
    """Return how wide the texts before the scores are, in points."""
    rows = [labels(table, row) for row in table.rows if row.heading is None]
    texts = [max(map(len, column)) for column in zip(table.spec["stub"], *rows, strict=True)]
    kinds = [max(map(len, LINES.values()))] if len(table.spec["show"]) > 1 else []
    return sum(LETTER * (letters + 2) for letters in (*texts, *kinds))


def _block(table: Printed, columns: Sequence[int], at: int, among: int, numbers: Notes) -> str:
    stub = len(table.spec["stub"]) + (len(table.spec["show"]) > 1)
    part = f" ({at + 1} of {among})" if among > 1 else ""
    said = " ".join(caption(table)) if not at else "Continued."
    body = [line for n, row in enumerate(table.rows) for line in _row(table, row, columns, numbers, n, stub)]
    foot = [escape(text) for text in remarks(table, "Shaded")]
    foot += [rf"\textsuperscript{{{number}}} {escape(note)}" for note, number in numbers.items()]
    small = "\\par\n".join(foot)
    under = [r"\par\smallskip", rf"\begin{{minipage}}{{\linewidth}}\scriptsize {small}\end{{minipage}}"]
    return "\n".join(
        [
            r"\begin{table}[!htbp]",
            r"\centering",
            *([r"\addtocounter{table}{-1}"] if at else []),
            rf"\caption{{{escape(said + part)}}}",
            r"\par\smallskip\scriptsize\setlength{\tabcolsep}{2.5pt}",
            rf"\begin{{tabular}}{{{'l' * stub}{'r@{}l' * len(columns)}}}",
            r"\toprule",
            *_heads(table, columns, stub),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            *(under if at == among - 1 else []),
            r"\end{table}",
            "",
        ]
    )


def _heads(table: Printed, columns: Sequence[int], stub: int) -> list[str]:
    """The heads' lines: shared ones over several columns, with a rule below them, then each column's own."""
    depth = max(len(table.heads[at]) for at in columns)
    found = []
    for level in range(depth - 1):
        texts_of = [_above(table.heads[at], level, depth) for at in columns]
        cells, rules, column = ["" for _ in range(stub)], [], stub + 1
        for text, group in groupby(texts_of):
            width = len(list(group))
            cells.append(rf"\multicolumn{{{2 * width}}}{{c}}{{{escape(text)}}}" if text else " & " * (2 * width - 1))
            rules += [rf"\cmidrule(lr){{{column}-{column + 2 * width - 1}}}"] if text else []
            column += 2 * width
        found += [" & ".join(cells) + r" \\", *rules]
    own = [table.spec["stub"][n] if n < len(table.spec["stub"]) else "" for n in range(stub)]
    heads = [across(escape(table.heads[at][-1])) for at in columns]
    return [*found, " & ".join([*map(escape, own), *heads]) + r" \\"]


def _above(head: Sequence[str], level: int, depth: int) -> str:
    """Return what a column has at one of the upper levels; a head of fewer lines stands at the bottom."""
    own = level - (depth - len(head))
    return head[own] if 0 <= own < len(head) - 1 else ""


def _row(table: Printed, row: Row, columns: Sequence[int], numbers: Notes, n: int, stub: int) -> list[str]:
    if row.heading is not None:
        rule = [r"\midrule"] if n else []
        return [
            *rule,
            rf"\multicolumn{{{stub + 2 * len(columns)}}}{{c}}{{\textit{{{escape(row.heading)}}}}} \\",
            r"\midrule",
        ]
    several = len(table.spec["show"]) > 1
    usual, found = usual_n(table)[0], []
    for at, part in enumerate(lines(table, row)):
        before = [escape(text) for text in labels(table, row)] if not at else ["" for _ in table.spec["stub"]]
        if not at:
            before[-1] += _mark([numbers[note] for note in shared(row)])
        cells = [_cell(row, row.cells[column], part, at, usual, numbers) for column in columns]
        found.append(" & ".join([*before, *([escape(LINES[part])] if several else []), *cells]) + r" \\")
    return [*found, *([r"\addlinespace"] if several and len(found) > 1 else [])]


def _cell(row: Row, cell: Cell, part: str, at: int, usual: int, numbers: Notes) -> str:
    """A cell in its two columns, which meet at the decimal point."""
    if cell.part is None and not cell.gain:
        return across(escape(cell.text) if not at else "")
    number = number_of(cell, part, usual)
    small = smaller(number.rest, "tiny")
    mark = _mark(own_notes(row, cell, numbers)) if not at else ""
    whole, fraction = (
        rf"\textbf{{{text}}}" if number.leads else escape(text) for text in (number.whole, number.fraction)
    )
    shade = SHADE if number.tied else ""
    return f"{shade}{whole} & {shade}{fraction}{small}{mark}"


def _mark(numbers: Sequence[int]) -> str:
    return rf"\textsuperscript{{{','.join(map(str, numbers))}}}" if numbers else ""
