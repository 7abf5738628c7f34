"""A run is its spec: what changes the result changes the id, and nothing else does."""

import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common import paths
from pipeline.common.files import digest
from pipeline.config.load import parse
from pipeline.grid.runs import Grid, Run, expand, run_inputs, run_name
from pipeline.tasks.qa_score import LONGEST
from tests.configs import BASE, COMMIT, changed, grid


def of(grid: Grid, method: str, **spec) -> list[Run]:
    return [
        run
        for run in grid.runs.values()
        if run.spec["method"]["name"] == method and all(run.spec[key] == value for key, value in spec.items())
    ]


def test_the_grid_is_the_product_with_each_run_once():
    base = grid()
    # 2 targets × 2 seeds for each of the six methods, and a parent per seed
    assert len(base.runs) == 6 * 2 * 2 + 2
    assert len(of(base, "joint")) == 8  # the variant is a joint run too
    assert base.parents == {run.name for run in of(base, "source_only")}
    assert list(grid().runs) == list(base.runs)


def test_a_spec_holds_what_the_contract_says():
    base = grid()
    (run,) = (r for r in of(base, "joint", targets=["nearish"], model_seed=1) if r.uses == (("few", "joint-cat"),))
    assert run.spec == {
        "task": "ner",
        "dataset": next(key for key in base.datasets),
        "source_dataset": None,
        "sources": ["hubbish"],
        "auxiliary": [],
        "targets": ["nearish"],
        "source_size": 500,
        "auxiliary_size": None,
        "target_size": 50,
        "dev_size": None,
        "data_seed": 42,
        "encoder": next(key for key in base.encoders),
        "method": {"name": "joint", "batches": "concatenated"},
        "training": {
            "optimizer": "adamw",
            "learning_rate": 0.001,
            "weight_decay": 0.01,
            "batch_size": 16,
            "epochs": 4,
            "warmup": 0.1,
            "schedule": "linear",
            "clip_norm": 1.0,
            "max_length": 200,
            "precision": "auto",
            "select": "best",
            "patience": None,
        },
        "model_seed": 1,
        "parent": None,
        "rates": None,
        "evaluate": ["nearish"],
    }
    assert run.id == digest(run.spec)
    assert run.name == f"ner-babel-hubbish-nearish-joint-s1-{run.id}"
    assert run.uses == (("few", "joint-cat"),)


def test_a_parent_trains_on_the_sources_alone():
    (parent,) = of(grid("experiments.few.dev_size=20"), "source_only", model_seed=1)
    assert (parent.spec["targets"], parent.spec["evaluate"], parent.spec["target_size"]) == ([], [], None)
    assert (parent.spec["source_size"], parent.spec["dev_size"], parent.spec["parent"]) == (500, 20, None)
    assert parent.name == f"ner-babel-hubbish-source_only-s1-{parent.id}"
    assert parent.uses == ()


def test_children_name_the_parent_of_their_own_seed_and_size():
    base = grid("experiments.few.source_size=[100, 500]")
    for method in ("fine_tune", "zero_shot", "few_shot"):
        for child in of(base, method):
            parent = base.runs[child.parent]
            assert child.spec["parent"] == child.parent == parent.name
            for key in ("encoder", "dataset", "sources", "source_size", "data_seed", "model_seed"):
                assert child.spec[key] == parent.spec[key]
    names = list(base.runs)
    assert all(names.index(run.parent) < names.index(run.name) for run in base.runs.values() if run.parent)
    assert len(base.parents) == 4


def test_training_settings_go_before_each_other_in_order():
    base = grid(
        "training={epochs: 2, batch_size: 3, weight_decay: 0.5}",
        "experiments.few.training={batch_size: 5, warmup: 0.2, epochs: 3}",
        "methods.few_shot.training={warmup: 0.3}",
        "methods.fine_tune.training={epochs: 9}",
        "methods.source_only.training={weight_decay: 0}",
    )
    keys = ("epochs", "batch_size", "weight_decay", "warmup", "select")

    def training(method: str) -> tuple:
        return tuple(of(base, method)[0].spec["training"][key] for key in keys)

    assert training("joint") == (3, 5, 0.5, 0.2, "best")
    assert training("few_shot") == (1, 5, 0.5, 0.3, "last")  # its own epochs and select stand above the experiment's
    assert training("fine_tune") == (9, 5, 0.5, 0.2, "best")
    assert training("source_only") == (3, 5, 0.0, 0.2, "best")


def test_what_a_method_does_not_use_is_in_no_spec():
    base = grid("experiments.few.source_size=[100, 500]", "experiments.few.target_size=[10, 50]", "training.patience=3")
    assert all(run.spec["sources"] == [] and run.spec["source_size"] is None for run in of(base, "target_only"))
    assert len(of(base, "target_only")) == 2 * 2 * 2  # targets × target sizes × seeds
    zero = of(base, "zero_shot")
    assert {tuple(run.spec["training"]) for run in zero} == {("batch_size", "max_length", "precision")}
    assert {(run.spec["target_size"], run.spec["dev_size"]) for run in zero} == {(None, None)}
    assert len(zero) == 2 * 2 * 2  # targets × source sizes × seeds
    assert {run.spec["target_size"] for run in of(base, "few_shot")} == {None}
    assert {run.spec["training"]["patience"] for run in of(base, "few_shot")} == {None}
    assert {run.spec["training"]["patience"] for run in of(base, "joint")} == {3}


def test_the_metric_that_chooses_is_in_a_spec_where_it_can_change_the_result():
    base, main = grid(), grid("training.select_metric=entity_f1_strict")
    assert base.runs.keys() == main.runs.keys(), "the task's own, said"
    lenient = grid("training.select_metric=entity_f1_lenient")

    def metrics(grid: Grid, method: str) -> set:
        return {run.spec["training"].get("select_metric", "no such key") for run in of(grid, method)}

    assert metrics(lenient, "joint") == metrics(lenient, "source_only") == {"entity_f1_lenient"}
    assert metrics(lenient, "few_shot") == {"no such key"}, "it takes the last epoch"
    assert metrics(lenient, "zero_shot") == {"no such key"}
    last = grid("training.select=last", "training.select_metric=entity_f1_lenient")
    assert last.runs.keys() == grid("training.select=last").runs.keys()
    average = "experiments.few.methods=[checkpoint_average]", "experiments.few.targets=[nearish]", "tables="
    assert grid(*average).runs.keys() == grid(*average, "training.select_metric=entity_f1_lenient").runs.keys()


def test_the_length_of_test_examples_is_in_the_spec_of_what_is_tested():
    base, same = grid(), grid("training.test_max_length=200")
    assert base.runs.keys() == same.runs.keys(), "as long as max_length"
    longer = grid("training.test_max_length=250")
    parents = {run.name for run in of(base, "source_only")}
    assert base.runs.keys() & longer.runs.keys() == parents != set(), "a parent is not tested"
    lengths = {run.spec["training"].get("test_max_length") for run in longer.runs.values() if run.name not in parents}
    assert lengths == {250}
    own = grid("training.test_max_length=250", "methods.joint.training={max_length: 250}")
    (joint, *_) = of(own, "joint")
    assert joint.spec["training"]["max_length"] == 250 and "test_max_length" not in joint.spec["training"]


def test_the_longest_answer_is_in_the_spec_of_questions_alone():
    assert grid("training.longest_answer=50").runs.keys() == grid().runs.keys(), "not of ner"
    asked = "datasets.babel.task=qa"
    base, longer = grid(asked), grid(asked, "training.longest_answer=50")
    assert not base.runs.keys() & longer.runs.keys(), "dev scores, too, are of what may be predicted"
    assert {run.spec["training"].get("longest_answer") for run in longer.runs.values()} == {50}
    assert {run.spec["training"].get("longest_answer", LONGEST) for run in base.runs.values()} == {30}
    back = grid(asked, "training.longest_answer=50", "experiments.few.training.longest_answer=30")
    assert back.runs.keys() == base.runs.keys(), (
        "the default, said where it overrides another, is as if nothing was said"
    )


def test_a_spec_says_nothing_of_trimming_but_where_it_is_switched_off():
    base, whole = grid(), grid("training.trim=no")
    assert grid("training.trim=yes").runs.keys() == base.runs.keys()
    assert all("trim" not in run.spec["training"] for run in base.runs.values())
    said = {run.spec["method"]["name"]: run.spec["training"].get("trim") for run in whole.runs.values()}
    assert said["joint"] is False and said["zero_shot"] is None, "what trains nothing has all rows"


def test_dev_size_counts_only_where_dev_data_are_used():
    last = grid("experiments.few.dev_size=20", "training.select=last")
    sizes = {
        method: {run.spec["dev_size"] for run in of(last, method)} for method in ("joint", "few_shot", "zero_shot")
    }
    assert sizes == {"joint": {None}, "few_shot": {20}, "zero_shot": {None}}
    train = grid("experiments.few.dev_size=20", "methods.few_shot={split: train}")
    assert {(run.spec["dev_size"], run.spec["target_size"]) for run in of(train, "few_shot")} == {(None, 50)}


def test_equal_specs_are_one_run_with_every_use():
    base = grid(
        "methods.same={method: joint, batches: balanced}",
        "experiments.few.methods=[target_only, joint, same]",
        "experiments.again={dataset: babel, encoder: small, methods: [joint], sources: [hubbish], targets: [nearish], "
        "source_size: 500, target_size: 50, model_seeds: [1]}",
    )
    (run,) = of(base, "joint", targets=["nearish"], model_seed=1)
    assert run.uses == (("few", "joint"), ("few", "same"), ("again", "joint"))


def test_the_order_of_a_source_set_makes_no_other_run():
    one = grid("experiments.few.sources=[[hubbish, middish]]")
    other = grid("experiments.few.sources=[[middish, hubbish]]")
    assert one == other
    assert "hubbish+middish" in of(one, "joint")[0].name


def test_many_languages_are_counted_in_names():
    sources = [f"language{i:02}" for i in range(40)]
    base = grid(
        "experiments.few.dataset=wikiann",
        "experiments.few.encoder=mbert",
        f"experiments.few.sources=[[{', '.join(sources)}]]",
        "experiments.few.targets=[qu]",
    )
    assert all(len(name) < 128 for name in base.runs)
    assert of(base, "joint")[0].name.startswith("ner-wikiann-40_sources-qu-joint-s1-")


def test_one_methods_training_changes_its_runs_alone():
    base, other = grid(), grid("methods.target_only={training: {learning_rate: 1e-4}}")
    gone = {name for name in base.runs if name not in other.runs}
    assert gone == {run.name for run in of(base, "target_only")}
    assert len(other.runs) == len(base.runs)
    assert grid("methods.target_only={training: {learning_rate: 0.001}}").runs == base.runs  # the same as the config's


def test_the_parents_training_changes_the_parents_and_their_children():
    base, other = grid(), grid("methods.source_only={training: {epochs: 9}}")
    gone = {name for name in base.runs if name not in other.runs}
    expected = {
        run.name for method in ("source_only", "fine_tune", "zero_shot", "few_shot") for run in of(base, method)
    }
    assert gone == expected


@pytest.mark.parametrize(
    "override",
    [
        "tables.few.title=Another",
        "tables.few.labels={joint: JT}",
        "tables.few.metric=entity_f1_lenient",
        "tables.few.columns=target",
        "tables={}",
        "confirm=yes",
        "keep=[other.yaml]",
        "datasets.wikiann.mirror=/elsewhere",
        "datasets.wikiann.expected={qu: {train: 5}}",
        "methods.unused={method: joint}",
        "encoders.unused={from: folder, folder: x}",
    ],
)
def test_what_is_no_identity_changes_no_run(override):
    base = grid()
    other = grid(override)
    assert (other.runs, other.datasets, other.encoders) == (base.runs, base.datasets, base.encoders)


@pytest.mark.parametrize(
    ("override", "touched"),
    [
        ("training.weight_decay=0.5", {"target_only", "joint", "fine_tune", "zero_shot", "few_shot", "source_only"}),
        ("experiments.few.target_size=60", {"target_only", "joint", "fine_tune"}),
        ("experiments.few.source_size=400", {"joint", "fine_tune", "zero_shot", "few_shot", "source_only"}),
        ("experiments.few.data_seeds=7", {"target_only", "joint", "fine_tune", "zero_shot", "few_shot", "source_only"}),
        ("datasets.babel.seed=1", {"target_only", "joint", "fine_tune", "zero_shot", "few_shot", "source_only"}),
        ("encoders.small.steps=1001", {"target_only", "joint", "fine_tune", "zero_shot", "few_shot", "source_only"}),
        ("methods.few_shot={split: train}", {"few_shot"}),
    ],
)
def test_what_determines_a_result_changes_its_run(override, touched):
    base, other = grid(), grid(override)
    gone = {run.spec["method"]["name"] for name, run in base.runs.items() if name not in other.runs}
    kept = {run.spec["method"]["name"] for name, run in base.runs.items() if name in other.runs}
    assert (gone, kept & touched) == (touched, set())


def test_keeping_models_changes_no_run():
    base, kept = grid(), grid("experiments.few.keep_model=yes")
    assert list(base.runs) == list(kept.runs)
    assert base.kept == frozenset()
    assert kept.kept == {name for name, run in kept.runs.items() if run.uses}


def test_data_and_model_seeds_are_separate():
    base = grid("experiments.few.data_seeds=[1, 2]", "experiments.few.model_seeds=[1, 2]")
    assert {(run.spec["data_seed"], run.spec["model_seed"]) for run in of(base, "joint")} == {
        (1, 1),
        (1, 2),
        (2, 1),
        (2, 2),
    }


def shuffled(node, rng):
    """The same mapping with its keys in another order."""
    if isinstance(node, dict):
        keys = list(node)
        rng.shuffle(keys)
        return {key: shuffled(node[key], rng) for key in keys}
    return [shuffled(part, rng) for part in node] if isinstance(node, list) else node


def respelled(node, rng):
    """The same numbers in other spellings, as YAML and Snakemake hand them over."""
    if isinstance(node, dict):
        return {key: respelled(value, rng) for key, value in node.items()}
    if isinstance(node, list):
        return [respelled(part, rng) for part in node]
    if isinstance(node, float):
        return rng.choice([node, f"{node:e}", repr(node), f"{node:.17g}"])
    return rng.choice([node, str(node)]) if isinstance(node, int) and not isinstance(node, bool) else node


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_key_order_and_spelling_make_no_other_run(rng):
    raw = respelled(shuffled(deepcopy(BASE), rng), rng)
    there, here = expand(parse(raw)), grid()
    assert there.runs == here.runs
    assert (there.datasets, there.encoders, there.parents) == (here.datasets, here.encoders, here.parents)


@settings(max_examples=50, deadline=None)
@given(st.floats(min_value=1e-8, max_value=1e3))
def test_a_number_survives_its_spelling(value):
    def runs(spelling):
        raw = changed("experiments.few.methods=[target_only]")
        raw["training"]["learning_rate"] = spelling
        return list(expand(parse(raw)).runs)

    assert runs(value) == runs(repr(value)) == runs(f"{value:.17e}")


def test_ids_stay_what_they_are():
    """A change of these makes every run of every user another: it must be meant."""
    base = grid()
    (run,) = of(base, "target_only", targets=["nearish"], model_seed=1)
    assert list(base.datasets) == ["babel-9c149eb3"]
    assert list(base.encoders) == ["small-3a826cbb"]
    assert run.name == "ner-babel-nearish-target_only-s1-b06dc32bfa7d"


# ------------------------------------------------------------------------------------------- datasets, encoders, inputs


def test_only_needed_languages_and_things_are_prepared():
    base = grid()
    (dataset,) = base.datasets.values()
    assert dataset.languages == (
        "farrish",
        "glyphish",
        "hubbish",
        "kinnish",
        "middish",
        "nearish",
    )  # the encoder's text
    assert [encoder.name for encoder in base.encoders.values()] == ["small"]
    few = grid("encoders.small.text=[{dataset: babel, languages: [middish]}]")
    assert next(iter(few.datasets.values())).languages == ("farrish", "hubbish", "middish", "nearish")


def test_an_encoders_text_is_known_by_dataset_key_and_language():
    base = grid("encoders.small.text=[{dataset: babel, languages: [nearish, hubbish]}]")
    (encoder,) = base.encoders.values()
    (key,) = base.datasets
    assert encoder.spec["text"] == [{"dataset": key, "language": "hubbish"}, {"dataset": key, "language": "nearish"}]
    assert encoder.spec["intermediate_size"] == 4 * 192
    assert encoder.key == f"small-{digest(encoder.spec, 8)}"
    same = grid(
        "encoders.small.text=[{dataset: babel, languages: [hubbish, nearish]}]", "encoders.small.intermediate_size=768"
    )
    assert same.encoders == base.encoders


def test_encoders_from_elsewhere():
    hub = grid("experiments.few.encoder=mbert")
    (encoder,) = hub.encoders.values()
    assert encoder.spec == {"from": "hub", "repository": "google-bert/bert-base-multilingual-cased", "revision": COMMIT}
    mine = grid("encoders.mine={from: folder, folder: models/x}", "experiments.few.encoder=mine")
    (encoder,) = mine.encoders.values()
    assert (encoder.folder, encoder.spec) == ("models/x", {"from": "folder", "folder": "models/x"})


def test_a_datasets_places_are_beside_its_spec():
    base = grid(
        "experiments.few.dataset=wikiann",
        "experiments.few.encoder=mbert",
        "experiments.few.sources=[en]",
        "experiments.few.targets=[qu]",
        "datasets.wikiann.sources=[mirror, folder]",
        "datasets.wikiann.folder=/mine",
        "datasets.wikiann.expected={qu: {train: 90}, jv: {dev: 1}}",
    )
    (dataset,) = base.datasets.values()
    assert dataset.spec == {"loader": "wikiann", "hub": None, "test": "test", "dev": None, "remove_duplicates": "none"}
    assert (dataset.sources, dataset.mirror, dataset.folder) == (("mirror", "folder"), "/mirror", "/mine")
    assert dataset.download_spec("qu") == {
        **dataset.spec,
        "dataset": dataset.key,
        "language": "qu",
        "sources": ["mirror", "folder"],
        "archive": None,
        "expected": {"qu": {"train": 90}},
    }


def inputs(base: Grid, method: str) -> set[str]:
    (run,) = of(base, method, model_seed=1, **({} if method == "source_only" else {"targets": ["nearish"]}))
    (dataset,) = base.datasets
    prefix = str(paths.RESULTS / "data" / dataset)
    return {path.removeprefix(f"{prefix}/").removesuffix(".parquet") for path in run_inputs(run)}


def test_a_run_reads_the_splits_its_method_uses():
    base = grid("experiments.few.methods=[target_only, joint, fine_tune, zero_shot, few_shot]")
    encoder = str(paths.encoder_manifest(next(iter(base.encoders))))
    model = str(paths.run_model(of(base, "source_only", model_seed=1)[0].name))
    target = {"nearish/train", "nearish/dev", "nearish/test", encoder}
    assert inputs(base, "target_only") == target
    assert inputs(base, "joint") == {*target, "hubbish/train"}
    assert inputs(base, "fine_tune") == {*target, model}
    assert inputs(base, "zero_shot") == {"nearish/test", encoder, model}
    assert inputs(base, "few_shot") == {"nearish/dev", "nearish/test", encoder, model}
    assert inputs(base, "source_only") == {"hubbish/train", "hubbish/dev", encoder}


def test_sizes_as_shares_stand_in_the_spec_as_they_are():
    base = grid("experiments.few.source_size=0.5", "experiments.few.target_size=[0.1, 20]")
    assert {run.spec["target_size"] for run in of(base, "joint")} == {0.1, 20}
    assert {run.spec["source_size"] for run in of(base, "joint")} == {0.5}
    assert {run.spec["source_size"] for run in of(base, "source_only")} == {0.5}
    assert base.tables["few"]["experiments"][0]["target_sizes"] == [0.1, 20]
    spelled = grid("experiments.few.source_size=5e-1", "experiments.few.target_size=['0.10', '20']")
    assert list(spelled.runs) == list(base.runs)


# ----------------------------------------------------------------------------------------- sources from another dataset

TWO = [
    "datasets.xnli={loader: xnli, sources: [mirror], mirror: m}",
    "datasets.multinli={loader: multinli, sources: [mirror], mirror: m}",
    "datasets.own={loader: files, task: nli, folder: f, files: {all: '{language}.csv'}}",
    "tables=",
    "experiments.few=",
]


def pair(dataset="xnli", targets="de, ru", methods="zero_shot, few_shot", source="multinli", **more) -> str:
    """An experiment whose sources come from another dataset."""
    few = {
        "dataset": dataset,
        "source_dataset": source,
        "encoder": "mbert",
        "methods": f"[{methods}]",
        "sources": "[en]",
    }
    few |= {"targets": f"[{targets}]", **more}
    return f"{{{', '.join(f'{key}: {value}' for key, value in few.items())}}}"


def keys(base: Grid) -> dict[str, str]:
    return {dataset.name: key for key, dataset in base.datasets.items()}


def test_sources_and_targets_are_of_their_own_datasets():
    base = grid(*TWO, f"experiments={{few: {pair()}}}")
    name = keys(base)
    assert {dataset.name: dataset.languages for dataset in base.datasets.values()} == {
        "xnli": ("de", "ru"),
        "multinli": ("en",),
    }
    for run in (*of(base, "zero_shot"), *of(base, "few_shot")):
        assert (run.spec["dataset"], run.spec["source_dataset"]) == (name["xnli"], name["multinli"])
        assert run.name.startswith(f"nli-xnli-en-{run.spec['targets'][0]}-")
    (parent,) = of(base, "source_only")
    assert (parent.spec["dataset"], parent.spec["source_dataset"]) == (name["multinli"], None)
    assert parent.name.startswith("nli-multinli-en-source_only-")
    assert {run.parent for run in base.runs.values() if run.parent} == {
        parent.name
    }  # all targets and both methods share it


def read_by(base: Grid, run: Run) -> list[str]:
    """The splits a run reads, by the datasets' names."""
    data = f"{paths.RESULTS}/data/"
    named = {key: name for name, key in keys(base).items()}
    files = [path.removeprefix(data).removesuffix(".parquet") for path in run_inputs(run) if path.startswith(data)]
    return [f"{named[file.partition('/')[0]]}/{file.partition('/')[2]}" for file in files]


def test_runs_read_each_language_from_its_own_dataset():
    methods = "zero_shot, joint, target_only, fine_tune"
    base = grid(*TWO, f"experiments={{few: {pair('own', 'de', methods)}}}", "experiments.few.sources=[en]")
    (parent,) = of(base, "source_only")
    assert read_by(base, parent) == ["multinli/en/train", "multinli/en/dev"]
    (run,) = of(base, "joint")
    assert read_by(base, run) == ["multinli/en/train", "own/de/train", "own/de/dev", "own/de/test"]
    (run,) = of(base, "fine_tune")
    assert read_by(base, run) == ["own/de/train", "own/de/dev", "own/de/test"]
    assert str(paths.run_model(parent.name)) in run_inputs(run)
    (run,) = of(base, "zero_shot")
    assert read_by(base, run) == ["own/de/test"]
    (run,) = of(base, "target_only")
    assert (run.spec["source_dataset"], run.spec["sources"]) == (None, [])
    xnli = grid(*TWO, f"experiments={{few: {pair('xnli', 'de')}}}")
    (run,) = of(xnli, "few_shot")
    assert read_by(xnli, run) == ["xnli/de/dev", "xnli/de/test"]


def test_one_parent_serves_targets_of_several_datasets():
    """What trains on the sources alone is the same model, wherever it is tested afterwards."""
    one, other = pair("xnli"), pair("own", "de", "zero_shot, fine_tune")
    home = "{dataset: multinli, encoder: mbert, methods: [target_only], targets: [en]}"
    base = grid(*TWO, f"experiments={{one: {one}, other: {other}, home: {home}}}")
    assert len(of(base, "source_only")) == 1
    changed_target = grid(*TWO, f"experiments={{one: {one}}}", "datasets.xnli.remove_duplicates=train")
    assert of(changed_target, "source_only") == of(grid(*TWO, f"experiments={{one: {one}}}"), "source_only")
    changed_source = grid(*TWO, f"experiments={{one: {one}}}", "datasets.multinli.remove_duplicates=train")
    assert of(changed_source, "source_only") != of(base, "source_only")
    assert not changed_source.runs.keys() & base.runs.keys()


def test_the_own_dataset_named_as_that_of_the_sources_changes_nothing():
    assert grid("experiments.few.source_dataset=babel") == grid()


def test_data_that_no_method_reads_is_not_prepared():
    base = grid(*TWO, f"experiments={{few: {pair('own', 'de', 'target_only')}}}")
    assert {dataset.name: dataset.languages for dataset in base.datasets.values()} == {"own": ("de",)}
    assert grid(
        "experiments.few.methods=[target_only]", "encoders.small.text=[{dataset: babel, languages: [middish]}]"
    ).datasets[next(iter(grid().datasets))].languages == ("farrish", "middish", "nearish")


def test_default_metrics_are_those_of_the_task():
    tables = "tables={one: {experiments: [few]}}"
    metric = {
        dataset: grid(*TWO, f"experiments={{few: {pair(dataset, 'de', 'zero_shot', source)}}}", *more, tables).tables[
            "one"
        ]["metric"]
        for dataset, source, more in (
            ("xnli", "multinli", []),
            (
                "qa",
                "qa2",
                [
                    "datasets.qa={loader: mlqa, sources: archive}",
                    "datasets.qa2={loader: squad, sources: mirror, mirror: m}",
                ],
            ),
            ("wikiann", "wikiann", []),
            ("marc", "marc", ["datasets.marc={loader: marc, sources: mirror, mirror: m}"]),
            (
                "search",
                "search",
                ["datasets.search={loader: files, task: relevance, folder: f, files: {all: '{language}.csv'}}"],
            ),
        )
    }
    assert metric == {
        "xnli": "accuracy",
        "qa": "answer_f1",
        "wikiann": "entity_f1_strict",
        "marc": "f1_macro",
        "search": "f1_positive",
    }


def test_a_name_can_be_told_from_its_spec_alone():
    assert all(run_name(run.spec) == name for name, run in grid().runs.items())


def test_the_order_of_runs_does_not_hang_on_hashing():
    program = "from tests.configs import grid; print(*grid().runs)"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {" ".join(grid().runs) + "\n"}
