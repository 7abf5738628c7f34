r"""A table as LaTeX: `\input` it in a document with `\usepackage{booktabs}`; nothing else is needed."""

from collections.abc import Sequence
from itertools import groupby

from pipeline.results.tables.cells import Column, Row
from pipeline.results.tables.characters import advice, escape
from pipeline.results.tables.notes import (
    baseline_label,
    caption,
    difference_text,
    footnotes,
    marks,
    notes,
    p_text,
    rows_with_p,
    score_texts,
    usual_n,
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
    tested = _tested(table)
    parts = panels(table)
    widest = max(map(len, parts))
    lines = [line for part in parts for line in (r"\midrule", *_panel(table, part, letters))][1:]
    said = notes(table, "Shaded")
    if tested and len(table.columns) <= INTERVALS_FIT:  # then there is a baseline
        difference = f"difference from {baseline_label(table)} with its 95 % t-interval over seeds, p."
        said = [*said, f"Under a score: {difference}"]
    numbered = [f"{n}. {note}" for n, note in enumerate(said, 1)]
    foot = "\\par\n".join([*map(escape, numbered), *(_footnote(*entry) for entry in letters.items())])
    text = "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape(' '.join(caption(table)))}}}",
            rf"\label{{tab:{label_of(table.name)}}}",
            rf"\par\smallskip{size_for(widest)}",
            rf"\begin{{tabular}}{{l{'r@{}l' * widest}}}",
            r"\toprule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            r"\par\medskip",
            rf"\begin{{minipage}}{{\linewidth}}\footnotesize {foot}\end{{minipage}}",
            r"\end{table}",
            "",
        ]
    )
    more = [section_latex(table.name, section) for section in sections(table)]
    shaded = [UNSHADED] if SHADE in text else []
    return "\n".join([*advice("".join([text, *more])), *shaded, text, *more])


def section_latex(name: str, section: Section) -> str:
    """Return a small table of further statistics as a `table` environment of its own."""
    lines = [" & ".join(map(escape, row)) + r" \\" for row in section.rows]
    notes = "\\par\n".join(map(escape, section.notes))
    foot = [rf"\par\medskip\begin{{minipage}}{{\linewidth}}\footnotesize {notes}\end{{minipage}}"] if notes else []
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape(section.caption)}}}",
            rf"\label{{tab:{label_of(name)}-{section.name}}}",
            rf"\par\smallskip{size_for(len(section.head))}",
            rf"\begin{{tabular}}{{l{'r' * (len(section.head) - 1)}}}",
            r"\toprule",
            " & ".join(map(escape, section.head)) + r" \\",
            r"\midrule",
            *lines,
            r"\bottomrule",
            r"\end{tabular}",
            *foot,
            r"\end{table}",
            "",
        ]
    )


def label_of(name: str) -> str:
    """Return a name in letters and figures that every LaTeX takes in a label, other letters by their code points."""
    return "".join(c if c.isascii() and c.isalnum() else f"{ord(c):x}" if c.isalnum() else "-" for c in name)


def panels(table: Table) -> list[list[Column]]:
    """Return the columns that stand side by side: those of a target, where each has several datasets, else all."""
    if table.spec.columns != "dataset":
        return [list(table.columns)]
    return [list(group) for _, group in groupby(table.columns, lambda column: column.language)]


def _panel(table: Table, columns: Sequence[Column], letters: dict[str, str]) -> list[str]:
    """The lines of a panel: its head and all rows; means end where deviations begin, so decimal points stand in line."""
    tested = _tested(table)
    lines = [" & ".join(["", *(_across(escape(column.label)) for column in columns)]) + r" \\", r"\midrule"]
    for row in table.rows:
        cells = [_score(table, row, column, letters) for column in columns]
        lines.append(" & ".join([escape(table.labels[row]), *cells]) + r" \\")
        if row in tested:
            lines += _tests(table, row, columns, letters)
    return lines


def _tested(table: Table) -> set[Row]:
    """Return the rows with lines of tests under their scores."""
    return set(rows_with_p(table)) if table.spec.style == "full" else set()


def _across(text: str) -> str:
    """Write over both parts of a column."""
    return rf"\multicolumn{{2}}{{c}}{{{text}}}" if text else " & "


def size_for(columns: int) -> str:
    """Return font size and column gap: up to seven columns of usual labels fit the text width of `article`."""
    if columns <= 4:
        return r"\setlength{\tabcolsep}{3pt}"
    return r"\small\setlength{\tabcolsep}{3pt}" if columns == 5 else r"\footnotesize\setlength{\tabcolsep}{2pt}"


def _footnote(reason: str, letter: str) -> str:
    return rf"\textsuperscript{{{letter}}} {escape(reason)}."


def _score(table: Table, row: Row, column: Column, letters: dict[str, str]) -> str:
    cell = table.cells[row, column]
    sign, footnotes = marks(table, row, column, letters)
    foot = rf"\textsuperscript{{{footnotes}}}" if footnotes else ""
    if cell.summary is None:
        return f" & {foot}"
    mean, rest = score_texts(cell, cell.summary.n != usual_n(table)[0])
    shade = SHADE if cell.tied and not cell.leads else ""
    shown = rf"\textbf{{{mean}}}" if cell.leads else mean
    after = rf"{{\scriptsize\,{escape(rest.strip()).replace('$ ', '$')}}}" if rest else ""
    sign = escape(sign) if table.spec.style == "paper" else ""
    return f"{shade}{shown} & {shade}{after}{sign}{foot}"


def _tests(table: Table, row: Row, columns: Sequence[Column], letters: dict[str, str]) -> list[str]:
    """The lines under a row's scores: differences with their intervals where they fit, and p with its mark."""
    cells = {column: table.cells[row, column] for column in columns}
    lines = [[p_text(cell) + marks(table, row, column, letters)[0] for column, cell in cells.items()]]
    if len(table.columns) <= INTERVALS_FIT:
        lines.insert(0, [difference_text(cell) for cell in cells.values()])
    small = [["", *(_across(rf"\scriptsize {escape(text)}") if text else " & " for text in line)] for line in lines]
    return [" & ".join(line) + r" \\" for line in small]
