"""Tries of a fault and what became of each, and the table of all.

refused           a clear error, shorter than 2,000 characters and without traceback; what it advises mends it
repaired          the same bits in the end, by itself or when started again
without effect    the fault hit nothing: room enough, a bit that says nothing
silently wrong    anything else: another score, a traceback, a leftover, a process that lives on, an advice that does not help
"""

import re
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.faults.stages import Ended
from tests.faults.world import World, differences

REFUSED, REPAIRED, UNHARMED, WRONG = "refused", "repaired", "without effect", "silently wrong"
HOWS = (REFUSED, REPAIRED, UNHARMED, WRONG)
LONGEST = 2_000  # characters of a message
SHOWN = 5
WORKERS = 2  # tries at a time
ERROR = re.compile(r"^error: ", re.MULTILINE)


class Wrong(Exception):
    """What must not be."""


@dataclass(frozen=True)
class Outcome:
    """What became of one try.

    Attributes:
        how: of `HOWS`.
        seen: what was wrong.
        kills: how often a process was killed in it.
        repeated: epochs that began again, beyond each one's first time.
    """

    how: str
    seen: str = ""
    kills: int = 0
    repeated: int = 0


@dataclass
class Row:
    """All tries of a fault."""

    fault: str
    outcomes: list[Outcome] = field(default_factory=list)

    def count(self, how: str) -> int:
        """How many tries ended so."""
        return sum(outcome.how == how for outcome in self.outcomes)

    @property
    def wrong(self) -> list[str]:
        """What was seen in those that were silently wrong."""
        return [outcome.seen for outcome in self.outcomes if outcome.how == WRONG]

    def as_dict(self) -> dict[str, Any]:
        """Return what a record says of it."""
        found: dict[str, Any] = {"fault": self.fault, "tries": len(self.outcomes), **{h: self.count(h) for h in HOWS}}
        if kills := sum(outcome.kills for outcome in self.outcomes):
            repeated = [outcome.repeated / outcome.kills for outcome in self.outcomes if outcome.kills]
            found |= {"kills": kills, "epochs repeated per kill, at most": max(repeated)}
        return found | ({"seen": self.wrong[:SHOWN]} if self.wrong else {})


Attempt = Callable[[Random, Path], Outcome]
"""One try: its randomness, and a folder of its own that is deleted afterwards."""


def tries(fault: str, attempts: Sequence[Attempt]) -> Row:
    """Make the tries of a fault, several at a time, each with a seed of its own."""

    def one(number: int) -> Outcome:
        with tempfile.TemporaryDirectory(prefix="fault-", ignore_cleanup_errors=True) as folder:
            return judged(attempts[number], Random(f"{fault} {number}"), Path(folder))

    with ThreadPoolExecutor(WORKERS) as pool:
        return Row(fault, list(pool.map(one, range(len(attempts)))))


def judged(attempt: Attempt, rng: Random, folder: Path) -> Outcome:
    """Make a try; whatever it raises is wrong."""
    try:
        return attempt(rng, folder)
    except Wrong as error:
        return Outcome(WRONG, str(error))
    except Exception as error:
        return Outcome(WRONG, f"{error!r} at {traceback.extract_tb(error.__traceback__)[-1]}")


def refusal(ended: Ended, says: str) -> str | None:
    """Return the error that a stage ended with, `None` where it ended well.

    Args:
        ended: how it ended.
        says: a regular expression that the error must match.

    Raises:
        Wrong: it ended in another way, or with an error that says something else.
    """
    if ended.status == 0:
        return None
    found = [match.start() for match in ERROR.finditer(ended.said)]
    error = ended.said[found[-1] :] if found else ""
    if ended.status != 1 or not error or "Traceback" in ended.said:
        raise Wrong(f"status {ended.status}: {ended.said[-1_500:]}")
    if len(error) >= LONGEST or not re.search(says, error):
        raise Wrong(f"the error says no {says!r}: {error}")
    return error


def same(world: World, copy: World, what: str) -> None:
    """Hold that a copy came to the very files that the world has.

    Raises:
        Wrong: it did not; names the first.
    """
    found = differences(world.state(), copy.state())
    found += [f"temporary: {name}" for name in copy.temporary()]
    if found:
        raise Wrong(f"{what}: {'; '.join(found[:SHOWN])}")


def table(rows: Iterable[Row]) -> str:
    """Return the table of all faults."""
    lines = [["fault", "tries", *HOWS]]
    total: Counter[str] = Counter()
    for row in rows:
        counts = {"tries": len(row.outcomes), **{how: row.count(how) for how in HOWS}}
        total.update(counts)
        lines.append([row.fault, *(f"{counts[key]:,}" for key in lines[0][1:])])
    lines.append(["all", *(f"{total[key]:,}" for key in lines[0][1:])])
    text = ["| " + " | ".join(line) + " |" for line in lines]
    text.insert(1, "|---|" + "---:|" * (len(lines[0]) - 1))
    return "\n".join(text)
