import json
from pathlib import Path

import pytest

from benchmarks.preprocess import measure, write_pairs
from pipeline.common.errors import UserError
from pipeline.data.corpora.multinli import fetch as multinli_fetch
from pipeline.data.corpora.multinli.fetch import ARCHIVE, EXPECTED, fetch
from pipeline.data.corpora.multinli.read import load, read_files
from pipeline.data.formats.lines import BOM, CARRIAGE
from pipeline.data.formats.pairs import EMPTY, NO_GOLD
from tests.data.nli_files import (
    AGREED,
    GENRE_COUNTS,
    PARTS,
    parquet,
    tsv,
    write_glue,
    write_manifest,
    write_multinli,
    write_multinli_hub,
    write_original,
    write_sample,
    write_zip,
)
from tests.hub_server import COMMIT, serve

MIRROR = Path(__file__).parents[3] / "../shared/data"
HUB = {"repository": "owner/multi_nli", "revision": COMMIT}
ON_DEV = {"test": "dev", "dev": {"from": "train", "fraction": 0.25, "seed": 0}}


def spec(**options):
    given = {"dataset": "multinli-1", "language": "en", "loader": "multinli", "expected": {"en": GENRE_COUNTS}}
    return given | options


def content(table):
    return list(zip(*(table[name].to_pylist() for name in ("premise", "hypothesis", "label")), strict=True))


def read(path, split="train"):
    return read_files([path], "en", split, {})


def manifest(folder):
    return write_manifest(folder, {split: [f"multinli_1.0_{part}.jsonl"] for split, part in PARTS.items()})


def written(folder, text, name="train.jsonl"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def line(premise="a", hypothesis="b", label="neutral", **more):
    return json.dumps({"sentence1": premise, "sentence2": hypothesis, "gold_label": label} | more) + "\n"


# ---------------------------------------------------------------------------------------------------------------- loading


def test_train_matched_and_mismatched(tmp_path):
    loaded = load(spec(), manifest(write_multinli(tmp_path)))
    assert {name: content(split.table) for name, split in loaded.splits.items()} == AGREED
    assert loaded.splits["dev"].table["id"].to_pylist() == ["multinli-en-dev-1", "multinli-en-dev-2"]
    assert loaded.splits["dev"].dropped == {NO_GOLD: 1} and loaded.splits["train"].dropped == {}
    assert loaded.absent == {} and loaded.notes == ("a note",)
    assert loaded.text["text"].to_pylist()[:3] == ["The cat sleeps.", "The cat rests.", "It rains."]


def test_dev_cut_from_train_and_tested_on_the_matched_set(tmp_path):
    loaded = load(spec(**ON_DEV), manifest(write_multinli(tmp_path)))
    assert {name: split.table.num_rows for name, split in loaded.splits.items()} == {"train": 3, "dev": 1, "test": 2}
    assert content(loaded.splits["test"].table) == AGREED["dev"]
    assert loaded.splits["dev"].table["id"][0].as_py().startswith("multinli-en-train-")


def test_other_languages_are_refused(tmp_path):
    says = r"language 'de'; MultiNLI is in English, 'en', only: use `loader: xnli`"
    with pytest.raises(UserError, match=says):
        load(spec(language="de"), manifest(write_multinli(tmp_path)))
    with pytest.raises(UserError, match=says):
        fetch(spec(language="de", sources=["folder"]), tmp_path / "work", None, tmp_path)


def test_files_of_several_languages_are_refused(tmp_path):
    path = write_original(tmp_path) / "xnli.dev.tsv"
    with pytest.raises(UserError, match=r"xnli.dev.tsv: holds rows in de, sw; MultiNLI is in English only"):
        read(path)


# ------------------------------------------------------------------------------------------------------------- every form


@pytest.mark.parametrize("form", ["jsonl", "txt", "below", "zip", "glue", "hub"])
def test_every_form_holds_the_same_pairs(tmp_path, form):
    folder = tmp_path / "own"
    if form in ("jsonl", "txt"):
        write_multinli(folder, form)
    elif form == "below":
        write_multinli(folder / "multinli_1.0")
    elif form == "zip":
        write_zip(
            folder / "multinli_1.0.zip", write_multinli(tmp_path / "in"), "multinli_1.0", {"multinli_1.0/Icon\r": ""}
        )
    elif form == "glue":
        write_glue(folder)
    else:
        write_multinli_hub(folder)
    found = fetch(spec(sources=["folder"]), tmp_path / "work", None, folder)
    tables = {split: read_files(files, "en", split, {}).table for split, files in found.files.items()}
    assert {split: content(table) for split, table in tables.items()} == AGREED
    assert tables["train"]["id"].to_pylist() == [f"multinli-en-train-{i}" for i in range(4)]


def test_a_sample_in_one_json_object(tmp_path):
    folder = write_sample(tmp_path / "own")
    found = fetch(spec(sources=["folder"], **ON_DEV), tmp_path / "work", None, folder)
    assert content(read_files(found.files["train"], "en", "train", {}).table) == AGREED["train"]
    assert content(read_files(found.files["dev"], "en", "dev", {}).table) == AGREED["dev"]


def test_a_sample_is_refused_unless_the_config_expects_it(tmp_path):
    folder = write_sample(tmp_path / "own")
    with pytest.raises(
        UserError, match=r"train holds 4 examples, expected 392,702; .*set expected: \{en: \{train: 4, dev: 2"
    ):
        fetch(spec(sources=["folder"], expected={}, **ON_DEV), tmp_path / "work", None, folder)
    with pytest.raises(UserError, match=r"no mismatched set, .*say test: dev and dev: \{from: train, fraction: 0.1\}"):
        fetch(spec(sources=["folder"]), tmp_path / "work", None, folder)


def test_a_folder_without_any_of_its_files(tmp_path):
    with pytest.raises(UserError, match=r"no files for language 'en', nor for any other"):
        fetch(spec(sources=["folder"]), tmp_path / "work", None, tmp_path)


def test_words_in_a_headers_order_are_found_by_name(tmp_path):
    path = written(tmp_path, "label\thypo\tpremise\ncontradictory\th\tp\n", "train.tsv")
    assert content(read(path).table) == [("p", "h", "contradiction")]


def test_the_gold_label_counts_not_an_annotators(tmp_path):
    path = written(tmp_path, "label1\tsentence1\tsentence2\tgold_label\nneutral\tp\th\tentailment\n", "train.tsv")
    assert content(read(path).table) == [("p", "h", "entailment")]


# --------------------------------------------------------------------------------------------------------------- bad input


def test_control_characters_in_json_are_data(tmp_path):
    raw = '{"sentence1": "a\x08\tb\x1d\x85", "sentence2": "c\u2028\\u001e", "gold_label": "neutral"}\n'
    assert content(read(written(tmp_path, raw)).table) == [("a\x08\tb\x1d\x85", "c\u2028\x1e", "neutral")]


def test_what_is_dropped_is_counted_and_ids_stay(tmp_path):
    text = line(label="-") + line(premise=" ") + line() + line(hypothesis="", label="-") + line(hypothesis="")
    found = read(written(tmp_path, text))
    assert found.table["id"].to_pylist() == ["multinli-en-train-2"]
    assert found.dropped == {NO_GOLD: 2, EMPTY: 2}


def test_known_counts_are_of_pairs_with_a_label_empty_or_not(tmp_path):
    folder = write_multinli(tmp_path / "own")
    with open(folder / "multinli_1.0_train.jsonl", "a") as file:
        file.write(line(hypothesis="") + line(label="-"))
    counts = GENRE_COUNTS | {"train": 5}
    assert fetch(spec(sources=["folder"], expected={"en": counts}), tmp_path / "work", None, folder).notes == []
    with pytest.raises(UserError, match=r"train holds 5 examples, expected 4"):
        fetch(spec(sources=["folder"]), tmp_path / "work", None, folder)


def test_carriage_returns_and_byte_order_marks_are_mended_and_counted(tmp_path):
    found = read(written(tmp_path, "\ufeff" + (line() + line()).replace("\n", "\r\n")))
    assert found.table.num_rows == 2 and found.repaired == {BOM: 1, CARRIAGE: 2}
    sample = json.dumps({"0": {"text_a": "a", "text_b": "b", "label": "neutral"}})
    assert read(written(tmp_path, "\ufeff" + sample, "train.json")).repaired == {BOM: 1}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (line() + line()[:30] + "\n", r"train.jsonl:2: not valid JSON \(truncated\?\): "),
        (line() + "\n" + line(), r"train.jsonl:2: an empty line; expected one JSON object a line"),
        (line() + "[]\n", r"train.jsonl:2: expected an object, got list"),
        (line() + '{"sentence1": "a", "sentense2": "b"}', r"train.jsonl:2: no hypothesis; .*did you mean 'sentense2'"),
        (line() + line(premise=None), r"train.jsonl:2: no premise; expected key premise or sentence1"),
        (line() + line(premise=3), r"train.jsonl:2: sentence1 is int, expected text"),
        (line() + line(label=["neutral"]), r"train.jsonl:2: gold_label is list, expected text"),
        (line() + line(label=1), r"train.jsonl:2: label 1 is a number, which means different things"),
        (line() + line(label="entails"), r"train.jsonl:2: unknown label 'entails'; did you mean 'entailment'"),
        (line() + line(label=None), r"train.jsonl:2: bears no label, though others in the file do"),
        (line(label=None), r"train.jsonl: bears no labels, expected labelled train pairs"),
        (line(premise="\ud800"), r"train.jsonl: multinli-en-train-0: surrogates not allowed"),
        (line().encode() + b'{"sentence1": "\xe9"}\n', r"train.jsonl:2: byte 0xe9: not UTF-8"),
        (line(label="-"), rf"train.jsonl: no example is left \({NO_GOLD}: 1\)"),
        ("", r"train.jsonl: the file is empty"),
    ],
)
def test_broken_jsonl_is_refused_with_its_line(tmp_path, text, says):
    with pytest.raises(UserError, match=says):
        read(written(tmp_path, text))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"0": {"text_a": "a",\n"text_b"', r"train.json:2: not valid JSON: .*truncated"),
        (line() + line(), r"train.json:2: not valid JSON: Extra data; files of one object a line must end in .jsonl"),
        ("3", r"train.json: expected an object of objects, got int"),
        ('{"0": {"text_a": "a", "text_b": "b", "label": "x"}}', r"train.json: entry 0: unknown label 'x'"),
        (b'{"0": "\xff"}', r"train.json: not UTF-8 at byte 7"),
    ],
)
def test_broken_json_is_refused_with_its_place(tmp_path, text, says):
    with pytest.raises(UserError, match=says):
        read(written(tmp_path, text, "train.json"))


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (["neutral", "a", "b"], None),  # the annotator's label is missing: it is not needed
        (["neutral", "a", "b", "neutral", "x"], r"train.txt:2: 5 columns; line 1 has 4"),
        (["neutral", "a"], r"train.txt:2: 2 columns; line 1 has 4"),
    ],
)
def test_ragged_lines(tmp_path, cells, says):
    path = written(tmp_path, tsv([("gold_label", "sentence1", "sentence2", "label1"), tuple(cells)]), "train.txt")
    if says is None:
        assert content(read(path).table) == [("a", "b", "neutral")]
    else:
        with pytest.raises(UserError, match=says):
            read(path)


# ---------------------------------------------------------------------------------------------------------------- fetching


@pytest.fixture
def server(tmp_path, monkeypatch):
    root = tmp_path / "served"
    write_multinli_hub(root / "datasets" / "owner" / "multi_nli")
    write_zip(root / "multinli_1.0.zip", write_multinli(tmp_path / "in"), "multinli_1.0")
    write_zip(root / "escape.zip", tmp_path / "in", "multinli_1.0", {"..\\..\\outside.txt": "x"})
    with serve(root) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


def work(tmp_path):
    return tmp_path / "raw" / "multinli-1" / "en" / ".partial"


def test_from_the_hub(server, tmp_path):
    found = fetch(spec(sources=["hub"], hub=HUB), work(tmp_path), None, None)
    assert [path.name for path in found.files["test"]] == ["validation_mismatched-00000-of-00001.parquet"]
    assert content(read_files(found.files["dev"], "en", "dev", {}).table) == AGREED["dev"]


def test_the_hubs_undecided_pairs_are_dropped(tmp_path):
    found = read(parquet(tmp_path / "a.parquet", [("p", "h", -1), ("p", "h", 2)]))
    assert content(found.table) == [("p", "h", "contradiction")] and found.dropped == {NO_GOLD: 1}


def test_from_the_archive(server, tmp_path):
    archive = {"url": f"{server.url}/files/multinli_1.0.zip"}
    found = fetch(spec(sources=["archive"], archive=archive), work(tmp_path), None, None)
    assert content(read_files(found.files["train"], "en", "train", {}).table) == AGREED["train"]


def test_an_archive_that_escapes_its_folder_is_refused(server, tmp_path):
    archive = {"url": f"{server.url}/files/escape.zip"}
    with pytest.raises(UserError, match=r"outside.txt' would be written outside its folder"):
        fetch(spec(sources=["archive"], archive=archive), work(tmp_path), None, None)
    assert not list(tmp_path.rglob("outside.txt"))


def test_the_original_address_and_counts(tmp_path, monkeypatch):
    def refuse(url, path, sha256):
        raise UserError(f"{url}: no network here")

    monkeypatch.setattr(multinli_fetch.sources, "download", refuse)
    with pytest.raises(UserError, match=rf"archive \({ARCHIVE}\): {ARCHIVE}: no network here"):
        fetch(spec(sources=["archive"]), work(tmp_path), None, None)
    assert EXPECTED == {"train": 392_702, "dev": 9_815, "test": 9_832}


@pytest.mark.parametrize("name", ["mnli", "multinli"])
def test_the_mirrors_folder_is_called_as_the_loader_or_mnli(tmp_path, name):
    write_glue(tmp_path / "mirror" / name)
    found = fetch(spec(sources=["mirror"]), tmp_path / "work", tmp_path / "mirror", None)
    assert found.source.kind == "mirror" and [f.name for f in found.files["test"]] == ["dev_mismatched.tsv"]


# --------------------------------------------------------------------------------------------------------- preprocess speed


def test_the_benchmarks_pairs_are_of_multinlis_form(tmp_path):
    assert write_pairs(tmp_path / "made", {"train": 30, "dev": 100, "test": 3}) == 30 + 102 + 3
    one = read(tmp_path / "made" / "multinli_1.0_dev_matched.jsonl", "dev")
    assert one.table.num_rows == 100 and one.dropped == {NO_GOLD: 2}
    labels = one.table["label"].to_pylist()
    assert [labels.count(label) for label in ("entailment", "neutral", "contradiction")] == [34, 33, 33]


def test_the_benchmark_measures_both_stages():
    record = measure(300)
    assert record["pairs"] == 300 and record["lines"] == 300
    assert record["reached"] is True and record["preprocess_s"] > 0 and record["download_s"] > 0
    assert 20 < record["preprocess_mb"] < record["goals"]["preprocess_mb"]


# --------------------------------------------------------------------------------------------------------------- real data


@pytest.mark.skipif(not (MIRROR / "mnli").is_dir(), reason="no mirror of MultiNLI beside the repository")
def test_the_mirrors_sample_is_read_with_its_config(tmp_path):
    counts = {"en": {"train": 8999, "dev": 1000}}
    found = fetch(spec(sources=["mirror"], expected=counts, **ON_DEV), tmp_path, MIRROR, None)
    tables = {split: read_files(files, "en", split, {}) for split, files in found.files.items()}
    labels = {split: one.table["label"].value_counts().to_pylist() for split, one in tables.items()}
    assert {row["values"]: row["counts"] for row in labels["train"]} == {
        "entailment": 3061,
        "neutral": 2980,
        "contradiction": 2958,
    }
    assert found.notes == [] and all(one.dropped == {} for one in tables.values())


@pytest.mark.skipif(not (MIRROR / "mnli").is_dir(), reason="no mirror of MultiNLI beside the repository")
def test_the_mirrors_few_shot_files_are_read_as_glue(tmp_path):
    counts = {"en": {"train": 48, "dev": 48}}
    for folder in sorted((MIRROR / "mnli" / "k-shot").iterdir()):
        found = fetch(spec(sources=["folder"], expected=counts, **ON_DEV), tmp_path, None, folder)
        labels = read_files(found.files["train"], "en", "train", {}).table["label"].to_pylist()
        assert [labels.count(label) for label in ("entailment", "neutral", "contradiction")] == [16, 16, 16]
