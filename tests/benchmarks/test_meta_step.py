"""The benchmark of a MetaXL step measures what it says."""

import pytest
import torch

from benchmarks import meta_step


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setitem(meta_step.SIZES, "tiny", (2, 16, 2, 50, 8))


def test_every_way_is_timed():
    took, ratios = meta_step.times(meta_step.Bench("tiny", "cpu", 8), rounds=1)
    ways = {f"{way} {place}" for way in ("fast", "lean") for place in meta_step.PLACES}
    assert took.keys() == ways | {"joint", "released variant", "released order"} == {*ratios, "joint"}
    assert all(value > 0 for value in (*took.values(), *ratios.values()))


def test_ours_is_exact_and_differences_are_not():
    ours, differences = meta_step.errors("tiny", "cpu")
    assert ours < 1e-4
    assert differences > 10 * ours


def test_the_released_order_computes_the_same_meta_gradient(monkeypatch):
    """Its order of computation, not its faults: so that the two are compared at the same work."""
    bench = meta_step.Bench("tiny", "cpu", 8, meta_step.make_model("tiny", dropout=0.0))
    method = meta_step.metaxl("tiny", "top", "fast")
    loop, streams = bench.loop(method)
    applied = {}
    monkeypatch.setattr(loop, "apply", lambda gradients, which="model": applied.update({which: gradients}))
    batches = {name: streams.draw(name) for name in ("source", "target")}
    monkeypatch.setattr(streams, "draw", batches.__getitem__)
    meta_step.released_order(loop, streams)
    found = applied["rtn"]

    loss_s = meta_step.source_loss(loop, batches["source"])
    theta, phi = list(loop.parameters()), list(loop.modules["rtn"].parameters())
    names = {id(p): name for name, p in loop.model.named_parameters()}
    with meta_step.sdpa_kernel(meta_step.SDPBackend.MATH):
        inner = loss_s(tuple(theta), tuple(phi)) + loop.loss(batches["target"])
        gradient = torch.autograd.grad(inner, theta, create_graph=True)
        ahead = {names[id(p)]: p - 1e-3 * g for p, g in zip(theta, gradient, strict=True)}
        expected = torch.autograd.grad(loop.loss(batches["target"], ahead), phi)
    assert meta_step.relative_error(found, [g.double() for g in expected]) < 1e-4
