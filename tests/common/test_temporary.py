"""What a killed process leaves is cleared by the next of its kind, and what a live one works on is not."""

import os
import signal
import subprocess
import sys
import time

import pytest

from pipeline.common import temporary
from pipeline.common.files import atomic_path, write_text
from pipeline.common.temporary import temporary_folder

KILLED = """
import os, signal, sys
from pathlib import Path
from pipeline.common.files import atomic_path
from pipeline.common.temporary import temporary_folder
folder = Path(sys.argv[1])
with atomic_path(folder / "a.json") as file, temporary_folder(folder, "incoming") as made:
    (made / "split").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def forgetful(monkeypatch):
    monkeypatch.setattr(temporary, "_cleared", set())


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_next_one_clears_what_a_killed_one_left(tmp_path):
    (tmp_path / ".a.json.other").write_text("another program's")
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)])
    assert done.returncode == -signal.SIGKILL and len(names(tmp_path)) == 3
    write_text(tmp_path / "b.json", "of another name")
    assert len(names(tmp_path)) == 4
    write_text(tmp_path / "a.json", "whole")
    with temporary_folder(tmp_path, "incoming"):
        pass
    assert names(tmp_path) == [".a.json.other", "a.json", "b.json"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_killed_one_that_nobody_has_waited_for_yet_is_no_live_one(tmp_path):
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays to be waited for
        assert len(names(tmp_path)) == 2
        write_text(tmp_path / "a.json", "whole")
        with temporary_folder(tmp_path, "incoming"):
            pass
        assert names(tmp_path) == ["a.json"]


def test_what_a_live_process_writes_stays(tmp_path, monkeypatch):
    with atomic_path(tmp_path / "a.json") as mine, temporary_folder(tmp_path, "incoming") as folder:
        monkeypatch.setattr(temporary, "_cleared", set())
        write_text(tmp_path / "a.json", "of another thread")
        with temporary_folder(tmp_path, "incoming"):
            pass
        assert mine.exists() and folder.exists()
    assert names(tmp_path) == ["a.json"]


def test_what_another_machine_left_stays_for_a_day(tmp_path, monkeypatch):
    file = tmp_path / f".a.json.0123abcd-{os.getpid()}.x"
    file.write_text("")
    write_text(tmp_path / "a.json", "")
    assert file.exists()
    before = time.time() - 2 * temporary.DAY
    os.utime(file, (before, before))
    monkeypatch.setattr(temporary, "_cleared", set())
    write_text(tmp_path / "a.json", "")
    assert not file.exists()
