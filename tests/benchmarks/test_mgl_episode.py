"""The benchmark of MGL's graphs measures what it says."""

from types import SimpleNamespace

import pytest
import torch

from benchmarks import meta_step, mgl_episode


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setitem(meta_step.SIZES, "tiny", (2, 16, 2, 50, 8))


def test_all_keys_are_measured_on_a_loop_that_is_ready_for_meta_test():
    loop, _ = mgl_episode.make_loop("tiny", "cpu", 8)
    assert loop.phase.name == "meta_test"
    found = mgl_episode.measure("tiny", "cpu", threads=1, rounds=1, queries=40)
    assert found["meta_test_over_encoding"] > found["draws_over_encoding"] > 0
    assert found["graph_over_encoder"] > 0
    assert found["machine"]["queries"] == 40


def test_an_episode_has_the_shape_of_the_papers():
    loop, streams = mgl_episode.make_loop("tiny", "cpu", 8)
    support, query = streams.draw("support"), streams.draw("query")
    assert len(support["row"]) == 2 * 3 * 5
    assert len(query["row"]) == 32
    assert mgl_episode.graph_of(loop).neighbours == 10


def test_predicting_is_compared_with_encoding_the_same_queries_before_and_after(monkeypatch):
    loop, _ = mgl_episode.make_loop("tiny", "cpu", 8)
    seen = []
    clock = {"encode": iter([1.0, 3.0, 2.0, 2.0]), "predict": iter([4.0, 3.0]), "encode_support": iter([0.5, 1.0])}

    def seconds(step, where):
        seen.append(step.__name__)
        return next(clock[step.__name__])

    monkeypatch.setattr(mgl_episode, "seconds", seconds)
    assert mgl_episode.prediction(loop, "tiny", 8, 40, rounds=2) == (1.75, 0.375)  # 4 and 3 over 2; ½ and 1 over 2
    assert seen == ["encode", "predict", "encode_support", "encode"] * 2


def test_what_is_predicted_is_every_query(monkeypatch):
    loop, _ = mgl_episode.make_loop("tiny", "cpu", 8)
    counted = SimpleNamespace(rows=0)
    whole = mgl_episode.represent

    def represent(model, batch):
        counted.rows += len(batch["row"])
        return whole(model, batch)

    def seconds(step, where):
        counted.rows = 0
        step()
        counts.setdefault(step.__name__, []).append(counted.rows)
        return 1.0

    counts: dict[str, list[int]] = {}
    monkeypatch.setattr(mgl_episode, "represent", represent)
    monkeypatch.setattr("pipeline.methods.mgl.represent", represent)
    monkeypatch.setattr(mgl_episode, "seconds", seconds)
    mgl_episode.prediction(loop, "tiny", 8, 40, rounds=1)
    assert counts == {"encode": [40, 40], "predict": [40 + 5 * 30], "encode_support": [5 * 30]}
