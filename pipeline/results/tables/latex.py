r"""A table as LaTeX: `\input` it in a document with `\usepackage{booktabs}`; nothing else is needed."""

from collections.abc import Mapping, Sequence
from itertools import groupby

from pipeline.results.tables.cells import Column, Row
from pipeline.results.tables.characters import advice, escape
from pipeline.results.tables.notes import (
    CellText,
    baseline_label,
    caption,
    cell_texts,
    footnotes,
    notes,
    rows_with_p,
)
from pipeline.results.tables.sections import Section, sections
from pipeline.results.tables.table import Table

INTERVALS_FIT = 4  # columns; with more, the intervals stand in the CSV and the Markdown only
PACKAGES = "\\usepackage{booktabs}\n\\usepackage[table]{xcolor}\n"
WRAPPER = f"\\documentclass{{article}}\n{PACKAGES}\\begin{{document}}\n%s\n\\end{{document}}\n"
SHADE = r"\cellcolor[gray]{.88}"
UNSHADED = r"\providecommand{\cellcolor}[2][]{}% \usepackage[table]{xcolor} shades what is tied with the best"
"""Without that package the table compiles all the same, unshaded."""


def to_latex(table: Table) -> str:
    """Return a `table` environment: caption, booktabs rows with their p-values below, notes."""
    letters = footnotes(table)
    texts = cell_texts(table, letters)
    parts = panels(table)
    widest = max(map(len, parts))
    lines = [line for part in parts for line in (r"\midrule", *_panel(table, part, texts))][1:]
    said = notes(table, "Shaded")
    if rows_with_p(table) and len(table.columns) <= INTERVALS_FIT:  # then there is a baseline
        difference = f"difference from {baseline_label(table)} with its 95 % t-interval over seeds, p."
        said = [*said, f"Under a score: {difference}"]
    numbered = [f"{n}. {note}" for n, note in enumerate(said, 1)]
    foot = [*map(escape, numbered), *(_footnote(*entry) for entry in letters.items())]
    columns = f"l{'r@{}l' * widest}"
    made = environment(" ".join(caption(table)), label_of(table.name), (size_for(widest), columns), lines, foot)
    text = "\n".join([*made, ""])
    more = [section_latex(table.name, section) for section in sections(table)]
    shaded = [UNSHADED] if SHADE in text else []
    return "\n".join([*advice("".join([text, *more])), *shaded, text, *more])


def section_latex(name: str, section: Section) -> str:
    """Return a small table of further statistics as a `table` environment of its own."""
    head, *rows = (" & ".join(map(escape, row)) + r" \\" for row in (section.head, *section.rows))
    layout = size_for(len(section.head)), f"l{'r' * (len(section.head) - 1)}"
    label = f"{label_of(name)}-{section.name}"
    made = environment(section.caption, label, layout, [head, r"\midrule", *rows], [*map(escape, section.notes)])
    return "\n".join([*made, ""])


def environment(
    caption: str, label: str, layout: tuple[str, str], lines: Sequence[str], foot: Sequence[str]
) -> list[str]:
    """Return the lines of a `table` environment.

    Args:
        caption: its text, not yet escaped.
        label: without `tab:`.
        layout: what comes before the table, font size and the gap between columns, and its columns.
        lines: between the rules at the top and at the bottom.
        foot: paragraphs under it, in LaTeX.
    """
    size, columns = layout
    small = "\\par\n".join(foot)
    under = [r"\par\medskip", rf"\begin{{minipage}}{{\linewidth}}\footnotesize {small}\end{{minipage}}"] if foot else []
    return [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(caption)}}}",
        rf"\label{{tab:{label}}}",
        rf"\par\smallskip{size}",
        rf"\begin{{tabular}}{{{columns}}}",
        r"\toprule",
        *lines,
        r"\bottomrule",
        r"\end{tabular}",
        *under,
        r"\end{table}",
    ]


def label_of(name: str) -> str:
    """Return a name in letters and figures that every LaTeX takes in a label, other letters by their code points."""
    return "".join(c if c.isascii() and c.isalnum() else f"{ord(c):x}" if c.isalnum() else "-" for c in name)


def panels(table: Table) -> list[list[Column]]:
    """Return the columns that stand side by side: those of a target, where each has several datasets, else all."""
    if table.spec.columns != "dataset":
        return [list(table.columns)]
    return [list(group) for _, group in groupby(table.columns, lambda column: column.language)]


def _panel(table: Table, columns: Sequence[Column], texts: Mapping[tuple[Row, Column], CellText]) -> list[str]:
    """The lines of a panel: its head and all rows; means end where deviations begin, so decimal points stand in line."""
    tested, of_paper = set(rows_with_p(table)), table.spec.style == "paper"
    lines = [" & ".join(["", *(across(escape(column.label)) for column in columns)]) + r" \\", r"\midrule"]
    for row in table.rows:
        cells = [texts[row, column] for column in columns]
        lines.append(" & ".join([escape(table.labels[row]), *(_score(cell, of_paper) for cell in cells)]) + r" \\")
        if row in tested:
            lines += _tests(cells, len(table.columns) <= INTERVALS_FIT)
    return lines


def across(text: str) -> str:
    """Write over both parts of a column."""
    return rf"\multicolumn{{2}}{{c}}{{{text}}}" if text else " & "


def size_for(columns: int) -> str:
    """Return font size and column gap: up to seven columns of usual labels fit the text width of `article`."""
    if columns <= 4:
        return r"\setlength{\tabcolsep}{3pt}"
    return r"\small\setlength{\tabcolsep}{3pt}" if columns == 5 else r"\footnotesize\setlength{\tabcolsep}{2pt}"


def _footnote(reason: str, letter: str) -> str:
    return rf"\textsuperscript{{{letter}}} {escape(reason)}."


def _score(text: CellText, with_sign: bool) -> str:
    """A cell in its two columns; the sign stands at its p where that is below it."""
    foot = rf"\textsuperscript{{{text.notes}}}" if text.notes else ""
    if not text.mean:
        return f" & {foot}"
    shade = SHADE if text.tied else ""
    shown = rf"\textbf{{{text.mean}}}" if text.leads else text.mean
    after = smaller(text.rest, "scriptsize")
    sign = escape(text.sign) if with_sign else ""
    return f"{shade}{shown} & {shade}{after}{sign}{foot}"


def smaller(text: str, size: str) -> str:
    """Write in another size of LaTeX what follows a number: its deviation and n."""
    return rf"{{\{size}\,{escape(text.strip()).replace('$ ', '$')}}}" if text else ""


def _tests(cells: Sequence[CellText], with_intervals: bool) -> list[str]:
    """The lines under a row's scores: differences with their intervals where they fit, and p with its mark."""
    lines = [[text.p + text.sign for text in cells]]
    if with_intervals:
        lines.insert(0, [text.difference for text in cells])
    small = [["", *(across(rf"\scriptsize {escape(text)}") if text else " & " for text in line)] for line in lines]
    return [" & ".join(line) + r" \\" for line in small]
