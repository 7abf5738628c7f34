"""Slots of devices in the workflow: each run has one of its own; what jobs ask for is enough, and can be set otherwise."""

import itertools
import json
import re
from pathlib import Path

import pytest

from benchmarks.slots import Watch
from pipeline.common import paths
from pipeline.common.gpus import STAND_INS
from pipeline.config.load import parse
from pipeline.grid.resources import Needs
from pipeline.grid.runs import expand
from tests.grid.test_resources import wildcards
from tests.rules.house import CONFIG, House

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="only Linux tells which locks are held")
def test_two_runs_have_two_devices_and_no_slot_has_two_runs(
    finished: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, locks = finished.copy(tmp_path / "house"), tmp_path / "locks"
    locks.mkdir()
    monkeypatch.setenv(STAND_INS, "0,1")
    monkeypatch.setenv("TMPDIR", str(locks))
    more = {**CONFIG["experiments"]["few"], "methods": ["target_only"], "model_seeds": [1, 3, 4]}
    config = house.changed("experiments", "few", value=more)
    watch = Watch(locks)
    watch.start()
    house.run("train", "--cores", "2", "--resources", "gpu=2", config=config)
    watch.stopped.set()
    watch.join()
    held = watch.slots()
    assert sum(map(len, held.values())) == 2 and watch.most <= 2
    for spans in held.values():
        assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans)), held
    new = [run.name for run in (house.folder / "results/runs").glob("*-target_only-s[34]-*")]
    logs = [(house.folder / f"logs/train/{run}.log").read_text() for run in new]
    assert len(logs) == 2 and all(re.search(r"^GPU [01]$", log, re.MULTILINE) for log in logs), logs
    assert house.planned("train", "--resources", "gpu=4", "gpu_slots_per_device=2", config=config) == {}


def test_a_wrong_number_of_slots_is_told_before_any_job(finished: House) -> None:
    done = finished.snakemake("--dry-run", "--resources", "gpu_slots_per_device=0")
    said = done.stdout + done.stderr
    assert done.returncode and "expected how many runs share a device, a whole number from 1 to 64" in said
    assert "Traceback" not in said


def test_finished_runs_used_less_than_their_jobs_asked_for(finished: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.chdir(finished.folder)
    grid = expand(parse(CONFIG))
    needs = Needs(grid)
    for run in grid.runs:
        record = json.loads(paths.run_record(run).read_text())
        asked, used = needs.run_mem_mb(wildcards(run=run), 1), record["memory_mb"]
        assert used <= asked <= 3 * used, run
        assert record["seconds"]["total"] <= 60 * needs.run_runtime(wildcards(run=run), 1)


def test_set_resources_and_profiles_win(finished: House, tmp_path: Path) -> None:
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "config.yaml").write_text("set-resources:\n  train_run:\n    mem_mb: 77\n    runtime: 7\n")
    for flags in (
        ["--set-resources", "train_run:mem_mb=77", "train_run:runtime=7"],
        ["--profile", str(profile)],
    ):
        said = finished.run("--dry-run", "--forcerun", "train_run", *flags)
        assert re.findall(r"runtime=7, mem_mb=77,", said) == ["runtime=7, mem_mb=77,"] * 4
