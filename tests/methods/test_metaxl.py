"""MetaXL and joint_rtn through the real loop: what moves, what is logged, and that φ gets the derivative it should."""

import copy
import dataclasses
import json
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import read_parquet, write_parquet
from pipeline.config.methods.metaxl import PAPER, RELEASED
from pipeline.data.schema import LABELS, Facts, ner_table, write_split
from pipeline.meta.updates import Rule, State
from pipeline.methods import build_method, metaxl
from pipeline.methods.contract import Setting
from pipeline.methods.metaxl import Options, halves, look_ahead, source_loss, way_of
from pipeline.methods.parts.rtn import SourcePath
from pipeline.tasks import ner
from pipeline.training.checkpoint import Checkpoints
from pipeline.training.data import setting_of
from pipeline.training.loop import Loop
from pipeline.training.run import assemble, train_run
from tests import tiny
from tests.meta.model import error
from tests.meta.test_bilevel import unrolled
from tests.methods.stopping import fit_in_pieces

BASE = {"released": {**RELEASED, "meta_lr": 1e-2}, "paper": {**PAPER, "meta_lr": 1e-2}}
VARIANTS = list(BASE)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Written once for all tests that leave the data as they are."""
    folder = tmp_path_factory.mktemp("shared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        tiny.make_world(folder)
    return folder


@pytest.fixture
def world(shared, monkeypatch):
    """A folder with the tiny encoder (two layers) and dataset (40 training sentences in each language)."""
    monkeypatch.chdir(shared)


@pytest.fixture
def own_world(tmp_path, monkeypatch):
    """The same for a test that changes the data."""
    monkeypatch.chdir(tmp_path)
    tiny.make_world(tmp_path)


def spec_of(variant="released", training=None, **method):
    """A run of three epochs of five steps each."""
    return tiny.spec(
        "metaxl",
        method={"variant": variant, **BASE[variant], **method},
        training={"optimizer": "adam", "clip_norm": 10.0, **(training or {})},
    )


def loop_of(spec, folder=None):
    method = build_method(spec["method"]["name"], {k: v for k, v in spec["method"].items() if k != "name"})
    phases = method.phases(Setting(**setting_of(spec)))
    ingredients, _ = assemble(spec, method, phases)
    return Loop(ingredients, Checkpoints(folder), checkpoint_every=0.0), phases


def fitted(spec, before_step=lambda loop: None, after_step=lambda loop: None, folder=None):
    """Train; call the given functions around every step."""
    loop, phases = loop_of(spec, folder)
    method = loop.ingredients.method

    def step(trainer, draw):
        before_step(trainer)
        log = method.step(trainer, draw)
        after_step(trainer)
        return log

    loop.ingredients = dataclasses.replace(loop.ingredients, method=dataclasses.replace(method, step=step))
    loop.fit(phases)
    return loop


def phi(loop):
    return {k: t.clone() for k, t in loop.modules["rtn"].state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def column(loop, name):
    return [step.get(name) for step in loop.steps]


SHORT = {"epochs": 1, "select": "last", "patience": None}

# ------------------------------------------------------------------------------------------------------ whole trainings


@pytest.mark.parametrize(
    "options",
    [
        {"placement": [0]},
        {"placement": [1], "bottleneck": 3},
        {"placement": [0, "top"], "combine": "losses"},
        {"placement": [0, "top"], "combine": "stack"},
        {"placement": [1], "residual": True, "gate": False, "detach": False},
        {"placement": [1], "residual": False, "gate": True, "detach": False},
        {"placement": [0], "bottleneck": 20, "wide": True},
        {"placement": ["top"], "per_source": True, "meta_optimizer": "sgd"},
    ],
    ids=str,
)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_placement_and_option_trains(world, variant, options):
    starts = []
    loop = fitted(
        spec_of(variant, SHORT, **options), lambda loop: starts.append((phi(loop), copy.deepcopy(loop.weights())))
    )
    assert len(loop.steps) == 5
    after = loop.weights()
    assert all(t.isfinite().all() for t in after.values())
    moved = {k for k, t in starts[0][1].items() if not torch.equal(t, after[k])}
    assert {k for k in after if k.startswith("own.")} <= moved, "every part of φ"
    assert {k for k in after if "head" in k} <= moved
    if not (options.get("detach") and not options.get("residual")):
        assert any("encoder" in k for k in moved)
    assert all(value > 0 for value in column(loop, "meta_loss"))


@pytest.mark.parametrize("placement", [1, "top", [0, "top"]])
@pytest.mark.parametrize("variant", VARIANTS)
def test_both_ways_give_one_training(world, variant, placement):
    """Under SGD, which does not blow up rounding where a gradient is zero but for it, as Adam does."""
    plain = {**SHORT, "optimizer": "sgd", "learning_rate": 0.3, "warmup": 0.0}
    places = placement if isinstance(placement, list) else [placement]
    loops = [
        fitted(spec_of(variant, plain, placement=places, meta_optimizer="sgd", meta_lr=10.0, way=way))
        for way in ("fast", "lean")
    ]
    fast, lean = (loop.weights() for loop in loops)
    assert loops[0].steps[-1]["phi_distance"] > 1e-2
    for key, tensor in fast.items():
        assert torch.allclose(tensor, lean[key], atol=1e-5, rtol=1e-4), key
    for name in ("loss", "meta_loss", "phi_gradient_norm", "phi_distance"):
        assert column(loops[0], name) == pytest.approx(column(loops[1], name), rel=1e-3, abs=1e-7)


def test_the_way_is_chosen_by_placement(world):
    loop, phases = loop_of(spec_of(placement=[0, "top"]))
    loop.prepare(phases[0])
    transformation = loop.modules["rtn"]

    def way(layers, **changes):
        transformation.layers = layers
        options = Options("paper", "stack", 1e-3, "adam", 0.0, False, 0, "auto")
        return way_of(dataclasses.replace(options, **changes), transformation, 2)

    assert [way((2,)), way((1,)), way((0, 2))] == ["lean", "fast", "fast"]
    assert way((2,), way="fast") == "fast" and way((0,), way="lean") == "lean"
    assert way((0,), phi_frozen=True) == "lean", "no graph is kept that nobody goes through"


# ------------------------------------------------------------------------------------------------ φ's gradient is the derivative


def in_double(spec, dropout=True):
    """A prepared loop in float64, and its streams."""
    loop, phases = loop_of(spec)
    loop.model.double()
    streams, _ = loop.prepare(phases[0])
    loop.set_training(dropout)
    return loop, streams


def functions(loop, source, target):
    """L_s(θ, φ) and L_t(θ) by names of PyTorch's own, θ in the optimiser's order."""
    transformation = loop.modules["rtn"]
    name_of = {id(p): name for name, p in loop.model.named_parameters()}
    order = [name_of[id(p)] for p in loop.parameters()]
    of_phi = [name for name, _ in transformation.named_parameters()]
    path = SourcePath(loop.model, transformation)

    def of_source(theta, phi):
        given = {f"model.{n}": t for n, t in zip(order, theta, strict=True)}
        given |= {f"transformation.{n}": t for n, t in zip(of_phi, phi, strict=True)}
        return ner.loss(functional_call(path, given, (source,)), source)

    def of_target(theta):
        given = dict(zip(order, theta, strict=True))
        return ner.loss(functional_call(loop.model, given, (target,)), target)

    return of_source, of_target


class Applied:
    """The gradients that a method gives to `apply`, by optimiser."""

    def __init__(self, loop, monkeypatch):
        apply = loop.apply

        def spy(gradients, which="model"):
            setattr(self, which, [g.clone() for g in gradients])
            apply(gradients, which)

        monkeypatch.setattr(loop, "apply", spy)


TRAININGS = {
    "adam with l2, clipped": {"optimizer": "adam", "weight_decay": 0.05, "clip_norm": 0.05},
    "adamw, clipped": {"optimizer": "adamw", "weight_decay": 0.05, "clip_norm": 0.05},
    "adamw": {"optimizer": "adamw", "weight_decay": 0.05, "clip_norm": None},
    "sgd, clipped": {"optimizer": "sgd", "weight_decay": 0.05, "clip_norm": 0.05},
    "adamw, clipped, lora": {"optimizer": "adamw", "weight_decay": 0.05, "clip_norm": 0.05, "lora": tiny.LORA},
}


@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize("way", ["fast", "lean"])
@pytest.mark.parametrize("placement", [0, "top"])
def test_paper_moves_phi_by_the_derivative_through_the_real_step(world, monkeypatch, double, placement, way, training):
    """Third step of 15, one of them warm-up: α = 5e-3 · 13/14; dropout on; through Adam's means, decay and clipping."""
    settings = TRAININGS[training]
    loop, streams = in_double(spec_of("paper", settings, placement=[placement], way=way))
    method, drawn = loop.ingredients.method, {}
    for _ in range(2):
        method.step(loop, streams.draw)
        loop.step_number += 1
    assert loop.learning_rate() == pytest.approx(5e-3 * 13 / 14)
    theta = [p.detach().clone().requires_grad_() for p in loop.parameters()]
    start = [p.detach().clone().requires_grad_() for p in loop.modules["rtn"].parameters()]
    decays = [p.ndim >= 2 or settings["optimizer"] != "adamw" for p in theta]
    adam = settings["optimizer"] != "sgd"
    rule = Rule(
        5e-3 * 13 / 14,
        tuple(0.05 * decayed for decayed in decays),
        settings["optimizer"] == "adamw",
        (0.9, 0.999) if adam else None,
        1e-8,
        settings["clip_norm"],
    )
    held = [loop.optimisers["model"].inner.state[p] for p in loop.parameters()] if adam else []
    state = State(*(tuple(h[key].clone() for h in held) for key in ("exp_avg", "exp_avg_sq")), 2)

    def draw(name):
        drawn[name] = streams.draw(name)
        return drawn[name]

    applied, random = Applied(loop, monkeypatch), torch.get_rng_state()
    log = method.step(loop, draw)
    torch.set_rng_state(random)
    of_source, of_target = functions(loop, drawn["source"], drawn["target"])
    value = unrolled([of_source], of_target, theta, start, rule, state)
    expected = torch.autograd.grad(value, start)
    assert float(log["meta_loss"]) == pytest.approx(value.item(), rel=1e-9)
    assert all(g.abs().max() > 0 for g in expected)
    assert error(applied.rtn, expected) < 1e-9
    assert float(log["phi_gradient_norm"]) == pytest.approx(float(torch.nn.utils.get_total_norm(expected)))


@pytest.mark.parametrize("way", ["fast", "lean"])
@pytest.mark.parametrize(
    "options", [{"placement": [0]}, {"placement": ["top"], "gate": False}, {"placement": [1], "detach": False}]
)
def test_released_moves_phi_by_the_look_ahead_and_theta_with_the_new_phi(world, monkeypatch, double, options, way):
    """θ′ = θ − α ∇θ (L_s(θ, φ) + L_g(θ)) by plain SGD, clipping and Adam play no part in it; φ by L_meta(θ′); θ by φ′."""
    loop, streams = in_double(spec_of("released", {"clip_norm": 0.05}, **options, way=way), dropout=False)
    method, drawn, split = loop.ingredients.method, {}, metaxl.halves
    for _ in range(2):
        method.step(loop, streams.draw)

    def draw(name):
        drawn[name] = streams.draw(name)
        return drawn[name]

    def halves(batch, generator):
        drawn["inner"], drawn["meta"] = split(batch, generator)
        return drawn["inner"], drawn["meta"]

    monkeypatch.setattr(metaxl, "halves", halves)
    theta = [p.detach().clone().requires_grad_() for p in loop.parameters()]
    start = [p.detach().clone().requires_grad_() for p in loop.modules["rtn"].parameters()]
    alpha, applied = loop.learning_rate(), Applied(loop, monkeypatch)
    log = method.step(loop, draw)
    of_source, of_meta = functions(loop, drawn["source"], drawn["meta"])
    of_inner = functions(loop, drawn["source"], drawn["inner"])[1]
    with sdpa_kernel(SDPBackend.MATH):
        gradient = torch.autograd.grad(
            of_source(theta, start) + of_inner(theta), theta, create_graph=True, materialize_grads=True
        )
        meta_loss = of_meta([p - alpha * g for p, g in zip(theta, gradient, strict=True)])
        expected = torch.autograd.grad(meta_loss, start)
        after = [p.detach() for p in loop.modules["rtn"].parameters()]
        loss = of_source(theta, after) + of_inner(theta)
        of_theta = torch.autograd.grad(loss, theta, materialize_grads=True)
    assert error(applied.rtn, expected) < 1e-9
    assert error(applied.model, of_theta) < 1e-9
    assert float(log["meta_loss"]) == pytest.approx(meta_loss.item(), rel=1e-9)
    assert float(log["loss"]) == pytest.approx(loss.item(), rel=1e-9)
    assert error(of_theta, gradient) > 1e-6, "the new φ is seen"


@pytest.mark.parametrize("way", ["fast", "lean"])
def test_a_look_ahead_leaves_everything_as_it_was(world, way):
    loop, phases = loop_of(spec_of("released", {"warmup": 0.0}))
    streams, _ = loop.prepare(phases[0])
    loop.set_training(True)
    before = copy.deepcopy(loop.weights())
    inner_half, meta_half = halves(streams.draw("target"), loop.generator)
    gradient_g = torch.autograd.grad(loop.loss(inner_half), loop.parameters(), materialize_grads=True)
    kept = [g.clone() for g in gradient_g]
    loss_s = source_loss(loop, streams.draw("source"))
    gradient, _ = look_ahead(loop, loss_s, gradient_g, meta_half, way)
    assert all(g.abs().max() > 0 for g in gradient)
    assert same(before, loop.weights())
    assert all(torch.equal(a, b) for a, b in zip(kept, gradient_g, strict=True))
    assert all(p.grad is None for p in (*loop.parameters(), *loop.parameters("rtn")))


@pytest.mark.parametrize("variant", VARIANTS)
def test_at_rate_zero_phi_has_no_gradient_at_all(world, variant):
    """One step of 10 is warm-up, so the first one's rate is 0."""
    loop = fitted(spec_of(variant, {"epochs": 2}))
    norms = column(loop, "phi_gradient_norm")
    assert norms[0] == 0.0 and all(norm > 0 for norm in norms[1:-1])


# ------------------------------------------------------------------------------------------------------------- halves


def test_halves_share_nothing_and_lose_nothing(world):
    loop, phases = loop_of(spec_of())
    streams, _ = loop.prepare(phases[0])
    whole = streams.draw("target")
    first, second = halves(whole, loop.generator)
    rows = [half["row"].tolist() for half in (first, second)]
    assert [len(r) for r in rows] == [4, 4] and sorted(rows[0] + rows[1]) == sorted(whole["row"].tolist())
    for half in (first, second):
        for i, row in enumerate(half["row"].tolist()):
            place = whole["row"].tolist().index(row)
            assert all(torch.equal(half[key][i], whole[key][place]) for key in whole)
    odd = {key: value[:5] for key, value in whole.items()}
    assert [len(half["row"]) for half in halves(odd, loop.generator)] == [2, 3]


def test_a_rest_of_one_is_not_halved(world, monkeypatch):
    """Nine target sentences in batches of eight: the ninth comes with the next pass."""
    sizes = []
    monkeypatch.setattr(metaxl, "halves", lambda b, g: sizes.append(len(b["row"])) or halves(b, g))
    fitted(spec_of(training=SHORT) | {"target_size": 9})
    assert sizes == [8] * 5


# --------------------------------------------------------------------------------------------------- what is logged


@pytest.mark.parametrize("variant", VARIANTS)
def test_steps_tell_how_far_phi_went(world, variant):
    starts, distances = [], []

    def note_start(loop):
        starts.append(phi(loop))

    def note_distance(loop):
        squares = [(t - starts[0][k]).double().square().sum() for k, t in phi(loop).items()]
        distances.append(float(torch.stack(squares).sum().sqrt()))

    loop = fitted(spec_of(variant), note_start, note_distance)
    assert column(loop, "phi_distance") == pytest.approx(distances, rel=1e-5)
    assert distances[-1] > 1e-3
    assert [step["step"] for step in loop.steps] == list(range(1, 16))


def test_steps_are_written_one_row_each(world):
    spec = spec_of(training={"epochs": 2}, back_off_epochs=1)
    name = tiny.name_of(spec)
    train_run(name, spec, 1, True, time.monotonic())
    table = read_parquet(paths.steps(name)).to_pylist()
    assert [(r["phase"], r["step"]) for r in table] == [
        *(("train", n) for n in range(1, 11)),
        *(("back_off", n) for n in range(1, 11)),
    ]
    for name_ in ("meta_loss", "phi_gradient_norm", "phi_distance"):
        assert [r[name_] is not None for r in table] == [True] * 10 + [False] * 10
    history = [json.loads(line) for line in paths.history(name).read_text().splitlines()]
    mean = np.mean([r["meta_loss"] for r in table[:5]])
    assert history[0]["losses"]["meta_loss"] == pytest.approx(mean, rel=1e-5)
    keys = set(load_file(paths.run_model(name)))
    assert keys and all(key.startswith("model.") for key in keys), "the RTN is thrown away"
    joint = tiny.spec("joint", training=SHORT)
    train_run("joint", joint, 1, True, time.monotonic())
    assert keys == set(load_file(paths.run_model("joint")))


# ------------------------------------------------------------------------------------------------------------ the controls


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_frozen_phi_keeps_its_start_which_is_everybody_elses(world, variant):
    starts, others = [], []
    loop = fitted(spec_of(variant, phi_frozen=True), lambda loop: starts.append(phi(loop)))
    assert all(same(starts[0], later) for later in (*starts, phi(loop)))
    assert set(column(loop, "phi_distance")) == {0.0} and set(column(loop, "phi_gradient_norm")) == {0.0}
    assert set(column(loop, "meta_loss")) == {None}
    assert list(loop.optimisers) == ["model"]
    first = column(loop, "loss")[0]
    trained = fitted(spec_of(variant), lambda loop: others.append(phi(loop)))
    assert same(starts[0], others[0])
    if variant == "paper":
        assert column(trained, "loss")[0] == first, "the same batches and masks"


@pytest.mark.parametrize("variant", VARIANTS)
def test_without_gradient_only_the_penalty_moves_phi(world, monkeypatch, variant):
    pull = metaxl.pull_back_steps

    def nothing(*arguments, **options):
        found = pull(*arguments, **options)
        return dataclasses.replace(found, phi=tuple(map(torch.zeros_like, found.phi)))

    monkeypatch.setattr(metaxl, "pull_back_steps", nothing)

    def distance(**options):
        return fitted(spec_of(variant, SHORT, meta_weight_decay=5e-4, **options)).steps[-1]["phi_distance"]

    assert distance(phi_no_decay=True) == 0.0
    assert distance() > 1e-3


# --------------------------------------------------------------------------------------------------------------- back-off


@pytest.mark.parametrize("variant", VARIANTS)
def test_back_off_trains_on_both_languages_and_leaves_phi(world, monkeypatch, variant):
    passes, phis, seen = [], [], set()
    forward = SourcePath.forward
    monkeypatch.setattr(SourcePath, "forward", lambda path, batch: passes.append(1) or forward(path, batch))
    loss = Loop.loss

    def look(loop, batch, *arguments, **options):
        if loop.phase.name == "back_off":
            seen.update(
                (int(language), int(row)) for language, row in zip(batch["language"], batch["row"], strict=True)
            )
        return loss(loop, batch, *arguments, **options)

    monkeypatch.setattr(Loop, "loss", look)
    theta = []

    def note(loop):
        if loop.phase.name == "back_off":
            phis.append((phi(loop), len(passes)))
            theta.append(copy.deepcopy(loop.model.state_dict()))

    loop = fitted(spec_of(variant, SHORT, back_off_epochs=2), note)
    assert len(phis) == 20, "two passes over 80 sentences in batches of 8"
    assert all(same(phis[0][0], other) and count == phis[0][1] for other, count in (*phis, (phi(loop), len(passes))))
    assert len(seen) == 80 and {language for language, _ in seen} == {0, 1}
    assert not same(theta[0], theta[-1])
    assert {r["phase"] for r in loop.records} == {"train", "back_off"}


# ----------------------------------------------------------------------------------------------------------- several sources


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("sources", [["alpha", "gamma"], ["gamma", "alpha"]])
def test_every_source_has_its_own_network(own_world, variant, sources):
    """Only rows of its own language teach a network: with gamma's left out by hand, gamma's learns nothing."""
    for split in ("train", "dev"):
        table = ner_table("gamma", tiny.sentences("gamma", split, 16))
        write_split(
            paths.split(tiny.DATASET, "gamma", split), table, Facts("ner", LABELS["ner"], tiny.DATASET, "gamma", split)
        )
    spec = spec_of(variant, {**SHORT, "warmup": 0.0}, per_source=True, meta_weight_decay=0.0) | {"sources": sources}
    starts = []
    loop = fitted(spec, lambda loop: starts.append(phi(loop)))
    transformation = loop.modules["rtn"]
    assert [loop.languages[i] for i in transformation.languages] == sources
    assert len(loop.steps) == 7, "56 sentences"
    assert all(not torch.equal(t, phi(loop)[k]) for k, t in starts[0].items()), "both learn"

    loop, phases = loop_of(spec)
    streams, _ = loop.prepare(phases[0])
    batch = streams.draw("source")
    only = {key: value[batch["language"] == loop.languages.index("alpha")] for key, value in batch.items()}
    assert 0 < len(only["row"]) < 8
    draw = {"source": only, "target": streams.draw("target")}.get
    applied = Applied(loop, pytest.MonkeyPatch())
    loop.ingredients.method.step(loop, draw)
    names = [name for name, _ in loop.modules["rtn"].named_parameters()]
    learned = {name.split(".")[2] for name, g in zip(names, applied.rtn, strict=True) if g.any()}
    assert learned == {str(sources.index("alpha"))}


# ------------------------------------------------------------------------------------------------------------- resuming


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def state_of(loop):
    """All that training came to: weights and φ, optimisers, log, memory, random streams."""
    return {
        "weights": loop.weights(),
        "optimisers": {name: optimiser.state() for name, optimiser in loop.optimisers.items()},
        "steps": loop.steps,
        "memory": loop.memory,
        "random": torch.get_rng_state(),
        "generator": loop.generator.get_state(),
    }


def assert_same(a, b, where=""):
    assert type(a) is type(b), where
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_same(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{where}[{i}]")
    else:
        assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a == b, where


@pytest.mark.parametrize("variant", VARIANTS)
def test_killed_in_mid_training_resumes_to_the_same_bits(world, tmp_path, variant):
    """Killed in the midst of the second epoch (steps 6 to 10) and of the back-off's first and second (11 to 20, 21 to 30)."""
    spec = spec_of(variant, {"epochs": 2}, placement=[0, "top"], back_off_epochs=2)
    whole = state_of(fitted(spec))
    assert len(whole["steps"]) == 30 and whole["steps"][9]["phi_distance"] > 0
    for kill_at, kept in ((8, 5), (14, 10), (26, 20)):
        done, again = [], []

        def kill(loop, kill_at=kill_at, done=done):
            done.append(loop.phase.name)
            if len(done) == kill_at:
                raise Killed

        folder = tmp_path / str(kill_at)
        with pytest.raises(Killed):
            fitted(spec, kill, folder=folder)
        resumed = fitted(spec, again.append, folder=folder)
        assert len(again) == 30 - kept, "it went on from its last epoch"
        assert_same(whole, state_of(resumed))


def test_same_spec_same_bits(world):
    first, again = (state_of(fitted(spec_of(training=SHORT))) for _ in range(2))
    assert_same(first, again)
    other = fitted(spec_of(training=SHORT) | {"model_seed": 2})
    assert not same(first["weights"], other.weights())


# ------------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"placement": [3]}, "method metaxl: placement: 3: the encoder has 2 layers; expected 0 to 2, or top"),
        ({"placement": [2, "top"]}, "method metaxl: placement: 2 stands there twice"),
        ({"bottleneck": 16}, "method metaxl: bottleneck: 16 is no bottleneck, the encoder is 16 wide"),
        ({"training": {"batch_size": 41}}, r"beta: a batch takes 41 .*only 40; set training.batch_size to at most 40"),
        (
            {"training": {"batch_size": 1}},
            "method metaxl: variant released halves target batches, and training.batch_size is 1",
        ),
    ],
)
def test_what_the_config_could_not_see_is_refused_before_the_first_step(world, monkeypatch, change, message):
    monkeypatch.setattr(metaxl, "released_step", None)
    spec = spec_of(**change)
    with pytest.raises(UserError, match=message):
        train_run("wrong", spec, 1, False, time.monotonic())
    assert not paths.history("wrong").exists()


def test_a_target_with_no_training_data_is_named(own_world):
    path = paths.split(tiny.DATASET, "beta", "train")
    table = read_parquet(path)
    write_parquet(path, table.slice(0, 0), {"metalingua": table.schema.metadata[b"metalingua"].decode()})
    with pytest.raises(UserError, match=r"beta/train\.parquet: holds no rows"):
        train_run("wrong", spec_of(), 1, False, time.monotonic())
    path.unlink()
    with pytest.raises(UserError, match=r"beta/train\.parquet: no such file"):
        train_run("wrong", spec_of(), 1, False, time.monotonic())


def test_an_encoder_with_another_attention_is_refused(world):
    loop, phases = loop_of(spec_of())
    loop.model.encoder.config._attn_implementation = "flex_attention"
    with pytest.raises(UserError, match="method metaxl: attention 'flex_attention' cannot be differentiated twice"):
        loop.fit(phases)


# ------------------------------------------------------------------------------------------------------------- joint_rtn


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"residual": True},
        {"placement": [0, "top"]},
        {"gate": True, "detach": True, "residual": True, "per_source": True},
    ],
    ids=str,
)
def test_joint_rtn_trains_phi_by_ordinary_gradients(world, monkeypatch, options):
    """One step: φ's gradient is that of ½ (L_s(θ, φ) + L_t(θ)), of which the second knows nothing of φ."""
    loop, phases = loop_of(tiny.spec("joint_rtn", method=options, training=SHORT))
    streams, _ = loop.prepare(phases[0])
    start, drawn, found = phi(loop), {}, []

    def draw(name):
        drawn[name] = streams.draw(name)
        return drawn[name]

    optimise = loop.optimisers["model"].step
    parameters = list(loop.modules["rtn"].parameters())
    monkeypatch.setattr(
        loop.optimisers["model"],
        "step",
        lambda check: found.extend(p.grad.clone() for p in parameters) or optimise(check),
    )
    loop.set_training(False)
    given = [p.detach().clone().requires_grad_() for p in parameters]
    theta = [p.detach().clone() for p in loop.model.parameters()]
    log = loop.ingredients.method.step(loop, draw)
    names, of_phi = ([n for n, _ in m.named_parameters()] for m in (loop.model, loop.modules["rtn"]))
    values = {f"model.{n}": t for n, t in zip(names, theta, strict=True)}
    values |= {f"transformation.{n}": t for n, t in zip(of_phi, given, strict=True)}
    path = SourcePath(loop.model, loop.modules["rtn"])
    on_source = ner.loss(functional_call(path, values, (drawn["source"],)), drawn["source"])
    on_target = ner.loss(
        functional_call(loop.model, dict(zip(names, theta, strict=True)), (drawn["target"],)), drawn["target"]
    )
    assert error(found, torch.autograd.grad(on_source / 2, given)) < 1e-5
    assert float(log["loss"]) == pytest.approx((on_source.item() + on_target.item()) / 2, rel=1e-5)
    loop.ingredients.method.step(loop, streams.draw)  # the first step's rate is 0
    loop.ingredients.method.step(loop, streams.draw)
    assert not any(torch.equal(t, phi(loop)[k]) for k, t in start.items())


@pytest.mark.parametrize(
    ("options", "training"),
    [
        ({"loss": "sum", "meta_lr": 1e-2}, {"optimizer": "adam", "weight_decay": 0.05, "clip_norm": None}),
        (
            {"loss": "sum", "meta_lr": 1e-2, "gate": True, "meta_weight_decay": 0.1},
            {"optimizer": "adam", "weight_decay": 0.05, "clip_norm": 0.05},
        ),
        (
            {"loss": "mean", "meta_lr": 0.5, "meta_optimizer": "sgd", "meta_weight_decay": 0.0},
            {"optimizer": "sgd", "weight_decay": 0.05, "clip_norm": 0.05},
        ),
        ({"loss": "sum"}, {"optimizer": "adam", "weight_decay": 0.05, "clip_norm": 0.05}),
    ],
    ids=str,
)
def test_joint_rtn_steps_as_by_hand(world, double, options, training):
    """Three steps of 15, the first of rate 0; θ clipped, φ only where it is of θ's optimiser, with its penalty and rate."""
    spec = tiny.spec(
        "joint_rtn", method={"meta_optimizer": "adam", "meta_weight_decay": 5e-4, **options}, training=training
    )
    loop, streams = in_double(spec, dropout=False)
    model, rtn = copy.deepcopy(loop.model), copy.deepcopy(loop.modules["rtn"])
    theta, phi_ = list(model.parameters()), list(rtn.parameters())
    apart = "meta_lr" in options
    kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
    clipped = theta if apart else [*theta, *phi_]
    found = [kinds[training["optimizer"]](clipped, lr=5e-3, weight_decay=training["weight_decay"])]
    if apart:
        own = spec["method"]
        found.append(kinds[own["meta_optimizer"]](phi_, lr=own["meta_lr"], weight_decay=own["meta_weight_decay"]))
    peaks, drawn = [optimiser.param_groups[0]["lr"] for optimiser in found], {}
    for factor in (0.0, 1.0, 13 / 14):
        log = loop.ingredients.method.step(loop, lambda name: drawn.setdefault(name, streams.draw(name)))
        on_source = ner.loss(SourcePath(model, rtn)(drawn["source"]), drawn["source"])
        loss = on_source + ner.loss(model(drawn["target"]), drawn["target"])
        loss = loss if options["loss"] == "sum" else loss / 2
        drawn.clear()
        loss.backward()
        if training["clip_norm"]:
            torch.nn.utils.clip_grad_norm_(clipped, training["clip_norm"])
        for optimiser, peak in zip(found, peaks, strict=True):
            optimiser.param_groups[0]["lr"] = peak * factor
            optimiser.step()
            optimiser.zero_grad()
        assert float(log["loss"]) == pytest.approx(loss.item(), rel=1e-9)
    assert error(list(loop.model.parameters()), theta) < 1e-8
    assert error(list(loop.modules["rtn"].parameters()), phi_) < 1e-8


def test_joint_rtn_with_an_optimiser_of_its_own_resumes_and_names_what_it_needs(world, tmp_path):
    spec = tiny.spec("joint_rtn", method={"meta_lr": 1e-3, "meta_optimizer": "adam", "meta_weight_decay": 5e-4})
    assert_resumes(spec, tmp_path, 2)
    with pytest.raises(UserError, match="method joint_rtn: 'meta_optimizer' and 'meta_weight_decay' are needed"):
        loop_of(tiny.spec("joint_rtn", method={"meta_lr": 1e-3}))


def test_joint_rtn_saves_no_network_and_names_itself_in_errors(world):
    spec = tiny.spec("joint_rtn", training=SHORT)
    train_run("run", spec, 1, True, time.monotonic())
    assert all(key.startswith("model.") for key in load_file(paths.run_model("run")))
    with pytest.raises(UserError, match="method joint_rtn: placement: 9: the encoder has 2 layers"):
        train_run("wrong", tiny.spec("joint_rtn", method={"placement": [9]}), 1, False, time.monotonic())


def assert_resumes(spec, folder, kill):
    """A run that is killed after so many epochs of all phases, before they are saved, resumes to the bits of a whole one.

    So does one that is asked to end at one step or another.
    """
    whole, phases = loop_of(spec, folder / "whole")
    whole.fit(phases)
    loop, phases = loop_of(spec, folder / "killed")
    ended = []

    def report(records):
        ended.append(len(records))
        if len(ended) == kill:
            raise Killed

    loop.report = report
    with pytest.raises(Killed):
        loop.fit(phases)
    resumed, phases = loop_of(spec, folder / "killed")
    resumed.fit(phases)
    assert_same(state_of(resumed), state_of(whole))
    pieced, attempts = fit_in_pieces(lambda: loop_of(spec, folder / "pieces"), 3)
    assert attempts > 3
    assert_same(state_of(pieced), state_of(whole))
    assert pieced.steps == whole.steps
