"""How far meta-gradients are off in bfloat16, of a step made anew from the same state in float64; what `auto` makes of it.

CPUs have the autocast of GPUs. Without dropout, which draws other masks in other precisions.
"""

import copy
import dataclasses

import pytest
import torch

from pipeline.config.methods.metaxl import PAPER, RELEASED
from pipeline.methods.contract import Setting
from pipeline.training.data import setting_of
from pipeline.training.run import assemble
from tests import tiny
from tests.methods import auxiliaries
from tests.methods.building import build_method
from tests.methods.test_metaxl import Applied

BASE = {"paper": {**PAPER, "variant": "paper"}, "released": {**RELEASED, "variant": "released"}}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("precision")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        auxiliaries.make_world()
    return folder


@pytest.fixture
def world(shared, monkeypatch):
    """The tiny encoder and its four languages."""
    monkeypatch.chdir(shared)


def metaxl(variant, optimizer="adam", warmup=0.0, place="top"):
    training = {"optimizer": optimizer, "warmup": warmup, "learning_rate": 1e-3, "epochs": 10, "select": "last"}
    return tiny.spec("metaxl", method={**BASE[variant], "placement": [place], "meta_lr": 1e-2}, training=training)


def double(loop):
    """Turn a loop, its optimisers' means and its memory to float64."""
    for module in (loop.model, *loop.modules.values()):
        module.double()
    for optimiser in loop.optimisers.values():
        for state in optimiser.inner.state.values():
            state.update({key: state[key].double() for key in ("exp_avg", "exp_avg_sq") if key in state})
    loop.memory = {k: [t.double() for t in v] if isinstance(v, list) else v for k, v in loop.memory.items()}


def gradient(loop, draw, precision, which, monkeypatch):
    """What a copy of the loop gives to an optimiser in its next step, as one vector in float64."""
    twin = copy.deepcopy(loop, {id(loop.ingredients): loop.ingredients})
    twin.ingredients = dataclasses.replace(loop.ingredients, precision=precision)
    if precision == "float64":
        double(twin)
    applied = Applied(twin, monkeypatch)
    loop.ingredients.method.step(twin, draw)
    return torch.cat([g.flatten().double() for g in getattr(applied, which)])


def errors(spec, step, which, monkeypatch):
    """Relative errors of a gradient in float32 and bfloat16, in step `step`, counted from 0, of a training in float32."""
    loop, streams = auxiliaries.prepared(spec, dropout=False)
    for _ in range(step):
        loop.ingredients.method.step(loop, streams.draw)
        loop.step_number += 1
    draw, drawn = auxiliaries.record_draws(streams)
    exact = gradient(loop, draw, "float64", which, monkeypatch)
    found = []
    for precision in ("float32", "bfloat16"):
        again = iter(list(drawn))
        replayed = gradient(loop, lambda name, again=again: next(again)[1], precision, which, monkeypatch)
        found.append(float((replayed - exact).norm() / exact.norm()))
    return found


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_through_adams_first_step_the_paper_variants_gradient_is_noise(world, monkeypatch, optimizer):
    """lr · sign(g) has no slope: what is left of one is rounding, visible in float32 and all there is in bfloat16."""
    float32, bfloat16 = errors(metaxl("paper", optimizer), 0, "rtn", monkeypatch)
    assert 1e-5 < float32 < 0.05 and bfloat16 > 0.5


def test_in_the_steps_after_it_is_still_far_off(world, monkeypatch):
    float32, bfloat16 = errors(metaxl("paper", warmup=0.2, place=0), 1, "rtn", monkeypatch)
    assert float32 < 1e-5 and bfloat16 > 0.05


OTHERS = {
    "paper, sgd": (lambda: metaxl("paper", "sgd"), 3, "rtn"),
    "released": (lambda: metaxl("released"), 0, "rtn"),
    "x_maml": (lambda: auxiliaries.spec_of("x_maml", iterations=6), 3, "model"),
    "xla_maml": (lambda: auxiliaries.spec_of("xla_maml", iterations=6), 3, "model"),
    "meta_optimizer": (lambda: auxiliaries.spec_of("meta_optimizer", meta_train=False, interval=2), 3, "rates"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_does_not_go_through_adam_is_right_to_a_hundredth(world, monkeypatch, kind):
    spec, step, which = OTHERS[kind]
    float32, bfloat16 = errors(spec(), step, which, monkeypatch)
    assert float32 < 1e-6 and bfloat16 < 0.02


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (metaxl("paper"), "float32"),
        (metaxl("paper", "adamw"), "float32"),
        (metaxl("paper", "sgd"), "bfloat16"),
        (metaxl("released"), "bfloat16"),
    ],
    ids=["paper, adam", "paper, adamw", "paper, sgd", "released"],
)
def test_auto_on_a_gpu_is_float32_where_the_step_is_derived_through_adam(world, monkeypatch, spec, expected):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda including_emulation: True)
    method = build_method("metaxl", {k: v for k, v in spec["method"].items() if k != "name"})
    phases = method.phases(Setting(**setting_of(spec)))
    assert assemble(spec, method, phases)[0].precision == expected
    told = {**spec, "training": {**spec["training"], "precision": "bfloat16"}}
    assert assemble(told, method, phases)[0].precision == "bfloat16", "what is said is obeyed"


def test_a_frozen_rtn_has_no_derivative_to_lose():
    assert build_method("metaxl", {**BASE["paper"], "phi_frozen": True}).float32_with == ()
