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


def test_unknown_pieces_are_told_once_runs_have_read_the_splits():
    (dataset,) = grid().datasets.values()
    prepared(dataset.key, "hubbish", stage_code("preprocess", "babel"))
    assert "unknown" not in told(dataset)
    tokens = paths.data_dir(dataset.key, "hubbish") / "tokens"
    for name, unknown in (("test-1", 3), ("test-2", 150), ("train-1", 0)):
        write_json(tokens / name / "index.json", {"counts": {"pieces": 1000, "unknown_pieces": unknown}})
    write_json(tokens / "dev-1" / "index.json", {"rows": 1})  # of before they were counted
    head, _, train, dev, test = told(dataset).split("\n")[1:6]
    at = slice(head.index("repaired") + 8, head.index("unknown") + 7)
    assert [line[at].strip() for line in (train, dev, test)] == ["0.0 %", "", "0.3–15.0 %"]


def test_a_report_of_before_there_were_warnings_is_read_too():
    (dataset,) = grid().datasets.values()
    prepared(dataset.key, "hubbish", "other")
    report = read_json(paths.data_report(dataset.key, "hubbish"))
    del report["warnings"]
    write_json(paths.data_report(dataset.key, "hubbish"), report)
    assert "hubbish     train" in told(dataset)
