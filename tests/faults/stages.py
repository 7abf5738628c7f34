"""Stages that come to harm: each runs in a child forked from a server that has imported all, and is killed, starved or misled.

A fork costs hundredths of a second where `python -m pipeline.stages.train` imports for seconds, and what is killed
is at its work. The child calls the stage's own `main` through `run_stage`, as the command does.
"""

import multiprocessing
import os
import resource
import select
import signal
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import Lock
from typing import Any

import pipeline.encoders.pretrain as pretraining
from pipeline.common.errors import run_stage
from pipeline.training.loop import Loop

ROOT = Path(__file__).parents[2]
SLOWEST = 300.0  # seconds
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
ONE = Lock()  # starting a process asks after all others, and their answer can be read once
MADE = "changes to files: "
CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.truncate", "os.link", "os.symlink")


@dataclass(frozen=True)
class Harm:
    """What befalls a stage; each is nothing by default.

    Attributes:
        after: seconds after which it is killed from outside.
        change: the number of the change to a file before which it is killed; one that is never reached is said at the end.
        alone: whether only the stage's own process is killed, not its children with it.
        limit: bytes that a file may have.
        back: seconds by which its clock is behind.
    """

    after: float | None = None
    change: int | None = None
    alone: bool = True
    limit: int | None = None
    back: float = 0.0


@dataclass(frozen=True)
class Ended:
    """How a stage ended.

    Attributes:
        status: exit status; a negative one is the signal that killed it.
        said: all that it printed.
        seconds: it took.
    """

    status: int
    said: str
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether it was killed, as a harm may ask for."""
        return self.status == -signal.SIGKILL


NONE = Harm()


class Started:
    """A stage at its work in a folder."""

    def __init__(self, stage: str, words: list[str], folder: Path, harm: Harm = NONE) -> None:
        self.harm, self.began = harm, time.monotonic()
        self.reader, writer = multiprocessing.Pipe(duplex=False)
        self.process: BaseProcess = _server().Process(target=_live, args=(stage, words, str(folder), writer, harm))
        with ONE:
            self.process.start()
        writer.close()

    def wait(self) -> Ended:
        """Wait for its end, killing it where it is to be killed, and say how it was."""
        said, killed = [], False
        while True:
            now = time.monotonic() - self.began
            if now > SLOWEST:
                self.kill()
                raise TimeoutError(f"no end after {SLOWEST:.0f} s: {b''.join(said)[-500:]!r}")
            if self.harm.after is not None and not killed and now >= self.harm.after:
                self.kill()
                killed = True
            rest = 0.2 if self.harm.after is None or killed else max(0.0, min(0.2, self.harm.after - now))
            ready, _, _ = select.select([self.reader, self.process.sentinel], [], [], rest)
            if self.reader in ready:
                came = os.read(self.reader.fileno(), 1 << 16)
                said.append(came)
            elif self.process.sentinel in ready:
                break
            if self.reader in ready and not came:
                break
        with ONE:
            self.process.join()
            status = self.process.exitcode
        self.reader.close()
        assert status is not None
        return Ended(status, b"".join(said).decode(errors="replace"), time.monotonic() - self.began)

    def kill(self) -> None:
        """Kill it by SIGKILL, alone or with its children."""
        assert self.process.pid is not None
        try:
            (os.kill if self.harm.alone else os.killpg)(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:  # before it has a group of its own
            self.process.kill()


def run(stage: str, words: list[str], folder: Path, harm: Harm = NONE) -> Ended:
    """Run a stage to its end."""
    return Started(stage, words, folder, harm).wait()


def _server() -> Any:
    """The context whose processes are forked from a server that has imported every stage."""
    context = multiprocessing.get_context("forkserver")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    known = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if str(ROOT) not in known:  # the server looks there and nowhere else
        os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, known)])
    context.set_forkserver_preload([__name__, "tests.faults.preloaded"])
    return context


def _live(stage: str, words: list[str], folder: str, out: Connection, harm: Harm) -> None:
    """Do what `python -m pipeline.stages.<stage>` does, in a child."""
    os.setsid()
    os.chdir(folder)
    for number in (1, 2):
        os.dup2(out.fileno(), number)
    out.close()
    sys.stdout, sys.stderr = (os.fdopen(number, "w", 1, "utf-8", closefd=False) for number in (1, 2))
    sys.argv = [stage, *words]
    eager()
    count_epochs(Path(folder))
    if harm.limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (harm.limit, harm.limit))
    if harm.back:
        real, real_ns = time.time, time.time_ns
        time.time, time.time_ns = lambda: real() - harm.back, lambda: real_ns() - int(harm.back * 1e9)
    left = [harm.change if harm.change is not None else 0]
    if harm.change is not None:
        die_before_change(left, Path(folder))
    run_stage(import_module(f"pipeline.stages.{stage}").main)
    if harm.change is not None:
        print(f"{MADE}{harm.change - left[0]}")


def eager() -> None:
    """Let every epoch, and every line of a pretraining's history, be saved: tiny ones end within the seconds between."""
    defaults = Loop.__init__.__defaults__
    assert defaults is not None
    Loop.__init__.__defaults__ = (*defaults[:-1], 0.0)  # type: ignore[misc]
    pretraining.CHECKPOINT_SECONDS = 0.0


def epochs_file(folder: Path) -> Path:
    """Where the epochs that a folder's trainings began are written down, a line each."""
    return folder / "epochs"


def count_epochs(folder: Path) -> None:
    """Write a line whenever an epoch begins."""
    train = Loop.run_epoch

    def counted(self: Loop, *given: Any) -> Any:
        with open(epochs_file(folder), "a", encoding="utf-8") as file:
            file.write(f"{self.phase.name} {self.fitted.epochs + 1}\n")
        return train(self, *given)

    Loop.run_epoch = counted  # type: ignore[method-assign]


def die_before_change(left: list[int], folder: Path) -> None:
    """Kill this process once `left` changes to files of the folder are made: opened for writing, renamed, deleted."""
    places = ("results", "resources", f"{folder}/results", f"{folder}/resources")

    def hook(event: str, given: tuple[Any, ...]) -> None:
        if event == "open":
            if not isinstance(given[2], int) or not given[2] & WRITES:
                return
        elif event not in CHANGES:
            return
        path = os.fsdecode(given[0]) if isinstance(given[0], str | bytes | os.PathLike) else ""
        if path.startswith(places):
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1

    sys.addaudithook(hook)
