"""Trainings that are asked to end again and again, at one step or evaluated batch after another."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from unittest.mock import patch

from pipeline.common import signals
from pipeline.methods.contract import Phase
from pipeline.training.loop import Loop


@contextmanager
def asked_at(number: int) -> Iterator[None]:
    """Ask for the end when it is looked for the `number`-th time."""
    looks = []

    def look() -> None:
        looks.append(None)
        if len(looks) == number:
            raise signals.AskedToEnd(signal.SIGTERM)

    with patch.object(signals, "check", look):
        yield


def fit_in_pieces(make: Callable[[], tuple[Loop, Sequence[Phase]]], by: int) -> tuple[Loop, int]:
    """Train with a new loop after each stop, each lasting `by` steps or batches longer; return the last and how many it took."""
    attempts = 0
    while True:
        attempts += 1
        loop, phases = make()
        try:
            with asked_at(attempts * by):
                loop.fit(phases)
        except signals.AskedToEnd as asked:
            assert f"step {loop.step_number:,} of" in asked.kept
            continue
        return loop, attempts
