"""Every loader's section: what it takes, what it refuses, and what the config knows of a dataset before it is fetched."""

from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.config.datasets import Dataset
from pipeline.config.datasets.cls10 import Cls10
from pipeline.config.datasets.downloaded import Downloaded
from pipeline.config.datasets.facts import known_languages, lacks, lacks_text
from pipeline.config.load import load, parse
from pipeline.config.values import read_size
from pipeline.data import fetching
from pipeline.data.corpora.cls10 import fetch as cls10_fetch
from pipeline.data.corpora.marc import fetch as marc_fetch
from pipeline.data.corpora.mlqa import read as mlqa
from pipeline.data.corpora.multinli import read as multinli
from pipeline.data.corpora.sentipers import fetch as sentipers_fetch
from pipeline.data.corpora.sentiraama import fetch as sentiraama_fetch
from pipeline.data.corpora.xnli import fetch as xnli_fetch
from pipeline.data.loaders import LOADERS, fetch_module, loader_module
from pipeline.data.schema import SCHEMAS
from pipeline.grid.inputs import dataset_keys, dataset_spec
from tests.configs import COMMIT, errors, grid

HUB = {"repository": "a/b", "revision": COMMIT}
SECTIONS = {
    "babel": {"task": "qa", "seed": 3, "sizes": {"train": 10}},
    "wikiann": {"sources": ["hub"], "hub": HUB, "remove_duplicates": "train"},
    "xnli": {"sources": ["mirror", "archive"], "mirror": "m"},
    "multinli": {"sources": "archive", "test": "dev", "dev": {"from": "train", "fraction": 0.1}},
    "mlqa": {"sources": ["folder"], "folder": "f", "test": "dev"},
    "squad": {"sources": ["hub"], "hub": HUB, "unanswerable": "drop"},
    "marc": {"sources": ["hub"], "hub": {**HUB, "repository": "a/reviews_{language}"}, "title": True},
    "sentipers": {"sources": ["folder"], "folder": "f", "split": "clean"},
    "sentiraama": {"sources": ["mirror"], "mirror": "m"},
    "cls10": {"sources": ["folder"], "folder": "f", "domain": "dvd", "unlabelled": 100},
    "files": {"task": "sentiment", "folder": "f", "files": {"all": "{language}.csv"}},
}
"""By loader: a valid section with an option of its own, where it has one."""

DOWNLOADED = {
    get_args(member.model_fields["loader"].annotation)[0]: member
    for member in get_args(get_args(Dataset)[0])
    if issubclass(member, Downloaded)
}


def made(loader: str, **changes):
    """A checked dataset: a valid section with changes; `None` leaves a key out."""
    section = {key: value for key, value in {**SECTIONS[loader], **changes}.items() if value is not None}
    return parse({"datasets": {"one": {"loader": loader, **section}}}).datasets["one"]


def refused(loader: str, **changes) -> list[str]:
    """What is said of a section, without the path's beginning."""
    with pytest.raises(UserError) as caught:
        made(loader, **changes)
    return [line.removeprefix("datasets.one.") for line in str(caught.value).split("\n")]


def files(**changes):
    return refused("files", **changes)


# ------------------------------------------------------------------------------------------------------- every section


def test_every_loader_has_a_section():
    assert list(SECTIONS) == list(LOADERS)
    for loader in LOADERS:
        assert made(loader).loader == loader


@pytest.mark.parametrize("loader", LOADERS)
def test_an_unknown_key_is_refused_with_the_nearest(loader):
    assert refused(loader, loadr=1) == ["loadr: unknown key; did you mean 'loader'?"]


@pytest.mark.parametrize(
    ("loader", "changes", "message"),
    [
        ("squad", {"unanswerable": "keep"}, "unanswerable: expected 'refuse' or 'drop', got 'keep'"),
        ("marc", {"title": "perhaps"}, "title: expected yes or no, got 'perhaps'"),
        ("marc", {"hub": {**HUB, "repository": "{language}"}}, "hub.repository: expected owner/name, got '{language}'"),
        ("sentipers", {"split": "dirty"}, "split: expected 'published' or 'clean', got 'dirty'"),
        ("cls10", {"domain": "toys"}, "domain: expected 'books', 'dvd' or 'music', got 'toys'"),
        ("cls10", {"domain": None}, "domain: is required and missing"),
        ("cls10", {"unlabelled": 0}, "unlabelled: must be greater than or equal to 1, got 0"),
        ("cls10", {"dev": {"from": "test"}}, "dev.from: expected 'train', got 'test'"),
        ("xnli", {"test": "train"}, "test: expected 'test' or 'dev', got 'train'"),
        ("mlqa", {"sources": []}, "sources: List must have at least 1 item"),
        ("wikiann", {"sources": ["web"]}, "sources[0]: expected 'mirror', 'hub', 'archive' or 'folder', got 'web'"),
        ("babel", {"task": "text"}, "task: expected 'ner', 'sentiment', 'nli', 'qa' or 'relevance', got 'text'"),
        ("files", {"folder": None}, "folder: is required and missing"),
    ],
)
def test_wrong_options_are_refused(loader, changes, message):
    assert any(line.startswith(message) for line in refused(loader, **changes)), refused(loader, **changes)


@pytest.mark.parametrize("loader", DOWNLOADED)
@pytest.mark.parametrize("source", ["mirror", "hub", "folder"])
def test_every_source_needs_its_place(loader, source):
    nothing = {"mirror": None, "hub": None, "folder": None}
    (said,) = refused(loader, **{**nothing, "sources": [source]})
    if source in DOWNLOADED[loader].nowhere:
        assert said == f"sources[0]: {source!r}: {DOWNLOADED[loader].nowhere[source]}"
    else:
        assert said == f"{source}: is required by source {source!r} and missing"


@pytest.mark.parametrize("loader", DOWNLOADED)
def test_an_archive_needs_an_address_where_none_is_known(loader):
    nothing = {"mirror": None, "hub": None, "folder": None, "sources": ["archive"]}
    if "archive" in DOWNLOADED[loader].nowhere:
        (said,) = refused(loader, **nothing)
        assert said.startswith("sources[0]: 'archive': ")
    else:
        assert made(loader, **nothing).sources == ["archive"]
    assert made(loader, **nothing, archive={"url": "https://example.org/a.zip"}).archive.sha256 is None


# -------------------------------------------------------------------------------- what the config knows and loaders know


class Caught(Exception):
    """Where a loader's files lie, instead of a download."""


def places_of(loader: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Return where a loader says its files lie, for its first language; nothing is fetched."""
    module = fetch_module(loader)

    def catch(places, *_):
        raise Caught(places)

    monkeypatch.setattr(fetching, "fetch", catch)
    if hasattr(module, "fetch_from"):
        monkeypatch.setattr(module, "fetch_from", catch)
    section = made(loader).model_dump(by_alias=True)
    with pytest.raises(Caught) as caught:
        module.fetch({**section, "language": (*DOWNLOADED[loader].known, "qu")[0]}, tmp_path, tmp_path, tmp_path)
    return caught.value.args[0]


@pytest.mark.parametrize("loader", DOWNLOADED)
def test_what_the_config_knows_is_what_the_loader_knows(loader, monkeypatch, tmp_path):
    section, module = DOWNLOADED[loader], loader_module(loader)
    assert section.task == module.TASK
    assert set(section.absent) == set(paths.SPLITS) - set(getattr(module, "HAS", paths.SPLITS))
    places = places_of(loader, monkeypatch, tmp_path)
    lacking = {source for source, there in (("hub", places.hub), ("archive", places.archive)) if there is None}
    assert set(section.nowhere) == lacking


def test_languages_are_those_that_loaders_know():
    known = {loader: set(section.known) for loader, section in DOWNLOADED.items()}
    assert known == {
        "wikiann": set(),  # 282: its files tell
        "xnli": set(xnli_fetch.LANGUAGES),
        "multinli": {multinli.LANGUAGE},
        "mlqa": set(mlqa.PAIRS),
        "squad": {"en"},
        "marc": set(marc_fetch.LANGUAGES),
        "sentipers": {sentipers_fetch.LANGUAGE},
        "sentiraama": {sentiraama_fetch.LANGUAGE},
        "cls10": set(cls10_fetch.LANGUAGES),
    }
    assert len(DOWNLOADED["mlqa"].known) == 49


@pytest.mark.parametrize("loader", ["multinli", "mlqa", "squad", "sentipers", "sentiraama"])
def test_loaders_that_the_config_calls_closed_refuse_other_languages(loader, tmp_path):
    assert not DOWNLOADED[loader].others
    spec = {**made(loader).model_dump(by_alias=True), "language": "xx", "sources": ["folder"]}
    with pytest.raises(UserError, match="xx"):
        fetch_module(loader).fetch(spec, tmp_path, None, tmp_path)


USED = ["experiments.few.encoder=mbert", "experiments.few.methods=[zero_shot]", "tables="]


def used(loader: str, source: str, target: str, *overrides: str, **changes) -> list[str]:
    section = {"loader": loader, **SECTIONS[loader], **changes}
    given = [*USED, f"datasets.one={section!r}", "experiments.few.dataset=one"]
    return [*given, f"experiments.few.sources=[{source}]", f"experiments.few.targets=[{target}]", *overrides]


@pytest.mark.parametrize(
    ("loader", "language", "advice"),
    [
        ("multinli", "de", "did you mean 'en'?"),
        ("squad", "fr", "valid: en"),
        ("sentipers", "pes", "valid: fa"),
        ("sentiraama", "tel", "did you mean 'te'?"),
        ("xnli", "deu", "did you mean 'de'?"),
        ("marc", "jp", "did you mean 'ja'?"),
        ("cls10", "es", "did you mean 'en'?"),
        ("mlqa", "de.ess", "did you mean 'de.es'?"),
    ],
)
def test_a_language_that_the_dataset_has_not_is_refused_with_the_nearest(loader, language, advice):
    said = [line for line in errors(*used(loader, "en", language)) if ".targets[0]" in line]
    assert said == [f"experiments.few.targets[0]: unknown language {language!r}; {advice}"]
    said = [line for line in errors(*used(loader, language, "en")) if ".sources[0]" in line]
    assert said == [f"experiments.few.sources[0]: unknown language {language!r}; {advice}"]


def test_text_is_of_languages_that_the_dataset_has():
    said = errors(
        "datasets.one={loader: multinli, sources: archive}", "encoders.small.text=[{dataset: one, languages: [en, de]}]"
    )
    assert said == ["encoders.small.text[0].languages: unknown language 'de'; did you mean 'en'?"]


def test_wikianns_languages_are_not_known_beforehand():
    assert grid(*used("wikiann", "en", "anything"))


@pytest.mark.parametrize("loader", ["xnli", "marc", "cls10"])
def test_a_copy_may_have_more_languages_if_the_config_counts_them(loader):
    assert DOWNLOADED[loader].others
    dataset = made(loader, expected={"qu": {"test": 7}})
    assert known_languages(dataset) == [*DOWNLOADED[loader].known, "qu"]


@pytest.mark.parametrize(("loader", "advice"), [("squad", "did you mean 'en'?"), ("sentiraama", "valid: te")])
def test_counts_of_languages_that_cannot_be_are_refused(loader, advice):
    assert refused(loader, expected={"qn": {"test": 7}}) == [f"expected.qn: unknown language 'qn'; {advice}"]


# --------------------------------------------------------------------------------------------------------- absent splits


def test_splits_that_a_dataset_has_not():
    lacking = {loader: [split for split in paths.SPLITS if lacks(made(loader), split)] for loader in LOADERS}
    assert {loader: splits for loader, splits in lacking.items() if splits} == {
        "xnli": ["train"],
        "mlqa": ["train", "dev"],  # SECTIONS tests on dev
        "squad": ["test"],
    }
    assert lacks(made("mlqa"), "dev") == "its dev set is the test set"
    assert lacks(made("squad", test="dev", dev={"from": "train"}), "test") is None
    assert "CLS-10 has no dev set of its own" in lacks(
        Cls10(loader="cls10", sources="folder", domain="dvd", dev=None), "dev"
    )
    assert lacks(None, "train") is None


@pytest.mark.parametrize(
    ("given", "lacking"),
    [
        ({"files": {"train": "a.csv", "dev": "b.csv", "test": "c.csv"}}, {}),
        ({"files": {"train": "a.csv", "test": "c.csv"}}, {"dev": "`files` names no dev file"}),
        ({"files": {"train": "a.csv", "test": "c.csv"}, "dev": {"from": "train"}}, {}),
        (
            {"files": {"test": "c.csv"}},
            {"train": "`files` names no train file", "dev": "`files` names no dev file"},
        ),
        ({"cut": {"dev": 0}}, {"dev": "cut.dev is 0; give it a share"}),
        ({"cut": {"test": 0}}, {"test": "cut.test is 0; give it a share"}),
    ],
)
def test_splits_that_own_files_have_not(given, lacking):
    dataset = made("files", **given)
    assert {split: why for split in paths.SPLITS if (why := lacks(dataset, split))} == lacking


def test_raw_text_is_of_train_or_else_of_dev():
    assert lacks_text(made("xnli")) is None  # its dev set
    assert lacks_text(made("squad")) is None
    assert lacks_text(made("mlqa")).startswith("there is neither train nor dev to take it from; MLQA has dev and test")
    assert lacks_text(made("files", files={"test": "a.csv"})) == (
        "there is neither train nor dev to take it from; `files` names no train file"
    )


@pytest.mark.parametrize(
    ("loader", "changes", "message"),
    [
        (
            "xnli",
            {"dev": {"from": "train"}},
            "dev: cannot be cut from the training split: XNLI has dev and test sets only",
        ),
        (
            "mlqa",
            {"dev": {"from": "train"}},
            "dev: cannot be cut from the training split: MLQA has dev and test sets only",
        ),
        ("cls10", {"test": "dev"}, "test: cannot be dev: CLS-10 has no dev set of its own"),
        ("squad", {"test": "dev"}, "test: the dev set cannot be the test set and choose the epoch too; take dev from"),
        ("marc", {"test": "dev"}, "test: the dev set cannot be the test set and choose the epoch too; take dev from"),
    ],
)
def test_dev_and_test_are_splits_that_there_are(loader, changes, message):
    (said,) = refused(loader, **changes)
    assert said.startswith(message)


# --------------------------------------------------------------------------------------------------------- own files


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"files": {}}, "files: names no file; expected train, dev and test, or all"),
        (
            {"files": {"all": "a.csv", "test": "b.csv"}},
            "files: 'all' is divided into all splits, so no other file may stand beside it",
        ),
        ({"files": {"tarin": "a.csv"}}, "files.tarin: expected 'train', 'dev', 'test' or 'all', got 'tarin'"),
        ({"files": {"train": ""}}, "files.train: expected a path, or a list of paths, got ''"),
        (
            {"files": {"train": "a.csv", "dev": "b.csv", "test": "a.csv"}},
            "files.test: is the train file too; to divide one file: all, and cut",
        ),
        (
            {"files": {"all": "{lang}/{language}.csv"}},
            "files.all: '{lang}/{language}.csv': nothing is put for {lang}; did you mean {language}?",
        ),
        (
            {"files": {"all": "~/reviews/{language}.csv"}},
            "files.all: '~/reviews/{language}.csv': leads out of `folder`, which files are named below",
        ),
        ({"files": {"all": "../{language}.csv"}}, "files.all: '../{language}.csv': leads out of `folder`"),
        (
            {"dev": {"from": "train"}},
            "dev: is for a training file of its own; of one file for all, cut.dev says how much",
        ),
        (
            {"files": {"train": "a.csv", "dev": "b.csv"}, "dev": {"from": "train"}},
            "dev: there is a dev file already; leave out one of the two",
        ),
        (
            {"files": {"train": "a.csv"}, "cut": {"dev": 0.2}},
            "cut: divides one file for all splits, and there is none: this changes nothing; leave it out",
        ),
        ({"broken": "drop"}, "broken: is about tagged sentences, and task 'sentiment' has none; leave it out"),
        ({"scheme": "io"}, "scheme: is about tagged sentences, and task 'sentiment' has none; leave it out"),
        ({"scheme": "iob"}, "scheme: expected 'iob1', 'iob2', 'bioes', 'bilou', 'bmewo', 'ioe' or 'io', got 'iob'"),
        ({"cut": {"dev": 0.6, "test": 0.4}}, "cut: dev 0.6 and test 0.4 leave nothing to train on"),
        ({"cut": {"dev": 1.5}}, "cut.dev: must be less than or equal to 1, got 1.5"),
        ({"encoding": "utf9"}, "encoding: unknown encoding 'utf9'; expected one that Python knows"),
        ({"languages": {"jv": ""}}, "languages.jv: String must have at least 1 character, got ''"),
        ({"languages": {False: "norsk"}}, "languages.false: YAML reads no, yes, on and off as truth values"),
        ({"columns": {"txet": "body"}}, "columns.txet: unknown key; did you mean 'text'?"),
        (
            {"columns": {"premise": "body"}},
            "columns.premise: task 'sentiment' has no such column; valid: group, id, label, ",
        ),
        (
            {"folder": None},
            "folder: is required and missing: the path of a folder; or hub: {repository: owner/name, revision: COMMIT}, or ",
        ),
        ({"hub": HUB}, "hub: the files are in one place, and 'folder' says where; leave one of the two out"),
        ({"folder": None, "hub": HUB, "archive": {"url": "https://a.b/c.zip"}}, "archive: the files are in one place"),
        (
            {"mirror": "m"},
            "mirror: stands in for the hub, and there is no `hub`; for a folder of your own say `folder`",
        ),
        (
            {"folder": None, "archive": {"url": "data/a.zip"}},
            "archive.url: 'data/a.zip': expected an http:// or https:// address; unpack a file of yours and say `folder`",
        ),
        (
            {"folder": None, "archive": {"url": "https://a.b/{language}.zip", "sha256": "0" * 64}},
            "archive.sha256: is of one file, and {language} in the address makes an archive for each language",
        ),
        (
            {"folder": None, "hub": HUB, "files": {"train": "../{language}.csv"}},
            "files.train: '../{language}.csv': leads out of the repository or archive",
        ),
        ({"folder": None, "hub": {**HUB, "revision": "main"}}, "hub.revision: "),
        ({"language_until": "-"}, "language_until: is about the column `language`, which `columns` does not name"),
        ({"columns": {"text": 1.5}}, "columns.text: expected a column's name or number, got 1.5"),
        ({"columns": {"text": True}}, "columns.text: expected a column's name or number, got True; put it in quotes"),
    ],
)
def test_own_files_that_cannot_be(changes, message):
    said = files(**changes)
    assert len(said) == 1
    assert said[0].startswith(message), said


@pytest.mark.parametrize(
    ("task", "labels", "message"),
    [
        ("sentiment", {1: "bad"}, "labels: bad class; expected at least two"),
        ("sentiment", {"positive": None}, "labels: leaves the class positive out; list those that are left as well"),
        ("sentiment", {"1": "bad", 1: "good"}, "labels: label '1' stands there twice"),
        ("sentiment", {"1": "bad", "1.0": "good"}, "labels: '1' means 'bad' and 'good'; expected one class"),
        (
            "sentiment",
            {True: "good", "no": "bad"},
            "labels.true: YAML reads no, yes, on, off, true, false and null as such",
        ),
        ("sentiment", {1: True, 2: "bad"}, "labels.1: YAML reads no, yes, on, off, true, false and null as such"),
        (
            "sentiment",
            {None: "good", "x": "bad"},
            'labels.None: null is no label; put it in quotes, or write "" for rows without',
        ),
        (
            "sentiment",
            {date(2024, 1, 31): "good", "x": "bad"},
            "labels.2024-01-31: YAML reads 2024-01-31 as a date; put the label in",
        ),
        ("sentiment", ["bad", "good"], "labels: expected keys and values, got ['bad', 'good']"),
        ("qa", {1: "a", 2: "b"}, "labels: task qa has no labels; leave it out"),
        ("ner", {"PER": "person"}, "labels: 'person' is no tag; expected O, B-TYPE or I-TYPE"),
        ("ner", {"O": "O"}, "labels: no tag of an entity"),
        (
            "relevance",
            {0: "bad", 1: "good"},
            "labels: relevance is scored by f1_positive, and none of bad, good is the positive class; call it 'relevant'",
        ),
    ],
)
def test_labels_that_cannot_be(task, labels, message):
    said = files(task=task, labels=labels)
    assert len(said) == 1
    assert said[0].startswith(message), said


def test_labels_are_read_as_they_are_written(tmp_path):
    dataset = made("files", labels={1: "negative", 2.0: "negative", "3": None, 4: "null", "x": 5})
    assert dataset.labels == {"1": "negative", "2": "negative", "3": None, "4": None, "x": "5"}
    file = tmp_path / "c.yaml"
    file.write_text(
        "datasets:\n  one:\n    loader: files\n    task: sentiment\n    folder: f\n    files: {all: a.csv}\n"
        '    labels:\n      1: bad\n      "1": good\n'
    )
    with pytest.raises(UserError, match=r"c\.yaml:9: datasets\.one\.labels\.1: stands there twice, first on line 8"):
        load([file])


@pytest.mark.parametrize("task", ["ner", "nli", "qa", "relevance"])
def test_every_task_may_have_groups(task):
    assert made("files", task=task, labels={}, columns={"group": "document"}).columns.group == "document"


def test_columns_may_be_numbers():
    dataset = made("files", header="no", columns={"text": 0, "label": "1", "id": "null"})
    assert (dataset.columns.text, dataset.columns.label, dataset.columns.id) == ("0", "1", None)
    assert dataset.header is False


def test_every_tasks_columns_are_taken():
    for task, schema in SCHEMAS.items():
        if task != "text":
            names = {*schema.names, "language", *(("answer", "start") if task == "qa" else ())}
            names -= {"lang", "answers", "starts"}
            assert made("files", task=task, columns={name: f"my {name}" for name in names})


SHARED = {"task": "sentiment", "folder": "f", "files": {"all": "all.csv"}}


def test_languages_of_one_file_are_told_apart_by_a_column():
    def said(*overrides: str, source="en", target="de", **changes):
        return errors(*used("files", source, target, *overrides, **{**SHARED, **changes}))

    message = (
        "datasets.one.files.all: is one file for de, en; put {language} into its path, or say which column tells the "
        "language: columns: {language: NAME}"
    )
    assert said() == [message]
    assert said(files={"train": "{language}.csv", "test": "test.csv"})[0].startswith(
        "datasets.one.files.test: is one file"
    )
    assert grid(*used("files", "en", "de", **{**SHARED, "columns": {"language": "market"}}))
    assert grid(*used("files", "en", "de", **{**SHARED, "files": {"all": "{language}.csv"}}))
    alone = ["experiments.few.methods=[target_only]"]
    assert grid(*used("files", "", "de", *alone, **SHARED))  # one language may have one file


def test_languages_of_an_encoders_text_are_told_apart_too():
    """A pretrained encoder would read one file once for each language, each time as another one."""
    text = "encoders.small.text=[{dataset: one, languages: [de, fr]}]"
    said = errors(*used("files", "", "de", "experiments.few.methods=[target_only]", text, **SHARED))
    assert said[0].startswith("datasets.one.files.all: is one file for de, fr; put {language} into its path")


def test_two_languages_cannot_be_called_the_same():
    called = {"en": "x", "de": "x", "fr": "en"}
    assert errors(*used("files", "en", "de", languages=called)) == [
        "datasets.one.languages.en: is called as 'de' is; expected different names"
    ]
    assert errors(*used("files", "en", "fr", languages={"fr": "en"})) == [
        "datasets.one.languages.fr: is called as 'en' is; expected different names"
    ]
    assert grid(*used("files", "en", "fr", languages={"fr": "en", "en": "fr"}))
    assert grid(*used("files", "fr", "en", languages={"en": "x", "de": "x"}))  # nobody asks for de


# ------------------------------------------------------------------------------------------------------------- identity


def key_of(loader: str, **changes) -> str:
    return dataset_keys(parse({"datasets": {"one": {"loader": loader, **SECTIONS[loader], **changes}}}))["one"]


@pytest.mark.parametrize(
    ("loader", "changes", "same"),
    [
        ("files", {"languages": {"jv": "javanese"}}, True),
        ("files", {"licence": "mine"}, True),
        ("files", {"folder": "elsewhere"}, True),
        ("files", {"columns": {"text": "body"}}, False),
        ("files", {"labels": {"a": "negative", "b": "positive"}}, False),
        ("files", {"cut": {"seed": 1}}, False),
        ("files", {"files": {"all": "{language}.tsv"}}, False),
        ("files", {"folder": None, "hub": HUB}, False),
        ("files", {"folder": None, "archive": {"url": "https://a.b/c.zip"}}, False),
        ("xnli", {"mirror": "elsewhere", "sources": ["mirror"], "folder": "x"}, True),
        ("xnli", {"expected": {"de": {"dev": 3}}}, True),
        ("xnli", {"test": "dev"}, False),
        ("squad", {"unanswerable": "refuse"}, False),
        ("squad", {"hub": {**HUB, "revision": "f" * 40}}, False),
        ("sentipers", {"split": "published"}, False),
        ("cls10", {"domain": "books"}, False),
        ("cls10", {"unlabelled": 5}, False),
        ("marc", {"title": False}, False),
    ],
)
def test_what_determines_content_is_in_the_key_and_nothing_else(loader, changes, same):
    assert (key_of(loader, **changes) == key_of(loader)) is same


def test_files_that_lie_elsewhere_are_known_by_where():
    on_hub = {"folder": None, "hub": HUB}
    assert key_of("files") == "one-c8e9ebde"  # as before there were other places than folders
    assert key_of("files", **on_hub) == key_of("files", **on_hub, mirror="m", languages={"jv": "jav"})
    assert key_of("files", **on_hub) != key_of("files", folder=None, hub={**HUB, "revision": "f" * 40})
    packed = [
        {"url": "https://a.b/c.zip"},
        {"url": "https://a.b/d.zip"},
        {"url": "https://a.b/c.zip", "sha256": "0" * 64},
    ]
    assert len({key_of("files", folder=None, archive=one) for one in packed}) == 3


def test_the_order_of_labels_is_that_of_the_head():
    one, other = {"a": "bad", "b": "fair", "c": "good"}, {"c": "good", "b": "fair", "a": "bad"}
    assert key_of("files", labels=one) != key_of("files", labels=other)
    assert dataset_spec(made("files", labels=other))["labels"] == [["c", "good"], ["b", "fair"], ["a", "bad"]]


def test_a_language_is_told_what_its_own_files_call_it_alone():
    called = {"en": "english", "jv": "javanese"}
    (dataset,) = grid(*used("files", "en", "de", languages=called)).datasets.values()
    assert dataset.data_spec("en")["languages"] == {"en": "english"}
    assert "languages" not in dataset.data_spec("de")
    assert "languages" not in dataset.spec
    download = dataset.download_spec("en")
    assert (download["sources"], download["archive"], download["expected"]) == (["folder"], None, {})
    assert (dataset.folder, dataset.mirror) == ("f", None)


# --------------------------------------------------------------------------------------------------------------- sizes


@pytest.mark.parametrize(
    ("given", "size"),
    [
        (1, 1),
        ("1", 1),
        ("1e2", 100),
        (100.0, 100),
        (0.1, 0.1),
        ("0.1", 0.1),
        ("1e-1", 0.1),
        (0.999, 0.999),
        ("all", None),
    ],
)
def test_sizes_are_numbers_or_shares(given, size):
    assert read_size(given) == size
    assert type(read_size(given)) is type(size)


@pytest.mark.parametrize("given", [1.0, "1.0", "1e0", "1."])
def test_a_share_of_one_is_not_one_example(given):
    with pytest.raises(ValueError, match=r"may be all examples or one; say 'all', or 1 for one example"):
        read_size(given)


@pytest.mark.parametrize("given", [0, 0.0, -0.5, 1.5, "10%", True, None, "nan", float("nan"), "inf", [0.5], ""])
def test_other_sizes_are_refused(given):
    with pytest.raises(
        ValueError, match="expected a whole number of at least 1, a share above 0 and below 1, or 'all'"
    ):
        read_size(given)


def test_importing_the_config_loads_no_loader():
    import subprocess
    import sys

    heavy = (
        "torch",
        "pandas",
        "openpyxl",
        "requests",
        "huggingface_hub",
        "pipeline.data.sources",
        "pipeline.data.arrange",
    )
    code = f"import sys, pipeline.grid.jobs; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
