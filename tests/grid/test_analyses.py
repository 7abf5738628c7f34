"""Analyses in the config: which runs keep their models, what stages are told, what is refused."""

import json

import pytest

from pipeline.common.errors import UserError
from pipeline.common.files import digest
from pipeline.config.load import parse
from pipeline.grid.analyses import analysis_spec, figures
from pipeline.grid.runs import Grid, expand
from tests.configs import changed, errors, grid

ONE = "analyses.one={experiment: few, before: joint, after: fine_tune}"


def test_an_analysis_changes_no_run_and_keeps_its_models():
    plain, analysed = grid(), grid(ONE)
    assert list(plain.runs) == list(analysed.runs)
    assert not plain.kept
    wanted = {name for name, run in plain.runs.items() if {("few", "joint"), ("few", "fine_tune")} & set(run.uses)}
    assert analysed.kept == wanted and len(wanted) == 8  # two methods, targets, seeds
    assert analysed.tables == plain.tables


def test_pairs_hold_the_runs_of_their_languages_and_seeds():
    one = grid("experiments.few.sources=[hubbish, [hubbish, middish]]", ONE)
    analysis = one.analyses["one"]
    assert [(pair.sources, pair.target) for pair in analysis.pairs] == [
        (("hubbish",), "nearish"),
        (("hubbish",), "farrish"),
        (("hubbish", "middish"), "nearish"),
        (("hubbish", "middish"), "farrish"),
    ]
    for pair in analysis.pairs:
        for runs, method in ((pair.before, "joint"), (pair.after, "fine_tune")):
            for (data_seed, model_seed), name in runs.items():
                spec = one.runs[name].spec
                assert (tuple(spec["sources"]), spec["targets"]) == (pair.sources, [pair.target])
                assert (spec["data_seed"], spec["model_seed"]) == (data_seed, model_seed)
                assert spec["method"]["name"] == method
    assert list(analysis.pairs[0].before) == [(42, 1), (42, 2)]


def test_the_stage_is_told_names_and_no_ids():
    one = grid(ONE)
    spec = analysis_spec(one.analyses["one"])
    assert not any(run.id in json.dumps(spec) for run in one.runs.values())
    assert spec == {
        "experiment": "few",
        "before": "joint",
        "after": "fine_tune",
        "metric": "entity_f1_strict",
        "view": {"split": "test", "sentences": 500, "seed": 0, "layer": "last", "units": "token"},
        "pairs": [[["hubbish"], "nearish"], [["hubbish"], "farrish"]],
        "seeds": [[42, 1], [42, 2]],
    }
    assert one.analyses["one"].key == digest(spec["view"], 8)


def test_every_pair_has_a_figure_and_several_have_a_scatter():
    one = grid(ONE)
    specs = figures(one.analyses, str.upper)
    assert list(specs) == ["one-hubbish-nearish", "one-hubbish-farrish", "one-correlation"]
    shown = specs["one-hubbish-farrish"]
    assert shown["labels"] == ["JOINT", "FINE_TUNE"], "in words" and shown["seed"] == [42, 1]
    assert [one.runs[run].spec["method"]["name"] for run in shown["runs"]] == ["joint", "fine_tune"]
    assert list(figures(grid("experiments.few.targets=nearish", ONE).analyses, str)) == ["one-hubbish-nearish"]


def test_runs_are_represented_once_for_analyses_with_the_same_view():
    both = grid(ONE, "analyses.two={experiment: few, before: joint, after: joint-cat}")
    assert both.analyses["one"].key == both.analyses["two"].key
    other = grid(ONE, "analyses.two={experiment: few, before: joint, after: joint-cat, layer: 2}")
    assert other.analyses["two"].key != both.analyses["two"].key


@pytest.mark.parametrize(("given", "layer"), [("last", "last"), ("0", 0), ("'2'", 2)])
def test_layers_are_read(given, layer):
    assert layered(given).analyses["one"].view["layer"] == layer


def layered(value: str) -> Grid:
    return expand(parse(changed(ONE, f"analyses.one.layer={value}")))


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("analyses.one.experiment=fewer", "analyses.one.experiment: unknown experiment 'fewer'; did you mean 'few'"),
        (
            "analyses.one.before=joint-dog",
            "analyses.one.before: 'joint-dog' is no method of experiment 'few'; did you mean",
        ),
        ("analyses.one.before=target_only", "analyses.one.before: 'target_only' is trained without sources"),
        ("analyses.one.after=joint", "analyses.one.after: 'joint' is the method before too"),
        ("analyses.one.layer=5", "analyses.one.layer: 5, but encoder 'small' has layers 0 (the embeddings) to 4"),
        (
            "analyses.one.layer=first",
            "analyses.one.layer: expected a layer's number, 0 (the embeddings) or more, or 'last'",
        ),
        ("analyses.one.units=word", "analyses.one.units: expected 'token' or 'sentence', got 'word'"),
        ("analyses.one.metric=f1", "analyses.one.metric: unknown metric 'f1'"),
        ("analyses.one.sentence=5", "analyses.one.sentence: unknown key; did you mean 'sentences'"),
        ("experiments.few.source_size=[100, 500]", "analyses.one.experiment: 'few' has several values of source_size"),
        ("experiments.few.target_size=[10, 50]", "analyses.one.experiment: 'few' has several values of target_size"),
        ("methods.fine_tune={training: {max_length: 64}}", "(max_length: joint 200 and fine_tune 64)"),
        ("methods.fine_tune={tune: {training.epochs: [2, 3]}}", "analyses.one.after: 'fine_tune' is tuned"),
    ],
)
def test_what_cannot_be_analysed_is_refused(override, message):
    assert any(message in line for line in errors(ONE, override)), errors(ONE, override)


@pytest.mark.parametrize("task", ["sentiment", "nli", "qa", "relevance"])
def test_words_are_represented_where_the_task_labels_words(task):
    of_task = f"datasets.babel={{loader: babel, task: {task}, sizes: {{train: 1000}}}}"
    assert grid(of_task, ONE).analyses["one"].view["units"] == "sentence"
    assert grid(of_task, ONE, "analyses.one.units=sentence").analyses["one"].view["units"] == "sentence"
    assert grid(ONE, "analyses.one.units=sentence").analyses["one"].view["units"] == "sentence"  # ner has both
    said = f"analyses.one.units: 'token' is for tasks that label words (ner), and task '{task}' labels whole examples"
    assert any(said in line for line in errors(of_task, ONE, "analyses.one.units=token"))


def test_two_figures_of_one_name_are_refused():
    twice = changed(ONE, "experiments.few.targets=nearish")
    twice["analyses"]["one-hubbish"] = twice["analyses"]["one"]
    twice["experiments"]["few"]["sources"] = ["hubbish"]
    assert expand(parse(twice))
    family = {"b-c": {"parent": "hubbish"}, "a-b": {"parent": "hubbish"}, "c": {"parent": "hubbish"}}
    twice["datasets"]["babel"]["family"] = family
    few = twice["experiments"]["few"]
    twice["experiments"]["other"] = {**few, "sources": ["c"], "targets": ["nearish"]}
    few["sources"] = ["b-c"]
    twice["analyses"] = {
        "a": {"experiment": "few", "before": "joint", "after": "fine_tune"},
        "a-b": {"experiment": "other", "before": "joint", "after": "fine_tune"},
    }
    with pytest.raises(UserError, match=r"analyses\.a-b: its figure 'a-b-c-nearish' has the name of one of 'a'"):
        parse(twice)


def test_a_broken_experiment_is_said_once():
    said = errors(ONE, "experiments.few.targets=[]")
    assert not any("analyses" in line for line in said)
