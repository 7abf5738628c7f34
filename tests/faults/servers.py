"""Servers that talk nonsense: bytes spoilt, answers cut off, pages of others, redirects to nowhere."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import huggingface_hub.constants
import pytest

from pipeline.common.errors import UserError
from pipeline.data.hub import hub_file, hub_list
from pipeline.data.sources import download
from tests.faults.harness import REFUSED, REPAIRED
from tests.hub_server import COMMIT, Break, HubServer, serve

SECONDS, CHARACTERS = 10, 2000


def spoilt(content: bytes, rng: Random) -> bytes:
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


def outcome(call: Callable[[], object]) -> str | None:
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


def an_answer(server: HubServer, rng: Random, content: bytes, name: str) -> None:
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


@contextmanager
def served(folder: Path) -> Iterator[tuple[HubServer, bytes]]:
    """Serve a repository of two files of the same bytes, without pauses between attempts."""
    content = Random(1).randbytes(20_000)
    repository = folder / "served" / "datasets" / "owner" / "name"
    repository.mkdir(parents=True)
    for name in ("a.parquet", "a.txt"):
        (repository / name).write_bytes(content)
    with pytest.MonkeyPatch.context() as patch, serve(folder / "served") as server:
        patch.setattr("time.sleep", lambda seconds: None)
        patch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(folder / "cache"))
        patch.setenv("HF_ENDPOINT", server.url)
        yield server, content


def try_nonsense(server: HubServer, content: bytes, rng: Random, work: Path) -> str:
    """Ask a server that spoils an answer for a listing and for a file, and say how it went: never other bytes."""
    server.faults.clear()
    server.answers.clear()
    name = rng.choice(("a.parquet", "a.txt"))
    work.mkdir()
    an_answer(server, rng, content, name)
    said = [
        outcome(lambda: hub_list("owner/name", COMMIT, "dataset")),
        outcome(lambda: hub_file("owner/name", COMMIT, "dataset", name, work)),
    ]
    assert (said[1] is not None) != (work / name).exists()
    assert said[1] is not None or (work / name).read_bytes() == content, "never other bytes"
    outcome(lambda: download(f"{server.url}/datasets/owner/name/resolve/{COMMIT}/a.parquet", work / "archive"))
    shutil.rmtree(work)
    return REFUSED if any(said) else REPAIRED
