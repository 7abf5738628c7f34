"""The list of runs the config names, as the score and collect stages are given it (`--runs FILE`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import read_json

KEYS = {"name": str, "code": str, "uses": list, "spec": dict}


@dataclass(frozen=True)
class Expected:
    """A run as the config and the code of today describe it.

    Attributes:
        name: the run's name, its folder under `results/runs`.
        code: code hash of the modules that make it.
        uses: (experiment, variant) pairs that show it; empty for a parent that nothing lists.
        spec: everything that determines its result.
        accepted: hashes of earlier code that may have made it instead.
    """

    name: str
    code: str
    uses: tuple[tuple[str, str], ...]
    spec: dict[str, Any]
    accepted: tuple[str, ...] = ()

    @property
    def evaluated(self) -> bool:
        """Whether the run predicts for any language; a parent may not."""
        return bool(self.spec["evaluate"])


def read_runs(path: Path) -> list[Expected]:
    """Read a `--runs` file: a JSON list of `{"name", "code", "uses", "spec"}`, and `"accept_code"` where any is.

    Raises:
        UserError: the file is missing, not JSON, or an entry lacks a key or has one of another type.
    """
    entries = read_json(path)
    if not isinstance(entries, list):
        raise UserError(f"{path}: expected a list of runs, found {type(entries).__name__}")
    for i, entry in enumerate(entries):
        for key, kind in KEYS.items():
            if not isinstance(entry, dict) or not isinstance(entry.get(key), kind):
                raise UserError(f"{path}: run {i}: expected an object whose {key!r} is a {kind.__name__}")
    runs = [
        Expected(e["name"], e["code"], tuple((x, v) for x, v in e["uses"]), e["spec"], tuple(e.get("accept_code", ())))
        for e in entries
    ]
    if len({run.name for run in runs}) < len(runs):
        raise UserError(f"{path}: a run is listed twice")
    return runs


def remedy(runs: Sequence[str]) -> str:
    """The command that makes runs again, and after them what is built on them."""
    return "snakemake --forcerun " + " ".join(str(paths.predictions(run)) for run in runs)
