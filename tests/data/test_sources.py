import socket

import pytest

from pipeline.common.errors import UserError
from pipeline.data import sources
from pipeline.data.hub import hub_file, hub_list
from pipeline.data.sources import (
    Source,
    download,
    in_order,
    obtain,
    retry,
)
from tests.hub_server import COMMIT, Break, serve

BODY = bytes(range(256)) * 400  # 100 kB, no two neighbouring pages alike


@pytest.fixture
def pauses(monkeypatch):
    """Sleep no more than asked for by the test; collect the pauses."""
    taken = []
    monkeypatch.setattr(sources.time, "sleep", taken.append)
    return taken


@pytest.fixture
def server(tmp_path, monkeypatch):
    root = tmp_path / "served"
    repository = root / "datasets" / "owner" / "name" / "qu"
    repository.mkdir(parents=True)
    (repository / "train-00000-of-00001.parquet").write_bytes(BODY)
    (repository.parent / "README.md").write_text("card")
    (root / "archive.tar.gz").write_bytes(BODY)
    with serve(root) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


def refusing(reason):
    def fetch(work):
        raise UserError(reason)

    return fetch


def giving(work):
    (work / "file").write_text("x")
    return {"train": [work / "file"]}


# ------------------------------------------------------------------------------------------------------- order of sources


def test_the_first_source_that_passes_is_taken_and_the_failures_are_kept(tmp_path, capsys):
    tried = [
        Source("mirror", "/m", refusing("no such folder")),
        Source("hub", "o/n", giving),
        Source("folder", "/f", giving),
    ]
    found = obtain(tried, tmp_path, lambda files: ["unchecked"], "wikiann qu")
    assert found.source.kind == "hub" and found.notes == ["unchecked"]
    assert found.failures == [("mirror", "/m", "no such folder")]
    assert "wikiann qu: mirror (/m): no such folder" in capsys.readouterr().err


def test_files_that_fail_the_check_fall_back_and_are_not_kept(tmp_path):
    def check(files):
        if files["train"][0].parent.name == "mirror":
            raise UserError(f"{files['train'][0]}: wrong")
        return []

    found = obtain([Source("mirror", "/m", giving), Source("hub", "o/n", giving)], tmp_path, check, "x")
    assert found.source.kind == "hub"
    assert found.failures == [("mirror", "/m", "file: wrong")]  # without the temporary folder's path
    assert not (tmp_path / "mirror").exists()


def test_when_all_fail_the_error_says_why_for_each(tmp_path):
    tried = [Source("mirror", "/m", refusing("no such folder")), Source("hub", "o/n", refusing("answered 404"))]
    with pytest.raises(UserError) as error:
        obtain(tried, tmp_path, lambda files: [], "wikiann qu")
    assert str(error.value).split("\n")[:3] == [
        "wikiann qu: no source worked",
        "  mirror (/m): no such folder",
        "  hub (o/n): answered 404",
    ]
    assert "folder: PATH" in str(error.value)


def test_an_unknown_kind_of_source_is_refused():
    with pytest.raises(UserError, match=r"sources: unknown source 'miror'; did you mean 'mirror'"):
        in_order(["miror"], dict.fromkeys(sources.KINDS, Source("x", "y", giving)))


# ---------------------------------------------------------------------------------------------------------------- retries


def test_retries_pause_longer_each_time_and_then_give_up(pauses):
    def call():
        raise ConnectionError("reset")

    with pytest.raises(ConnectionError):
        retry(call, lambda error: True, "x")
    assert len(pauses) == sources.ATTEMPTS - 1
    for k, pause in enumerate(pauses):
        assert 0.5 * 2**k <= pause <= 1.5 * 2**k


def test_what_is_not_transient_is_not_tried_again(pauses):
    with pytest.raises(ConnectionError):
        retry(lambda: (_ for _ in ()).throw(ConnectionError("x")), lambda error: False, "x")
    assert pauses == []


# --------------------------------------------------------------------------------------------------------------- archives


def test_download_from_the_first_byte(server, tmp_path, pauses):
    download(f"{server.url}/files/archive.tar.gz", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == BODY
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "served"]
    assert pauses == []


def test_a_broken_connection_is_resumed_where_it_broke(server, tmp_path, pauses):
    server.fail("archive.tar.gz", Break(30_000), Break(20_000))
    download(f"{server.url}/files/archive.tar.gz", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == BODY
    assert [asked for _, _, asked in server.log] == [None, "bytes=30000-", "bytes=50000-"]


def test_a_part_is_resumed_by_a_later_call(server, tmp_path, pauses, monkeypatch):
    monkeypatch.setattr(sources, "ATTEMPTS", 1)
    server.fail("archive.tar.gz", Break(30_000))
    with pytest.raises(UserError, match=r"connection closed after 30000 of 102400 bytes .*the part is kept"):
        download(f"{server.url}/files/archive.tar.gz", tmp_path / "a")
    assert not (tmp_path / "a").exists() and (tmp_path / "a.part").stat().st_size == 30_000
    download(f"{server.url}/files/archive.tar.gz", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == BODY
    assert server.log[-1][2] == "bytes=30000-"


def test_a_part_of_a_file_that_changed_is_thrown_away(server, tmp_path, pauses):
    (tmp_path / "a.part").write_bytes(b"old" * 100)
    (tmp_path / "a.part.tag").write_text('"of the old file"')
    download(f"{server.url}/files/archive.tar.gz", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == BODY


def test_a_part_longer_than_the_file_is_thrown_away(server, tmp_path, pauses):
    download(f"{server.url}/files/archive.tar.gz", tmp_path / "a")
    (tmp_path / "a").replace(tmp_path / "a.part")
    tag = server.folder / "archive.tar.gz"
    with open(tmp_path / "a.part", "ab") as part:
        part.write(b"beyond")
    from tests.hub_server import _blob

    (tmp_path / "a.part.tag").write_text(f'"{_blob(tag.read_bytes())}"')
    download(f"{server.url}/files/archive.tar.gz", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == BODY


def test_a_server_in_trouble_is_asked_again(server, tmp_path, pauses):
    server.fail("archive.tar.gz", 503, 429)
    download(f"{server.url}/files/archive.tar.gz", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == BODY and len(pauses) == 2


@pytest.mark.parametrize("status", [404, 401, 403])
def test_a_refusal_is_final(server, tmp_path, pauses, status):
    server.fail("archive.tar.gz", status)
    with pytest.raises(UserError, match=f"archive.tar.gz: the server answered {status}"):
        download(f"{server.url}/files/archive.tar.gz", tmp_path / "a")
    assert pauses == [] and len(server.log) == 1


def test_nobody_there(tmp_path, pauses):
    with socket.socket() as bound:  # bound, not listening: nobody else can take the port
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(UserError, match=r"refused.* after 4 attempts"):
            download(f"http://127.0.0.1:{bound.getsockname()[1]}/a", tmp_path / "a")


def test_the_hash_is_checked_and_a_wrong_file_not_kept(server, tmp_path, pauses):
    with pytest.raises(UserError, match=r"sha256 is [0-9a-f]{64}, expected 00ff"):
        download(f"{server.url}/files/archive.tar.gz", tmp_path / "a", "00ff")
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith("a") and p.suffix != ".tag"] == []


def test_other_schemes_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"file:///etc/passwd: expected an http"):
        download("file:///etc/passwd", tmp_path / "a")


# -------------------------------------------------------------------------------------------------------------------- hub

TRAIN = "qu/train-00000-of-00001.parquet"


def test_the_hub_is_listed_and_a_file_fetched(server, tmp_path):
    assert sorted(hub_list("owner/name", COMMIT, "dataset")) == ["README.md", "qu"]
    assert hub_list("owner/name", COMMIT, "dataset", "qu") == [TRAIN]
    path = hub_file("owner/name", COMMIT, "dataset", TRAIN, tmp_path / "work")
    assert path == tmp_path / "work" / TRAIN and path.read_bytes() == BODY


def test_a_complete_hub_file_is_not_fetched_again(server, tmp_path):
    hub_file("owner/name", COMMIT, "dataset", TRAIN, tmp_path / "work")
    before = len(server.log)
    hub_file("owner/name", COMMIT, "dataset", TRAIN, tmp_path / "work")
    assert len(server.log) == before


def test_a_broken_hub_connection_is_resumed(server, tmp_path, monkeypatch, pauses):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 1000)
    server.fail("00001.parquet", Break(40_000))
    path = hub_file("owner/name", COMMIT, "dataset", TRAIN, tmp_path / "work")
    assert path.read_bytes() == BODY
    assert server.log[-1][2] == "bytes=40000-"


def test_a_hub_in_trouble_is_asked_again(server, tmp_path, pauses):
    server.fail("00001.parquet", 503, 500)
    assert hub_file("owner/name", COMMIT, "dataset", TRAIN, tmp_path / "work").read_bytes() == BODY


@pytest.mark.parametrize(
    ("repository", "revision", "path", "says"),
    [
        ("owner/name", COMMIT, "qu/gone.parquet", r"owner/name@0123.*/qu/gone.parquet: .*Entry Not Found"),
        ("owner/other", COMMIT, TRAIN, r"owner/other@0123.*Repository Not Found"),
        ("owner/name", "f" * 40, TRAIN, r"owner/name@ffff.*Revision Not Found"),
        ("not a name", COMMIT, TRAIN, r"not a name@"),
    ],
)
def test_what_the_hub_does_not_have_is_said_at_once(server, tmp_path, pauses, repository, revision, path, says):
    with pytest.raises(UserError, match=says):
        hub_file(repository, revision, "dataset", path, tmp_path / "work")
    assert pauses == []
