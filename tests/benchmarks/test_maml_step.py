"""The benchmark of a MAML step measures what it says."""

import pytest
import torch

from benchmarks import maml_step, meta_step


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setitem(meta_step.SIZES, "tiny", (2, 16, 2, 50, 8))


def test_every_way_makes_its_steps():
    for way in maml_step.WAYS:
        step = maml_step.make_step(way, "tiny", "cpu", 8)
        for _ in range(2):
            step()


def test_ratios_are_to_the_neighbouring_steps(monkeypatch):
    clock = iter([1.0, 3.0, 3.0, 4.0, 1.0, 2.0, 1.0, 2.0, 3.0])  # base, then way and base in turn
    monkeypatch.setattr(maml_step, "make_step", lambda *given: lambda: None)
    monkeypatch.setattr(maml_step, "seconds", lambda step, where: next(clock))
    found = maml_step.against("first order", ["fast", "lean"], "tiny", "cpu", 8, rounds=2)
    assert found["fast"] == pytest.approx((3 / 2 + 2 / 1) / 2)  # 3 between 1 and 3; 2 between 1 and 1
    assert found["lean"] == pytest.approx((4 / 2 + 2 / 2) / 2)  # 4 between 3 and 1; 2 between 1 and 3


def test_the_rates_share_covers_whole_intervals(monkeypatch):
    counts = {}

    def make_step(way, *given):
        def step():
            counts[way] = counts.get(way, 0) + 1

        return step

    monkeypatch.setattr(maml_step, "make_step", make_step)

    def seconds(step, where):
        step()
        return 1.0

    monkeypatch.setattr(maml_step, "seconds", seconds)
    assert maml_step.rate_share("tiny", "cpu", 8, rounds=2) == 1.0
    assert counts == {"fine-tune": 2 * maml_step.INTERVAL + 1, "meta-optimizer": 2 * maml_step.INTERVAL + 1}
