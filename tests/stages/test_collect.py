import dataclasses
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common import paths
from pipeline.common.errors import LONGEST, UserError
from pipeline.common.files import read_json, sha256_file, write_json, write_text
from pipeline.results.scores.collect import SCORES, settings_of
from pipeline.results.scores.outcomes import facts
from pipeline.stages import collect
from pipeline.stages.score import score
from tests.results.world import GOLD, WRONG, data_file, expected, finish, right, runs_file, spec_of


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def scored(*runs):
    score([run for run in runs if run.evaluated], 1)
    return runs_file(runs)


def edit(run, /, **changes):
    path = paths.run_record(run.name)
    write_json(path, {**read_json(path), **changes})


def refused(file):
    with pytest.raises(UserError) as error:
        collect.collect(file)
    return str(error.value)


@pytest.fixture
def run():
    return finish(expected(spec_of("joint", "qu", 1)), [GOLD, WRONG])


@pytest.fixture
def child():
    """A zero-shot run whose parent, a source model, is kept."""
    parent = expected(spec_of("source_only", "", 1, targets=[], evaluate=[]), uses=[])
    write_text(paths.run_model(parent.name), "weights")
    finish(parent, [])
    return parent, finish(expected(spec_of("zero_shot", "qu", 1, parent=parent.name)), right(3))


def test_scores_by_hand(run):
    twice = dataclasses.replace(run, uses=(("main", "joint"), ("other", "joint-variant")))
    collect.collect(scored(twice))
    table = pq.read_table(paths.scores())
    assert table.schema.remove_metadata() == SCORES
    rows = table.to_pylist()
    assert {(r["experiment"], r["variant"]) for r in rows} == {("main", "joint"), ("other", "joint-variant")}
    values = {r["metric"]: r["value"] for r in rows if r["experiment"] == "main"}
    # tp 2, fp 1 (ORG), fn 2 over the two sentences: precision 2/3, recall 2/4, F1 4/7
    assert values["entity_precision_strict"] == pytest.approx(2 / 3)
    assert values["entity_recall_strict"] == pytest.approx(1 / 2)
    assert values["entity_f1_strict"] == values["entity_f1_lenient"] == pytest.approx(4 / 7)
    assert values["entity_f1_strict_PER"] == pytest.approx(2 / 3)  # tp 1, fn 1
    assert values["entity_f1_strict_ORG"] == 0.0
    first = rows[0]
    assert (first["sources"], first["target"], first["language"], first["split"]) == ("en", "qu", "qu", "test")
    assert (first["source_size"], first["target_size"], first["n"]) == (None, 100, 2)


def test_a_run_s_dev_score_stands_beside_its_scores(run):
    tuned = finish(expected(spec_of("joint", "qu", 2)), right(1), dev=0.25)
    collect.collect(scored(run, tuned))
    rows = pq.read_table(paths.scores()).to_pylist()
    found = {(row["model_seed"], row["dev"], row["dev_metric"]) for row in rows}
    assert found == {(1, None, None), (2, 0.25, "entity_f1_strict")}


def test_same_results_same_bytes(run):
    other = finish(expected(spec_of("joint", "qu", 2)), right(1))
    file = scored(run, other)
    collect.collect(file)
    first = paths.scores().read_bytes()
    collect.collect(scored(other, run))
    assert paths.scores().read_bytes() == first


def test_other_code_is_refused_with_its_command(run):
    now = dataclasses.replace(run, code="ffffffffffff")
    message = refused(scored(now))
    assert f"{run.name}: made by other code: 0123456789ab, now ffffffffffff" in message
    assert f"snakemake --forcerun {paths.predictions(run.name)}" in message
    assert not paths.scores().exists()


def test_another_spec_is_refused_with_the_key(run):
    file = scored(run)
    edit(run, spec={**run.spec, "training": {**run.spec["training"], "epochs": 9}})
    assert "made from another spec: training.epochs is 9, expected 3" in refused(file)


def test_a_record_of_another_run_is_refused(run):
    file = scored(run)
    edit(run, run="somebody-else")
    assert "describes another run, somebody-else" in refused(file)


def test_changed_data_is_refused(run):
    file = scored(run)
    path = data_file(run.spec["dataset"], "qu")
    write_text(path, "other sentences")
    assert f"made from other data: {path} has changed since" in refused(file)


def test_data_that_is_gone_counts_as_its_report_says(run):
    file = scored(run)
    path = data_file(run.spec["dataset"], "qu")
    sha = read_json(paths.run_record(run.name))["data"][str(path)]
    path.unlink()
    assert f"data file {path} is gone" in refused(file)
    write_json(paths.data_report(run.spec["dataset"], "qu"), {"splits": {"test": {"sha256": sha}}})
    collect.collect(file)
    write_json(paths.data_report(run.spec["dataset"], "qu"), {"splits": {"test": {"sha256": "0" * 64}}})
    assert "made from other data" in refused(file)


def test_a_record_without_its_test_data_is_refused(run):
    file = scored(run)
    edit(run, data={})
    assert "does not say which test data of 'qu' it saw" in refused(file)


def test_a_changed_or_missing_encoder_is_refused(run):
    file = scored(run)
    manifest = paths.encoder_manifest(run.spec["encoder"])
    write_json(manifest, {"encoder": "another"})
    assert f"made from another encoder: {manifest} has changed since" in refused(file)
    manifest.unlink()
    assert f"encoder {manifest} is gone" in refused(file)


def test_a_parent_trained_again_is_refused(child):
    parent, run = child
    file = scored(parent, run)
    collect.collect(file)
    model = paths.run_model(parent.name)
    write_text(model, "other weights")
    told = refused(file)
    assert f"{run.name}: {model}: altered since it was written" in told and f"snakemake --force {model}" in told
    edit(parent, model=sha256_file(model))
    assert f"{run.name}: its parent run {parent.name} has been trained again since" in refused(file)


def test_a_split_that_is_not_what_its_report_says_is_to_be_mended_not_the_run(run):
    file = scored(run)
    path = data_file(run.spec["dataset"], "qu")
    write_json(paths.data_report(run.spec["dataset"], "qu"), {"splits": {"test": {"sha256": sha256_file(path)}}})
    write_text(path, "altered")
    told = refused(file)
    assert f"{path}: altered since it was written" in told and f"mend with: snakemake --force {path}\n" in f"{told}\n"


def test_predictions_without_a_record_are_made_again(run):
    """Asking for them alone would find nothing to do."""
    file = scored(run)
    paths.run_record(run.name).unlink()
    told = refused(file)
    assert "run.json is gone" in told and f"mend with: snakemake --force {paths.predictions(run.name)}\n" in f"{told}\n"


def test_altered_outcomes_are_scored_again_by_the_command_that_is_named(run):
    file = scored(run)
    collect.collect(file)
    scores, path = paths.scores().read_bytes(), paths.outcomes(run.name)
    table = pq.read_table(path)
    more = pa.array([value + 1 for value in table["fp"].to_pylist()], pa.int32())
    pq.write_table(table.set_column(table.column_names.index("fp"), "fp", more), path)
    told = refused(file)
    assert (
        "has changed since it was scored" in told
        and f"mend with: python -m pipeline.stages.score --runs {file}" in told
    )
    scored(run)
    collect.collect(file)
    assert paths.scores().read_bytes() == scores


def test_a_parent_whose_weights_were_deleted_is_known_by_its_record(child):
    parent, run = child
    file = scored(parent, run)
    paths.run_model(parent.name).unlink()
    collect.collect(file)
    edit(parent, model="0" * 64)
    assert f"{run.name}: its parent run {parent.name} has been trained again since" in refused(file)
    paths.run_record(parent.name).unlink()
    message = refused(runs_file([run]))
    assert f"its parent run {parent.name} is gone" in message


def test_a_stale_parent_is_refused_itself(child):
    parent, run = child
    file = scored(dataclasses.replace(parent, code="ffffffffffff"), run)
    assert f"{parent.name}: made by other code" in refused(file)


def test_changed_predictions_are_refused(run):
    file = scored(run)
    record = paths.run_record(run.name).read_bytes()
    finish(run, [GOLD, GOLD])
    paths.run_record(run.name).write_bytes(record)
    assert "predictions.parquet has changed since the run wrote it" in refused(file)


def test_outcomes_of_other_predictions_or_other_code_or_altered_are_refused(run, monkeypatch):
    file = scored(run)
    path = paths.outcomes(run.name)
    original = path.read_bytes()
    finish(run, [GOLD, GOLD])
    message = refused(file)
    assert f"{run.name}: scored from other predictions" in message
    assert f"mend with: python -m pipeline.stages.score --runs {file}" in message
    finish(run, [GOLD, WRONG])
    with monkeypatch.context() as patched:
        patched.setattr(collect, "score_code", lambda: "other")
        assert "scored by other code" in refused(file)
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    assert f"{path} has changed since it was scored" in refused(file)
    path.write_bytes(original[:50])
    assert "not a readable Parquet file" in refused(file)
    path.unlink()
    assert f"{run.name}: not scored" in refused(file)


def test_all_stale_runs_in_one_error_as_many_by_name_as_it_has_room_for():
    runs = [finish(expected(spec_of("joint", "qu", seed)), right(1)) for seed in range(25)]
    message = refused(scored(*[dataclasses.replace(run, code="ffffffffffff") for run in runs]))
    assert message.startswith("25 results are missing or stale")
    named = message.count("made by other code")
    assert 5 <= named <= 20 and len(message) <= LONGEST
    listed, _, advice = message.partition("\nTo keep results of earlier code")
    assert listed.endswith(f"and {25 - named} more")
    assert 'accept_code: ["0123456789ab"]' in advice, "the advice is whole"


def test_missing_runs_are_refused_or_noted(run):
    absent = expected(spec_of("joint", "qu", 2))
    scored(run)
    file = runs_file([run, absent])
    message = refused(file)
    assert f"{absent.name}: not trained" in message
    assert f"snakemake {paths.predictions(absent.name)}" in message
    collect.collect(file, partial=True)
    missing = facts(paths.scores())["missing"]
    assert [(m["run"], m["model_seed"], m["reason"]) for m in missing] == [(absent.name, 2, "not trained")]
    edit(run, code="ffffffffffff")
    with pytest.raises(UserError, match="made by other code"):
        collect.collect(file, partial=True)


def test_a_broken_record_is_named(run):
    file = scored(run)
    edit(run, spec=run.spec)
    record = read_json(paths.run_record(run.name))
    del record["encoder"]
    write_json(paths.run_record(run.name), record)
    assert "run.json: key 'encoder' is missing" in refused(file)
    paths.run_record(run.name).write_text("{")
    assert "run.json: not valid JSON" in refused(file)


def test_settings_leave_out_seeds_and_languages_and_reach_into_the_parent(child):
    parent, run = child
    specs = {r.name: r.spec for r in child}
    found = settings_of(run.spec, specs)
    assert found["training.epochs"] == 3
    assert not {"model_seed", "data_seed", "sources", "targets", "parent", "rates", "evaluate"} & found.keys()
    assert found["parent.method.name"] == "source_only"
    assert "parent.training.epochs" not in found  # the same as the run's own
    other = {**specs, parent.name: {**parent.spec, "training": {**parent.spec["training"], "epochs": 7}}}
    assert settings_of(run.spec, other)["parent.training.epochs"] == 7
    assert json.dumps(settings_of({**run.spec, "model_seed": 5}, specs)) == json.dumps(found)


def test_the_stage_takes_its_flags(run, monkeypatch, capsys):
    file = scored(run)
    monkeypatch.setattr("sys.argv", ["collect", "--runs", str(file)])
    collect.main()
    assert "24 scores of 1 runs" in capsys.readouterr().out  # 3 measures × 2 schemes × (all, PER, LOC, ORG)


# -------------------------------------------------------------------------------------------------------------- earlier code


OLD = "fedcba987654"


def test_other_code_is_refused_with_what_to_put_into_the_config(run):
    edit(run, code=OLD)
    told = refused(scored(run))
    assert f"made by other code: {OLD}, now {run.code}" in told
    assert f'  results: {{accept_code: ["{OLD}"]}}' in told.split("\n")
    assert f"Of {OLD} no list of files is left." in told


def test_earlier_code_that_is_accepted_is_collected_and_told(run):
    edit(run, code=OLD)
    accepting = dataclasses.replace(run, accepted=(OLD,))
    file = scored(accepting)
    rows = json.loads(file.read_text())
    file.write_text(json.dumps([{**row, "accept_code": [OLD]} for row in rows]))
    collect.collect(file)
    assert facts(paths.scores())["earlier_code"] == {run.name: [OLD]}


def test_accepted_code_excuses_nothing_else(run):
    edit(run, code=OLD)
    file = scored(run)
    file.write_text(json.dumps([{**row, "accept_code": [OLD]} for row in json.loads(file.read_text())]))
    data_file("toy-00000000", "qu").write_text("other data")
    told = refused(file)
    assert "made from other data" in told and "accept_code" not in told


def test_scores_of_todays_code_say_nothing_of_earlier_code(run):
    collect.collect(scored(run))
    assert "earlier_code" not in facts(paths.scores())


@pytest.mark.parametrize("kind", ["weight_average", "ensemble"])
def test_an_average_whose_members_were_made_again_or_are_gone_is_refused(kind):
    members = [expected(spec_of("joint", "qu", seed)) for seed in (1, 2)]
    for member in members:
        write_text(paths.run_model(member.name), f"weights of {member.name}")
        finish(member, right(3))
    mean = finish(expected(spec_of(kind, "qu", None, members=[member.name for member in members])), right(5))
    key = "model" if kind == "weight_average" else "predictions"
    edit(mean, members={member.name: read_json(paths.run_record(member.name))[key] for member in members})
    file = scored(*members, mean)
    collect.collect(file)
    assert {run["model_seed"] for run in pq.read_table(paths.scores()).to_pylist()} == {1, 2, None}
    known = read_json(paths.run_record(mean.name))["members"]
    edit(mean, members={**known, members[1].name: "0" * 64})
    assert f"{mean.name}: its member {members[1].name} has been trained again since" in refused(file)
    edit(mean, members=known)
    paths.run_model(members[0].name).unlink()  # known by its record; an ensemble needs none
    collect.collect(file)
    paths.run_record(members[0].name).unlink()
    assert f"{mean.name}: its member {members[0].name} is gone" in refused(file)
