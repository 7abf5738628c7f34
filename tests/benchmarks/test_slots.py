"""The benchmark of slots on a few stand-ins: it sees who holds which lock, and counts what it says."""

from pathlib import Path

import pytest

from benchmarks.slots import small_config, stand_ins, use
from pipeline.config.load import parse
from pipeline.grid.runs import expand


def test_use_is_the_part_of_the_time_that_slots_are_held() -> None:
    assert use([(0.0, 4.0), (5.0, 10.0), (0.0, 10.0)], 2) == (0.95, 10.0)


def test_real_runs_are_as_many_as_asked_for() -> None:
    assert len(expand(parse(small_config(7))).runs) == 7


@pytest.mark.workflow
@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the benchmark needs Linux")
def test_a_backlog_of_stand_ins_is_worked_off_on_both_devices() -> None:
    found = stand_ins(4, 3.0, slots_per_device=2)
    assert found["runs"] == found["jobs"] == 4 and found["slots"] == 4
    assert 2 <= found["most_at_once"] <= 4
    assert min(found["by_device"].values()) >= 1
    assert 0.1 < found["slot_use"] < 1 and 0.1 < found["slot_use_snakemake"] < 1
