"""Damaged archives, servers that talk nonsense, spoilt model folders: one paragraph each, soon, and nothing half-written."""

import bz2
import gzip
import io
import json
import lzma
import shutil
import tarfile
import zipfile
from random import Random

import pytest

from pipeline.data.archives import unpack
from pipeline.encoders.hub import from_folder
from tests.encoders.models import save_row
from tests.faults.harness import REFUSED
from tests.faults.servers import outcome, served, spoilt, try_nonsense

LONG = pytest.param(500, marks=pytest.mark.long)


# ---------------------------------------------------------------------------------------------------------------- archives


def an_archive(rng):
    members = [(f"sub/{split}.tsv", rng.randbytes(rng.randrange(2000))) for split in ("train", "dev", "test")]
    held = io.BytesIO()
    if rng.randrange(3) == 0:
        with zipfile.ZipFile(
            held, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA))
        ) as zipped:
            for name, content in members:
                zipped.writestr(name, content)
        return held.getvalue()
    with tarfile.open(fileobj=held, mode="w", format=rng.choice((tarfile.PAX_FORMAT, tarfile.GNU_FORMAT))) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name * rng.choice((1, 1, 20)))
            info.size, info.pax_headers = len(content), {"comment": "é" * rng.randrange(50)}
            tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = rng.choice((tarfile.SYMTYPE, tarfile.LNKTYPE)), members[0][0]
        tar.addfile(link)
    inner = held.getvalue() if rng.randrange(2) else spoilt(held.getvalue(), rng)
    return rng.choice((bytes, gzip.compress, bz2.compress, lzma.compress))(inner)


@pytest.mark.parametrize("inputs", [60, LONG])
def test_archives(tmp_path, inputs):
    rng, refused = Random(0), 0
    for _ in range(inputs):
        (tmp_path / "packed").write_bytes(spoilt(an_archive(rng), rng))
        folder = tmp_path / "deep" / "in"
        said = outcome(lambda folder=folder: unpack(tmp_path / "packed", folder))
        refused += said is not None
        assert said is None or not folder.exists()
        assert {path.name for path in tmp_path.iterdir()} <= {"packed", "deep"}
    assert refused > inputs // 2


# --------------------------------------------------------------------------------------------------------------- downloads


@pytest.mark.parametrize("inputs", [40, LONG])
def test_downloads(tmp_path, inputs):
    rng = Random(1)
    with served(tmp_path) as (server, content):
        found = [try_nonsense(server, content, rng, tmp_path / f"work{number}") for number in range(inputs)]
    assert found.count(REFUSED) > inputs // 4


# ----------------------------------------------------------------------------------------------------------- model folders

VALUES = (
    *(10**9, 10**30, 10**5, 0, -1, 1.5, float("inf"), None, True),
    *("x", "", "a\ud800", "9" * 500, [], {}, [1], {"a": 1}, [[None]]),
)


def spoil_model(folder, rng):
    """Change a value of a JSON file, or bytes of any file."""
    others = sorted(path.name for path in folder.iterdir())
    path = folder / rng.choice(("config.json", "config.json", "tokenizer.json", "model.safetensors", *others))
    if path.suffix == ".json" and rng.randrange(3):
        content = json.loads(path.read_text())
        part = content
        while isinstance(part, dict) and part:
            key = rng.choice(sorted(part))
            if not isinstance(part[key], dict) or rng.randrange(3) == 0:
                part[key] = rng.choice(VALUES)
                break
            part = part[key]
        path.write_text(json.dumps(content))
    else:
        path.write_bytes(spoilt(path.read_bytes(), rng))


@pytest.mark.parametrize("inputs", [30, LONG])
def test_model_folders(tmp_path, inputs):
    rng, refused = Random(2), 0
    made = {name: tmp_path / name for name in ("bert", "xlm-roberta", "modernbert")}
    for name, folder in made.items():
        save_row(folder, name)
    for _ in range(inputs):
        shutil.rmtree(tmp_path / "source", ignore_errors=True)
        shutil.rmtree(tmp_path / "target", ignore_errors=True)
        shutil.copytree(made[rng.choice(sorted(made))], tmp_path / "source")
        (tmp_path / "target").mkdir()
        spoil_model(tmp_path / "source", rng)
        refused += outcome(lambda: from_folder(tmp_path / "source", tmp_path / "target")) is not None
    assert refused > inputs // 4
