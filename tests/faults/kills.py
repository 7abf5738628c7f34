"""Kill −9 of a stage at a random moment: of its life, or between two changes to files; then it is started again."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

from pipeline.common.temporary import state_of
from tests.faults.harness import REPAIRED, UNHARMED, Outcome, Wrong, same
from tests.faults.stages import Harm, epochs_file
from tests.faults.world import World

PATIENCE = 5.0  # seconds that children of a killed process may take to end


def killed(world: World, name: str, rng: Random, folder: Path) -> Outcome:
    """Kill a stage one to three times, start it again, and go on to the table; mostly not from data whose bytes are the same.

    Args:
        world: the finished one.
        name: of the stage; its outputs are there before, or not.
        rng: when it is killed.
        folder: for the copy.

    Raises:
        Wrong: the end is not the world's, an epoch too many was trained again, or a child of the killed process lives on.
    """
    copy, kills, done = world.copy(folder), 0, False
    if rng.random() < 0.7:
        copy.forget(name)
    stage = copy.stages[name]
    for _ in range(rng.choice((1, 1, 2, 3))):
        after = rng.uniform(0.0, stage.seconds)
        alone = rng.random() < 0.5
        harm = (
            Harm(after=after, alone=alone) if rng.random() < 0.5 else Harm(change=rng.randrange(max(1, stage.changes)))
        )
        started = copy.start(name, harm)
        ended = started.wait()
        check_children(started.process.pid or 0)
        if not ended.killed:
            if ended.status:
                raise Wrong(f"started again: status {ended.status}: {ended.said[-1_000:]}")
            done = True
            break
        kills += 1
    if not done:
        copy.finish(name)
    repeated = again(copy.folder)
    if repeated > kills:
        raise Wrong(f"{repeated} epochs were trained again after {kills} kills")
    same(world, copy, f"{name}, killed {kills} times")
    if name.startswith(("train", "score", "collect")) or rng.random() < 0.1:
        copy.go_on(name)
    same(world, copy, f"{name}, killed {kills} times")
    return Outcome(REPAIRED if kills else UNHARMED, "", kills, repeated)


def again(folder: Path) -> int:
    """Return how many epochs began beyond each one's first time, in the one training that a folder saw."""
    path = epochs_file(folder)
    begun = Counter(path.read_text(encoding="utf-8").splitlines() if path.exists() else ())
    path.unlink(missing_ok=True)
    return sum(begun.values()) - len(begun)


def check_children(group: int) -> None:
    """Hold that no process of a killed one's group lives on; those that do are killed.

    Raises:
        Wrong: one does.
    """
    until = time.monotonic() + PATIENCE
    while living := list(members(group)):
        if time.monotonic() > until:
            for process in living:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            raise Wrong(f"{len(living)} children of the killed process live on")
        time.sleep(0.05)


def members(group: int) -> Iterator[int]:
    """Yield the living processes of a group."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            state, _, found, *_ = state_of(int(entry.name)) or ("Z", "", "0")
            if int(found) == group and state != "Z":
                yield int(entry.name)
