"""Examples on a device make the batches that are made of them on the CPU."""

import dataclasses

import pytest
import torch

from pipeline.methods.contract import Stream
from pipeline.tasks.examples import collate
from pipeline.training.batches import resident as module
from pipeline.training.batches.resident import Resident, resident
from tests import tiny
from tests.methods.test_metaxl import loop_of
from tests.training.batches.test_streams import examples

CPU = torch.device("cpu")


@pytest.fixture
def roomy(monkeypatch):
    """Let every device have room."""
    monkeypatch.setattr(module, "free_memory", lambda device: 10**9)


@pytest.mark.parametrize("task", ["ner", "sentiment", "nli", "relevance", "qa", "classification"])
@pytest.mark.parametrize("weights", [None, "balanced"])
def test_batches_are_those_of_collate(task, weights, tmp_path, monkeypatch, roomy):
    if task == "qa" and weights:
        pytest.skip("answers have no classes")
    monkeypatch.chdir(tmp_path)
    tiny.make_task_world(task)
    loop, phases = loop_of(tiny.spec("joint", task=task, training={"class_weights": weights}))
    pools = tuple(loop.ingredients.pools)
    phase = dataclasses.replace(phases[0], streams={"train": Stream(pools, 16)}, epoch="train")
    there, _ = loop.prepare(phase)
    monkeypatch.setattr(module, "free_memory", lambda device: 0)
    here, _ = loop.prepare(phase)
    assert isinstance(there.resident["train"], Resident) and here.resident["train"] is None
    for _ in range(8):
        ours, theirs = there.draw("train"), here.draw("train")
        assert ours.keys() == theirs.keys() and ("weights" in ours) == bool(weights)
        for key, expected in theirs.items():
            assert ours[key].dtype == expected.dtype
            assert torch.equal(ours[key], expected), key


def test_what_does_not_fit_is_left_where_it_is(monkeypatch):
    some = examples([3, 5, 4])
    monkeypatch.setattr(module, "free_memory", lambda device: 4 * 3 * (5 + 5) / module.SHARE)
    assert resident(some, 0, CPU) is not None
    monkeypatch.setattr(module, "free_memory", lambda device: 4 * 3 * (5 + 5) / module.SHARE - 21)
    assert resident(some, 0, CPU) is None


def test_on_a_cpu_nothing_has_to_go_over():
    assert resident(examples([3, 5]), 0, CPU) is None
    assert collate(examples([3, 5]), torch.tensor([0, 1]).numpy(), 0, ("alpha",))["lengths"].tolist() == [3, 5]


def test_a_row_is_cut_at_the_batch_s_longest(roomy):
    made = resident(examples([3, 9, 4]), 7, CPU)
    batch = made.batch(torch.tensor([2, 0]).numpy(), ("alpha",))
    assert batch["input_ids"].shape == batch["attention_mask"].shape == batch["labels"].shape == (2, 4)
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]
