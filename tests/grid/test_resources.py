"""What jobs ask for: a GPU slot where there is a GPU, and more memory and time at each attempt."""

import pytest

from pipeline.grid.resources import gpu_slots, growing


def test_a_job_asks_for_more_at_each_attempt() -> None:
    memory = growing(8000)
    assert [memory(None, attempt) for attempt in (1, 2, 3)] == [8000, 16000, 24000]


@pytest.mark.parametrize(("visible", "slots"), [("", 0), ("-1", 0), ("0", 1), ("2,3", 1)])
def test_gpu_slots_follow_the_visible_devices(monkeypatch: pytest.MonkeyPatch, visible: str, slots: int) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu_slots() == slots
