"""Results of earlier code: what a run rests on, what is offered to keep it, and what is in effect then."""

from pathlib import Path

import pytest

from pipeline.common import paths
from pipeline.common.code import code_files, code_stamp, run_code, run_modules, stage_code, stage_modules
from pipeline.common.earlier import behind, earlier_codes, in_effect, offer
from pipeline.common.files import read_json, write_json
from pipeline.grid.runs import Grid
from tests import finished
from tests.configs import grid

OLD, OLDER = "0" * 12, "1" * 12


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grid:
    """A finished grid on disk: `fine_tune` has a parent, `target_only` has none."""
    monkeypatch.chdir(tmp_path)
    made = grid("experiments.few.methods=[target_only, fine_tune]")
    finished.prepare(made)
    finished.finish(made)
    return made


def record(name: str) -> dict:
    return read_json(paths.run_record(name))


def rewrite(path: Path, **changes: object) -> None:
    write_json(path, {**read_json(path), **changes})


def test_what_is_in_effect_is_todays_code_unless_another_is_accepted(tmp_path):
    path = tmp_path / "run.json"
    write_json(path, {"code": OLD})
    assert in_effect(path, "today", ()) == "today"
    assert in_effect(path, "today", (OLDER,)) == "today"
    assert in_effect(path, "today", (OLDER, OLD)) == OLD
    assert in_effect(tmp_path / "none.json", "today", (OLD,)) == "today"
    path.write_text("{")
    assert in_effect(path, "today", (OLD,)) == "today"


def test_a_run_of_todays_code_rests_on_no_earlier_one(done):
    for name in done.runs:
        assert earlier_codes(record(name)) == []
    assert offer(map(record, done.runs), ()) == ""


def test_a_run_rests_on_its_parent_its_encoder_and_its_data(done):
    name = finished.names(done, "fine_tune")[0]
    run = done.runs[name]
    rewrite(paths.run_record(run.parent), code=OLD)
    assert earlier_codes(record(name)) == [OLD]
    rewrite(paths.encoder_manifest(run.spec["encoder"]), code=OLDER)
    assert earlier_codes(record(name)) == [OLD, OLDER]
    (language,) = run.spec["targets"]
    report = paths.data_report(run.spec["dataset"], language)
    facts = {"spec": {"loader": "babel"}, "dataset": run.spec["dataset"], "language": language}
    rewrite(report, code="2" * 12, **facts)
    assert earlier_codes(record(name)) == [OLD, OLDER, "2" * 12]
    write_json(paths.raw_manifest(run.spec["dataset"], language), {"code": "3" * 12})
    assert earlier_codes(record(name)) == [OLD, OLDER, "2" * 12, "3" * 12]
    assert {made.modules for made in behind(record(name)) if made.code == "3" * 12} == {
        tuple(stage_modules("download"))
    }


def test_the_offer_names_the_hashes_and_the_files_that_differ(done):
    name, other = finished.names(done, "target_only")[:2]
    modules = run_modules("target_only", "ner")
    files = code_files(modules)
    then = {**files, "pipeline/training/loop.py": "f" * 12, "pipeline/gone.py": "e" * 12}
    moved = then.pop("pipeline/tasks/ner.py")
    write_json(paths.code_record(OLD), {**then, "pipeline/elsewhere/ner.py": moved})
    rewrite(paths.run_record(name), code=OLD)
    rewrite(paths.run_record(other), code=OLDER)
    said = offer([record(name), record(other)], ["9" * 12])
    assert f'  results: {{accept_code: ["{OLD}", "{OLDER}", "{"9" * 12}"]}}' in said.split("\n")
    assert "Files that differ from the code of today: pipeline/gone.py, pipeline/training/loop.py." in said
    assert f"Of {OLDER} no list of files is left." in said
    assert offer([record(name)], [OLD]) == "", "it is accepted already"


def test_what_runs_leaves_word_of_its_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = run_code("joint", "ner")
    assert code_stamp(run_modules("joint", "ner")) == {"code": code}
    left = read_json(paths.code_record(code))
    assert left == code_files(run_modules("joint", "ner"))
    assert {"pipeline/methods/joint.py", "pipeline/tasks/ner.py", "pipeline/training/loop.py"} <= left.keys()
    assert not any("config" in path or "results/" in path for path in left)
    paths.code_record(code).write_text("kept")
    assert code_stamp(run_modules("joint", "ner"), code) == {"code": code}
    assert paths.code_record(code).read_text() == "kept"


def test_what_is_made_anew_in_the_place_of_an_accepted_result_answers_to_its_hash(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    today, path = stage_code("encoder"), tmp_path / "manifest.json"
    assert not paths.code_answers().exists()
    stamp = code_stamp(stage_modules("encoder"), OLD)
    assert stamp == {"code": today, "answers_to": OLD} and paths.code_answers().exists()
    write_json(path, stamp)
    assert in_effect(path, today, (OLD,)) == in_effect(path, today, ()) == OLD, (
        "it holds, and Snakemake remembers it so"
    )
    assert in_effect(path, OLDER, (OLD,)) == OLDER, "edited again: made anew"
    assert in_effect(path, OLDER, (OLD, today)) == OLD, "edited again, and accepted"
    assert in_effect(path, OLD, (OLD,)) not in (OLD, today), (
        "edited back: made anew, though Snakemake remembers this very hash"
    )
    write_json(path, {"code": OLD, "answers_to": in_effect(path, OLD, (OLD,))})
    assert in_effect(path, OLD, (OLD,)) == in_effect(path, OLD, ()) == f"{OLD} anew", "which then holds"


@pytest.mark.parametrize("broken", [{}, {"code": None, "spec": {}, "data": {}}, {"code": OLD, "spec": [], "data": {}}])
def test_what_is_no_description_of_a_run_is_not_offered(broken):
    assert offer([broken, {"code": OLD, "spec": {"method": {"name": "joint"}, "task": "ner"}, "data": None}], ()) == ""


def test_stages_are_told_apart(tmp_path):
    assert stage_code("encoder") != stage_code("download") != stage_code("preprocess", "xnli")
