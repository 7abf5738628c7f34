"""What arrives over the network: kept as a part that outlives a failure, and held against what the server announced.

A file's digest is taken while it is written; of a part left by an earlier attempt it is taken before the rest is asked for.
"""

import base64
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from threading import Thread
from typing import TypeVar

T = TypeVar("T")

CHUNK = 1 << 18  # bytes
ANSWERED = 300.0  # seconds in which a short answer, as a listing, must have arrived whole
SLOW, LEAST = 60.0, 60 << 10  # seconds, and the bytes that must arrive in them

_SHA256 = re.compile("[0-9a-f]{64}")
_SHA1 = re.compile("[0-9a-f]{40}")
_DIGEST = re.compile(r"sha-256=:?([A-Za-z0-9+/]{43}=):?", re.IGNORECASE)


class Spoilt(ConnectionError):
    """What arrived is not what was announced: nothing of it can be used."""


@dataclass(frozen=True)
class Announced:
    """What a server says of a file before it sends it; `None` where it does not.

    Attributes:
        size: bytes of the whole file.
        sha256: hexadecimal.
        blob: git's id of it: the SHA-1 of its bytes behind `blob <size>` and a zero byte.
    """

    size: int | None = None
    sha256: str | None = None
    blob: str | None = None


def within(call: Callable[[], T], seconds: float | None = None) -> T:
    """Return what a call returns, if it does in time; a server that sends its answer byte by byte keeps no process for ever.

    Args:
        call: what asks a server; when it is late, its thread is left alone and ends with the process.
        seconds: that it may take, `ANSWERED` by default.

    Raises:
        TimeoutError: it takes longer.
    """
    most, answer = ANSWERED if seconds is None else seconds, Future[T]()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:
            answer.set_exception(error)

    Thread(target=run, daemon=True).start()
    try:
        return answer.result(most)
    except TimeoutError:
        if answer.done():
            raise  # the call's own
        raise TimeoutError(f"no whole answer in {most:.0f} s") from None


def by_tag(tag: str | None, size: int | None) -> Announced:
    """Return what the hub's tag of a file announces: the SHA-256 of a large file, git's id of another."""
    if tag and _SHA256.fullmatch(tag):
        return Announced(size, sha256=tag)
    return Announced(size, blob=tag) if tag and _SHA1.fullmatch(tag) else Announced(size)


def by_headers(headers: Message | Mapping[str, str], linked: str | None, size: int | None) -> Announced:
    """Return what the headers of any server announce of the whole file.

    Args:
        headers: of the response; `Repr-Digest` (RFC 9530) and `Digest` (RFC 3230) are known.
        linked: the hub's `X-Linked-Etag`, which came with a redirect.
        size: bytes of the whole file.
    """
    if linked:
        return by_tag(linked.removeprefix("W/").strip('"'), size)
    for name in ("Repr-Digest", "Digest"):
        if found := _DIGEST.search(str(headers.get(name) or "")):
            return Announced(size, sha256=base64.b64decode(found[1]).hex())
    return Announced(size)


def receive(chunks: Iterable[bytes], part: Path, have: int, told: Announced) -> str:
    """Append what arrives to a part, and compare the whole with what was announced.

    Args:
        chunks: bytes as they come.
        part: the file; what it holds beyond `have` is cut off.
        have: bytes of it that stay.
        told: what was announced.

    Returns:
        the SHA-256 of the whole, hexadecimal.

    Raises:
        ConnectionError: the connection closed too early; the part stays.
        TimeoutError: hardly anything arrives; the part stays.
        Spoilt: it is longer than was announced, or its digest is another; the part is deleted.
    """
    sha256 = hashlib.sha256()
    blob = hashlib.sha1(b"blob %d\0" % (told.size or 0), usedforsecurity=False)
    size, marked, since = have, have, time.monotonic()
    with open(part, "r+b" if have else "wb") as file:
        left = have
        while left and (kept := file.read(min(CHUNK, left))):
            sha256.update(kept)
            blob.update(kept)
            left -= len(kept)
        file.truncate()
        for chunk in chunks:
            file.write(chunk)
            sha256.update(chunk)
            blob.update(chunk)
            size += len(chunk)
            if told.size is not None and size > told.size:
                break
            if (now := time.monotonic()) - since > SLOW:
                if size - marked < LEAST:
                    raise TimeoutError(f"only {size - marked:,} bytes in {now - since:.0f} s")
                marked, since = size, now
    if told.size is not None and size < told.size:
        raise ConnectionError(f"connection closed after {size} of {told.size} bytes")
    if wrong := _differs(size, sha256.hexdigest(), blob.hexdigest(), told):
        part.unlink()
        raise Spoilt(wrong)
    return sha256.hexdigest()


def _differs(size: int, sha256: str, blob: str, told: Announced) -> str:
    """Say in what a file differs from what was announced; nothing where it does not."""
    if told.size is not None and size > told.size:
        return f"more than the {told.size:,} bytes that were announced arrived"
    if told.sha256 is not None and sha256 != told.sha256:
        return f"what arrived has sha256 {sha256}, and {told.sha256} was announced: it was spoilt on its way"
    if told.blob is not None and told.size is not None and blob != told.blob:
        return f"what arrived has git's id {blob}, and {told.blob} was announced: it was spoilt on its way"
    return ""
