"""What `mgl`, `multi_task` and `language_adversarial` ask of an experiment, and the figures of MGL."""

import json
from types import SimpleNamespace

import pytest

from pipeline.common import paths
from pipeline.config.load import parse
from pipeline.grid.figures import represented
from pipeline.grid.jobs import Jobs
from pipeline.grid.runs import run_inputs
from tests.configs import changed, errors, grid

SENTIMENT = ("datasets.babel.task=sentiment", "experiments.few.sources=[[hubbish, middish]]", "tables=")
GRAPH = (*SENTIMENT, "experiments.few.methods=[mgl]")


def test_a_run_of_mgl_reads_the_sources_training_and_dev_data_and_the_targets():
    base = grid(*GRAPH, "experiments.few.targets=[farrish]", "experiments.few.model_seeds=1")
    (run,) = base.runs.values()
    key = next(iter(base.datasets))
    data = {path for path in run_inputs(run) if f"/{key}/" in path}
    wanted = {(language, split) for language in ("hubbish", "middish", "farrish") for split in ("train", "dev")}
    assert data == {str(paths.split(key, *which)) for which in {*wanted, ("farrish", "test")}}
    assert run.parent is None


def test_the_methods_bring_the_papers_settings_along():
    base = grid(*GRAPH, "experiments.few.targets=[farrish]", "experiments.few.model_seeds=1")
    (run,) = base.runs.values()
    training = run.spec["training"]
    assert {key: training[key] for key in ("optimizer", "learning_rate", "clip_norm", "schedule", "patience")} == {
        "optimizer": "adam",
        "learning_rate": 1e-5,
        "clip_norm": 40.0,
        "schedule": "constant",
        "patience": 5,
    }


@pytest.mark.parametrize("method", ["mgl", "multi_task", "language_adversarial", "reptile_fine_tune"])
def test_changing_one_method_makes_other_runs_of_it_alone(method):
    methods = f"experiments.few.methods=[joint, {method}]"
    before, after = (
        grid(*SENTIMENT, methods, f"methods.{method}.training.learning_rate={rate}").runs for rate in (1e-4, 2e-4)
    )
    gone = {run.spec["method"]["name"] for name, run in before.items() if name not in after}
    assert gone == {method}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ("experiments.few.methods=[mgl]", "experiments.few.sources=[[hubbish, middish]]", "tables="),
            "experiments.few.methods[0]: mgl gives each example one class, and dataset 'babel' is of task ner; it is for "
            "sentiment, nli, relevance, classification",
        ),
        (
            (*GRAPH, "experiments.few.sources=[hubbish]"),
            "experiments.few.methods[0]: mgl leaves one source out in meta-train, and the source set ['hubbish'] has only one; "
            "put several languages into one source set, as sources: [[en, de]], or set meta_train: no",
        ),
    ],
)
def test_what_a_graph_cannot_do_is_refused(overrides, message):
    assert message in errors(*overrides)


def test_more_neighbours_than_a_graph_has_nodes_are_allowed():
    """Of 42 nodes: then all edges are kept, as the paper's 100 of 94 on relevance."""
    grid(*GRAPH, "methods.mgl.neighbours=100")


def test_one_source_is_enough_without_meta_train_or_across_languages():
    for key in ("meta_train", "l2clt"):
        grid(*GRAPH, "experiments.few.sources=[hubbish]", f"methods.mgl.{key}=no")


def test_meta_train_needs_the_sources_dev_data_to_choose_its_epoch():
    """WikiAnn-like data of which only the targets' have a dev set cannot be; a dataset without any can."""
    asked = (*GRAPH, "experiments.few.dev_size=0")
    assert any(
        "mgl needs dev data to choose the best epoch, and dev_size is 0; set select: last" in e for e in errors(*asked)
    )
    grid(*asked, "training.select=last")


@pytest.mark.parametrize("method", ["mgl", "multi_task", "language_adversarial"])
def test_a_language_on_both_sides_is_refused(method):
    found = errors(
        *SENTIMENT,
        f"experiments.few.methods=[{method}]",
        "datasets.other={loader: babel, task: sentiment, seed: 3}",
        "experiments.few.source_dataset=other",
        "experiments.few.sources=[[hubbish, nearish]]",
    )
    assert (
        f"experiments.few.methods[0]: {method} tells the languages apart, and 'nearish' is source and target" in found
    )


# ---------------------------------------------------------------------------------------------------------------- figures

GRAPH_FIGURE = (*GRAPH, "figures.map={kind: meta_graph, experiments: [few]}")
SIZES_FIGURE = (
    *SENTIMENT,
    "experiments.few.methods=[joint, mgl, zero_shot]",
    "experiments.few.target_size=[50, 0.5, all]",
    "figures.line={kind: sizes, experiments: [few]}",
)


def test_a_meta_graph_has_a_panel_for_each_target_and_keeps_the_models_it_is_of():
    base = grid(*GRAPH_FIGURE)
    spec = base.figures["map"]
    assert [(panel["sources"], panel["target"]) for panel in spec["panels"]] == [
        (["hubbish", "middish"], "nearish"),
        (["hubbish", "middish"], "farrish"),
    ]
    assert all(len(panel["runs"]) == 2 for panel in spec["panels"])
    assert {run for run, _ in represented(base.figures)} == base.kept == set(base.runs)
    settings = parse(changed(*GRAPH_FIGURE))
    jobs = Jobs(base, settings, {})
    read = jobs.figure_inputs(SimpleNamespace(figure="map"))
    assert len(read) == 4
    view = read[0].split("representations-")[1][:8]
    assert json.loads(jobs.view(SimpleNamespace(view=view)))["split"] == "train"


def test_a_line_figure_is_over_the_sizes_and_all_languages():
    spec = grid(*SIZES_FIGURE).figures["line"]
    assert spec["sizes"] == [50, 0.5, None]
    assert spec["columns"] == [["few", "nearish"], ["few", "farrish"]]
    assert spec["methods"] == ["joint", "mgl", "zero_shot"]
    assert spec["unsized"] == ["zero_shot"]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            (*GRAPH_FIGURE, "figures.map.method=mgo"),
            "figures.map.method: 'mgo' is no method of experiment 'few'; did you mean 'mgl'?",
        ),
        (
            (*GRAPH_FIGURE, "experiments.few.methods=[mgl, joint]", "figures.map.method=joint"),
            "figures.map.method: 'joint' has no meta graph; expected a variant of mgl",
        ),
        (
            (*GRAPH_FIGURE, "figures.map.neighbours=7"),
            "figures.map.neighbours: 7 of each node are kept, and a graph of one instance of each class and language of 'few' "
            "has 6",
        ),
        (
            (*GRAPH_FIGURE, "experiments.few.target_size=[50, 100]"),
            "figures.map.experiments: 'few' has several values of target_size; make an experiment with one",
        ),
        (
            (*GRAPH_FIGURE, "figures.map.experiments=[fex]"),
            "figures.map.experiments: unknown experiment 'fex'; did you mean 'few'?",
        ),
        (
            (*SIZES_FIGURE, "experiments.few.target_size=50"),
            "figures.line.experiments: 'few' has one target_size, which makes no line; list several",
        ),
        (
            (*SIZES_FIGURE, "figures.line.methods=[jont]"),
            "figures.line.methods[0]: 'jont' is no method of experiment 'few'; did you mean 'joint'?",
        ),
        (
            (*SIZES_FIGURE, "methods.joint.tune={training.epochs: [2, 3]}"),
            "figures.line.methods: 'joint' is tuned; name a variant with the values you mean",
        ),
        (
            (*SIZES_FIGURE, "figures.line.metric=acuracy"),
            "figures.line.metric: unknown metric 'acuracy'; did you mean 'accuracy'?",
        ),
    ],
)
def test_figures_that_cannot_be_drawn_are_refused(overrides, message):
    assert message in errors(*overrides)
