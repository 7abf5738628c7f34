"""`training.head` in the config: which runs have it in their description, and what is refused."""

import pytest

from pipeline.config.load import parse
from tests.configs import changed, errors, grid

CLASSES = ("datasets.babel.task=sentiment", "tables=")
HUB = "experiments.few.encoder=mbert"
MGL = ("experiments.few.methods=[mgl]", "experiments.few.sources=[[hubbish, middish]]")
SOME = "experiments.few.methods=[joint, zero_shot, fine_tune, few_shot]"


def heads(*overrides):
    return {run.spec["method"]["name"]: run.spec["training"].get("head") for run in grid(*overrides).runs.values()}


def test_every_run_that_has_a_choice_says_its_head():
    assert set(heads(*CLASSES, SOME).values()) == {"fresh"}
    found = heads(*CLASSES, SOME, HUB, "training.head=pooler")
    assert set(found.values()) == {"pooler"} and {"joint", "zero_shot", "source_only"} <= set(found)


@pytest.mark.parametrize("overrides", [("tables=",), (*CLASSES, *MGL)], ids=["ner", "mgl"])
def test_what_cannot_feel_it_stays_the_same_run(overrides):
    before, after = (grid(*overrides, f"training.head={head}").runs for head in ("fresh", "linear"))
    assert before.keys() == after.keys()
    assert all("head" not in run.spec["training"] for run in after.values())


def test_another_head_is_another_run():
    before, after = (grid(*CLASSES, SOME, f"training.head={head}").runs for head in ("fresh", "linear"))
    assert not before.keys() & after.keys()


def test_a_child_has_its_parents_head_wherever_that_is_said():
    for place in ("training.head", "experiments.few.training.head", "methods.source_only.training.head"):
        base = grid(*CLASSES, SOME, f"{place}=linear")
        children = [run for run in base.runs.values() if run.parent]
        assert {run.spec["method"]["name"] for run in children} == {"zero_shot", "fine_tune", "few_shot"}
        for child in children:
            assert child.spec["training"]["head"] == base.runs[child.parent].spec["training"]["head"] == "linear"
    assert heads(*CLASSES, SOME, "methods.source_only.training.head=linear")["joint"] == "fresh"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            (*CLASSES, SOME, "methods.fine_tune.training.head=linear"),
            "methods.fine_tune.training.head: fine_tune starts from source_only's weights and has its head; set training.head",
        ),
        (
            (*CLASSES, SOME, "methods.fine_tune={tune: {training.head: [fresh, linear]}}"),
            "methods.fine_tune.tune.training.head: fine_tune starts from source_only's weights and has its head",
        ),
        (
            (*CLASSES, *MGL, "methods.mgl={tune: {training.head: [fresh, linear]}}"),
            "methods.mgl.tune.training.head: mgl does not use it, so all points would be one",
        ),
        ((*CLASSES, *MGL, "methods.mgl.training.head=linear"), "methods.mgl.training.head: mgl does not use it"),
        (
            ("experiments.few.training.head=pooler",),
            "experiments.few.training.head: ner has one kind of head, so this changes nothing; it is for sentiment, ",
        ),
        (
            ("methods.joint={tune: {training.head: [fresh, linear]}}", "experiments.few.methods=[joint]", "tables="),
            "experiments.few.methods[0]: joint is tuned by training.head: ner has one kind of head",
        ),
    ],
)
def test_refused(overrides, message):
    assert any(message in error for error in errors(*overrides))


NO_POOLER = "in experiment 'few', whose encoder 'small' is pretrained here, on masked words alone, and has none;"


@pytest.mark.parametrize(
    ("overrides", "place", "label", "advice"),
    [
        (
            ["training.head=pooler"],
            "training.head",
            "joint",
            "set fresh or linear, here or as experiments.few.training.head",
        ),
        (["experiments.few.training.head=pooler"], "experiments.few.training.head", "joint", "set fresh or linear"),
        (["methods.joint.training.head=pooler"], "methods.joint.training.head", "joint", "set fresh or linear"),
        (
            ["methods.source_only.training.head=pooler"],
            "methods.source_only.training.head",
            "source_only",
            "set fresh or linear",
        ),
        (
            ["methods.joint={tune: {training.head: [pooler, fresh]}}"],
            "methods.joint.tune.training.head",
            "joint",
            "take pooler out of the grid",
        ),
    ],
)
def test_a_pooler_that_is_not_there_is_said_once_where_it_is_asked_for(overrides, place, label, advice):
    (said,) = errors(*CLASSES, SOME, *overrides)
    assert said == f"{place}: pooler is the head of {label} {NO_POOLER} {advice}"
    mended = [
        override.replace("[pooler, fresh]", "[linear, fresh]").replace("pooler", "linear") for override in overrides
    ]
    assert parse(changed(*CLASSES, SOME, *mended))


def test_every_key_that_asks_for_a_pooler_is_told_and_the_experiments_mends_the_configs():
    every = ("training.head=pooler", "methods.joint.training.head=pooler", "experiments.few.training.head=linear")
    assert [said.partition(":")[0] for said in errors(*CLASSES, SOME, *every)] == ["methods.joint.training.head"]
    assert parse(changed(*CLASSES, SOME, every[0], every[2]))
