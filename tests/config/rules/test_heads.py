"""`training.head` in the config: which runs have it in their description, and what is refused."""

import pytest

from tests.configs import errors, grid

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
            "experiments.few.training.head: ner has one kind of head, so this changes nothing; it is for sentiment, nli",
        ),
        (
            ("methods.joint={tune: {training.head: [fresh, linear]}}", "experiments.few.methods=[joint]", "tables="),
            "experiments.few.methods[0]: joint is tuned by training.head: ner has one kind of head",
        ),
        (
            (*CLASSES, SOME, "training.head=pooler"),
            "experiments.few.encoder: 'small' is pretrained here, on masked words alone, and has no pooler, which is the head of "
            "joint; set training.head to fresh or linear",
        ),
    ],
)
def test_refused(overrides, message):
    assert any(message in error for error in errors(*overrides))
