"""The benchmark of steps in parts measures what it says."""

import pytest
import torch

from benchmarks import micro_batch


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setitem(micro_batch.SIZES, "tiny", (2, 16, 2, 50))


@pytest.mark.parametrize("label", micro_batch.METHODS)
def test_a_step_in_parts_is_near_that_of_the_whole(label):
    whole = micro_batch.update(label, "tiny", "cpu", None)
    assert whole.keys() == {"model"} | ({"rtn"} if label.startswith("metaxl") else set())
    assert all(max(float(tensor.abs().max()) for tensor in moved) > 0 for moved in whole.values())
    assert 0 < micro_batch.error(label, "tiny", "cpu") < 1e-5


def test_an_error_is_that_of_the_worst_number_over_the_largest():
    expected, found = (
        [torch.tensor([1.0, -4.0]), torch.tensor([2.0])],
        [torch.tensor([1.0, -4.5]), torch.tensor([2.25])],
    )
    assert micro_batch.difference(found, expected) == 0.125


def test_every_way_makes_steps(monkeypatch):
    monkeypatch.setattr(micro_batch, "MICRO_BATCHES", (8, 1))
    found = micro_batch.times("tiny", "cpu", 1)
    assert found.keys() == {"8", "1", "checkpointed"} and all(value > 0 for value in found.values())
