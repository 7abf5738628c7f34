"""The helpers that the rules call."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import sha256_file, write_json
from pipeline.grid import jobs as workflow
from pipeline.grid.runs import run_inputs
from tests.rules.house import CONFIG


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> workflow.Jobs:
    monkeypatch.chdir(tmp_path)
    return workflow.read_jobs(CONFIG, [])


def named(**wildcards: str) -> Any:
    return SimpleNamespace(**wildcards)


def run_of(jobs: workflow.Jobs, method: str) -> str:
    return next(name for name, run in jobs.grid.runs.items() if run.spec["method"]["name"] == method)


def test_a_run_s_params_are_its_spec_and_code(jobs: workflow.Jobs) -> None:
    name = run_of(jobs, "fine_tune")
    run = jobs.grid.runs[name]
    assert json.loads(jobs.run_spec(named(run=name))) == run.spec
    assert jobs.run_inputs(named(run=name)) == run_inputs(run)
    assert jobs.run_code(named(run=name)) != jobs.run_code(named(run=run.parent))
    assert jobs.run_code(named(run=name)) == jobs.run_code(named(run=run_of(jobs, "target_only"))), (
        "the same statements"
    )


def test_keep_model_follows_the_rule_that_declares_the_model(jobs: workflow.Jobs) -> None:
    assert jobs.keep_model(named(run="any"), {"predictions": "p"}) == ""
    assert jobs.keep_model(named(run="any"), {"predictions": "p", "model": "m"}) == "--keep-model"


def test_parents_pattern_matches_parents_alone(jobs: workflow.Jobs) -> None:
    import re

    assert len(jobs.grid.parents) == 2
    for name in jobs.grid.runs:
        assert bool(re.fullmatch(jobs.parents_pattern(), name)) == ("source_only" in name)


def test_without_parents_the_pattern_matches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import re

    monkeypatch.chdir(tmp_path)
    few = {**CONFIG["experiments"]["few"], "methods": ["target_only"]}
    alone = workflow.read_jobs({**CONFIG, "experiments": {"few": few}}, [])
    assert not any(re.fullmatch(alone.parents_pattern(), text) for text in ("", *alone.grid.runs))


def test_lists_are_handed_over_by_content(jobs: workflow.Jobs) -> None:
    path = Path(jobs.runs_file)
    rows = json.loads(path.read_text())
    assert [row["name"] for row in rows] == sorted(jobs.grid.runs)
    assert {tuple(use) for row in rows for use in row["uses"]} == {("few", "target_only"), ("few", "fine_tune")}
    written = path.stat().st_mtime_ns
    again = workflow.read_jobs({key: CONFIG[key] for key in reversed(CONFIG)}, [])
    assert again.runs_file == jobs.runs_file
    assert path.stat().st_mtime_ns == written
    titled = {**CONFIG, "tables": {}}
    assert workflow.read_jobs(titled, []).runs_file == jobs.runs_file  # tables are no part of it
    assert workflow.read_jobs(titled, []).config_file != jobs.config_file


def test_a_list_that_was_altered_is_written_again(jobs: workflow.Jobs) -> None:
    path = Path(workflow.handed("runs", [{"name": "a"}]))
    before = path.read_bytes()
    path.write_bytes(before.replace(b"a", b"b", 1))
    assert workflow.handed("runs", [{"name": "a"}]) == str(path) and path.read_bytes() == before


def test_generated_data_has_no_raw_files(jobs: workflow.Jobs) -> None:
    (key,) = jobs.grid.datasets
    assert jobs.raw_manifest(named(dataset=key, language="nearish")) == []


def test_where_files_lie_changes_no_key_and_goes_to_the_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def reading(mirror: str) -> workflow.Jobs:
        corpus = {"loader": "wikiann", "sources": ["mirror"], "mirror": mirror, "expected": {"qu": {"train": 7}}}
        few = {**CONFIG["experiments"]["few"], "dataset": "corpus", "sources": ["en"], "targets": ["qu"]}
        config = {**CONFIG, "datasets": {**CONFIG["datasets"], "corpus": corpus}, "experiments": {"few": few}}
        return workflow.read_jobs(config, [])

    here, there = reading("here"), reading("over there")
    assert list(here.grid.runs) == list(there.grid.runs)
    key = next(key for key, dataset in here.grid.datasets.items() if dataset.name == "corpus")
    quechua = named(dataset=key, language="qu")
    assert here.data_spec(quechua) == there.data_spec(quechua)
    assert there.download_location(quechua, None) == "--mirror 'over there'"
    spec = json.loads(there.download_spec(quechua, None))
    assert (spec["sources"], spec["expected"]["qu"]["train"], spec["language"]) == (["mirror"], 7, "qu")
    assert "expected" not in json.loads(there.data_spec(quechua))
    assert here.raw_manifest(quechua) == [f"resources/raw/{key}/qu/manifest.json"]


def test_an_unknown_run_is_named(jobs: workflow.Jobs) -> None:
    with pytest.raises(UserError, match="run ner-nothing: the config in effect names no such run"):
        jobs.run_spec(named(run="ner-nothing"))


def test_a_wrong_config_is_refused_with_file_and_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("training:\n  epoch: 3\n")
    with pytest.raises(UserError, match=r"mine\.yaml:2: training\.epoch: unknown key; did you mean 'epochs'\?"):
        workflow.read_jobs({"training": {"epoch": 3}}, [file])


def test_a_wrong_override_is_refused_though_no_file_has_it(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("training: {epochs: 3}\n")
    with pytest.raises(UserError, match="confirm"):
        workflow.read_jobs({"training": {"epochs": 3}, "confirm": "perhaps"}, [file])


def test_importing_the_helpers_loads_nothing_heavy() -> None:
    import subprocess
    import sys

    heavy = ("torch", "transformers", "datasets", "pandas", "scipy")
    code = f"import sys, pipeline.grid.jobs; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def analysed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> workflow.Jobs:
    monkeypatch.chdir(tmp_path)
    few = {**CONFIG["experiments"]["few"], "methods": ["joint", "fine_tune"]}
    one = {"experiment": "few", "before": "joint", "after": "fine_tune", "split": "dev"}
    return workflow.read_jobs({**CONFIG, "experiments": {"few": few}, "tables": {}, "analyses": {"one": one}}, [])


def test_representing_reads_the_model_both_languages_and_the_encoder(analysed: workflow.Jobs) -> None:
    run, key = run_of(analysed, "joint"), analysed.grid.analyses["one"].key
    dataset, encoder = analysed.grid.runs[run].spec["dataset"], analysed.grid.runs[run].spec["encoder"]
    assert analysed.represent_inputs(named(run=run, view=key)) == [
        f"results/runs/{run}/model/model.safetensors",
        f"results/data/{dataset}/hubbish/dev.parquet",
        f"results/data/{dataset}/nearish/dev.parquet",
        f"resources/encoders/{encoder}/manifest.json",
    ]
    assert json.loads(analysed.view(named(view=key)))["split"] == "dev"
    with pytest.raises(UserError, match="names no such view"):
        analysed.view(named(view="00000000"))


def test_analyses_and_figures_wait_for_what_they_show(analysed: workflow.Jobs) -> None:
    found, key = analysed.grid.analyses["one"], analysed.grid.analyses["one"].key
    read = analysed.analysis_inputs(named(analysis="one"))
    assert read == [f"results/runs/{run}/representations-{key}/points.parquet" for run in found.runs]
    assert len(read) == 4
    assert set(analysed.figure_inputs(named(figure="one-hubbish-nearish"))) < set(read)
    assert json.loads(analysed.figure_spec(named(figure="one-hubbish-nearish")))["kind"] == "pair"
    assert analysed.analyses() == [
        *(f"results/analyses/one.{suffix}" for suffix in ("csv", "json", "md", "tex")),
        *(f"results/figures/one-hubbish-nearish.{suffix}" for suffix in ("pdf", "png")),
    ]
    assert sorted(analysed.kept_models()) == sorted(f"results/runs/{run}/model/model.safetensors" for run in found.runs)
    with pytest.raises(UserError, match="names no such figure"):
        analysed.figure_spec(named(figure="one-correlation"))


# ------------------------------------------------------------------------------------------------------------ own files

OWN = {
    "loader": "files",
    "task": "sentiment",
    "folder": "mine",
    "files": {"train": "{language}/train.csv", "test": "test.csv"},
    "columns": {"language": "lang"},
    "languages": {"jv": "javanese"},
    "dev": {"from": "train"},
}


def own(**changes: Any) -> workflow.Jobs:
    few = {**CONFIG["experiments"]["few"], "dataset": "own", "sources": ["id"], "targets": ["jv"]}
    corpus = {key: value for key, value in {**OWN, **changes}.items() if value is not None}
    return workflow.read_jobs(
        {**CONFIG, "datasets": {**CONFIG["datasets"], "own": corpus}, "experiments": {"few": few}}, []
    )


def own_key(jobs: workflow.Jobs) -> str:
    return next(key for key, dataset in jobs.grid.datasets.items() if dataset.name == "own")


def test_a_download_depends_on_the_user_s_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jobs = own()
    javanese, indonesian = (named(dataset=own_key(jobs), language=language) for language in ("jv", "id"))
    assert jobs.own_files(javanese) == []  # there is none yet: of that the stage tells
    for path in ("mine/javanese/train.csv", "mine/id/train.csv", "mine/test.csv", "mine/other.csv"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("text,label,lang\n")
    assert jobs.own_files(javanese) == ["mine/javanese/train.csv", "mine/test.csv"]
    assert jobs.own_files(indonesian) == ["mine/id/train.csv", "mine/test.csv"]
    assert jobs.download_location(javanese, None) == "--folder mine"
    assert jobs.raw_manifest(javanese) == [f"resources/raw/{own_key(jobs)}/jv/manifest.json"]
    spec = json.loads(jobs.download_spec(javanese, None))
    assert (spec["languages"], spec["labels"], spec["sources"]) == ({"jv": "javanese"}, [], ["folder"])
    assert "languages" not in json.loads(jobs.data_spec(indonesian))
    (babel,) = (key for key, dataset in jobs.grid.datasets.items() if dataset.name == "babel")
    assert jobs.own_files(named(dataset=babel, language="hubbish")) == []


def test_parts_are_found_by_their_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jobs = own(files={"train": ["{language}/part-*.csv", "more.csv"], "test": "test.csv"})
    javanese = named(dataset=own_key(jobs), language="jv")
    for path in ("mine/javanese/part-10.csv", "mine/javanese/part-9.csv", "mine/more.csv", "mine/id/part-1.csv"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("text,label,lang\n")
    assert jobs.own_files(javanese) == [
        f"mine/{name}" for name in ("javanese/part-9.csv", "javanese/part-10.csv", "more.csv")
    ]


def test_one_language_more_changes_nothing_for_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    jobs, more = own(), own(languages={"jv": "javanese", "su": "sundanese"})
    assert list(jobs.grid.runs) == list(more.grid.runs)
    javanese = named(dataset=own_key(jobs), language="jv")
    assert jobs.data_spec(javanese) == more.data_spec(javanese)
    assert jobs.download_spec(javanese, None) == more.download_spec(javanese, None)
    called = own(languages={"jv": "jawa"})
    assert own_key(called) == own_key(jobs)
    assert called.data_spec(javanese) != jobs.data_spec(javanese)  # a param of the job, which so runs again


def test_what_earlier_code_made_keeps_its_hash_once_accepted(jobs: workflow.Jobs) -> None:
    old = "0" * 12
    name = run_of(jobs, "fine_tune")
    dataset, encoder = next(iter(jobs.grid.datasets)), next(iter(jobs.grid.encoders))
    places = {
        paths.run_record(name): lambda j: j.run_code(named(run=name)),
        paths.data_report(dataset, "nearish"): lambda j: j.data_code(named(dataset=dataset, language="nearish")),
        paths.raw_manifest(dataset, "nearish"): lambda j: j.download_code(named(dataset=dataset, language="nearish")),
        paths.encoder_manifest(encoder): lambda j: j.encoder_code(named(encoder=encoder)),
    }
    accepting = workflow.read_jobs({**CONFIG, "results": {"accept_code": [old]}}, [])
    assert json.loads(Path(accepting.runs_file).read_text())[0]["accept_code"] == [old]
    assert "accept_code" not in json.loads(Path(jobs.runs_file).read_text())[0]
    for path, ask in places.items():
        assert ask(accepting) == ask(jobs) != old, "nothing is there yet"
        write_json(path, {"code": old})
        assert ask(accepting) == old
        assert ask(jobs) != old


def test_a_model_of_the_user_s_that_changed_is_copied_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    few = {**CONFIG["experiments"]["few"], "encoder": "mine"}
    encoders = {"mine": {"from": "folder", "folder": "model"}}
    jobs = workflow.read_jobs({**CONFIG, "encoders": encoders, "experiments": {"few": few}}, [])
    (key,) = jobs.grid.encoders
    Path("model").mkdir()
    Path("model/config.json").write_text("{}")
    before = jobs.encoder_code(named(encoder=key))
    write_json(paths.encoder_manifest(key), {"read": {"model/config.json": sha256_file(Path("model/config.json"))}})
    assert jobs.encoder_code(named(encoder=key)) == before, "the first copy answers to the code alone"
    Path("model/config.json").write_text("[]")
    os.utime("model/config.json", (1_500_000_000, 1_500_000_000))
    assert jobs.encoder_code(named(encoder=key)).startswith(f"{before} ")
