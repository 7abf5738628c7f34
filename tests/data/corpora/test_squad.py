import json
import time
from pathlib import Path

import pytest

from pipeline.common.errors import UserError
from pipeline.data import sources
from pipeline.data.corpora.squad.fetch import EXPECTED, fetch
from pipeline.data.corpora.squad.read import ABSENT, load, read_files
from pipeline.data.formats import questions as qa_rows
from pipeline.data.schema import check_table
from pipeline.stages import download as stage
from tests.data.qa_files import LIMA, QUITO, document, qa, write, write_parquet
from tests.hub_server import COMMIT, serve

MIRROR = Path(__file__).parents[3] / "../shared/data"
real = pytest.mark.skipif(not (MIRROR / "squad").is_dir(), reason="no mirror of SQuAD beside the repository")

TRAIN = document(
    (LIMA, [qa("a", ("Peru", 13)), qa("b", ("Lima", 0))]), (QUITO, [qa("c", ("high", 9)), qa("d", ("so", 19))])
)
DEV = document((QUITO, [qa("e", ("La Paz", 25), ("Paz", 28))]))
COUNTS = {"en": {"train": 4, "dev": 1}}


def spec(**options):
    base = {"dataset": "squad-1", "language": "en", "loader": "squad", "sources": ["folder"], "expected": COUNTS}
    return base | options


def own(folder, names=("train-v1.1.json", "dev-v1.1.json")):
    for name, content in zip(names, (TRAIN, DEV), strict=True):
        write(folder / name, content)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(sources.time, "sleep", lambda seconds: None)


def loaded(wanted, folder=None, mirror=None):
    return load(wanted, stage.download(wanted, mirror=mirror, folder=folder))


def rows(split):
    check_table(split.table, "qa", "here")
    return {row["id"]: (row["answers"], row["starts"]) for row in split.table.to_pylist()}


# ------------------------------------------------------------------------------------------------------------------ splits


def test_train_and_dev_without_test(here, tmp_path):
    found = loaded(spec(), own(tmp_path / "own"))
    assert list(rows(found.splits["train"])) == [f"squad-en-train-{name}" for name in "abcd"]
    assert rows(found.splits["dev"]) == {"squad-en-dev-e": (["La Paz", "Paz"], [25, 28])}
    assert found.splits["test"].table.num_rows == 0 and found.absent == ABSENT
    assert set(found.splits["train"].table["lang"].to_pylist()) == {"en"}
    assert found.text["text"].to_pylist() == [LIMA, "Where?", QUITO]  # each text once


def test_tested_on_dev_with_a_dev_cut_from_train(here, tmp_path):
    found = loaded(spec(test="dev", dev={"from": "train", "fraction": 0.25, "seed": 0}), own(tmp_path / "own"))
    assert list(rows(found.splits["test"])) == ["squad-en-dev-e"] and found.absent == {}
    train, dev = ({name[-1] for name in rows(found.splits[split])} for split in ("train", "dev"))
    assert sorted([train, dev], key=min) == [{"a", "b"}, {"c", "d"}]  # questions on one text stay together


def test_a_cut_dev_needs_no_dev_file(here, tmp_path):
    write(tmp_path / "own" / "train-v1.1.json", TRAIN)
    found = loaded(spec(dev={"from": "train", "fraction": 0.5}, expected={"en": {"train": 4}}), tmp_path / "own")
    assert [len(rows(found.splits[name])) for name in ("train", "dev")] == [2, 2]
    assert found.splits["test"].table.num_rows == 0 and "not public" in found.absent["test"]


def test_tested_on_dev_needs_another_dev(tmp_path):
    with pytest.raises(UserError, match=r"test: dev would choose epochs on the test set; add dev: \{from: train"):
        fetch(spec(test="dev"), tmp_path, None, own(tmp_path / "own"))


def test_duplicates_across_splits_leave_train_when_asked(here, tmp_path):
    folder = own(tmp_path / "own")
    write(folder / "dev-v1.1.json", document((LIMA, [qa("e", ("Lima", 0), question="Where?")])))
    found = loaded(spec(remove_duplicates="train"), folder)
    assert list(rows(found.splits["train"])) == [
        "squad-en-train-c",
        "squad-en-train-d",
    ]  # a, b ask the same of the text


def test_english_only(tmp_path):
    for call in (lambda: fetch(spec(language="de"), tmp_path, None, tmp_path), lambda: load(spec(language="de"))):
        with pytest.raises(UserError, match=r"squad: language 'de'; SQuAD is in English only: 'en'"):
            call()


# ------------------------------------------------------------------------------------------------------------ version 2.0


def test_files_of_version_2_need_a_choice(here, tmp_path):
    first = qa("f", is_impossible=True, plausible_answers=[{"text": "Lima", "answer_start": 0}])
    second = document((LIMA, [first, qa("g", ("Peru", 13), is_impossible=False)]), version="v2.0")
    write(tmp_path / "own" / "train-v2.0.json", second)
    write(tmp_path / "own" / "dev-v2.0.json", DEV)
    with pytest.raises(UserError, match=r"train-v2.0.json: 1 of 2 questions have no answer, .*set unanswerable: drop"):
        fetch(spec(), tmp_path / "work", None, tmp_path / "own")
    with pytest.raises(UserError, match=r"train holds 1 examples, expected 4; .*set expected: \{en: \{train: 1\}\}"):
        fetch(spec(unanswerable="drop"), tmp_path / "work", None, tmp_path / "own")
    found = loaded(spec(unanswerable="drop", expected={"en": {"train": 1, "dev": 1}}), tmp_path / "own")
    assert list(rows(found.splits["train"])) == ["squad-en-train-g"]
    assert found.splits["train"].dropped == {qa_rows.UNANSWERABLE: 1}


# ---------------------------------------------------------------------------------------------------------------- fetching


@pytest.mark.parametrize(
    "names",
    [
        ("train-v1.1.json", "dev-v1.1.json"),
        ("train-v1.1.sample.json", "dev-v1.1-small.json"),
        ("train-v2.0.json", "dev-v2.0.json"),
        ("train-v1.1.json", "dev-v2.0.part.json"),
    ],
)
def test_every_name_of_the_original(here, tmp_path, names):
    found = loaded(spec(), own(tmp_path / "own", names))
    assert len(rows(found.splits["train"])) == 4


def test_the_whole_file_and_version_1_come_first(tmp_path):
    folder = own(tmp_path / "own")
    own(folder, ("train-v1.1.sample.json", "dev-v2.0.json"))
    found = fetch(spec(), tmp_path / "work", None, folder)
    assert [file.name for files in found.files.values() for file in files] == ["train-v1.1.json", "dev-v1.1.json"]


@pytest.mark.parametrize("below", ["plain_text", "squad_v2", "."])
def test_the_hubs_layout_in_a_folder(here, tmp_path, below):
    write_parquet(tmp_path / "own" / below / "train-00000-of-00001.parquet", TRAIN)
    write_parquet(tmp_path / "own" / below / "validation-00000-of-00001.parquet", DEV)
    found, plain = loaded(spec(), tmp_path / "own"), loaded(spec(), own(tmp_path / "json"))
    for split in ("train", "dev"):
        assert found.splits[split].table.equals(plain.splits[split].table)


@pytest.mark.parametrize(
    ("repository", "below"), [("rajpurkar/squad", "plain_text"), ("rajpurkar/squad_v2", "squad_v2")]
)
def test_from_the_hub(here, tmp_path, monkeypatch, repository, below):
    folder = tmp_path / "served" / "datasets" / repository / below
    write_parquet(folder / "train-00000-of-00001.parquet", TRAIN)
    write_parquet(folder / "validation-00000-of-00001.parquet", DEV)
    wanted = spec(sources=["hub"], hub={"repository": repository, "revision": COMMIT})
    with serve(tmp_path / "served") as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        path = stage.download(wanted)
    assert json.loads(path.read_text())["where"] == f"{repository}@{COMMIT}"
    assert rows(load(wanted, path).splits["dev"]) == {"squad-en-dev-e": (["La Paz", "Paz"], [25, 28])}


def test_the_original_is_no_archive(tmp_path):
    with pytest.raises(
        UserError, match=r"archive \(not set\): SQuAD is two files, not an archive: get train-v1.1.json and"
    ):
        fetch(spec(sources=["archive"]), tmp_path, None, None)


def test_an_archive_of_the_users(here, tmp_path):
    import zipfile

    (tmp_path / "served").mkdir()
    with zipfile.ZipFile(tmp_path / "served" / "squad.zip", "w") as zipped:
        zipped.writestr("squad/train-v1.1.json", json.dumps(TRAIN))
        zipped.writestr("squad/dev-v1.1.json", json.dumps(DEV))
    with serve(tmp_path / "served") as server:
        found = loaded(spec(sources=["archive"], archive={"url": f"{server.url}/files/squad.zip"}))
    assert len(rows(found.splits["train"])) == 4


def test_missing_files_say_what_is_expected(tmp_path):
    (tmp_path / "own").mkdir()
    with pytest.raises(UserError, match=r"no file of SQuAD; expected train-v1.1.json and dev-v1.1.json"):
        fetch(spec(), tmp_path / "work", None, tmp_path / "own")
    write(tmp_path / "own" / "train-v1.1.json", TRAIN)
    with pytest.raises(UserError, match=r"no dev file; expected dev-v1.1.json; without it cut dev from train"):
        fetch(spec(), tmp_path / "work", None, tmp_path / "own")


def test_the_built_in_counts(tmp_path):
    assert EXPECTED == {"train": 87_599, "dev": 10_570}
    with pytest.raises(
        UserError, match=r"train holds 4 examples, expected 87,599; dev holds 1 examples, expected 10,570"
    ):
        fetch(spec(expected={}), tmp_path / "work", None, own(tmp_path / "own"))


def test_malformed_files_are_refused_at_the_download(tmp_path):
    folder = own(tmp_path / "own")
    (folder / "dev-v1.1.json").write_text(json.dumps(DEV)[:-3])
    with pytest.raises(UserError, match=r"dev-v1.1.json:1:\d+: not valid JSON \(truncated\?\)"):
        fetch(spec(), tmp_path / "work", None, folder)


def test_a_fifth_of_squad_is_read_in_a_second(tmp_path):
    context = "The quick brown fox jumps over the lazy dog. " * 17  # 765 characters, as SQuAD's on average
    paragraphs = [
        (f"{i} {context}", [qa(f"{i}-{k}", ("lazy dog", len(f"{i} ") + 35)) for k in range(5)]) for i in range(3_504)
    ]
    path = write(tmp_path / "train-v1.1.json", document(*paragraphs))
    begin = time.process_time()
    found = read_files([path], "en", "train", {})
    assert found.table.num_rows == 17_520 and found.mends == {}
    assert time.process_time() - begin < 4  # 0.6 on a free core


# --------------------------------------------------------------------------------------------------------------- real data


@real
def test_the_mirrors_sample_end_to_end(here):
    wanted = spec(
        sources=["mirror"], expected={"en": {"train": 3838}}, dev={"from": "train", "fraction": 0.1, "seed": 0}
    )
    found = loaded(wanted, mirror=MIRROR.resolve())
    assert [len(rows(found.splits[name])) for name in ("train", "dev")] == [3838 - 384, 384]
    assert found.splits["train"].dropped == {} and found.splits["train"].repaired == {}
    assert found.absent == ABSENT and found.notes == ()


@real
def test_the_mirrors_sample_is_not_taken_for_the_whole(tmp_path):
    with pytest.raises(UserError, match=r"train holds 3,838 examples, expected 87,599"):
        fetch(spec(sources=["mirror"], expected={}, dev={"from": "train"}), tmp_path, MIRROR, None)


@real
def test_real_files_of_version_2(tmp_path):
    path = MIRROR / "squad" / "athnlp_dev-v2.0-small.json"
    with pytest.raises(UserError, match=r"6 of 14 questions have no answer"):
        read_files([path], "en", "dev", {"unanswerable": "refuse"})
    found = read_files([path], "en", "dev", {"unanswerable": "drop"})
    assert (found.table.num_rows, found.dropped) == (8, {qa_rows.UNANSWERABLE: 6})
    several = read_files([MIRROR / "squad" / "athnlp_test.json"], "en", "dev", {})
    check_table(several.table, "qa", "test")
    assert sum(map(len, several.table["answers"].to_pylist())) == 122  # three or four gold answers a question
