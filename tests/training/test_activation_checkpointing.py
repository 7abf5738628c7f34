"""`training.activation_checkpointing`: a step keeps less, and is the same step to the last bit, dropout and RTNs included."""

import pytest
import torch

from pipeline.common.errors import UserError
from pipeline.tasks.model import TaskModel, pass_again
from tests import tiny
from tests.methods.auxiliaries import spec_of
from tests.methods.test_metaxl import loop_of

PAIR = {"sources": ["alpha"], "targets": ["beta"]}
SPECS = {
    "joint": tiny.spec("joint", **PAIR),
    "joint, micro-batches": tiny.spec("joint", training={"micro_batch": 3}, **PAIR),
    "joint, adapters": tiny.spec("joint", training={"lora": tiny.LORA}, **PAIR),
    "joint_rtn": tiny.spec("joint_rtn", method={"placement": [0, 1, 2]}, **PAIR),
    "language_adversarial": tiny.spec("language_adversarial", training={"micro_batch": 3}, **PAIR),
    "multi_task": tiny.spec("multi_task", **PAIR),
    "freeze_layers": tiny.spec("freeze_layers", method={"frozen_layers": 1}, **PAIR),
    "reptile": spec_of("reptile", iterations=4, inner_steps=3),
    "meta_optimizer": spec_of("meta_optimizer", meta_train=False, interval=2, meta_lr=0.1),
}


def trained(spec, again):
    loop, phases = loop_of(
        {**spec, "training": {**spec["training"], "epochs": 1, "select": "last", "activation_checkpointing": again}}
    )
    assert loop.model.passed_again == again
    loop.fit(phases)
    return {name: tensor.clone() for name, tensor in loop.weights().items()}, torch.get_rng_state()


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())
def test_training_ends_in_the_same_bits(languages, spec):
    plain, random = trained(spec, False)
    again, same = trained(spec, True)
    assert plain.keys() == again.keys() and all(torch.equal(plain[name], again[name]) for name in plain)
    assert torch.equal(random, same)


def test_mgl_ends_in_the_same_bits(tmp_path, monkeypatch):
    """In micro-batches its texts are passed again as a whole, within which the layers are."""
    monkeypatch.chdir(tmp_path)
    tiny.make_task_world("sentiment")
    method = {"l2clt": False, "support_size": 2, "query_size": 5, "train_episodes": 3, "test_episodes": 3}
    spec = tiny.spec("mgl", task="sentiment", method=method, training={"micro_batch": 3}, **PAIR)
    (plain, _), (again, _) = trained(spec, False), trained(spec, True)
    assert all(torch.equal(plain[name], again[name]) for name in plain)


def kept(model, batch):
    """Numbers that a forward pass keeps for the backward pass, weights apart."""
    own, held = {p.data_ptr() for p in model.parameters()}, {}

    def keep(tensor):
        if tensor.data_ptr() not in own:
            held[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(batch)
    return sum(held.values())


def test_layers_keep_their_inputs_alone_and_only_in_training(languages):
    loop, phases = loop_of(SPECS["joint"])
    streams, _ = loop.prepare(phases[0])
    batch, calls = streams.draw("source"), []
    loop.set_training(True)
    before = kept(loop.model, batch)
    pass_again(loop.model)
    assert kept(loop.model, batch) < before / 2
    layer = loop.model.encoder.encoder.layer[0]
    layer.attention.register_forward_hook(lambda *_: calls.append(None))
    loop.loss(batch).backward()
    assert len(calls) == 2
    loop.set_training(False)
    loop.loss(batch).backward()
    assert len(calls) == 3


@pytest.mark.parametrize("kind", ["metaxl", "x_maml", "xla_maml"])
def test_losses_at_other_parameters_are_refused(languages, kind):
    """They would be made at θ′ and differentiated at θ."""
    spec = tiny.spec("metaxl", **PAIR) if kind == "metaxl" else spec_of(kind)
    loop, phases = loop_of({**spec, "training": {**spec["training"], "activation_checkpointing": True}})
    with pytest.raises(UserError, match=r"activation_checkpointing: this method looks at losses at other parameters"):
        loop.fit(phases)


def test_a_model_is_not_passed_again_unless_it_is_told_so(languages):
    loop, _ = loop_of(SPECS["joint"])
    assert isinstance(loop.model, TaskModel) and not loop.model.passed_again
