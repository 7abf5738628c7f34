import errno
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile

import pytest

from pipeline.common.errors import UserError
from pipeline.common.files import sha256_file
from pipeline.data import sources
from pipeline.stages import download as stage
from tests.data.wikiann_files import COUNTS, tar_bytes, write_hub, write_panx
from tests.hub_server import COMMIT, Break, serve

HUB = {"repository": "owner/wikiann", "revision": COMMIT}


def spec(language="qu", **options):
    return {"dataset": "wikiann-1", "language": language, "loader": "wikiann", "expected": {"qu": COUNTS}} | options


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sources.time, "sleep", lambda seconds: None)
    return tmp_path / "here"


@pytest.fixture
def server(tmp_path, monkeypatch):
    root = tmp_path / "served"
    write_hub(root / "datasets" / "owner" / "wikiann")
    write_hub(root / "datasets" / "owner" / "wikiann", "gn")
    (root / "datasets" / "owner" / "wikiann" / "README.md").write_text("card")
    (root / "qu.tar.gz").write_bytes(tar_bytes())
    with serve(root) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


def left(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_from_a_folder_with_a_manifest(here, tmp_path):
    folder = write_panx(tmp_path / "own")
    path = stage.download(spec(sources=["mirror", "folder"]), folder=folder)
    assert path.as_posix() == "resources/raw/wikiann-1/qu/manifest.json"
    assert left(path.parent) == ["dev-qu.tsv", "manifest.json", "test-qu.tsv", "train-qu.tsv"]
    facts = json.loads(path.read_text())
    assert (facts["source"], facts["where"], facts["notes"]) == ("folder", str(folder), [])
    assert facts["failed"] == [
        {"source": "mirror", "where": "not set", "reason": "no path is given; set `mirror: PATH`"}
    ]
    kept = path.parent / "train-qu.tsv"
    assert facts["files"]["train"] == [
        {"name": "train-qu.tsv", "bytes": kept.stat().st_size, "sha256": sha256_file(folder / "train-qu.tsv")}
    ]


def test_the_same_download_writes_the_same_manifest(here, tmp_path):
    folder = write_panx(tmp_path / "own")
    first = stage.download(spec(sources=["folder"]), folder=folder).read_bytes()
    assert stage.download(spec(sources=["folder"]), folder=folder).read_bytes() == first


def test_from_the_hub(here, server):
    path = stage.download(spec(sources=["hub"], hub=HUB))
    facts = json.loads(path.read_text())
    assert (facts["source"], facts["where"]) == ("hub", f"owner/wikiann@{COMMIT}")
    assert left(path.parent) == [
        "dev-validation-00000-of-00001.parquet",
        "manifest.json",
        "test-00000-of-00001.parquet",
        "train-00000-of-00001.parquet",
    ]
    asked = [path for _, path, _ in server.log if "owner/wikiann" in path and not path.startswith("/content/")]
    assert len(asked) == 5 and all(COMMIT in path for path in asked)  # nothing unpinned


def test_from_the_hub_in_spite_of_trouble(here, server):
    server.fail("train-00000-of-00001.parquet", 503, Break(100))
    server.fail("tree/" + COMMIT, 502)
    facts = json.loads(stage.download(spec(sources=["hub"], hub=HUB)).read_text())
    assert facts["source"] == "hub" and facts["failed"] == []


def test_a_language_the_hub_lacks_lists_those_it_has(here, server):
    with pytest.raises(UserError, match=r"no files for language 'qo'; did you mean 'qu'\?; available: gn, qu"):
        stage.download(spec("qo", sources=["hub"], hub=HUB))
    assert not (here / "resources/raw/wikiann-1/qo/manifest.json").exists()


def test_the_hub_refuses_and_the_folder_serves(here, server, tmp_path):
    gone = {"repository": "owner/gone", "revision": COMMIT}
    path = stage.download(spec(sources=["hub", "folder"], hub=gone), folder=write_panx(tmp_path / "own"))
    facts = json.loads(path.read_text())
    assert facts["source"] == "folder" and "Repository Not Found" in facts["failed"][0]["reason"]


def test_the_hubs_file_is_checked(here, server):
    file = server.folder / "datasets/owner/wikiann/qu/validation-00000-of-00001.parquet"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(UserError, match=r"qu/validation-00000-of-00001.parquet: not a readable Parquet file"):
        stage.download(spec(sources=["hub"], hub=HUB))


def test_from_a_languages_own_archive_broken_and_resumed(here, server):
    server.fail("qu.tar.gz", Break(100), Break(50))
    path = stage.download(spec(sources=["archive"], archive={"url": f"{server.url}/files/{{language}}.tar.gz"}))
    assert left(path.parent) == ["dev", "manifest.json", "test", "train"]
    assert [asked for _, _, asked in server.log] == [None, "bytes=100-", "bytes=150-"]


def test_an_archive_interrupted_for_good_is_resumed_by_the_next_job(here, server, monkeypatch):
    monkeypatch.setattr(sources, "ATTEMPTS", 1)
    server.fail("qu.tar.gz", Break(100))
    wanted = spec(sources=["archive"], archive={"url": f"{server.url}/files/{{language}}.tar.gz"})
    with pytest.raises(UserError, match=r"connection closed after 100 of"):
        stage.download(wanted)
    stage.download(wanted)
    assert server.log[-1][2] == "bytes=100-"


def test_an_archive_of_all_languages_is_fetched_once(here, server):
    with zipfile.ZipFile(server.folder / "panx.zip", "w") as zipped:
        for language in ("qu", "gn"):
            zipped.writestr(f"panx/{language}.tar.gz", tar_bytes(language))
    archive = {"url": f"{server.url}/files/panx.zip", "sha256": sha256_file(server.folder / "panx.zip")}
    for language in ("qu", "gn"):
        stage.download(spec(language, sources=["archive"], archive=archive, expected={language: COUNTS}))
    assert [path for _, path, _ in server.log] == ["/files/panx.zip"]
    facts = json.loads((here / "resources/raw/wikiann-1/gn/manifest.json").read_text())
    assert facts["notes"] == []


def test_a_tar_of_all_languages(here, server):
    write_panx(server.folder / "packed")
    with tarfile.open(server.folder / "all.tar.gz", "w:gz") as tar:
        tar.add(server.folder / "packed", "wikiann")
    path = stage.download(spec(sources=["archive"], archive={"url": f"{server.url}/files/all.tar.gz"}))
    assert left(path.parent) == ["dev-qu.tsv", "manifest.json", "test-qu.tsv", "train-qu.tsv"]


def test_a_broken_archive_is_fetched_anew_next_time(here, server):
    whole = (server.folder / "qu.tar.gz").read_bytes()
    wanted = spec(sources=["archive"], archive={"url": f"{server.url}/files/qu.tar.gz"})
    (server.folder / "qu.tar.gz").write_bytes(b"<html>sorry</html>")
    with pytest.raises(UserError, match=r"not a whole tar archive"):
        stage.download(wanted)
    (server.folder / "qu.tar.gz").write_bytes(whole)
    assert left(stage.download(wanted).parent) == ["dev", "manifest.json", "test", "train"]


def test_an_old_download_stays_when_a_new_one_fails(here, tmp_path):
    folder = write_panx(tmp_path / "own")
    path = stage.download(spec(sources=["folder"]), folder=folder)
    before = {name: (path.parent / name).read_bytes() for name in left(path.parent)}
    (folder / "dev-qu.tsv").write_text("x\n")
    with pytest.raises(UserError, match=r"dev-qu.tsv: bears no tags"):
        stage.download(spec(sources=["folder"]), folder=folder)
    assert {name: (path.parent / name).read_bytes() for name in left(path.parent)} == before


def test_a_full_disk_leaves_no_manifest(here, tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(UserError, match=r"resources/raw/wikiann-1/qu: cannot fetch: No space left on device"):
        stage.download(spec(sources=["folder"]), folder=write_panx(tmp_path / "own"))
    assert left(here) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"loader": "wikian"}, r"unknown loader 'wikian'; did you mean 'wikiann'"),
        ({"loader": "babel"}, r"'babel' generates its data; there is nothing to download"),
        ({"sources": ["hubb"]}, r"sources: unknown source 'hubb'; did you mean 'hub'"),
    ],
)
def test_impossible_requests(here, changes, says):
    with pytest.raises(UserError, match=says):
        stage.download(spec(**changes))


def test_the_command_line(here, tmp_path):
    command = [
        sys.executable,
        "-m",
        "pipeline.stages.download",
        "--folder",
        str(write_panx(tmp_path / "own")),
        "--spec",
    ]
    done = subprocess.run([*command, json.dumps(spec(sources=["folder"]))], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "wrote resources/raw/wikiann-1/qu/manifest.json\n")
    done = subprocess.run([*command, '{"dataset": "d", "langauge": "qu"}'], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: --spec: key 'language' is missing or no string; did you mean 'langauge'?\n"
    done = subprocess.run([*command, "{"], capture_output=True, text=True)
    assert done.returncode == 1 and done.stderr.startswith("error: --spec: not valid JSON")


def test_parts_of_one_name_are_kept_apart(here, tmp_path):
    for number in ("1", "2"):
        (tmp_path / "own" / number).mkdir(parents=True)
        (tmp_path / "own" / number / "train.csv").write_text(f"text,label\nx{number},positive\n")
    given = {
        "loader": "files",
        "task": "sentiment",
        "files": {"train": "*/train.csv"},
        "dataset": "own-1",
        "language": "qu",
    }
    path = stage.download(given, folder=tmp_path / "own")
    kept = [file["name"] for file in json.loads(path.read_text())["files"]["train"]]
    assert kept == ["train.csv", "train-2-train.csv"]
    assert [(path.parent / name).read_text()[-12:-1] for name in kept] == ["x1,positive", "x2,positive"]


def test_what_was_read_of_a_folder_is_noted(here, tmp_path):
    folder = write_panx(tmp_path / "own")
    facts = json.loads(stage.download(spec(sources=["folder"]), folder=folder).read_text())
    names = [f"{split}-qu.tsv" for split in ("dev", "test", "train")]
    assert facts["read"] == {str(folder / name): sha256_file(folder / name) for name in names}


def test_of_an_archive_in_a_folder_the_archive_is_noted(here, tmp_path):
    (tmp_path / "own").mkdir()
    for name in ("qu.tar.gz", "gn.tar.gz"):
        (tmp_path / "own" / name).write_bytes(tar_bytes())
    facts = json.loads(stage.download(spec(sources=["folder"]), folder=tmp_path / "own").read_text())
    assert list(facts["read"]) == [str(tmp_path / "own" / "qu.tar.gz")]


def test_a_source_whose_disk_fails_leaves_it_to_the_next(here, tmp_path, monkeypatch):
    (tmp_path / "wikiann").mkdir()
    own = write_panx(tmp_path / "own")
    glob = type(own).glob

    def failing(self, pattern):
        if "wikiann" in self.parts:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self))
        return glob(self, pattern)

    monkeypatch.setattr(type(own), "glob", failing)
    facts = json.loads(stage.download(spec(sources=["mirror", "folder"]), mirror=tmp_path, folder=own).read_text())
    assert facts["source"] == "folder" and "Input/output error" in facts["failed"][0]["reason"]
