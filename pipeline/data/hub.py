"""The Hugging Face hub: what lies in a repository at a commit, its files one by one, and what its library has in its cache.

Connection errors are retried inside the hub's library, server errors here (`pipeline.data.sources.retry`).
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pipeline.common.errors import UserError, one_line
from pipeline.data.sources import TRANSIENT, retry

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
        return [entry.path for entry in _api().list_repo_tree(repository, below, revision=revision, repo_type=kind)]

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
        return sorted(f"{entry.path}/" if isinstance(entry, RepoFolder) else entry.path for entry in there)

    return _hub(call, f"{repository}@{revision}/{below}")


def hub_file(repository: str, revision: str, kind: str, path: str, folder: Path) -> Path:
    """Download one file of a hub repository into `folder`, keeping its path; a file already complete there is kept.

    Raises:
        UserError: the file does not exist, access is refused, or the hub cannot be reached.
    """
    from huggingface_hub import hf_hub_download

    def call() -> str:
        return hf_hub_download(
            repository, path, repo_type=kind, revision=revision, local_dir=folder, endpoint=_endpoint()
        )

    return Path(_hub(call, f"{repository}@{revision}/{path}"))


def _endpoint() -> str | None:
    """The hub's address where `HF_ENDPOINT` says another one."""
    return os.environ.get("HF_ENDPOINT") or None


def _api() -> Any:
    from huggingface_hub import HfApi

    return HfApi(endpoint=_endpoint())


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
            raise UserError(f"{what}: {one_line(error)}{_advice(error)}") from None
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
