"""The benchmark of shared rows measures what it says."""

import torch

from benchmarks import meta_step, packing


def test_all_three_ways_read_the_same_sentences(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setitem(meta_step.SIZES, "tiny", (2, 16, 2, 50, 64))
    read = {"packed": 0, "padded": 0}

    def counted(way, encode):
        def count(model, batch):
            read[way] += int(batch["attention_mask"].sum())
            return encode(model, batch)

        return count

    monkeypatch.setattr(packing, "hidden_states", counted("packed", packing.hidden_states))
    monkeypatch.setattr(packing, "padded", counted("padded", packing.padded))
    found = packing.measure("tiny", "cpu", threads=1, rounds=1)
    of_passes = 16 * (1 + 2 + 4 + 8 + 16) * (5 + 1)
    assert read["padded"] - of_passes == 2 * read["packed"] > 0, "padded and grouped"
    assert found["useful"]["packed"] > 0.95 > found["useful"]["grouped"] > found["useful"]["padded"]
    assert found["seconds_over_padded"] > 0 and found["seconds_over_grouped"] > 0
    assert found["pass_in_tokens"] > 0, "layers cost something whatever is in them"


def test_a_way_reads_sentences_as_long_as_they_are():
    batch = packing.batch_of(torch.tensor([3, 7, 5]).numpy(), 50, torch.device("cpu"))
    assert batch["attention_mask"].sum(1).tolist() == [3, 7, 5]
    model = packing.make_model("tiny", dropout=0.0)
    packed, padded = packing.hidden_states(model, batch), packing.padded(model, batch)
    mask = batch["attention_mask"].bool()
    torch.testing.assert_close(packed[mask], padded[mask], rtol=0, atol=1e-5)
