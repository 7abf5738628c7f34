"""Soft layer selection: ϕ's gradient against autograd, steps at rates of their own, episodes of layer_rates, inherited rates."""

from itertools import pairwise

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import read_parquet
from pipeline.methods.contract import Pool, Setting
from pipeline.methods.parts.freezing import depth_of, freeze, layer_of
from pipeline.methods.parts.update_rates import UpdateRates, copies, layers_of, meta_update, phi_gradient, rated_step
from pipeline.training.run import train_run
from tests.meta.model import error
from tests.methods.auxiliaries import (
    languages_of,
    loss_at,
    names_of,
    prepared,
    record_draws,
    spec_of,
    steps_of,
    theta_of,
)
from tests.methods.building import build_method
from tests.methods.test_metaxl import Applied, column, fitted, loop_of

EXACT = 1e-9
RATES = ["rate_1", "rate_2", "rate_head"]


# ------------------------------------------------------------------------------------------------------------ ϕ's gradient


@pytest.mark.parametrize("size", [4, 1], ids=["one a layer", "shared"])
@pytest.mark.parametrize("steps", [1, 15])
def test_closed_form_is_the_derivative_with_the_dashed_edges_cut(size, steps):
    """θᵗ = θ⁰ − Σ σ(ϕ) ⊙ Δθ with every Δθ a constant, through a loss that mixes all of θ; one tensor is of no layer."""
    generator = torch.Generator().manual_seed(2)

    def some(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.double)

    layers = [None, 0, 0, 1, 3, 2, None]
    shapes = [(3,), (2, 3), (4,), (5,), (1, 2, 2), (3,), (2,)]
    start = [some(*shape) for shape in shapes]
    taken = [[some(*shape) for shape in shapes] for _ in range(steps)]
    mixing, phi = some(7, sum(t.numel() for t in start)), some(size).requires_grad_()
    rates = torch.sigmoid(phi).expand(4)
    theta = start
    for step in taken:
        theta = [
            p - (1.0 if layer is None else rates[layer]) * d for p, d, layer in zip(theta, step, layers, strict=True)
        ]
    ends = [t.detach().requires_grad_() for t in theta]

    def loss(given):
        return (mixing @ torch.cat([t.flatten() for t in given])).tanh().square().sum()

    (expected,) = torch.autograd.grad(loss(theta), phi)
    found = phi_gradient(ends, start, torch.autograd.grad(loss(ends), ends), layers, phi)
    assert found.shape == phi.shape and expected.abs().min() > 0
    assert error([found], [expected]) < EXACT


@pytest.mark.parametrize("shared", [False, True], ids=["one a layer", "shared"])
@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_an_update_moves_phi_by_the_derivative_through_the_real_steps(
    languages, double, monkeypatch, optimizer, shared
):
    """Three steps of layer_rates, weight decay included: each Δθ is read off, then L_test(θ⁰ − Σ σ(ϕ) Δθ) differentiated."""
    training = {"optimizer": optimizer, "weight_decay": 0.1, "warmup": 0.0}
    spec = spec_of("layer_rates", training, shared=shared, interval=3, held_out_batches=2, episode_steps=6)
    loop, streams = prepared(spec, dropout=False, dtype=torch.float64)
    applied, optimise, deltas = Applied(loop, monkeypatch), loop.optimise, []

    def read(loss, which="model"):
        before = copies(loop)
        optimise(loss, which)
        deltas.append([old - new for old, new in zip(before, copies(loop), strict=True)])

    monkeypatch.setattr(loop, "optimise", read)
    draw, drawn = record_draws(streams)
    phi = loop.modules["rates"].phi
    with torch.no_grad():
        phi.copy_(torch.tensor([0.3] if shared else [-0.7, 0.4, 1.1]))
    start = phi.detach().clone().requires_grad_()
    steps_of(loop, draw, 2)
    assert not hasattr(applied, "rates")
    (log,) = steps_of(loop, draw, 1)
    begin, layers = [t.clone() for t in first_theta(spec, loop)], layers_of(loop)
    lambdas = torch.sigmoid(start).expand(3)
    theta = []
    for i, layer in enumerate(layers):
        total = sum(delta[i] for delta in deltas)
        theta.append(begin[i] - (1.0 if layer is None else lambdas[layer]) * total)
    held_out = [batch for name, batch in drawn if name.startswith("held_out")]
    assert len(held_out) == 2
    named = dict(zip(names_of(loop), theta, strict=True))
    value = sum(loss_at(loop, batch, named) for batch in held_out) / 2
    (expected,) = torch.autograd.grad(value, start)
    assert error(applied.rates, [expected]) < EXACT
    assert float(log["meta_loss"]) == pytest.approx(value.item(), rel=1e-12)
    assert torch.allclose(phi.detach(), start.detach() - 0.05 * expected.sign(), atol=1e-6), "Adam's first step"


def first_theta(spec, loop):
    """θ as the first episode began: the same run's, prepared once more."""
    again, streams = prepared(spec, dropout=False, dtype=torch.float64)
    seen = []
    again.loss = lambda batch: seen.append(copies(again)) or torch.zeros((), requires_grad=True)
    again.optimise = lambda loss: None
    steps_of(again, streams.draw, 1)
    assert again.memory["held_out"] == loop.memory["held_out"]
    return seen[0]


def test_an_update_starts_the_count_anew_and_leaves_theta(languages):
    loop, streams = prepared(spec_of("layer_rates", {"warmup": 0.0}, interval=100, episode_steps=200))
    steps_of(loop, streams.draw, 2)
    before = copies(loop)
    assert any(not torch.equal(a, b) for a, b in zip(before, loop.memory["since"], strict=True))
    meta_update(loop, [streams.draw("held_out0")])
    for now, then, since in zip(copies(loop), before, loop.memory["since"], strict=True):
        assert torch.equal(now, then) and torch.equal(now, since)


# ---------------------------------------------------------------------------------------------------------------- the step


def test_layers_of_a_model_are_the_encoders_and_the_head(languages):
    loop, _ = loop_of(spec_of("meta_optimizer"))
    assert depth_of(loop.model) == 2
    found = {name: layer_of(loop.model, name) for name, _ in loop.model.named_parameters()}
    assert {layer for name, layer in found.items() if name.startswith("encoder.embeddings.")} == {None}
    assert {layer for name, layer in found.items() if ".layer.0." in name} == {0}
    assert {layer for name, layer in found.items() if ".layer.1." in name} == {1}
    assert {layer for name, layer in found.items() if name.startswith("head.")} == {2}
    assert layer_of(loop.model, "encoder.encoder.layer.11.output.dense.weight") == 11
    assert layer_of(loop.model, "encoder.pooler.dense.weight") is None


@pytest.mark.parametrize("frozen", [False, True])
def test_a_step_is_the_optimisers_own_times_the_layers_rate(languages, double, frozen):
    """Three steps in a row, so that Adam's means are not its own first ones; what is of no layer takes whole steps."""
    spec = spec_of("auxiliary_tune", {"weight_decay": 0.1, "warmup": 0.0})
    change = (lambda loop: freeze(loop, 0)) if frozen else (lambda loop: None)
    loop, streams = prepared(spec, dropout=False, dtype=torch.float64, change=change)
    whole, _ = prepared(spec, dropout=False, dtype=torch.float64, change=change)
    rates = torch.tensor([0.1, 0.6, 0.9])
    names = [name for name, _ in loop.model.named_parameters()]
    for _ in range(3):
        batch, before = streams.draw("train"), theta_of(loop)
        whole.model.load_state_dict(loop.model.state_dict())
        rated_step(loop, loop.loss(batch), rates)
        whole.optimise(whole.loss(batch))
        ours, theirs = theta_of(loop), theta_of(whole)
        for name in names:
            layer = layer_of(loop.model, name)
            part = 1.0 if layer is None else float(rates[layer])
            expected = before[name] + part * (theirs[name] - before[name])
            assert torch.allclose(ours[name], expected, atol=1e-15, rtol=1e-12), name
    moved = {
        name
        for name, tensor in theta_of(prepared(spec, dtype=torch.float64)[0]).items()
        if not torch.equal(tensor, ours[name])
    }
    embeddings = {name for name in names if "embeddings" in name}
    assert moved == set(names) - (embeddings if frozen else set())


def whole_rates(value):
    """Rates of exactly 1, or exactly 0, for a run to inherit."""
    return {"rates.phi": torch.full((3,), value)}


def trained_with(rates, folder=None, **options):
    """A meta_optimizer run that inherits the given ϕ."""
    spec = spec_of("meta_optimizer", {"weight_decay": 0.01}, **options)
    loop, phases = loop_of(spec, folder)
    loop.inherited = rates
    start = theta_of(loop)
    loop.fit(phases)
    return loop, start


def test_at_whole_rates_it_is_auxiliary_tune(languages):
    """Bit for bit: its control is the same training but for the rates."""
    loop, _ = trained_with(whole_rates(50.0))
    control = fitted(spec_of("auxiliary_tune", {"weight_decay": 0.01}, freeze_embeddings=True))
    assert column(loop, "rate_1")[0] == 1.0
    for name, tensor in theta_of(control).items():
        assert torch.equal(tensor, theta_of(loop)[name]), name
    assert column(loop, "loss") == column(control, "loss")


def test_at_rate_zero_a_layer_stays(languages):
    loop, start = trained_with({"rates.phi": torch.tensor([50.0, -200.0, 0.0])})
    moved = {name for name, tensor in theta_of(loop).items() if not torch.equal(tensor, start[name])}
    assert moved == {name for name in start if ".layer.0." in name or name.startswith("head.")}


# ---------------------------------------------------------------------------------------------------- episodes of layer_rates


class Watched:
    """A layer_rates run: at each step the episode's start, what was drawn, ϕ before and after."""

    def __init__(self, training=None, **options):
        self.loop, streams = prepared(spec_of("layer_rates", {"warmup": 0.0, **(training or {})}, **options))
        self.encoder = theta_of(self.loop)
        self.steps = []
        loss, loop = self.loop.loss, self.loop

        def look(batch, *given):
            if self.fresh:
                self.begin = (theta_of(loop), not loop.optimisers["model"].inner.state)
                self.fresh = False
            return loss(batch, *given)

        loop.loss = look
        draw, drawn = record_draws(streams)
        for _ in range(loop.phase.epochs * loop.phase.epoch):
            self.fresh = True
            drawn.clear()
            before = loop.modules["rates"].phi.detach().clone()
            (log,) = steps_of(loop, draw, 1)
            phi = loop.modules["rates"].phi.detach().clone()
            self.steps.append((self.begin, list(drawn), before, phi, log, loop.memory["held_out"]))


def test_every_episode_starts_from_the_encoder_with_a_fresh_head_and_optimiser(languages):
    run = Watched(episodes=6, episode_steps=4, interval=3, held_out_batches=1)
    heads = []
    for number, ((theta, fresh), *_) in enumerate(run.steps):
        assert fresh == (number % 4 == 0)
        same = all(
            torch.equal(tensor, theta[name]) for name, tensor in run.encoder.items() if not name.startswith("head.")
        )
        assert same == (number % 4 == 0)
        moved = {name for name, tensor in run.encoder.items() if not torch.equal(tensor, theta[name])}
        assert number % 4 == 0 or moved == {name for name in theta if "embeddings" not in name}
        if number % 4 == 0:
            heads.append(theta)
    weights = [theta["head.1.weight"] for theta in heads]
    assert len({tuple(w.flatten().tolist()) for w in (*weights, run.encoder["head.1.weight"])}) == 7, (
        "all are drawn anew"
    )
    spread = torch.stack(weights).std()
    assert float(spread) == pytest.approx(0.02, rel=0.15) and float(torch.stack(weights).mean().abs()) < 0.003
    assert all(torch.equal(theta["head.1.bias"], run.encoder["head.1.bias"]) for theta in heads)


def test_the_schedule_goes_on_over_episodes(languages):
    loop = fitted(spec_of("layer_rates", {"warmup": 0.0}, episodes=2, episode_steps=3, interval=3, held_out_batches=1))
    assert loop.optimisers["model"].step_number == 6 and loop.learning_rate() == 0.0, "linear decay over all six steps"


def test_the_held_out_language_is_never_trained_on(languages):
    run = Watched(episodes=12, episode_steps=3, interval=3, held_out_batches=2)
    names, seen = ("alpha", "gamma", "delta"), set()
    for number in range(0, len(run.steps), 3):
        (held_out,) = {step[5] for step in run.steps[number : number + 3]}
        seen.add(held_out)
        trained, tested = set(), set()
        for _, drawn, *_ in run.steps[number : number + 3]:
            for name, batch in drawn:
                (trained if name.startswith("train") else tested).update(languages_of(run.loop, batch))
        assert tested == {names[held_out]}
        assert trained <= set(names) - tested
    assert seen == {0, 1, 2}


def test_a_source_that_is_an_auxiliary_too_is_held_out_whole():
    setting = Setting(("en",), (), 1000, 100, 50, 8, 5, "last", auxiliary=("en", "hi"), auxiliary_size=30)
    (phase,) = build_method("layer_rates", {}).phases(setting)
    source, own, hi = Pool("en", "train", 1000, source=True), Pool("en", "dev", 30), Pool("hi", "dev", 30)
    pools = {name: set(stream.pools) for name, stream in phase.streams.items()}
    assert pools == {"train0": {hi}, "held_out0": {source, own}, "train1": {source, own}, "held_out1": {hi}}


@pytest.mark.parametrize("auxiliary", [(), ("en",)])
def test_one_language_cannot_be_held_out(auxiliary):
    setting = Setting(("en",), (), None, None, None, 8, 5, "last", auxiliary=auxiliary)
    with pytest.raises(UserError, match=r"method layer_rates: a language is held out .*; expected two or more"):
        build_method("layer_rates", {}).phases(setting)


@pytest.mark.parametrize("shared", [False, True])
def test_rates_move_every_interval_of_steps_only(languages, shared):
    run = Watched(episodes=2, episode_steps=6, interval=3, held_out_batches=2, shared=shared, meta_lr=0.1)
    for number, (_, drawn, before, phi, *_) in enumerate(run.steps, start=1):
        due = number % 3 == 0
        assert torch.equal(before, phi) != due
        assert [name[:5] for name, _ in drawn] == ["train"] + ["held_"] * (2 * due)
        assert phi.shape == ((1,) if shared else (3,))
    assert torch.allclose((run.steps[2][3] - run.steps[2][2]).abs(), torch.tensor(0.1), rtol=1e-3), "Adam at meta_lr"


def test_rates_start_near_one_half_and_by_the_seed():
    def drawn(seed, layers=2000, shared=False):
        return UpdateRates(layers, shared, torch.Generator().manual_seed(seed)).phi.detach()

    assert float(drawn(1).std()) == pytest.approx(0.01, rel=0.1) and abs(float(drawn(1).mean())) < 1e-3
    assert torch.equal(drawn(1), drawn(1)) and not torch.equal(drawn(1), drawn(2))
    assert drawn(1, shared=True).shape == (1,)
    rates = UpdateRates(5, True, torch.Generator().manual_seed(1))
    assert torch.equal(rates.rates(5), torch.sigmoid(rates.phi.detach()).repeat(5))


def test_descending_phi_lowers_the_held_out_loss():
    """L_test = ½‖θ − θ*‖², Δθ straight towards θ* in layer 0 and straight away in layer 1: rates go up and down."""
    rates = UpdateRates(2, False, torch.Generator().manual_seed(0))
    optimiser = torch.optim.Adam(rates.parameters(), 0.05)
    goal, layers = [torch.ones(3), torch.ones(3)], [0, 1]
    for _ in range(200):
        start = [torch.zeros(3), torch.zeros(3)]
        moves = [-goal[0], goal[1]]
        theta = [s - rate * d for s, d, rate in zip(start, moves, rates.rates(2), strict=True)]
        slope = [t - g for t, g in zip(theta, goal, strict=True)]
        rates.phi.grad = phi_gradient(theta, start, slope, layers, rates.phi)
        optimiser.step()
    up, down = rates.rates(2).tolist()
    assert up > 0.95 and down < 0.05


# --------------------------------------------------------------------------------------------------------- meta_optimizer


def test_inherited_rates_are_used_as_they_are(languages):
    phi = torch.tensor([-1.0, 0.5, 2.0])
    loop, start = trained_with({"rates.phi": phi.clone()})
    assert torch.equal(loop.modules["rates"].phi.detach(), phi)
    assert list(loop.optimisers) == ["model"] and not loop.memory.keys() & {"since", "meta_loss"}
    assert not any(parameter is loop.modules["rates"].phi for parameter in loop.parameters())
    for name, rate in zip(RATES, torch.sigmoid(phi).tolist(), strict=True):
        assert column(loop, name) == pytest.approx([rate] * len(loop.steps))
    moved = {name for name, tensor in theta_of(loop).items() if not torch.equal(tensor, start[name])}
    assert moved == {name for name in start if "embeddings" not in name}
    assert len(loop.steps) == 14, "two passes over 26 dev sentences in batches of 4"


@pytest.mark.parametrize("shared", [False, True])
def test_without_meta_training_rates_are_learned_beside_theta(languages, shared):
    """ϕ moves every third step, by the next batch of the training data."""
    phis = []
    spec = spec_of("meta_optimizer", {"warmup": 0.0}, meta_train=False, shared=shared, interval=3, meta_lr=0.1)
    loop = fitted(spec, lambda loop: phis.append(loop.modules["rates"].phi.detach().clone()))
    phis.append(loop.modules["rates"].phi.detach())
    assert [not torch.equal(a, b) for a, b in pairwise(phis)] == [(k + 1) % 3 == 0 for k in range(14)]
    assert (
        loop.fitted.processed > 0 and column(loop, "meta_loss")[:2] == [0.0, 0.0] and column(loop, "meta_loss")[2] > 0
    )
    rates = [column(loop, name) for name in RATES]
    assert (rates[0] == rates[1] == rates[2]) == shared
    assert rates[0][3] == pytest.approx(float(torch.sigmoid(phis[3][0])))

    prepared_loop, streams = prepared(spec)
    draw, drawn = record_draws(streams)
    steps_of(prepared_loop, draw, 3)
    assert [name for name, _ in drawn] == ["train"] * 4
    rows = [row for _, batch in drawn for row in batch["row"].tolist()]
    assert len(set(rows)) == len(rows), "the test batch is not one just trained on"


def test_rates_of_another_run_are_inherited(languages):
    """Whole runs: layer_rates keeps ϕ, the meta_optimizer takes it, the log tells both."""
    options = {"episodes": 2, "episode_steps": 4, "interval": 2, "held_out_batches": 1}
    learner = spec_of("layer_rates", **options) | {"evaluate": []}
    train_run("rates", learner, 1, True, 0.0)
    kept = load_file(paths.run_model("rates"))
    phi = kept["own.rates.phi"]
    assert phi.shape == (3,) and all(key.startswith("model.") for key in kept if key != "own.rates.phi")
    logged = read_parquet(paths.steps("rates")).to_pylist()
    assert [row["step"] for row in logged] == list(range(1, 9)) and set(RATES) <= logged[0].keys()
    assert len({row["rate_1"] for row in logged}) == 4, "after steps 2, 4 and 6; what step 8 learned is not used here"
    spec = spec_of("meta_optimizer") | {"rates": "rates"}
    train_run("child", spec, 1, True, 0.0)
    for row in read_parquet(paths.steps("child")).to_pylist():
        assert [row[name] for name in RATES] == pytest.approx(torch.sigmoid(phi).tolist())
    assert all(key.startswith("model.") for key in load_file(paths.run_model("child")))
    with pytest.raises(UserError, match=r"nobody.*no such file"):
        train_run("orphan", spec | {"rates": "nobody"}, 1, False, 0.0)


def test_rates_belong_to_layers_whatever_the_order_of_parameters(languages):
    """AdamW sorts parameters by whether they decay; each still has its own layer."""
    loop, _ = prepared(spec_of("meta_optimizer", {"optimizer": "adamw"}, meta_train=False))
    assert isinstance(loop.optimisers["model"].inner, torch.optim.AdamW)
    names = names_of(loop)
    assert names != [name for name, p in loop.model.named_parameters() if p.requires_grad]
    assert layers_of(loop) == [layer_of(loop.model, name) for name in names]


def test_a_layer_of_no_gradient_owes_nothing():
    parameters = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))]
    start = [torch.zeros(2), torch.zeros(2)]
    found = phi_gradient(parameters, start, [torch.zeros(2), torch.ones(2)], [0, 1], torch.zeros(2))
    assert found.tolist() == [0.0, 1.0], "−(1 − ½) ⟨1, 0 − 1⟩ over two numbers"
