"""Checkpoints: whole or not at all, a pair that belongs together, errors a user can mend."""

import subprocess
import sys

import pytest
import torch

from pipeline.common.checkpoint import check, load, save
from pipeline.common.errors import UserError
from pipeline.training.checkpoint import Checkpoints

FULL = """
import resource, signal, sys
import torch
from pathlib import Path
from pipeline.common.errors import run_stage
from pipeline.common.checkpoint import save
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
run_stage(lambda: save(Path(sys.argv[1]), {"weights": torch.zeros(100_000)}))
"""


def test_nothing_is_kept_without_a_folder():
    checkpoints = Checkpoints(None)
    checkpoints.save({"phase": 0}, {"a": torch.zeros(1)}, "0-1")
    assert checkpoints.load() is None
    checkpoints.clear()


def test_latest_and_best_belong_together(tmp_path):
    checkpoints = Checkpoints(tmp_path / "c")
    assert checkpoints.load() is None
    checkpoints.save({"epoch": 1}, {"a": torch.tensor([1.0])}, "0-1")
    checkpoints.save({"epoch": 2}, {"a": torch.tensor([2.0])}, "0-2")
    checkpoints.save({"epoch": 3}, {"a": torch.tensor([9.0])}, "0-2")  # the same best epoch: not written again
    state = checkpoints.load()
    assert state["epoch"] == 3 and state["best"]["a"].item() == 2.0
    assert sorted(p.name for p in (tmp_path / "c").iterdir()) == ["best-0-2.pt", "latest.pt"]
    checkpoints.clear()
    assert not (tmp_path / "c").exists()


def test_a_kill_between_the_two_files_leaves_the_older_pair(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save({"epoch": 1}, {"a": torch.tensor([1.0])}, "0-1")
    monkeypatch.setattr(
        "pipeline.training.checkpoint.save", lambda path, value: save(path, value) if "best" in path.name else 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        checkpoints.save({"epoch": 2}, {"a": torch.tensor([2.0])}, "0-2")
    state = checkpoints.load()
    assert state["epoch"] == 1 and state["best"]["a"].item() == 1.0


def test_an_unreadable_checkpoint_is_named_and_dropped(tmp_path, capsys):
    (tmp_path / "c").mkdir()
    (tmp_path / "c/latest.pt").write_bytes(b"PK broken")
    assert Checkpoints(tmp_path / "c").load() is None
    said = capsys.readouterr().err
    assert "latest.pt: not a readable checkpoint" in said and "dropped, and the training begins anew" in said
    assert not (tmp_path / "c").exists()


def test_best_weights_of_another_checkpoint_are_not_taken(tmp_path, capsys):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save({"epoch": 1}, {"a": torch.tensor([1.0])}, "0-1")
    save(tmp_path / "best-0-1.pt", {"a": torch.tensor([2.0])})
    assert checkpoints.load() is None
    assert "best-0-1.pt: not the weights that latest.pt was saved with" in capsys.readouterr().err


def test_a_checkpoint_without_a_digest_is_read_as_ever(tmp_path):
    torch.save({"epoch": 1}, tmp_path / "x.pt")
    assert check(tmp_path / "x.pt") is None and load(tmp_path / "x.pt") == {"epoch": 1}


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    torch.save({"evil": subprocess.run}, tmp_path / "x.pt")
    with pytest.raises(UserError, match="not a readable checkpoint"):
        load(tmp_path / "x.pt")


def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path):
    path = tmp_path / "latest.pt"
    save(path, {"epoch": 1})
    done = subprocess.run([sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith(f"error: {path}: File too large; files there may not be so large (`ulimit -f`")
    assert "Traceback" not in done.stderr
    assert load(path) == {"epoch": 1}
    assert list(tmp_path.iterdir()) == [path]
