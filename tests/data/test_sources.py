import errno
import io
import os
import socket
import tarfile
import zipfile
from pathlib import Path
from random import Random

import pytest

from pipeline.common.errors import UserError
from pipeline.data import sources
from pipeline.data.hub import hub_file, hub_list
from pipeline.data.sources import (
    BrokenArchive,
    Source,
    download,
    in_order,
    obtain,
    retry,
    unpack,
    unpack_tar,
    unpack_zip,
    zip_member,
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


def pack(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)


def test_a_tar_is_unpacked(tmp_path):
    pack(tmp_path / "a.tar.gz", {"train": b"x", "sub/dev": b"y"})
    assert [p.name for p in unpack_tar(tmp_path / "a.tar.gz", tmp_path / "in")] == ["dev", "train"]


@pytest.mark.parametrize(
    "members", [{"../escaped": b"x"}, {"/tmp/escaped-absolute/../../../escaped": b"x"}, {"link": "../../outside"}]
)
def test_a_tar_cannot_leave_its_folder(tmp_path, members):
    (tmp_path / "deep").mkdir()
    pack(tmp_path / "a.tar.gz", members)
    with pytest.raises(UserError, match=r"a.tar.gz: refused"):
        unpack_tar(tmp_path / "a.tar.gz", tmp_path / "deep" / "in")
    inside = tmp_path / "deep" / "in"
    assert {p for p in tmp_path.rglob("*") if inside not in (p, *p.parents)} == {
        tmp_path / "a.tar.gz",
        tmp_path / "deep",
    }
    assert not any(p.is_symlink() for p in inside.rglob("*"))


@pytest.mark.parametrize("keep", [0, 10, 60])
def test_a_broken_tar_is_refused(tmp_path, keep):
    pack(tmp_path / "a.tar.gz", {"train": os.urandom(5000)})
    (tmp_path / "a.tar.gz").write_bytes((tmp_path / "a.tar.gz").read_bytes()[:keep])
    with pytest.raises(UserError, match=r"a.tar.gz: not a whole tar archive"):
        unpack_tar(tmp_path / "a.tar.gz", tmp_path / "in")


def test_a_member_of_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.writestr("panx/qu.tar.gz", b"x")
        zipped.writestr("panx/../../es.tar.gz", b"y")
    assert zip_member(tmp_path / "a.zip", "qu.tar.gz", tmp_path / "out") == ["es.tar.gz", "qu.tar.gz"]
    assert (tmp_path / "out").read_bytes() == b"x"
    zip_member(tmp_path / "a.zip", "jv.tar.gz", tmp_path / "none")
    assert not (tmp_path / "none").exists()
    (tmp_path / "a.zip").write_bytes((tmp_path / "a.zip").read_bytes()[:-30])
    with pytest.raises(UserError, match=r"a.zip: not a whole zip archive"):
        zip_member(tmp_path / "a.zip", "qu.tar.gz", tmp_path / "out2")


# ------------------------------------------------------------------------------------------------------------ zip archives


def pack_zip(path, members, method=zipfile.ZIP_DEFLATED):
    """Write a zip archive of `(name, content)`; names are kept as they are, however odd."""
    with zipfile.ZipFile(path, "w", method) as zipped:
        for name, content in members:
            info = zipfile.ZipInfo("x")
            info.filename = name
            zipped.writestr(info, content, method)
    return path


def inside(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


@pytest.mark.parametrize("method", METHODS)
def test_a_zip_is_unpacked_into_an_emptied_folder(tmp_path, method):
    members = [("sub/", b""), ("sub/dev.tsv", b"y"), ("train.tsv", b"x" * 1000), ("ünï.tsv", b""), ("a..b/..c", b"z")]
    pack_zip(tmp_path / "a.zip", members, method)
    (tmp_path / "in" / "old").mkdir(parents=True)
    (tmp_path / "in" / "old" / "file").write_text("old")
    found = unpack_zip(tmp_path / "a.zip", tmp_path / "in")
    assert [p.relative_to(tmp_path / "in").as_posix() for p in found] == [
        "a..b/..c",
        "sub/dev.tsv",
        "train.tsv",
        "ünï.tsv",
    ]
    assert inside(tmp_path / "in") == {name: content for name, content in members if name != "sub/"}


def test_backslashes_part_folders(tmp_path):
    pack_zip(tmp_path / "a.zip", [("sub\\", b""), ("sub\\deep\\dev.tsv", b"y"), ("sub/../train.tsv", b"x")])
    unpack_zip(tmp_path / "a.zip", tmp_path / "in")
    assert inside(tmp_path / "in") == {"sub/deep/dev.tsv": b"y", "train.tsv": b"x"}


@pytest.mark.parametrize(
    "name",
    [
        *("../escaped", "../../escaped", "sub/../../escaped", "./../escaped", "/escaped", "//escaped", "..", "../"),
        *("..\\escaped", "sub\\..\\..\\escaped", "\\escaped", "..\\", "../in2/escaped", "../in-other"),
    ],
)
def test_a_zip_cannot_leave_its_folder(tmp_path, name):
    (tmp_path / "deep").mkdir()
    pack_zip(tmp_path / "a.zip", [("train", b"x"), (name, b"evil")])
    with pytest.raises(BrokenArchive, match=r"a.zip: refused: '.*' would be written outside its folder"):
        unpack_zip(tmp_path / "a.zip", tmp_path / "deep" / "in")
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")} == {
        "a.zip",
        "deep",
        "deep/in",
        "deep/in/train",
    }
    assert not Path("/escaped").exists()


def test_an_absolute_path_is_refused(tmp_path):
    target = tmp_path / "target"
    pack_zip(tmp_path / "a.zip", [(str(target), b"evil")])
    with pytest.raises(BrokenArchive, match=r"would be written outside"):
        unpack_zip(tmp_path / "a.zip", tmp_path / "in")
    assert not target.exists()


def test_a_link_in_a_zip_leads_nowhere(tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.writestr(info, "..")
        zipped.writestr("link2", "x")
    unpack_zip(tmp_path / "a.zip", tmp_path / "in")
    assert inside(tmp_path / "in") == {"link": b"..", "link2": b"x"} and not (tmp_path / "in" / "link").is_symlink()
    pack_zip(tmp_path / "b.zip", [("link", b".."), ("link/escaped", b"x")])
    with pytest.raises(BrokenArchive):
        unpack_zip(tmp_path / "b.zip", tmp_path / "in")


@pytest.mark.parametrize(
    "members",
    [
        [("a", b"x"), ("a/b", b"y")],  # a file where a folder must be
        [("a/b", b"y"), ("a", b"x")],
        [("", b"x")],
        [(".", b"x")],
        [("a/..", b"x")],
        [("n" * 300, b"x")],
    ],
)
def test_names_that_cannot_be_written_are_the_archives_fault(tmp_path, members):
    pack_zip(tmp_path / "a.zip", members)
    with pytest.raises(BrokenArchive, match=r"a.zip: "):
        unpack_zip(tmp_path / "a.zip", tmp_path / "in")


def test_a_full_disk_is_not(tmp_path, monkeypatch):
    def full(source, target, length):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    pack_zip(tmp_path / "a.zip", [("train", b"x")])
    monkeypatch.setattr(sources.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space left on device"):
        unpack_zip(tmp_path / "a.zip", tmp_path / "in")


@pytest.mark.parametrize("method", METHODS)
def test_a_truncated_zip_is_refused_wherever_it_ends(tmp_path, method):
    pack_zip(tmp_path / "whole.zip", [("train", os.urandom(2000)), ("dev", b"y" * 2000)], method)
    whole = (tmp_path / "whole.zip").read_bytes()
    for keep in (0, 1, 10, 100, len(whole) // 2, len(whole) - 60, len(whole) - 1):
        (tmp_path / "a.zip").write_bytes(whole[:keep])
        with pytest.raises(BrokenArchive, match=r"a.zip: not a whole zip archive"):
            unpack_zip(tmp_path / "a.zip", tmp_path / "in")


@pytest.mark.parametrize("method", METHODS)
def test_spoilt_bytes_are_refused_or_harmless(tmp_path, method):
    """A byte changed: the archive is refused as broken or unpacks inside its folder, and nothing else happens."""
    content = bytes(range(40)) + b"tagged line\n" * 3
    pack_zip(tmp_path / "whole.zip", [("sub/train", content), ("ünï", b"x")], method)
    whole, refused, random = (tmp_path / "whole.zip").read_bytes(), 0, Random(0)
    places = range(0, len(whole), 2)
    for at in places:
        spoilt = bytearray(whole)
        spoilt[at] ^= random.randrange(1, 256)
        (tmp_path / "a.zip").write_bytes(spoilt)
        try:
            unpack_zip(tmp_path / "a.zip", tmp_path / "deep" / "in")
        except BrokenArchive:
            refused += 1
        assert {p.name for p in tmp_path.iterdir()} <= {"a.zip", "whole.zip", "deep"}, at
        assert {p.name for p in (tmp_path / "deep").iterdir()} == {"in"}, at
    assert refused > len(places) / 2


def test_an_encrypted_zip_says_so(tmp_path):
    pack_zip(tmp_path / "a.zip", [("train.tsv", b"x")])
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[6] |= 1  # the flag, in the member's own header and in the directory
    content[content.index(b"PK\1\2") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(
        BrokenArchive, match=r"a.zip: 'train.tsv' is encrypted; unpack it yourself and use source folder"
    ):
        unpack_zip(tmp_path / "a.zip", tmp_path / "in")


def test_archives_are_told_by_their_content(tmp_path):
    pack_zip(tmp_path / "download", [("train", b"zipped")])
    pack(tmp_path / "strange.zip", {"train": b"tarred"})
    pack_zip(tmp_path / "DATA.ZIP", [])
    assert [p.read_bytes() for p in unpack(tmp_path / "download", tmp_path / "in")] == [b"zipped"]
    assert [p.read_bytes() for p in unpack(tmp_path / "strange.zip", tmp_path / "in")] == [b"tarred"]
    assert unpack(tmp_path / "DATA.ZIP", tmp_path / "in") == []
    (tmp_path / "page.zip").write_text("<html>")
    with pytest.raises(BrokenArchive, match=r"page.zip: not a whole zip archive"):
        unpack(tmp_path / "page.zip", tmp_path / "in")
    (tmp_path / "page").write_text("<html>")
    with pytest.raises(BrokenArchive, match=r"page: not a whole tar archive"):
        unpack(tmp_path / "page", tmp_path / "in")


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
