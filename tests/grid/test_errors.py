"""Error analyses of a config: what their stage is told, what it reads, and what is refused."""

import pytest

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.config.load import parse
from pipeline.grid.errors import known_splits
from pipeline.grid.jobs import Jobs
from tests.configs import changed, grid

ONE = "errors.one={experiment: few}"


def test_the_stage_is_told_names_seeds_and_known_examples():
    base, found = grid(), grid(ONE)
    assert found.runs.keys() == base.runs.keys(), "no run is asked for, and none is another"
    spec = found.errors["one"]
    assert (spec["task"], spec["sources"], spec["languages"]) == ("ner", ["hubbish"], ["nearish", "farrish"])
    assert spec["methods"][1] == {"name": "joint", "label": "joint", "seeds": [[42, 1], [42, 2]]}
    assert spec["known"] == {"target": {"split": "train", "size": 50}, "source": {"split": "train", "size": 500}}
    assert not any(run in str(spec) for run in found.runs)


def test_known_examples_are_those_of_the_methods_listed():
    assert "target" not in grid(ONE, "errors.one.methods=zero_shot").errors["one"]["known"]
    spec = grid(ONE, "errors.one.methods=[few_shot]", "experiments.few.dev_size=30").errors["one"]
    assert spec["known"]["target"] == {"split": "dev", "size": 30}
    assert grid(ONE, "errors.one.methods=target_only").errors["one"]["known"].keys() == {"target"}


def test_an_average_over_seeds_has_no_model_seed():
    mean = (
        "methods.mean={method: ensemble, of: joint}",
        "experiments.few.methods=[joint, mean]",
        "tables.few.baseline=joint",
    )
    assert grid(ONE, *mean).errors["one"]["methods"][1]["seeds"] == [[42, None]]


def test_splits_and_scores_are_inputs_and_all_forms_targets():
    found = grid(ONE, "errors.one.languages=nearish")
    (dataset,) = [key for key in found.datasets if key.startswith("babel-")]
    wanted = [(dataset, "nearish", "test"), (dataset, "nearish", "train"), (dataset, "hubbish", "train")]
    assert known_splits(found.errors["one"]) == wanted
    raw = changed(ONE)
    assert Jobs(grid(ONE), parse(raw), raw).errors() == [
        f"results/errors/one.{suffix}" for suffix in ("csv", "md", "tex", "pdf", "png")
    ]
    assert str(paths.errors("one", "md")) == "results/errors/one.md"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["errors.one.experiment=fex"], "errors.one.experiment: unknown experiment 'fex'; did you mean 'few'?"),
        (
            ["errors.one.methods=[jont]"],
            "errors.one.methods[0]: 'jont' is no method of experiment 'few'; did you mean 'joint'?",
        ),
        (["errors.one.methods=[joint, joint]"], "errors.one.methods[1]: 'joint' stands there twice"),
        (
            ["errors.one.languages=[nearrish]"],
            "errors.one.languages[0]: 'nearrish' is no target of experiment 'few'; did you mean 'nearish'?",
        ),
        (["errors.one.labels={jont: JT}"], "errors.one.labels.jont: 'jont' is not among the analysis' methods"),
        (
            ["methods.joint.tune={training.learning_rate: [0.1, 0.2]}"],
            "errors.one.methods: 'joint' is tuned, so it has several runs a seed; list methods without it",
        ),
        (
            ["experiments.few.target_size=[20, 50]"],
            "errors.one.experiment: 'few' has several values of target_size; make an experiment with one",
        ),
        (["errors.one.metod=joint"], "errors.one.metod: unknown key"),
    ],
)
def test_what_cannot_be_analysed_is_refused(overrides, message):
    with pytest.raises(UserError) as raised:
        parse(changed(ONE, *overrides))
    assert message in str(raised.value)
