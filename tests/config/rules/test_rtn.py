"""What MetaXL's options, encoders and sizes must agree on is said with the path of the key to change, before any job."""

import pytest

from pipeline.config.load import parse
from tests.configs import changed, errors, grid

ONLY = ("tables=",)


def with_method(entry, *more, label="mine"):
    """The base config with one method in its experiment (`small`: 4 layers of width 192; batches of 16)."""
    return (f"methods.{label}={entry}", f"experiments.few.methods=[{label}]", *ONLY, *more)


@pytest.mark.parametrize("method", ["metaxl", "joint_rtn"])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            "placement: 5",
            "methods.mine.placement: 5 is beyond the encoder's 4 layers; expected 0 to 4, or top "
            "(experiment 'few', encoder 'small')",
        ),
        ("placement: [0, 4, top]", "methods.mine.placement: 4 and top are the same layer"),
        ("placement: [1, 0, 1]", "methods.mine.placement: 1 stands there twice"),
        ("placement: [top, top]", "methods.mine.placement: top stands there twice"),
        (
            "bottleneck: 192",
            "methods.mine.bottleneck: 192 is no bottleneck, the encoder is 192 wide; expected less than 192, or wide: true",
        ),
        ("tune: {placement: [0, 9]}", "methods.mine.tune.placement: 9 is beyond the encoder's 4 layers"),
        ("tune: {bottleneck: [16, 400]}", "methods.mine.tune.bottleneck: 400 is no bottleneck"),
    ],
)
def test_networks_must_fit_the_encoder(method, options, message):
    said = errors(*with_method(f"{{method: {method}, {options}}}"))
    assert any(line.strip().startswith(message) for line in said), said
    assert len(said) == 1, "one mistake, one line"


@pytest.mark.parametrize("method", ["metaxl", "joint_rtn"])
@pytest.mark.parametrize(
    "options",
    [
        "placement: 4",
        "placement: [0, top]",
        "bottleneck: 191",
        "{bottleneck: 500, wide: true}",
        "per_source: true",
        "tune: {placement: [0, 4, [0, top]]}",
    ],
)
def test_networks_that_fit_are_accepted(method, options):
    options = options.strip("{}") if options.startswith("{") else options
    assert parse(changed(*with_method(f"{{method: {method}, {options}}}")))


EXTENDED = (
    "encoders.more={from: extend, encoder: small, text: [{dataset: babel, languages: [nearish]}]}",
    "experiments.few.encoder=more",
)


def test_an_extended_encoder_is_as_deep_as_its_base():
    (said,) = errors(*with_method("{method: metaxl, placement: 5}", *EXTENDED))
    assert "methods.mine.placement: 5 is beyond the encoder's 4 layers" in said and "encoder 'more'" in said
    assert parse(changed(*with_method("{method: metaxl, placement: 4}", *EXTENDED)))


def test_the_depth_of_a_fetched_encoder_is_known_to_the_run_alone():
    hub = "experiments.few.encoder=mbert"
    assert parse(changed(*with_method("{method: metaxl, placement: 50, bottleneck: 5000}", hub)))


@pytest.mark.parametrize("variant", ["released", "paper"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "experiments.few.target_size=[15, 50]",
            "experiments.few.target_size: 15 examples are less than one target batch of mine, 16; "
            "set training.batch_size to at most 15",
        ),
        (
            "training.batch_size=51",
            "experiments.few.target_size: 50 examples are less than one target batch of mine, 51",
        ),
        ("experiments.few.training.batch_size=64", "experiments.few.target_size: 50 examples"),
        ("methods.mine.training.batch_size=64", "experiments.few.target_size: 50 examples"),
        ("methods.mine.tune={training.batch_size: [8, 64]}", "experiments.few.target_size: 50 examples"),
    ],
)
def test_a_meta_batch_larger_than_the_target_set(variant, change, message):
    (said,) = errors(*with_method(f"{{method: metaxl, variant: {variant}}}"), change)
    assert said.strip().startswith(message)


def test_all_of_a_small_family_is_counted():
    small = ("datasets.babel.sizes.train=12", "experiments.few.source_size=12", "experiments.few.target_size=all")
    (said,) = errors(*with_method("{method: metaxl}"), *small)
    assert "experiments.few.target_size: all 12 examples are less than one target batch of mine, 16" in said


def test_other_methods_take_smaller_batches_of_few_examples():
    assert parse(changed(*with_method("{method: joint_rtn}"), "experiments.few.target_size=5"))


def test_a_batch_of_one_cannot_be_halved():
    (said,) = errors(*with_method("{method: metaxl, training: {batch_size: 1}}"))
    assert said.strip().startswith("experiments.few.methods[0]: mine halves target batches (variant: released)")
    assert "training.batch_size to 2 or more" in said
    assert parse(changed(*with_method("{method: metaxl, variant: paper, training: {batch_size: 1}}")))


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ("phi_frozen: true, meta_lr: 1e-4", "meta_lr"),
        ("phi_frozen: true, meta_optimizer: sgd", "meta_optimizer"),
        ("phi_frozen: true, meta_weight_decay: 0.1", "meta_weight_decay"),
        ("phi_frozen: true, phi_no_decay: true", "phi_no_decay"),
        ("phi_frozen: true, tune: {meta_lr: [1e-4, 1e-5]}", "tune.meta_lr"),
        ("meta_lr: 1e-4, tune: {phi_frozen: [true, false]}", "meta_lr"),
        ("phi_no_decay: true, meta_weight_decay: 0.1", "meta_weight_decay"),
        ("phi_no_decay: true, variant: paper, meta_weight_decay: 0.1", "meta_weight_decay"),
        ("phi_no_decay: true, variant: paper", "phi_no_decay"),
        ("combine: losses", "combine"),
        ("combine: stack, placement: 0", "combine"),
        ("tune: {combine: [stack, losses]}", "tune.combine"),
    ],
)
def test_options_that_change_nothing(options, key):
    (said,) = errors(*with_method(f"{{method: metaxl, {options}}}"))
    assert said.strip().startswith(f"methods.mine.{key}: ")


@pytest.mark.parametrize(
    "options",
    [
        "phi_frozen: true",
        "phi_frozen: true, phi_no_decay: false",
        "phi_frozen: true, meta_weight_decay: null, combine: null",
        "phi_no_decay: true",
        "phi_no_decay: true, meta_weight_decay: null",
        "phi_no_decay: true, meta_lr: 1e-4",
        "variant: paper, meta_weight_decay: 0.1",
        "combine: stack, placement: [0, top]",
        "combine: stack, tune: {placement: [top, [0, top]]}",
    ],
)
def test_options_that_agree(options):
    assert parse(changed(*with_method(f"{{method: metaxl, {options}}}")))


def test_controls_are_runs_of_their_own():
    methods = "{plain: {method: metaxl}, frozen: {method: metaxl, phi_frozen: true}, loose: {method: metaxl, phi_no_decay: true}}"
    runs = grid(
        f"methods={methods}",
        "experiments.few.methods=[plain, frozen, loose]",
        "experiments.few.model_seeds=[1]",
        "experiments.few.targets=[nearish]",
        *ONLY,
    ).runs
    assert len(runs) == 3


def test_an_optimiser_that_the_network_does_not_have_is_refused_and_in_no_run():
    for key in ("meta_optimizer: sgd", "meta_weight_decay: 0.1", "tune: {meta_weight_decay: [0, 0.1]}"):
        (said,) = errors(*with_method(f"{{method: joint_rtn, {key}}}"))
        name = "tune.meta_weight_decay" if "tune" in key else key.partition(":")[0]
        assert said.startswith(f"methods.mine.{name}: without meta_lr the RTN moves with the model"), said
    runs = grid(
        *with_method("{method: joint_rtn, meta_weight_decay: 0.1, tune: {meta_lr: [null, 1e-3]}}")
    ).runs.values()
    keys = ("meta_lr", "meta_optimizer", "meta_weight_decay")
    found = {tuple(run.spec["method"][key] for key in keys) for run in runs}
    assert found == {(None, None, None), (1e-3, "adam", 0.1)}
