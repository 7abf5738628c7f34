"""Code hashes that are kept are those of the code, as long as no file of the package changes."""

from pathlib import Path

import pytest

from pipeline.common import code
from pipeline.common.files import read_json, write_json
from pipeline.common.integrity import SEAL
from pipeline.grid import known_code
from pipeline.grid.known_code import kept_in, known, package_digest

JOINT = ["pipeline.stages.train", "pipeline.methods.joint", "pipeline.tasks.ner"]


@pytest.fixture(autouse=True)
def anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    forget()


def forget() -> None:
    """As another process begins."""
    for remembered in ("run_code", "stage_code", "represent_code", "_kept", "package_digest"):
        getattr(known_code, remembered).cache_clear()


def test_they_are_those_of_the_code() -> None:
    for _ in range(2):  # found, then kept
        assert known_code.run_code("joint", "ner") == code.run_code("joint", "ner")
        assert known_code.stage_code("preprocess", "babel") == code.stage_code("preprocess", "babel")
        assert known_code.represent_code("ner") == code.represent_code("ner")
        forget()


def test_a_later_start_reads_no_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    first = known(JOINT)
    forget()
    monkeypatch.setattr(code, "code_hash", None)
    assert known(reversed(JOINT)) == first


def test_a_changed_package_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    known(JOINT)
    monkeypatch.setattr(known_code, "package_digest", lambda: "another")
    monkeypatch.setattr(code, "code_hash", lambda modules: "other hash")
    assert known(JOINT) == "other hash"


def test_what_was_altered_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    first, path = known(JOINT), kept_in(package_digest())
    write_json(path, {**read_json(path), " ".join(sorted(JOINT)): "0" * 12})
    forget()
    assert known(JOINT) == first
    path.write_text("{")
    forget()
    assert known(JOINT) == first
    assert read_json(path).keys() == {" ".join(sorted(JOINT)), SEAL}


def test_the_digest_is_of_bytes_and_places(tmp_path: Path) -> None:
    def digest() -> str:
        package_digest.cache_clear()
        return package_digest(tmp_path)

    (tmp_path / "inner").mkdir()
    (tmp_path / "one.py").write_text("a = 1\n")
    found = [digest()]
    (tmp_path / "one.py").write_text("a = 1  # \n")  # trees are the same: the hash is found again, and is the same
    found.append(digest())
    (tmp_path / "one.py").rename(tmp_path / "inner" / "one.py")
    found.append(digest())
    (tmp_path / "two.py").touch()
    found.append(digest())
    (tmp_path / "three.txt").touch()
    assert len(set(found)) == 4 and digest() == found[-1]
