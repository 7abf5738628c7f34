"""Digests of stored files: what is altered is named with what mends it, and nothing is hashed twice."""

import errno
import hashlib
import os
import pickle
import subprocess
from pathlib import Path

import pytest

from pipeline.common import integrity
from pipeline.common.errors import UserError
from pipeline.common.integrity import (
    AlteredError,
    again,
    intact,
    note_of,
    noted,
    noting,
    read_sealed,
    refuse,
    sha256,
    verified,
    verified_by_note,
    verifying,
    write_noted,
    write_sealed,
)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that was written long ago."""
    monkeypatch.chdir(tmp_path)
    Path("a.txt").write_text("stored")
    os.utime("a.txt", (1e9, 1e9))
    return Path("a.txt")


def test_an_altered_file_is_named_with_both_digests_and_what_mends_it(path: Path) -> None:
    right = hashlib.sha256(b"stored").hexdigest()
    assert verified(path, right, "mend it") == path and verified(path, None, "mend it") == path
    path.write_text("storee")
    now = hashlib.sha256(b"storee").hexdigest()
    with pytest.raises(AlteredError) as caught:
        verified(path, right, again(path))
    assert str(caught.value) == (
        f"a.txt: altered since it was written: SHA-256 is {now[:12]}…, expected {right[:12]}…; make it again with: snakemake "
        "--force a.txt (and your --configfile), then start the workflow as before"
    )
    assert caught.value.command == "snakemake --force a.txt"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    path.unlink()
    with pytest.raises(AlteredError, match=r"a\.txt: no such file, though its digest is stored; mend it"):
        verified(path, right, "mend it")


def test_a_file_is_hashed_once_until_it_changes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    monkeypatch.setattr(
        integrity, "sha256_file", lambda p: hashed.append(p) or hashlib.sha256(p.read_bytes()).hexdigest()
    )
    assert sha256(path) == sha256(path) == hashlib.sha256(b"stored").hexdigest()
    assert hashed == [path]
    path.write_text("storee")
    os.utime(path, (1e9 + 1, 1e9 + 1))
    assert sha256(path) == hashlib.sha256(b"storee").hexdigest()
    path.write_text("stored")  # just now: it may change again at the same time of the file system's clock
    assert sha256(path) == sha256(path) and len(hashed) == 4


def test_a_broken_disk_is_no_traceback(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path) -> str:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(integrity, "sha256_file", broken)
    path.touch()
    with pytest.raises(UserError, match=r"a\.txt: cannot be read: Input/output error; look after the disk"):
        sha256(path)


def test_what_a_reader_makes_of_an_altered_file_gives_way_to_what_is_wrong_with_it(path: Path) -> None:
    with pytest.raises(AlteredError, match="altered since"), verifying({path: "0" * 64}, "mend it"):
        raise ValueError("no model can be made of it")
    with pytest.raises(ValueError, match="ours"), verifying({path: sha256(path)}, "mend it"):
        raise ValueError("ours")


@pytest.mark.parametrize("value", [{}, {"a": 1, "b": [1, (2, "ü")], "c": {"10": 0.1, "9": None}}])
def test_a_sealed_object_is_read_back(tmp_path: Path, value: dict) -> None:
    path = tmp_path / "a.json"
    write_sealed(path, value)
    found = read_sealed(path, "mend it")
    assert found.pop("digest") and found.keys() == value.keys()


@pytest.mark.parametrize(
    "text", ['{"a": 2, "digest": "%s"}', '{"a": 1, "digest": "%s"', '{"a": 1, "b": 1, "digest": "%s"}', "[]"]
)
def test_an_altered_object_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    write_sealed(path, {"a": 1})
    seal = read_sealed(path, "mend it")["digest"]
    path.write_text(text % seal if "%s" in text else text)
    with pytest.raises(AlteredError, match=r"a\.json: .*; mend it$"):
        read_sealed(path, "mend it")


def test_an_object_of_earlier_code_has_no_seal(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": 1}')
    assert read_sealed(tmp_path / "a.json", "mend it") == {"a": 1} and intact({"a": 1})
    with pytest.raises(UserError, match="no such file"):
        read_sealed(tmp_path / "b.json", "mend it")


def test_a_note_is_one_of_sha256sum(path: Path) -> None:
    write_noted(path, "new")
    assert noted(path) == hashlib.sha256(b"new").hexdigest() and verified_by_note(path) == path
    subprocess.run(["sha256sum", "--check", "--strict", note_of(path).name], check=True, capture_output=True)
    path.write_text("altered")
    with pytest.raises(AlteredError, match=r"snakemake --force a\.txt"):
        verified_by_note(path)
    note_of(path).write_text("")
    with pytest.raises(AlteredError):
        verified_by_note(path)
    with pytest.raises(ZeroDivisionError), noting(path):
        raise ZeroDivisionError
    assert noted(path) is None, "whoever reads a half-made file finds no digest of another"


def test_many_altered_files_are_told_in_one_error_of_less_than_a_screen() -> None:
    files = [Path(f"results/runs/{'x' * 100}-{n}/predictions.parquet") for n in range(300)]
    errors = [
        AlteredError(file, "altered since it was written: SHA-256 is 0…, expected 1…", again(file)) for file in files
    ]
    with pytest.raises(UserError) as caught:
        refuse(errors)
    said = str(caught.value)
    assert said.startswith("300 files are altered:") and "and 296 more" in said and len(said) < 2000
    assert f"snakemake --force {files[0]} {files[1]}" in said
    with pytest.raises(AlteredError):
        refuse(errors[:1])
    refuse([])
