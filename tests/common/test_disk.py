"""Whatever a disk refuses is one paragraph: file, what failed, what to do; and nothing half-written stays."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.common.disk import ADVICE, of_disk, told
from pipeline.common.errors import UserError, run_stage
from pipeline.common.files import atomic_path, read_parquet, sha256_file, write_json, write_parquet

NUMBERS = ("ENOSPC", "EFBIG", "EDQUOT", "EIO", "EROFS", "EACCES", "ESTALE", "ENAMETOOLONG", "ENOLCK")


def refusing(number):
    def call(*_args, **_named):
        raise OSError(number, os.strerror(number))

    return call


def said(capsys, call):
    with pytest.raises(SystemExit) as ended:
        run_stage(call)
    assert ended.value.code == 1
    return capsys.readouterr().err


@pytest.mark.parametrize("name", NUMBERS)
def test_an_error_in_mid_write_names_the_file(tmp_path, capsys, monkeypatch, name):
    number = getattr(errno, name)
    monkeypatch.setattr(Path, "write_text", refusing(number))
    shown = said(capsys, lambda: write_json(tmp_path / "run.json", {}))
    assert shown.startswith(f"error: {tmp_path / 'run.json'}: {os.strerror(number)}; ") and shown.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NUMBERS)
def test_an_error_in_mid_read_names_the_file(tmp_path, capsys, monkeypatch, name):
    number = getattr(errno, name)
    (tmp_path / "train.tsv").write_text("x")
    monkeypatch.setattr("hashlib.file_digest", refusing(number))
    shown = said(capsys, lambda: sha256_file(tmp_path / "train.tsv"))
    assert shown.startswith(f"error: {tmp_path / 'train.tsv'}: {os.strerror(number)}; ") and shown.count("\n") == 1


def test_a_failing_disk_is_not_taken_for_a_broken_file(tmp_path, monkeypatch):
    write_parquet(tmp_path / "a.parquet", pa.table({"a": [1]}))
    monkeypatch.setattr("pyarrow.parquet.ParquetFile", refusing(errno.EIO))
    with pytest.raises(OSError, match="Input/output error") as failed:
        read_parquet(tmp_path / "a.parquet")
    assert failed.value.filename == str(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_text("no Parquet")
    monkeypatch.undo()
    with pytest.raises(UserError, match="not a readable Parquet file"):
        read_parquet(tmp_path / "b.parquet")


def test_a_name_that_is_too_long_is_told_shortly(tmp_path, capsys):
    shown = said(capsys, lambda: write_json(tmp_path / ("n" * 5000), {}))
    assert "File name too long; use a shorter name" in shown and len(shown) < 1000


def test_defects_of_ours_keep_their_traceback():
    def defect():
        try:
            Path("/nowhere/at/all").read_bytes()
        except OSError:
            {}["key"]

    for call in (defect, lambda: {}["key"], lambda: io.BytesIO().fileno(), lambda: [][0]):
        with pytest.raises((KeyError, IndexError, io.UnsupportedOperation)):
            run_stage(call)


def test_errors_of_libraries_that_write_by_themselves():
    class SafetensorError(Exception):
        pass

    for error in (SafetensorError("Error: I/O error: No space left on device (os error 28)"), Exception("code: 28,")):
        found = of_disk(error)
        assert found is not None and "No space left on device; make room" in told(found)
    assert of_disk(ValueError("os error 28")) is None
    assert of_disk(RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0")) is not None


def test_a_call_that_fails_without_a_reason():
    """As a semaphore of the system's does where files may have fewer bytes than it."""
    assert told(OSError(0, "Error")) == f"output: failed; {ADVICE[0]}" and "ulimit -f" in ADVICE[0]


LIMITED = """
import resource, sys
from pathlib import Path
from pipeline.common.errors import run_stage
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
path = Path(sys.argv[1])
{}
run_stage(write)
"""
WRITERS = {
    "text": "from pipeline.common.files import write_text\ndef write(): write_text(path / 'a', 'x' * 10000)",
    "parquet": "import os, pyarrow as pa\nfrom pipeline.common.files import write_parquet\n"
    "def write(): write_parquet(path / 'a', pa.table({'a': [os.urandom(20000)]}))",
    "tokenizer": "from tokenizers import Tokenizer, models\nfrom pipeline.common.files import atomic_path\n"
    "def write():\n    with atomic_path(path / 'a') as temporary:\n"
    "        Tokenizer(models.WordLevel({str(i): i for i in range(9999)}, '1')).save(str(temporary))",
    "safetensors": "import numpy\nfrom safetensors.numpy import save_file\nfrom pipeline.common.files import atomic_path\n"
    "def write():\n    with atomic_path(path / 'a') as temporary:\n"
    "        save_file({'w': numpy.zeros(10000)}, temporary)",
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_limit_of_the_system_is_told_whoever_writes(tmp_path, writer):
    program = LIMITED.format(WRITERS[writer])
    done = subprocess.run([sys.executable, "-B", "-c", program, str(tmp_path)], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert done.stderr == (
        f"error: {tmp_path / 'a'}: File too large; files there may not be so large (`ulimit -f`, or the file system's own "
        "limit); nothing half-written was left\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_the_temporary_name_is_not_told(tmp_path):
    with pytest.raises(FileNotFoundError) as failed, atomic_path(tmp_path / "a") as temporary:
        temporary.unlink()
        temporary.replace(tmp_path / "b")
    assert failed.value.filename == str(tmp_path / "a")
