"""Own data whose ids, languages, columns and files are spelt in several ways: one name, or why not."""

import unicodedata

import pytest

from pipeline.common.errors import UserError
from pipeline.config.datasets.files import Files
from pipeline.config.load import parse
from pipeline.data.corpora.files.asked import split_files
from pipeline.data.corpora.files.fetch import fetch
from pipeline.data.corpora.files.read import load, read_files
from pipeline.grid.inputs import Dataset
from tests.data.corpora.test_files import jsonl, manifest, read, rows, spec, write

NFD = unicodedata.normalize("NFD", "énoncé")


def sides(tmp_path, language, content):
    """Where each id of a file for all came to, without its prefix."""
    write(tmp_path, f"{language}.csv", content)
    given = spec(language, files={"all": "{language}.csv"}, columns={"id": "nr"}, cut={"dev": 0.2, "test": 0.3})
    loaded = load(given, manifest(tmp_path, all=f"{language}.csv"))
    return {name: part for part, split in loaded.splits.items() for name in split.table["id"].to_pylist()}


@pytest.mark.parametrize("spelt", ["{}.0", " {}", "{}\u00a0", "\u200b{}", "{}.00 "])
def test_ids_are_parallel_however_a_program_saved_them(tmp_path, spelt):
    def table(form):
        return "nr,text,label\n" + "".join(
            f"{form.format(i)},text {i},{'positive' if i % 2 else 'negative'}\n" for i in range(40)
        )

    first, second = sides(tmp_path, "jv", table("{}")), sides(tmp_path, "su", table(spelt))
    assert first == second and "files-all-17" in first


def test_ids_in_nfd_too_and_plain_ones_stay(tmp_path):
    content = f"nr,text,label\n{NFD},a,positive\nA-01,b,negative\n"
    found = read(tmp_path, "a.csv", content, columns={"id": "nr"})
    assert [row[0] for row in rows(found.table)] == ["files-train-énoncé", "files-train-A-01"]


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (
            "1",
            "1.0",
            r"a.csv:3: id '1.0' stands at .*a.csv:2 already, as '1': white space, .* fraction of .0 make no other id",
        ),
        (
            "énoncé",
            NFD,
            r"already, as 'énoncé': it looks the same, but has U\+00E9 .*; give one of the two rows another id",
        ),
        ("7", "7", r"a.csv:3: id '7' stands at .*a.csv:2 already$"),
    ],
)
def test_two_ids_of_one_file_that_are_one_are_refused_with_both_spellings(tmp_path, first, second, says):
    with pytest.raises(UserError, match=says):
        read(tmp_path, "a.csv", f"nr,text,label\n{first},a,positive\n{second},b,negative\n", columns={"id": "nr"})


@pytest.mark.parametrize("header", [f"{NFD},label", "\u200bénoncé ,label", "énoncé\u00a0, label"])
def test_columns_are_found_however_they_are_saved(tmp_path, header):
    columns = {"text": "énoncé"}
    expected = [("files-jv-train-0", "a", "positive")]
    assert rows(read(tmp_path, "a.csv", f"{header}\na,positive\n", columns=columns).table) == expected
    text, label = header.split(",")
    assert rows(read(tmp_path, "a.jsonl", jsonl({text: "a", label: "positive"}), columns=columns).table) == expected
    assert rows(read(tmp_path, "a.parquet", {text: ["a"], label: ["positive"]}, columns=columns).table) == expected


def test_a_column_that_looks_the_same_is_told_apart(tmp_path):
    with pytest.raises(
        UserError, match=r"column 'text' is missing; did you mean 'tеxt'\? it looks the same, but has U\+0435 CYR"
    ):
        read(tmp_path, "a.csv", "tеxt,label\na,positive\n")
    with pytest.raises(UserError, match=r"column 'text' stands there 2 times"):
        read(tmp_path, "a.csv", "text , text,label\na,b,positive\n")
    found = read(tmp_path, "a.csv", "text,text ,label\na,b,positive\n")  # one is there to the letter
    assert rows(found.table) == [("files-jv-train-0", "a", "positive")]


@pytest.mark.parametrize("spelt", ["français", "franc\u0327ais", " français\u00a0", "\u200efrançais"])
def test_languages_are_found_however_they_are_called(tmp_path, spelt):
    content = f"lang,text,label\n{spelt},a,positive\nid,b,negative\n"
    options = {"columns": {"language": "lang"}, "languages": {"fr": "français", "jv": "javanais"}}
    found = read_files([write(tmp_path, "a.csv", content)], "fr", "train", spec("fr", **options))
    assert found.table["text"].to_pylist() == ["a"]


def test_languages_that_look_the_same_are_told_apart_and_one_name_is_not_for_two(tmp_path):
    options = {"columns": {"language": "lang"}, "languages": {"jv": "jаva"}}  # with a Cyrillic letter
    with pytest.raises(
        UserError, match=r"no rows of 'jv', called 'jаva'; did you mean 'java'\? it looks the same, but has U\+0061"
    ):
        read(tmp_path, "a.csv", "lang,text,label\njava,a,positive\n", **options)
    called = {"jv": "java", "su": "java "}
    with pytest.raises(UserError, match=r"languages: (jv and su|su and jv) are both called"):
        split_files(spec("jv", **options | {"languages": called}))


def test_files_are_found_in_the_unicode_form_of_the_disk(tmp_path):
    write(tmp_path / "donne\u0301es", f"{NFD}.csv", "text,label\na,positive\n")
    given = spec(files={"train": "{language}.csv"}, languages={"jv": "énoncé"})
    obtained = fetch(given, tmp_path, None, tmp_path / "données")
    assert [path.name for path in obtained.files["train"]] == [f"{NFD}.csv"]
    dataset = Dataset("mine-1", "mine", given, ("jv",), folder=str(tmp_path / "données"), called={"jv": "énoncé"})
    assert tmp_path / "donne\u0301es" / f"{NFD}.csv" in dataset.own_files("jv")["train"]


def test_files_and_folders_that_look_the_same_are_told_apart(tmp_path):
    write(tmp_path / "own", "trаin.csv", "text,label\na,positive\n")  # with a Cyrillic letter
    with pytest.raises(
        UserError, match=r"train.csv: no such file; did you mean 'trаin.csv'\? it looks the same, but has U\+0430"
    ):
        fetch(spec(files={"train": "train.csv"}), tmp_path, None, tmp_path / "own")
    with pytest.raises(UserError, match=r"oun: no such folder; did you mean 'own'\?"):
        fetch(spec(files={"train": "train.csv"}), tmp_path, None, tmp_path / "oun")


@pytest.mark.parametrize("key", [True, False])
def test_labels_that_yaml_reads_as_truth_values_are_refused_by_their_key(key):
    given = {
        "loader": "files",
        "task": "sentiment",
        "folder": ".",
        "files": {"all": "a.csv"},
        "labels": {key: "a", "x": "b"},
    }
    with pytest.raises(
        UserError,
        match=rf"datasets.mine.labels.{str(key).lower()}: YAML reads no, yes, on, off, .*; put the label in quotes",
    ):
        parse({"datasets": {"mine": given}})
    assert Files.model_validate(given | {"labels": {"yes": "a", "no": "b", "": None}}).labels == {
        "yes": "a",
        "no": "b",
        "": None,
    }
