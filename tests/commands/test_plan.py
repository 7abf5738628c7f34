"""The plan counts what is there, what is stale, what is missing, and says how long the rest may take."""

import json
import os
import subprocess
import sys
import time

import pytest
import yaml

from pipeline.commands import plan
from pipeline.commands.plan import duration, estimates, report, steps_of
from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import read_json, sha256_file, write_json, write_text
from pipeline.config.load import parse
from pipeline.grid.runs import expand
from pipeline.grid.survey import survey
from pipeline.methods.parts.fine_tuning import FINE_TUNE_KEYS
from tests.configs import changed, grid
from tests.finished import finish, names, prepare
from tests.methods.building import hyper_parameters


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(base) -> dict[tuple[str, str], list[str]]:
    """The plan's cells by experiment and method: runs, done, stale, missing, shared, time left."""
    lines = report(base, survey(base)).split("\n\n")[0].split("\n")[2:]
    cells = [line.split(maxsplit=7) for line in (line.replace("each once", "once") for line in lines)]
    return {(row[0], row[1]): row[2:] for row in cells}


def states(base, method: str) -> set[str]:
    at = survey(base)
    return {at.runs[name] for name in names(base, method)}


def test_nothing_is_there_at_first():
    base = grid()
    rows = table(base)
    assert rows["few", "joint"] == ["4", "0", "0", "4", "0", "unknown"]
    assert rows["(parents)", "source_only"] == ["2", "0", "0", "2", "0", "unknown"]
    assert rows["all", "once"] == ["26", "0", "0", "26", "0", "unknown"]
    text = report(base, survey(base))
    (key,) = base.datasets
    assert f"dataset {key}: farrish, glyphish, hubbish, kinnish, middish, nearish (6 of 6 languages)" in text
    assert f"encoder {next(iter(base.encoders))}" in text
    assert "26 of 26 runs to train; time unknown" in text
    assert "\nTraining steps: " in text


def test_all_is_done_when_all_is_there():
    base = grid()
    prepare(base)
    finish(base)
    rows = table(base)
    assert rows["few", "joint"] == ["4", "4", "0", "0", "0", "–"]
    assert rows["all", "once"] == ["26", "26", "0", "0", "0", "–"]
    text = report(base, survey(base))
    assert text.endswith("Nothing to train.")
    assert "to prepare" not in text


def test_a_changed_learning_rate_leaves_the_others_done():
    base, other = grid(), grid("methods.target_only={training: {learning_rate: 1e-4}}")
    prepare(base)
    finish(base)
    rows = table(other)
    assert rows["few", "target_only"] == ["4", "0", "0", "4", "0", "about 4 min"]
    assert rows["all", "once"] == ["26", "22", "0", "4", "0", "about 4 min"]


def test_shared_runs_count_in_each_row_and_once_in_all():
    base = grid(
        "experiments.again={dataset: babel, encoder: small, methods: [joint], sources: [hubbish], targets: [nearish], "
        "source_size: 500, target_size: 50, model_seeds: [1, 2]}"
    )
    rows = table(base)
    assert rows["few", "joint"] == ["4", "0", "0", "4", "2", "unknown"]
    assert rows["again", "joint"] == ["2", "0", "0", "2", "2", "unknown"]
    assert rows["all", "once"][0] == "26"


def test_a_run_of_other_code_or_inputs_is_stale():
    base = grid()
    prepare(base)
    finish(base)
    joint, *_ = names(base, "joint")
    for change in ({"code": "0" * 12}, {"encoder": "other"}, {"spec": {}}):
        finish(base, joint, **change)
        assert survey(base).runs[joint] == "stale", change
    (path,) = read_json(paths.run_record(names(base, "target_only")[0]))["data"]
    finish(base, joint, data={path: "other"})
    assert survey(base).runs[joint] == "stale"
    finish(base, joint)
    assert states(base, "joint") == {"done"}
    paths.predictions(joint).unlink()
    assert survey(base).runs[joint] == "missing"


def test_a_stale_parent_makes_its_children_stale():
    base = grid()
    prepare(base)
    finish(base)
    first, second = names(base, "source_only")
    finish(base, first, code="0" * 12)
    at = survey(base)
    children = {name: run.parent for name, run in base.runs.items() if run.parent}
    assert {at.runs[name] for name, parent in children.items() if parent == first} == {"stale"}
    assert {at.runs[name] for name, parent in children.items() if parent == second} == {"done"}


def test_a_parent_trained_again_to_other_weights_makes_its_children_stale():
    base = grid()
    prepare(base)
    finish(base)
    parent = names(base, "source_only")[0]
    finish(base, parent, model="other weights")
    at = survey(base)
    assert at.runs[parent] == "done"
    assert {at.runs[name] for name, run in base.runs.items() if run.parent == parent} == {"stale"}


def test_a_parents_missing_weights_matter_only_to_waiting_children():
    base = grid()
    prepare(base)
    finish(base)
    for parent in base.parents:
        paths.run_model(parent).unlink()
    assert set(survey(base).runs.values()) == {"done"}
    child = names(base, "fine_tune")[0]
    paths.predictions(child).unlink()
    at = survey(base)
    assert at.runs[base.runs[child].parent] == "missing"
    assert states(base, "source_only") == {"missing", "done"}


def test_stale_data_and_encoders_are_to_prepare():
    base = grid()
    prepare(base)
    (key,) = base.datasets
    (encoder,) = base.encoders
    write_json(paths.data_report(key, "hubbish"), {"code": "other"})
    write_json(paths.encoder_manifest(encoder), {"code": "other"})
    text = report(base, survey(base))
    assert f"dataset {key}: hubbish (1 of 6 languages)" in text
    assert f"encoder {encoder} (made by other code)" in text


def test_what_reads_stale_data_is_stale():
    base = grid()
    prepare(base)
    finish(base)
    (key,) = base.datasets
    write_json(paths.data_report(key, "nearish"), {"code": "other"})
    at = survey(base)
    assert {name for name, state in at.runs.items() if state == "stale"} == {
        name for name, run in base.runs.items() if run.spec["targets"] == ["nearish"]
    }
    write_json(paths.data_report(key, "hubbish"), {"code": "other"})
    at = survey(base)
    assert {name for name, state in at.runs.items() if state == "done"} == {
        name for name in names(base, "target_only") if base.runs[name].spec["targets"] == ["farrish"]
    }


def test_what_starts_from_a_stale_encoder_is_stale():
    base = grid()
    prepare(base)
    (encoder,) = base.encoders
    write_json(paths.encoder_manifest(encoder), {"code": "other"})
    finish(base)
    assert set(survey(base).runs.values()) == {"stale"}


def test_an_unreadable_record_counts_as_missing():
    base = grid()
    prepare(base)
    finish(base)
    joint = names(base, "joint")[0]
    write_text(paths.run_record(joint), "{")
    assert survey(base).runs[joint] == "missing"


def test_predictions_that_lost_their_record_are_told_apart_from_runs_that_never_were():
    base = grid()
    prepare(base)
    finish(base)
    assert "run.json" not in report(base, survey(base))
    joint = names(base, "joint")[0]
    paths.run_record(joint).unlink()
    said = report(base, survey(base))
    assert "1 of the missing runs have predictions, but run.json beside them is gone" in said
    assert f"\n  {paths.predictions(joint)}" in said
    paths.predictions(joint).unlink()
    assert "run.json" not in report(base, survey(base))


# ------------------------------------------------------------------------------------------------------- the estimates


def test_estimates_go_by_the_likest_finished_runs():
    base = grid("experiments.few.target_size=[50, 100]")
    prepare(base)
    small = [name for name in names(base, "target_only") if base.runs[name].spec["target_size"] == 50]
    large = [name for name in names(base, "target_only") if base.runs[name].spec["target_size"] == 100]
    finish(base, small[0], seconds=10)
    finish(base, small[1], seconds=20)
    finish(base, large[0], seconds=100)
    expected = estimates(base, survey(base))
    assert (expected[small[2]].seconds, expected[small[2]].basis) == (15.0, "the same settings")
    assert expected[large[1]].seconds == 100.0
    assert expected[names(base, "joint")[0]].seconds is None
    other = grid("experiments.few.target_size=70")
    (like,) = {estimate for name, estimate in estimates(other, survey(other)).items() if "target_only" in name}
    assert (round(like.seconds, 3), like.basis) == (43.333, "the same method, encoder and dataset")
    third = grid("experiments.few.encoder=mbert")
    (like,) = {estimate for name, estimate in estimates(third, survey(third)).items() if "target_only" in name}
    assert (round(like.seconds, 3), like.basis) == (43.333, "the same task and method")


def test_jobs_at_a_time_divide_the_time_down_to_the_longest_run():
    base = grid("experiments.few.methods=[target_only]")
    prepare(base)
    finish(base, names(base, "target_only")[0], seconds=600)
    at = survey(base)
    assert "3 of 4 runs to train; about 30 min with 1 at a time" in report(base, at)
    assert "about 15 min with 2 at a time" in report(base, at, 2)
    assert "about 10 min with 9 at a time" in report(base, at, 9)
    assert "Goes by finished runs of the same settings for 3 of them." in report(base, at)


def test_runs_of_unknown_length_are_counted_beside():
    base = grid("experiments.few.methods=[target_only, joint]")
    prepare(base)
    finish(base, names(base, "joint")[0], seconds=60)
    assert "7 of 8 runs to train; about 3 min + 4 unknown with 1 at a time" in report(base, survey(base))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (5430, "1 h 30 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_durations_are_worded(seconds, words):
    assert duration(seconds) == words


# ----------------------------------------------------------------------------------------------------------- the stage


def run_plan(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["plan", *arguments])
    plan.main()


def test_the_stage_reads_files_and_overrides(folder, monkeypatch, capsys):
    (folder / "c.yaml").write_text(yaml.safe_dump(changed()))
    run_plan(
        monkeypatch,
        "--configfile",
        "c.yaml",
        "--config",
        "experiments.few.model_seeds=[1]",
        "confirm=yes",
        "--jobs",
        "2",
    )
    assert "13 of 13 runs to train" in capsys.readouterr().out
    with pytest.raises(UserError, match="--jobs 0: expected 1 or more"):
        run_plan(monkeypatch, "--configfile", "c.yaml", "--jobs", "0")


def test_the_stage_imports_nothing_heavy_and_starts_at_once():
    program = (
        "import sys; import pipeline.commands.plan, pipeline.commands.prune, pipeline.grid.runs, pipeline.common.code; "
        "print([m for m in ('torch', 'transformers', 'datasets', 'pandas', 'scipy', 'snakemake') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_thousands_of_runs_are_planned_at_once(folder):
    base = grid(f"experiments.few.model_seeds={list(range(154))}")
    prepare(base)
    record = json.dumps({"spec": next(iter(base.runs.values())).spec, "seconds": {"total": 1.0}})
    for name in base.runs:
        paths.run_dir(name).mkdir(parents=True)
        paths.run_record(name).write_text(record)
    assert len(base.runs) == 154 * 13
    started = time.process_time()
    report(base, survey(base))
    assert time.process_time() - started < 5, "what grows with the square of the runs takes minutes"


def test_a_config_without_experiments_has_nothing_to_train():
    base = expand(parse({}))
    text = report(base, survey(base))
    assert "Nothing to train.\n" in text and "no experiment is named, so nothing would run" in text


def test_a_run_whose_model_an_analysis_wants_and_nobody_kept_is_missing():
    base = grid("analyses.one={experiment: few, before: joint, after: fine_tune}")
    prepare(base)
    finish(base)
    at = survey(base)
    assert {name for name, state in at.runs.items() if state == "missing"} == base.kept
    for name in base.kept:
        write_text(paths.run_model(name), "weights")
    assert set(survey(base).runs.values()) == {"done"}
    paths.run_model(names(base, "fine_tune")[0]).unlink()
    parent = base.runs[names(base, "fine_tune")[0]].parent
    paths.run_model(parent).unlink()
    assert {name for name, state in survey(base).runs.items() if state == "missing"} == {
        names(base, "fine_tune")[0],
        parent,
    }


def test_steps_are_passes_over_the_main_stream():
    spec = {"sources": ["en"], "targets": ["qu"], "source_size": 33, "target_size": 20, "dev_size": 10}
    spec |= {"auxiliary": ["es", "fr"], "auxiliary_size": 40}
    training = {"batch_size": 16, "epochs": 5, "select": "best"}

    def steps(name, sizes=None, **method):
        return steps_of(
            {
                **spec,
                **(sizes or {}),
                "method": {"name": name, **hyper_parameters(name), **method},
                "training": training,
            }
        )

    assert steps("target_only") == 5 * 2  # 20 in batches of 16
    assert steps("joint") == 5 * 3  # 33 of the source
    assert steps("joint", batches="concatenated") == 5 * 4  # 53
    assert steps("metaxl", back_off_epochs=2) == 5 * 3 + 2 * 4
    assert steps("zero_shot") == 0
    assert steps("few_shot") == 5 * 1  # 10 dev sentences
    assert steps("joint", {"target_size": None}) == 15
    assert steps("auxiliary_tune") == 5 * 5  # 80 of both auxiliaries
    assert steps("x_maml", iterations=30) == 30  # an episode of each query language in each
    assert steps("x_maml", iterations=30, meta_batch="one") == steps("xla_maml", iterations=30) == 2 * 30
    assert steps("xla_maml", {"auxiliary": ["es"]}, iterations=30) == 30
    own = {"fine_tune": {**dict.fromkeys(FINE_TUNE_KEYS), "batch_size": 4, "epochs": 2}}
    assert (
        steps("xla_maml", setting="few_shot", iterations=30, **own) == 2 * 30 + 2 * 3
    )  # 10 dev examples of the target
    assert steps("reptile", iterations=30, inner_steps=5) == 2 * 30 * 5
    assert steps("layer_rates", episodes=3, episode_steps=20) == 60
    assert steps("joint", {"source_size": None}) is None


def test_sentences_that_are_all_taken_are_not_counted():
    base = grid("experiments.few.methods=[target_only, joint]", "experiments.few.target_size=all")
    said = report(base, survey(base)).split("\n\n")[-1]
    assert said.startswith("Training steps: ") and "and those of 4 runs that take all" in said


def test_steps_of_shares_are_not_known():
    spec = {"sources": ["en"], "targets": ["qu"], "source_size": 0.5, "target_size": 20, "dev_size": None}
    spec |= {"auxiliary": [], "auxiliary_size": None}
    training = {"batch_size": 16, "epochs": 5, "select": "best"}

    def described(name, **sizes):
        return {**spec, **sizes, "method": {"name": name, **hyper_parameters(name)}, "training": training}

    for name, steps in (("target_only", 5 * 2), ("fine_tune", 5 * 2), ("joint", None), ("source_only", None)):
        assert steps_of(described(name)) == steps, name
    assert steps_of(described("target_only", target_size=0.1)) is None
    base = grid("experiments.few.methods=[target_only, joint]", "experiments.few.target_size=[0.1, 32]")
    said = report(base, survey(base)).split("\n\n")[-1]
    # target_only with 32: 4 runs × 4 epochs × 2 batches; joint passes over 500 source examples: 8 runs × 4 × 32
    assert said.startswith(
        "Training steps: 1,056 and those of 4 runs that take all of a language's examples, or a share; "
    )


# ----------------------------------------------------------------------------------------- sources from another dataset

TWO = [
    "datasets.own={loader: files, task: nli, folder: f, files: {all: '{language}.csv'}}",
    "datasets.multinli={loader: multinli, sources: [mirror], mirror: m}",
    "tables=",
    "experiments.few=",
    "experiments={two: {dataset: own, source_dataset: multinli, encoder: mbert, methods: [target_only, joint, zero_shot], "
    "sources: [en], targets: [de], target_size: 16}}",
]


def test_both_datasets_are_to_prepare_and_both_make_stale():
    base = grid(*TWO)
    key = {dataset.name: key for key, dataset in base.datasets.items()}
    text = report(base, survey(base))
    assert f"dataset {key['own']}: de (1 of 1 languages)" in text
    assert f"dataset {key['multinli']}: en (1 of 1 languages)" in text
    prepare(base)
    finish(base)
    assert set(survey(base).runs.values()) == {"done"}
    assert "to prepare" not in report(base, survey(base))
    write_json(paths.data_report(key["multinli"], "en"), {"code": "other"})
    at = survey(base)
    assert {name for name, state in at.runs.items() if state == "done"} == set(names(base, "target_only"))
    prepare(base)
    write_json(paths.data_report(key["own"], "de"), {"code": "other"})
    at = survey(base)
    assert {name for name, state in at.runs.items() if state == "done"} == set(names(base, "source_only"))


def test_a_changed_split_of_the_sources_dataset_makes_its_readers_stale():
    base = grid(*TWO)
    prepare(base)
    key = next(key for key, dataset in base.datasets.items() if dataset.name == "multinli")
    path = str(paths.split(key, "en", "train"))
    finish(base)
    (joint,) = names(base, "joint")
    finish(base, joint, data={path: "as it was"})
    assert {name for name, state in survey(base).runs.items() if state == "stale"} == {joint}


def test_own_files_that_changed_make_stale(folder):
    base = grid(*TWO)
    prepare(base)
    finish(base)
    (own,) = (dataset for dataset in base.datasets.values() if dataset.name == "own")
    file, manifest = folder / "f" / "de.csv", paths.raw_manifest(own.key, "de")
    assert set(survey(base).runs.values()) == {"done"}  # no copy was made that a file could differ from
    write_text(file, "as copied")
    write_json(manifest, {"files": {"all": [{"name": "all-de.csv", "sha256": sha256_file(file)}]}})
    for content, age, states in (
        ("as copied", +10, {"done"}),  # touched
        ("another", +10, {"done", "stale"}),
        ("another", -10, {"done", "stale"}),  # older than its copy
    ):
        write_text(file, content)
        os.utime(file, (manifest.stat().st_mtime + age,) * 2)
        at = survey(base)
        assert set(at.runs.values()) == states, (content, age)
        assert at.languages[own.key, "de"] == ("stale" if "stale" in states else "done")
    file.unlink()
    at = survey(base)
    assert {name for name, state in at.runs.items() if state == "done"} == set(names(base, "source_only"))
    assert f"dataset {own.key}: de (1 of 1 languages)" in report(base, at)


def test_time_is_not_estimated_by_another_task():
    base = grid(*TWO)
    prepare(base)
    ner = grid("experiments.few.methods=[target_only]")
    prepare(ner)
    finish(ner, seconds=600)
    assert {estimate.seconds for estimate in estimates(base, survey(base)).values()} == {None}
    assert table(base)["two", "target_only"] == ["1", "0", "0", "1", "0", "unknown"]


def test_runs_of_earlier_code_are_offered_and_kept_once_accepted():
    base = grid()
    prepare(base)
    finish(base)
    joint = names(base, "joint")
    for name in joint:
        write_json(paths.run_record(name), {**read_json(paths.run_record(name)), "code": "0" * 12})
    seen = survey(base)
    assert {seen.runs[name] for name in joint} == {"stale"}
    assert report(base, seen).split("\n\n")[-1].split("\n")[1] == '  results: {accept_code: ["000000000000"]}'
    kept = grid('results.accept_code=["000000000000"]')
    assert kept.runs == base.runs and set(survey(kept).runs.values()) == {"done"}
    assert report(kept, survey(kept)).endswith("Nothing to train.")


def test_data_and_encoders_of_earlier_code_are_offered_too():
    base = grid()
    prepare(base)
    finish(base)
    manifest = paths.encoder_manifest(next(iter(base.encoders)))
    write_json(manifest, {**read_json(manifest), "code": "0" * 12})
    for run in base.runs.values():  # as if they had been trained with that encoder
        write_json(
            paths.run_record(run.name), {**read_json(paths.run_record(run.name)), "encoder": sha256_file(manifest)}
        )
    seen = survey(base)
    assert set(seen.runs.values()) == {"stale"}
    assert '  results: {accept_code: ["000000000000"]}' in report(base, seen)
    kept = grid('results.accept_code=["000000000000"]')
    assert set(survey(kept).encoders.values()) == {"done"} and set(survey(kept).runs.values()) == {"done"}
