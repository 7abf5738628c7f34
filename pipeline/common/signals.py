"""Asked to end: by SIGTERM or SIGUSR1, as schedulers do that want their node back, or by SIGINT, Ctrl-C.

A stage ends at once, and what it was writing is removed. A training, once it has begun, is asked at its own pace: it makes its
step whole, writes a checkpoint and ends. Both exit with `TRY_AGAIN`: the same command, started again, goes on from there.
"""

import os
import signal
import threading
from types import FrameType

TRY_AGAIN = os.EX_TEMPFAIL
"""The exit status (75) of what was asked to end: a temporary failure, to be queued again."""

ASKING = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)


class AskedToEnd(KeyboardInterrupt):
    """A signal asked this process to end.

    Attributes:
        name: the signal's name.
        kept: what was kept of the work, in words; empty where there was nothing to keep.
    """

    def __init__(self, number: int, kept: str = "") -> None:
        super().__init__(number)
        self.name, self.kept = signal.Signals(number).name, kept

    def __str__(self) -> str:
        return f"stopped by {self.name}{self.kept and ', ' + self.kept}; started again, it goes on from there"


class _Asked:
    """What was asked so far, and whether it waits to be looked at."""

    number: int | None = None
    waits = False


def listen() -> None:
    """Let the signals ask this process to end; only where it runs, and its threads do not, can they be listened to."""
    if threading.current_thread() is threading.main_thread():
        for number in ASKING:
            signal.signal(number, _heard)


def defer() -> None:
    """From now on, what is asked waits for `check`."""
    _Asked.waits = True


def check() -> None:
    """End here if it was asked for.

    Raises:
        AskedToEnd: it was.
    """
    if _Asked.number is not None:
        raise AskedToEnd(_Asked.number)


def _heard(number: int, frame: FrameType | None) -> None:
    del frame
    if _Asked.number is None:
        _Asked.number = number
    if not _Asked.waits:
        raise AskedToEnd(number)
