"""LoRA in whole runs: what every method trains and leaves alone, resumption, what is saved, children, bad targets."""

import json

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
        for language in ("alpha", "beta", "gamma"):
            for split, count in {"train": 20, "dev": 6, "test": 6}.items():
                tiny.write_task_split("sentiment", language, split, count, dataset=CLASSES)
    return folder


@pytest.fixture
def world(written, monkeypatch):
    """Four languages of entities, three of sentiment, and a tiny encoder."""
    monkeypatch.chdir(written)
    torch.set_num_threads(1)


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
