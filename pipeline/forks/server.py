"""The process that stages are forked from: it has imported what they need and does nothing but fork.

    python -m pipeline.forks.server SNAKEMAKE SOCKET      (`pipeline.forks.client` starts it)

It imports libraries only, and each fork imports this package anew: so what runs is the code as it stands then. It computes
nothing and touches no GPU, so that a fork begins as a fresh process does. It ends when the Snakemake of that process number has,
or when no stage has asked for a while.
"""

import atexit
import ctypes
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import struct
import sys
import traceback
import warnings
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from pipeline.common.startup import FORKS_BELOW, hide_unused
from pipeline.forks.client import BEGUN, LENGTH, REFUSED, STATUS, alike

LIBRARIES = (
    "torch",
    "pyarrow.parquet",
    "safetensors.torch",
    "tokenizers",
    "transformers.modeling_utils",
    "transformers.models.bert.modeling_bert",
    "transformers.models.xlm_roberta.modeling_xlm_roberta",
)
IDLE = 300.0  # seconds without a stage after which it ends
HURRY = 5.0  # seconds that a stage may take to say what it wants
PR_SET_PDEATHSIG = 1  # from sys/prctl.h


class Server:
    """Listens, forks, hands signals on and tells how each fork ended."""

    def __init__(self, above: int, path: Path) -> None:
        self.environment = alike(os.environ)
        self.above = os.pidfd_open(above)
        path.unlink(missing_ok=True)
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(short(path))
        self.path = path
        self.listening.listen(128)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listening, selectors.EVENT_READ, ("asked", None))
        self.selector.register(self.above, selectors.EVENT_READ, ("left", None))
        self.forks: dict[int, tuple[int, socket.socket]] = {}  # by process number: what tells its end, who asked
        self.alone = False

    def run(self) -> None:
        """Serve until the Snakemake above has ended, or nobody has asked for long."""
        while self.forks or not self.alone:
            events = self.selector.select(IDLE)
            if not events and not self.forks:
                break
            for key, _ in events:
                kind, process = key.data
                if kind == "asked":
                    self.take()
                elif kind == "left":
                    self.alone = True
                    self.selector.unregister(self.above)
                    self.selector.unregister(self.listening)
                    self.listening.close()
                elif process in self.forks:
                    (self.hand_on if kind == "told" else self.tell)(process)
        for ending in ("socket", "lock", "log"):
            self.path.with_suffix(f".{ending}").unlink(missing_ok=True)

    def take(self) -> None:
        """Take what one stage wants, and fork."""
        connection = self.listening.accept()[0]
        try:
            asked, descriptors = read(connection)
        except (OSError, ValueError):
            connection.close()
            return
        try:
            process = os.fork() if alike(asked["environment"]) == self.environment else None
        except OSError:  # out of memory or processes: the stage is done where it was started
            process = None
        if process == 0:
            self.become(asked, descriptors, connection)
        for descriptor in descriptors:
            os.close(descriptor)
        if process is None:
            with suppress(OSError):
                connection.send(REFUSED)
            connection.close()
            return
        ending = os.pidfd_open(process)
        self.forks[process] = ending, connection
        self.selector.register(ending, selectors.EVENT_READ, ("ended", process))
        self.selector.register(connection, selectors.EVENT_READ, ("told", process))
        with suppress(OSError):
            connection.send(BEGUN)

    def hand_on(self, process: int) -> None:
        """Send a fork the signals that its stage got; kill it where the stage is no more."""
        try:
            numbers = self.forks[process][1].recv(64)
        except OSError:
            numbers = b""
        if not numbers:
            self.selector.unregister(self.forks[process][1])
        for number in numbers or [signal.SIGKILL]:
            os.kill(process, number)

    def tell(self, process: int) -> None:
        """Tell a stage how its fork ended."""
        ending, connection = self.forks.pop(process)
        status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        with suppress(OSError):
            connection.send(STATUS.pack(status))
        self.selector.unregister(ending)
        with suppress(KeyError):
            self.selector.unregister(connection)
        os.close(ending)
        connection.close()

    def leave(self, connection: socket.socket) -> None:
        """Close in a fork what is the server's."""
        for ending, other in self.forks.values():
            os.close(ending)
            other.close()
        for own in (self.listening, connection, self.selector):
            own.close()
        os.close(self.above)

    def become(self, asked: dict[str, Any], descriptors: list[int], connection: socket.socket) -> None:
        """Do the stage in this process, which was just forked, and end it."""
        status = 1
        try:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            for descriptor, number in zip(descriptors, (0, 1, 2), strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)
            self.leave(connection)
            os.chdir(asked["folder"])
            os.environ.clear()
            os.environ.update({key: value for key, value in asked["environment"].items() if key != FORKS_BELOW})
            signal.signal(signal.SIGINT, signal.default_int_handler)
            gc.unfreeze()
            gc.enable()
            for name in [name for name in sys.modules if name.partition(".")[0] == "pipeline"]:
                del sys.modules[name]
            sys.argv = [asked["module"], *asked["arguments"]]
            status = stage(asked["module"])
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)


def stage(module: str) -> int:
    """Run a stage as `python -m` does, with what it registered for the end; return its exit status."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        return 0
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    finally:
        atexit._run_exitfuncs()


def read(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Read what a stage of this user wants, and its standard input, output and errors.

    Raises:
        OSError: it is another user's, or takes too long.
        ValueError: it is not whole: the stage has gone.
    """
    connection.settimeout(HURRY)
    theirs = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
    if theirs != os.getuid():
        raise PermissionError(f"a process of user {theirs}")
    head, descriptors, _, _ = socket.recv_fds(connection, LENGTH.size, 3)
    try:
        if len(head) < LENGTH.size or len(descriptors) != 3:
            raise ValueError("no length, or not three files")
        (left,) = LENGTH.unpack(head)
        parts = []
        while left > 0 and (part := connection.recv(left)):
            parts.append(part)
            left -= len(part)
        asked: dict[str, Any] = json.loads(b"".join(parts))
    except (OSError, ValueError):
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    connection.setblocking(False)
    return asked, descriptors


def short(path: Path) -> str:
    """Return a path of at most 107 bytes, as a socket's must be, that leads to the same place."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    return f"/proc/self/fd/{folder}/{path.name}"


def main() -> None:
    """Listen, import the libraries, serve."""
    server = Server(int(sys.argv[1]), Path(sys.argv[2]))
    with suppress(BrokenPipeError):
        print("listens", flush=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.filterwarnings("ignore", message=".*multi-threaded, use of fork", category=DeprecationWarning)
    hide_unused()
    for library in LIBRARIES:
        import_module(library)
    gc.collect()
    gc.disable()
    gc.freeze()  # forks share what is there: nothing of it is to be touched
    server.run()


if __name__ == "__main__":
    main()
