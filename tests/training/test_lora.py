"""LoRA in whole runs: what every method trains and leaves alone, resumption, what is saved, children, bad targets."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import read_parquet
from pipeline.encoders.load import load_encoder
from pipeline.training.lora import layers_to_adapt, merged, set_merged
from pipeline.training.run import train_run
from tests import tiny
from tests.methods import auxiliaries
from tests.methods.test_metaxl import BASE, Killed, assert_same, loop_of, state_of

ROOT = Path(__file__).parents[2]
CLASSES = "tiny-22222222"
FEW = {"support_size": 2, "query_size": 4, "train_episodes": 3, "test_episodes": 3, "eval_times": 1, "neighbours": 2}
LEARNED = {"split": "dev", "meta_train": False, "interval": 3}
EPISODES = {"iterations": 2, "inner_lr": 0.1}
METHODS = {
    "target_only": {},
    "joint": {},
    "source_only": {"targets": []},
    "multi_task": {},
    "language_adversarial": {},
    "joint_rtn": {},
    "metaxl": {"method": {**BASE["released"], "placement": ["top"], "way": "lean"}},
    "metaxl, paper": {"method": {**BASE["paper"], "placement": [0, 1], "way": "fast"}},
    "fine_tune": {},
    "few_shot": {"method": {"split": "dev"}},
    "freeze_layers": {"method": {"frozen_layers": 1}},
    "checkpoint_average": {"targets": []},
    "auxiliary_tune": {"auxiliary": ["gamma", "delta"], "targets": []},
    "x_maml": {"auxiliary": ["gamma", "delta"], "targets": [], "method": EPISODES},
    "xla_maml": {"auxiliary": ["gamma"], "targets": [], "method": {**EPISODES, "inner_steps": 2}},
    "reptile": {"auxiliary": ["gamma", "delta"], "targets": [], "method": {"iterations": 2, "inner_steps": 2}},
    "reptile_fine_tune": {"sources": ["alpha", "gamma"], "method": {"iterations": 2}},
    "meta_optimizer": {"auxiliary": ["gamma", "delta"], "targets": [], "method": LEARNED},
    "layer_rates": {
        "auxiliary": ["gamma", "delta"],
        "targets": [],
        "method": {"episodes": 2, "episode_steps": 3, "interval": 2, "held_out_batches": 1},
    },
    "mgl": {"task": "sentiment", "dataset": CLASSES, "sources": ["alpha", "gamma"], "method": FEW},
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lora")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        auxiliaries.make_world()
        tiny.write_task_splits("sentiment", ("alpha", "beta", "gamma"), {"train": 20, "dev": 6, "test": 6}, CLASSES)
    return folder


@pytest.fixture
def world(written, monkeypatch):
    """Four languages of entities, three of sentiment, and a tiny encoder."""
    monkeypatch.chdir(written)
    torch.set_num_threads(1)


def test_the_stage_as_the_workflow_calls_it_has_what_adapters_need(world, tmp_path):
    """A process of its own: what starts of other runs leave out is imported where it is used."""
    spec = spec_of("target_only", epochs=1)
    command = [sys.executable, "-m", "pipeline.stages.train", "--run", "lora-stage", "--spec", json.dumps(spec)]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(paths.run_record("lora-stage").read_text())["trainable"] > 0


def spec_of(kind, changes=None, **training):
    given = {"epochs": 2, "batch_size": 4, "select": "last", "warmup": 0.0, "schedule": "constant", "lora": tiny.LORA}
    return tiny.spec(kind, **(changes or {}), training=given | training)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_trains_adapters_and_head_alone_and_resumes_to_the_same_bits(world, tmp_path, monkeypatch, name):
    monkeypatch.setattr("pipeline.methods.parts.episodes.STRETCH", 2)
    monkeypatch.setattr("pipeline.methods.parts.episodes.SHORTEST", 1)
    spec = spec_of(name.partition(",")[0], METHODS[name])
    loop, phases = loop_of(spec, tmp_path)
    before = {key: tensor.clone() for key, tensor in loop.model.state_dict().items()}

    save = loop.save

    def save_and_die(*arguments):
        save(*arguments)
        raise Killed

    loop.save = save_and_die
    with pytest.raises(Killed):
        loop.fit(phases)
    resumed, _ = loop_of(spec, tmp_path)
    resumed.fit(phases)
    whole, _ = loop_of(spec)
    whole.fit(phases)
    assert_same(state_of(resumed), state_of(whole))
    after, average = whole.model.state_dict(), name == "checkpoint_average"
    base = {key for key in before if key.startswith("encoder.") and "lora_" not in key}
    changed = {key for key in base if not torch.equal(before[key], after[key])}
    assert all(key.endswith(("query.base_layer.weight", "value.base_layer.weight")) for key in changed)
    assert bool(changed) == average, "nothing of the encoder moves but by its adapters, which a mean is merged with"
    trained = {key for key, p in whole.model.named_parameters() if p.requires_grad}
    assert {key for key in trained if not key.startswith("head.")} <= before.keys() - base
    moved = {key for key in trained if not torch.equal(before[key], after[key])}
    assert moved >= {key for key in trained if "lora_B" in key} - ({*before} if average else set())
    assert any("lora_B" in key for key in trained)
    assert any(key.startswith("head.") for key in moved) or name == "mgl"


def record(run):
    return json.loads(paths.run_record(run).read_text())


def test_a_kept_model_is_whole_and_children_start_from_it(world):
    """A child that trains nothing predicts by the merged weights what its parent predicted by its adapters."""
    parent = spec_of("source_only", {"targets": []}, epochs=4)
    train_run("parent", parent, 1, True, 0.0)
    untouched = load_encoder(paths.encoder_dir(tiny.ENCODER)).model.state_dict()
    kept = load_file(paths.run_model("parent"))
    of_encoder = {k.removeprefix("model.encoder."): t for k, t in kept.items() if k.startswith("model.encoder.")}
    assert of_encoder.keys() == untouched.keys()
    changed = {key for key in untouched if not torch.equal(untouched[key], of_encoder[key])}
    assert changed == {key for key in untouched if key.endswith(("query.weight", "value.weight"))}
    zero = tiny.spec("zero_shot", parent="parent")
    zero["training"] = {key: tiny.TRAINING[key] for key in ("max_length", "precision", "batch_size")}
    train_run("zero", zero, 1, False, 0.0)
    assert read_parquet(paths.predictions("zero")).equals(read_parquet(paths.predictions("parent")))
    done = record("parent")
    head = sum(tensor.numel() for key, tensor in kept.items() if key.startswith("model.head."))
    assert done["trainable"] == 2 * 2 * 2 * 4 * 16 + head, "layers × targets × (A, B) × rank × width"
    assert done["parameters"] > done["trainable"] and "peft" in done["versions"]
    assert (record("zero")["trainable"], "peft" in record("zero")["versions"]) == (0, False)
    for child in (spec_of("fine_tune", {"parent": "parent"}), spec_of("fine_tune", {"parent": "parent"}, lora=None)):
        loop, _ = loop_of(child)
        assert_same({f"model.{key}": tensor for key, tensor in merged(loop.model).items()}, kept)
        assert bool(loop.ingredients.fixed) == bool(child["training"]["lora"])


def test_logits_of_merged_weights_are_those_of_the_adapters(world):
    loop, phases = loop_of(spec_of("joint"))
    loop.fit(phases)
    loop.model.eval()
    rows = next(iter(loop.ingredients.pools.values()))
    (batch,) = loop.batches(rows, [range(len(rows))])
    with torch.inference_mode():
        adapted, state = loop.model(batch), merged(loop.model)
        plain, _ = loop_of(spec_of("joint", lora=None))
        before = plain.model.eval()(batch)
        plain.model.load_state_dict(state)
        assert torch.allclose(plain.model(batch), adapted, atol=1e-6)
    assert not torch.allclose(before, adapted, atol=1e-3)


def test_without_training_an_adapted_model_is_the_same_to_the_bit(world):
    """What is drawn for the adapters comes after the head, whose weights are those of a run without them."""
    adapted, plain = loop_of(spec_of("joint"))[0].model, loop_of(spec_of("joint", lora=None))[0].model
    assert_same(merged(adapted), dict(plain.state_dict()))


def test_a_checkpoint_holds_what_is_trained(world, tmp_path):
    """Neither the weights of an epoch's end nor the best ones so far have the encoder in them."""
    sizes = {}
    for lora in (None, tiny.LORA):
        loop, phases = loop_of(spec_of("target_only", lora=lora, select="best"), tmp_path / str(bool(lora)))
        loop.fit(phases)
        saved = loop.checkpoints.load()
        names = {"weights": saved["weights"], "best": saved["best"]}
        sizes[bool(lora)] = {kind: {key.removeprefix("model.") for key in found} for kind, found in names.items()}
    for found in sizes[True].values():
        assert found == {key for key in found if "lora_" in key or key.startswith("head.")} != set()
    assert (
        sizes[False]["weights"]
        == sizes[False]["best"]
        == set(loop_of(spec_of("joint", lora=None))[0].model.state_dict())
    )


def test_the_average_is_of_weights_not_of_their_factors(world):
    loop, phases = loop_of(spec_of("checkpoint_average", {"targets": []}, epochs=3))
    ends, add_up = [], loop.add_up
    loop.add_up = lambda: (ends.append({key: t.double() for key, t in merged(loop.model).items()}), add_up())
    loop.fit(phases)
    for key, tensor in merged(loop.model).items():
        if tensor.is_floating_point():
            expected = torch.stack([end[key] for end in ends]).mean(0)
            assert torch.allclose(tensor.double(), expected, atol=1e-7), key
    assert len(ends) == 3


def test_what_is_put_in_merged_comes_out_merged(world):
    model = loop_of(spec_of("joint"))[0].model
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    wanted = {key: torch.randn_like(tensor) for key, tensor in merged(model).items() if tensor.is_floating_point()}
    set_merged(model, wanted)
    assert_same({key: merged(model)[key] for key in wanted}, wanted)


@pytest.mark.parametrize(
    ("lora", "message"),
    [
        (
            {"targets": ["qury"]},
            r"training.lora.targets: 'qury' is the name of no linear layer of the encoder; did you mean 'query'\?; its layers "
            r"are attention.self.query, attention.self.key, attention.self.value, attention.output.dense, "
            r"intermediate.dense, output.dense; `all-linear` is all of them",
        ),
        ({"targets": ["word_embeddings"]}, "'word_embeddings' is the name of no linear layer"),
        (
            {"targets": ["dense"], "rank": 16},
            "training.lora.rank: 16 is no low rank, .*dense maps 16 to 16; expected less",
        ),
    ],
)
def test_adapters_that_do_not_fit_are_refused_before_anything_is_read(world, lora, message, monkeypatch):
    def read(*arguments):
        raise AssertionError("read")

    monkeypatch.setattr("pipeline.training.run.read_pools", read)
    with pytest.raises(UserError, match=message):
        train_run("wrong", spec_of("joint", lora=tiny.LORA | lora), 1, False, 0.0)


def test_targets_are_ends_of_names(world):
    encoder = load_encoder(paths.encoder_dir(tiny.ENCODER)).model

    def found(*targets):
        return layers_to_adapt(encoder, tiny.LORA | {"targets": list(targets)})

    layers = [f"encoder.layer.{number}." for number in (0, 1)]
    assert found("attention.output.dense") == [f"{layer}attention.output.dense" for layer in layers]
    assert len(found("output.dense")) == 4 and len(found("dense")) == 6 and len(found("all-linear")) == 12
    assert found("layer.1.attention.self.key", "layer.0.attention.self.query") == [
        f"{layers[0]}attention.self.query",
        f"{layers[1]}attention.self.key",
    ]
