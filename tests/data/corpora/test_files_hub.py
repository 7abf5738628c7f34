"""Own files on the hub and in archives: what is downloaded, what is said of what is not there, names of numbered classes."""

import hashlib
import io
import zipfile

import pytest

from pipeline.common.errors import UserError
from pipeline.config.datasets.files import Files
from pipeline.data import sources
from pipeline.data.corpora.files.fetch import fetch
from pipeline.data.corpora.files.read import read_files
from pipeline.data.corpora.files.remote import LISTED, Repository, listed
from pipeline.data.formats.class_labels import class_names, named
from tests.data.corpora.ready import parquet
from tests.hub_server import COMMIT, serve

ROWS = "text,label\ngood day,positive\nbad day,negative\n"
HUB = {"repository": "owner/set", "revision": COMMIT}
CLASSES = {"names": ["negative", "positive"], "_type": "ClassLabel"}
NUMBERED = {"text": ["good", "bad", "so so"], "label": [1, 0, 1]}


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    files = {
        "datasets/owner/set/README.md": "of no use here",
        **{f"datasets/owner/set/data/{code}/train.csv": ROWS for code in ("jv", "su", "min")},
        **{f"datasets/owner/set/parts/jv/train-{i}.csv": f"text,label\npart {i},positive\n" for i in (2, 10)},
        **{f"datasets/owner/set/many/train-{n:03}.csv": ROWS for n in range(40)},
        "datasets/owner/set-jv/train.csv": ROWS,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "datasets/owner/set/numbered.parquet").write_bytes(parquet(NUMBERED, {"label": CLASSES}))
    with serve(folder) as server:
        yield server


@pytest.fixture
def here(hub, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setattr(sources, "PAUSE", 0.0)
    hub.log.clear()
    return hub


def spec(language="jv", **options):
    options = {"task": "sentiment", "hub": HUB, "files": {"train": "data/{language}/train.csv"}} | options
    return {**Files.model_validate({"loader": "files", **options}).model_dump(by_alias=True), "language": language}


def get(tmp_path, mirror=None, **options):
    """Fetch as the stage does, which gives a folder of the language's own."""
    return fetch(spec(**options), tmp_path / "raw/jv/.partial", mirror, None)


def resolved(hub):
    return {path.partition(f"/resolve/{COMMIT}/")[2] for _, path, _ in hub.log if "/resolve/" in path}


def test_only_the_files_of_a_language_are_downloaded(here, tmp_path):
    found = get(tmp_path)
    assert [path.read_text() for path in found.files["train"]] == [ROWS]
    assert (found.source.kind, found.source.where) == ("hub", f"owner/set@{COMMIT}")
    assert resolved(here) == {"data/jv/train.csv"}


def test_parts_come_in_the_order_of_their_numbers(here, tmp_path):
    found = get(tmp_path, files={"train": "parts/{language}/train-*.csv"})
    assert [path.name for path in found.files["train"]] == ["train-2.csv", "train-10.csv"]
    assert len(get(tmp_path, files={"train": "**/j?/train.csv"}).files["train"]) == 1
    lists = get(tmp_path, files={"train": ["data/jv/train.csv", "data/su/train.csv"]}).files["train"]
    assert [path.parent.name for path in lists] == ["jv", "su"]


def test_a_repository_for_each_language_is_called_as_files_are(here, tmp_path):
    own = {"hub": {**HUB, "repository": "owner/set-{language}"}, "files": {"train": "train.csv"}}
    found = get(tmp_path, **own, languages={"jav": "jv", "sun": "su"}, language="jav")
    assert found.source.where.startswith("owner/set-jv@")
    with pytest.raises(UserError, match=r"'\*\.csv' is one file for 2 languages"):
        get(tmp_path, files={"train": "*.csv"}, languages={"jav": "jv", "sun": "su"}, language="jav")


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("data/jw/train.csv", r"files: train: no file of owner/set@0123456 matches 'data/jw/train.csv'; did you mean 'jv'\?; d"),
        ("data/jv/tran.csv", r"did you mean 'train.csv'\?; data/jv/ holds train.csv$"),
        ("data/jv/*.tsv", r"matches 'data/jv/\*.tsv'; data/jv/ holds train.csv$"),
        ("gone/x.csv", r"it holds README.md, data/, many/, numbered.parquet, parts/$"),
        ("many/train-39.csv", r"did you mean 'train-039.csv'\?; many/ holds train-039.csv, .* … \(40 in all\)$"),
        ("data/{language}/dev.csv", r"'data/jv/dev.csv'.*; 'jv' is not listed under `languages`, so it was looked"),
        ("../set/data/jv/train.csv", r"matches '../set/data"),
    ],
)  # fmt: skip
def test_what_matches_nothing_is_told_what_there_is(here, tmp_path, pattern, says):
    with pytest.raises(UserError, match=says):
        get(tmp_path, files={"train": pattern})


def test_names_are_bounded_and_the_nearest_come_first():
    names = [f"file-{i}" for i in range(99)] + ["zeta.csv"]
    assert listed(names, "zeta.cvs").startswith("zeta.csv, ")
    assert listed(names, "zeta.cvs").count(",") == LISTED - 1
    assert listed(["b", "a"], "b") == "a, b"
    assert listed([]) == "nothing"


def test_a_server_cannot_name_a_file_outside(monkeypatch):
    monkeypatch.setattr(sources, "hub_tree", lambda *_: ["../out.csv", "/etc/x.csv", ".hidden.csv", "in.csv"])
    assert Repository("a/b", COMMIT).matching("*.csv") == ["in.csv"]


def test_splits_that_a_language_lacks_are_left_out(here, tmp_path):
    files = {"train": "data/{language}/train.csv", "dev": "data/{language}/dev.csv"}
    found = get(tmp_path, files=files, optional=["dev"])
    assert list(found.files) == ["train"]
    assert found.notes[-1].startswith("dev: none; jv has no dev data, which `optional` allows")
    with pytest.raises(UserError, match=r"no file of owner/set@0123456 matches 'data/jv/dev.csv'"):
        get(tmp_path, files=files, optional=["train"])


def test_what_is_malformed_or_gone_is_named_as_it_is_called_there(here, tmp_path):
    with pytest.raises(UserError, match=rf"^owner/set@{COMMIT}: data/jv/train.csv: column 'body' is missing"):
        get(tmp_path, columns={"text": "body"})
    with pytest.raises(UserError, match=r"owner/gone@.*404"):
        get(tmp_path, hub={**HUB, "repository": "owner/gone"})


def test_labels_that_the_map_lacks_are_one_paragraph(here, tmp_path):
    with pytest.raises(UserError) as caught:
        get(tmp_path, labels={"positive": "good", "neutral": "so so"})
    said = str(caught.value)
    assert said.startswith(
        f"owner/set@{COMMIT}: data/jv/train.csv:3: unknown label 'negative' (1 row); write into the config"
    )
    assert 'labels: {"positive": good, "neutral": "so so", "negative": ?}' in said
    assert "\n" not in said


def test_a_mirror_stands_in_for_the_hub_where_it_has_the_repository(here, tmp_path):
    copy = tmp_path / "mirror/owner/set/data/jv/train.csv"
    copy.parent.mkdir(parents=True)
    copy.write_text(ROWS)
    found = get(tmp_path, mirror=tmp_path / "mirror")
    assert (found.source.kind, found.files["train"], here.log) == ("mirror", [copy], [])
    assert get(tmp_path, mirror=tmp_path / "elsewhere").source.kind == "hub"


# ------------------------------------------------------------------------------------------------------------- archives


def packed(folder, **members):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/"), text)
    folder.write_bytes(data.getvalue())
    return hashlib.sha256(data.getvalue()).hexdigest()


def test_an_archive_is_checked_fetched_once_and_searched_below_its_wrapping(here, tmp_path):
    sha256 = packed(here.folder / "a.zip", **{"set-1__jv__train.csv": ROWS, "set-1__su__train.csv": ROWS})
    given = {"hub": None, "archive": {"url": f"{here.url}/files/a.zip", "sha256": sha256}}
    for language in ("jv", "su"):
        work = tmp_path / "raw" / language / ".partial"
        found = fetch(spec(language, **given, files={"train": "{language}/train.csv"}), work, None, None)
        assert [path.read_text() for path in found.files["train"]] == [ROWS]
    assert fetch(
        spec(**given, files={"train": "set-1/jv/train.csv"}), work, None, None
    ).files  # from the archive's root, too
    assert [path for _, path, _ in here.log] == ["/files/a.zip"]
    with pytest.raises(UserError, match=r"/files/a.zip: set-1/jv/tran.csv: no such file; did you mean 'train.csv'\?"):
        fetch(spec(**given, files={"train": "jv/tran.csv"}), work, None, None)
    given["archive"] |= {"sha256": "0" * 64}
    with pytest.raises(UserError, match=rf"sha256 is {sha256}, expected 0000"):
        get(tmp_path / "new", **given)


def test_archives_of_languages_and_those_that_escape(here, tmp_path):
    packed(here.folder / "javanese.zip", **{"train.csv": ROWS})
    given = {"hub": None, "archive": {"url": f"{here.url}/files/{{language}}.zip"}, "files": {"train": "train.csv"}}
    assert get(tmp_path, **given, languages={"jv": "javanese", "su": "sundanese"}).files
    packed(here.folder / "evil.zip", **{"..__..__train.csv": ROWS})
    with pytest.raises(UserError, match=r"would be written outside its folder"):
        get(tmp_path, **given, languages={"jv": "evil"})


# ------------------------------------------------------------------------------------------------------ numbered classes


def labels_of(tmp_path, rows, names, **options):
    path = tmp_path / "a.parquet"
    path.write_bytes(parquet(rows, names))
    found = read_files([path], "jv", "train", spec(**options)).table
    return found.column(found.num_columns - 1).to_pylist()


def test_numbers_go_by_the_names_in_the_file_s_schema(here, tmp_path):
    found = get(tmp_path, files={"train": "numbered.parquet"})
    read = read_files(found.files["train"], "jv", "train", spec()).table
    assert read["label"].to_pylist() == ["positive", "negative", "positive"]
    three = {"names": ["bad", "so so", "good"], "_type": "ClassLabel"}
    meant = {"bad": "negative", "good": "positive", "so so": None}
    assert labels_of(tmp_path, NUMBERED | {"label": [0, 1, 2]}, {"label": three}, labels=meant) == [
        "negative",
        "positive",
    ]


def test_a_map_of_numbers_is_taken_at_its_word(tmp_path):
    swapped = {0: "positive", 1: "negative"}
    assert labels_of(tmp_path, NUMBERED, {"label": CLASSES}, labels=swapped) == ["negative", "positive", "negative"]
    assert labels_of(tmp_path, NUMBERED, {"label": CLASSES}, labels={"": None}) == ["positive", "negative", "positive"]
    assert labels_of(tmp_path, NUMBERED, {}, labels=swapped) == ["negative", "positive", "negative"]


def test_rows_without_a_class_and_numbers_of_none(tmp_path):
    some = NUMBERED | {"label": [1, -1, 0]}
    assert labels_of(tmp_path, some, {"label": CLASSES}, labels={"": None}) == ["positive", "negative"]
    with pytest.raises(UserError, match=r"a.parquet: row 1: no label \(1 row\)"):
        labels_of(tmp_path, some, {"label": CLASSES})
    with pytest.raises(
        UserError, match=r"a.parquet: row 1: class 2, and the file's schema names classes 0 to 1: negative, pos"
    ):
        labels_of(tmp_path, NUMBERED | {"label": [1, 2, 0]}, {"label": CLASSES})


@pytest.mark.parametrize("wrap", ["Sequence", "List", "list"])
def test_tags_go_by_names_too(tmp_path, wrap):
    label = {"names": ["O", "B-LOC", "I-LOC", "B-PER"], "_type": "ClassLabel"}
    feature = [label] if wrap == "list" else {"feature": label, "length": -1, "_type": wrap}
    rows = {"tokens": [["Mira", "in", "New", "York"]], "ner_tags": [[3, 0, 1, 2]]}
    found = labels_of(tmp_path, rows, {"ner_tags": feature}, task="ner", columns={"tags": "ner_tags"})
    assert found == [["B-PER", "O", "B-LOC", "I-LOC"]]


@pytest.mark.parametrize(
    "raw", [b"{", b"[]", b'{"info": null}', b'{"info": {"features": []}}', b'{"info": {"features": {"a": 1}}}']
)
def test_other_metadata_name_nothing(raw):
    assert class_names({b"huggingface": raw}) == {}
    assert class_names(None) == {}
    assert named("positive", ["negative", "positive"], "") == "positive"
    assert named("1", ["1", "2"], "") == "1"  # a name that looks like a number
