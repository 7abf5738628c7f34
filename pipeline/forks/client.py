"""Have a stage done by a process that is forked from one which has imported PyTorch and transformers: `pipeline.forks.server`.

The imports take longer than many a small run. So the first stage below a Snakemake starts a server, which every later one asks,
and which ends with that Snakemake. Wherever none can serve, on the nodes of a cluster for example, the stage is done here.

To whoever started the stage all is as without: input and output, working directory, environment, signals, exit status. Killed, it
takes the forked process with it; if the server is killed, the stage is done here, from its last checkpoint.
"""

import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.common.paths import HANDED
from pipeline.common.signals import ASKING
from pipeline.common.startup import FORKS_BELOW
from pipeline.common.temporary import state_of

VARYING = {"CUDA_VISIBLE_DEVICES", "TMPDIR", "PWD", "OLDPWD", "SHLVL", "_", FORKS_BELOW}
"""Environment that a fork takes over; in all else server and stage must be alike, for libraries read it when they are loaded."""

PATIENCE = 120.0  # seconds until a server must have begun
BEGUN, REFUSED = b"B", b"R"
LENGTH, STATUS = struct.Struct("!I"), struct.Struct("!i")


def hand_over(module: str) -> None:
    """Have this process's stage done by a fork and exit as it does; return where none can serve.

    Args:
        module: the stage, as after `python -m`; its arguments are this process's.
    """
    above = os.environ.pop(FORKS_BELOW, "")
    if not above.isdecimal() or not sys.platform.startswith("linux") or not is_below(int(above)):
        return
    with suppress(OSError, ValueError):
        with at_server(int(above)) as connection:
            status = served(connection, module)
        if status is not None:
            end_as(status)


def is_below(above: int) -> bool:
    """Whether a process on this machine is among this one's parents."""
    process = os.getpid()
    while process > 1:
        if process == above:
            return True
        _, parent, *_ = state_of(process) or ("", "0")
        process = int(parent)
    return False


@contextmanager
def at_server(above: int) -> Iterator[socket.socket]:
    """Yield a connection to the server of a Snakemake, which is started where there is none.

    Raises:
        OSError: there is none, and none can be started.
    """
    HANDED.mkdir(parents=True, exist_ok=True)
    name = f"forks-{above}"
    with open(HANDED / f"{name}.lock", "w") as lock, socket.socket(socket.AF_UNIX) as connection:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until it listens: one is started, not one by each
        try:
            connect(connection, f"{name}.socket")
        except OSError:
            start(above, HANDED / f"{name}.socket")
            connect(connection, f"{name}.socket")
        fcntl.flock(lock, fcntl.LOCK_UN)
        yield connection


def connect(connection: socket.socket, name: str) -> None:
    """Connect to a socket in `HANDED`; its path may be longer than the 107 bytes that a socket's may have."""
    folder = os.open(HANDED, os.O_PATH | os.O_DIRECTORY)
    try:
        connection.connect(f"/proc/self/fd/{folder}/{name}")
    finally:
        os.close(folder)


def start(above: int, path: Path) -> None:
    """Start a server and wait until it listens.

    Raises:
        OSError: it does not.
    """
    for left in path.parent.glob("forks-*"):
        if not Path("/proc", left.stem.removeprefix("forks-")).exists():  # of a server that was killed
            left.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pipeline.forks.server", str(above), str(path)]
    with open(path.with_suffix(".log"), "w") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    assert process.stdout is not None
    with process.stdout as said:
        if said.readline() != b"listens\n":
            raise ConnectionRefusedError(f"no server at {path}")


def alike(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what of an environment server and stage must have in common."""
    return {key: value for key, value in environment.items() if key not in VARYING}


def served(connection: socket.socket, module: str) -> int | None:
    """Have a stage done; return how it ended, as `os.waitstatus_to_exitcode` says it, `None` where it was not done."""
    asked = {"module": module, "arguments": sys.argv[1:], "folder": str(Path.cwd()), "environment": dict(os.environ)}
    text = json.dumps(asked).encode("utf-8", "surrogateescape")
    connection.settimeout(PATIENCE)
    socket.send_fds(connection, [LENGTH.pack(len(text))], [0, 1, 2])
    connection.sendall(text)
    if connection.recv(1) != BEGUN:
        return None
    connection.settimeout(None)
    return relay(connection)


def relay(connection: socket.socket) -> int | None:
    """Hand signals on until the stage has ended; return how, `None` where the server has gone."""
    got: list[int] = []

    def hand_on(number: int, frame: object) -> None:
        del frame
        got.append(number)
        with suppress(OSError):
            connection.send(bytes([number]))

    before = {int(number): signal.signal(number, hand_on) for number in ASKING}
    try:
        said = connection.recv(STATUS.size, socket.MSG_WAITALL)
    except OSError:
        said = b""
    for number, handler in before.items():
        signal.signal(number, handler)
    if len(said) == STATUS.size:
        return int(STATUS.unpack(said)[0])
    for number in got[:1]:  # what the fork was asked, this process is asked
        signal.raise_signal(number)
    return None


def end_as(status: int) -> None:
    """End this process as the fork has: with its exit status, or by the signal that killed it."""
    if status < 0:
        with suppress(OSError):  # SIGKILL has no other way anyhow
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)
