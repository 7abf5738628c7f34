"""The whole workflow come to harm: killed with all its jobs, started twice, its clock wrong, its results copied or altered."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from random import Random

from tests.faults.harness import REFUSED, REPAIRED, UNHARMED, Outcome, Wrong
from tests.faults.kills import check_children
from tests.faults.neighbours import YEAR
from tests.faults.world import TEMPORARY, World
from tests.rules.house import House

ADVICE = re.compile(r"snakemake (--force [^\s;]+)")
Fault = Callable[[House, House, Random], Outcome]
"""(the finished house, a copy with or without its results, randomness) → what became of it."""


def state(house: House) -> dict[str, str]:
    """Return what must be the same in every finished house."""
    return World(house.folder, {}).state()


def check_same(finished: House, house: House, what: str) -> None:
    """Hold that a house is finished as the finished one is, to the bit and without leftovers.

    Raises:
        Wrong: it is not.
    """
    before, now = state(finished), state(house)
    found = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    found += [str(path) for path in (house.folder / "results").rglob("*") if TEMPORARY.fullmatch(path.name)]
    if found:
        raise Wrong(f"{what}: not as before: {found[:5]}")


def forget(house: House) -> House:
    """Delete all results, and what Snakemake knows of them."""
    for name in ("results", "resources", ".snakemake", "logs"):
        shutil.rmtree(house.folder / name, ignore_errors=True)
    return house


def start(house: House) -> "subprocess.Popen[str]":
    """Start Snakemake as the leader of a group of processes."""
    environment = {**os.environ, "PYTHONPATH": str(house.folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", "config.yaml"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "start_new_session": True}
    return subprocess.Popen(command, cwd=house.folder, env=environment, **pipes)  # type: ignore[call-overload,no-any-return]


def killed(finished: House, house: House, rng: Random, seconds: float) -> Outcome:
    """Kill Snakemake and all its jobs at a moment of its life, do what it then advises, and let it finish."""
    forget(house)
    process = start(house)
    with suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=rng.uniform(2.0, seconds))
    hit = process.returncode is None
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    check_children(process.pid)
    again = house.snakemake("--cores", "2")
    if again.returncode and "--unlock" in again.stdout + again.stderr:
        house.run("--unlock")
        again = house.snakemake("--cores", "2")
    said = again.stdout + again.stderr
    if again.returncode or "Traceback" in said:
        raise Wrong(f"started again: {said[-1500:]}")
    check_same(finished, house, "killed with all its jobs")
    return Outcome(REPAIRED if hit else UNHARMED, kills=int(hit))


def started_twice(finished: House, house: House, rng: Random) -> Outcome:
    """Start a second Snakemake while a first one is at work: it is refused, and the first ends well."""
    forget(house)
    first = start(house)
    until = time.monotonic() + 120
    while not list(house.folder.glob(".snakemake/locks/*")) and time.monotonic() < until and first.poll() is None:
        time.sleep(0.1)
    time.sleep(rng.uniform(0.0, 5.0))
    second = house.snakemake("--cores", "2")
    said = second.stdout + second.stderr
    told, _ = first.communicate()
    if first.returncode or "Traceback" in told:
        raise Wrong(f"the first one: {told[-1500:]}")
    if second.returncode and ("lock" not in said or "Traceback" in said):
        raise Wrong(f"the second one: {said[-1500:]}")
    check_same(finished, house, "started twice")
    return Outcome(REFUSED if second.returncode else UNHARMED)


def wrong_clock(finished: House, house: House, rng: Random) -> Outcome:
    """Give all files dates of a clock that went wrong, some ahead and some behind, and start again."""
    kind = rng.choice(("ahead", "behind", "both"))
    for path in house.folder.rglob("*"):
        if path.is_file() and ".snakemake" not in path.parts and "pipeline" not in path.parts:
            signs = {"ahead": (1,), "behind": (-1,), "both": (1, -1)}[kind]
            date = path.stat().st_mtime + rng.choice(signs) * rng.uniform(0, YEAR)
            os.utime(path, (date, date))
    return starts_again(finished, house, f"dates {kind}")


def copied(finished: House, house: House, rng: Random) -> Outcome:
    """Take what Snakemake knows of the results away, as a copy of results alone does, and start again."""
    del rng
    shutil.rmtree(house.folder / ".snakemake")
    return starts_again(finished, house, "copied without .snakemake")


def starts_again(finished: House, house: House, what: str) -> Outcome:
    """Start Snakemake over results that are whole, and say what it did."""
    planned = house.planned()
    house.run("--cores", "2")
    check_same(finished, house, f"{what}, {', '.join(planned) or 'nothing'} made again")
    if house.planned():
        raise Wrong(f"{what}: still something to do: {house.planned()}")
    return Outcome(REPAIRED if planned else UNHARMED)


def altered(finished: House, house: House, rng: Random) -> Outcome:
    """Flip a bit of a stored file, let everything that reads it run, do what the error advises, and start again."""
    files = [path for place in ("results", "resources") for path in sorted((house.folder / place).rglob("*"))]
    unread = ("code", "tokens")
    files = [path for path in files if path.is_file() and path.stat().st_size and not set(path.parts) & {*unread}]
    path = rng.choice(files)
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    name = str(path.relative_to(house.folder))
    everything = ("--cores", "2", "--forcerun", "train_run", "score", "collect", "table")
    failed = house.snakemake(*everything)
    said, advised = failed.stdout + failed.stderr, list[str]()
    if failed.returncode:
        advised = sorted({command for command in ADVICE.findall(said) if not command.endswith("(and")})
        if "Traceback" in said or not advised:
            raise Wrong(f"{name}: {said[-1500:]}")
        for command in advised:
            house.run("--cores", "2", *shlex.split(command))
        house.run(*everything)  # Snakemake has deleted what failed jobs were to make anew
    house.run("--cores", "2")
    before, now = state(finished), state(house)
    wrong = [
        one
        for one in before
        if one.endswith((".parquet", ".md", ".csv", ".safetensors")) and before[one] != now.get(one)
    ]
    if wrong:
        raise Wrong(f"{name}, advised {advised}: not as before: {wrong[:5]}")
    return Outcome(REFUSED if advised else REPAIRED if now == before else UNHARMED)
