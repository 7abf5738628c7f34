import json
from pathlib import Path

import pytest

from pipeline.common.errors import UserError
from pipeline.data.arrange import DUPLICATE, own_splits
from pipeline.data.corpora.wikiann.fetch import EXPECTED, fetch
from pipeline.data.corpora.wikiann.read import load, read_sentences
from pipeline.data.fetching import check_counts
from pipeline.data.formats.tags import ORPHAN
from tests.data.wikiann_files import COUNTS, lines, tar_bytes, write_hub, write_panx

MIRROR = Path(__file__).parents[3] / "../shared/data"
CUT = {"test": "dev", "dev": {"from": "train", "fraction": 0.5, "seed": 0}}


def spec(language="qu", **options):
    return {"dataset": "wikiann-1", "language": language, "loader": "wikiann", "expected": {"qu": COUNTS}} | options


def manifest(folder, language="qu", splits=("train", "dev", "test"), pattern="{split}-{language}.tsv"):
    files = {split: [{"name": pattern.format(split=split, language=language)}] for split in splits}
    (folder / "manifest.json").write_text(json.dumps({"files": files, "notes": ["a note"]}))
    return folder / "manifest.json"


def rows(split):
    return list(zip(*(split.table[name].to_pylist() for name in ("id", "tokens", "tags")), strict=True))


# ---------------------------------------------------------------------------------------------------------------- reading


def test_the_datasets_own_splits(tmp_path):
    loaded = load(spec(), manifest(write_panx(tmp_path)))
    assert rows(loaded.splits["train"]) == [
        ("wikiann-qu-train-0", ["Qusqu", "llaqta"], ["B-LOC", "O"]),
        ("wikiann-qu-train-1", ["Ana", "Paz"], ["B-PER", "I-PER"]),
        ("wikiann-qu-train-2", ["Qusqu", "llaqta"], ["B-LOC", "O"]),
        ("wikiann-qu-train-3", ["huk", "Ayllu", "Wasi"], ["O", "B-ORG", "I-ORG"]),
    ]
    assert [row[0] for row in rows(loaded.splits["dev"])] == [f"wikiann-qu-dev-{i}" for i in range(3)]
    assert rows(loaded.splits["test"])[1] == ("wikiann-qu-test-1", ["Tito"], ["B-PER"])
    assert loaded.splits["train"].repaired == {ORPHAN: 1} and loaded.splits["dev"].repaired == {}
    assert loaded.text["text"].to_pylist() == ["Qusqu llaqta", "Ana Paz", "Qusqu llaqta", "huk Ayllu Wasi"]
    assert loaded.notes == ("a note",)


def test_dev_cut_from_train_and_tested_on_dev(tmp_path):
    loaded = load(spec(**CUT), manifest(write_panx(tmp_path, tagged_test=False), splits=("train", "dev")))
    ids = {name: [row[0] for row in rows(split)] for name, split in loaded.splits.items()}
    assert len(ids["train"]) == len(ids["dev"]) == 2
    assert sorted(ids["train"] + ids["dev"]) == [f"wikiann-qu-train-{i}" for i in range(4)]
    assert ids["test"] == [f"wikiann-qu-dev-{i}" for i in range(3)]
    assert loaded.text["id"].to_pylist() == ids["train"]  # the cut dev set is no training text
    mends = [loaded.splits[name].repaired.get(ORPHAN, 0) for name in ("train", "dev", "test")]
    assert mends == [int("wikiann-qu-train-3" in ids["train"]), int("wikiann-qu-train-3" in ids["dev"]), 0]


def test_dev_cut_from_train_and_tested_on_test(tmp_path):
    options = {"dev": {"from": "train", "fraction": 0.25, "seed": 3}}
    loaded = load(spec(**options), manifest(write_panx(tmp_path), splits=("train", "test")))
    assert {name: split.table.num_rows for name, split in loaded.splits.items()} == {"train": 3, "dev": 1, "test": 2}


def test_duplicates_leave_train_only_when_asked(tmp_path):
    path = manifest(write_panx(tmp_path))
    assert load(spec(), path).splits["train"].table.num_rows == 4
    loaded = load(spec(remove_duplicates="train"), path)
    # "Ana Paz" stands in dev; "Qusqu llaqta" twice in train only, so both stay.
    assert [row[0] for row in rows(loaded.splits["train"])] == [f"wikiann-qu-train-{i}" for i in (0, 2, 3)]
    assert loaded.splits["train"].dropped == {DUPLICATE: 1}
    assert loaded.splits["dev"].table.num_rows == 3 and loaded.splits["dev"].dropped == {}
    assert loaded.text.num_rows == 3


def test_duplicates_of_a_cut_dev_set_leave_train(tmp_path):
    folder = write_panx(tmp_path)
    (folder / "train-qu.tsv").write_text("b\tO\n" + "\na\tO\n" * 9)
    loaded = load(spec(remove_duplicates="train", **CUT), manifest(folder, splits=("train", "dev")))
    assert [tokens for _, tokens, _ in rows(loaded.splits["train"])] == [["b"]]
    assert loaded.splits["train"].dropped == {DUPLICATE: 4}


def test_nothing_left_to_train_on_is_an_error(tmp_path):
    folder = write_panx(tmp_path)
    (folder / "train-qu.tsv").write_text(lines("dev"))
    with pytest.raises(UserError, match=r"wikiann qu: remove_duplicates leaves no training row"):
        load(spec(remove_duplicates="train"), manifest(folder))


def test_a_test_file_without_tags_is_never_used_silently(tmp_path):
    with pytest.raises(
        UserError, match=r"test-qu.tsv: bears no tags, expected labelled test sentences; .*say test: dev"
    ):
        load(spec(), manifest(write_panx(tmp_path, tagged_test=False)))


def test_a_split_that_was_not_downloaded_is_named(tmp_path):
    with pytest.raises(UserError, match=r"manifest.json: no test files were downloaded"):
        load(spec(), manifest(write_panx(tmp_path), splits=("train", "dev")))
    with pytest.raises(UserError, match=r"run `python -m pipeline.stages.download` first"):
        load(spec())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"test": "dev"}, r"test: dev would choose epochs on the test set; add dev: \{from: train"),
        ({"test": "tset"}, r"test: 'tset'; did you mean 'test'"),
        ({"dev": "train"}, r"dev: 'train'; expected \{from: train"),
        ({"dev": {"from": "test"}}, r"dev: .*expected \{from: train"),
    ],
)
def test_impossible_splits_are_refused(options, says):
    with pytest.raises(UserError, match=says):
        own_splits(spec(**options))


def test_an_unknown_choice_of_duplicates_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"remove_duplicates: 'trian'; did you mean 'train'"):
        load(spec(remove_duplicates="trian"), manifest(write_panx(tmp_path)))


# --------------------------------------------------------------------------------------------------------------- fetching


def sentences(obtained):
    return {split: read_sentences(files, "qu", split).rows for split, files in obtained.files.items()}


def test_every_form_holds_the_same_sentences(tmp_path):
    plain = fetch(spec(sources=["folder"]), tmp_path / "w1", None, write_panx(tmp_path / "panx"))
    expected = sentences(plain)
    assert {split: len(found) for split, found in expected.items()} == COUNTS
    assert expected["train"][3] == (["huk", "Ayllu", "Wasi"], ["O", "B-ORG", "I-ORG"])

    (tmp_path / "tar").mkdir()
    (tmp_path / "tar" / "qu.tar.gz").write_bytes(tar_bytes())
    folders = {"tar": tmp_path / "tar", "hub": write_hub(tmp_path / "hub"), "unpacked": tmp_path / "unpacked"}
    (folders["unpacked"] / "qu").mkdir(parents=True)
    for split in COUNTS:
        (folders["unpacked"] / "qu" / split).write_text(lines(split, "qu:"))
    for name, folder in folders.items():
        assert sentences(fetch(spec(sources=["folder"]), tmp_path / name / "work", None, folder)) == expected, name


def test_the_mirror_is_searched_below_its_datasets_name(tmp_path):
    write_panx(tmp_path / "mirror" / "wikiann")
    found = fetch(spec(sources=["folder", "mirror"]), tmp_path / "work", tmp_path / "mirror", None)
    assert found.source.kind == "mirror"
    assert found.failures == [("folder", "not set", "no path is given; set `folder: PATH`")]


def test_a_mirror_without_test_tags_falls_back(tmp_path):
    write_panx(tmp_path / "mirror" / "wikiann", tagged_test=False)
    folder = write_hub(tmp_path / "own")
    found = fetch(spec(sources=["mirror", "folder"]), tmp_path / "work", tmp_path / "mirror", folder)
    assert found.source.kind == "folder"
    assert "bears no tags" in found.failures[0][2]


def test_a_missing_language_lists_those_there(tmp_path):
    folder = write_panx(tmp_path / "own")
    write_panx(folder, "gn")
    write_hub(folder, "jv")
    (folder / "kk.tar.gz").write_bytes(b"")
    with pytest.raises(UserError) as error:
        fetch(spec("qv", sources=["folder"]), tmp_path / "work", None, folder)
    assert "no files for language 'qv'; did you mean 'qu'?; available: gn, jv, kk, qu" in str(error.value)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (
            lambda folder: (folder / "test-qu.tsv").unlink(),
            r"no test file for language 'qu'; expected test-qu.tsv; .*test: dev",
        ),
        (lambda folder: (folder / "dev-qu.tsv").write_text(""), r"dev-qu.tsv: the file is empty"),
        (lambda folder: (folder / "dev-qu.tsv").write_text("a\tO\tO\n"), r"dev-qu.tsv:1: 3 columns"),
        (
            lambda folder: (folder / "dev-qu.tsv").write_text("a\tO\n"),
            r"dev holds 1 examples, expected 3; .*\{qu: \{dev: 1\}\}",
        ),
    ],
)
def test_spoilt_folders_are_refused_with_the_place(tmp_path, spoil, says):
    folder = write_panx(tmp_path / "own")
    spoil(folder)
    with pytest.raises(UserError, match=says):
        fetch(spec(sources=["folder"]), tmp_path / "work", None, folder)


# ----------------------------------------------------------------------------------------------------------------- counts


def test_the_built_in_counts():
    assert EXPECTED["en"] == (20_000, 10_000, 10_000) and EXPECTED["ka"] == (10_000,) * 3
    assert EXPECTED["qu"] == (100,) * 3 and EXPECTED["sw"] == (1_000,) * 3


HUNDREDS = dict.fromkeys(("train", "dev", "test"), 100)


def test_counts_are_checked_against_table_and_config():
    assert check_counts("qu", {"train": 100, "dev": 100}, HUNDREDS, {}) == []
    assert check_counts("qu", {"train": 99}, HUNDREDS, {"train": 99}) == []
    with pytest.raises(UserError, match=r"train holds 99 examples, expected 100; dev holds 7 examples, expected 100"):
        check_counts("qu", {"train": 99, "dev": 7}, HUNDREDS, {})
    with pytest.raises(UserError, match=r"train holds 100 examples, expected 99"):
        check_counts("qu", {"train": 100}, HUNDREDS, {"train": 99, "dev": None})


def test_an_unknown_count_is_noted_not_passed_in_silence():
    notes = check_counts("fy", {"train": 1234, "dev": 10}, {}, {"dev": 10})
    assert notes == ["train: 1,234 examples, not checked: no count is known for 'fy'"]


# -------------------------------------------------------------------------------------------------------------- real data


@pytest.mark.skipif(not (MIRROR / "wikiann").is_dir(), reason="no mirror of WikiAnn beside the repository")
def test_every_language_of_the_mirror_passes_its_counts(tmp_path):
    languages = {path.stem.split("-", 1)[1] for path in (MIRROR / "wikiann").glob("train-*.tsv")}
    assert {"en", "qu", "ka", "sw"} <= languages <= set(EXPECTED)
    for language in sorted(languages):
        cut = {"test": "dev", "dev": {"from": "train"}, "sources": ["mirror"], "expected": {}}
        found = fetch(spec(language, **cut), tmp_path / language, MIRROR, None)
        assert found.notes == [] and found.failures == [], language


@pytest.mark.skipif(not (MIRROR / "wikiann").is_dir(), reason="no mirror of WikiAnn beside the repository")
def test_the_mirrors_test_files_bear_no_tags_and_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"test-qu.tsv: bears no tags"):
        fetch(spec(sources=["mirror"], expected={}), tmp_path, MIRROR, None)


@pytest.mark.skipif(not (MIRROR / "wikiann").is_dir(), reason="no mirror of WikiAnn beside the repository")
def test_orphaned_tags_of_real_chinese_are_counted():
    # Counted in the file by a loop of its own: 476 I- tags that continue nothing.
    found = read_sentences([MIRROR / "wikiann" / "dev-zh.tsv"], "zh", "dev")
    assert (sum(found.orphans), len(found.rows)) == (476, 10_000)
