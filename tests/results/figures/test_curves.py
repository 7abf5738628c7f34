"""Learning curves from made up logs: means and deviations by hand, seeds of unlike length, and what is drawn."""

import json

import numpy as np
import pytest

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import write_text
from pipeline.results.figures.curves import Curve, draw_curves, read_course, read_curves
from pipeline.results.figures.drawing import COLUMN, PAGE
from pipeline.results.figures.labels import Labels
from tests.configs import errors, grid

SPEC = {
    "kind": "curves",
    "show": "dev",
    "metric": "accuracy",
    "targets": ["c", "d"],
    "lines": [
        {"method": "joint", "dev": "target", "runs": {"c": ["one", "two"], "d": ["one"]}},
        {"method": "source", "dev": "source", "runs": {"c": ["one"], "d": []}},
    ],
}


def log(run, *scores, **extra):
    lines = [{"epoch": i, "dev_score": s, "losses": {"loss": 1 / i, **extra}} for i, s in enumerate(scores, 1)]
    write_text(paths.history(run), "".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def logs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log("one", 0.2, 0.4, 0.5)
    log("two", 0.4, 0.5)


def test_courses_are_read_from_logs(logs):
    np.testing.assert_allclose(read_course("one", "dev"), [20, 40, 50])
    np.testing.assert_allclose(read_course("two", "loss"), [1, 0.5])
    log("first phase has none", None, 0.5)
    np.testing.assert_allclose(read_course("first phase has none", "dev"), [np.nan, 50])


def test_a_log_that_says_nothing_of_it_or_is_not_there_is_an_error(logs):
    log("last", None, None)
    with pytest.raises(UserError, match=r"last/history.jsonl: 2 epochs, none with a dev score; .* with show: loss"):
        read_course("last", "dev")
    write_text(paths.history("broken"), '{"epoch": 1}\n')
    with pytest.raises(UserError, match="cannot read what the run logged: KeyError"):
        read_course("broken", "dev")
    with pytest.raises(UserError, match=r"absent/history.jsonl"):
        read_course("absent", "dev")


def test_a_mean_is_over_the_epochs_that_all_seeds_have():
    curve = Curve((np.array([20.0, 40, 50]), np.array([40.0, 50])))
    assert curve.common == 2
    np.testing.assert_allclose(curve.mean, [30, 45])
    np.testing.assert_allclose(curve.sd, np.std([[20, 40], [40, 50]], axis=0, ddof=1))
    assert not Curve((np.array([1.0, 2]),)).sd.any()


def test_the_figure_has_a_panel_for_each_target_and_a_line_for_each_method(logs):
    figure = draw_curves(SPEC, read_curves(SPEC), Labels({"c": "Cé"}))
    assert figure.get_figwidth() == COLUMN
    first, second = figure.axes
    assert [axis.get_title() for axis in figure.axes] == ["Cé", "d"]
    mean, rest, other = (line.get_xydata().tolist() for line in first.lines)
    assert mean == [[1, 30], [2, 45]] and other == [[1, 20], [2, 40], [3, 50]]
    assert rest == [[2, 40], [3, 50]], "the seed that went on"
    band = first.collections[0].get_paths()[0].vertices
    assert band[:, 1].min() == pytest.approx(30 - np.std([20, 40], ddof=1))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["joint", "source (dev of source)"]
    assert figure.legends[0].get_title().get_text() == "mean ± sd over n = 1–2 seeds; thin: seeds that went on"
    assert figure.get_suptitle() == "Accuracy, on dev data" and first.get_ylabel() == "dev score ×100"
    assert len(second.lines[1].get_xdata()) == 0, "no run on this target, and its place in the legend all the same"


def test_many_targets_take_the_page_and_losses_have_no_metric(logs):
    targets = list("cdefg")
    lines = [{"method": "joint", "dev": "target", "runs": {target: ["one"] for target in targets}}]
    spec = {**SPEC, "show": "loss", "metric": None, "targets": targets, "lines": lines}
    figure = draw_curves(spec, read_curves(spec))
    assert figure.get_figwidth() == PAGE and sum(axis.axison for axis in figure.axes) == 5
    assert figure.axes[0].get_ylabel() == "training loss" and figure.get_suptitle() == ""


CURVES = "figures.f={kind: curves, experiment: few"


def test_the_config_names_methods_and_runs():
    found = grid(CURVES + "}", "experiments.few.targets=nearish").figures["f"]
    assert [line["method"] for line in found["lines"]] == ["target only", "joint", "joint-cat", "fine-tune"]
    assert found["metric"] == "entity_f1_strict"
    assert [len(runs) for line in found["lines"] for runs in line["runs"].values()] == [2] * 4, "one a seed"
    losses = grid(CURVES + ", show: loss}").figures["f"]
    assert losses["lines"][-1]["method"] == "few-shot" and losses["metric"] is None


@pytest.mark.parametrize(
    ("rest", "changes", "message"),
    [
        (
            ", methods: [zero_shot]}",
            (),
            "figures.f.methods[0]: 'zero_shot' has no such curve; expected a method that has a",
        ),
        (", methods: [few_shot]}", (), "figures.f.methods[0]: 'few_shot' has no such curve"),
        (", methods: [jont]}", (), "figures.f.methods[0]: 'jont' is no method of experiment 'few'"),
        ("}", ("training.select=last",), "figures.f.experiment: no method of 'few' has a dev score after each epoch"),
        (
            "}",
            ("experiments.few.target_size=[50, 100]",),
            "figures.f.experiment: 'few' has several values of target_size",
        ),
    ],
)
def test_curves_that_no_run_logs_are_refused(rest, changes, message):
    said = errors(CURVES + rest, *changes)
    assert any(line.strip().startswith(message) for line in said), said
