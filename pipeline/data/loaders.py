"""The datasets' modules by name, and the specs that the data stages are given."""

import importlib
from typing import Any

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import parse_object
from pipeline.common.kinds import check_kinds
from pipeline.data import corpora

LOADERS = (
    *("babel", "wikiann", "xnli", "multinli", "mlqa", "squad", "marc", "sentipers", "sentiraama", "cls10"),
    "files",
)
OBJECT = dict[str, Any] | None
KINDS = {
    **dict.fromkeys(("task", "remove_duplicates", "broken", "test"), str),
    "encoding": str | None,
    **dict.fromkeys(("hub", "archive", "dev", "family"), OBJECT),
    "files": dict[str, str | list[str] | None],
    **dict.fromkeys(("columns", "languages"), dict[str, Any] | None),
    "labels": list[list[str | float | bool | None]] | dict[str, str | None] | None,
    "cut": dict[str, float | bool | None] | None,
    "sources": list[str] | None,
    "expected": dict[str, dict[str, int | None]] | None,
    "sizes": dict[str, int],
    "header": bool | None,
}
"""What loaders' options are, by key of a spec; keys of the same name are of the same kind in all."""

GENERATED = ("babel",)  # made, not downloaded


def parse_spec(text: str, required: tuple[str, ...] = ("dataset", "language", "loader")) -> dict[str, Any]:
    """Read a stage's `--spec`.

    Raises:
        UserError: not a JSON object, or a required key is missing.
    """
    spec = parse_object(text, "--spec")
    for key in required:
        if not isinstance(spec.get(key), str):
            raise UserError(f"--spec: key {key!r} is missing or no string{nearest(key, spec)}")
    check_kinds(spec, {**dict.fromkeys(required, str), **KINDS}, "--spec")
    labels = spec.get("labels")
    for pair in labels if isinstance(labels, list) else ():
        if len(pair) != 2 or not isinstance(pair[1], str | None):
            raise UserError(f"--spec: labels: expected pairs of a label and a class, got {pair!r}")
    return spec


def loader_module(name: str) -> Any:
    """Return the module `pipeline.data.corpora.<name>.read`, which reads a dataset's files.

    Raises:
        UserError: there is no such loader.
    """
    if name not in LOADERS:
        raise UserError(f"loader: unknown loader {name!r}{nearest(name, LOADERS)}")
    return importlib.import_module(f"{corpora.__name__}.{name}.read")


def fetch_module(name: str) -> Any:
    """Return the module `pipeline.data.corpora.<name>.fetch`, which knows where a dataset's files come from.

    Raises:
        UserError: there is no such loader, or it generates its data.
    """
    if name in GENERATED:
        raise UserError(f"loader {name!r} generates its data; there is nothing to download")
    loader_module(name)
    return importlib.import_module(f"{corpora.__name__}.{name}.fetch")
