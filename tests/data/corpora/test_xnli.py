import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import read_json
from pipeline.data import report
from pipeline.data.corpora.xnli import fetch as xnli_fetch
from pipeline.data.corpora.xnli.fetch import ARCHIVE, LANGUAGES, fetch
from pipeline.data.corpora.xnli.read import load, read_files
from pipeline.data.formats.lines import BOM, CARRIAGE
from pipeline.data.formats.pairs import EMPTY, NO_GOLD
from pipeline.data.schema import read_split
from pipeline.stages.download import download
from pipeline.stages.preprocess import preprocess
from tests.data.nli_files import (
    COUNTS,
    EXPECTED,
    LABELS,
    TEXTS,
    WORDS,
    numbered,
    original,
    parquet,
    rows,
    tsv,
    write_hub,
    write_manifest,
    write_original,
    write_xtreme,
    write_zip,
)
from tests.hub_server import COMMIT, serve

MIRROR = Path(__file__).parents[3] / "../shared/data"
HUB = {"repository": "owner/xnli", "revision": COMMIT}
XTREME = {"dev": ["dev-sw.tsv"], "test": ["test-sw.tsv", "test-labels.txt"]}


def spec(language="sw", **options):
    return {"dataset": "xnli-1", "language": language, "loader": "xnli", "expected": EXPECTED} | options


def content(table):
    return list(zip(*(table[name].to_pylist() for name in ("premise", "hypothesis", "label")), strict=True))


def read(path, split="dev", language="en", labels=None):
    return read_files([path] if labels is None else [path, labels], language, split, {})


def written(folder, text, name="dev-en.tsv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


# ---------------------------------------------------------------------------------------------------------------- loading


def test_dev_and_test_with_ids_that_pair_languages(tmp_path):
    loaded = load(spec(), write_manifest(write_xtreme(tmp_path), XTREME))
    assert content(loaded.splits["dev"].table) == rows("dev", "sw")
    assert content(loaded.splits["test"].table) == rows("test", "sw")
    assert loaded.splits["dev"].table["id"].to_pylist() == ["xnli-dev-0", "xnli-dev-1", "xnli-dev-2"]
    assert set(loaded.splits["test"].table["lang"].to_pylist()) == {"sw"}
    german = read(tmp_path / "dev-de.tsv", language="de").table
    assert german["id"].to_pylist() == loaded.splits["dev"].table["id"].to_pylist()


def test_there_is_no_training_data_and_it_is_said_what_to_do(tmp_path):
    loaded = load(spec(), write_manifest(write_xtreme(tmp_path), XTREME))
    assert loaded.splits["train"].table.num_rows == 0 and list(loaded.absent) == ["train"]
    assert "XNLI has no training data" in loaded.absent["train"] and "`source_dataset`" in loaded.absent["train"]
    assert loaded.text["text"].to_pylist()[:2] == list(TEXTS["sw"]["dev"][0])  # raw text is that of dev


def test_dev_as_the_test_set(tmp_path):
    loaded = load(spec(test="dev"), write_manifest(write_xtreme(tmp_path), {"dev": XTREME["dev"]}))
    assert content(loaded.splits["test"].table) == rows("dev", "sw")
    assert loaded.splits["dev"].table.num_rows == 0 and "`test: dev`" in loaded.absent["dev"]


def test_a_dev_set_cannot_be_cut_from_nothing(tmp_path):
    with pytest.raises(UserError, match=r"xnli sw: dev cannot be cut from the training split: there is none"):
        load(spec(dev={"from": "train"}), write_manifest(write_xtreme(tmp_path), XTREME))


def test_downloaded_and_preprocessed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    manifest = download(spec(sources=["folder"]), folder=write_xtreme(tmp_path / "own"))
    assert sorted(path.name for path in manifest.parent.iterdir() if path.suffix != ".json") == [
        "dev-sw.tsv",
        "test-labels.txt",
        "test-sw.tsv",
    ]
    facts = read_json(preprocess({"dataset": "xnli-1", "language": "sw", "loader": "xnli"}))
    assert {split: facts["splits"][split]["rows"] for split in facts["splits"]} == {"train": 0, "dev": 3, "test": 6}
    assert facts["splits"]["test"]["labels"] == {"contradiction": 2, "entailment": 2, "neutral": 2}
    assert content(read_split(paths.split("xnli-1", "sw", "test"), "nli")) == rows("test", "sw")
    with pytest.raises(
        UserError, match=r"xnli-1 has no train data in sw: XNLI has no training data .*`source_dataset`"
    ):
        read_split(paths.split("xnli-1", "sw", "train"), "nli")


# ------------------------------------------------------------------------------------------------------------- every form


@pytest.mark.parametrize("form", ["xtreme", "tsv", "jsonl", "hub", "zip", "packed"])
def test_every_form_holds_the_same_pairs(tmp_path, form):
    folder = tmp_path / "own"
    if form == "xtreme":
        write_xtreme(folder)
    elif form in ("tsv", "jsonl"):
        write_original(folder, form)
    elif form == "hub":
        write_hub(folder)
    elif form == "zip":
        write_zip(folder / "XNLI-1.0.zip", write_original(tmp_path / "in"), "XNLI-1.0")
    else:
        write_original(folder / "XNLI-1.0")
    found = fetch(spec(sources=["folder"]), tmp_path / "work", None, folder)
    for split in COUNTS:
        table = read_files(found.files[split], "sw", split, {}).table
        assert content(table) == rows(split, "sw")
        assert table["id"].to_pylist() == [f"xnli-{split}-{i}" for i in range(COUNTS[split])]


def test_rows_pair_by_their_pair_whatever_their_order(tmp_path):
    folder = write_original(tmp_path, shuffled=True)  # English is in reverse; Swahili comes first and gives the order
    tables = [read(folder / "xnli.test.tsv", "test", language).table for language in ("sw", "en", "de")]
    assert tables[1]["id"].to_pylist() == [f"xnli-test-{i}" for i in range(6)]
    assert content(tables[1]) == rows("test", "en")
    assert tables[0]["label"] == tables[1]["label"] == tables[2]["label"]


def test_a_pair_twice_in_a_language_is_refused(tmp_path):
    header = "language\tgold_label\tsentence1\tsentence2\tpairID\n"
    twice = written(tmp_path, header + "en\tneutral\ta\tb\t7\nde\tneutral\ta\tb\t7\nen\tneutral\ta\tb\t7\n")
    with pytest.raises(UserError, match=r"dev-en.tsv: lines 2 and 4 have the same language and pairID"):
        read(twice)


def test_a_language_that_a_file_of_several_lacks(tmp_path):
    write_original(tmp_path)
    with pytest.raises(UserError, match=r"xnli.dev.tsv: holds no pairs of language 'fr'; it has de, en, sw"):
        read(tmp_path / "xnli.dev.tsv", language="fr")


def test_the_hub_numbers_entailment_0(tmp_path):
    path = parquet(tmp_path / "a.parquet", [("p", "h", 0), ("p", "i", 1), ("p", "j", 2)])
    assert read(path).table["label"].to_pylist() == ["entailment", "neutral", "contradiction"]


def test_names_in_the_file_say_what_its_numbers_mean(tmp_path):
    path = parquet(tmp_path / "a.parquet", [("p", "h", 0), ("p", "i", 1)], ("contradiction", "entailment", "neutral"))
    assert read(path).table["label"].to_pylist() == ["contradiction", "entailment"]
    wrong = parquet(tmp_path / "b.parquet", [("p", "h", 0)], ("neutral", "entailement", "contradiction"))
    with pytest.raises(UserError, match=r"b.parquet: label name 'entailement' .*did you mean 'entailment'"):
        read(wrong)


def test_shards_are_counted_on(tmp_path):
    paths = [parquet(tmp_path / f"{i}.parquet", numbered(rows("dev"))) for i in range(2)]
    assert read_files(paths, "en", "dev", {}).table["id"].to_pylist() == [f"xnli-dev-{i}" for i in range(6)]


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"premise": ["a"], "hypothesis": ["b"], "label": [3]}, r"row 0: unknown label 3; expected 0 … 2, or -1"),
        (
            {"premise": ["a"], "hypothesis": ["b"], "label": [0.0]},
            r"column 'label' is double, expected numbers or words",
        ),
        (
            {"premise": ["a"], "hypothesis": ["b"], "label": ["netural"]},
            r"row 0: unknown label 'netural'; did you mean",
        ),
        (
            {"premise": ["a"], "hypotheses": ["b"], "label": [0]},
            r"column 'hypothesis' is missing; did you mean 'hypoth",
        ),
        ({"premise": [{"en": "a"}], "hypothesis": ["b"], "label": [0]}, r"column 'premise' is struct.*one language"),
        ({"premise": ["a", "b"], "hypothesis": ["b", "c"], "label": [0, None]}, r"row 1: bears no label"),
    ],
)
def test_parquet_of_another_shape_is_refused(tmp_path, table, says):
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=rf"a.parquet: {says}"):
        read(tmp_path / "a.parquet")


def test_truncated_parquet_is_refused(tmp_path):
    path = parquet(tmp_path / "a.parquet", numbered(rows("dev")))
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(UserError, match=r"a.parquet: not a readable Parquet file"):
        read(path)


# ------------------------------------------------------------------------------------------------------------------ labels


def test_labels_apart_belong_to_the_rows_of_their_lines(tmp_path):
    folder = write_xtreme(tmp_path)
    table = read(folder / "test-en.tsv", "test", labels=folder / "test-labels.txt").table
    assert content(table) == rows("test")


@pytest.mark.parametrize(
    ("labels", "says"),
    [
        (LABELS["test"][:-1], r"test-labels.txt: 5 labels for the 6 pairs of .*test-en.tsv; expected one for each"),
        ([*LABELS["test"], "neutral"], r"test-labels.txt: 7 labels for the 6 pairs"),
        ([*LABELS["test"][:2], "nuetral", *LABELS["test"][3:]], r"test-labels.txt:3: unknown label 'nuetral'; did you"),
        (
            [*LABELS["test"][:2], "", *LABELS["test"][3:]],
            r"test-labels.txt:3: an empty line; expected one label a line",
        ),
        (["0"] * 6, r"test-labels.txt:1: label 0 is a number, .*expected entailment, neutral, contradiction"),
        ([], r"test-labels.txt: the file is empty; expected one label a line"),
    ],
)
def test_labels_apart_that_do_not_fit_are_refused(tmp_path, labels, says):
    folder = write_xtreme(tmp_path)
    written(folder, "".join(f"{label}\n" for label in labels), "test-labels.txt")
    with pytest.raises(UserError, match=says):
        read(folder / "test-en.tsv", "test", labels=folder / "test-labels.txt")


def test_labels_apart_must_agree_with_those_in_the_file(tmp_path):
    folder = write_xtreme(tmp_path)
    written(folder, tsv(rows("test")), "test-en.tsv")
    assert content(read(folder / "test-en.tsv", "test", labels=folder / "test-labels.txt").table) == rows("test")
    written(folder, "\n".join(reversed(LABELS["test"])), "test-labels.txt")
    with pytest.raises(UserError, match=r"test-labels.txt:1: 'contradiction', but .*test-en.tsv:1 says 'entailment'"):
        read(folder / "test-en.tsv", "test", labels=folder / "test-labels.txt")


def test_a_test_file_without_labels_is_refused_with_advice(tmp_path):
    folder = write_xtreme(tmp_path / "own", labels=False)
    with pytest.raises(UserError, match=r"test-sw.tsv: bears no labels.*test-labels.txt beside it.*say test: dev"):
        fetch(spec(sources=["folder"]), tmp_path / "work", None, folder)
    found = fetch(spec(sources=["folder"], test="dev"), tmp_path / "work", None, folder)
    assert [[path.name for path in files] for files in found.files.values()] == [["dev-sw.tsv"]]


def test_labels_that_were_blanked_are_no_labels(tmp_path):
    blanked = written(tmp_path, "a\tb\t\nc\td\t\n")
    with pytest.raises(UserError, match=r"dev-en.tsv: bears no labels, expected labelled dev pairs$"):
        read(blanked)
    half = written(tmp_path, "a\tb\tneutral\nc\td\t\n")
    with pytest.raises(UserError, match=r"dev-en.tsv:2: bears no label, though others in the file do"):
        read(half)


@pytest.mark.parametrize("word", WORDS)
def test_labels_are_words(tmp_path, word):
    assert read(written(tmp_path, f"a\tb\t{word}\n")).table["label"].to_pylist() == [word]


def test_contradictory_is_contradiction(tmp_path):
    assert read(written(tmp_path, "a\tb\tcontradictory\n")).table["label"].to_pylist() == ["contradiction"]


@pytest.mark.parametrize(
    ("label", "says"),
    [
        ("2", r"dev-en.tsv:2: label 2 is a number, which means different things in different collections"),
        ("-1", r"dev-en.tsv:2: label -1 is a number"),
        ("Neutral", r"dev-en.tsv:2: unknown label 'Neutral'; did you mean 'neutral'"),
        ("neutral ", r"dev-en.tsv:2: unknown label 'neutral '; did you mean 'neutral'"),
    ],
)
def test_a_label_outside_the_map_is_refused_with_its_line(tmp_path, label, says):
    with pytest.raises(UserError, match=says):
        read(written(tmp_path, f"a\tb\tneutral\nc\td\t{label}\n"))


# --------------------------------------------------------------------------------------------------------------- bad input


def test_only_newlines_end_lines_and_quotes_are_data(tmp_path):
    text = 'a\x08\x1d\x0b\x0c\x1c\x85\u2028z\t"b, c\tneutral\n"d"\te\rf"\tentailment\n'
    assert content(read(written(tmp_path, text)).table) == [
        ("a\x08\x1d\x0b\x0c\x1c\x85\u2028z", '"b, c', "neutral"),
        ('"d"', 'e\rf"', "entailment"),
    ]


def test_empty_texts_are_dropped_and_counted_and_ids_stay(tmp_path):
    found = read(written(tmp_path, "a\tb\tneutral\n\tb\tneutral\na\t \u3000\tneutral\nc\td\tentailment\n"))
    assert found.table["id"].to_pylist() == ["xnli-dev-0", "xnli-dev-3"]
    assert found.dropped == {EMPTY: 2} and found.repaired == {}


def test_nothing_but_empty_texts_is_refused(tmp_path):
    with pytest.raises(UserError, match=rf"dev-en.tsv: no example is left \({EMPTY}: 1\)"):
        read(written(tmp_path, "\tb\tneutral\n"))


def test_undecided_pairs_are_dropped_and_counted(tmp_path):
    found = read(parquet(tmp_path / "a.parquet", [("p", "h", -1), ("p", "i", 1)]))
    assert found.table["id"].to_pylist() == ["xnli-dev-1"] and found.dropped == {NO_GOLD: 1}


def test_carriage_returns_and_byte_order_mark_are_mended_and_counted(tmp_path):
    found = read(written(tmp_path, "\ufeffa\tb\tneutral\r\nc\td\tentailment\r\n\r\n"))
    assert content(found.table) == [("a", "b", "neutral"), ("c", "d", "entailment")]
    assert found.repaired == {BOM: 1, CARRIAGE: 3}


def test_mends_of_the_label_file_count_too(tmp_path):
    folder = write_xtreme(tmp_path)
    written(folder, "\r\n".join(LABELS["test"]), "test-labels.txt")
    assert read(folder / "test-en.tsv", "test", labels=folder / "test-labels.txt").repaired == {CARRIAGE: 5}


def test_a_byte_order_mark_inside_is_data(tmp_path):
    assert content(read(written(tmp_path, "a\t\ufeffb\tneutral\n")).table) == [("a", "\ufeffb", "neutral")]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a\tb\tneutral\nc\td\te\tneutral\n", r"dev-en.tsv:2: 4 columns; line 1 has 3"),
        ("a\tb\tneutral\nc\td\n", r"dev-en.tsv:2: 2 columns; line 1 has 3"),
        ("a\tb\tneutral\n\nc\td\tneutral\n", r"dev-en.tsv:2: an empty line; expected premise<TAB>hypothesis"),
        ("a,b,neutral\n", r"dev-en.tsv:1: 1 columns; expected premise<TAB>hypothesis"),
        ("sentence1\tsentence2\tgold_label\na\tb\n", r"dev-en.tsv:2: 2 columns; line 1 has 3"),
        ("sentence1\tsentence2\tgold_label\n", r"dev-en.tsv: holds no pairs of language 'en'"),
        ("sentence1\tsentence\tgold_label\na\tb\tneutral\n", r"dev-en.tsv:1: unknown label 'gold_label'"),
        ("", r"dev-en.tsv: the file is empty"),
        ("\n\n", r"dev-en.tsv: the file is empty"),
        (b"a\tb\tneutral\nc\t\xe9\tneutral\n", r"dev-en.tsv:2: byte 0xe9: not UTF-8; .*iconv"),
        ("a\tb\tneutral\n".encode("utf-16"), r"dev-en.tsv:1: a UTF-16 byte order mark: not UTF-8"),
    ],
)
def test_broken_files_are_refused_with_the_place(tmp_path, text, says):
    with pytest.raises(UserError, match=says):
        read(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path):
    for name in ("dev-en.tsv", "a.parquet"):
        with pytest.raises(UserError, match=rf"{name}: no such file"):
            read(tmp_path / name)


def test_duplicates_stay_and_are_counted(tmp_path):
    folder = write_xtreme(tmp_path)
    written(folder, tsv([*rows("dev", "sw"), rows("dev", "sw")[0], rows("test", "sw")[1]]), "dev-sw.tsv")
    loaded = load(spec(), write_manifest(folder, XTREME))
    described = report.describe("nli", loaded.splits)["dev"]
    assert described["rows"] == 5 and described["duplicates_within"] == 1
    assert described["duplicates_across"] == {"train": 0, "test": 1}


# ---------------------------------------------------------------------------------------------------------------- fetching


@pytest.fixture
def server(tmp_path, monkeypatch):
    root = tmp_path / "served"
    write_hub(root / "datasets" / "owner" / "xnli")
    (root / "datasets" / "owner" / "xnli" / "README.md").write_text("card")
    write_zip(root / "XNLI-1.0.zip", write_original(tmp_path / "in"), "XNLI-1.0")
    write_zip(root / "escape.zip", tmp_path / "in", "XNLI-1.0", {"../../outside.txt": "x"})
    with serve(root) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


def work(tmp_path):
    return tmp_path / "raw" / "xnli-1" / "sw" / ".partial"


def test_from_the_hub(server, tmp_path):
    found = fetch(spec(sources=["hub"], hub=HUB), work(tmp_path), None, None)
    assert [path.name for path in found.files["dev"]] == ["validation-00000-of-00001.parquet"]
    assert content(read_files(found.files["test"], "sw", "test", {}).table) == rows("test", "sw")
    assert not [path for _, path, _ in server.log if "train-00000" in path]  # translations are not fetched


def test_a_language_the_hub_lacks(server, tmp_path):
    with pytest.raises(UserError, match=r"no files for language 'sv'; did you mean 'sw'\?; available: de, en, sw"):
        fetch(spec("sv", sources=["hub"], hub=HUB), work(tmp_path), None, None)


def test_from_the_archive(server, tmp_path):
    archive = {"url": f"{server.url}/files/XNLI-1.0.zip"}
    found = fetch(spec(sources=["archive"], archive=archive), work(tmp_path), None, None)
    assert content(read_files(found.files["dev"], "sw", "dev", {}).table) == rows("dev", "sw")
    again = fetch(
        spec("de", sources=["archive"], archive=archive), work(tmp_path).parents[1] / "de" / ".partial", None, None
    )
    assert again.files["dev"] and len([1 for _, path, _ in server.log if path.endswith(".zip")]) == 1


def test_an_archive_that_escapes_its_folder_is_refused(server, tmp_path):
    archive = {"url": f"{server.url}/files/escape.zip"}
    with pytest.raises(UserError, match=r"refused: '../../outside.txt' would be written outside its folder"):
        fetch(spec(sources=["archive"], archive=archive), work(tmp_path), None, None)
    assert not list(tmp_path.rglob("outside.txt"))


def test_the_original_address_is_used_where_none_is_given(tmp_path, monkeypatch):
    def refuse(url, path, sha256):
        raise UserError(f"{url}: no network here")

    monkeypatch.setattr(xnli_fetch.sources, "download", refuse)
    with pytest.raises(UserError, match=rf"archive \({ARCHIVE}\): {ARCHIVE}: no network here"):
        fetch(spec(sources=["archive"]), work(tmp_path), None, None)


def test_the_labels_of_the_test_split_come_with_it(tmp_path):
    folder = write_xtreme(tmp_path / "mirror" / "xnli")
    found = fetch(spec(sources=["mirror"]), tmp_path / "work", tmp_path / "mirror", None)
    assert found.files == {"dev": [folder / "dev-sw.tsv"], "test": [folder / "test-sw.tsv", folder / "test-labels.txt"]}
    assert found.notes == []


def test_a_missing_language_or_split_is_named(tmp_path):
    folder = write_xtreme(tmp_path / "own")
    with pytest.raises(UserError, match=r"no files for language 'fr'; .*: de, en, sw"):
        fetch(spec("fr", sources=["folder"]), tmp_path / "work", None, folder)
    (folder / "test-sw.tsv").unlink()
    with pytest.raises(
        UserError, match=r"no test file for language 'sw'; expected test: test-sw.tsv or sw/test\*.parquet"
    ):
        fetch(spec(sources=["folder"]), tmp_path / "work", None, folder)


def test_counts_are_checked(tmp_path):
    folder = write_xtreme(tmp_path / "own")
    with pytest.raises(UserError, match=r"dev holds 3 examples, expected 2,490; test holds 6 examples, expected 5,010"):
        fetch(spec(sources=["folder"], expected={}), tmp_path / "work", None, folder)
    shutil.copy(folder / "dev-sw.tsv", folder / "dev-qu.tsv")
    shutil.copy(folder / "test-sw.tsv", folder / "test-qu.tsv")
    found = fetch(spec("qu", sources=["folder"], expected={}), tmp_path / "work", None, folder)
    assert found.notes[0] == "dev: 3 examples, not checked: no count is known for 'qu'"


def test_a_whole_split_has_its_classes_in_balance(tmp_path, monkeypatch):
    monkeypatch.setattr(xnli_fetch, "EXPECTED", COUNTS)
    folder = write_xtreme(tmp_path / "own")
    assert fetch(spec(sources=["folder"], expected={}), tmp_path / "work", None, folder).notes == []
    written(folder, "\n".join(["neutral", *LABELS["test"][1:]]), "test-labels.txt")
    with pytest.raises(UserError, match=r"1 entailment, 3 neutral, 2 contradiction; XNLI has as many of each"):
        fetch(spec(sources=["folder"], expected={}), tmp_path / "work", None, folder)


def test_the_helper_files_are_parallel():
    keys = [[row[6] for row in original("test") if row[0] == language] for language in TEXTS]
    assert keys[0] == keys[1] == keys[2]


# --------------------------------------------------------------------------------------------------------------- real data


@pytest.mark.skipif(not (MIRROR / "xnli").is_dir(), reason="no mirror of XNLI beside the repository")
def test_all_languages_of_the_mirror_are_whole_and_parallel(tmp_path):
    assert len(LANGUAGES) == 15
    labels = {}
    for language in LANGUAGES:
        found = fetch(spec(language, sources=["mirror"], expected={}), tmp_path / language, MIRROR, None)
        assert found.notes == [] and found.failures == [], language
        for split, files in found.files.items():
            one = read_files(files, language, split, {})
            assert (one.dropped, one.repaired) == ({}, {}), (language, split)
            pairs = dict(zip(one.table["id"].to_pylist(), one.table["label"].to_pylist(), strict=True))
            assert labels.setdefault(split, pairs) == pairs, (language, split)
    assert {split: len(pairs) for split, pairs in labels.items()} == {"dev": 2490, "test": 5010}


@pytest.mark.skipif(not (MIRROR / "xnli").is_dir(), reason="no mirror of XNLI beside the repository")
def test_control_characters_of_real_files_are_kept():
    # Counted in the files by bytes: U+0008 four times in Greek dev, U+FEFF inside lines three times in Hindi dev.
    greek = read_files([MIRROR / "xnli" / "dev-el.tsv"], "el", "dev", {}).table
    hindi = read_files([MIRROR / "xnli" / "dev-hi.tsv"], "hi", "dev", {}).table
    assert sum(text.count("\x08") for row in content(greek) for text in row) == 4
    assert sum(text.count("\ufeff") for row in content(hindi) for text in row) == 3
