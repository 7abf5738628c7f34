import json
import zipfile
from itertools import combinations
from pathlib import Path

import pytest

from pipeline.common.errors import UserError
from pipeline.data import sources
from pipeline.data.corpora.mlqa.fetch import expected, fetch
from pipeline.data.corpora.mlqa.read import ABSENT, LANGUAGES, PAIRS, context_and_question, load, read_files
from pipeline.data.formats import placing
from pipeline.data.schema import check_table
from pipeline.stages import download as stage
from tests.data.qa_files import document, qa, write, write_parquet
from tests.hub_server import COMMIT, serve

MIRROR = Path(__file__).parents[3] / "../shared/data"
real = pytest.mark.skipif(not (MIRROR / "mlqa").is_dir(), reason="no mirror of MLQA beside the repository")

# By split and language of the context: two dev questions and three test questions, one of which is in German only.
GERMAN = "Lima liegt in Peru."  # Peru at 14
CONTENT = {
    ("dev", "de"): document((GERMAN, [qa("d1", ("Peru", 14)), qa("d2", ("Lima", 0))])),
    ("dev", "es"): document(("Lima está en Perú.", [qa("d1", ("Perú", 13))])),
    ("test", "de"): document(
        (GERMAN, [qa("t1", ("Peru", 14))]), ("Nur hier.", [qa("t3", ("hier", 4)), qa("t2", ("Nur", 0))])
    ),
    ("test", "es"): document(("Lima está en Perú.", [qa("t1", ("Perú", 13))])),
}
COUNTS = {"de": {"dev": 2, "test": 3}, "es": {"dev": 1, "test": 1}, "de.es": {"dev": 2, "test": 3}}


def spec(language="de", **options):
    base = {"dataset": "mlqa-1", "language": language, "loader": "mlqa", "sources": ["folder"], "expected": COUNTS}
    return base | options


def original(folder, languages=("de", "es", "de.es"), splits=("dev", "test"), pattern="{split}/{name}.json"):
    for language in languages:
        context, question = context_and_question(language)
        for split in splits:
            name = f"{split}-context-{context}-question-{question}"
            write(folder / pattern.format(split=split, name=name), CONTENT[split, context])
    return folder


def hub(folder, above="MLQA"):
    for split, name in (("dev", "validation"), ("test", "test")):
        for pair in ("de.de", "de.es", "es.es"):
            content = CONTENT[split, pair[:2]]
            write_parquet(folder / f"{above}.{pair}" / f"{name}-00000-of-00001.parquet", content)
    return folder


def manifest(obtained, folder):
    """What `python -m pipeline.stages.download` would leave of files."""
    files = {}
    for split, found in obtained.files.items():
        names = [f"{split}-{number}{path.suffix}" for number, path in enumerate(found)]
        for name, path in zip(names, found, strict=True):
            write(folder / name, path.read_bytes())
        files[split] = [{"name": name} for name in names]
    return write(folder / "manifest.json", {"files": files, "notes": obtained.notes})


def loaded(wanted, tmp_path, folder=None, mirror=None):
    obtained = fetch(wanted, tmp_path / "work", mirror, folder)
    return load(wanted, manifest(obtained, tmp_path / "raw"))


def rows(split):
    check_table(split.table, "qa", "here")
    return {row["id"]: (row["lang"], row["answers"], row["starts"]) for row in split.table.to_pylist()}


# --------------------------------------------------------------------------------------------------------------- languages


def test_languages_and_pairs():
    assert context_and_question("de") == ("de", "de") and context_and_question("de.es") == ("de", "es")
    assert len(PAIRS) == len(set(PAIRS)) == 49 and {"zh", "zh.ar", "en.de"} <= set(PAIRS)


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("de.de", r"language 'de.de'; did you mean 'de'\? \(context and question alike\)"),
        (
            "de.eo",
            r"language 'de.eo'; did you mean 'de.e.'\?; expected one of ar, de, en, es, hi, vi, zh, or two of them",
        ),
        ("qu", r"language 'qu'; expected one of ar, de, .*CONTEXT.QUESTION"),
        ("de-es", r"language 'de-es'; did you mean 'de.es'"),
        ("", r"language ''; expected"),
    ],
)
def test_other_languages_are_refused(tmp_path, language, says):
    for call in (lambda: fetch(spec(language), tmp_path, None, tmp_path), lambda: load(spec(language), tmp_path)):
        with pytest.raises(UserError, match=says):
            call()


# ------------------------------------------------------------------------------------------------------------------ splits


def test_dev_and_test_without_train(tmp_path):
    found = loaded(spec(), tmp_path, original(tmp_path / "own"))
    assert rows(found.splits["dev"]) == {
        "mlqa-dev-d1": ("de", ["Peru"], [14]),
        "mlqa-dev-d2": ("de", ["Lima"], [0]),
    }
    assert list(rows(found.splits["test"])) == ["mlqa-test-t1", "mlqa-test-t3", "mlqa-test-t2"]  # the file's order
    assert found.splits["train"].table.num_rows == 0
    assert found.absent == {"train": ABSENT["train"]} and "source_dataset" in ABSENT["train"]
    assert found.task == "qa" and found.text["text"].to_pylist() == [GERMAN, "Where?"]
    assert "that of dev" in found.notes[-1]


def test_the_same_question_has_one_id_in_all_languages(tmp_path):
    folder = original(tmp_path / "own")
    ids = {
        name: set(rows(loaded(spec(name), tmp_path / name, folder).splits["test"])) for name in ("de", "es", "de.es")
    }
    assert ids["de"] & ids["es"] == {"mlqa-test-t1"} and ids["de.es"] == ids["de"]


def test_a_pair_is_called_as_in_the_config(tmp_path):
    found = loaded(spec("de.es"), tmp_path, original(tmp_path / "own"))
    assert rows(found.splits["test"])["mlqa-test-t1"] == ("de.es", ["Peru"], [14])


def test_tested_on_dev_there_is_no_dev(tmp_path):
    wanted = spec(test="dev")
    found = loaded(wanted, tmp_path, original(tmp_path / "own", splits=("dev",)))
    assert list(rows(found.splits["test"])) == ["mlqa-dev-d1", "mlqa-dev-d2"]
    assert found.splits["dev"].table.num_rows == 0 and found.text.num_rows == 0
    assert found.absent == ABSENT


def test_dev_cannot_be_cut_from_a_train_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"mlqa de: dev cannot be cut from the training split: there is none"):
        loaded(spec(dev={"from": "train"}), tmp_path, original(tmp_path / "own"))


def test_nothing_downloaded():
    with pytest.raises(UserError, match=r"run `python -m pipeline.stages.download` first"):
        load(spec())


# ---------------------------------------------------------------------------------------------------------------- fetching


@pytest.mark.parametrize(
    "pattern",
    ["MLQA_V1/{split}/{name}.json", "{split}/{name}.json", "{name}.json", "derived-{split}/{name}.subset.json"],
)
@pytest.mark.parametrize("language", ["de", "de.es"])
def test_every_layout_of_json(tmp_path, pattern, language):
    found = loaded(spec(language), tmp_path, original(tmp_path / "own", pattern=pattern))
    assert (found.splits["dev"].table.num_rows, found.splits["test"].table.num_rows) == (2, 3)


@pytest.mark.parametrize("above", ["MLQA", "mlqa"])
def test_the_hubs_layout_in_a_folder(tmp_path, above):
    plain = loaded(spec("de.es"), tmp_path / "1", original(tmp_path / "own"))
    found = loaded(spec("de.es"), tmp_path / "2", hub(tmp_path / "hub", above))
    for split in ("dev", "test"):
        assert found.splits[split].table.equals(plain.splits[split].table)


def test_the_mirror_is_searched_below_its_name_and_the_whole_test_set_first(tmp_path):
    folder = original(tmp_path / "mirror" / "mlqa", pattern="MLQA_V1/{split}/{name}.json")
    part = document((GERMAN, [qa("t1", ("Peru", 14))]))
    write(folder / "derived-test/test-context-de-question-de.subset.json", part)
    wanted = spec(sources=["folder", "mirror"])
    found = fetch(wanted, tmp_path / "work", tmp_path / "mirror", None)
    assert found.source.kind == "mirror" and found.files["test"][0].parent.name == "test"
    (folder / "MLQA_V1/test/test-context-de-question-de.json").unlink()
    with pytest.raises(UserError, match=r"test holds 1 examples, expected 3; .*set expected: \{de: \{test: 1\}\}"):
        fetch(wanted, tmp_path / "work", tmp_path / "mirror", None)
    fewer = spec(sources=["mirror"], expected={"de": {"dev": 2, "test": 1}})
    assert fetch(fewer, tmp_path / "work", tmp_path / "mirror", None).notes == []


def test_a_missing_language_lists_those_there(tmp_path):
    with pytest.raises(UserError, match=r"no files for language 'es'; .*'de.es'"):
        fetch(spec("es"), tmp_path / "work", None, original(tmp_path / "own", ("de", "de.es")))


def test_a_copy_without_test_files_says_what_to_do(tmp_path):
    says = r"no test file for language 'de'; expected test: MLQA_V1/test/.*; to test on the dev .*, say test: dev"
    with pytest.raises(UserError, match=says):
        fetch(spec(), tmp_path / "work", None, original(tmp_path / "own", splits=("dev",)))


def test_test_files_whose_answers_were_taken_out_are_never_used_silently(tmp_path):
    folder = original(tmp_path / "own")
    blank = document((GERMAN, [qa("t1", ("", 0)), qa("t2", ("", 0))]))
    write(folder / "test/test-context-de-question-de.json", blank)
    with pytest.raises(UserError, match=r"none of 2 questions bears an answer .*to test on the dev .*say test: dev"):
        fetch(spec(), tmp_path / "work", None, folder)
    blank["data"][0]["paragraphs"][0]["qas"][0]["answers"][0] = {"text": "Peru", "answer_start": 14}
    write(folder / "test/test-context-de-question-de.json", blank)
    with pytest.raises(UserError, match=r"test holds 1 examples, expected 3"):
        fetch(spec(), tmp_path / "work", None, folder)
    found = loaded(spec(expected={"de": {"dev": 2, "test": 1}}), tmp_path, folder)
    assert found.splits["test"].dropped == {placing.BLANK: 1}


@pytest.fixture
def server(tmp_path, monkeypatch):
    root = tmp_path / "served"
    hub(root / "datasets" / "google" / "xtreme")
    hub(root / "datasets" / "facebook" / "mlqa", "mlqa")
    original(tmp_path / "packed", pattern="{split}/{name}.json")
    with zipfile.ZipFile(root / "MLQA_V1.zip", "w") as zipped:
        for path in (tmp_path / "packed").rglob("*.json"):
            zipped.write(path, Path("MLQA_V1") / path.relative_to(tmp_path / "packed"))
    monkeypatch.setattr(sources.time, "sleep", lambda seconds: None)
    monkeypatch.chdir(tmp_path)
    with serve(root) as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        yield running


@pytest.mark.parametrize("repository", ["google/xtreme", "facebook/mlqa"])
def test_from_the_hub(server, repository):
    wanted = spec("de.es", sources=["hub"], hub={"repository": repository, "revision": COMMIT})
    path = stage.download(wanted)
    facts = json.loads(path.read_text())
    assert (facts["source"], facts["notes"]) == ("hub", [])
    assert [file["name"] for file in facts["files"]["dev"]] == ["dev-validation-00000-of-00001.parquet"]
    assert rows(load(wanted, path).splits["test"])["mlqa-test-t1"] == ("de.es", ["Peru"], [14])


def test_the_hub_lacks_it_and_the_archive_has_it(server):
    archive = {"url": f"{server.url}/files/MLQA_V1.zip"}
    repository = {"repository": "google/xtreme", "revision": COMMIT}
    for language in ("es.de", "de"):
        wanted = spec(language, sources=["hub", "archive"], hub=repository, archive=archive)
        if language == "es.de":
            with pytest.raises(UserError) as error:
                stage.download(wanted)
            assert "MLQA.es.de: " in str(error.value) and "no files for language 'es.de'" in str(error.value)
        else:
            wanted["sources"] = ["archive"]
            assert len(rows(load(wanted, stage.download(wanted)).splits["test"])) == 3
    assert [path for _, path, _ in server.log].count("/files/MLQA_V1.zip") == 1  # kept for all languages


# ------------------------------------------------------------------------------------------------------------------ counts


def test_the_built_in_counts():
    assert expected("zh") == {"dev": 504, "test": 5_137} and expected("en") == {"dev": 1_148, "test": 11_590}
    assert expected("zh.en") == expected("en.zh") == expected("zh")
    assert expected("de.es") == expected("es.de") == {"dev": 196, "test": 1_776}
    assert all(expected(pair)["dev"] > 100 for pair in PAIRS)


# --------------------------------------------------------------------------------------------------------------- real data


@real
def test_every_dev_set_of_the_mirror_passes_and_its_answers_stand_at_their_offsets(tmp_path):
    ids = {}
    for language in LANGUAGES:
        wanted = spec(language, sources=["mirror"], expected={}, test="dev")
        found = fetch(wanted, tmp_path, MIRROR, None)
        assert (found.notes, found.failures) == ([], []), language
        read = read_files(found.files["dev"], language, "dev", wanted)
        assert (read.dropped, read.repaired, read.mends) == ({}, {}, {}), language
        check_table(read.table, "qa", language)
        ids[language] = set(read.table["id"].to_pylist())
    for one, other in combinations(LANGUAGES, 2):  # questions that two languages share are the pairs' counts
        assert len(ids[one] & ids[other]) == expected(f"{one}.{other}")["dev"], (one, other)


@real
@pytest.mark.parametrize("language", ["de", "es", "vi", "zh"])
def test_the_mirrors_test_answers_were_taken_out_and_are_refused(tmp_path, language):
    with pytest.raises(UserError, match=r"none of \d,\d{3} questions bears an answer .*say test: dev"):
        fetch(spec(language, sources=["mirror"]), tmp_path, MIRROR, None)


@real
@pytest.mark.parametrize("language", ["vi", "zh", "ar"])
def test_the_mirror_end_to_end_with_dev_as_test(tmp_path, monkeypatch, language):
    monkeypatch.chdir(tmp_path)
    wanted = spec(language, sources=["mirror"], expected={}, test="dev")
    found = load(wanted, stage.download(wanted, mirror=MIRROR.resolve()))
    assert len(rows(found.splits["test"])) == expected(language)["dev"]
