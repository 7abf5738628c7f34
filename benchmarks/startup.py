"""What a run costs before its first step: imports as they were, as they are, and by a fork.

    python -m benchmarks.startup --rounds 5 --json benchmarks/records/startup.json

Each round starts, in turn, a process for each:

* `then`: the imports of a run at commit d869c61 and no more, of its files as the history has them;
* `plain`: a whole run of one epoch, from the start of its process to its end, done where it was started;
* `forked`: the same, done by a fork (`pipeline.forks`), the server being there already; `server_s` is what that takes once.

The run is tiny, so that it is start and little else. Medians in seconds; the ratio counts more against the forks than start-up
alone would, since their runs are whole and `then` is imports alone.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import chdir
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, run_stage
from pipeline.common.files import canonical_json, write_json
from pipeline.common.startup import FORKS_BELOW

ROOT = Path(__file__).resolve().parents[1]
THEN = "d869c61"
IMPORTS = (
    "import sys; sys.modules.update(dict.fromkeys(('accelerate', 'scipy', 'sklearn'))); import pipeline.training.run; "
    "from pipeline.encoders.load import ARCHITECTURES, architecture_class; "
    "architecture_class(ARCHITECTURES['bert'], 'Model')"
)


def main() -> None:
    """Measure, print and write the record.

    Raises:
        UserError: this is no clone with that commit in its history.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write the record there")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), arguments.rounds)
    print(json.dumps(found, indent=1))
    if arguments.json:
        write_json(arguments.json, found)


def measure(folder: Path, rounds: int) -> dict[str, Any]:
    """Measure in an empty folder; return the record.

    Raises:
        UserError: this is no clone with that commit in its history.
    """
    then = unpacked(folder / "then")
    command = tiny_run(folder)
    forks = {FORKS_BELOW: str(os.getpid())}
    server = timed(command, folder, ROOT, forks)
    seconds: dict[str, list[float]] = {"then": [], "plain": [], "forked": []}
    for _ in range(rounds):
        seconds["then"].append(timed(["-c", IMPORTS], folder, then, {}))
        seconds["plain"].append(timed(command, folder, ROOT, {}))
        seconds["forked"].append(timed(command, folder, ROOT, forks))
    median = {way: statistics.median(values) for way, values in seconds.items()}
    return {
        "startup_over_plain": round(median["forked"] / median["then"], 3),
        "forked_over_plain_run": round(median["forked"] / median["plain"], 3),
        **{f"{way}_s": round(value, 3) for way, value in median.items()},
        "server_s": round(server - median["forked"], 3),
        "rounds": rounds,
        "commit": THEN,
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
    }


def unpacked(folder: Path) -> Path:
    """Unpack the package as it was at that commit.

    Raises:
        UserError: this is no clone with that commit in its history.
    """
    folder.mkdir()
    packed = subprocess.run(["git", "-C", str(ROOT), "archive", THEN, "pipeline"], capture_output=True, check=False)
    if packed.returncode:
        raise UserError(f"{ROOT}: commit {THEN} is not in the history of this clone: `git fetch --unshallow`")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True)
    return folder


def tiny_run(folder: Path) -> list[str]:
    """Write data and an encoder; return the command of a run on them, without the interpreter."""
    from tests import tiny

    with chdir(folder):
        tiny.make_world(folder)
    spec = tiny.spec("joint", training={"epochs": 1})
    return ["-m", "pipeline.stages.train", "--run", tiny.name_of(spec), "--spec", canonical_json(spec)]


def timed(command: list[str], folder: Path, package: Path, changes: dict[str, str]) -> float:
    """Return the wall seconds of a process of this Python, which must succeed."""
    kept = {key: value for key, value in os.environ.items() if key != FORKS_BELOW}
    environment = {**kept, "PYTHONPATH": str(package), "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1", **changes}
    start = time.perf_counter()
    subprocess.run([sys.executable, *command], cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    run_stage(main)
