"""A tuned variant from the config to the table: points become runs, dev scores are collected, dev chooses, test is shown."""

import csv
import json
from dataclasses import dataclass

import pytest

from pipeline.common import paths
from pipeline.config.load import parse
from pipeline.grid.runs import Grid, expand
from pipeline.results.scores.runs_file import Expected
from pipeline.stages import collect, table
from pipeline.stages.score import score
from tests.configs import changed
from tests.results.world import CODE, finish, right, runs_file

OVERRIDES = (
    "methods.tuned={method: joint, tune: {batches: [balanced, concatenated], training.learning_rate: [1e-2, 1e-4]}}",
    "methods.fixed={method: joint, training: {learning_rate: 1e-4}}",
    "experiments.few.methods=[target_only, fixed, tuned]",
    "experiments.few.source_size=[100, 500]",
    "tables={few: {experiments: few, baseline: target_only}, one: {experiments: few, columns: average}}",
)
BEST = {  # the point that dev prefers, by source size and target: batches and learning rate
    (100, "nearish"): ("concatenated", 1e-2),
    (100, "farrish"): ("balanced", 1e-4),
    (500, "nearish"): ("concatenated", 1e-4),
    (500, "farrish"): ("concatenated", 1e-4),
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@dataclass(frozen=True)
class World:
    """The grid and its finished runs."""

    grid: Grid
    runs: list[Expected]

    def finish(self, left_out: tuple[str, ...] = ()) -> None:
        """Finish the runs: what dev prefers has two of ten test sentences right, all other points have nine."""
        for run in self.runs:
            if run.name in left_out:
                continue
            spec = run.spec
            point = spec["method"].get("batches"), spec["training"]["learning_rate"]
            best = BEST.get((spec["source_size"], spec["targets"][0])) == point
            finish(run, right(2 if best else 9), dev=0.8 if best else 0.1 * spec["model_seed"])
        score([run for run in self.runs if run.name not in left_out], 1)
        collect.collect(runs_file(self.runs), partial=bool(left_out))

    def cells(self, monkeypatch, name: str = "few") -> dict[tuple[str, str], dict[str, str]]:
        """Write a table and read it back, by row and column."""
        monkeypatch.setattr("sys.argv", ["table", "--name", name, "--spec", json.dumps(self.grid.tables[name])])
        table.main()
        with open(paths.table(name, "csv")) as file:
            return {(r["row"], r["column"]): r for r in csv.DictReader(file)}


def world() -> World:
    grid = expand(parse(changed(*OVERRIDES)))
    return World(grid, [Expected(run.name, CODE, run.uses, run.spec) for run in grid.runs.values()])


def f1(k: int) -> float:
    """×100, of ten sentences with k right: tp 2k, fp 10 − k, fn 2 (10 − k)."""
    return 400 * k / (30 + k)


def test_from_the_config_to_the_table(monkeypatch):
    here = world()
    # seeds × targets × sizes × (fixed is one of the four points), and target_only of either size
    assert len(here.runs) == 2 * 2 * 2 * 4 + 2 * 2
    here.finish()
    cells = here.cells(monkeypatch)
    for (size, target), (batches, rate) in BEST.items():
        cell = cells[f"tuned (source_size {size})", f"hubbish→{target}"]
        assert cell["point"] == f"batches {batches}, training.learning_rate {rate}"
        assert float(cell["mean"]) == pytest.approx(f1(2), abs=1e-5)
        assert (cell["n"], cell["points"], float(cell["dev"])) == ("2", "4", pytest.approx(80))
        assert float(cells["target only", f"hubbish→{target}"]["mean"]) == pytest.approx(f1(9), abs=1e-5)
    # the same runs where they are listed as a method of their own: the point that dev did not choose for nearish
    assert float(cells["fixed (source_size 100)", "hubbish→nearish"]["mean"]) == pytest.approx(f1(9), abs=1e-5)
    assert float(cells["fixed (source_size 100)", "hubbish→farrish"]["mean"]) == pytest.approx(f1(2), abs=1e-5)
    text = paths.table("few", "md").read_text()
    assert (
        "Chosen on dev (entity_f1_strict): tuned (source_size 100): batches concatenated, training.learning_rate 0.01 "
        "(nearish); batches balanced, training.learning_rate 0.0001 (farrish)." in text
    )
    assert "tuned (source_size 500): batches concatenated, training.learning_rate 0.0001.\n" in text
    assert "best of 4 points on dev by the mean over seeds, for each target (tuned)" in text


def test_the_average_alone(monkeypatch):
    here = world()
    here.finish()
    cells = here.cells(monkeypatch, "one")
    assert float(cells["tuned (source_size 100)", "average"]["mean"]) == pytest.approx(f1(2), abs=1e-5)
    assert float(cells["fixed (source_size 100)", "average"]["mean"]) == pytest.approx((f1(9) + f1(2)) / 2, abs=1e-5)
    header = next(line for line in paths.table("one", "md").read_text().splitlines() if line.startswith("|"))
    assert [part.strip() for part in header.strip("|").split("|")] == ["", "average"]


def test_a_run_that_is_not_there_yet(monkeypatch):
    here = world()
    (gone,) = [
        run.name
        for run in here.runs
        if run.spec["model_seed"] == 2
        and (run.spec["source_size"], run.spec["targets"]) == (100, ["nearish"])
        and (run.spec["method"].get("batches"), run.spec["training"]["learning_rate"]) == ("balanced", 1e-2)
    ]
    here.finish((gone,))
    cell = here.cells(monkeypatch)["tuned (source_size 100)", "hubbish→nearish"]
    assert cell["mean"] == ""
    assert cell["notes"] == (
        "no point chosen: batches balanced, training.learning_rate 0.01 lacks nearish, data seed 42, model seed 2 "
        "(not trained)"
    )
