"""An analysis added to a finished workflow: which jobs it plans, and what it leaves alone."""

import copy

import pytest

from tests.rules.house import CONFIG, House, methods

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]


def test_an_analysis_trains_only_what_kept_no_model(finished: House) -> None:
    config = copy.deepcopy(CONFIG)
    config["experiments"]["few"]["methods"] = ["target_only", "fine_tune", "zero_shot"]
    config["analyses"] = {"one": {"experiment": "few", "before": "zero_shot", "after": "fine_tune"}}
    jobs = finished.planned("analyses", config=finished.config("changed.yaml", config))
    assert {rule: len(wildcards) for rule, wildcards in jobs.items()} == {
        "train_parent": 4,  # zero_shot anew, fine_tune for its model; parents and target_only stay
        "score": 1,
        "collect": 1,
        "represent": 4,
        "analysis": 1,
        "figure": 1,
    }
    assert methods(jobs) == ["fine_tune", "fine_tune", "zero_shot", "zero_shot"]
    assert jobs["figure"] == ["figure=one-hubbish-nearish"]
