"""The benchmark of trimmed vocabularies measures what it says."""

import torch

from benchmarks import trimming

TINY = {"e5": ("bert", 2, 16, 2, 900), "xlm-r-base": ("xlm-roberta", 2, 16, 2, 900)}


def test_both_ways_make_the_same_steps(monkeypatch, tmp_path):
    torch.set_num_threads(1)
    monkeypatch.setattr(trimming, "SHAPES", TINY)
    trimming.write_encoder("xlm-r-base", tmp_path)
    full, trimmed = (trimming.Bench(way, "xlm-r-base", tmp_path) for way in trimming.WAYS)
    torch.testing.assert_close(full.batch, trimmed.batch)
    assert len(full.batch["input_ids"].flatten()) == 320
    for bench in (full, trimmed):
        bench.model.eval()
        bench.step()
    assert len(trimmed.model.encoder.embeddings.word_embeddings.weight) == 450 + 2, "the padding and the witness"
    rows = trimmed.model.encoder.embeddings.word_embeddings(full.batch["input_ids"])
    torch.testing.assert_close(rows, full.model.encoder.embeddings.word_embeddings(full.batch["input_ids"]))
    assert full.checkpoint() > trimmed.checkpoint() > 0


def test_the_record_has_what_is_asked_of_it(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(trimming, "SHAPES", TINY)
    asked = []
    monkeypatch.setattr(trimming, "memory_of", lambda way, shape, *_: asked.append((way, shape)) or len(asked) * 10.0)
    found = trimming.measure(tuple(TINY), rounds=2, threads=1)
    assert asked == [(way, shape) for shape in TINY for way in trimming.WAYS]
    assert found["trimmed_step_over_full"] == found["shapes"]["e5"]["step_over_full"] > 0
    assert found["trimmed_memory_over_full"] == found["shapes"]["xlm-r-base"]["memory_over_full"] == round(40 / 30, 3)
    for shape in found["shapes"].values():
        assert {*shape["step_s"]} == {*shape["memory_mb"]} == {*shape["checkpoint_mb"]} == {"full", "trimmed"}
        assert 0 < shape["checkpoint_over_full"] < 1
    assert found["machine"]["batch"] == [16, 20]


def test_a_process_of_its_own_tells_its_peak_memory(monkeypatch, tmp_path, capsys):
    """What `memory_of` calls: loading and trimming are counted, and steps that are real."""
    monkeypatch.setattr(trimming, "SHAPES", TINY)
    trimming.write_encoder("e5", tmp_path)
    made = []
    monkeypatch.setattr(trimming, "peak_memory", lambda make, device: made.append((make, device)) or 12.5)
    given = ["--memory-of", "trimmed", "--shape", "e5", "--folder", str(tmp_path), "--threads", "1"]
    monkeypatch.setattr("sys.argv", ["trimming", *given])
    trimming.main()
    assert capsys.readouterr().out.split() == ["12.5"]
    ((make, device),) = made
    step = make()
    before = [p.detach().clone() for p in step.__self__.model.parameters()]
    step()
    assert device == "cpu"
    assert any(not torch.equal(a, b) for a, b in zip(before, step.__self__.model.parameters(), strict=True))
