"""What the rules ask about papers' tables and figures: their files, and what the stages are told of them."""

import shutil
from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json, digest, sha256_file
from pipeline.config.analyses import figure_name
from pipeline.grid.demo import stand_in
from pipeline.grid.layout import (
    AVERAGE,
    PrintedColumn,
    PrintedFigure,
    PrintedRow,
    PrintedTable,
    published_folder,
    read_paper,
    whole,
)
from pipeline.grid.papers import Asked, Scale, asked, view_name

SUFFIXES = ("csv", "md", "tex")


class Wildcards(Protocol):
    """Snakemake's wildcards of a job: one attribute each; a rule has those that its output names."""

    printed: str
    paper: str


@dataclass(frozen=True)
class Printing:
    """What rules ask about papers' tables, beside a config.

    Attributes:
        scale: how the paper is run.
        what: the targets; `None` in jobs, which are told none, and without such targets.
        named: the tables, figures and analyses of the config in effect.
    """

    scale: Scale = field(default_factory=Scale)
    what: Asked | None = None
    named: frozenset[str] = frozenset()

    def targets(self) -> dict[str, list[str]]:
        """By name of each target that is asked for: the files it stands for."""
        what, scale = self.what, self.scale
        if what is None:
            return {}
        found = {f"table_{what.paper}_{n}": _files(what.paper, n, scale) for n in what.tables}
        drawn = [n for n in what.figures if self._is_drawn(what.paper, read_paper(what.paper).figures[n])]
        found |= {f"figure_{what.paper}_{n}": _drawn_files(what.paper, n, scale) for n in drawn}
        if what.whole:
            found[f"paper_{what.paper}"] = document_files(document_name(what.paper, scale))
        return found

    def printed_inputs(self, wildcards: Wildcards) -> list[str]:
        """What a paper's table is put together from: the config's tables, and the published numbers."""
        rows = self.spec(wildcards.printed)["rows"]
        parts = [part for row in rows for part in row.get("cells", ()) if part.get("view") and not part["not_run"]]
        views = [str(paths.table(view, "csv")) for view in dict.fromkeys(part["view"] for part in parts)]
        return [*views, *map(str, sources())]

    def printed_spec(self, wildcards: Wildcards) -> str:
        """The description of a paper's table."""
        return canonical_json(self.spec(wildcards.printed))

    def document_inputs(self, wildcards: Wildcards) -> list[str]:
        """What a paper's document shows."""
        spec = self.document(wildcards.paper)
        tables = [str(paths.printed(name, suffix)) for name in spec["tables"] for suffix in SUFFIXES]
        figures = [str(paths.figure(figure["file"], suffix)) for figure in spec["figures"] for suffix in ("pdf", "png")]
        return [*tables, *figures, *map(str, sources())]

    def document_spec(self, wildcards: Wildcards) -> str:
        """The description of a paper's document."""
        return canonical_json(self.document(wildcards.paper))

    def published(self, wildcards: Wildcards, output: Any) -> str:
        """The folder of the published numbers, which is no part of what makes a job run again."""
        del wildcards, output
        return str(published_folder())

    def published_content(self, wildcards: Wildcards) -> str:
        """A hash of the published numbers: a file in their place may bear any date."""
        del wildcards
        return self._content

    @cached_property
    def _content(self) -> str:
        return digest({path.name: sha256_file(path) for path in sources()})

    def spec(self, name: str) -> dict[str, Any]:
        """The description of a printed table.

        Raises:
            UserError: no paper has it, or it is of another scale than what is asked for.
        """
        paper, number, demo = parsed(name)
        self._at_scale(name, demo)
        return printed_spec(paper, number, self.scale, self.named)

    def document(self, name: str) -> dict[str, Any]:
        """The description of a paper's document.

        Raises:
            UserError: no such paper, or it is of another scale than what is asked for.
        """
        plain = name.removesuffix("-demo")
        self._at_scale(name, plain != name)
        spec = document_spec(plain, self.scale)
        drawn = read_paper(plain).figures
        return {**spec, "figures": [one for one in spec["figures"] if self._is_drawn(plain, drawn[one["number"]])]}

    def _is_drawn(self, paper: str, figure: PrintedFigure) -> bool:
        """Whether the config in effect has it; else it is left out with its data."""
        return view_name(paper, figure.shown, self.scale) in self.named

    def _at_scale(self, name: str, demo: bool) -> None:
        if demo != self.scale.demo:
            raise UserError(f"results/papers/{name}: made {'with' if demo else 'without'} --config scale=demo")


def document_files(name: str) -> list[str]:
    """Return the files of a paper's document: a PDF where pdflatex is there to make it."""
    suffixes = ("tex", "pdf") if shutil.which("pdflatex") else ("tex",)
    return [str(paths.printed(name, suffix)) for suffix in suffixes]


def _files(paper: str, number: str, scale: Scale) -> list[str]:
    return [str(paths.printed(printed_name(paper, number, scale), suffix)) for suffix in SUFFIXES]


def _drawn_files(paper: str, number: str, scale: Scale) -> list[str]:
    return [str(paths.figure(figure_path(paper, number, scale), suffix)) for suffix in ("pdf", "png")]


def printed_spec(paper: str, number: str, scale: Scale, named: Container[str] | None = None) -> dict[str, Any]:
    """Return all that a printed table's stage needs to know.

    Args:
        paper: the paper's name.
        number: the table's.
        scale: the scale.
        named: the tables of the config in effect, if not all that the paper's table needs; cells of others say that they
            are left out.

    Keys:
        paper, number, title, notes: of the table; `demo` says at which scale it is, in words, or is empty.
        show: what cells show.
        stub: heads of the texts before the rows.
        columns: `{"head": […], "name"}`.
        rows: `{"heading"}` or `{"labels", "name", "cells"}`, a cell for each column: `{"text"}`, `{"gain": {…}}`, or what
            `grid.layout.Part` has, `view` as the config in effect calls it.
    """
    table = read_paper(paper).tables[number]
    return {
        **{
            "paper": paper,
            "number": number,
            "title": table.title,
            "notes": list(table.notes),
            "show": list(scale.show),
        },
        "demo": demo_text(scale),
        "stub": list(table.stub),
        "columns": [{"head": list(column.head), "name": column.called} for column in table.columns],
        "rows": [
            {"heading": row.heading}
            if row.heading is not None
            else {
                "labels": list(row.labels),
                "name": row.name,
                "cells": [_cell(paper, table, row, column, scale, named) for column in table.columns],
            }
            for row in table.rows
        ],
    }


def _cell(
    paper: str, table: PrintedTable, row: PrintedRow, column: PrintedColumn, scale: Scale, named: Container[str] | None
) -> dict[str, Any]:
    if column.text is not None:
        return {"text": row.texts.get(column.text, "")}
    if column.gain is not None:
        gain = column.gain
        return {"gain": {"column": gain.column, "row": gain.row or row.name, "over": gain.over or gain.column}}
    part = whole(table, row, column)
    found = part.model_dump()
    if part.published:
        found["published"] = {"target": part.language or AVERAGE, **part.published}
    if part.view:
        found["view"] = view_name(paper, part.view, scale)
        if named is not None and found["view"] not in named and part.not_run is None:
            found["not_run"] = f"its data are left out (without={','.join(scale.without)})"
    if scale.demo:
        found = stand_in(found)
    return found


def demo_text(scale: Scale) -> str:
    """Say in a caption that this is no reproduction."""
    if not scale.demo:
        return ""
    encoder = f"the encoder in {Path(scale.encoder).name}" if scale.encoder else "a tiny encoder"
    return (
        f"Demo scale: artificial languages of Babel stand for the paper's, a few sentences and {encoder} for its data and "
        "encoder. It shows that the table can be made, and nothing of the methods."
    )


def figure_files(paper: str, figure: PrintedFigure, scale: Scale) -> str:
    """Return the name of a figure's files under `results/figures/`."""
    if figure.figure is not None:
        return view_name(paper, figure.shown, scale)
    source, target = (stand_in({"language": code})["language"] if scale.demo else code for code in figure.pair)
    return figure_name(view_name(paper, figure.shown, scale), [source], target)


def figure_path(paper: str, number: str, scale: Scale) -> str:
    """Return the name of the files of a paper's figure."""
    return figure_files(paper, read_paper(paper).figures[number], scale)


def document_spec(paper: str, scale: Scale) -> dict[str, Any]:
    """Return what the stage needs to put a paper's tables and figures into one document.

    Keys:
        paper, title: of the paper; `demo` as in `printed_spec`.
        tables: names of printed tables.
        figures: `{"number", "title", "says", "file"}`, the name of its files under `results/figures/`.
    """
    given = read_paper(paper)
    return {
        **{"paper": paper, "title": given.title, "demo": demo_text(scale)},
        "tables": [printed_name(paper, number, scale) for number in given.tables],
        "figures": [
            {"number": number, "title": figure.title, "says": figure.says, "file": figure_files(paper, figure, scale)}
            for number, figure in given.figures.items()
        ],
    }


def printed_name(paper: str, number: str, scale: Scale) -> str:
    """What the files of a printed table are called, under `results/papers/`."""
    return f"table_{paper}_{number}{scale.ending}"


def document_name(paper: str, scale: Scale) -> str:
    """What a paper's document is called, under `results/papers/`."""
    return f"{paper}{scale.ending}"


def parsed(name: str) -> tuple[str, str, bool]:
    """Read the name of a printed table: paper, number, and whether it is of demo scale.

    Raises:
        UserError: no paper has such a table.
    """
    plain = name.removesuffix("-demo")
    what = asked([plain])
    if what is None or not what.tables or what.whole:
        raise UserError(f"results/papers/{name}: no table of a paper")
    return what.paper, what.tables[0], name != plain


def sources() -> Sequence[Path]:
    """The files that printed tables are made of beside our own."""
    return [published_folder() / name for name in ("scores.csv", "contradictions.csv", "papers.yaml")]
