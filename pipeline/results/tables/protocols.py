"""How epochs and hyper-parameters were chosen, methods of one protocol together, and of which split scores are."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.results.tables.table import Table
from pipeline.results.tables.tuning import grids_of
from pipeline.tasks.metric_names import ITEMS

WHOM = {
    "target": "each target",
    "mean": "all targets of the same sources, by their mean",
    "model": "the one model that is tested on all targets",
}
"""What a point of a grid is chosen for."""


def items_of(table: Table) -> str:
    """Return what the table's test sets hold."""
    return ITEMS[table.spec.task]


def selection(table: Table) -> list[str]:
    """Say which dev set chose the epoch, methods of one protocol together; then the same of their source models."""
    items, facts = items_of(table), table.spec.selection
    own = [(choice(f, items), f["method"], f["experiment"]) for f in facts]
    inherited = [(choice(f["parent"], items), f["method"], f["experiment"]) for f in facts if f.get("parent")]
    members = [(choice(f["members"], items), f["method"], f["experiment"]) for f in facts if f.get("members")]
    return [
        *protocols("Epoch", by_protocol(table, own)),
        *protocols("Epoch of the runs averaged", by_protocol(table, members)),
        *protocols("Epoch of the source model", by_protocol(table, inherited)),
        *protocols("Hyper-parameters", tuning(table)),
        *splits(table),
    ]


def by_protocol(table: Table, found: Sequence[tuple[str, str, str]]) -> dict[str, dict[str, None]]:
    """Group methods by their protocol, naming the experiments of a method that has several.

    Args:
        table: the table.
        found: protocol, method and experiment.

    Returns:
        By protocol the methods' labels, in order: `joint`, or `joint in a and b`.
    """
    labels = {method["name"]: str(method.get("label", method["name"])) for method in table.spec.methods}
    uses: dict[tuple[str, str], list[str]] = {}
    for protocol, method, experiment in found:
        uses.setdefault((protocol, method), []).append(experiment)
    several = Counter(method for _, method in uses)
    groups: dict[str, dict[str, None]] = {}
    for (protocol, method), experiments in uses.items():
        where = f" in {' and '.join(experiments)}" if several[method] > 1 else ""
        groups.setdefault(protocol, {})[f"{labels.get(method, method)}{where}"] = None
    return groups


def tuning(table: Table) -> dict[str, dict[str, None]]:
    """Say how hyper-parameters were tuned: protocol → the methods' labels; empty where no method has a grid."""
    found: dict[str, dict[str, None]] = {}
    grids = grids_of(table.spec.methods)
    for method in table.spec.methods:
        grid = grids.get(method["name"])
        protocol = "as configured"
        if grid is not None:
            whom = WHOM[grid.by]
            protocol = f"best of {len(grid.points)} points on dev by the mean over seeds, for {whom}"
        found.setdefault(protocol, {})[str(method.get("label", method["name"]))] = None
    return found if grids else {}


def protocols(what: str, groups: Mapping[str, Mapping[str, None]]) -> list[str]:
    """Write one sentence of protocols and the methods that follow them."""
    parts = [f"{text} ({', '.join(names)})" for text, names in groups.items()]
    return [f"{what}: {'; '.join(parts)}."] if parts else []


def splits(table: Table) -> list[str]:
    """Say where dev and test sets are not the dataset's own."""
    facts = table.spec.selection
    cut = [f["experiment"] for f in facts if f["dev_from"] == "train"]
    tested_on_dev = [f["experiment"] for f in facts if f["test"] == "dev"]
    chosen = any(f["test"] == f["dev_from"] == "dev" and f["select"] == "best" and f["dev"] == "target" for f in facts)
    sentences = [f"Dev sets are cut from the training data{among(table, cut)}."] if cut else []
    if tested_on_dev:
        where = among(table, tested_on_dev)
        sentences.append(f"Scores{where} are of the datasets' dev split, as their test labels are not public.")
    return [*sentences, *(["That split also chose epochs, so scores are too high."] if chosen else [])]


def among(table: Table, experiments: Sequence[str]) -> str:
    """Name experiments where they are not all of the table's: ` in a and b`."""
    every = {facts["experiment"] for facts in table.spec.selection}
    return "" if every <= set(experiments) else f" in {' and '.join(dict.fromkeys(experiments))}"


def choice(facts: Mapping[str, Any], items: str) -> str:
    """Say how one run's epoch was chosen; `items` is what a dev set holds."""
    if facts["select"] != "best":
        return {"last": "the last", "averaged": "the mean over all", "parent": "nothing trained"}[facts["select"]]
    size = "" if facts["dev_size"] is None else f", at most {facts['dev_size']} {items}"
    score = "" if facts["metric"] is None else f" {facts['metric']}"
    return f"best{score} on the {facts['dev']} language's dev set{size}"
