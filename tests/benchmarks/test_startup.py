"""The start-up benchmark runs; that forks are worth it is measured by hand."""

import pytest

from benchmarks.startup import measure
from pipeline.common.errors import UserError


def test_it_measures_all_three_ways(tmp_path):
    try:
        found = measure(tmp_path, 1)
    except UserError as error:
        pytest.skip(f"no history here: {error}")
    assert all(found[f"{way}_s"] > 0 for way in ("then", "plain", "forked"))
    assert found["startup_over_plain"] == pytest.approx(found["forked_s"] / found["then_s"], rel=0.01)
