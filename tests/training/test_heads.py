"""`training.head` in whole runs: which weights a run starts from, what its head computes, whose head a child has."""

import time

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers.models.bert.configuration_bert import BertConfig
from transformers.models.bert.modeling_bert import BertForSequenceClassification

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import read_parquet
from pipeline.methods import build_method
from pipeline.methods.contract import Setting
from pipeline.methods.metaxl import source_loss
from pipeline.methods.multi_task import by_language
from pipeline.methods.parts.freezing import depth_of, freeze, layer_of
from pipeline.tasks.classes import LinearHead, PoolerHead
from pipeline.tasks.model import hidden_states
from pipeline.training.checkpoint import Checkpoints
from pipeline.training.data import setting_of
from pipeline.training.loop import Loop
from pipeline.training.run import assemble, train_run
from tests import tiny

SHORT = {"epochs": 1, "select": "last"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("heads")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        tiny.make_task_world("nli", pooler=True)
    return folder


@pytest.fixture
def world(shared, monkeypatch):
    """Inference in two languages, and an encoder with a pooler."""
    monkeypatch.chdir(shared)


def spec_of(kind, head, **changes):
    return tiny.spec(kind, task="nli", **{"training": {**SHORT, "head": head}, **changes})


def ready(spec, training=False):
    """A loop ready for its first step, and a batch of its first stream."""
    method = build_method(spec["method"]["name"], {k: v for k, v in spec["method"].items() if k != "name"})
    phases = method.phases(Setting(**setting_of(spec)))
    ingredients, _ = assemble(spec, method, phases)
    loop = Loop(ingredients, Checkpoints(None))
    streams, _ = loop.prepare(phases[0])
    loop.set_training(training)
    return loop, streams.draw(next(iter(phases[0].streams)))


def stored():
    return load_file(paths.encoder_dir(tiny.ENCODER) / "model.safetensors")


def theirs(head):
    """transformers' own classifier, from the same checkpoint and the same last layer."""
    model = BertForSequenceClassification(
        BertConfig.from_pretrained(paths.encoder_dir(tiny.ENCODER), num_labels=3, attn_implementation="sdpa")
    )
    model.bert.load_state_dict(stored())
    model.classifier.load_state_dict(head.out.state_dict())
    return model


def test_the_model_starts_from_the_checkpoints_pooler_and_computes_what_berts_classifier_does(world):
    loop, batch = ready(spec_of("target_only", "pooler"))
    head = loop.model.head
    assert isinstance(head, PoolerHead)
    for part in ("weight", "bias"):
        assert torch.equal(getattr(head.pooler, part), stored()[f"pooler.dense.{part}"])
    inputs = {key: batch[key] for key in ("input_ids", "attention_mask", "token_type_ids")}
    with torch.no_grad():
        torch.testing.assert_close(loop.model(batch), theirs(head).eval()(**inputs).logits, rtol=0, atol=1e-6)


def test_with_dropout_the_same_numbers_are_dropped(world, monkeypatch):
    monkeypatch.setattr("pipeline.tasks.model.ARCHITECTURES", {})  # theirs has a row for each sequence
    loop, batch = ready(spec_of("target_only", "pooler"), training=True)
    inputs = {key: batch[key] for key in ("input_ids", "attention_mask", "token_type_ids")}
    model = theirs(loop.model.head).train()
    outputs = []
    for compute in (lambda: loop.model(batch), lambda: model(**inputs).logits):
        torch.manual_seed(3)
        outputs.append(compute())
    torch.testing.assert_close(*outputs, rtol=0, atol=1e-6)


def test_linear_is_the_first_tokens_state_and_a_linear_layer(world):
    loop, batch = ready(spec_of("target_only", "linear"))
    head = loop.model.head
    assert isinstance(head, LinearHead) and head.dropout.p == 0.1
    expected = hidden_states(loop.model, batch)[:, 0] @ head.out.weight.T + head.out.bias
    torch.testing.assert_close(loop.model(batch), expected)


def test_the_rtn_stands_before_the_pooler(world):
    method = {"variant": "released", "residual": True, "gate": True, "detach": True, "combine": "losses"}
    spec = spec_of("metaxl", "pooler", method={**method, "meta_weight_decay": 0.0, "placement": ["top"]})
    loop, batch = ready(spec)
    (phi,) = loop.modules["rtn"].rtns
    head = loop.model.head
    changed = phi[0](hidden_states(loop.model, batch))
    logits = head.out(head.pooler(changed[:, 0]).tanh())
    expected = loop.ingredients.task.loss(logits, batch)
    found = source_loss(loop, batch)(tuple(loop.parameters()), tuple(loop.modules["rtn"].parameters()))
    torch.testing.assert_close(found, expected)


def test_each_language_has_its_own_copy_of_the_pooler(world):
    loop, batch = ready(spec_of("multi_task", "pooler"))
    (own,) = loop.modules["heads"].heads
    assert torch.equal(own.pooler.weight, loop.model.head.pooler.weight)
    assert own.pooler.weight is not loop.model.head.pooler.weight
    with torch.no_grad():
        own.pooler.weight.zero_()
        assert not torch.allclose(by_language(loop)(batch), loop.model(batch)), "the source's rows go through their own"


def test_the_pooler_belongs_to_the_head_as_a_layer(world):
    loop, _ = ready(spec_of("auxiliary_tune", "pooler", auxiliary=["alpha"], targets=[], sources=[]))
    assert {layer_of(loop.model, f"head.pooler.{part}") for part in ("weight", "bias")} == {depth_of(loop.model)}
    freeze(loop, 2)
    assert loop.model.head.pooler.weight.requires_grad


@pytest.mark.parametrize("head", ["pooler", "linear"])
def test_children_have_their_parents_head(world, head):
    parent_spec = spec_of("source_only", head, targets=[], evaluate=[])
    parent = tiny.name_of(parent_spec)
    train_run(parent, parent_spec, 1, True, time.monotonic())
    kept = load_file(paths.run_model(parent))
    if head == "pooler":
        assert not torch.equal(kept["model.head.pooler.weight"], stored()["pooler.dense.weight"]), "it is trained on"
    loop, _ = ready(spec_of("fine_tune", head, parent=parent))
    assert all(torch.equal(t, kept[f"model.{k}"]) for k, t in loop.model.state_dict().items())
    zero = {key: tiny.TRAINING[key] for key in ("max_length", "precision", "batch_size")} | {"head": head}
    zero_spec = {**tiny.spec("zero_shot", task="nli", parent=parent), "training": zero}
    train_run("zero", zero_spec, 1, False, time.monotonic())
    assert read_parquet(paths.predictions("zero")).num_rows == 12
    for other in {"fresh", "pooler", "linear"} - {head}:
        with pytest.raises(UserError, match="do not fit this run's model"):
            ready(spec_of("fine_tune", other, parent=parent))


def test_a_run_without_a_pooler_to_start_from_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.make_task_world("nli", {"train": 8, "dev": 4, "test": 4})
    with pytest.raises(
        UserError, match=rf"training\.head is pooler, and encoder {tiny.ENCODER} has no pretrained pool"
    ):
        train_run("never", spec_of("target_only", "pooler"), 1, False, time.monotonic())
    weights = stored() | {"pooler.dense.weight": torch.ones(16, 16), "pooler.dense.bias": torch.zeros(16)}
    save_file(weights, paths.encoder_dir(tiny.ENCODER) / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="was never trained"):
        train_run("never", spec_of("target_only", "pooler"), 1, False, time.monotonic())
