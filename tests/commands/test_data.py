"""What datasets hold, from the reports that are there; and which are not."""

import pytest

from pipeline.commands.data import told
from pipeline.common import paths
from pipeline.common.code import stage_code
from pipeline.common.files import read_json, write_json, write_text
from pipeline.data.report import describe
from pipeline.data.schema import Split, ner_table
from tests.configs import grid


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def prepared(key, language, code):
    splits = {name: Split(ner_table(language, [(name, ["x"], ["O"])])) for name in paths.SPLITS}
    for name in paths.SPLITS:
        write_text(paths.split(key, language, name), "rows")
    report = {
        "language": language,
        "code": code,
        "splits": describe("ner", splits),
        "warnings": [],
        "notes": ["a note"],
    }
    write_json(paths.data_report(key, language), report)


def test_a_table_of_what_is_there_and_the_names_of_what_is_not():
    (dataset,) = grid().datasets.values()
    assert told(dataset) == (
        f"{dataset.name} (results/data/{dataset.key})\n"
        "not there yet: farrish, glyphish, hubbish, kinnish, middish, nearish"
    )
    prepared(dataset.key, "hubbish", stage_code("preprocess", "babel"))
    prepared(dataset.key, "nearish", "other")
    lines = told(dataset).split("\n")
    assert [line.split()[:3] for line in lines[3:9]] == [
        [language, split, "1"] for language in ("hubbish", "nearish") for split in paths.SPLITS
    ]
    assert lines[9:] == [
        "hubbish: a note",
        "nearish: a note",
        "not there yet: farrish, glyphish, kinnish, middish",
        "to be made again, of changed code or files: nearish",
    ]
    assert told(dataset, ["other"]).endswith("\nnot there yet: farrish, glyphish, kinnish, middish")


def test_a_report_of_before_there_were_warnings_is_read_too():
    (dataset,) = grid().datasets.values()
    prepared(dataset.key, "hubbish", "other")
    report = read_json(paths.data_report(dataset.key, "hubbish"))
    del report["warnings"]
    write_json(paths.data_report(dataset.key, "hubbish"), report)
    assert "hubbish     train" in told(dataset)
