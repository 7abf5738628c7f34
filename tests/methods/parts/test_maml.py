"""X-MAML and XLA-MAML: their gradient against nested autograd, the step they make of it, phases, ways, memory, languages."""

import dataclasses

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipeline.common.errors import UserError
from pipeline.meta.bilevel import maml_gradient
from pipeline.meta.updates import Rule
from pipeline.methods.contract import OptimizerSettings, Pool, Setting
from pipeline.methods.parts import maml
from pipeline.methods.parts.episodes import draw_episode
from pipeline.methods.parts.freezing import freeze
from pipeline.methods.parts.maml import Options, meta_gradient, way_of
from pipeline.training import retries
from tests import tiny
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
METHODS = ["x_maml", "xla_maml"]


def options_of(**changes):
    given = Options("zero_shot", None, None, False, "dev", "covering", False, 0.1, 1, False, 500, None, "one", "auto")
    return dataclasses.replace(given, **changes)


def episode(spec, **how):
    """A prepared loop in float64 and one episode's support and query."""
    loop, streams = prepared(spec, dtype=torch.float64, **how)
    return loop, *draw_episode(loop, streams.draw, 0)


def loss_in_parts(loop, support, given, parts):
    """L_S as the sum over parts of the support, each with its share of the labelled sub-tokens."""
    if parts == 1:
        return loss_at(loop, support, given)
    rows = torch.arange(len(support["row"])).tensor_split(min(parts, len(support["row"])))
    whole, total = (support["labels"] != -100).sum(), 0.0
    for chosen in rows:
        part = {key: value[chosen] for key, value in support.items()}
        total = total + (part["labels"] != -100).sum() / whole * loss_at(loop, part, given)
    return total


def adapted(loop, theta, support, rate, steps, create_graph, parts=1):
    """θ′ by plain SGD: θ ← θ − α ∇L_S(θ), every operation on the tape where asked."""
    names = names_of(loop)
    for _ in range(steps):
        with sdpa_kernel(SDPBackend.MATH):
            loss = loss_in_parts(loop, support, dict(zip(names, theta, strict=True)), parts)
            slopes = torch.autograd.grad(loss, theta, create_graph=create_graph, materialize_grads=True)
        theta = [p - rate * g for p, g in zip(theta, slopes, strict=True)]
    return theta


def nested(loop, support, query, rate, steps, parts=1):
    """L_Q(θ′) and its derivative by θ, by differentiating through the inner steps."""
    theta = [p.detach().clone().requires_grad_() for p in loop.parameters()]
    end = adapted(loop, theta, support, rate, steps, create_graph=True, parts=parts)
    with sdpa_kernel(SDPBackend.MATH):
        loss = loss_at(loop, query, dict(zip(names_of(loop), end, strict=True)))
        return loss.detach(), torch.autograd.grad(loss, theta, materialize_grads=True)


# --------------------------------------------------------------------------------------------------------- the gradient


@pytest.mark.parametrize("frozen", [None, 1], ids=["all of θ", "bottom frozen"])
@pytest.mark.parametrize("way", ["fast", "lean"])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_gradient_is_the_derivative_through_the_inner_steps(languages, double, steps, way, frozen):
    """With dropout, whose masks differ from step to step and are the same for the gradient and its derivative.

    The lean way takes the support in four parts, or in as many as it has sentences.
    """
    parts = 4 if way == "lean" else 1
    change = (lambda loop: freeze(loop, frozen)) if frozen else (lambda loop: None)
    loop, support, query = episode(spec_of("x_maml"), change=change)
    assert any(not p.requires_grad for p in loop.model.parameters()) == bool(frozen)
    random = torch.get_rng_state()
    found, log = meta_gradient(loop, support, query, options_of(inner_lr=0.3, inner_steps=steps), way)
    after = torch.get_rng_state()
    torch.set_rng_state(random)
    value, expected = nested(loop, support, query, 0.3, steps, parts)
    assert error(found, expected) < EXACT
    assert float(log["loss"]) == pytest.approx(float(value), rel=1e-12)
    assert torch.equal(after, torch.get_rng_state()), "no draw more, no draw less"
    torch.set_rng_state(random)
    assert float(log["support_loss"]) == pytest.approx(
        float(loss_in_parts(loop, support, {}, parts).detach()), rel=1e-12
    )
    torch.set_rng_state(random)
    _, unadapted = nested(loop, support, query, 0.0, steps, parts)
    assert error(expected, unadapted) > 1e-2, "the inner steps matter"


@pytest.mark.parametrize("way", ["fast", "lean"])
def test_gradient_of_adapters_is_the_derivative_through_the_inner_steps(languages, double, way):
    def train_a_while(loop):
        for name, parameter in loop.model.named_parameters():
            if "lora_B" in name:  # at zero A would have no gradient
                torch.nn.init.normal_(parameter)

    loop, support, query = episode(spec_of("x_maml", {"lora": tiny.LORA}), change=train_a_while)
    random = torch.get_rng_state()
    found, _ = meta_gradient(loop, support, query, options_of(inner_lr=0.3, inner_steps=2), way)
    torch.set_rng_state(random)
    _, expected = nested(loop, support, query, 0.3, 2, 4 if way == "lean" else 1)
    assert error(found, expected) < EXACT
    assert all(tensor.any() for tensor in expected)
    torch.set_rng_state(random)
    assert error(expected, nested(loop, support, query, 0.0, 2)[1]) > 1e-2, "the inner steps matter"


def test_the_support_in_parts_gives_the_gradient_of_the_whole(languages, double, monkeypatch):
    """Without dropout, as masks are drawn part by part; parts of six and unequal sentences, and more parts than there are."""
    loop, support, query = episode(spec_of("x_maml", {"batch_size": 6}), dropout=False)
    assert len({int(n) for n in (support["labels"] != -100).sum(1)}) > 1, "the parts' shares differ"
    _, expected = nested(loop, support, query, 0.3, 2)
    for parts in (1, 2, 3, 9):
        monkeypatch.setattr(maml, "PARTS", parts)
        found, _ = meta_gradient(loop, support, query, options_of(inner_lr=0.3, inner_steps=2), "lean")
        assert error(found, expected) < EXACT


@pytest.mark.parametrize("way", ["fast", "lean"])
def test_a_gradient_leaves_everything_as_it_was(languages, way):
    loop, streams = prepared(spec_of("xla_maml"))
    before = theta_of(loop)
    meta_gradient(loop, *draw_episode(loop, streams.draw, 0), options_of(inner_steps=2), way)
    assert all(torch.equal(tensor, before[name]) for name, tensor in theta_of(loop).items())
    assert all(p.grad is None for p in loop.model.parameters())


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_first_order_is_the_querys_gradient_where_the_inner_steps_end(languages, double, steps):
    loop, support, query = episode(spec_of("xla_maml"))
    options = options_of(inner_lr=0.3, inner_steps=steps, first_order=True)
    random = torch.get_rng_state()
    found, log = meta_gradient(loop, support, query, options, "fast")
    torch.set_rng_state(random)
    theta = [p.detach().clone().requires_grad_() for p in loop.parameters()]
    end = [p.detach().requires_grad_() for p in adapted(loop, theta, support, 0.3, steps, create_graph=False)]
    loss = loss_at(loop, query, dict(zip(names_of(loop), end, strict=True)))
    assert error(found, torch.autograd.grad(loss, end, materialize_grads=True)) < EXACT
    assert float(log["loss"]) == pytest.approx(loss.item(), rel=1e-12)
    torch.set_rng_state(random)
    assert error(found, nested(loop, support, query, 0.3, steps)[1]) > 1e-3, "the second order is left out"


# ------------------------------------------------------------------------------------------------------ an analytic case

RATE = 0.2
CURVED = [
    (torch.tensor(matrix, dtype=torch.double), torch.tensor(centre, dtype=torch.double))
    for matrix, centre in (
        ([[2.0, 0.5, 0.0], [0.5, 1.0, 0.2], [0.0, 0.2, 3.0]], [1.0, -2.0, 0.5]),
        ([[1.0, -0.3, 0.1], [-0.3, 2.5, 0.0], [0.1, 0.0, 0.7]], [-1.0, 1.0, 3.0]),
        ([[3.0, 0.0, 0.4], [0.0, 0.8, -0.1], [0.4, -0.1, 1.5]], [0.0, 4.0, -1.0]),
    )
]


def descend(steps, first_order):
    """Minimise Σ L_i(θ after inner steps on L_i), L_i = ½ (θ − c)ᵀ A (θ − c), by plain descent along `maml_gradient`."""
    theta = torch.zeros(3, dtype=torch.double)
    for _ in range(150):
        total = torch.zeros_like(theta)
        for matrix, centre in CURVED:

            def loss(given, phi=(), matrix=matrix, centre=centre):
                away = given[0] - centre
                return 0.5 * away @ matrix @ away

            total += maml_gradient([loss] * steps, loss, (theta,), Rule(RATE), first_order=first_order)[1][0]
        theta = theta - 0.3 * total
    return theta


@pytest.mark.parametrize("first_order", [False, True])
@pytest.mark.parametrize("steps", [1, 2])
def test_on_quadratic_tasks_the_fixed_point_is_the_analytic_one(steps, first_order):
    """θ′ − c = P (θ − c) with P = (I − αA)ᵏ, so the gradient is PᵀAP (θ − c), to first order AP (θ − c); Σ of it is zero at

    θ* = (Σ M)⁻¹ Σ M c,  M = PAP or AP (A and P commute).
    """
    left, right = torch.zeros(3, 3, dtype=torch.double), torch.zeros(3, dtype=torch.double)
    for matrix, centre in CURVED:
        shrunk = torch.linalg.matrix_power(torch.eye(3, dtype=torch.double) - RATE * matrix, steps)
        weight = matrix @ shrunk if first_order else shrunk.T @ matrix @ shrunk
        left, right = left + weight, right + weight @ centre
    best = torch.linalg.solve(left, right)
    assert torch.allclose(descend(steps, first_order), best, atol=1e-9, rtol=0)
    joint = torch.linalg.solve(sum(m for m, _ in CURVED), sum(m @ c for m, c in CURVED))
    assert (best - joint).norm() > 0.1, "not where all tasks together are best"


# --------------------------------------------------------------------------------------------------------------- the step

TRAININGS = {
    "adamw": {"optimizer": "adamw", "weight_decay": 0.1, "clip_norm": None, "warmup": 0.0, "schedule": "linear"},
    "adamw, clipped": {
        "optimizer": "adamw",
        "weight_decay": 0.1,
        "clip_norm": 0.05,
        "warmup": 0.0,
        "schedule": "constant",
    },
    "adam with l2": {"optimizer": "adam", "weight_decay": 0.01, "clip_norm": None, "warmup": 0.2, "schedule": "linear"},
    "sgd with l2": {"optimizer": "sgd", "weight_decay": 0.1, "clip_norm": None, "warmup": 0.0, "schedule": "constant"},
}


def rate_at(step, training, total=10):
    """The scheduled learning rate, 5e-3 at its peak."""
    warmup = int(training["warmup"] * total)
    if step < warmup:
        return 5e-3 * step / warmup
    return 5e-3 if training["schedule"] == "constant" else 5e-3 * (total - step) / (total - warmup)


@pytest.mark.parametrize("training", TRAININGS)
@pytest.mark.parametrize("kind", METHODS)
def test_a_step_is_torchs_own_with_the_exact_gradient(languages, double, kind, training):
    """Four steps of ten: θ of the loop beside θ that torch.optim moves along the nested derivative of the same episodes."""
    settings = TRAININGS[training]
    spec = spec_of(kind, settings, auxiliary=["gamma"], iterations=10, inner_lr=0.2)
    loop, streams = prepared(spec, dropout=False, dtype=torch.float64)
    ours, _ = prepared(spec, dropout=False, dtype=torch.float64)
    theta = ours.parameters()
    kinds = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam, "sgd": torch.optim.SGD}
    decays = [settings["weight_decay"] * (p.ndim > 1 or settings["optimizer"] != "adamw") for p in theta]
    groups = [{"params": [p], "weight_decay": decay} for p, decay in zip(theta, decays, strict=True)]
    optimiser = kinds[settings["optimizer"]](groups, lr=1.0)
    draw, drawn = record_draws(streams)
    for step in range(4):
        state = loop.generator.get_state()
        drawn.clear()
        steps_of(loop, draw, 1)
        loop.generator.set_state(state)
        support, query = draw_episode(loop, iter_of(drawn), 0)
        _, gradient = nested(ours, support, query, 0.2, 1)
        for parameter, slope in zip(theta, gradient, strict=True):
            parameter.grad = slope
        if settings["clip_norm"]:
            assert torch.nn.utils.clip_grad_norm_(theta, settings["clip_norm"]) > settings["clip_norm"]
        for group in optimiser.param_groups:
            group["lr"] = rate_at(step, settings)
        optimiser.step()
    moved = [a.detach() - b for a, b in zip(theta, prepared(spec, dtype=torch.float64)[0].parameters(), strict=True)]
    assert float(torch.nn.utils.get_total_norm(moved)) > 1e-3
    assert error([p.detach() for p in loop.parameters()], [p.detach() for p in theta]) < EXACT


@pytest.mark.parametrize("kind", METHODS)
def test_a_meta_step_sums_the_gradients_of_an_episode_of_every_kind(languages, double, kind):
    """Three steps of Adam: θ of the loop beside θ that torch.optim moves along Σ of the nested derivatives, kind by kind."""
    settings = {"optimizer": "adam", "weight_decay": 0.0, "clip_norm": None, "warmup": 0.0, "schedule": "constant"}
    auxiliary = ["beta", "gamma", "delta"]
    spec = spec_of(kind, settings, auxiliary=auxiliary, iterations=5, inner_lr=0.2, meta_batch="all")
    loop, streams = prepared(spec, dropout=False, dtype=torch.float64)
    ours, _ = prepared(spec, dropout=False, dtype=torch.float64)
    kinds = 3 if kind == "x_maml" else 6
    assert loop.total_steps == 5
    optimiser = torch.optim.Adam(ours.parameters(), lr=5e-3)
    draw, drawn = record_draws(streams)
    for _ in range(3):
        state = loop.generator.get_state()
        drawn.clear()
        (log,) = steps_of(loop, draw, 1)
        every = (
            [f"both{n}" for n in range(3)]
            if kind == "x_maml"
            else [f"{s}{n}" for n in range(6) for s in ("query", "support")]
        )
        assert [name for name, _ in drawn] == every, "an episode of every kind in each step"
        loop.generator.set_state(state)
        again = iter_of(drawn)
        found = [nested(ours, *draw_episode(loop, again, number), 0.2, 1) for number in range(kinds)]
        assert float(log["loss"]) == pytest.approx(float(sum(value for value, _ in found)) / kinds, rel=1e-9)
        for parameter, *slopes in zip(ours.parameters(), *(gradient for _, gradient in found), strict=True):
            parameter.grad = sum(slopes)
        optimiser.step()
    assert error([p.detach() for p in loop.parameters()], [p.detach() for p in ours.parameters()]) < EXACT
    start = prepared(spec, dtype=torch.float64)[0].parameters()
    assert error([p.detach() for p in start], [p.detach() for p in ours.parameters()]) > 1e-3


def test_the_sum_is_applied_and_not_the_mean(languages, double, monkeypatch):
    """What reaches the optimiser is Σ, which clipping and L2 see; with one kind it is that kind's gradient in both."""
    spec = spec_of("x_maml", inner_lr=0.2)
    loop, streams = prepared(spec, dropout=False, dtype=torch.float64)
    applied, state = Applied(loop, monkeypatch), loop.generator.get_state()
    draw, drawn = record_draws(streams)
    theta = theta_of(loop)
    steps_of(loop, draw, 1)
    loop.generator.set_state(state)
    loop.model.load_state_dict(theta)
    again = iter_of(drawn)
    found = [nested(loop, *draw_episode(loop, again, number), 0.2, 1)[1] for number in range(2)]
    assert error(applied.model, [a + b for a, b in zip(*found, strict=True)]) < EXACT


@pytest.mark.parametrize("kind", METHODS)
def test_with_one_kind_of_episode_both_are_one_training(languages, kind):
    runs = [
        fitted(spec_of(kind, auxiliary=["gamma"], iterations=2, inner_lr=0.1, meta_batch=choice))
        for choice in ("one", "all", None)
    ]
    assert all(
        torch.equal(a, b) for other in runs[1:] for a, b in zip(runs[0].parameters(), other.parameters(), strict=True)
    )


def iter_of(drawn):
    """A draw that gives the recorded batches once more."""
    left = list(drawn)

    def draw(name):
        known, batch = left.pop(0)
        assert known == name
        return batch

    return draw


@pytest.mark.parametrize("kind", METHODS)
def test_training_moves_every_part_of_theta(languages, kind):
    starts = []
    loop = fitted(spec_of(kind, iterations=3, inner_lr=0.1), lambda loop: starts.append(theta_of(loop)))
    assert len(loop.steps) == (3 if kind == "x_maml" else 6), "three, or three for each of two auxiliaries"
    unmoved = {name for name, tensor in theta_of(loop).items() if torch.equal(tensor, starts[0][name])}
    assert not unmoved
    assert all(value > 0 for name in ("loss", "support_loss") for value in column(loop, name))


def test_second_order_differs_from_first_order(languages):
    loops = [fitted(spec_of("xla_maml", iterations=2, inner_lr=0.3, first_order=first)) for first in (False, True)]
    assert column(loops[0], "loss")[0] == column(loops[1], "loss")[0], "the same first episode"
    assert column(loops[0], "gradient_norm")[0] != pytest.approx(column(loops[1], "gradient_norm")[0], rel=1e-4)


def test_both_ways_give_one_training(languages, monkeypatch):
    monkeypatch.setattr(maml, "PARTS", 1)  # so that dropout masks are the same
    plain = {"optimizer": "sgd", "learning_rate": 0.3, "warmup": 0.0, "weight_decay": 0.0}
    loops = [
        fitted(spec_of("xla_maml", plain, iterations=2, inner_lr=0.2, inner_steps=2, way=way))
        for way in ("fast", "lean")
    ]
    for name, tensor in loops[0].weights().items():
        assert torch.allclose(tensor, loops[1].weights()[name], atol=1e-5, rtol=1e-4), name
    assert column(loops[0], "loss") == pytest.approx(column(loops[1], "loss"), rel=1e-4)


# ------------------------------------------------------------------------------------------------------------------- ways


def test_the_way_is_fast_for_one_step_and_lean_for_more(languages):
    loop, _ = prepared(spec_of("xla_maml"))
    assert [way_of(loop, options_of(inner_steps=k)) for k in (1, 2, 3)] == ["fast", "lean", "lean"]
    assert (
        way_of(loop, options_of(inner_steps=2, way="fast")) == "fast" and way_of(loop, options_of(way="lean")) == "lean"
    )


def fails_if_fast(monkeypatch):
    """Make the fast way run out of memory; the list returned gets the way of each attempt."""
    real, tried = maml.meta_gradient, []

    def attempt(trainer, support, query, options, way):
        tried.append(way)
        if way == "fast":
            trainer.loss(query, whole=True)
            raise torch.OutOfMemoryError("no room")
        return real(trainer, support, query, options, way)

    monkeypatch.setattr(maml, "meta_gradient", attempt)
    return tried


@pytest.mark.parametrize("way", ["auto", "fast"])
def test_a_fast_way_that_does_not_fit_is_tried_once(languages, monkeypatch, capsys, way):
    """From then on batches go the lean way, in parts."""
    monkeypatch.setattr(retries, "can_fail", lambda device, precision: True)
    tried = fails_if_fast(monkeypatch)
    loop = fitted(spec_of("xla_maml", iterations=2, inner_lr=0.1, way=way))
    assert tried == ["fast", "lean", "lean", "lean", "lean"]
    assert len(loop.steps) == 4 and loop.micro_batch == 2
    assert (
        capsys.readouterr().err.count("a step with 4 examples at a time does not fit the GPU's memory; going on with 2")
        == 1
    )


# ---------------------------------------------------------------------------------------------------- phases and languages

SETTING = Setting(("en",), ("qu",), 1000, 100, 50, 8, 5, "last", auxiliary=("hi", "sw"), auxiliary_size=30)
FINE_TUNE = {
    **{"optimizer": "sgd", "learning_rate": 2e-3, "weight_decay": 0.1, "batch_size": 5, "epochs": 1},
    **{"warmup": 0.5, "schedule": "linear", "clip_norm": 0.25},
}


@pytest.mark.parametrize(
    ("kind", "auxiliary", "options", "expected"),
    [
        ("x_maml", ("hi", "sw"), {}, (100, 5)),
        ("x_maml", ("hi",), {}, (100, 5)),
        ("x_maml", ("hi", "sw"), {"meta_batch": "one"}, (100, 10)),
        ("x_maml", ("hi", "sw", "ur"), {"iterations": 100, "meta_batch": "one"}, (100, 3)),
        ("xla_maml", ("hi", "sw"), {"meta_batch": "all"}, (100, 5)),
        ("xla_maml", ("hi",), {"meta_batch": "all"}, (100, 5)),
        ("xla_maml", ("hi", "sw", "ur"), {"iterations": 50, "meta_batch": "all"}, (50, 1)),
        ("xla_maml", ("hi",), {}, (100, 5)),
        ("xla_maml", ("hi", "sw"), {}, (100, 10)),
        ("xla_maml", ("hi", "sw", "ur"), {"iterations": 50}, (75, 2)),
        ("xla_maml", ("hi", "sw"), {"query": ["source"]}, (100, 5)),
    ],
)
def test_meta_iterations_are_counted_by_language_of_the_query(kind, auxiliary, options, expected):
    (phase,) = build_method(kind, options).phases(dataclasses.replace(SETTING, auxiliary=auxiliary, targets=()))
    assert (phase.name, phase.epoch, phase.epochs, phase.select_on) == ("meta", *expected, ())
    assert phase.optimizer is None


@pytest.mark.parametrize("meta_batch", ["one", "all"])
def test_a_side_of_several_languages_is_one_kind_of_episode(meta_batch):
    """Query from both auxiliaries together: their examples count for each, whatever a meta step holds."""
    options = {"support": ["source"], "query": ["auxiliary"], "meta_batch": meta_batch}
    (phase,) = build_method("xla_maml", options).phases(dataclasses.replace(SETTING, targets=()))
    assert phase.epoch * phase.epochs == 1000


def test_several_kinds_of_episodes_need_to_be_told_how_many_a_step_has():
    setting = dataclasses.replace(SETTING, targets=())
    assert (
        len(build_method("x_maml", {"meta_batch": None}).phases(dataclasses.replace(setting, auxiliary=("hi",)))) == 1
    )
    with pytest.raises(
        UserError, match="method x_maml: hyper-parameter 'meta_batch' is missing, and there are 2 kinds"
    ):
        build_method("x_maml", {"meta_batch": None}).phases(setting)


@pytest.mark.parametrize("split", ["dev", "train"])
@pytest.mark.parametrize("kind", METHODS)
def test_few_shot_ends_with_fine_tuning_on_the_target(kind, split):
    options = {"setting": "few_shot", "split": split, "fine_tune": {**FINE_TUNE, "epochs": 2}}
    target = Pool("qu", split, 50 if split == "dev" else 100)
    meta, last = build_method(kind, options).phases(SETTING)
    assert (meta.epoch, meta.epochs) == (100, 5 if kind == "x_maml" else 10)
    assert ((target,) in [s.pools for s in meta.streams.values()]) == (kind == "xla_maml")
    assert {name: stream.pools for name, stream in last.streams.items()} == {"train": (target,)}
    assert (last.epoch, last.epochs, last.select_on) == ("train", 2, ())
    assert last.streams["train"].batch_size == 5 and meta.streams.keys() != last.streams.keys()
    assert last.optimizer == OptimizerSettings(2e-3, "sgd", 0.1, "linear", 0.5, 0.25) and meta.optimizer is None
    assert len(build_method(kind, {**options, "fine_tune": None}).phases(SETTING)) == 1
    with pytest.raises(UserError, match="fine_tune: key 'clip_norm' is missing"):
        build_method(kind, {**options, "fine_tune": {k: v for k, v in FINE_TUNE.items() if k != "clip_norm"}}).phases(
            SETTING
        )


@pytest.mark.parametrize("kind", METHODS)
def test_few_shot_fine_tunes_by_plain_steps_by_settings_of_their_own(languages, kind):
    spec = spec_of(
        kind,
        {"schedule": "constant", "warmup": 0.0},
        targets=["beta"],
        setting="few_shot",
        iterations=2,
        inner_lr=0.1,
        fine_tune=FINE_TUNE,
        meta_batch="one",
    )
    rates = []

    def note(loop):
        rates.append((loop.phase.name, loop.learning_rate(), loop.settings.clip_norm))

    loop = fitted(spec, note)
    warm = [("fine_tune", 0.0, 0.25), ("fine_tune", 2e-3, 0.25), ("fine_tune", 1e-3, 0.25)]
    assert rates == [("meta", 5e-3, 1.0)] * 4 + warm, "13 dev sentences in batches of 5; a warm-up of int(3 / 2) steps"
    assert [step.get("support_loss") is None for step in loop.steps] == [False] * 4 + [True] * 3


@pytest.mark.parametrize("kind", METHODS)
def test_few_shot_ends_as_the_baseline_of_the_same_settings_trains(languages, kind):
    """From the same weights, as no meta step moves anything, the end is `few_shot`'s to the bit: batches, schedule, clipping."""
    settings = {**FINE_TUNE, "optimizer": "adamw", "epochs": 2}
    still = {"learning_rate": 0.0, "weight_decay": 0.0, "optimizer": "sgd"}
    options = {"setting": "few_shot", "iterations": 1, "fine_tune": settings}
    loop, phases = loop_of(spec_of(kind, still, targets=["beta"], **options))
    baseline = spec_of("few_shot", settings, targets=["beta"])
    plain, (phase,) = loop_of(baseline)
    assert phases[-1].streams == phase.streams and phases[-1].epochs == phase.epochs
    for each in (loop, plain):
        each.model.eval()
        each.set_training = lambda training: None  # dropout masks depend on what was drawn before
    start = theta_of(plain)
    loop.fit(phases)
    plain.fit([dataclasses.replace(phase, name="fine_tune")])  # the order of examples goes by the phase's name
    assert len(plain.steps) == 6 and all(not torch.equal(p, start[name]) for name, p in theta_of(plain).items())
    assert all(torch.equal(p, theta_of(loop)[name]) for name, p in theta_of(plain).items())
    assert [step["loss"] for step in loop.steps[-6:]] == [step["loss"] for step in plain.steps]


def test_no_label_of_a_target_is_seen_in_zero_shot(languages):
    for kind in METHODS:
        loop, streams = prepared(spec_of(kind, iterations=4, inner_lr=0.1))
        draw, drawn = record_draws(streams)
        steps_of(loop, draw, 8)
        assert set().union(*(languages_of(loop, batch) for _, batch in drawn)) == {"gamma", "delta"}
        assert not any(pool.language == "beta" for pool in loop.ingredients.pools)


def test_the_support_is_of_one_language_and_the_query_of_the_other(languages, monkeypatch):
    """What the losses are computed on, of an episode from delta to gamma."""
    loop, streams = prepared(spec_of("xla_maml", support=["delta"], query=["gamma"], inner_lr=0.1, inner_steps=2))
    real, seen = loop.loss, []

    def loss(batch, *given, **options):
        seen.append(languages_of(loop, batch))
        return real(batch, *given, **options)

    monkeypatch.setattr(loop, "loss", loss)
    applied = Applied(loop, monkeypatch)
    steps_of(loop, streams.draw, 1)
    assert seen[:9] == [{"delta"}] * 4 * 2 + [{"gamma"}], "four parts in each of two inner steps"
    assert seen.count({"gamma"}) == 1, "the query's loss is no inner loss"
    assert len(applied.model) == len(loop.parameters())


@pytest.mark.parametrize("kind", METHODS)
@pytest.mark.parametrize("rate", [0.0, -1e-3])
def test_inner_steps_have_a_length(kind, rate):
    with pytest.raises(UserError, match=f"method {kind}: inner_lr is {rate}; expected more than 0"):
        build_method(kind, {"inner_lr": rate})
