import base64
import hashlib
import json
import socketserver
import threading
from contextlib import contextmanager

import huggingface_hub.constants
import pytest

from pipeline.common.errors import UserError
from pipeline.data import arrivals, sources
from pipeline.data.arrivals import Announced, Spoilt, by_headers, by_tag, receive
from pipeline.data.hub import hub_file, hub_list, hub_tree
from pipeline.data.sources import Source, download, obtain
from tests.hub_server import COMMIT, Break, Drip, serve

BODY = bytes(range(256)) * 40
SPOILT = BODY[:5000] + b"!" + BODY[5001:]  # of the same length
LARGE, SMALL = "qu/train.parquet", "qu/README.md"


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def blob(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


# ------------------------------------------------------------------------------------------------ what is held against what


@pytest.mark.parametrize("told", [Announced(sha256=sha256(BODY)), Announced(len(BODY), blob=blob(BODY)), Announced()])
@pytest.mark.parametrize("have", [0, 1, 7000])
def test_the_whole_is_compared_with_what_was_announced(tmp_path, told, have):
    part = tmp_path / "part"
    part.write_bytes(BODY[:have] + b"cut off")
    assert receive([BODY[have:9000], BODY[9000:]], part, have, told) == sha256(BODY)
    assert part.read_bytes() == BODY
    if told != Announced():
        part.write_bytes(SPOILT[:have])
        with pytest.raises(Spoilt, match=r"was announced: it was spoilt on its way"):
            receive([SPOILT[have:]], part, have, told)
        assert not part.exists()


def test_a_size_is_held_too(tmp_path):
    with pytest.raises(ConnectionError, match="closed after 10240 of 10241 bytes"):
        receive([BODY], tmp_path / "part", 0, Announced(len(BODY) + 1))
    assert (tmp_path / "part").read_bytes() == BODY, "to be resumed"
    with pytest.raises(Spoilt, match="more than the 100 bytes"):
        receive(iter([BODY[:50], BODY]), tmp_path / "part", 0, Announced(100))
    assert not (tmp_path / "part").exists()


def test_a_drip_is_given_up(tmp_path, monkeypatch):
    clock = iter(range(0, 10_000, 25))
    monkeypatch.setattr(arrivals.time, "monotonic", lambda: next(clock))
    with pytest.raises(TimeoutError, match="only 3 bytes in 75 s"):
        receive([b"x"] * 1000, tmp_path / "part", 0, Announced())
    assert (tmp_path / "part").exists()


def test_what_headers_announce():
    coded = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    assert by_headers({"Repr-Digest": f"sha-256=:{coded}:"}, None, 5) == Announced(5, sha256=sha256(BODY))
    assert by_headers({"Digest": f"SHA-256={coded}"}, None, None) == Announced(sha256=sha256(BODY))
    assert by_headers({}, f'"{sha256(BODY)}"', 5) == Announced(5, sha256=sha256(BODY))
    assert by_headers({"ETag": f'"{blob(BODY)}"'}, None, 5) == Announced(5), "an ETag of any server is no digest"
    assert by_tag(blob(BODY), 5) == Announced(5, blob=blob(BODY))
    assert by_tag("another", 5) == Announced(5)


# ------------------------------------------------------------------------------------------------------------------ the hub


@pytest.fixture
def server(tmp_path, monkeypatch):
    root = tmp_path / "served"
    (root / "datasets/owner/name/qu").mkdir(parents=True)
    for name in (LARGE, SMALL):
        (root / "datasets/owner/name" / name).write_bytes(BODY)
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the library pauses too
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with serve(root) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


def fetched(tmp_path, name):
    return hub_file("owner/name", COMMIT, "dataset", name, tmp_path / "work")


def left(folder):
    return {path.name for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", [LARGE, SMALL])
def test_one_wrong_bit_is_fetched_again_and_then_refused(server, tmp_path, name):
    file = server.folder / "datasets/owner/name" / name
    server.spoil(name, SPOILT, times=2)
    assert fetched(tmp_path, name).read_bytes() == BODY
    (tmp_path / "work" / name).unlink()
    server.spoil(name, SPOILT, times=99)
    with pytest.raises(UserError, match=rf"{name}: what arrived has .* was announced: it was spoilt on its way"):
        fetched(tmp_path, name)
    assert left(tmp_path / "work") <= {f"{file.name}.part.tag"}


def test_a_part_is_resumed_by_a_later_call_and_compared_as_a_whole(server, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "ATTEMPTS", 1)
    for kept in (BODY, SPOILT):
        server.fail("train.parquet", Break(6000))
        with pytest.raises(UserError, match=r"train.parquet: "):
            fetched(tmp_path, LARGE)
        part = tmp_path / "work" / f"{LARGE}.part"
        assert part.read_bytes() == BODY[:6000]
        part.write_bytes(kept[:6000])
        server.log.clear()
        if kept is BODY:
            assert fetched(tmp_path, LARGE).read_bytes() == BODY
            assert server.log[-1][2] == "bytes=6000-"
            (tmp_path / "work" / LARGE).unlink()
        else:
            with pytest.raises(UserError, match="was spoilt on its way"):
                fetched(tmp_path, LARGE)
            assert fetched(tmp_path, LARGE).read_bytes() == BODY, "from the first byte"


def test_a_listing_that_drips_is_given_up(server, monkeypatch):
    monkeypatch.setattr(arrivals, "ANSWERED", 0.3)
    server.fail(f"tree/{COMMIT}", Drip(0.05))
    with pytest.raises(UserError, match="no whole answer in"):
        hub_list("owner/name", COMMIT, "dataset")


def test_paths_that_lead_elsewhere_are_no_part_of_a_listing(server, tmp_path):
    entries = [{"type": "file", "path": path, "size": 1, "oid": "0" * 40} for path in ("../a", "/b", "c/../../d", "e")]
    server.answer_with("tree/" + COMMIT, json.dumps(entries).encode(), times=2)
    assert hub_list("owner/name", COMMIT, "dataset") == hub_tree("owner/name", COMMIT, "dataset") == ["e"]
    with pytest.raises(UserError, match="would be written outside its folder"):
        hub_file("owner/name", COMMIT, "dataset", "../escaped", tmp_path / "work")


PORTAL = b"<!DOCTYPE html><html><body>Please log in</body></html>"
NONSENSE = {
    "web page": (PORTAL, "not JSON, as the hub's is; it began '<!DOCTYPE html>.* ask for a login"),
    "nothing": (b"", "not JSON, as the hub's is; it was empty"),
    "other shape": (b'{"a": 1}', "not such as the hub's"),
    "numbers": (b"[1, 2]", "not such as the hub's"),
    "no text": (b'[{"type": "file", "path": 5, "size": 1, "oid": "0"}]', "not such as the hub's .TypeError: a path 5"),
    "no path": (b'[{"type": "file"}]', "not such as the hub's"),
    "deep": (b"[" * 100_000, "not such as the hub's .RecursionError"),
    "null": (b"null", "not such as the hub's"),
    "no UTF-8": (b"[\xff\xfe]", "not such as the hub's|not JSON"),
}


@pytest.mark.parametrize("kind", NONSENSE)
def test_an_answer_that_makes_no_sense_is_told_and_the_next_source_is_tried(server, tmp_path, kind):
    answer, says = NONSENSE[kind]
    server.answer_with("tree/" + COMMIT, answer, times=99)

    def ask(work):
        return {"train": [work / name for name in hub_list("owner/name", COMMIT, "dataset")]}

    def own(work):
        return {"train": [server.folder / "datasets/owner/name" / SMALL]}

    found = obtain([Source("hub", "owner/name", ask), Source("folder", "mine", own)], tmp_path / "w", lambda _: [], "x")
    ((_, _, reason),) = found.failures
    assert found.source.kind == "folder"
    with pytest.raises(UserError, match=says):
        ask(tmp_path)
    assert "\n" not in reason and len(reason) < 1000


@pytest.mark.parametrize(
    "where", ["http://[bad", "//", "http://127.0.0.1:99999/", "ftp://127.0.0.1/x", "file:///etc/passwd"]
)
@pytest.mark.parametrize("name", [LARGE, "tree/" + COMMIT])
def test_a_redirect_to_nowhere_is_told(server, tmp_path, where, name):
    server.answer_with(name, b"", 302, {"Location": where}, times=99)
    with pytest.raises(UserError, match="owner/name@0123") as told:
        fetched(tmp_path, LARGE) if name == LARGE else hub_list("owner/name", COMMIT, "dataset")
    assert len(str(told.value)) < 1000 and not (tmp_path / "work" / LARGE).exists()


def test_a_redirect_in_a_circle_is_told(server, tmp_path):
    here = f"{server.url}/api/datasets/owner/name/tree/{COMMIT}"
    server.answer_with("tree/" + COMMIT, b"", 302, {"Location": here}, times=99)
    with pytest.raises(UserError, match="redirect"):
        hub_list("owner/name", COMMIT, "dataset")
    server.answer_with("data.zip", b"", 302, {"Location": f"{server.url}/files/data.zip"}, times=99)
    with pytest.raises(UserError, match=r"answered 302 .*infinite loop"):
        download(f"{server.url}/files/data.zip", tmp_path / "data.zip")


@pytest.mark.parametrize("name", [LARGE, SMALL])
def test_a_web_page_in_the_place_of_a_file_is_told(server, tmp_path, name):
    server.answer_with(name, PORTAL, times=99)
    with pytest.raises(UserError, match="does not announce the file as the hub does: does the network ask for a login"):
        fetched(tmp_path, name)
    assert left(tmp_path / "work") == set()


# ------------------------------------------------------------------------------------------------------------- any server


def test_an_archive_is_held_against_what_its_server_announces(server, tmp_path):
    told = {"Repr-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(BODY).digest()).decode()}:"}
    server.answer_with("data.zip", SPOILT, headers=told, times=2)
    server.answer_with("data.zip", BODY, headers=told)
    download(f"{server.url}/files/data.zip", tmp_path / "data.zip")
    assert (tmp_path / "data.zip").read_bytes() == BODY
    server.answer_with("data2.zip", SPOILT, headers=told, times=99)
    with pytest.raises(UserError, match="spoilt on its way, 4 times; take another source"):
        download(f"{server.url}/files/data2.zip", tmp_path / "data2.zip")
    url = f"{server.url}/datasets/owner/name/resolve/{COMMIT}/{LARGE}"  # the hub's, by address
    server.spoil(LARGE, SPOILT, times=99)
    with pytest.raises(UserError, match=r"and [0-9a-f]{64} was announced"):
        download(url, tmp_path / "data3")
    assert left(tmp_path) & {"data2.zip", "data3", "data2.zip.part", "data3.part"} == set()


@contextmanager
def speaking(answer):
    """A server that answers every connection with these bytes, and closes it."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(4096)
            self.request.sendall(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as running:
        running.daemon_threads = True
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x16\x03\x01 TLS?",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
        b"HTTP/1.1 999 \r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000,
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://a\xffb..c/\r\n\r\n",
    ],
)
def test_what_speaks_no_http_is_told(tmp_path, monkeypatch, answer):
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the library pauses too
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with speaking(answer) as url:
        with pytest.raises(UserError) as told:
            download(f"{url}/a.zip", tmp_path / "a.zip")
        assert str(told.value).startswith(f"{url}/a.zip: ") and len(str(told.value)) < 1000
        monkeypatch.setenv("HF_ENDPOINT", url)
        with pytest.raises(UserError, match="owner/name@0123"):
            hub_list("owner/name", COMMIT, "dataset")
        with pytest.raises(UserError, match="owner/name@0123"):
            hub_file("owner/name", COMMIT, "dataset", LARGE, tmp_path / "work")
    assert not (tmp_path / "a.zip").exists() and not (tmp_path / "work" / LARGE).exists()


def test_a_length_that_is_no_number_is_none(tmp_path):
    with speaking(b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nwhole") as url:
        download(f"{url}/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"whole"
