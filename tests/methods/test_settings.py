"""Every registered method builds from its settings' defaults, and plans the phases its documentation says."""

import importlib

import pytest

from pipeline import methods
from pipeline.common.errors import UserError
from pipeline.config.methods import METHODS, defaults_of
from pipeline.methods import hyper_parameters
from pipeline.methods.contract import Pool, Setting
from tests.methods.building import build_method

SETTING = Setting(("en",), ("qu",), 1000, 100, 50, 16, 5, "best", 2, ("hi", "sw"), 30)
SOURCE, TARGET, TARGET_DEV = Pool("en", "train", 1000, source=True), Pool("qu", "train", 100), Pool("qu", "dev", 50)
SOURCE_DEV = Pool("en", "dev", 50, source=True)
AUXILIARY = {split: (Pool("hi", split, 30), Pool("sw", split, 30)) for split in ("dev", "train")}


def taken(name):
    return hyper_parameters(importlib.import_module(f"pipeline.methods.{name}").build)


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"meta_optimizer"}))
def test_config_and_method_have_the_same_hyper_parameters(name):
    given = METHODS[name]().hyper_parameters()
    assert {key: key != "meta_batch" for key in given} == taken(name), "a default stands once, in the config"
    # a run with one kind of episode has no meta_batch: grid.runs.felt


def test_the_meta_optimizer_has_those_of_its_rates_in_their_own_run():
    known, config = taken("meta_optimizer"), METHODS["meta_optimizer"]
    assert config(meta_train=False).hyper_parameters().keys() == known.keys()
    assert config(meta_train=False).rates_parameters() is None
    assert config().hyper_parameters().keys() == {key for key, required in known.items() if required}
    assert config().rates_parameters() == {"name": "layer_rates", **defaults_of("layer_rates")}
    assert dict.fromkeys(defaults_of("layer_rates"), True) == taken("layer_rates")


@pytest.mark.parametrize("name", [*METHODS, "layer_rates"])
def test_a_hyper_parameter_that_is_missing_is_named(name):
    for key, required in taken(name).items():
        given = {k: v for k, v in defaults_of(name).items() if k != key}
        if required:
            with pytest.raises(UserError, match=f"method {name}: hyper-parameter '{key}' is missing"):
                methods.build_method(name, given)


def test_rates_learned_beside_the_model_need_what_they_are_learned_by():
    given = {**defaults_of("meta_optimizer"), "meta_train": False, "meta_lr": 0.1}
    with pytest.raises(UserError, match="'meta_lr' and 'interval' are needed without meta_train"):
        methods.build_method("meta_optimizer", given)


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
