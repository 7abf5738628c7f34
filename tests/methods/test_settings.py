"""Every registered method builds from its settings' defaults, and plans the phases its documentation says."""

import importlib
import inspect

import pytest

from pipeline.config.methods import METHODS
from pipeline.methods import build_method
from pipeline.methods.contract import Pool, Setting

SETTING = Setting(("en",), ("qu",), 1000, 100, 50, 16, 5, "best", 2, ("hi", "sw"), 30)
SOURCE, TARGET, TARGET_DEV = Pool("en", "train", 1000, source=True), Pool("qu", "train", 100), Pool("qu", "dev", 50)
SOURCE_DEV = Pool("en", "dev", 50, source=True)
AUXILIARY = {split: (Pool("hi", split, 30), Pool("sw", split, 30)) for split in ("dev", "train")}


def defaults_of(name):
    build = importlib.import_module(f"pipeline.methods.{name}").build
    return {key: value.default for key, value in inspect.signature(build).parameters.items()}


def settled(parameters):
    return {key: tuple(value) if isinstance(value, list) else value for key, value in parameters.items()}


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"meta_optimizer"}))
def test_config_and_method_have_the_same_hyper_parameters(name):
    assert settled(METHODS[name]().hyper_parameters()) == defaults_of(name)


def test_the_meta_optimizer_has_those_of_its_rates_in_their_own_run():
    defaults, config = defaults_of("meta_optimizer"), METHODS["meta_optimizer"]
    assert config(meta_train=False).hyper_parameters() == defaults | {"meta_train": False}
    assert config(meta_train=False).rates_parameters() is None
    del defaults["meta_lr"], defaults["interval"]
    assert config().hyper_parameters() == defaults
    assert config().rates_parameters() == {"name": "layer_rates", **defaults_of("layer_rates")}


@pytest.mark.parametrize(
    ("name", "settings", "pools", "dev"),
    [
        ("target_only", {}, [(TARGET,)], TARGET_DEV),
        ("source_only", {}, [(SOURCE,)], SOURCE_DEV),
        ("freeze_layers", {}, [(SOURCE,)], SOURCE_DEV),
        ("freeze_layers", {"choose_on": "target"}, [(SOURCE,)], TARGET_DEV),
        ("fine_tune", {}, [(TARGET,)], TARGET_DEV),
        ("few_shot", {"split": "train"}, [(TARGET,)], TARGET_DEV),
        ("joint", {"batches": "balanced"}, [(SOURCE,), (TARGET,)], TARGET_DEV),
        ("joint", {"batches": "concatenated"}, [(SOURCE, TARGET)], TARGET_DEV),
    ],
)
def test_phases(name, settings, pools, dev):
    (phase,) = build_method(name, settings).phases(SETTING)
    assert [stream.pools for stream in phase.streams.values()] == pools
    assert phase.select_on == (dev,)
    assert (phase.epochs, phase.patience) == (5, 2)


@pytest.mark.parametrize("split", ["dev", "train"])
@pytest.mark.parametrize(
    ("name", "settings"),
    [("auxiliary_tune", {}), ("meta_optimizer", {}), ("meta_optimizer", {"meta_train": False})],
)
def test_methods_that_train_on_the_auxiliaries_together_choose_no_epoch(name, settings, split):
    (phase,) = build_method(name, {"split": split, **settings}).phases(SETTING)
    (stream,) = phase.streams.values()
    assert (stream.pools, stream.batch_size) == (AUXILIARY[split], 16)
    assert (phase.epoch, phase.epochs, phase.select_on, phase.averaged) == ("train", 5, (), False)


def test_checkpoint_average_sees_the_sources_alone():
    (phase,) = build_method("checkpoint_average", {}).phases(SETTING)
    assert phase.averaged and [stream.pools for stream in phase.streams.values()] == [(SOURCE,)]
    assert (phase.epochs, phase.select_on) == (5, ())


@pytest.mark.parametrize("split", ["dev", "train"])
def test_reptile_walks_one_language_at_a_time(split):
    (phase,) = build_method("reptile", {"split": split, "inner_steps": 3, "iterations": 150}).phases(SETTING)
    assert [stream.pools for stream in phase.streams.values()] == [(pool,) for pool in AUXILIARY[split]]
    assert (phase.epoch, phase.epochs) == (300, 3), "150 iterations of 3 steps for each language"
    assert all(stream.whole for stream in phase.streams.values())


@pytest.mark.parametrize("split", ["dev", "train"])
def test_layer_rates_holds_out_each_of_sources_and_auxiliaries(split):
    (phase,) = build_method("layer_rates", {"split": split, "episodes": 7, "episode_steps": 40}).phases(SETTING)
    hi, sw = AUXILIARY[split]
    assert {name: stream.pools for name, stream in phase.streams.items()} == {
        "train0": (hi, sw),
        "held_out0": (SOURCE,),
        "train1": (SOURCE, sw),
        "held_out1": (hi,),
        "train2": (SOURCE, hi),
        "held_out2": (sw,),
    }
    assert (phase.epoch, phase.epochs, phase.select_on) == (40, 7, ())


def test_few_shot_trains_on_dev_and_chooses_nothing_on_it():
    last = Setting(("en",), ("qu",), 1000, 100, 50, 16, 1, "last")
    (phase,) = build_method("few_shot", {}).phases(last)
    assert [stream.pools for stream in phase.streams.values()] == [(TARGET_DEV,)]
    assert phase.select_on == ()


def test_zero_shot_trains_nothing():
    assert build_method("zero_shot", {}).phases(SETTING) == []


def test_a_joint_epoch_is_one_pass_over_the_source():
    (phase,) = build_method("joint", {}).phases(SETTING)
    assert phase.epoch == "source"
