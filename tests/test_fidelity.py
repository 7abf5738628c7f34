"""docs/fidelity.md says of each paper what the config does: every value it names is the one that the config gives its runs."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.config import load
from pipeline.config.methods import METHODS
from pipeline.config.methods.contract import Method
from pipeline.config.training import Training
from pipeline.grid import runs
from pipeline.grid.runs import Grid

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/fidelity.md"
CLAIM = re.compile(r"`((?:(?P<experiment>[\w-]+)/)?(?P<variant>[\w-]+)\.(?P<key>[\w.]+): (?P<value>[^`]+))`")
PAPERS = {
    "metaxl": ("metaxl", "joint_rtn"),
    "xla_maml": ("x_maml", "xla_maml"),
    "mgl": ("mgl",),
    "meta_optimizer": ("meta_optimizer",),
}
OWN = {"method", "label", "training", "tune", "tune_by"}


def tables() -> dict[str, list[list[str]]]:
    """The page's tables by the config they are about, as cells."""
    found: dict[str, list[list[str]]] = {}
    for block in re.findall(r"(?:^\|.*\n)+", PAGE.read_text(), re.M):
        head, _, *rows = block.splitlines()
        config = re.search(r"config/papers/(\w+)\.yaml", head)
        assert config, head
        found[config[1]] = [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]
    return found


TABLES = tables()


@cache
def grid(config: str) -> Grid:
    return runs.expand(load.load([ROOT / f"config/papers/{config}.yaml"]))


def claims(config: str, column: int) -> list[re.Match[str]]:
    return [match for row in TABLES[config] for match in CLAIM.finditer(row[column])]


def given(claim: re.Match[str]) -> Any:
    """What the page says the value is, in the types of YAML; `1e-5` is a number here."""
    read = yaml.safe_load(claim["value"])
    try:
        return float(read) if isinstance(read, str) else read
    except ValueError:
        return read


def looked_up(values: dict[str, Any], key: str) -> Any:
    for part in key.split("."):
        assert part in values, f"{part!r} is none of {sorted(values)}"
        values = values[part]
    return values


def by_default(method: Method, key: str) -> Any:
    kind, _, name = key.partition(".")
    if kind == "training":
        return (Training().model_dump() | dict(method.built_in_training()))[name]
    return looked_up(method.model_dump() | method.hyper_parameters(), key)


def specs(config: str, variant: str, experiment: str | None) -> list[dict[str, Any]]:
    """The specs of a variant's runs; of a method that no table lists (a parent) of all runs of that method."""
    found = grid(config).runs.values()
    listed = [r for r in found if any(name == variant and experiment in (None, used) for used, name in r.uses)]
    if not listed:
        of_experiment = {r.parent for r in found if any(experiment in (None, used) for used, _ in r.uses)}
        rates = {r.rates for r in found}
        listed = [r for r in found if r.name in of_experiment | rates and r.spec["method"]["name"] == variant]
    return [run.spec for run in listed]


@pytest.mark.parametrize("config", PAPERS)
def test_a_row_has_five_cells_and_every_paper_its_settings(config: str) -> None:
    assert {len(row) for row in TABLES[config]} == {5}
    assert len(claims(config, 4)) >= 12 and len(claims(config, 3)) >= 12
    assert set(TABLES) == set(PAPERS) == {path.stem for path in (ROOT / "config/papers").glob("*.yaml")}


@pytest.mark.parametrize(
    ("config", "claim"),
    [(config, claim) for config in PAPERS for claim in claims(config, 3)],
    ids=lambda value: value if isinstance(value, str) else value[1],
)
def test_what_is_done_by_default_is_the_default(config: str, claim: re.Match[str]) -> None:
    assert by_default(METHODS[claim["variant"]](), claim["key"]) == given(claim)


@pytest.mark.parametrize(
    ("config", "claim"),
    [(config, claim) for config in PAPERS for claim in claims(config, 4)],
    ids=lambda value: value if isinstance(value, str) else value[1],
)
def test_what_a_papers_config_does_is_what_its_runs_do(config: str, claim: re.Match[str]) -> None:
    found = specs(config, claim["variant"], claim["experiment"])
    assert found, f"no run of {claim['variant']}"
    for spec in found:
        values = {**spec["method"], "training": spec["training"]}
        assert looked_up(values, claim["key"]) == given(claim), spec["method"]["name"]


@pytest.mark.parametrize(("config", "method"), [(c, m) for c, methods in PAPERS.items() for m in methods])
def test_every_setting_of_a_papers_method_stands_on_the_page(config: str, method: str) -> None:
    named = set(re.findall(r"`[\w/-]+\.(\w+)", " ".join(cell for row in TABLES[config] for cell in row[3:])))
    assert set(METHODS[method].model_fields) - OWN <= named
