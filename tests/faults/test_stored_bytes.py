"""Every kind of stored file with a bit flipped or its end cut off: refused or repaired, never taken for what was written.

Each is read by the reader that stages read it with. What is refused names the file and what mends it; what is read all the same
is the very thing that was written.
"""

import csv
import io
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.commands import verify
from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import write_text
from pipeline.encoders import pretrain as pretraining
from pipeline.encoders.load import load_encoder
from pipeline.results.printed.views import read_views
from pipeline.results.scores.stale import record
from pipeline.training import loop as loop_module
from pipeline.training.run import train_run
from tests import tiny
from tests.encoders.test_pretrain import Killed, assert_same
from tests.encoders.test_pretrain import run as pretrain_run
from tests.faults.kinds import DATA, KINDS, RUN, TABLE, cut, faults, flipped, make_stored, token_bytes

SHORT = 4


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that kept its model, and all that is made of a run."""
    folder = tmp_path_factory.mktemp("stored")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_stored()
    return folder


@pytest.fixture
def folder(world: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(world)
    return world


@pytest.mark.parametrize("name", KINDS)
def test_an_altered_file_is_refused_or_repaired(folder: Path, name: str) -> None:
    out = faults(KINDS[name], name, SHORT)
    assert KINDS[name].repairs or "refused" in out
    assert KINDS[name].read() is not None


# ------------------------------------------------------------------------------------------------ what a run makes of them


def test_altered_tokens_are_made_again_and_it_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = token_bytes()
    (path,) = Path(DATA).glob("tokens/test-*/gold.arrow")
    before = path.read_bytes()
    path.write_bytes(before.replace(b"B-PER", b"B-LOC", 1))
    assert token_bytes() == whole
    assert f"{path}: altered since it was written" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize("alter", [cut, flipped])
@pytest.mark.parametrize("which", ["latest.pt", "best-*.pt"])
def test_a_run_whose_checkpoint_is_broken_ends_in_the_same_bits(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    alter: Callable[[bytes, np.random.Generator], bytes],
    which: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny.make_world(tmp_path)
    spec = tiny.spec("joint", training={"epochs": 3})
    name = tiny.name_of(spec)
    train_run(name, spec, 1, False, time.monotonic())
    expected = paths.predictions(name).read_bytes()
    shutil.rmtree(paths.run_dir(name))
    monkeypatch.setattr(loop_module.Loop.__init__, "__defaults__", (lambda records: None, 0.0))
    with monkeypatch.context() as patch:
        patch.setattr("pipeline.training.run.predict", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            train_run(name, spec, 1, False, time.monotonic())
    (path,) = paths.run_dir(name).glob(f"checkpoint-*/{which}")
    content = path.read_bytes()
    path.write_bytes(alter(content[: len(content) // 2], np.random.default_rng(0)) + content[len(content) // 2 :])
    train_run(name, spec, 1, False, time.monotonic())
    assert paths.predictions(name).read_bytes() == expected
    said = capsys.readouterr().err
    assert path.name in said and "it is dropped, and the training begins anew" in said
    assert not list(paths.run_dir(name).glob("checkpoint-*"))


@pytest.mark.parametrize("alter", [cut, flipped])
def test_a_pretraining_whose_checkpoint_is_broken_ends_in_the_same_bits(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    alter: Callable[[bytes, np.random.Generator], bytes],
) -> None:
    monkeypatch.setattr(pretraining, "CHECKPOINT_SECONDS", 0.0)
    facts, whole = pretrain_run(tmp_path / "whole")
    folder, resumed = tmp_path / "killed", list[int]()
    with pytest.raises(Killed):
        pretrain_run(folder, kill_at=5)
    path = folder / "checkpoint.pt"
    path.write_bytes(alter(path.read_bytes(), np.random.default_rng(1)))
    again, weights = pretrain_run(folder, log=resumed)
    assert resumed == [] and "checkpoint.pt" in capsys.readouterr().err
    assert_same(weights, whole)
    assert again == facts


def test_a_run_without_its_record_or_with_an_altered_one_is_named(folder: Path) -> None:
    path = paths.run_record(RUN)
    before = path.read_text()
    try:
        path.write_text(before.replace('"best_epoch": 1', '"best_epoch": 7'))
        with pytest.raises(UserError, match=r"run\.json: altered since it was written.*snakemake --force"):
            record(RUN)
    finally:
        path.write_text(before)


# ------------------------------------------------------------------------------------------------------------------ verify


def verified(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    monkeypatch.setattr("sys.argv", ["verify", *words])
    status = 0
    try:
        verify.main()
    except SystemExit as stopped:
        status = int(str(stopped.code))
    return status, capsys.readouterr().out


def test_verify_counts_the_files_and_names_the_altered_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    status, said = verified(monkeypatch, capsys)
    assert status == 0, said
    kinds = {line.rsplit(maxsplit=4)[0]: [int(n) for n in line.split()[-4:]] for line in said.splitlines()[1:]}
    assert kinds["models"] == [1, 1, 0, 0] and kinds["encoders"] == [4, 4, 0, 0] and kinds["raw files"] == [2, 2, 0, 0]
    path = paths.run_model(RUN)
    before = path.read_bytes()
    try:
        path.write_bytes(flipped(before, np.random.default_rng(0)))
        monkeypatch.chdir("/")
        status, said = verified(monkeypatch, capsys, str(folder))
    finally:
        (folder / path).write_bytes(before)
    assert status == 1
    assert said.splitlines()[-1].startswith(f"{path}: altered since it was written: SHA-256 is ")
    assert f"snakemake --force {path}" in said


def test_files_of_earlier_code_count_as_without_a_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny.make_world(tmp_path)
    write_text(paths.table("few", "csv"), TABLE)
    assert read_views(["few"])["few"] == list(csv.DictReader(io.StringIO(TABLE)))
    assert load_encoder(paths.encoder_dir(tiny.ENCODER)).max_length == 40
    status, said = verified(monkeypatch, capsys)
    assert status == 0 and re.search(r"^tables +1 +0 +0 +1$", said, re.MULTILINE)
