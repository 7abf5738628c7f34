"""What the plan says of differences that could be seen, from the sizes of test sets."""

import pytest

from pipeline.commands.detectable import detectable, points
from pipeline.common import paths
from pipeline.common.files import write_json
from pipeline.results.statistics.power import foreseen
from tests.configs import grid


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_sizes_are_assumed_until_the_data_are_prepared():
    base = grid("experiments.few.model_seeds=[1,2,3]")
    text = detectable(base)
    assert f"few: 3 seeds: {100 * foreseen(3, 1000):.1f} (" in text and "1,000 test sentences assumed)" in text
    languages = sorted({language for run in base.runs.values() if run.uses for language in run.spec["evaluate"]})
    (key,) = {run.spec["dataset"] for run in base.runs.values()}
    for place, language in enumerate(languages):
        write_json(paths.data_report(key, language), {"splits": {"test": {"rows": 100 * (place + 1)}}})
    text = detectable(base)
    assert (
        f"3 seeds: {100 * foreseen(3, 100):.1f} ({languages[0]}, 100 test sentences)" in text and "assumed)" not in text
    )


def test_one_seed_can_show_nothing():
    assert "1 seed, of which no difference can be said to hold for other seeds" in detectable(
        grid("experiments.few.model_seeds=[1]")
    )


def test_of_one_item_nothing_is_found():
    assert points(foreseen(3, 1)) == "none"
