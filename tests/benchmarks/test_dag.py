"""The DAG benchmark on few runs: it measures what it says, on a config of the size asked for."""

import pytest

from benchmarks.dag import measure, synthetic_config
from pipeline.config.load import parse
from pipeline.grid.runs import expand


def test_the_config_has_at_least_the_runs_asked_for_and_few_more() -> None:
    for runs in (1, 500):
        grid = expand(parse(synthetic_config(runs)))
        assert runs <= len(grid.runs) <= runs + 40  # a seed more is 33 runs more, one of them a parent


@pytest.mark.workflow
def test_the_benchmark_measures_planning_and_nothing_to_do() -> None:
    record = measure(40)
    assert record["runs"] >= 40
    assert record["nothing_to_do_s"] > 0
    assert record["dry_run_s"] > 0
    assert record["memory_mb"] > 50
