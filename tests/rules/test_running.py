"""Snakemake really running: targets that report, jobs that fail or are killed, configs that are wrong."""

import base64
import re
from pathlib import Path

import pytest
import yaml

from tests.rules.house import CONFIG, ROOT, House, methods

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]


def first_run(house: House, method: str) -> str:
    return min(path.name for path in (house.folder / "results/runs").glob(f"*-{method}-*"))


def test_plan_counts_what_is_done_and_missing(finished: House) -> None:
    said = finished.run("plan", config=finished.changed("experiments", "few", "model_seeds", value=[1, 2, 3]))
    (row,) = re.findall(r"^few +target_only +(.*)$", said, re.MULTILINE)
    assert row.split()[:4] == ["3", "2", "0", "1"]  # runs, done, stale, missing


def test_prune_deletes_only_when_told_to(finished: House, tmp_path: Path) -> None:
    house = finished.copy(tmp_path / "house")
    run = house.folder / "results/runs" / first_run(house, "fine_tune")
    fewer = house.changed("experiments", "few", "methods", value=["target_only"])
    assert run.name in house.run("prune", config=fewer)
    assert run.is_dir()
    house.run("prune", "--config", "confirm=yes", config=fewer)
    assert not run.exists()
    assert (house.folder / "results/runs" / first_run(house, "target_only")).is_dir()


def test_the_demo_is_the_default_and_does_not_leak_into_other_configs(finished: House) -> None:
    demo = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    jobs = finished.planned(config=None)
    cells = [len(e["targets"]) * len(e["model_seeds"]) for e in demo["experiments"].values()]
    assert len(cells) == 5 and methods(jobs).count("target_only") == sum(cells)
    assert finished.planned() == {}
    confirmed = finished.run("--dry-run", "prune", "--config", "confirm=no", config=None)
    assert "prune" in confirmed


def test_points_of_a_grid_are_jobs_and_one_that_was_asked_for_before_is_done(finished: House) -> None:
    few = {**CONFIG["experiments"]["few"], "methods": ["target_only", "tuned"]}
    grid = {"tuned": {"method": "target_only", "tune": {"training.learning_rate": [0.001, 0.01]}}}
    jobs = finished.planned(
        config=finished.config("tuned.yaml", {**CONFIG, "methods": grid, "experiments": {"few": few}})
    )
    assert methods(jobs) == ["target_only", "target_only"]  # two seeds of the new point; 0.001 is the config's own rate
    assert jobs["table"] == ["table=few", "table=same"]


def test_a_failed_run_keeps_its_checkpoint(finished: House, tmp_path: Path) -> None:
    house = finished.copy(tmp_path / "house")
    run = house.folder / "results/runs" / first_run(house, "target_only")
    checkpoint = run / "checkpoint-000000000000"
    checkpoint.mkdir()
    (checkpoint / "state").touch()
    (run / "predictions.parquet").unlink()
    for model in house.folder.glob("resources/encoders/*/model.safetensors"):
        model.unlink()
    done = house.snakemake(f"results/runs/{run.name}/predictions.parquet")
    assert done.returncode != 0
    told = (house.folder / f"logs/train/{run.name}.log").read_text().rpartition("error: ")[2].strip()
    assert told and (done.stderr + done.stdout).count(told) == 1  # the stage says what is wrong, once
    assert not (run / "predictions.parquet").exists()
    assert (checkpoint / "state").exists()


def test_a_killed_run_is_run_again(finished: House, tmp_path: Path) -> None:
    house = finished.copy(tmp_path / "house")
    path = f"results/runs/{first_run(house, 'target_only')}/predictions.parquet"
    mark = house.folder / ".snakemake/incomplete" / base64.b64encode(path.encode()).decode()
    mark.parent.mkdir(exist_ok=True)
    mark.write_text("{}")  # what Snakemake leaves while a job runs
    jobs = house.planned()
    assert methods(jobs) == ["target_only"]


def test_a_wrong_config_stops_before_any_job(finished: House) -> None:
    done = finished.snakemake("--dry-run", config=finished.changed("experiments", "few", "targets", value=["hubbish"]))
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "changed.yaml:" in said and "experiments.few" in said and "hubbish" in said
    assert "Traceback" not in said
