"""Extended encoders in the workflow: what they are made from, asked by dry-runs of a finished one."""

import copy
from typing import Any

import pytest

from tests.rules.house import CONFIG, House, methods

pytestmark = [pytest.mark.workflow, pytest.mark.xdist_group("workflow")]  # one worker runs the workflow for all

TARGETS = ["nearish", "middish"]


def extended() -> dict[str, Any]:
    config = copy.deepcopy(CONFIG)
    config["encoders"]["more"] = {
        "from": "extend",
        "encoder": "tiny",
        "text": [{"dataset": "babel", "languages": "target"}],
    }
    config["experiments"]["few"].update(encoder="more", targets=TARGETS)
    return config


def test_an_extension_is_made_for_each_target_and_its_base_stays(finished: House) -> None:
    jobs = finished.planned(config=finished.config("extended.yaml", extended()))
    keys = sorted(job.partition("encoder=")[2] for job in jobs["encoder"])
    assert [key.partition("@")[2].partition("-")[0] for key in keys] == sorted(TARGETS)
    assert len(jobs["train_parent"]) == 2 * 2  # a parent for each target's encoder and seed
    assert methods(jobs) == sorted(["source_only", "fine_tune", "target_only"] * 4)
