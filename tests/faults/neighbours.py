"""A stage that is not alone on its folder, or whose clock is not that of its files."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

from tests.faults.harness import REFUSED, REPAIRED, UNHARMED, Outcome, refusal, same
from tests.faults.stages import Harm, Started
from tests.faults.world import World

YEAR = 365 * 86_400.0  # seconds


def two_at_once(world: World, name: str, rng: Random, folder: Path) -> Outcome:
    """Start a stage twice on one folder; where both are refused it is started once more."""
    copy = world.copy(folder)
    copy.forget(name)
    first = copy.start(name)
    time.sleep(rng.uniform(0.0, copy.stages[name].seconds / 2))
    second = copy.start(name)
    with ThreadPoolExecutor(2) as pool:
        refused = [error for ended in pool.map(Started.wait, (first, second)) if (error := refusal(ended, "."))]
    if len(refused) == 2:
        copy.finish(name)
    same(world, copy, f"{name}, two at once, of which {len(refused)} were refused: {refused[:1]}")
    return Outcome(REFUSED if refused else UNHARMED)


def clock_behind(world: World, name: str, rng: Random, folder: Path) -> Outcome:
    """Run a stage whose clock is behind the dates of all files, some of which are ahead of any clock."""
    copy = world.copy(folder)
    for path in copy.files():
        if rng.random() < 0.3:
            date = path.stat().st_mtime + rng.uniform(-YEAR, YEAR)
            os.utime(path, (date, date))
    if rng.random() < 0.5:
        copy.forget(name)
    copy.finish(name, Harm(back=rng.uniform(0.0, YEAR)))
    copy.go_on(name)
    same(world, copy, f"{name} with its clock behind")
    return Outcome(REPAIRED)
