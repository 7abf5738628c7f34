"""Every registered method builds from its settings' defaults, and plans the phases its documentation says."""

import importlib
import inspect

import pytest

from pipeline.config_methods import METHODS
from pipeline.methods import build_method
from pipeline.methods.contract import Pool, Setting

SETTING = Setting(("en",), ("qu",), 1000, 100, 50, 16, 5, "best", 2)
SOURCE, TARGET, TARGET_DEV = Pool("en", "train", 1000), Pool("qu", "train", 100), Pool("qu", "dev", 50)


@pytest.mark.parametrize("name", METHODS)
def test_config_and_method_have_the_same_hyper_parameters(name):
    build = importlib.import_module(f"pipeline.methods.{name}").build
    defaults = {key: value.default for key, value in inspect.signature(build).parameters.items()}
    settled = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in METHODS[name]().hyper_parameters().items()
    }
    assert settled == defaults


@pytest.mark.parametrize(
    ("name", "settings", "pools", "dev"),
    [
        ("target_only", {}, [(TARGET,)], TARGET_DEV),
        ("source_only", {}, [(SOURCE,)], Pool("en", "dev", 50)),
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
