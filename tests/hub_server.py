"""A local server that speaks the hub's protocol over a folder of files, with faults on demand.

The folder holds `models/<owner>/<name>/…` and `datasets/<owner>/<name>/…`; every repository has one commit, `COMMIT`,
also reachable as `main`; its folder `.pulls/<commit>/` holds the files of an open pull request at that commit. Small files
answer directly; `.parquet`, `.safetensors` and `.bin` redirect to a content address on another host, as large files do on the
hub. Anything in the folder is also served plainly under `/files/…`.
`server.fail(...)` scripts faults; `server.log` records every request.

    with serve(folder) as server:
        os.environ["HF_ENDPOINT"] = server.url
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LARGE = (".parquet", ".safetensors", ".bin")


@dataclass(frozen=True)
class Break:
    """Send only the first `after` bytes of the body, then close the connection."""

    after: int


@dataclass(frozen=True)
class Drip:
    """Send a byte of the body each so many seconds, until the client has gone."""

    seconds: float


@dataclass
class Answer:
    """What some requests get in the place of the right answer; without a status, its body alone."""

    ending: str
    times: int
    body: bytes
    status: int | None
    headers: dict[str, str]


@dataclass
class HubServer:
    """Handle on a running server: its address, its scripted faults and its request log."""

    url: str
    folder: Path
    repository_folder: Path = Path()  # of the one repository of a test that has one
    faults: list[tuple[str, str, int | Break | Drip]] = field(default_factory=list)
    log: list[tuple[str, str, str | None]] = field(default_factory=list)  # (method, path, Range header)
    lock: threading.Lock = field(default_factory=threading.Lock)
    answers: list["Answer"] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def answer_with(
        self, ending: str, body: bytes, status: int = 200, headers: dict[str, str] | None = None, times: int = 1
    ) -> None:
        """The next `times` requests whose path ends with `ending` get this answer, whatever would be right."""
        self.answers.append(Answer(ending, times, body, status, headers or {}))

    def spoil(self, ending: str, body: bytes, times: int = 1) -> None:
        """The next `times` bodies of a file are these bytes, with the headers of the right ones."""
        self.answers.append(Answer(ending, times, body, None, {}))

    def take_answer(self, path: str, spoils: bool) -> "Answer | None":
        with self.lock:
            for answer in self.answers:
                if path.endswith(answer.ending) and answer.times and (answer.status is None) == spoils:
                    answer.times -= 1
                    return answer
        return None

    def fail(self, ending: str, *faults: int | Break | Drip, method: str = "GET") -> None:
        """The next requests whose path (without query) ends with `ending` meet these faults, one each, in order."""
        self.faults += [(method, ending, fault) for fault in faults]

    def take_fault(self, method: str, path: str) -> int | Break | Drip | None:
        with self.lock:
            for i, (verb, ending, fault) in enumerate(self.faults):
                if verb == method and path.endswith(ending):
                    del self.faults[i]
                    return fault
        return None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer()

    def do_GET(self) -> None:
        self.answer()

    def answer(self) -> None:
        parts = urlsplit(self.path)
        path, query = unquote(parts.path), parse_qs(parts.query)
        self.hub.log.append((self.command, path, self.headers.get("Range")))
        fault = self.hub.take_fault(self.command, path)
        if isinstance(fault, int):
            return self.send(fault, b"fault on demand")
        if isinstance(fault, Drip):
            return self.drip(fault.seconds)
        if (given := self.hub.take_answer(path, spoils=False)) is not None:
            return self.send(given.status or 200, given.body, given.headers)
        words = path.strip("/").split("/")
        if words[0] == "api" and words[1] in ("models", "datasets"):
            return self.api(words[1], words[2:], query)
        if words[0] == "files":  # plain download, for archives by URL
            return self.body(self.hub.folder / "/".join(words[1:]), fault, {})
        if words[0] == "content":
            return self.body(self.hub.folder / "/".join(words[2:]), fault, {})
        kind = "datasets" if words[0] == "datasets" else "models"
        return self.resolve(kind, words[1:] if kind == "datasets" else words, fault)

    def repository(self, kind: str, words: list[str]) -> Path | None:
        folder = self.hub.folder / kind / "/".join(words[:2])
        if len(words) < 2 or not folder.is_dir():
            self.send(404, b"{}", {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
            return None
        return folder

    def revision(self, name: str) -> bool:
        if name in (COMMIT, "main"):
            return True
        self.send(404, b"{}", {"X-Error-Code": "RevisionNotFound", "X-Error-Message": f"Invalid rev id: {name}"})
        return False

    def api(self, kind: str, words: list[str], query: dict[str, list[str]]) -> None:
        folder = self.repository(kind, words)
        what = words[2] if len(words) > 2 else "revision"
        if folder is None:
            return
        if what == "refs":
            return self.send_json(_refs(folder))
        if len(words) > 3 and (folder / ".pulls" / words[3]).is_dir():
            folder = folder / ".pulls" / words[3]
        elif not self.revision(words[3] if len(words) > 3 else "main"):
            return
        if what == "revision":
            names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
            siblings = [{"rfilename": name} for name in names]
            return self.send_json({"id": "/".join(words[:2]), "sha": COMMIT, "siblings": siblings, "tags": []})
        below = folder / "/".join(words[4:])
        if what != "tree" or not below.is_dir():
            return self.send(404, b"{}", {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found"})
        recursive = query.get("recursive", ["false"])[0].lower() in ("true", "1")
        found = sorted(p for p in (below.rglob("*") if recursive else below.iterdir()) if p.name != ".pulls")
        return self.send_json([_entry(p, folder) for p in found])

    def resolve(self, kind: str, words: list[str], fault: int | Break | Drip | None) -> None:
        folder = self.repository(kind, words)
        if folder is not None and (folder / ".pulls" / words[3]).is_dir():
            folder = folder / ".pulls" / words[3]
        elif folder is None or not self.revision(words[3]):
            return None
        file = folder / "/".join(words[4:])
        if words[2] != "resolve" or not file.is_file():
            return self.send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        content = file.read_bytes()
        if not file.name.endswith(LARGE):
            return self.body(file, fault, {"X-Repo-Commit": COMMIT, "ETag": f'"{_blob(content)}"'})
        digest = hashlib.sha256(content).hexdigest()
        headers = {"X-Repo-Commit": COMMIT, "X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        host = self.hub.url.replace("127.0.0.1", "localhost")  # another name: the client does not look behind it
        headers["Location"] = f"{host}/content/{digest}/{file.relative_to(self.hub.folder).as_posix()}"
        return self.send(302, b"", headers)

    def body(self, file: Path, fault: int | Break | Drip | None, headers: dict[str, str]) -> None:
        if not file.is_file():
            return self.send(404, b"not found")
        content = file.read_bytes()
        headers = {"ETag": f'"{_blob(content)}"', "Accept-Ranges": "bytes"} | headers
        if self.command == "GET" and (given := self.hub.take_answer(file.as_posix(), spoils=True)) is not None:
            content = given.body
        status, wanted = 200, self.headers.get("Range")
        if wanted and self.headers.get("If-Range", headers["ETag"]) == headers["ETag"]:
            first = int(wanted.removeprefix("bytes=").split("-")[0])
            if first >= len(content):
                return self.send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
            status, content = 206, content[first:]
        return self.send(status, content, headers, fault.after if isinstance(fault, Break) else None)

    def drip(self, seconds: float) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):
            while not self.hub.closed.wait(seconds):
                self.wfile.write(b" ")

    def send_json(self, value: Any) -> None:
        self.send(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    def send(self, status: int, body: bytes, headers: dict[str, str] | None = None, cut: int | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.close_connection = True


def _refs(folder: Path) -> dict[str, Any]:
    pulls = sorted(path.name for path in (folder / ".pulls").glob("*"))
    opened = [{"name": str(n), "ref": f"refs/pr/{n}", "targetCommit": commit} for n, commit in enumerate(pulls, 1)]
    main = [{"name": "main", "ref": "refs/heads/main", "targetCommit": COMMIT}]
    return {"branches": main, "converts": [], "tags": [], "pullRequests": opened}


def _blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _entry(path: Path, folder: Path) -> dict[str, Any]:
    name = path.relative_to(folder).as_posix()
    if path.is_dir():
        return {"type": "directory", "path": name, "oid": _blob(name.encode()), "size": 0}
    content = path.read_bytes()
    entry: dict[str, Any] = {"type": "file", "path": name, "oid": _blob(content), "size": len(content)}
    if path.name.endswith(LARGE):
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    return entry


@contextmanager
def serve(folder: Path) -> Iterator[HubServer]:
    """Serve `folder` on a free port of 127.0.0.1 until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    hub = HubServer(url=f"http://127.0.0.1:{server.server_address[1]}", folder=folder)
    server.RequestHandlerClass = type("Handler", (_Handler,), {"hub": hub})
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.closed.set()
        server.shutdown()
        server.server_close()
        thread.join()
