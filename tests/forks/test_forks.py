"""Stages done by forks: to who starts them all is as without, whatever is killed."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pipeline.common import paths
from pipeline.common.files import canonical_json
from pipeline.common.paths import HANDED
from pipeline.common.temporary import state_of
from pipeline.forks.client import LENGTH
from tests import tiny

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(os, "pidfd_open"), reason="forks need Linux's pidfd"
)

ABOVE = """
import json, os, subprocess, sys
os.environ["METALINGUA_FORKS_BELOW"] = str(os.getpid())
made = {}
for line in sys.stdin:
    asked = json.loads(line)
    if "command" in asked:
        with open(asked["output"], "w") as output, open(asked["errors"], "w") as errors:
            made[asked["name"]] = subprocess.Popen(
                asked["command"], stdin=subprocess.PIPE, stdout=output, stderr=errors, cwd=asked["folder"],
                env=os.environ | asked["environment"], start_new_session=True,
            )
        made[asked["name"]].stdin.write(asked["input"].encode())
        made[asked["name"]].stdin.close()
        print(made[asked["name"]].pid, flush=True)
    else:
        print(made[asked["name"]].wait(), flush=True)
"""
"""Stands for a Snakemake: it starts stages as it is told, a JSON object a line, and waits for them."""


class Above:
    """A process below which stages are done by forks, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", ABOVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder
        )

    def ask(self, **asked: Any) -> int:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def start(self, name: str, *command: str, given: str = "", **environment: str) -> int:
        """Start a process; return its number."""
        return self.ask(
            name=name,
            command=[sys.executable, "-m", *command],
            folder=str(self.folder),
            input=given,
            output=str(self.folder / f"{name}.out"),
            errors=str(self.folder / f"{name}.err"),
            environment={"PYTHONPATH": str(ROOT), **environment},
        )

    def wait(self, name: str) -> int:
        """Wait for a process and return how it ended."""
        return self.ask(name=name)

    def stand_in(self, name: str, *words: str, **options: str) -> tuple[int, dict[str, Any]]:
        """Run the stand-in to its end; return how it ended and what it found."""
        self.start(name, "tests.forks.stand_in", f"{name}.json", *words, **options)
        return self.wait(name), self.found(name)

    def found(self, name: str) -> dict[str, Any]:
        last = (self.folder / f"{name}.json").read_text().splitlines()[-1]
        found: dict[str, Any] = json.loads(last)
        return found

    def begun(self, name: str) -> dict[str, Any]:
        """Wait until the stand-in has said what it found."""
        wait_for(
            lambda: (self.folder / f"{name}.json").exists() and (self.folder / f"{name}.json").read_text()[-1:] == "\n"
        )
        return self.found(name)

    def server(self) -> int:
        """The process number of the server; 0 where there is none."""
        asked = f"forks-{self.process.pid}.socket".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"pipeline.forks.server" in command and asked in command:
                return int(entry.name)
        return 0

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def wait_for(what: Callable[[], bool], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.02)


def lives(process: int) -> bool:
    return state_of(process)[:1] not in ([], ["Z"])


def open_in(process: int) -> int:
    """How many files a process has open."""
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


@pytest.fixture(scope="module")
def above(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Above]:
    folder = tmp_path_factory.mktemp("forks") / (
        "a-long-name-" * 12
    )  # its socket's path is longer than a socket's may be
    folder.mkdir()
    one = Above(folder)
    yield one
    one.end()
    wait_for(lambda: not one.server())
    assert list((folder / paths.HANDED).glob("forks-*")) == [], "the server leaves nothing"


def test_a_fork_finds_what_a_process_of_its_own_finds(above: Above) -> None:
    status, found = above.stand_in("first", "exit", "3", given="from input", CUDA_VISIBLE_DEVICES="héllo")
    assert status == 3
    server = above.server()
    assert server and Path(f"/proc/{server}/stat").exists()
    assert found["torch"], "what takes long to import is there already"
    assert found["words"] == ["exit", "3"] and found["told"] == "héllo" and found["input"] == "from input"
    assert found["folder"] == str(above.folder)
    assert (above.folder / "first.out").read_text() == "to output\n"
    assert (above.folder / "first.err").read_text() == "to errors\n"
    assert found["threads"] == 1
    assert not [name for name in found["open"] if "socket" in name or "pidfd" in name], "the server's are closed"
    assert above.server() == server


def test_a_fork_imports_this_package_anew(above: Above) -> None:
    """So what runs is the code as it stands when the stage starts, whatever the server was started with."""
    assert above.stand_in("anew")[1]["package"] == [] and above.found("anew")["torch"]


def test_many_at_a_time_have_one_server(above: Above) -> None:
    for number in range(8):
        above.start(f"many{number}", "tests.forks.stand_in", f"many{number}.json")
    assert [above.wait(f"many{number}") for number in range(8)] == [0] * 8
    found = [above.found(f"many{number}") for number in range(8)]
    assert all(one["torch"] for one in found)
    assert len({one["process"] for one in found}) == 8


@pytest.mark.parametrize("sent", [b"", b"\0", LENGTH.pack(50) + b'{"mod', LENGTH.pack(4) + b"[[[["])
def test_one_that_goes_before_it_has_said_what_it_wants_is_let_go(above: Above, sent: bytes) -> None:
    above.stand_in("before")
    server = above.server()
    held = open_in(server)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"/proc/{above.process.pid}/cwd/{HANDED}/forks-{above.process.pid}.socket")
        if sent:
            socket.send_fds(connection, [sent[:4]], [0, 1, 2])
            with suppress(BrokenPipeError):  # it may have been let go by then
                connection.sendall(sent[4:])
    assert above.stand_in("afterwards")[1]["torch"]
    assert above.server() == server
    wait_for(lambda: open_in(server) <= held)  # of what was sent along, nothing stays open


def test_a_text_to_exit_with_is_an_error(above: Above) -> None:
    assert above.stand_in("text", "say", "no more")[0] == 1
    assert (above.folder / "text.err").read_text() == "to errors\nno more\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_signals_reach_the_fork(above: Above, number: signal.Signals) -> None:
    name = f"asked-{number.name}"
    process = above.start(name, "tests.forks.stand_in", f"{name}.json", "sleep")
    fork = above.begun(name)["process"]
    assert fork != process
    os.kill(process, number)
    assert above.wait(name) == 75
    assert (
        (above.folder / f"{name}.err")
        .read_text()
        .endswith(f"stopped by {number.name}; started again, it goes on from there\n")
    )
    wait_for(lambda: not lives(fork))


def test_killed_a_stage_takes_its_fork_with_it(above: Above) -> None:
    process = above.start("killed", "tests.forks.stand_in", "killed.json", "sleep")
    fork = above.begun("killed")["process"]
    os.kill(process, signal.SIGKILL)
    assert above.wait("killed") == -signal.SIGKILL
    wait_for(lambda: not lives(fork))
    assert above.stand_in("after")[1]["torch"], "the server serves on"


def test_a_fork_that_is_killed_is_told_as_a_process_that_is(above: Above) -> None:
    above.start("shot", "tests.forks.stand_in", "shot.json", "sleep")
    os.kill(above.begun("shot")["process"], signal.SIGKILL)
    assert above.wait("shot") == -signal.SIGKILL


def test_if_the_server_is_killed_its_stages_are_done_where_they_were_started(above: Above) -> None:
    process = above.start("orphan", "tests.forks.stand_in", "orphan.json", "sleep")
    fork, server = above.begun("orphan")["process"], above.server()
    os.kill(server, signal.SIGKILL)
    wait_for(lambda: not lives(fork))
    wait_for(lambda: above.begun("orphan")["process"] == process)
    assert not above.found("orphan")["torch"]
    os.kill(process, signal.SIGTERM)
    assert above.wait("orphan") == 75
    status, found = above.stand_in("next")
    assert status == 0 and found["torch"] and above.server() not in (0, server), "the next one starts another"


@pytest.mark.parametrize(
    "environment",
    [
        {"OMP_NUM_THREADS": "7"},
        {"METALINGUA_FORKS_BELOW": "0"},
        {"METALINGUA_FORKS_BELOW": ""},
        {"METALINGUA_FORKS_BELOW": "1x"},
    ],
)
def test_where_none_can_serve_it_is_done_here(above: Above, environment: dict[str, str]) -> None:
    """As where libraries would find another environment than the server was started with, or below no such process."""
    name = "here" + re.sub(r"\W", "", str(environment))
    status, found = above.stand_in(name, "exit", "4", **environment)
    assert status == 4 and not found["torch"]


def test_a_trained_run_has_the_same_bits(above: Above, world: None) -> None:
    shutil.copytree(Path.cwd(), above.folder, dirs_exist_ok=True)
    spec = tiny.spec("joint", training={"epochs": 2})
    name = tiny.name_of(spec)
    command = ["pipeline.stages.train", "--run", name, "--spec", canonical_json(spec), "--keep-model"]
    made = []
    for below in ({}, {"METALINGUA_FORKS_BELOW": "0"}):
        above.start("trained", *command, **below)
        assert above.wait("trained") == 0, (above.folder / "trained.err").read_text()
        folder = above.folder / paths.run_dir(name)
        made.append(
            [
                (folder / file).read_bytes()
                for file in ("predictions.parquet", "model/model.safetensors", "steps.parquet")
            ]
        )
        shutil.rmtree(folder)
    assert made[0] == made[1]
