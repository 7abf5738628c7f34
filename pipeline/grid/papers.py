"""Targets that are called after papers' tables and figures: which config they are of, and what of it they need.

`snakemake table_metaxl_2` reads `config/papers/metaxl.yaml` and keeps of it what the paper's Table 2 shows: the tables its cells
come from, these tables' methods and experiments. Runs are addressed by their content, so they are those of the whole config.
What is kept is handed to jobs as a config of its own; they are not told of targets.
"""

import copy
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.errors import UserError, nearest
from pipeline.config.analyses import figure_name
from pipeline.config.papers import (
    AVERAGE,
    SHOWN,
    Part,
    PrintedColumn,
    PrintedFigure,
    PrintedRow,
    PrintedTable,
    cells,
    config_file,
    papers,
    published_folder,
    read_paper,
    whole,
)
from pipeline.config.reading import read_files
from pipeline.grid.demo import at_demo_scale, stand_in

TARGET = re.compile(r"(table|figure|paper)_(\w+)")
OWN_KEYS = ("scale", "encoder", "show")
"""What `--config` may say beside the config's own keys where such a target is asked for."""


@dataclass(frozen=True)
class Asked:
    """What is asked for of one paper.

    Attributes:
        paper: its name.
        tables, figures: their numbers.
        whole: whether the paper's document is asked for too.
    """

    paper: str
    tables: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True)
class Scale:
    """How a paper's config is run.

    Attributes:
        demo: on Babel and a small encoder, instead of the paper's data and encoder.
        encoder: a folder with the encoder to take then; without one, a tiny one is pretrained.
        show: what each cell shows, of `SHOWN`.
    """

    demo: bool = False
    encoder: str | None = None
    show: tuple[str, ...] = SHOWN

    @property
    def ending(self) -> str:
        """What files and tables of this scale are called apart by."""
        return "-demo" if self.demo else ""


@dataclass(frozen=True)
class Printing:
    """What rules ask about papers' tables, beside a config.

    Attributes:
        scale: how the paper is run.
        what: the targets; `None` in jobs, which are told none, and without such targets.
    """

    scale: Scale = Scale()
    what: Asked | None = None

    def targets(self) -> dict[str, list[str]]:
        """By name of each target that is asked for: the files it stands for."""
        what, scale = self.what, self.scale
        if what is None:
            return {}
        found = {f"table_{what.paper}_{n}": _files(what.paper, n, scale) for n in what.tables}
        found |= {f"figure_{what.paper}_{n}": _drawn_files(what.paper, n, scale) for n in what.figures}
        if what.whole:
            found[f"paper_{what.paper}"] = document_files(document_name(what.paper, scale))
        return found

    def views(self, name: str) -> list[str]:
        """The tables that a printed table is put together from."""
        rows = self.spec(name)["rows"]
        parts = [part for row in rows for part in row.get("cells", ()) if part.get("view") and not part["not_run"]]
        return [str(paths.table(view, "csv")) for view in dict.fromkeys(part["view"] for part in parts)]

    def spec(self, name: str) -> dict[str, Any]:
        """The description of a printed table.

        Raises:
            UserError: no paper has it, or it is of another scale than what is asked for.
        """
        paper, number, demo = parsed(name)
        self._at_scale(name, demo)
        return printed_spec(paper, number, self.scale)

    def document(self, name: str) -> dict[str, Any]:
        """The description of a paper's document.

        Raises:
            UserError: no such paper, or it is of another scale than what is asked for.
        """
        plain = name.removesuffix("-demo")
        self._at_scale(name, plain != name)
        return document_spec(plain, self.scale)

    def _at_scale(self, name: str, demo: bool) -> None:
        if demo != self.scale.demo:
            raise UserError(f"results/papers/{name}: made {'with' if demo else 'without'} --config scale=demo")


def document_files(name: str) -> list[str]:
    """Return the files of a paper's document: a PDF where pdflatex is there to make it."""
    suffixes = ("tex", "pdf") if shutil.which("pdflatex") else ("tex",)
    return [str(paths.printed(name, suffix)) for suffix in suffixes]


def _files(paper: str, number: str, scale: Scale) -> list[str]:
    return [str(paths.printed(printed_name(paper, number, scale), suffix)) for suffix in ("csv", "md", "tex")]


def _drawn_files(paper: str, number: str, scale: Scale) -> list[str]:
    return [str(paths.figure(figure_path(paper, number, scale), suffix)) for suffix in ("pdf", "png")]


def without_own(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a config without what `--config` says of papers' targets."""
    return {key: value for key, value in config.items() if key not in OWN_KEYS}


def targets_of(name: str) -> list[str]:
    """Return the names of all targets of a paper."""
    paper = read_paper(name)
    tables = [f"table_{name}_{number}" for number in paper.tables]
    return [*tables, *(f"figure_{name}_{number}" for number in paper.figures), f"paper_{name}"]


def asked(words: Iterable[str]) -> Asked | None:
    """Find what a command line asks for by a paper's names; nothing where it names no such target.

    Raises:
        UserError: a target of that kind which no paper has, or targets of several papers.
    """
    known = papers()
    found: dict[str, list[str]] = {}
    for word in words:
        match = TARGET.fullmatch(word)
        if not match:
            continue
        kind, rest = match.groups()
        name = max((p for p in known if rest == p or rest.startswith(f"{p}_")), key=len, default=None)
        valid = targets_of(name) if name else [t for p in known for t in (f"paper_{p}", f"{kind}_{p}_1")]
        if name is None or word not in valid:
            raise UserError(f"{word}: no such table or figure of a paper{nearest(word, valid)}")
        found.setdefault(name, []).append(word)
    if not found:
        return None
    if len(found) > 1:
        raise UserError(
            f"{', '.join(word for words_of in found.values() for word in words_of)}: targets of several papers, each with a "
            f"config of its own; ask for one paper at a time, in as many calls of snakemake"
        )
    [(paper, names)] = found.items()
    numbers = {kind: [n.split("_")[-1] for n in names if n.startswith(kind)] for kind in ("table", "figure")}
    every = f"paper_{paper}" in names
    given = read_paper(paper)
    return Asked(
        paper,
        tuple(given.tables) if every else tuple(dict.fromkeys(numbers["table"])),
        tuple(given.figures) if every else tuple(dict.fromkeys(numbers["figure"])),
        every,
    )


def config_for(words: Iterable[str]) -> Path | None:
    """Return the config of the paper whose targets a command line asks for; nothing where it asks for none.

    Raises:
        UserError: as `asked`.
    """
    what = asked(words)
    return config_file(what.paper) if what else None


def scale_of(config: Mapping[str, Any], allowed: bool) -> Scale:
    """Read what `--config` says of a paper's targets.

    Args:
        config: the merged config.
        allowed: whether such a target is asked for, or a job of one runs.

    Raises:
        UserError: an unknown scale or part of a cell, an encoder without `scale=demo`, or any of these without such a target.
    """
    given = {key: config[key] for key in OWN_KEYS if key in config}
    if given and not allowed:
        raise UserError(
            f"{', '.join(given)}: a setting of the targets that are called after papers' tables, as in snakemake "
            f"table_metaxl_2 --config scale=demo; name one, or leave it out"
        )
    scale, encoder = given.get("scale", "full"), given.get("encoder")
    if scale not in ("full", "demo"):
        raise UserError(f"scale: expected full or demo, got {scale!r}")
    if encoder is not None and scale != "demo":
        raise UserError("encoder: taken with scale=demo alone; a paper's table is of the paper's own encoder")
    if encoder is not None and not Path(str(encoder)).expanduser().is_dir():
        raise UserError(f"encoder: {encoder}: no such folder; expected one with config.json and model.safetensors")
    show = given.get("show", SHOWN)
    shown = tuple(show.split(",") if isinstance(show, str) else show)
    for part in shown:
        if part not in SHOWN:
            raise UserError(f"show: unknown part of a cell {part!r}{nearest(part, SHOWN)}")
    return Scale(scale == "demo", None if encoder is None else str(encoder), shown)


def chosen(config: Mapping[str, Any], what: Asked, scale: Scale) -> dict[str, Any]:
    """Return what a paper's targets need of its config, at the scale that is asked for.

    Args:
        config: the merged config: the paper's own, or one that the user gave instead, without `OWN_KEYS`.
        what: the targets.
        scale: the scale.

    Raises:
        UserError: the config lacks a table, figure or analysis that a target shows.
    """
    kept = narrowed(config, what, scale)
    return at_demo_scale(kept, scale.encoder) if scale.demo else kept


def paper_config(paper: str) -> dict[str, Any]:
    """Read a paper's own config."""
    return read_files([config_file(paper)])[0]


def narrowed(config: Mapping[str, Any], what: Asked, scale: Scale) -> dict[str, Any]:
    """Keep the tables, figures and analyses that targets show, and of experiments and their methods what these need."""
    paper = read_paper(what.paper)
    views: dict[str, set[str]] = {}
    for number in what.tables:
        for _, _, cell in cells(paper.tables[number]):
            if cell.view and cell.method and cell.not_run is None:
                views.setdefault(cell.view, set()).add(cell.method)
    kept = {key: copy.deepcopy(value) for key, value in config.items() if key not in ("tables", "figures", "analyses")}
    needed: dict[str, set[str]] = {}
    tables = {}
    for view, methods in views.items():
        table = copy.deepcopy(_named(config, "tables", view, what))
        tables[view_name(what.paper, view, scale)] = _rows(table, methods, config, needed)
    drawn = [paper.figures[number] for number in what.figures]
    figures = {name: _named(config, "figures", name, what) for figure in drawn if (name := figure.figure)}
    analyses = {name: _named(config, "analyses", name, what) for figure in drawn if (name := figure.analysis)}
    for entry in (*figures.values(), *analyses.values()):
        _drawn(entry, config, needed)
    kept["tables"] = tables
    kept["figures"] = {view_name(what.paper, name, scale): entry for name, entry in figures.items()}
    kept["analyses"] = {view_name(what.paper, name, scale): entry for name, entry in analyses.items()}
    kept["experiments"] = {
        name: {**entry, "methods": [method for method in _listed(entry["methods"]) if method in needed[name]]}
        for name, entry in kept["experiments"].items()
        if name in needed
    }
    return kept


def view_name(paper: str, name: str, scale: Scale) -> str:
    """What a table, figure or analysis of the config is called where a paper's target needs it: it may have fewer rows."""
    return f"{paper}{scale.ending}.{name}"


def _named(config: Mapping[str, Any], section: str, name: str, what: Asked) -> dict[str, Any]:
    entries = config.get(section) or {}
    if name not in entries:
        raise UserError(
            f"{section}: the config has no {name!r}{nearest(name, entries)}; a target of {what.paper} shows it, so give its config, "
            f"{config_file(what.paper)}, or none"
        )
    found: dict[str, Any] = dict(entries[name])
    return found


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _rows(
    table: dict[str, Any], methods: set[str], config: Mapping[str, Any], needed: dict[str, set[str]]
) -> dict[str, Any]:
    """Keep of a table some methods and its baseline, adding to what is needed of its experiments."""
    names = _listed(table["experiments"])
    listed = {name: _listed(config["experiments"][name]["methods"]) for name in names}
    order = table.get("methods") or list(dict.fromkeys(m for name in names for m in listed[name]))
    rows = [method for method in order if method in methods or method == table.get("baseline")]
    here = [name for name in names if set(listed[name]) & set(rows)]
    for name in here:
        needed.setdefault(name, set()).update(set(listed[name]) & set(rows))
    labels = {method: text for method, text in (table.get("labels") or {}).items() if method in rows}
    return {**table, "experiments": here, "methods": rows, "labels": labels}


def _drawn(entry: Mapping[str, Any], config: Mapping[str, Any], needed: dict[str, set[str]]) -> None:
    """Add to what is needed what a figure or an analysis is of."""
    names = _listed(entry["experiments"]) if "experiments" in entry else [entry["experiment"]]
    methods = {entry[key] for key in ("method", "before", "after") if key in entry} | set(entry.get("methods", ()))
    if entry.get("kind") == "gains":
        methods.add(entry.get("baseline", "zero_shot"))
    if entry.get("kind") == "meta_graph":
        methods.add(entry.get("method", "mgl"))
    for name in names:
        listed = set(_listed(config["experiments"][name]["methods"]))
        needed.setdefault(name, set()).update(listed & methods if methods else listed)


def printed_spec(paper: str, number: str, scale: Scale) -> dict[str, Any]:
    """Return all that a printed table's stage needs to know.

    Keys:
        paper, number, title, notes: of the table; `demo` says at which scale it is, in words, or is empty.
        show: what cells show.
        stub: heads of the texts before the rows.
        columns: `{"head": […], "name"}`.
        rows: `{"heading"}` or `{"labels", "name", "cells"}`, a cell for each column: `{"text"}`, `{"gain": {…}}`, or what
            `config.papers.Part` has, `view` as the config in effect calls it.
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
                "cells": [_cell(paper, table, row, column, scale) for column in table.columns],
            }
            for row in table.rows
        ],
    }


def _cell(paper: str, table: PrintedTable, row: PrintedRow, column: PrintedColumn, scale: Scale) -> dict[str, Any]:
    if column.text is not None:
        return {"text": row.texts.get(column.text, "")}
    if column.gain is not None:
        gain = column.gain
        return {"gain": {"column": gain.column, "row": gain.row or row.name, "over": gain.over or gain.column}}
    part: Part = whole(table, row, column)
    found = part.model_dump()
    if part.published:
        found["published"] = {"target": part.language or AVERAGE, **part.published}
    if part.view:
        found["view"] = view_name(paper, part.view, scale)
    if scale.demo:
        found = stand_in(found)
    return found


def demo_text(scale: Scale) -> str:
    """Say in a caption that this is no reproduction."""
    if not scale.demo:
        return ""
    encoder = f"the encoder in {Path(scale.encoder).name}" if scale.encoder else "a tiny encoder"
    return (
        f"Demo scale: artificial languages of Babel stand for the paper's, a few sentences and {encoder} for its data and encoder. "
        "It shows that the table can be made, and nothing of the methods."
    )


def figure_files(paper: str, figure: PrintedFigure, scale: Scale) -> str:
    """Return the name of a figure's files under `results/figures/`."""
    if figure.figure is not None:
        return view_name(paper, figure.figure, scale)
    source, target = (stand_in({"language": code})["language"] if scale.demo else code for code in figure.pair)
    return figure_name(view_name(paper, str(figure.analysis), scale), [source], target)


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
