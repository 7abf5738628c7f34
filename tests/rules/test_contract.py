"""What makes a job run again and what does not: every row of the contract, asked of a finished workflow by dry-runs.

The workflow is real (data, encoder, six tiny runs, two tables); only what a changed workflow *would* run is read off.
"""

import copy
import hashlib
import json
import os
import re
import shutil
from pathlib import Path

import pytest
import yaml

from tests.rules.house import CONFIG, ROOT, House, methods

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]  # one worker runs the workflow for all

RESULTS = ["collect", "score", "table"]
CODE = ("\n\n\n", "\n\n\nADDED = 1\n\n\n")
"""An edit that changes what a module is: a line of code where two blank ones are."""


def rules(jobs: dict[str, list[str]]) -> list[str]:
    return sorted(jobs)


def test_one_worker_runs_the_workflow_for_all(request: pytest.FixtureRequest) -> None:
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("asked of several workers: pytest -n 2 --dist loadgroup")
    assert request.node.nodeid.endswith("@workflow"), "pytest-xdist does not group tests with this pytest"


# ---------------------------------------------------------------------------------------------------------- the config


def test_finished_workflow_has_nothing_to_do(finished: House) -> None:
    assert finished.planned() == {}


def test_learning_rate_of_one_method_runs_that_method_and_the_tables(finished: House) -> None:
    changed = finished.changed("methods", value={"fine_tune": {"training": {"learning_rate": 0.002}}})
    jobs = finished.planned(config=changed)
    assert rules(jobs) == sorted([*RESULTS, "train_run"])
    assert methods(jobs) == ["fine_tune", "fine_tune"]  # two seeds; their parents stay
    assert len(jobs["table"]) == 2
    assert finished.planned() == {}  # changed back


def test_key_order_number_spelling_and_comments_run_nothing(finished: House) -> None:
    def reverse(value: object) -> object:
        return {key: reverse(value[key]) for key in reversed(value)} if isinstance(value, dict) else value

    text = yaml.safe_dump(reverse(CONFIG), sort_keys=False)
    assert "learning_rate: 0.001" in text
    text = "# a comment\n" + text.replace("learning_rate: 0.001", "learning_rate: 1.0e-3  # as before")
    (finished.folder / "respelt.yaml").write_text(text)
    assert yaml.safe_load(text) == CONFIG
    assert finished.planned(config="respelt.yaml") == {}


def test_a_language_runs_its_data_its_runs_and_the_tables(finished: House) -> None:
    changed = finished.changed("experiments", "few", "targets", value=["nearish", "middish"])
    jobs = finished.planned(config=changed)
    assert rules(jobs) == sorted([*RESULTS, "preprocess", "train_run"])
    assert [job.partition("language=")[2] for job in jobs["preprocess"]] == ["middish"]
    assert methods(jobs) == ["fine_tune", "fine_tune", "target_only", "target_only"]  # the same parents
    assert all("middish" in run for run in jobs["train_run"])


def test_a_seed_runs_its_runs_and_the_tables(finished: House) -> None:
    jobs = finished.planned(config=finished.changed("experiments", "few", "model_seeds", value=[1, 2, 3]))
    assert rules(jobs) == sorted([*RESULTS, "train_parent", "train_run"])
    assert methods(jobs) == ["fine_tune", "source_only", "target_only"]


def test_a_method_runs_its_runs_and_the_tables(finished: House) -> None:
    jobs = finished.planned(
        config=finished.changed("experiments", "few", "methods", value=["target_only", "joint", "fine_tune"])
    )
    assert rules(jobs) == sorted([*RESULTS, "train_run"])
    assert methods(jobs) == ["joint", "joint"]


def test_a_title_runs_that_table_alone(finished: House) -> None:
    changed = finished.changed("tables", "few", "title", value="Another title")
    assert finished.planned(config=changed) == {"table": ["table=few"]}


def test_a_run_that_is_no_parent_any_more_is_not_run_again(finished: House) -> None:
    config = copy.deepcopy(CONFIG)
    few = config["experiments"]["few"]
    parent = next(run for run in run_names(finished) if "source_only" in run)
    assert (finished.folder / "results/runs" / parent / "model/model.safetensors").exists()
    few["methods"] = ["target_only"]
    jobs = finished.planned(
        f"results/runs/{parent}/predictions.parquet", config=finished.config("changed.yaml", CONFIG)
    )
    assert jobs == {}
    assert rules(finished.planned(config=finished.config("changed.yaml", config))) == RESULTS


def run_names(house: House) -> list[str]:
    return sorted(path.name for path in (house.folder / "results/runs").iterdir())


# ------------------------------------------------------------------------------------------------------------ the code


def test_a_method_s_module_runs_that_method(finished: House) -> None:
    with finished.edited("pipeline/methods/fine_tune.py", *CODE):
        jobs = finished.planned()
    assert methods(jobs) == ["fine_tune", "fine_tune"]
    assert rules(jobs) == sorted([*RESULTS, "train_run"])
    assert finished.planned() == {}  # edited and put back: the file is newer, its code the same


def test_a_module_that_all_methods_import_runs_all(finished: House) -> None:
    with finished.edited("pipeline/training/loop.py", *CODE):
        jobs = finished.planned()
    assert methods(jobs) == sorted(["fine_tune", "source_only", "target_only"] * 2)


def test_a_comment_a_docstring_and_formatting_run_nothing(finished: House) -> None:
    body = (finished.folder / "pipeline/training/loop.py").read_text()
    spaced = body.replace("    return ", "    return  ")
    assert spaced != body
    with (
        finished.edited("pipeline/training/loop.py", body, spaced + "\n# a comment\n"),
        finished.edited("pipeline/methods/fine_tune.py", '"""Return the method."""', '"""Give back the method."""'),
    ):
        assert finished.planned() == {}


def test_a_table_s_code_runs_the_tables(finished: House) -> None:
    with finished.edited("pipeline/results/tables/latex.py", *CODE):
        assert finished.planned() == {"table": ["table=few", "table=same"]}


# ----------------------------------------------------------------------------------------------------------- the rules

FROZEN = {
    "download": "92d9040dfcca",
    "preprocess": "1b5e5ee515bf",
    "encoder": "7d4fc65582fc",
    "score": "b166ea233be3",
    "collect": "849e35cb1517",
    "table": "16f91d287f94",
    "plan": "a9c00c8fb63b",
    "prune": "a7a92ba0603d",
    "ensemble": "db0fd9c20618",
    "train_run": "814d206141b1",
    "represent": "0ea9bee73ffa",
    "analysis": "44885768a53f",
    "figure": "c102a2766649",
    "printed": "c6d974df88e5",
    "document": "0583a5fcd60f",
    "decide": "cd5dafb6215f",
    "breakdown": "95b87eb97ecd",
}
"""By rule: a digest of its shell text."""


def shell_texts() -> dict[str, str]:
    """The text of each rule's shell block, its lines stripped and joined."""
    found: dict[str, str] = {}
    for file in sorted((ROOT / "rules").glob("*.smk")):
        for rule, text in re.findall(
            r'^rule (\w+):\n(?:.+\n|\n(?! *\n))*?    shell:\n +"""\n([^"]+)"""', file.read_text(), re.M
        ):
            found[rule] = text
    return found


def test_shell_texts_are_frozen() -> None:
    """Without profiles/default a changed shell text runs every finished job of that rule again: options belong into the JSON."""
    assert {rule: hashlib.sha256(text.encode()).hexdigest()[:12] for rule, text in shell_texts().items()} == FROZEN


def test_the_shell_text_runs_nothing_but_without_the_profile_all_of_a_rule(finished: House) -> None:
    with finished.edited("rules/training.smk", "python -m pipeline.stages.train", "python -m  pipeline.stages.train"):
        assert finished.planned() == {}
        jobs = finished.planned("--rerun-triggers", "code", "input", "mtime", "params", "software-env")
    assert methods(jobs) == sorted(["fine_tune", "source_only", "target_only"] * 2)


def test_threads_resources_log_and_conda_run_nothing(finished: House) -> None:
    path = "rules/training.smk"
    with (
        finished.edited(path, "threads: 1", "threads: 2"),
        finished.edited(path, "mem_mb=needs.run_mem_mb", "mem_mb=5000"),
        finished.edited(path, '"logs/train/{run}.log"', '"logs/elsewhere/{run}.log"'),
        finished.edited(path, "../envs/pipeline.yaml", "../envs/other.yaml"),
    ):
        shutil.copy2(finished.folder / "envs/pipeline.yaml", finished.folder / "envs/other.yaml")
        assert finished.planned() == {}
        assert finished.planned("--set-threads", "train_run=2", "--set-resources", "train_run:mem_mb=1") == {}


# ------------------------------------------------------------------------------------------------------------ the data


def test_touched_inputs_with_the_same_bytes_run_nothing(finished: House, tmp_path: Path) -> None:
    house = finished.copy(tmp_path / "house")
    for path in [*house.folder.glob("results/data/*/*/*.parquet"), *house.folder.glob("resources/encoders/*/*")]:
        os.utime(path)
    assert house.planned() == {}
    assert methods(house.planned("--max-checksum-file-size", "1"))  # what Snakemake does with large files by itself


def test_the_profile_compares_large_files_by_content() -> None:
    profile = yaml.safe_load((ROOT / "profiles/default/config.yaml").read_text())
    assert profile["max-checksum-file-size"] == "2GB"


def test_data_made_again_runs_the_runs_unless_prepared_before(finished: House, tmp_path: Path) -> None:
    house = finished.copy(tmp_path / "house")
    assert methods(house.planned("--forcerun", "preprocess")) == sorted(["fine_tune", "source_only", "target_only"] * 2)
    house.run("prepare", "--forcerun", "preprocess")
    assert house.planned() == {}


def test_a_pruned_parent_model_runs_nothing(finished: House, tmp_path: Path) -> None:
    house = finished.copy(tmp_path / "house")
    models = list(house.folder.glob("results/runs/*/model"))
    assert len(models) == 2
    for folder in models:
        shutil.rmtree(folder)
    assert house.planned() == {}
    jobs = house.planned(config=house.changed("experiments", "few", "targets", value=["nearish", "middish"]))
    assert len(jobs["train_parent"]) == 2  # a new child needs the model


# ---------------------------------------------------------------------------------------------------- lost provenance


def test_stale_runs_are_refused_by_name_when_snakemake_forgot_them(finished: House, tmp_path: Path) -> None:
    house = finished.copy(tmp_path / "house")
    shutil.rmtree(house.folder / ".snakemake")
    with house.edited("pipeline/methods/fine_tune.py", *CODE):
        assert rules(house.planned()) == RESULTS  # Snakemake sees no reason to train again
        done = house.snakemake()
    assert done.returncode != 0
    told = (house.folder / "logs/collect.log").read_text()
    stale = [run for run in run_names(house) if "fine_tune" in run]
    fresh = [run for run in run_names(house) if "target_only" in run]
    assert len(stale) == len(fresh) == 2
    assert all(run in told for run in stale), told
    assert not any(run in told for run in fresh), told
    assert not (house.folder / "results/scores.parquet").exists()


def test_a_changed_config_is_seen_when_snakemake_forgot(finished: House, tmp_path: Path) -> None:
    house = finished.copy(tmp_path / "house")
    shutil.rmtree(house.folder / ".snakemake")
    changed = house.changed("methods", value={"fine_tune": {"training": {"learning_rate": 0.002}}})
    jobs = house.planned(config=changed)
    assert rules(jobs) == sorted([*RESULTS, "train_run"])
    assert methods(jobs) == ["fine_tune", "fine_tune"]


def test_earlier_code_is_kept_once_it_is_accepted(finished: House, tmp_path: Path) -> None:
    house = finished.copy(tmp_path / "house")
    records = [json.loads(path.read_text()) for path in house.folder.glob("results/runs/*/run.json")]
    codes = sorted({made["code"] for made in records})
    with house.edited("pipeline/training/loop.py", *CODE):
        assert len(methods(house.planned())) == 6
        told = house.run("plan")
        assert f"  results: {{accept_code: [{', '.join(json.dumps(code) for code in codes)}]}}" in told.split("\n"), (
            told
        )
        assert "Files that differ from the code of today: pipeline/training/loop.py." in told
        config = {**copy.deepcopy(CONFIG), "results": {"accept_code": codes}}
        accepting = house.config("accepting.yaml", config)
        assert rules(house.planned(config=accepting)) == RESULTS, "only the tables are made again, to say it"
        house.run(config=accepting)
        assert house.planned(config=accepting) == {}
        table = (house.folder / "results/tables/few.md").read_text()
        assert f"2 cells from runs of earlier code {', '.join(codes)}." in table
        lost = next(house.folder.glob("results/runs/*target_only-s1-*"))
        (lost / "predictions.parquet").unlink()
        house.run("train", config=accepting)
        anew = json.loads((lost / "run.json").read_text())
        assert anew["code"] not in codes and anew["answers_to"] in codes
        house.run(config=accepting)
        assert house.planned("train", config=accepting) == {}, "what was made anew is not made once more"
        table = (house.folder / "results/tables/few.md").read_text()
        assert f"from runs of earlier code {', '.join(codes)} (1 of them beside runs of the present code)." in table
        with house.edited("pipeline/training/loop.py", "ADDED = 1", "ADDED = 2"):
            assert methods(house.planned("train", config=accepting)) == ["target_only"], (
                "edited on: it is neither code's"
            )
        config["experiments"]["few"]["model_seeds"].append(3)
        more = house.config("more.yaml", config)
        assert methods(house.planned(config=more)) == ["fine_tune", "source_only", "target_only"], "new runs alone"
    assert methods(house.planned("train", config=accepting)) == ["target_only"], "edited back: made by neither code"
    house.run(config=accepting)
    assert house.planned("train", config=accepting) == house.planned("train") == {}
    assert "earlier code" not in (house.folder / "results/tables/few.md").read_text()
