"""Targets that are called after papers' tables and figures: which config they are of, and what of it they need.

`snakemake table_metaxl_2` reads `config/papers/metaxl.yaml` and keeps of it what the paper's Table 2 shows: the tables its cells
come from, these tables' methods and experiments. Runs are addressed by their content, so they are those of the whole config.
What is kept is handed to jobs as a config of its own; they are not told of targets.
"""

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, nearest
from pipeline.common.paths import default_config, expanded
from pipeline.config.reading import check_duplicates
from pipeline.grid.demo import at_demo_scale
from pipeline.grid.layout import SHOWN, cells, config_file, papers, read_paper

TARGET = re.compile(r"(table|figure|paper)_(\w+)")
OWN_KEYS = ("scale", "encoder", "show", "without")
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
        without: datasets that are not to be had; what needs them is left out and says so.
    """

    demo: bool = False
    encoder: str | None = None
    show: tuple[str, ...] = SHOWN
    without: tuple[str, ...] = ()

    @property
    def ending(self) -> str:
        """What files and tables of this scale are called apart by."""
        return "-demo" if self.demo else ""


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


def default_for(words: Iterable[str], read: bool) -> Path:
    """Return the config where none is named: that of the paper whose targets a command line asks for, or the default one.

    Args:
        words: the command line.
        read: whether Snakemake is going to read it, which knows no bounds, and takes the last of keys that stand twice.

    Raises:
        UserError: as `asked`; or it is to be read, and is no YAML within bounds.
    """
    path = config_for(words) or default_config()
    if read:
        try:
            check_duplicates([path])
        except UserError as error:
            raise UserError(f"config:\n{error}") from None
    return path


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
    if encoder is not None and not Path(expanded(str(encoder))).is_dir():
        raise UserError(f"encoder: {encoder}: no such folder; expected one with config.json and model.safetensors")
    shown = _words("show", given.get("show", SHOWN))
    for part in shown:
        if part not in SHOWN:
            raise UserError(f"show: unknown part of a cell {part!r}{nearest(part, SHOWN)}")
    return Scale(
        scale == "demo", None if encoder is None else str(encoder), shown, _words("without", given.get("without", ()))
    )


def _words(key: str, given: Any) -> tuple[str, ...]:
    """Read what is listed, or a text with commas, which is what `--config` takes.

    Raises:
        UserError: it is neither.
    """
    words = given.split(",") if isinstance(given, str) else [str(given)] if isinstance(given, int) else given
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        raise UserError(f"{key}: expected names with commas between them, got {given!r}")
    return tuple(words)


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


def narrowed(config: Mapping[str, Any], what: Asked, scale: Scale) -> dict[str, Any]:
    """Keep the tables, figures and analyses that targets show, and of experiments and their methods what these need.

    Raises:
        UserError: as `chosen`; nothing is left without a dataset, or there is none of that name.
    """
    paper = read_paper(what.paper)
    config, lost = _without(config, scale.without)
    views: dict[str, set[str]] = {}
    for number in what.tables:
        for _, _, cell in cells(paper.tables[number]):
            if cell.view and cell.method and cell.not_run is None:
                views.setdefault(cell.view, set()).add(cell.method)
    kept = {key: copy.deepcopy(value) for key, value in config.items() if key not in ("tables", "figures", "analyses")}
    needed: dict[str, set[str]] = {}
    tables = {}
    for view, methods in views.items():
        if view in lost:
            continue
        table = copy.deepcopy(_named(config, "tables", view, what))
        tables[view_name(what.paper, view, scale)] = _rows(table, methods, config, needed)
    drawn = [paper.figures[number] for number in what.figures if paper.figures[number].shown not in lost]
    if (views or what.figures) and not (tables or drawn):
        raise UserError(f"without: nothing that is asked for can be made without {', '.join(scale.without)}")
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


def _without(config: Mapping[str, Any], datasets: tuple[str, ...]) -> tuple[Mapping[str, Any], set[str]]:
    """Leave out the experiments of datasets, and name the tables, figures and analyses of which nothing remains."""
    known, experiments = config.get("datasets") or {}, config.get("experiments") or {}
    for name in datasets:
        if name not in known:
            raise UserError(f"without: the config has no dataset {name!r}{nearest(name, known)}")
    gone = {
        name for name, entry in experiments.items() if {entry["dataset"], entry.get("source_dataset")} & {*datasets}
    }
    made, lost = dict(config), set()
    made["experiments"] = {name: entry for name, entry in experiments.items() if name not in gone}
    for section in ("tables", "figures", "analyses"):
        made[section] = {}
        for name, entry in (config.get(section) or {}).items():
            here = [one for one in _experiments(entry, config) if one not in gone]
            if here:
                made[section][name] = {**entry, **({"experiments": here} if "experiments" in entry else {})}
            else:
                lost.add(name)
    return made, lost


def _named(config: Mapping[str, Any], section: str, name: str, what: Asked) -> dict[str, Any]:
    entries = config.get(section) or {}
    if name not in entries:
        raise UserError(
            f"{section}: the config has no {name!r}{nearest(name, entries)}; a target of {what.paper} shows it, so "
            f"give its config, {config_file(what.paper)}, or none"
        )
    found: dict[str, Any] = dict(entries[name])
    return found


def _experiments(entry: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """Return the experiments of a table, a figure or an analysis; of a figure of a table, the table's."""
    if "table" in entry:
        entry = config["tables"][entry["table"]]
    return _listed(entry["experiments"] if "experiments" in entry else entry["experiment"])


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _rows(
    table: dict[str, Any], methods: set[str], config: Mapping[str, Any], needed: dict[str, set[str]]
) -> dict[str, Any]:
    """Keep of a table some methods and its baseline, adding to what is needed of its experiments."""
    names = _listed(table["experiments"])
    listed = {name: _listed(config["experiments"][name]["methods"]) for name in names}
    order = _listed(table.get("methods") or []) or list(dict.fromkeys(m for name in names for m in listed[name]))
    rows = [method for method in order if method in methods or method == table.get("baseline")]
    here = [name for name in names if set(listed[name]) & set(rows)]
    for name in here:
        needed.setdefault(name, set()).update(set(listed[name]) & set(rows))
    labels = {method: text for method, text in (table.get("labels") or {}).items() if method in rows}
    if not any(table.get("baseline") in listed[name] for name in here):
        table.pop("baseline", None)
    return {**table, "experiments": here, "methods": rows, "labels": labels}


def _drawn(entry: Mapping[str, Any], config: Mapping[str, Any], needed: dict[str, set[str]]) -> None:
    """Add to what is needed what a figure or an analysis is of."""
    names = _experiments(entry, config)
    methods = {entry[key] for key in ("method", "before", "after") if key in entry} | {
        *_listed(entry.get("methods", []))
    }
    if entry.get("kind") == "gains":
        methods.add(entry.get("baseline", "zero_shot"))
    if entry.get("kind") == "meta_graph":
        methods.add(entry.get("method", "mgl"))
    for name in names:
        listed = set(_listed(config["experiments"][name]["methods"]))
        needed.setdefault(name, set()).update(listed & methods if methods else listed)


def view_name(paper: str, name: str, scale: Scale) -> str:
    """What a table, figure or analysis of the config is called where a paper's target needs it: it may have fewer rows."""
    return f"{paper}{scale.ending}.{name}"
