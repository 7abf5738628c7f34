"""Where files come from: an ordered list of sources, tried until one gives files that pass their check.

The kinds are a mirror, the hub, an original archive and a folder the user supplies. Network faults are retried with
growing pauses, downloads resume, archives are unpacked without path escapes, and when every source fails the error says
what each one said.
"""

import errno
import gzip
import http.client
import lzma
import os
import random
import shutil
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import sha256_file

Files = dict[str, list[Path]]  # split → its files, in order
T = TypeVar("T")

KINDS = ("mirror", "hub", "archive", "folder")
ATTEMPTS = 4
PAUSE = 1.0  # seconds before the second attempt; doubles each time
TIMEOUT = 60.0  # seconds without a byte
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
CHUNK = 1 << 18  # bytes
PROPOSALS = 30  # pull requests of a repository that are looked at


class BrokenArchive(UserError):
    """A downloaded archive cannot be unpacked."""


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
        except UserError as error:
            reason = str(error).replace(f"{folder}{os.sep}", "")
            failures.append((source.kind, source.where, reason))
            print(f"{what}: {source.kind} ({source.where}): {reason}", file=sys.stderr)
    tried = "\n".join(f"  {kind} ({where}): {reason}" for kind, where, reason in failures)
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
            print(f"{what}: {_one_line(error)}; attempt {attempt + 1} of {ATTEMPTS} in {pause:.1f} s", file=sys.stderr)
            time.sleep(pause)
    raise AssertionError("unreachable")


def hub_list(repository: str, revision: str, kind: str, below: str | None = None) -> list[str]:
    """List the paths directly in a hub repository's folder `below` (the root if `None`), at a pinned revision.

    Args:
        repository: `owner/name`.
        revision: commit hash.
        kind: `"dataset"` or `"model"`.
        below: folder inside the repository.

    Raises:
        UserError: the repository, revision or folder does not exist, or the hub cannot be reached.
    """
    from huggingface_hub import HfApi

    def call() -> list[str]:
        api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
        return [entry.path for entry in api.list_repo_tree(repository, below, revision=revision, repo_type=kind)]

    return _hub(call, f"{repository}@{revision}/{below or ''}")


def hub_offline() -> bool:
    """Whether the hub's library is told to stay off the network (`HF_HUB_OFFLINE`)."""
    said = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return said.upper() in ("1", "ON", "YES", "TRUE")


def hub_cached(repository: str, revision: str, kind: str) -> Path | None:
    """Return where the hub library's own cache holds a repository at a commit (`hf download` fills it); `None`: it does not."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repository, repo_type=kind, revision=revision, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def hub_proposals(repository: str, kind: str) -> list[tuple[str, set[str]]]:
    """Return the commits of a repository's pull requests, newest first, with their files; at most `PROPOSALS` are looked at.

    What cannot be listed is left out: it is only advice.
    """
    from huggingface_hub import HfApi

    def call() -> list[tuple[str, str]]:
        api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
        refs = api.list_repo_refs(repository, repo_type=kind, include_pull_requests=True).pull_requests or []
        return [(ref.ref, ref.target_commit) for ref in refs]

    found = []
    try:
        numbered = sorted(_hub(call, repository), key=lambda ref: int(ref[0].rpartition("/")[2]), reverse=True)
        for _, commit in numbered[:PROPOSALS]:
            found.append((commit, set(hub_list(repository, commit, kind))))
    except (UserError, ValueError):
        pass
    return found


def hub_tree(repository: str, revision: str, kind: str, below: str = "", recursive: bool = False) -> list[str]:
    """List what lies in a hub repository's folder `below` (the root if empty): paths, those of folders with `/` at the end.

    Args:
        repository: `owner/name`.
        revision: commit hash.
        kind: `"dataset"` or `"model"`.
        below: folder inside the repository; where there is none, nothing is listed.
        recursive: whether what lies in its folders is listed too.

    Raises:
        UserError: the repository or revision does not exist, or the hub cannot be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import EntryNotFoundError
    from huggingface_hub.hf_api import RepoFolder

    def call() -> list[str]:
        api = HfApi(endpoint=os.environ.get("HF_ENDPOINT") or None)
        try:
            there = [
                *api.list_repo_tree(repository, below or None, recursive=recursive, revision=revision, repo_type=kind)
            ]
        except EntryNotFoundError:
            return []
        return sorted(f"{entry.path}/" if isinstance(entry, RepoFolder) else entry.path for entry in there)

    return _hub(call, f"{repository}@{revision}/{below}")


def hub_file(repository: str, revision: str, kind: str, path: str, folder: Path) -> Path:
    """Download one file of a hub repository into `folder`, keeping its path; a file already complete there is kept.

    Raises:
        UserError: the file does not exist, access is refused, or the hub cannot be reached.
    """
    from huggingface_hub import hf_hub_download

    def call() -> str:
        endpoint = os.environ.get("HF_ENDPOINT") or None
        return hf_hub_download(repository, path, repo_type=kind, revision=revision, local_dir=folder, endpoint=endpoint)

    return Path(_hub(call, f"{repository}@{revision}/{path}"))


def _hub(call: Callable[[], T], what: str) -> T:
    """Call the hub library; its connection errors are already retried inside it, server errors are retried here."""

    def transient(error: Exception) -> bool:
        return _status(error) in TRANSIENT or "Consistency check failed" in str(error)

    try:
        return retry(call, transient, what)
    except Exception as error:
        # The library raises errors of its HTTP client (httpx or httpx2, by version) beside its own.
        library = type(error).__module__.split(".")[0]
        inconsistent = library == "builtins" and isinstance(error, OSError) and error.errno is None
        if library in ("huggingface_hub", "httpx", "httpx2") or inconsistent:
            raise UserError(f"{what}: {_one_line(error)}{_advice(error)}") from None
        raise


def _advice(error: Exception) -> str:
    """What can be done about the hub's refusal; nothing where that is not known."""
    kind, status = type(error).__name__, _status(error)
    if kind == "GatedRepoError" or status in (401, 403):
        return ". It is private or gated: ask for access on its page, then set HF_TOKEN to a token of yours"
    if kind == "RepositoryNotFoundError":
        return ". There is none of that name that you may see: look for its spelling on the hub; a private one needs HF_TOKEN"
    if kind == "RevisionNotFoundError":
        return ". The repository has no such commit: take one that its page lists under Files, History"
    if status is None and "Connect" in kind:
        return ". Where there is no network, name a folder that holds the files: `mirror`"
    return ""


def _status(error: Exception) -> int | None:
    code = getattr(getattr(error, "response", None), "status_code", None)
    return code if isinstance(code, int) else None


def _one_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and "For more information" not in line]
    return " ".join(lines[:2]).rstrip(":.") or type(error).__name__


def download(url: str, path: Path, sha256: str | None = None) -> None:
    """Download `url` to `path`, resuming a part left by an earlier attempt if the server still has the same file.

    The part lies beside `path` as `<name>.part` with its validator in `<name>.part.tag`; a complete `path` is kept.

    Args:
        url: http or https address.
        path: the finished file.
        sha256: expected hash, checked when given.

    Raises:
        UserError: the address is wrong or refused, the network keeps failing, or the hash differs.
    """
    if not url.startswith(("http://", "https://")):
        raise UserError(f"{url}: expected an http:// or https:// address")
    if path.exists() and (sha256 is None or sha256_file(path) == sha256):
        return
    part, tag = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.tag")
    try:
        retry(lambda: _fetch_rest(url, part, tag), _is_network, url)
    except urllib.error.HTTPError as error:
        raise UserError(f"{url}: the server answered {error.code} {error.reason}") from None
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise UserError(
            f"{url}: {_one_line(error)} after {ATTEMPTS} attempts; the part is kept for next time"
        ) from None
    if sha256 is not None and (found := sha256_file(part)) != sha256:
        part.unlink()
        raise UserError(f"{url}: sha256 is {found}, expected {sha256}")
    part.replace(path)
    tag.unlink(missing_ok=True)


def _is_network(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code in TRANSIENT
    return isinstance(error, (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError))


def _fetch_rest(url: str, part: Path, tag: Path) -> None:
    """Append what is missing to `part`; `tag` holds the validator (ETag or date) its bytes came with."""
    have = part.stat().st_size if part.exists() and tag.exists() else 0
    headers = {"User-Agent": "metalingua", "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag.read_text(encoding="utf-8")}
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and error.headers.get("Content-Range") == f"bytes */{have}":
            return  # the part was already whole
        if error.code == 416:
            tag.unlink(missing_ok=True)
            raise ConnectionError("the file changed on the server; starting again") from None
        raise
    with response:
        have = have if response.status == 206 else 0
        _remember(response.headers, tag)
        length = response.headers.get("Content-Length")
        with open(part, "r+b" if have else "wb") as file:
            file.seek(have)
            file.truncate()
            shutil.copyfileobj(response, file, CHUNK)
        # http.client ends a short body quietly when read in chunks, so the length is checked here.
        if length is not None and part.stat().st_size != have + int(length):
            raise ConnectionError(f"connection closed after {part.stat().st_size} of {have + int(length)} bytes")


def _remember(headers: Any, tag: Path) -> None:
    """Keep the response's strong validator; without one the next attempt starts from the first byte."""
    validator = headers.get("ETag") or headers.get("Last-Modified")
    if validator and not validator.startswith("W/"):
        tag.write_text(validator, encoding="utf-8")
    else:
        tag.unlink(missing_ok=True)


def unpack_tar(archive: Path, folder: Path) -> list[Path]:
    """Unpack a tar archive (any compression) into `folder`, emptied first; return its files, sorted.

    Raises:
        BrokenArchive: not a tar archive, truncated, or a member that would land outside `folder` or is a device.
    """
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
    except tarfile.FilterError as error:
        raise BrokenArchive(f"{archive}: refused: {error}") from None
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise BrokenArchive(f"{archive}: not a whole tar archive (truncated?): {_one_line(error)}") from None
    return sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink())


def unpack(archive: Path, folder: Path) -> list[Path]:
    """Unpack a zip or tar archive, whatever it is called, into `folder`, emptied first; return its files, sorted.

    Raises:
        BrokenArchive: see `unpack_tar` and `unpack_zip`.
    """
    zipped = is_zip(archive) or (archive.suffix.lower() == ".zip" and not tarfile.is_tarfile(archive))
    return unpack_zip(archive, folder) if zipped else unpack_tar(archive, folder)


def is_zip(archive: Path) -> bool:
    """Say whether a file begins as zip archives do, truncated ones too."""
    with archive.open("rb") as file:
        return file.read(2) == b"PK"


def unpack_zip(archive: Path, folder: Path) -> list[Path]:
    """Unpack a zip archive into `folder`, emptied first; return its files, sorted. Links become files of their target's name.

    Raises:
        BrokenArchive: not a zip archive, truncated, encrypted, or a member that would land outside `folder` or on another one.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with zipfile.ZipFile(archive) as zipped:
            for member in zipped.infolist():
                _unpack_member(zipped, member, folder.resolve(), archive)
    except (
        zipfile.BadZipFile,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        ValueError,
        NotImplementedError,
        OSError,
    ) as error:
        if isinstance(error, OSError) and error.errno not in _IMPOSSIBLE:
            raise
        raise BrokenArchive(f"{archive}: not a whole zip archive (truncated?): {_one_line(error)}") from None
    return sorted(path for path in folder.rglob("*") if path.is_file())


# What odd names and offsets of members lead to, and broken bzip2 data (no number): the archive's fault, unlike a full disk.
_IMPOSSIBLE = (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL, None)


def _unpack_member(zipped: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path, archive: Path) -> None:
    name = member.filename.replace("\\", "/")  # as some programs for Windows write it
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise BrokenArchive(f"{archive}: refused: {member.filename!r} would be written outside its folder")
    if name.endswith("/"):
        return
    if member.flag_bits & 1:
        raise BrokenArchive(f"{archive}: {member.filename!r} is encrypted; unpack it yourself and use source folder")
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipped.open(member) as source, open(path, "wb") as target:
        shutil.copyfileobj(source, target, CHUNK)


def zip_member(archive: Path, name: str, path: Path) -> list[str]:
    """Copy the member of a zip archive whose last path part is `name` to `path`; return all members' last parts.

    Where there is no such member, `path` is not written.

    Raises:
        BrokenArchive: not a zip archive, or truncated.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = {Path(member).name: member for member in zipped.namelist() if not member.endswith("/")}
            if name in members:
                with zipped.open(members[name]) as source, open(path, "wb") as target:
                    shutil.copyfileobj(source, target, CHUNK)
    except (zipfile.BadZipFile, EOFError, zlib.error) as error:
        raise BrokenArchive(f"{archive}: not a whole zip archive (truncated?): {error}") from None
    return sorted(members)
