"""The Hugging Face hub: what lies in a repository at a commit, its files one by one, and what its library has in its cache.

Its library asks and understands the answers; what arrives of a file is counted, hashed and resumed here (`arrivals`).
"""

import json
import os
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pipeline.common.errors import UserError, one_line
from pipeline.data.arrivals import CHUNK, Announced, by_tag, receive, within
from pipeline.data.network import check_reachable
from pipeline.data.sources import TIMEOUT, TRANSIENT, retry

T = TypeVar("T")

PROPOSALS = 30  # pull requests of a repository that are looked at


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

    def call() -> list[str]:
        there = _api().list_repo_tree(repository, below, revision=revision, repo_type=kind)
        return [path for path in map(_path, there) if _is_inside(path)]

    return _hub(call, f"{repository}@{revision}/{below or ''}")


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

    def call() -> list[tuple[str, str]]:
        refs = _api().list_repo_refs(repository, repo_type=kind, include_pull_requests=True).pull_requests or []
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
    from huggingface_hub.errors import EntryNotFoundError
    from huggingface_hub.hf_api import RepoFolder

    def call() -> list[str]:
        where = {"revision": revision, "repo_type": kind}
        try:
            there = [*_api().list_repo_tree(repository, below or None, recursive=recursive, **where)]
        except EntryNotFoundError:
            return []
        paths = [f"{_path(entry)}/" if isinstance(entry, RepoFolder) else _path(entry) for entry in there]
        return sorted(path for path in paths if _is_inside(path))

    return _hub(call, f"{repository}@{revision}/{below}")


def hub_file(repository: str, revision: str, kind: str, path: str, folder: Path) -> Path:
    """Download one file of a hub repository into `folder`, keeping its path; a file already complete there is kept.

    What arrives is held against the digest that the hub announces: the SHA-256 of a large file, git's id of another. The part
    that an earlier call left is resumed.

    Raises:
        UserError: the file does not exist, access is refused, the hub cannot be reached, what answers is not the hub, or what
            arrives is not what it announces.
    """
    what, file = f"{repository}@{revision}/{path}", folder / path
    if not _is_inside(path):
        raise UserError(f"{what}: it would be written outside its folder")
    if not file.is_file():
        file.parent.mkdir(parents=True, exist_ok=True)
        _hub(lambda: _fetch(repository, revision, kind, path, file), what, resumes=True)
    return file


def _fetch(repository: str, revision: str, kind: str, path: str, file: Path) -> None:
    """Fetch one file, from the hub library's own cache where it has it; the part lies beside it until it is whole."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url, try_to_load_from_cache

    url = hf_hub_url(repository, path, repo_type=kind, revision=revision, endpoint=_endpoint())
    found = within(lambda: get_hf_file_metadata(url))
    if found.commit_hash is None or found.etag is None or found.size is None:
        raise Stranger("what answers does not announce the file as the hub does: does the network ask for a login?")
    told = by_tag(found.etag, found.size)
    part, tag = file.with_name(f"{file.name}.part"), file.with_name(f"{file.name}.part.tag")
    cached = try_to_load_from_cache(repository, path, revision=found.commit_hash, repo_type=kind)
    if isinstance(cached, str):
        with suppress(OSError), open(cached, "rb") as copy:  # spoilt or gone: it is fetched
            receive(iter(lambda: copy.read(CHUNK), b""), part, 0, told)
            part.replace(file)
            tag.unlink(missing_ok=True)
            return
    have = part.stat().st_size if part.exists() and tag.exists() and tag.read_bytes() == found.etag.encode() else 0
    tag.write_text(found.etag, encoding="utf-8")
    if have < found.size:
        _fetch_rest(url, found.location, part, have, told)
    else:  # whole but for its name, or not what it is taken for
        receive((), part, have, told)
    part.replace(file)
    tag.unlink()


def _fetch_rest(url: str, place: str, part: Path, have: int, told: Announced) -> None:
    """Append what is missing of a file to its part.

    Args:
        url: the hub's address of the file.
        place: where its content lies: elsewhere the token is not shown.
        part: the part.
        have: its bytes that are right.
        told: what the hub announced.
    """
    utils: Any = import_module("huggingface_hub.utils")  # which does not say that it exports these

    headers = {**utils.build_hf_headers(), "Accept-Encoding": "identity"}
    if urlsplit(place).netloc != urlsplit(url).netloc:
        headers.pop("authorization", None)
    if have:
        headers["Range"] = f"bytes={have}-"
    client = utils.get_session()  # the library's, with its proxies and certificates
    with client.stream("GET", place, headers=headers, timeout=TIMEOUT) as response:
        utils.hf_raise_for_status(response)
        receive(response.iter_bytes(), part, have if response.status_code == 206 else 0, told)


def _path(entry: Any) -> str:
    if not isinstance(entry.path, str):
        raise TypeError(f"a path {entry.path!r}, expected text")
    return entry.path


def _is_inside(path: str) -> bool:
    """Whether a path of a listing leads to a place below its folder."""
    return "\0" not in path and not path.startswith("/") and ".." not in path.split("/") and path not in ("", ".")


def _endpoint() -> str | None:
    """The hub's address where `HF_ENDPOINT` says another one."""
    return os.environ.get("HF_ENDPOINT") or None


def _api() -> Any:
    from huggingface_hub import HfApi, get_session

    get_session().timeout = TIMEOUT  # the library's own waits for ever
    return HfApi(endpoint=_endpoint())


class Stranger(Exception):
    """What answers is not the hub."""


def _hub(call: Callable[[], T], what: str, resumes: bool = False) -> T:
    """Call the hub library; servers in trouble are tried again, and connections that break where `resumes` is said: else it does.

    Raises:
        UserError: it failed, in whatever way: what a stranger answers in the hub's place leads to errors of many kinds.
    """

    def transient(error: Exception) -> bool:
        connection = isinstance(error, ConnectionError | TimeoutError) or bool(_of_client(error) & CONNECTION)
        return _status(error) in TRANSIENT or (resumes and connection)

    from huggingface_hub import constants

    try:
        check_reachable(_endpoint() or constants.ENDPOINT)
    except UserError as error:
        raise UserError(f"{what}: {error}") from None
    try:
        return retry(call if resumes else lambda: within(call), transient, what)
    except UserError:
        raise
    except Exception as error:
        network = isinstance(error, ConnectionError | TimeoutError) or _is_library(error)
        if isinstance(error, OSError) and error.errno is not None and not network:
            raise  # the disk's
        raise UserError(f"{what}: {_said(error)}{_advice(error)}") from None


CLIENT = ("httpx", "httpx2")
"""The library's HTTP client, by version."""

CONNECTION = {"TransportError", "ConnectError", "TimeoutException", "NetworkError", "RemoteProtocolError"}
"""Kinds of errors of `CLIENT` that another attempt may be free of."""


def _of_client(error: Exception) -> set[str]:
    """The names of an error's kinds, where it is of the HTTP client."""
    return {kind.__name__ for kind in type(error).__mro__} if _package(error) in CLIENT else set()


def _is_library(error: Exception) -> bool:
    return _package(error) in ("huggingface_hub", *CLIENT)


def _package(error: Exception) -> str:
    return type(error).__module__.split(".")[0]


def _said(error: Exception) -> str:
    """What went wrong, and where it was no answer of the hub's, what came in its place."""
    if isinstance(error, json.JSONDecodeError):
        came = f"it began {error.doc.strip()[:60]!r}" if error.doc.strip() else "it was empty"
        return f"the answer is not JSON, as the hub's is; {came}. Does the network ask for a login?"
    if _is_library(error) or isinstance(error, Stranger | ConnectionError | TimeoutError):
        return one_line(error)
    return f"the answer is not such as the hub's ({type(error).__name__}: {one_line(error)})"


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
