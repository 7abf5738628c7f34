"""Do harm to a finished tiny world, many times in every way, and print what became of it.

    python -m tests.faults [--json FILE] [--kills N] [--flips N] [--tries N] [--flows N] [--workers N]

`make faults` runs it whole. What the columns mean: tests/faults/harness.py.
"""

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from pipeline.common.files import write_json
from tests.faults import disks, flows, harness, kinds, neighbours, servers
from tests.faults.harness import REFUSED, REPAIRED, UNHARMED, WRONG, Outcome, Row, table, tries
from tests.faults.kills import killed
from tests.faults.world import World
from tests.rules.house import House

WEIGHTS = {"train": 8, "encoder": 3, "preprocess": 2, "score": 2}
"""How much oftener than others a stage is killed."""

HOWS = {"refused": REFUSED, "dropped": REPAIRED, "the same": UNHARMED}
Maker = Callable[[], Row]


def kill_rows(world: World, count: int) -> Iterator[Maker]:
    """Yield the kills of each stage, until `count` kills have hit; about three of five tries do so twice or thrice."""
    total = sum(WEIGHTS.get(name.split()[0], 1) for name in world.stages)
    for name in world.stages:
        wanted = max(1, round(count * WEIGHTS.get(name.split()[0], 1) / total))

        def row(name: str = name, wanted: int = wanted) -> Row:
            made = Row(f"kill −9: {name}")
            while sum(outcome.kills for outcome in made.outcomes) < wanted and not made.wrong:
                left = wanted - sum(outcome.kills for outcome in made.outcomes)
                seeds = f"{made.fault} {len(made.outcomes)}"
                made.outcomes += tries(seeds, [partial(killed, world, name)] * max(1, left // 2)).outcomes
            return made

        yield row


def altered_rows(flips: int, cuts: int) -> Iterator[Maker]:
    """Yield the rows of bits flipped in every kind of stored file, and of files cut short."""

    def row(fault: str, flipped: int, cut: int) -> Row:
        made = Row(fault)
        with tempfile.TemporaryDirectory() as folder, chdir(folder):
            kinds.make_stored()
            for name, kind in kinds.KINDS.items():
                try:
                    found = kinds.faults(kind, f"{name} {fault}", flipped, cut)
                    made.outcomes += [Outcome(HOWS[how]) for how in found]
                except AssertionError as error:
                    made.outcomes.append(Outcome(WRONG, f"{name}: {error}"))
        return made

    each = -(-flips // len(kinds.KINDS))
    yield partial(row, "a bit flipped, stored file by its reader", each, 0)
    yield partial(row, "a file cut short, by its reader", 0, cuts)


def server_row(count: int) -> Row:
    """Ask servers that talk nonsense."""
    made, rng = Row("nonsense of servers"), Random(0)
    with tempfile.TemporaryDirectory() as folder, servers.served(Path(folder)) as (server, content):
        for number in range(count):
            try:
                made.outcomes.append(
                    Outcome(servers.try_nonsense(server, content, rng, Path(folder) / f"work{number}"))
                )
            except Exception as error:
                made.outcomes.append(Outcome(WRONG, repr(error)))
    return made


def stage_rows(world: World, count: int) -> Iterator[Maker]:
    """Yield the rows of what befalls single stages, `count` tries of each stage."""
    faults: dict[str, Any] = {
        "two of a stage at once": neighbours.two_at_once,
        "clock set back": neighbours.clock_behind,
    }
    faults["EFBIG"] = disks.too_large
    if (why := disks.no_mounts()) is None:
        faults |= {"disk full": disks.full, "read-only": disks.read_only}
    else:
        print(f"left out, disk full and read-only: {why}", file=sys.stderr)
    for fault, attempt in faults.items():
        yield partial(tries, fault, [partial(attempt, world, name) for name in world.stages] * count)


def flow_rows(folder: Path, count: int) -> Iterator[Maker]:
    """Yield the rows of what befalls the whole workflow, `count` tries of each."""
    house = House.build(folder / "house")
    began = time.monotonic()
    house.run("--cores", "2")
    whole = time.monotonic() - began
    faults: dict[str, Any] = {
        "kill −9: snakemake with its jobs": partial(flows.killed, seconds=whole),
        "two snakemakes at once": flows.started_twice,
        "dates of files wrong": flows.wrong_clock,
        "copied without .snakemake": flows.copied,
        "a bit flipped, whole workflow": flows.altered,
    }
    for fault, attempt in faults.items():

        def one(rng: Random, place: Path, attempt: Any = attempt) -> Outcome:
            found: Outcome = attempt(house, house.copy(place / "house"), rng)
            return found

        yield partial(tries, fault, [one] * count)


def main() -> None:
    """Do all, print the table, write the record; exit with status 1 where anything was silently wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="where to write the record")
    parser.add_argument("--kills", type=int, default=200, help="kills of stages")
    parser.add_argument("--flips", type=int, default=1000, help="bits flipped in stored files")
    parser.add_argument("--tries", type=int, default=3, help="of each fault on each stage")
    parser.add_argument("--flows", type=int, default=4, help="tries of each fault on the whole workflow")
    parser.add_argument("--workers", type=int, default=2, help="tries at a time")
    arguments = parser.parse_args()
    harness.WORKERS = arguments.workers
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as place:
        world = World.make(Path(place) / "world")
        makers = [*kill_rows(world, arguments.kills), *altered_rows(arguments.flips, 6)]
        makers += [partial(server_row, 40 * arguments.tries), *stage_rows(world, arguments.tries)]
        makers += flow_rows(Path(place), arguments.flows) if arguments.flows else []
        facts = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
        rows: list[Row] = []
        for make in makers:
            rows.append(make())
            print(rows[-1].as_dict(), file=sys.stderr, flush=True)
            if arguments.json:  # after each, what an interrupted one has seen stays
                spent = {"seconds": round(time.monotonic() - began)}
                write_json(arguments.json, {**facts, **spent, "faults": [row.as_dict() for row in rows]})
    print(table(rows))
    if any(row.wrong for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
