"""`training.micro_batch`: a step in parts moves every method's parameters as the whole batch does, in float64 to 1e-10."""

import math

import pytest
import torch

from pipeline.tasks import ner
from pipeline.training.batches.parts import parts_of, sum_of
from tests import tiny
from tests.methods.auxiliaries import spec_of
from tests.methods.test_metaxl import loop_of

EXACT = 1e-10
PLAIN = {"optimizer": "sgd", "learning_rate": 0.1, "warmup": 0.0, "schedule": "constant", "clip_norm": 1.0}
PHI = {"meta_optimizer": "sgd", "meta_lr": 0.5}
PAPER = {"variant": "paper", "residual": False, "gate": False, "detach": False, "meta_weight_decay": 0.01, **PHI}
PAIR = {"sources": ["alpha"], "targets": ["beta"]}


def few(kind, **method):
    """A run of source and target in batches of 7."""
    return tiny.spec(kind, method=method, training={**PLAIN, "batch_size": 7}, **PAIR)


def many(kind, **method):
    """A run with auxiliaries, in batches of 5."""
    return spec_of(kind, {**PLAIN, "batch_size": 5}, **method)


METHODS = {
    "target_only": few("target_only"),
    "fine_tune": few("fine_tune"),
    "source_only": few("source_only"),
    "freeze_layers": few("freeze_layers", frozen_layers=1),
    "joint": few("joint", batches="balanced"),
    "joint concatenated": few("joint", batches="concatenated"),
    "multi_task": few("multi_task", batches="balanced"),
    "multi_task concatenated": few("multi_task", batches="concatenated"),
    "joint_rtn": few("joint_rtn"),
    "joint_rtn, own rate": few("joint_rtn", loss="sum", meta_weight_decay=0.0, **PHI),
    "language_adversarial": few("language_adversarial", weight=1.0),
    "language_adversarial, texts": few("language_adversarial", weight=1.0, target_labels=False),
    "metaxl": few("metaxl", **PHI),
    "metaxl, bottom": few("metaxl", placement=[0], **PHI),
    "metaxl, mixed": few("metaxl", placement=[0, 1], combine="losses", **PHI),
    "metaxl, frozen": few("metaxl", phi_frozen=True, **PHI),
    "metaxl, paper": few("metaxl", placement=[1], **PAPER),
    "x_maml": many("x_maml", inner_lr=0.3, meta_batch="all"),
    "x_maml, two steps": many("x_maml", inner_lr=0.3, inner_steps=2),
    "xla_maml": many("xla_maml", inner_lr=0.3),
    "xla_maml, first order": many("xla_maml", inner_lr=0.3, first_order=True),
    "reptile": many("reptile", inner_steps=2, epsilon=0.5),
    "auxiliary_tune": many("auxiliary_tune"),
    "meta_optimizer": many("meta_optimizer", meta_train=False, interval=2, meta_lr=0.1),
    "layer_rates": many("layer_rates", interval=2, meta_lr=0.1, episodes=2, episode_steps=3, held_out_batches=2),
}


@pytest.fixture
def double(monkeypatch):
    """Everything in float64, losses too, which tasks otherwise take in float32."""
    monkeypatch.setattr(torch.Tensor, "float", lambda tensor: tensor)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def ready(spec, micro_batch=None, phase=0):
    """A loop without dropout that is ready for a phase's first step, in float64 where that is the default; and its streams."""
    loop, phases = loop_of(spec)
    loop.retries.fitting.micro_batch = micro_batch
    loop.model.to(torch.get_default_dtype())
    streams, _ = loop.prepare(phases[phase])
    loop.set_training(False)  # no dropout; no other layer of these models knows the difference
    return loop, streams


def stepped(spec, micro_batch=None, steps=3, phase=0):
    """Make a phase's first steps; return θ and all φ before and after, and what was logged."""
    loop, streams = ready(spec, micro_batch, phase)
    before = {name: tensor.detach().clone() for name, tensor in loop.weights().items()}
    logs = []
    for _ in range(steps):
        logs.append(loop.ingredients.method.step(loop, streams.draw))
        loop.step_number += 1
    return before, {name: tensor.detach().clone() for name, tensor in loop.weights().items()}, logs


def difference(found, expected):
    """The largest difference over the largest value, over all tensors together."""
    return max(float((found[k] - expected[k]).abs().max()) for k in expected) / max(
        float(tensor.abs().max()) for tensor in expected.values()
    )


def moved(before, after):
    return {name: after[name] - before[name] for name in before if after[name].is_floating_point()}


def agree(spec, micro_batch, steps=3, phase=0):
    """Whether steps in parts move all parameters, and log, as those of whole batches do."""
    start, whole, logs = stepped(spec, None, steps, phase)
    same, parts, others = stepped(spec, micro_batch, steps, phase)
    assert all(torch.equal(start[name], same[name]) for name in start)
    expected = moved(start, whole)
    assert max(float(tensor.abs().max()) for tensor in expected.values()) > 1e-4, "the steps move something"
    assert difference(moved(start, parts), expected) < EXACT
    for log, other in zip(logs, others, strict=True):
        assert log.keys() == other.keys()
        for key in log:
            assert float(log[key]) == pytest.approx(float(other[key]), rel=1e-9, abs=1e-12), key


@pytest.mark.parametrize("micro_batch", [1, 3])
@pytest.mark.parametrize("spec", METHODS.values(), ids=METHODS.keys())
def test_a_step_in_parts_is_the_whole_batchs(languages, double, spec, micro_batch):
    """Batches of seven or five in parts of one, and of unequal size; sentences have unlike numbers of labels."""
    agree(spec, micro_batch)


@pytest.mark.parametrize("task", ["nli", "qa", "relevance"])
@pytest.mark.parametrize("kind", ["joint", "metaxl"])
def test_in_the_loss_of_every_task(tmp_path, monkeypatch, double, task, kind):
    monkeypatch.chdir(tmp_path)
    tiny.make_task_world(task)
    method = PHI if kind == "metaxl" else {}
    agree(tiny.spec(kind, task=task, method=method, training={**PLAIN, "batch_size": 7, "max_length": 20}, **PAIR), 3)


@pytest.mark.parametrize("task", ["ner", "relevance"])
@pytest.mark.parametrize("kind", ["joint", "language_adversarial", "metaxl"])
def test_with_labels_that_weigh_unlike(tmp_path, monkeypatch, double, task, kind):
    monkeypatch.chdir(tmp_path)
    tiny.make_task_world(task)
    method = PHI if kind == "metaxl" else {}
    training = {**PLAIN, "batch_size": 7, "class_weights": "balanced"}
    agree(tiny.spec(kind, task=task, method=method, training=training, **PAIR), 2)


@pytest.mark.parametrize("layers", [1, 2])
def test_an_episode_of_mgl_in_parts_is_one_graph(tmp_path, monkeypatch, double, layers):
    """Both stages; the graph's edges are between all of support and query."""
    monkeypatch.chdir(tmp_path)
    tiny.make_task_world("sentiment")
    method = {"l2clt": False, "layers": layers, "support_size": 3, "query_size": 5, "distance": "mean_squared"}
    spec = tiny.spec("mgl", task="sentiment", method=method, training={**PLAIN, "clip_norm": 40.0}, **PAIR)
    agree(spec, 2)


def test_adapters_take_the_whole_batchs_step(languages, double):
    agree({**METHODS["joint"], "training": {**METHODS["joint"]["training"], "lora": tiny.LORA}}, 3)


def test_no_more_examples_than_micro_batch_go_through_the_model_at_once(languages, monkeypatch):
    seen, loss = [], ner.loss
    monkeypatch.setattr(ner, "loss", lambda logits, batch: seen.append(len(batch["row"])) or loss(logits, batch))
    for name in ("joint", "metaxl, paper", "xla_maml", "language_adversarial"):
        loop, streams = ready(METHODS[name], 2)
        seen.clear()
        loop.ingredients.method.step(loop, streams.draw)
        assert max(seen) == 2, name


def test_what_waits_for_its_gradient_is_one_part(languages):
    """While a part goes through the model, no activation of an earlier one is alive: neither of its batch, nor of the other's."""
    loop, streams = ready(METHODS["joint"], 2)
    alive = set()

    class Activation:
        def __init__(self, tensor):
            self.tensor = tensor
            alive.add(id(self))

        def __del__(self):
            alive.discard(id(self))

    most = []
    loop.model.register_forward_pre_hook(lambda module, inputs: most.append(len(alive)))
    with torch.autograd.graph.saved_tensors_hooks(Activation, lambda held: held.tensor):
        loop.ingredients.method.step(loop, streams.draw)
    assert len(most) == 8 and not any(most)
    assert not alive


def test_parts_are_as_equal_as_can_be_and_their_shares_add_up():
    labels = torch.tensor([[1, -100], [2, 0], [-100, -100], [1, 1], [0, -100]])
    batch = {"row": torch.arange(5), "labels": labels}
    parts = parts_of(batch, 3)
    assert [part.batch["row"].tolist() for part in parts] == [[0, 1], [2, 3], [4]]
    assert [part.share for part in parts] == pytest.approx([3 / 6, 2 / 6, 1 / 6])
    assert [len(part.batch["row"]) for part in parts_of(batch, 99)] == [1] * 5
    (whole,) = parts_of(batch, 1)
    assert whole.batch is batch and whole.share == 1
    nothing = parts_of({**batch, "labels": torch.full((5, 2), -100)}, 2)
    assert [part.share for part in nothing] == [0, 0]


def test_a_sum_has_the_gradient_of_its_terms_by_what_they_use():
    one, two, three = (torch.randn(4, dtype=torch.float64, requires_grad=True) for _ in range(3))
    terms = [lambda: (one * two).sum(), lambda: two.square().sum(), lambda: (one + one.exp()).sum()]
    found = torch.autograd.grad(sum_of(terms, [one, two, three]) * 3, [one, two, three], allow_unused=True)
    expected = torch.autograd.grad(sum(term() for term in terms) * 3, [one, two, three], allow_unused=True)
    assert found[2] is None and expected[2] is None
    for ours, theirs in zip(found[:2], expected[:2], strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)
    with torch.no_grad():
        assert math.isclose(float(sum_of(terms, [one])), float(sum(term() for term in terms)), rel_tol=1e-14)


def test_a_sum_is_differentiated_once_and_no_more():
    one = torch.randn(4, requires_grad=True)
    value = sum_of([lambda: one.square().sum()], [one])
    value.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="only once"):
        value.backward()
    twice = sum_of([lambda: one.square().sum()], [one])
    with pytest.raises(RuntimeError, match="differentiated only once"):
        torch.autograd.grad(twice, one, create_graph=True)
