"""How much of the time the slots of GPUs are in use while a backlog of runs is worked off on one machine.

    python -m benchmarks.slots --json benchmarks/records/slots.json
    python -m benchmarks.slots --real --runs 40 --json benchmarks/records/slots-real.json

Two devices that are none stand in for GPUs (`METALINGUA_GPUS`); all else is what is used: Snakemake's scheduler with
profiles/default, and the locks of `take_gpu`. A run is a process that takes a slot, sleeps `seconds` and ends, which needs no
core; with `--real` it is a run of the workflow, a tiny one, on the cores there are. All that once with one slot a device (`one`),
once with two (`two`). Keys of the JSON, for each of them:

* `slot_use`: the seconds that slots' locks were held, over the number of slots × the seconds from the first one taken to the last
  one left; seen in /proc/locks, every 20 ms;
* `slot_use_snakemake`: the same of the slots that Snakemake counts, from its records of when a job started and ended;
* `runs`, `slots`, `wall_s`; `most_at_once`, the most slots in use at a time; `by_device`, runs that each device had;
* `idle_between_s`: the median seconds that a slot stays free between two runs: one process ends, the next one starts and imports
  what takes a slot. On a machine that is busy with other work (`machine.load`, processes over the last 15 minutes) it is longer.
"""

import argparse
import base64
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, run_stage
from pipeline.common.files import write_json
from pipeline.common.gpus import STAND_INS, VISIBLE

ROOT = Path(__file__).resolve().parents[1]
DEVICES = ("0", "1")
SECONDS_BETWEEN = 0.02
SNAKEFILE = """
from pipeline.grid.resources import share_devices

share_devices(workflow.global_resources)


rule all:
    input:
        expand("done/{number}", number=range(config["runs"])),


rule run:
    output:
        "done/{number}",
    benchmark:
        "logs/{number}.tsv"
    resources:
        gpu=1,
    params:
        seconds=config["seconds"],
        program=config["program"],
    shell:
        "python -c {params.program:q} {params.seconds} && touch {output}"
"""
STAND_IN = (
    "import sys, time; from pipeline.training.devices import take_gpu; take_gpu(); time.sleep(float(sys.argv[1]))"
)

Span = tuple[float, float]
"""When something began and ended, in seconds."""


@dataclass
class Watch(threading.Thread):
    """Sees which lock files of a folder are held, and by which process, until it is stopped."""

    folder: Path
    spans: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    most: int = 0

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.stopped = threading.Event()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        """Look every `SECONDS_BETWEEN`."""
        while not self.stopped.wait(SECONDS_BETWEEN):
            now, held = time.monotonic(), holders(self.folder)
            self.most = max(self.most, len({key[0] for key in held if key in self.spans}))
            for key in held:
                self.spans.setdefault(key, [now, now])[1] = now

    def slots(self) -> dict[str, list[Span]]:
        """By lock file: when it was held; not what was held for one look, by a process that tried it."""
        found: dict[str, list[Span]] = {}
        for (name, _), (start, end) in self.spans.items():
            if end > start:
                found.setdefault(name, []).append((start, end))
        return {name: sorted(spans) for name, spans in sorted(found.items())}


def holders(folder: Path) -> list[tuple[str, int]]:
    """Return the slots whose locks are held now, and the processes that hold them, as /proc/locks has it."""
    names = {str(path.stat().st_ino): path.name for path in folder.glob("*-slot-*.lock")}
    lines = (line.split() for line in Path("/proc/locks").read_text(encoding="utf-8").splitlines())
    held = ((words[5].rpartition(":")[2], int(words[4])) for words in lines if words[1] == "FLOCK")
    return [(names[inode], process) for inode, process in held if inode in names]


def use(spans: Iterable[Span], slots: int) -> tuple[float, float]:
    """Return which part of the time slots were in use, and the seconds from the first start to the last end."""
    spans = list(spans)
    wall = max(end for _, end in spans) - min(start for start, _ in spans)
    return sum(end - start for start, end in spans) / (slots * wall), wall


def recorded(folder: Path, prefix: str) -> list[Span]:
    """Return when Snakemake's jobs started and ended, by its own records of outputs that begin with `prefix`."""
    spans = []
    for path in (folder / ".snakemake/metadata").rglob("*"):
        if path.is_file() and base64.urlsafe_b64decode(path.name.replace("@", "")).decode().startswith(prefix):
            record = json.loads(path.read_text(encoding="utf-8"))
            spans.append((record["starttime"], record["endtime"]))
    return spans


def work_off(folder: Path, slots_per_device: int, cores: int, command: list[str], prefix: str) -> dict[str, Any]:
    """Run Snakemake in `folder` and return how the slots were used.

    Args:
        folder: the working directory; lock files go to a folder in it.
        slots_per_device: how many runs share a device.
        cores: as Snakemake is given them.
        command: what else it is told.
        prefix: what the outputs of runs begin with.

    Raises:
        RuntimeError: it failed.
    """
    locks, slots = folder / "locks", len(DEVICES) * slots_per_device
    locks.mkdir()
    environment = {key: value for key, value in os.environ.items() if key != VISIBLE}
    environment |= {STAND_INS: ",".join(DEVICES), "TMPDIR": str(locks), "PYTHONPATH": str(ROOT)}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment.get("PATH", "")])
    resources = [f"gpu={slots}", f"gpu_slots_per_device={slots_per_device}"]
    flags = ["--workflow-profile", str(ROOT / "profiles/default"), "--cores", str(cores), "--resources", *resources]
    watch = Watch(locks)
    watch.start()
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *command, *flags],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    watch.stopped.set()
    watch.join()
    if done.returncode:
        raise RuntimeError((done.stdout + done.stderr)[-3000:])
    return summary(watch, recorded(folder, prefix), slots)


def summary(watch: Watch, jobs: list[Span], slots: int) -> dict[str, Any]:
    """Return the figures of one backlog."""
    by_slot = watch.slots()
    held, wall = use((span for spans in by_slot.values() for span in spans), slots)
    counted, _ = use(jobs, slots)
    gaps = [b[0] - a[1] for spans in by_slot.values() for a, b in itertools.pairwise(spans)]
    by_device = {
        device: sum(len(spans) for name, spans in by_slot.items() if f"gpu-{device}-" in name) for device in DEVICES
    }
    return {
        "slot_use": round(held, 4),
        "slot_use_snakemake": round(counted, 4),
        "runs": sum(by_device.values()),
        "jobs": len(jobs),
        "slots": slots,
        "wall_s": round(wall, 1),
        "most_at_once": watch.most,
        "by_device": by_device,
        "idle_between_s": round(statistics.median(gaps), 3) if gaps else None,
    }


def stand_ins(runs: int, seconds: float, slots_per_device: int) -> dict[str, Any]:
    """Work off a backlog of processes that take a slot and sleep."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        (folder / "Snakefile").write_text(SNAKEFILE, encoding="utf-8")
        write_json(folder / "config.json", {"runs": runs, "seconds": seconds, "program": STAND_IN})
        command = ["--configfile", "config.json"]
        return work_off(folder, slots_per_device, len(DEVICES) * slots_per_device, command, "done/")


def small_config(runs: int) -> dict[str, Any]:
    """Return a config of so many runs of a tiny encoder, equal but for their seeds."""
    text = [{"dataset": "babel", "languages": ["hubbish"]}]
    sizes = {"layers": 1, "hidden_size": 16, "heads": 2, "vocabulary_size": 120, "max_length": 64}
    return {
        "datasets": {"babel": {"loader": "babel", "sizes": {"train": 30, "dev": 8, "test": 10, "text": 40}}},
        "encoders": {"tiny": {"from": "pretrain", **sizes, "text": text, "steps": 2, "batch_size": 4}},
        "training": {"epochs": 1, "max_length": 64},
        "experiments": {
            "few": {
                "dataset": "babel",
                "encoder": "tiny",
                "methods": ["target_only"],
                "targets": ["nearish"],
                "target_size": 10,
                "model_seeds": list(range(runs)),
            }
        },
    }


def real(runs: int, slots_per_device: int) -> dict[str, Any]:
    """Work off a backlog of tiny runs of the workflow, on the cores there are; what they read is made before."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        write_json(folder / "config.json", small_config(runs))
        command = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", "config.json"]
        subprocess.run(
            [sys.executable, "-m", "snakemake", "prepare", *command], cwd=folder, check=True, capture_output=True
        )
        return work_off(folder, slots_per_device, os.cpu_count() or 1, ["train", *command], "results/runs/")


def main() -> None:
    """Measure, print and write the record.

    Raises:
        UserError: there is no /proc/locks.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=100, help="so many runs in the backlog")
    parser.add_argument("--seconds", type=float, default=5.0, help="of a stand-in")
    parser.add_argument("--real", action="store_true", help="tiny runs of the workflow instead of stand-ins")
    parser.add_argument("--json", type=Path, help="write the record there")
    arguments = parser.parse_args()
    if not Path("/proc/locks").exists():
        raise UserError("/proc/locks: no such file; this benchmark needs Linux")
    record: dict[str, Any] = {"seconds": None if arguments.real else arguments.seconds}
    for name, slots in (("one", 1), ("two", 2)):
        record[name] = (
            real(arguments.runs, slots) if arguments.real else stand_ins(arguments.runs, arguments.seconds, slots)
        )
        print(json.dumps({name: record[name]}, indent=1), flush=True)
    record["machine"] = {
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[2],
        "python": platform.python_version(),
        "system": platform.platform(),
    }
    if arguments.json:
        write_json(arguments.json, record)


if __name__ == "__main__":
    run_stage(main)
