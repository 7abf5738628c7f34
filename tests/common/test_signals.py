"""Asked to end by a signal: at once, or when it is looked for; a message and an exit status that say to start again."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from pipeline.common import signals

STAGE = """
import os, pathlib, signal, sys, time
from pipeline.common import files, signals
from pipeline.common.errors import run_stage

def main():
    if sys.argv[1] == "deferred":
        signals.defer()
    with files.atomic_path(pathlib.Path("out")) as temporary:
        temporary.write_text("half")
        print("writes", flush=True)
        until = time.monotonic() + 20
        while time.monotonic() < until and signals._Asked.number is None:
            time.sleep(0.01)
        temporary.write_text("whole")
    signals.check()

run_stage(main)
"""


def asked(number: int, how: str, folder) -> tuple[int, str]:
    """Start a stage that writes, ask it to end, and return its exit status and what it said."""
    command = [sys.executable, "-c", STAGE, how]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "writes\n"
        process.send_signal(number)
        said = process.stderr.read()
        return process.wait(), said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_stage_ends_at_once_and_leaves_nothing(tmp_path, number):
    status, said = asked(number, "at once", tmp_path)
    assert status == signals.TRY_AGAIN == 75
    assert said == f"error: stopped by {number.name}; started again, it goes on from there\n"
    assert list(tmp_path.iterdir()) == []


def test_what_is_deferred_is_made_whole_first(tmp_path):
    status, said = asked(signal.SIGTERM, "deferred", tmp_path)
    assert status == 75 and said.startswith("error: stopped by SIGTERM")
    assert (tmp_path / "out").read_text() == "whole"


def test_ignored_by_who_started_it_a_stage_hears_all_the_same(tmp_path):
    """As below Snakemake, which is deaf to what a scheduler tells its jobs."""
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        status, _ = asked(signal.SIGUSR1, "at once", tmp_path)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert status == 75


def test_nothing_is_listened_to_in_a_thread():
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=signals.listen)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_first_signal_is_the_one_that_is_told(monkeypatch):
    monkeypatch.setattr(signals._Asked, "waits", True)
    monkeypatch.setattr(signals._Asked, "number", None)
    signals._heard(signal.SIGUSR1, None)
    signals._heard(signal.SIGTERM, None)
    with pytest.raises(signals.AskedToEnd, match="stopped by SIGUSR1"):
        signals.check()


def test_a_shell_that_runs_a_command_waits_for_it_to_end(tmp_path, monkeypatch):
    """Before every rule's command stands what makes its shell wait: else it would be gone before the checkpoint is written."""
    from pipeline.common.startup import safe_commands

    monkeypatch.chdir(tmp_path)
    prefix = safe_commands().replace("{{", "{").replace("}}", "}")
    slow = "import signal, sys, time; signal.signal(15, lambda *_: (time.sleep(0.5), print('saved'), sys.exit(75)))"
    command = f"{prefix}{sys.executable} -c \"{slow}; print('on', flush=True); time.sleep(20)\"; echo never"
    with subprocess.Popen(
        ["bash", "-c", command], cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        os.killpg(process.pid, signal.SIGTERM)
        assert process.stdout.read() == "saved\n"
        assert process.wait() == 75
