"""Damaged archives, servers that talk nonsense, spoilt model folders: one paragraph each, soon, and nothing half-written."""

import bz2
import gzip
import io
import json
import lzma
import shutil
import tarfile
import time
import zipfile
from random import Random

import huggingface_hub.constants
import pytest

from pipeline.common.errors import UserError
from pipeline.data.archives import unpack
from pipeline.data.hub import hub_file, hub_list
from pipeline.data.sources import download
from pipeline.encoders.hub import from_folder
from tests.encoders.models import save_row
from tests.hub_server import COMMIT, Break, serve

LONG = pytest.param(500, marks=pytest.mark.long)
SECONDS, CHARACTERS = 10, 2000


def spoilt(content, rng):
    """Bytes with a few of them changed, cut off, put in twice or in another place."""
    new = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(new) + 1), rng.choice((1, 4, 64, 600))
        kind = rng.randrange(5)
        if kind == 0 and new:
            new[at % len(new)] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del new[at : at + length]
        elif kind == 2:
            new[at:at] = rng.randbytes(length)
        elif kind == 3:
            new[at:at] = new[:length]
        else:
            new[at : at + length] = bytes([rng.choice((0, 255))]) * length
    return bytes(new)


def outcome(call):
    """What a call says where it refuses: within seconds, shortly; any other error is the test's failure."""
    since = time.monotonic()
    try:
        call()
        said = None
    except UserError as error:
        said = str(error)
        assert said and len(said) < CHARACTERS
    assert time.monotonic() - since < SECONDS
    return said


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


def an_answer(server, rng, content, name):
    """Let a server spoil what it says of a file, or of the listing, in one of many ways."""
    ending = rng.choice((name, f"tree/{COMMIT}"))
    kind = rng.randrange(6)
    if kind == 0:
        server.spoil(name, spoilt(content, rng), times=9)
    elif kind == 1:
        server.fail(name, *[Break(rng.randrange(len(content)))] * rng.randrange(1, 9))
    elif kind == 2:
        server.fail(ending, *[rng.choice((204, 400, 404, 418, 500, 503, 599))] * rng.randrange(1, 9))
    elif kind == 3:
        page = rng.choice((b"", b"<html>", b"null", b"[" * 100_000, rng.randbytes(50), b'{"error": 1}', b"9" * 5000))
        server.answer_with(ending, page, rng.choice((200, 206, 203)), times=99)
    elif kind == 4:
        place = rng.choice(
            ("", "http://[", "/", "//x", "?", "ftp://x", "http://127.0.0.1:1/", f"{server.url}/files/gone")
        )
        server.answer_with(ending, b"", rng.choice((301, 302, 307, 308)), {"Location": place}, times=99)
    else:
        entries = json.dumps([{"type": "file", "path": name, "size": 1, "oid": "0" * 40}]).encode()
        server.answer_with(f"tree/{COMMIT}", spoilt(entries, rng), times=99)


@pytest.mark.parametrize("inputs", [40, LONG])
def test_downloads(tmp_path, monkeypatch, inputs):
    rng = Random(1)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    content, refused = rng.randbytes(20_000), 0
    repository = tmp_path / "served" / "datasets" / "owner" / "name"
    repository.mkdir(parents=True)
    for name in ("a.parquet", "a.txt"):
        (repository / name).write_bytes(content)
    with serve(tmp_path / "served") as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        for number in range(inputs):
            server.faults.clear()
            server.answers.clear()
            name, work = rng.choice(("a.parquet", "a.txt")), tmp_path / f"work{number}"
            work.mkdir()
            an_answer(server, rng, content, name)
            said = [
                outcome(lambda: hub_list("owner/name", COMMIT, "dataset")),
                outcome(lambda name=name, work=work: hub_file("owner/name", COMMIT, "dataset", name, work)),
            ]
            refused += any(said)
            assert (said[1] is not None) != (work / name).exists()
            assert said[1] is not None or (work / name).read_bytes() == content, "never other bytes"
            url = f"{server.url}/datasets/owner/name/resolve/{COMMIT}/a.parquet"
            outcome(lambda url=url, work=work: download(url, work / "archive"))
            shutil.rmtree(work)
    assert refused > inputs // 4


# ----------------------------------------------------------------------------------------------------------- model folders

VALUES = (10**9, 10**30, 10**5, 0, -1, 1.5, "x", "", None, [], {}, True, [1], {"a": 1})


def spoil_model(folder, rng):
    """Change a value of a JSON file, or bytes of any file."""
    path = folder / rng.choice(("config.json", "config.json", "tokenizer.json", "model.safetensors"))
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
