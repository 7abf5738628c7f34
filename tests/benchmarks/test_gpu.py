"""The benchmark of a busy GPU counts what it says, on a CPU at a tiny size."""

import pytest
import torch

from benchmarks import gpu
from pipeline.common.errors import UserError


def test_runs_are_measured_alone_and_together():
    found = gpu.measure("tiny", "cpu", 1, 0.2, ["mgl"], [1, 2], peak=1e-3)
    assert found["peak_tflops"] == 1e-3 and found["over_trainer"] == {}, "no Trainer was asked for"
    assert found["tokens_per_second"]["mgl"].keys() == found["share_of_peak"]["mgl"].keys() == {1, 2}
    assert min(found["tokens_per_second"]["mgl"].values()) > 0 < found["share_of_peak"]["mgl"][1]


def test_a_run_that_fails_is_named():
    with pytest.raises(UserError, match="a run of nothing of 1 at once failed"):
        gpu.together("nothing", 1, "tiny", "cpu", 1, 0.1)


def test_the_clock_counts_from_the_warm_up_on(monkeypatch, capsys):
    """Ten tokens a step, a second a step; two seconds are asked for."""
    times = iter(range(100))
    monkeypatch.setattr(gpu.time, "perf_counter", lambda: float(next(times)))
    monkeypatch.setattr(gpu.sys, "stdin", open("/dev/null"))  # noqa: SIM115
    clock, weight = gpu.Clock(torch.device("cpu"), 2.0), torch.ones(3, 5)
    going = True
    while going:
        torch.ones(2, 3) @ weight
        going = clock(10)
    assert capsys.readouterr().out == "ready\n"
    assert clock.products == 2 * 2 * 3 * 5 / 10
    assert (clock.steps, clock.tokens) == (gpu.WARM_UP + 2, 20)
    assert clock.seconds == 3.0, "the last look is one more second"


def test_every_method_makes_steps(monkeypatch, capsys):
    monkeypatch.setattr(gpu.sys, "stdin", open("/dev/null"))  # noqa: SIM115
    monkeypatch.setattr(gpu, "ROWS", 100)
    for name in gpu.METHODS:
        if name != "trainer":
            found = gpu.worker(name, "tiny", "cpu", 0.01)
            assert found["tokens"] > 0 < found["products"]
    assert capsys.readouterr().out == "ready\n" * (len(gpu.METHODS) - 1)
