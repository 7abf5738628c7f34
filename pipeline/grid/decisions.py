"""How many seeds a cell has where the config adds them until comparisons are decided: by what earlier starts decided.

A decision (`results/decisions/<table>.json`) names the runs it saw, by their ids, with a hash of what each of them predicted. So
it is of these runs alone: of a changed config, whose runs have other ids, nothing is decided, and cells begin with `start` seeds
again. Where the same runs were asked something else (another margin, another baseline), or have been trained again since, cells
keep the seeds that were seen and get no others before that is decided anew.
"""

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.files import canonical_json, digest, read_object
from pipeline.common.integrity import read_sealed
from pipeline.config.experiments import Experiment, UntilDecided
from pipeline.config.schema import Settings
from pipeline.grid.tables import table_spec

Wanted = Mapping[str, int]
"""By run that a decision saw: how many model seeds its cell is to have."""

NOT_ASKED = ("title", "average")
"""What of a table's description is no part of the question."""

SpecAndParents = tuple[dict[str, Any], list[dict[str, Any]]]


def decided_tables(settings: Settings) -> dict[str, UntilDecided]:
    """Return the tables that decide how many seeds cells have, with the rule of their experiments."""
    found = {}
    for name, table in settings.tables.items():
        rules = [settings.experiments[e].until_decided for e in table.experiments if e in settings.experiments]
        rule = next((rule for rule in rules if rule is not None), None)
        if rule is not None and table.baseline is not None:
            found[name] = rule
    return found


def decide_spec(name: str, settings: Settings) -> dict[str, Any]:
    """Return what the stage is asked that decides for a table: `table`, `rule`, and as `asked` a hash of both."""
    rule = decided_tables(settings)[name].model_dump(exclude={"until"})
    table = table_spec(settings.tables[name], settings)
    plain = [{key: value for key, value in method.items() if key != "label"} for method in table["methods"]]
    asked = {**{key: value for key, value in table.items() if key not in NOT_ASKED}, "methods": plain}
    return {"asked": digest({"table": asked, "rule": rule}), "rule": rule, "table": table}


def read_decisions(settings: Settings) -> dict[str, int]:
    """Return how many seeds the cells are to have by all decisions that lie there; none where the config lists its seeds.

    Raises:
        UserError: a decision is altered or broken.
    """
    tables = decided_tables(settings)
    outcomes = (read_object(paths.scored()) or {}) if tables else {}
    wanted: dict[str, int] = {}
    for name, rule in tables.items():
        stored = stored_decision(name)
        same = stored.get("asked") == decide_spec(name, settings)["asked"]
        for cell in stored.get("cells", []):
            seeds = min(rule.at_most, cell["wanted"] if same and unchanged(cell, outcomes) else cell["seen"])
            wanted.update({run: max(seeds, wanted.get(run, 0)) for run in cell["runs"]})
    return wanted


def stored_decision(table: str) -> dict[str, Any]:
    """Return what was decided for a table, empty where nothing was.

    Raises:
        UserError: the file is altered or broken.
    """
    path = paths.decisions(table)
    return read_sealed(path, mend_of(path)) if path.exists() else {}


def mend_of(path: Path) -> str:
    """Say what to do about a decision that is altered or broken."""
    return f"delete it with: rm {shlex.quote(str(path))}; the next start decides anew, and no run is lost"


def unchanged(cell: Mapping[str, Any], outcomes: Mapping[str, str]) -> bool:
    """Whether the runs of a cell predict what they did when it was decided."""
    return all(outcomes.get(run) == sha for run, sha in cell["runs"].items())


def in_effect(name: str, settings: Settings, runs: Collection[str]) -> dict[str, Any] | None:
    """Return a table's decision, `None` where it is of other runs, of what they were once, or of another question.

    Raises:
        UserError: it is altered or broken.
    """
    stored = stored_decision(name)
    if stored.get("asked") != decide_spec(name, settings)["asked"]:
        return None
    outcomes, cells = read_object(paths.scored()) or {}, stored.get("cells", [])
    there = all(unchanged(cell, outcomes) and set(cell["runs"]) <= set(runs) for cell in cells)
    return stored if there else None


def with_seeds(
    experiment: Experiment,
    found: Iterable[SpecAndParents],
    wanted: Wanted | None,
    name_of: Callable[[Mapping[str, Any]], str],
) -> list[SpecAndParents]:
    """Leave out the runs of seeds that are not wanted, or not yet.

    Args:
        experiment: whose runs they are.
        found: runs of one method of it, of all seeds there may be.
        wanted: by decisions; `None`: all seeds there may be.
        name_of: from a run's spec to its name.
    """
    rule, runs = experiment.until_decided, list(found)
    if rule is None or wanted is None:
        return runs
    places = [place(spec) for spec, _ in runs]
    seeds: dict[str, int] = {}
    for at, (spec, _) in zip(places, runs, strict=True):
        seeds[at] = max(seeds.get(at, rule.start), wanted.get(name_of(spec), 0))
    return [one for at, one in zip(places, runs, strict=True) if one[0]["model_seed"] <= seeds[at]]


def place(spec: Mapping[str, Any]) -> str:
    """Return what the runs of one cell have in common: all that an experiment's grid is over but its seeds and tuned points."""
    keys: Sequence[str] = ("sources", "auxiliary", "targets", "source_size", "target_size", "evaluate")
    return canonical_json([spec[key] for key in keys])
