import json

import pyarrow.parquet as pq
import pytest

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import read_json, sha256_file
from pipeline.results.scores.outcomes import facts
from pipeline.stages import score
from tests.results.world import GOLD, WRONG, expected, finish, right, runs_file, spec_of


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def stage(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["score", *map(str, arguments)])
    score.main()


def two_runs():
    return [finish(expected(spec_of("joint", "qu", seed)), [GOLD, WRONG]) for seed in (1, 2)]


def test_outcomes_are_long_and_by_hand(monkeypatch):
    run = two_runs()[0]
    stage(monkeypatch, "--runs", runs_file([run]))
    rows = pq.read_table(paths.outcomes(run.name)).to_pylist()
    strict = {(r["id"], r["type"]): (r["tp"], r["fp"], r["fn"]) for r in rows if r["scheme"] == "strict"}
    assert strict == {
        ("qu-0", "all"): (2, 0, 0),
        ("qu-0", "PER"): (1, 0, 0),
        ("qu-0", "LOC"): (1, 0, 0),
        ("qu-1", "all"): (0, 1, 2),  # ORG invented; PER and LOC missed
        ("qu-1", "LOC"): (0, 0, 1),
        ("qu-1", "ORG"): (0, 1, 0),
        ("qu-1", "PER"): (0, 0, 1),
    }
    assert {(r["lang"], r["split"]) for r in rows} == {("qu", "test")}
    assert facts(paths.outcomes(run.name))["predictions"] == sha256_file(paths.predictions(run.name))


def test_what_is_current_is_skipped_what_is_not_is_made_again(monkeypatch, capsys):
    runs = two_runs()
    stage(monkeypatch, "--runs", runs_file(runs))
    first = paths.scored().read_bytes()
    kept = paths.outcomes(runs[0].name)
    stamp = kept.stat().st_mtime_ns
    stage(monkeypatch, "--runs", runs_file(runs))
    assert "scored 0 runs, 2 were current" in capsys.readouterr().out
    finish(runs[1], [GOLD, GOLD])  # other predictions
    kept_bytes = kept.read_bytes()
    stage(monkeypatch, "--runs", runs_file(runs))
    assert "scored 1 runs, 1 were current" in capsys.readouterr().out
    assert kept.stat().st_mtime_ns == stamp
    assert paths.scored().read_bytes() != first
    monkeypatch.setattr(score, "score_code", lambda: "other")
    stage(monkeypatch, "--runs", runs_file(runs))
    assert "scored 2 runs" in capsys.readouterr().out
    kept.write_bytes(kept_bytes[:100])  # truncated
    stage(monkeypatch, "--runs", runs_file(runs))
    assert "scored 1 runs" in capsys.readouterr().out


def test_several_processes_write_the_same_bytes(monkeypatch):
    runs = [finish(expected(spec_of("joint", "qu", seed)), right(seed)) for seed in (1, 2, 3)]
    stage(monkeypatch, "--runs", runs_file(runs))
    alone = paths.scored().read_bytes()
    for run in runs:
        paths.outcomes(run.name).unlink()
    stage(monkeypatch, "--runs", runs_file(runs), "--threads", 2)
    assert paths.scored().read_bytes() == alone
    assert read_json(paths.scored()) == {run.name: sha256_file(paths.outcomes(run.name)) for run in runs}


def test_missing_predictions_name_run_and_command(monkeypatch):
    done, absent = two_runs()[0], expected(spec_of("joint", "qu", 9))
    with pytest.raises(UserError) as error:
        stage(monkeypatch, "--runs", runs_file([done, absent]))
    assert "1 of 2 runs have no predictions" in str(error.value)
    assert f"snakemake {paths.predictions(absent.name)}" in str(error.value)
    assert not paths.scored().exists()
    stage(monkeypatch, "--runs", runs_file([done, absent]), "--partial")
    assert list(read_json(paths.scored())) == [done.name]


def test_a_parent_that_predicts_nothing_is_not_scored(monkeypatch):
    run = two_runs()[0]
    parent = expected(spec_of("source_only", "qu", 1, targets=[], evaluate=[]), uses=[])
    stage(monkeypatch, "--runs", runs_file([run, parent]))
    assert list(read_json(paths.scored())) == [run.name]


def test_broken_predictions_are_named(monkeypatch):
    run = two_runs()[0]
    finish(run, [GOLD[:3]])
    with pytest.raises(UserError, match=r"predictions.parquet: sentence 'qu-0' of qu: .* 4 gold tags but 3 predicted"):
        stage(monkeypatch, "--runs", runs_file([run]))
    finish(run, [["X-PER", *GOLD[1:]]])
    with pytest.raises(UserError, match="'X-PER' is not IOB2"):
        stage(monkeypatch, "--runs", runs_file([run]))
    path = paths.predictions(run.name)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"predictions\.parquet: altered since it was written: .*snakemake --force"):
        stage(monkeypatch, "--runs", runs_file([run]))
    paths.run_record(run.name).unlink()  # what nothing has a digest of is read
    with pytest.raises(UserError, match="not a readable Parquet file"):
        stage(monkeypatch, "--runs", runs_file([run]))
    assert not paths.outcomes(run.name).exists()


def test_predictions_of_another_run_are_refused(monkeypatch):
    first, second = two_runs()
    paths.predictions(first.name).write_bytes(paths.predictions(second.name).read_bytes())
    with pytest.raises(UserError, match=r"predictions\.parquet: altered since it was written"):
        stage(monkeypatch, "--runs", runs_file([first, second]))
    paths.run_record(first.name).unlink()
    with pytest.raises(UserError, match=f"holds predictions of run '{second.name}'"):
        stage(monkeypatch, "--runs", runs_file([first]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "expected a list of runs"),
        ('[{"name": "x"}]', "run 0: expected an object whose 'code' is a str"),
        ("[1]", "run 0"),
        ("[", "not valid JSON"),
    ],
)
def test_a_broken_runs_file_is_named(monkeypatch, tmp_path, text, message):
    (tmp_path / "broken.json").write_text(text)
    with pytest.raises(UserError, match=message) as error:
        stage(monkeypatch, "--runs", "broken.json")
    assert "broken.json" in str(error.value)


def test_a_run_listed_twice_is_refused(monkeypatch):
    run = two_runs()[0]
    path = runs_file([run])
    path.write_text(json.dumps(json.loads(path.read_text()) * 2))
    with pytest.raises(UserError, match="listed twice"):
        stage(monkeypatch, "--runs", path)
