"""Our own scores, from the tables of the config that a paper's table is put together from."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.integrity import verified_by_note

MEAN = "average"


@dataclass(frozen=True)
class Ours:
    """A cell of one of the config's tables.

    Attributes:
        mean, sd: ×100; `None` where it is empty, and of one seed.
        n: how many seeds.
        sentences: how many examples were tested; `None` of a mean over columns.
        metric: its full name.
        significant: whether it differs from the view's baseline, as its tests say.
        leads: whether it is above all other rows of the view by a lead that holds.
        tied: whether it does not lead and is not separable from the highest.
        reason: why it is empty or lacks seeds.
        row: by what settings its row is told from others of the method.
    """

    mean: float | None
    sd: float | None
    n: int
    sentences: int | None
    metric: str
    significant: bool
    leads: bool
    tied: bool
    reason: str


Lines = list[dict[str, str]]


def read_views(names: Iterable[str]) -> dict[str, Lines]:
    """Read tables of the config, each line a cell.

    Raises:
        UserError: a table is not there.
    """
    found = {}
    for name in names:
        path = paths.table(name, "csv")
        if not path.is_file():
            raise UserError(f"{path}: no such file; snakemake {path} makes it")
        with open(verified_by_note(path), encoding="utf-8", newline="") as file:
            found[name] = list(csv.DictReader(file))
    return found


def look_up(views: Mapping[str, Lines], cell: Mapping[str, Any]) -> Ours:
    """Find a cell: the row of its method and settings, the column of its language and dataset.

    Raises:
        UserError: the table has several such rows.
    """
    lines = [line for line in views[cell["view"]] if line["variant"] == cell["method"]]
    here = [line for line in lines if _column(line, cell) and _row(line, cell["settings"])]
    if len({line["row"] for line in here}) > 1:
        rows = ", ".join(repr(line["row"]) for line in here)
        raise UserError(
            f"{cell['view']}: {cell['method']} has several rows, {rows}; `settings` must say which is meant"
        )
    if not here:
        wanted = {"language": cell["language"], "dataset": cell["dataset"], **cell["settings"]}
        told = ", ".join(f"{key} {value}" for key, value in wanted.items() if value)
        return Ours(
            None, None, 0, None, "", False, False, False, f"{cell['view']} has no cell of {cell['method']} with {told}"
        )
    return _ours(here[0])


def _column(line: Mapping[str, str], cell: Mapping[str, Any]) -> bool:
    language, dataset = cell["language"], cell["dataset"]
    if language in (None, MEAN):
        return line["column"] == MEAN
    if dataset == MEAN:
        return line["column"] == f"{language} {MEAN}"
    alone = dataset is None and not line["column"].endswith(f" {MEAN}")
    return line["language"] == language and (alone or line["dataset"] == dataset)


def _row(line: Mapping[str, str], settings: Mapping[str, Any]) -> bool:
    """Whether a line's settings are those wanted; one that does not set rows apart is the same in all of them."""
    given = dict(part.split("=", 1) for part in line["settings"].split("; ") if "=" in part)
    return all(given.get(key, str(value)) == str(value) for key, value in settings.items())


def _ours(line: Mapping[str, str]) -> Ours:
    return Ours(
        mean=_number(line["mean"]),
        sd=_number(line["sd"]),
        n=int(line["n"] or 0),
        sentences=int(line["sentences"]) if line["sentences"] else None,
        metric=line["metric"],
        significant=line["significant"] == "1",
        leads=line["leads"] == "1",
        tied=line["tied"] == "1" and line["leads"] != "1",
        reason=line["notes"],
    )


def _number(text: str) -> float | None:
    return float(text) if text else None
