"""The Slurm profile on a Slurm that is running (slurm-node.sh starts one); skipped where there is none."""

import itertools
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.rules.house import CONFIG, House

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]

PROFILE = ("--profile", "profiles/slurm")
SOON = ("--slurm-init-seconds-before-status-checks", "3", "--latency-wait", "5")
LONG = {"epochs": 250, "select_metric": "entity_f1_strict"}
"""Of so many epochs a tiny run takes some ten seconds, so that it can be met while it runs."""


def said_by(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30).stdout


@pytest.fixture(scope="session")
def slurm() -> None:
    if not shutil.which("sbatch"):
        pytest.skip("no Slurm here: sbatch is not installed")
    if not re.search(r"^(idle|mix)", said_by("sinfo", "-h", "-o", "%T"), re.MULTILINE):
        pytest.skip("no Slurm here: sinfo shows no free node; tests/rules/slurm-node.sh starts one")
    if "gpu" not in said_by("sinfo", "-h", "-o", "%G"):
        pytest.skip("this Slurm has no GPU (nor a stand-in for one)")


@pytest.mark.usefixtures("slurm")
def test_each_training_job_gets_one_gpu_and_the_rest_runs_here(finished: House, tmp_path: Path) -> None:
    house = finished.copy(tmp_path / "house")
    another = house.changed("experiments", "few", "model_seeds", value=[1, 2, 3])
    said = house.run(*PROFILE, config=another)
    submitted = re.findall(r"submitted with SLURM jobid (\d+) \(log: \S*/rule_(\w+)/", said)
    assert sorted(rule for _, rule in submitted) == ["train_parent", "train_run", "train_run"]
    for job, _ in submitted:
        assert re.search(r"TresPer(Job|Node)=gres[:/]gpu[:=]1\b", said_by("scontrol", "show", "job", job)), job
    assert house.planned(config=another) == {}  # what Slurm ran is known here


# ------------------------------------------------------------------------------------------------------------- troubles


def wait_for(what: Callable[[], bool], seconds: float, why: str) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, f"{why}: not after {seconds:.0f} s\n{said_by('squeue')}"
        time.sleep(0.3)


def running(partition: str = "gpu") -> list[str]:
    """Jobs that train, longest first."""
    lines = said_by("squeue", "-h", "-p", partition, "-t", "R", "-S", "S", "-o", "%i").split()
    return [job for job in lines if training(job)]


def training(job: str) -> bool:
    return bool(process_of(job))


def process_of(job: str) -> list[str]:
    """The processes of a job that make a run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment, command = ((folder / name).read_bytes() for name in ("environ", "cmdline"))
        except OSError:
            continue
        if f"SLURM_JOB_ID={job}\0".encode() in environment and b"\0pipeline.stages.train\0" in command:
            found.append(folder.name)
    return found


def spans(jobs: Iterator[str]) -> dict[str, list[tuple[str, str]]]:
    """By device: when jobs had it."""
    found: dict[str, list[tuple[str, str]]] = {}
    for job in jobs:
        said = said_by("scontrol", "-d", "show", "job", job)
        device, start, end = (
            re.search(p, said) for p in (r"GRES=gpu\S*\(IDX:(\d+)\)", r"StartTime=(\S+)", r"EndTime=(\S+)")
        )
        if device and start and end:
            found.setdefault(device[1], []).append((start[1], end[1]))
    return found


@pytest.mark.usefixtures("slurm")
def test_runs_that_are_cancelled_killed_requeued_or_pushed_aside_come_to_the_same_bits(
    finished: House, tmp_path: Path
) -> None:
    here, there = (finished.copy(tmp_path / name) for name in ("here", "there"))
    configs = [
        house.changed("training", value={**LONG, "max_length": 64, "learning_rate": 0.001}) for house in (here, there)
    ]
    here.run(config=configs[0])
    command = [sys.executable, "-m", "snakemake", *PROFILE, *SOON, "--retries", "3", "--configfile", configs[1]]
    with (
        open(tmp_path / "said.txt", "w") as log,
        subprocess.Popen(command, cwd=there.folder, stdout=log, stderr=log) as process,
    ):
        done: list[str] = []
        troubles = itertools.cycle(["scancel", "kill", "requeue", "preempt"])
        while process.poll() is None and len(done) < 4:
            fresh = [job for job in running() if job not in done]
            if not fresh:
                time.sleep(0.3)
                continue
            time.sleep(3)  # in the middle of its epochs
            trouble(next(troubles), fresh[0])
            done.append(fresh[0])
        assert process.wait(timeout=400) == 0, (tmp_path / "said.txt").read_text()[-3000:]
    assert len(done) == 4, "not all troubles met a run"
    assert there.planned(config=configs[1]) == {}
    for run in sorted(path.name for path in (here.folder / "results/runs").iterdir()):
        ours, theirs = (pq.read_table(h.folder / "results/runs" / run / "predictions.parquet") for h in (here, there))
        assert ours.equals(theirs), run
    said = (tmp_path / "said.txt").read_text()
    jobs = re.findall(r"submitted with SLURM jobid (\d+)", said)
    for device, times in spans(iter(jobs)).items():
        for (_, end), (start, _) in itertools.pairwise(sorted(times)):
            assert end <= start, f"two jobs at a time on device {device}"


def trouble(kind: str, job: str) -> None:
    """Do to a job that trains what happens to jobs."""
    if kind == "scancel":
        said_by("scancel", job)
    elif kind == "requeue":
        said_by("scontrol", "requeue", job)
    elif kind == "kill":
        for process in process_of(job):
            subprocess.run(["kill", "-9", process], check=False)
    else:
        said_by("sbatch", "-p", "urgent", "-n", "1", "--gres=gpu:2", "-o", "/dev/null", "--wrap", "sleep 5")
        wait_for(lambda: job not in running(), 60, "the urgent job takes the place")


def epochs_since(folder: Path, begun: float) -> bool:
    """Whether a run has ended an epoch since then."""
    return any(file.stat().st_mtime > begun for file in folder.glob("results/runs/*-s7-*/history.jsonl"))


@pytest.mark.usefixtures("slurm")
def test_a_run_whose_time_runs_out_writes_a_checkpoint_and_goes_on_from_it(finished: House, tmp_path: Path) -> None:
    """By SIGUSR1, which the profile has Slurm send before the limit, and by SIGTERM, as at the limit: all processes get it."""
    here, there = (finished.copy(tmp_path / name) for name in ("here", "there"))
    few = {"few": {**CONFIG["experiments"]["few"], "methods": ["target_only"], "model_seeds": [7]}}
    changed = {**CONFIG, "training": {**LONG, "max_length": 64, "learning_rate": 0.001}, "experiments": few}
    for house in (here, there):
        house.config("long.yaml", changed)
    here.run(config="long.yaml")
    command = [sys.executable, "-m", "snakemake", *PROFILE, *SOON, "--retries", "0", "--configfile", "long.yaml"]
    for sent in ("USR1", "TERM"):
        begun = time.time()
        with subprocess.Popen(
            command, cwd=there.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            wait_for(partial(epochs_since, there.folder, begun), 200, "a run trains")
            (job,) = running()
            said_by("scancel", f"--signal={sent}", job)
            said = process.communicate(timeout=200)[0]
        assert process.returncode != 0
        assert re.search(rf"stopped by SIG{sent}, with a checkpoint of step [\d,]+ of", said), said[-3000:]
    there.run(*PROFILE, *SOON, config="long.yaml")
    for run in sorted(path.name for path in (here.folder / "results/runs").iterdir()):
        ours, theirs = (pq.read_table(h.folder / "results/runs" / run / "predictions.parquet") for h in (here, there))
        assert ours.equals(theirs), run


@pytest.mark.usefixtures("slurm")
def test_a_run_that_always_fails_is_told_with_its_log_and_the_others_are_there(finished: House, tmp_path: Path) -> None:
    house = finished.copy(tmp_path / "house")
    broken = {"fine_tune": {"training": {"learning_rate": 1e30, "warmup": 0, "epochs": 5}}}
    config = house.changed("methods", value=broken)
    done = house.snakemake(*PROFILE, *SOON, "--retries", "0", "--keep-going", config=config)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "training.learning_rate" in said, "the last lines of the log say what is wrong"
    failed = house.planned(config=config)
    assert sorted(failed) == ["collect", "score", "table", "train_run"] and len(failed["train_run"]) == 2
    mended = house.changed("methods", value={"fine_tune": {"training": {"learning_rate": 0.002}}})
    assert len(house.planned(config=mended)["train_run"]) == 2, "and no other run"
    house.run(*PROFILE, *SOON, config=mended)
    assert house.planned(config=mended) == {}
