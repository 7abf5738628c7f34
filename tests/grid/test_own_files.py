"""A user's own file that holds something else than what was read is seen, whatever date it bears."""

import json
import os
from pathlib import Path

import pytest

from pipeline.common import paths
from pipeline.common.files import sha256_file, write_json
from pipeline.grid import own_files
from pipeline.grid.inputs import Dataset
from pipeline.grid.own_files import OwnFiles

SPEC = {"loader": "files", "files": {"train": "{language}/train.csv", "test": "test.csv"}}
LONG_AGO = 1_700_000_000


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """A dataset whose files were read, and lie there as they were read."""
    monkeypatch.chdir(tmp_path)
    dataset = Dataset("own-12345678", "own", SPEC, ("jv",), folder="mine", called={"jv": "javanese"})
    write("mine/javanese/train.csv", "train")
    write("mine/test.csv", "test")
    read(dataset)
    return dataset


def write(path: str, text: str, age: int = LONG_AGO) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    os.utime(file, (age, age))
    return file


def read(dataset: Dataset, **marks: bool) -> Path:
    """Write the manifest that the download leaves of what is there now."""
    files = {
        split: [{"sha256": sha256_file(path)} for path in several] for split, several in dataset.own_files("jv").items()
    }
    manifest = paths.raw_manifest(dataset.key, "jv")
    write_json(manifest, {"files": files, "own": True} | marks)
    return manifest


def swap(first: str, second: str) -> None:
    one, other = Path(first).read_text(), Path(second).read_text()
    write(first, other)
    write(second, one)


def test_what_was_read_is_unchanged_whatever_its_date(dataset):
    assert not OwnFiles().changed(dataset, "jv")
    os.utime("mine/test.csv")
    assert not OwnFiles().changed(dataset, "jv")


@pytest.mark.parametrize(
    "change",
    [
        lambda: write("mine/test.csv", "TEST"),  # older than the copy, of the same length
        lambda: write("mine/test.csv", "more of it", 4_000_000_000),
        lambda: swap("mine/test.csv", "mine/javanese/train.csv"),
        lambda: Path("mine/test.csv").unlink(),
        lambda: (
            Path("mine/test.csv").unlink(),
            Path("mine/test.csv").symlink_to(write("backup.csv", "old").absolute()),
        ),
    ],
    ids=["older", "newer", "swapped", "gone", "link"],
)
def test_every_other_content_is_a_change(dataset, change):
    before = OwnFiles().handed(dataset, "jv")
    manifest = paths.raw_manifest(dataset.key, "jv")
    assert Path(before[0]).stat().st_mtime_ns < manifest.stat().st_mtime_ns, "as Snakemake wants it: nothing to do"
    os.utime(manifest, (LONG_AGO + 9, LONG_AGO + 9))
    change()
    own = OwnFiles()
    assert own.changed(dataset, "jv")
    assert own.handed(dataset, "jv") == before
    assert Path(before[0]).stat().st_mtime_ns > manifest.stat().st_mtime_ns, "newer than what was read: read again"


def test_a_change_taken_back_is_none(dataset):
    (handed,) = OwnFiles().handed(dataset, "jv")
    write("mine/test.csv", "TEST")
    OwnFiles().handed(dataset, "jv")
    write("mine/test.csv", "test")
    OwnFiles().handed(dataset, "jv")
    assert Path(handed).stat().st_mtime_ns < paths.raw_manifest(dataset.key, "jv").stat().st_mtime_ns


def test_files_are_hashed_once(dataset, monkeypatch):
    hashed: list[str] = []
    monkeypatch.setattr(own_files, "sha256_file", lambda path: hashed.append(str(path)) or sha256_file(path))
    monkeypatch.setattr(own_files, "SETTLED", 0)
    OwnFiles().handed(dataset, "jv")
    assert sorted(hashed) == ["mine/javanese/train.csv", "mine/test.csv"]
    OwnFiles().handed(dataset, "jv")
    assert len(hashed) == 2
    write("mine/test.csv", "TEST")  # same size, same date: another change time
    assert OwnFiles().changed(dataset, "jv") and len(hashed) == 3


def test_a_file_that_changed_just_now_is_not_remembered(dataset):
    OwnFiles().handed(dataset, "jv")
    assert not paths.own_hashes().exists()


def test_a_broken_memory_is_none(dataset):
    paths.own_hashes().parent.mkdir(parents=True)
    for text in ("{", "[]", '{"mine/test.csv": 3}', '{"mine/test.csv": [1, 2, 3, 4, "x"]}'):
        paths.own_hashes().write_text(text)
        assert not OwnFiles().changed(dataset, "jv")


def test_what_was_read_before_there_was_such_an_input_has_none_until_it_changes(dataset):
    manifest = read(dataset)
    write_json(manifest, {"files": json.loads(manifest.read_text())["files"]})
    assert OwnFiles().handed(dataset, "jv") == []
    write("mine/test.csv", "TEST")
    assert OwnFiles().handed(dataset, "jv") == [str(paths.own_content(dataset.key, "jv"))]


def test_other_loaders_have_no_files_of_the_user_s_own():
    assert (
        OwnFiles().handed(Dataset("wikiann-12345678", "w", {"loader": "wikiann"}, ("qu",), folder="mine"), "qu") == []
    )


def test_another_name_of_a_language_is_read_anew_where_files_lie_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    spec = {"loader": "files", "hub": {"repository": "a/b"}, "files": {"train": "{language}.csv"}}

    def called(**languages):
        return Dataset("own-12345678", "own", spec, ("sw",), sources=("hub",), called=languages)

    handed = OwnFiles().handed(called(sw="swa"), "sw")
    assert handed == [str(paths.own_content("own-12345678", "sw"))]
    written = {"spec": {"language": "sw", "languages": {"sw": "swa"}}, "files": {"train": [{"sha256": "0"}]}}
    write_json(paths.raw_manifest("own-12345678", "sw"), written)
    assert OwnFiles().handed(called(sw="swa", xh="xho"), "sw") == handed
    assert not OwnFiles().changed(called(sw="swa", xh="xho"), "sw")
    assert OwnFiles().changed(called(sw="swh"), "sw")
    assert OwnFiles().changed(called(), "sw")


# ----------------------------------------------------------------------------------- copies of loaders' folders, and of models


def copied(tmp_path, content=b"old"):
    file = tmp_path / "mine" / "corpus.xlsx"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content)
    return file, {"read": {str(file): sha256_file(file)}}


def test_a_copy_answers_to_what_it_was_made_of(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file, manifest = copied(tmp_path)
    assert OwnFiles().answered(manifest, "c0de") == "c0de"
    file.write_bytes(b"new")
    os.utime(file, (1_500_000_000, 1_500_000_000))  # older than the copy: as `cp -p` and `rsync -a` leave it
    asked = OwnFiles().answered(manifest, "c0de")
    assert asked.startswith("c0de ") and asked != "c0de"
    anew = {"read": {str(file): sha256_file(file)}, "answers_to": asked}
    assert OwnFiles().answered(anew, asked) == asked, "told again as it was told"
    file.write_bytes(b"newer")
    again = OwnFiles().answered(anew, asked)
    assert again.startswith("c0de ") and again != asked
    file.write_bytes(b"new")
    assert OwnFiles().answered(anew, asked) == asked


def test_a_copy_outlives_its_originals(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file, manifest = copied(tmp_path)
    file.unlink()
    assert OwnFiles().answered(manifest, "c0de") == "c0de"
    assert OwnFiles().answered({}, "c0de") == OwnFiles().answered({"read": None}, "c0de") == "c0de"
