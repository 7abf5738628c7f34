"""Where files come from: an ordered list of sources, tried until one gives files that pass their check.

The kinds are a mirror, the hub, an original archive and a folder the user supplies. Network faults are retried with
growing pauses, downloads resume, archives are unpacked without path escapes, and when every source fails the error says
what each one said.
"""

import errno
import http.client
import os
import random
import shutil
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pipeline.common.errors import UserError, clipped, nearest, one_line
from pipeline.common.files import sha256_file
from pipeline.data.arrivals import CHUNK, Spoilt, by_headers, receive, within
from pipeline.data.network import check_reachable

Files = dict[str, list[Path]]  # split → its files, in order
T = TypeVar("T")

KINDS = ("mirror", "hub", "archive", "folder")
ATTEMPTS = 4
PAUSE = 1.0  # seconds before the second attempt; doubles each time
TIMEOUT = 60.0  # seconds without a byte
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
REASONS = 1200  # characters that an error takes of what all sources said
HTTP = ("http://", "https://")
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE)
"""What no other source mends: there is no place for its files."""


@dataclass(frozen=True)
class Source:
    """One place files may come from.

    Attributes:
        kind: one of `KINDS`.
        where: path, repository or URL, for messages and the manifest.
        fetch: given a folder it may fill, returns the files of each split, there or where they already lie.
    """

    kind: str
    where: str
    fetch: Callable[[Path], Files]


@dataclass(frozen=True)
class Obtained:
    """What a source gave.

    Attributes:
        source: the first source whose files passed.
        files: files of each split.
        notes: what the check had to say about them.
        failures: `(kind, where, reason)` of the sources tried before.
    """

    source: Source
    files: Files
    notes: list[str]
    failures: list[tuple[str, str, str]] = field(default_factory=list)


def obtain(sources: Sequence[Source], work: Path, check: Callable[[Files], list[str]], what: str) -> Obtained:
    """Take `what` from the first of `sources` whose files pass `check`.

    Args:
        sources: in the order they are tried.
        work: a folder sources may fill. Parts of downloads survive a failure, so that a later call resumes; files that
            fail the check do not.
        check: raises `UserError` when the files are not what is expected; returns notes.
        what: names the data in messages.

    Raises:
        UserError: no source worked; lists each with its reason.
    """
    failures: list[tuple[str, str, str]] = []
    for source in sources:
        folder = work / source.kind
        try:
            folder.mkdir(parents=True, exist_ok=True)
            files = source.fetch(folder)
            try:
                return Obtained(source, files, check(files), failures)
            except UserError:
                shutil.rmtree(folder)
                raise
        except (UserError, OSError) as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            reason = clipped(str(error).replace(f"{folder}{os.sep}", ""), REASONS)
            failures.append((source.kind, source.where, reason))
            print(f"{what}: {source.kind} ({source.where}): {reason}", file=sys.stderr)
    each = REASONS // max(len(failures), 1)
    tried = "\n".join(f"  {kind} ({clipped(where, each)}): {clipped(reason, each)}" for kind, where, reason in failures)
    advice = "Mend one of them, or put the files into a folder and name it: `folder: PATH` with `folder` in `sources`."
    raise UserError(f"{what}: no source worked\n{tried or '  (the list `sources` is empty)'}\n{advice}")


def in_order(order: Sequence[str], known: dict[str, Source]) -> list[Source]:
    """Return the sources named in `order`.

    Raises:
        UserError: a name is not a kind of source.
    """
    for kind in order:
        if kind not in known:
            raise UserError(f"sources: unknown source {kind!r}{nearest(kind, known)}")
    return [known[kind] for kind in order]


def no_such_language(language: str, available: Iterable[str]) -> UserError:
    """Return the error of a source without `language`, listing what it has and the nearest name."""
    names = sorted(set(available))
    if not names:
        return UserError(
            f"no files for language {language!r}, nor for any other; expected one of the documented layouts"
        )
    hint = nearest(language, names)
    listed = "" if hint.startswith("; valid") else f"; available: {', '.join(names)}"
    return UserError(f"no files for language {language!r}{hint}{listed}")


def retry(call: Callable[[], T], transient: Callable[[Exception], bool], what: str) -> T:
    """Call until it succeeds, at most `ATTEMPTS` times, pausing 1, 2, 4 … seconds (± half) between attempts.

    Only errors that `transient` accepts are tried again; the last one, or any other, is raised.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return call()
        except Exception as error:
            if attempt == ATTEMPTS or not transient(error):
                raise
            pause = PAUSE * 2 ** (attempt - 1) * random.uniform(0.5, 1.5)
            print(f"{what}: {one_line(error)}; attempt {attempt + 1} of {ATTEMPTS} in {pause:.1f} s", file=sys.stderr)
            time.sleep(pause)
    raise AssertionError("unreachable")


def download(url: str, path: Path, sha256: str | None = None) -> None:
    """Download `url` to `path`, resuming a part left by an earlier attempt if the server still has the same file.

    The part lies beside `path` as `<name>.part` with its validator in `<name>.part.tag`; a complete `path` is kept.

    Args:
        url: http or https address.
        path: the finished file.
        sha256: expected hash, checked when given.

    Raises:
        UserError: the address is wrong or refused, the network keeps failing or answers what is no HTTP, what arrives is not
            what the server announces, or the hash differs.
    """
    if not url.startswith(HTTP):
        raise UserError(f"{url}: expected an http:// or https:// address")
    if path.exists() and (sha256 is None or sha256_file(path) == sha256):
        return
    part, tag = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.tag")
    try:
        check_reachable(url)
    except UserError as error:
        raise UserError(f"{url}: {error}") from None
    try:
        found = retry(lambda: _fetch_rest(url, part, tag), is_network, url)
    except urllib.error.HTTPError as error:
        raise UserError(f"{url}: the server answered {error.code} {one_line(Exception(error.reason))}") from None
    except Spoilt as error:
        raise UserError(f"{url}: {error}, {ATTEMPTS} times; take another source, or ask who runs the network") from None
    except OSError as error:
        if not is_network(error):
            raise
        raise UserError(f"{url}: {one_line(error)} after {ATTEMPTS} attempts; the part is kept for next time") from None
    except (http.client.HTTPException, ValueError) as error:
        said = f"{type(error).__name__}: {one_line(error)}"
        raise UserError(f"{url}: what answers there speaks no HTTP, or not to its end ({said})") from None
    if sha256 is not None and found != sha256:
        part.unlink()
        raise UserError(f"{url}: sha256 is {found}, expected {sha256}")
    part.replace(path)
    tag.unlink(missing_ok=True)


def is_network(error: Exception) -> bool:
    """Whether an error is the network's, of which another attempt may be free."""
    if isinstance(error, urllib.error.HTTPError):
        return error.code in TRANSIENT
    return isinstance(error, (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError))


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https alone, and keeps what the hub announces with one."""

    linked: str | None = None

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if not newurl.startswith(HTTP):
            raise urllib.error.HTTPError(newurl, code, f"a redirect to {newurl[:200]!r}, no http address", headers, fp)
        self.linked = headers.get("X-Linked-Etag") or self.linked
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _fetch_rest(url: str, part: Path, tag: Path) -> str:
    """Append what is missing to `part`, return its SHA-256; `tag` holds the validator (ETag or date) its bytes came with."""
    validator = tag.read_text(encoding="utf-8", errors="replace") if tag.exists() else ""
    have = part.stat().st_size if part.exists() and validator.isascii() and validator.isprintable() and validator else 0
    headers = {"User-Agent": "metalingua", "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    redirects = _Redirects()
    try:
        request = urllib.request.Request(url, headers=headers)
        response = within(lambda: urllib.request.build_opener(redirects).open(request, timeout=TIMEOUT))
    except urllib.error.HTTPError as error:
        if error.code == 416 and error.headers.get("Content-Range") == f"bytes */{have}":  # the part was already whole
            return receive((), part, have, by_headers(error.headers, redirects.linked, have))
        if error.code == 416:
            tag.unlink(missing_ok=True)
            raise ConnectionError("the file changed on the server; starting again") from None
        raise
    with response:
        have = have if response.status == 206 else 0
        _remember(response.headers, tag)
        # http.client ends a short body quietly when read in chunks, so the length is checked where it arrives.
        size = None if response.length is None else have + response.length
        chunks = iter(lambda: response.read1(CHUNK), b"")
        return receive(chunks, part, have, by_headers(response.headers, redirects.linked, size))


def _remember(headers: Any, tag: Path) -> None:
    """Keep the response's strong validator; without one the next attempt starts from the first byte."""
    validator = headers.get("ETag") or headers.get("Last-Modified")
    if validator and not validator.startswith("W/"):
        tag.write_text(validator, encoding="utf-8")
    else:
        tag.unlink(missing_ok=True)
