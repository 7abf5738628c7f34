"""Inner steps against torch.optim, and their derivatives against finite differences of the optimiser that really steps."""

import copy

import pytest
import torch
from torch import nn

from pipeline.meta.updates import Cotangent, Rule, State, fresh_state, pull_back, take_step
from pipeline.methods.contract import OptimizerSettings
from pipeline.training.optimisers import ScheduledOptimiser

SHAPES = ((3, 4), (4,), (2, 3), (5,))


def random_tensors(generator, scale=1.0):
    return tuple(scale * torch.randn(shape, dtype=torch.double, generator=generator) for shape in SHAPES)


# ------------------------------------------------------------------------------------------------- against torch.optim

OPTIMISERS = {
    "sgd": (Rule(0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
    "sgd with l2": (Rule(0.1, decay=(0.3,) * 4), lambda p: torch.optim.SGD(p, lr=0.1, weight_decay=0.3)),
    "adam": (Rule(0.1, betas=(0.9, 0.999)), lambda p: torch.optim.Adam(p, lr=0.1)),
    "adam with l2": (
        Rule(0.1, decay=(0.3,) * 4, betas=(0.8, 0.95), epsilon=1e-3),
        lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.8, 0.95), eps=1e-3, weight_decay=0.3),
    ),
    "adamw": (
        Rule(0.1, decay=(0.3,) * 4, decoupled=True, betas=(0.9, 0.999)),
        lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.3),
    ),
    "adamw, some undecayed": (
        Rule(0.1, decay=(0.3, 0.3, 0.0, 0.0), decoupled=True, betas=(0.9, 0.999)),
        lambda p: torch.optim.AdamW(
            [{"params": p[:2], "weight_decay": 0.3}, {"params": p[2:], "weight_decay": 0}], 0.1
        ),
    ),
}


@pytest.mark.parametrize("clip_norm", [None, 2.0, 1e3])
@pytest.mark.parametrize("name", OPTIMISERS)
def test_steps_are_those_of_torch_optim(name, clip_norm):
    """Norms are about 5: the limit 2 clips every step, 1000 none."""
    rule, make = OPTIMISERS[name]
    rule = Rule(**{**vars(rule), "clip_norm": clip_norm})
    generator = torch.Generator().manual_seed(0)
    theta = random_tensors(generator)
    reference = [nn.Parameter(t.clone()) for t in theta]
    optimiser, state = make(reference), fresh_state(rule, theta)
    for number in range(1, 6):
        gradient = random_tensors(generator)
        for parameter, g in zip(reference, gradient, strict=True):
            parameter.grad = g.clone()
        norm = nn.utils.clip_grad_norm_(reference, clip_norm if clip_norm is not None else float("inf"))
        optimiser.step()
        theta, step = take_step(rule, theta, gradient, state)
        state = step.state
        for ours, theirs in zip(theta, reference, strict=True):
            assert torch.allclose(ours, theirs, rtol=1e-12, atol=1e-12)
        assert (step.factor < 1) == (clip_norm == 2.0)
        if clip_norm is not None:
            assert step.norm == pytest.approx(float(norm), rel=1e-12)
        if rule.betas is None:
            assert state == State()
            continue
        assert state.steps == number
        for i, parameter in enumerate(reference):
            held = optimiser.state[parameter]
            assert torch.allclose(state.first[i], held["exp_avg"], rtol=1e-12, atol=1e-12)
            assert torch.allclose(state.second[i], held["exp_avg_sq"], rtol=1e-12, atol=1e-12)


def test_a_step_changes_and_records_nothing():
    rule = Rule(0.1, decay=(0.3,) * 4, betas=(0.9, 0.999), clip_norm=1.0)
    generator = torch.Generator().manual_seed(0)
    theta, gradient = random_tensors(generator), random_tensors(generator)
    state = State(random_tensors(generator), tuple(t.abs() for t in random_tensors(generator)), 3)
    inputs = (*theta, *gradient, *state.first, *state.second)
    before = [t.clone() for t in inputs]
    moved, step = take_step(rule, tuple(t.requires_grad_() for t in theta), gradient, state)
    assert all(torch.equal(a, b) for a, b in zip(before, inputs, strict=True))
    assert not any(t.requires_grad for t in (*moved, *step.gradient, *step.state.first))


# --------------------------------------------------------------------------- what the run's own optimiser has really done


class Shapes(nn.Module):
    """Matrices, which AdamW decays, and vectors, which it does not, in mixed order."""

    def __init__(self, tensors):
        super().__init__()
        self.all = nn.ParameterList([nn.Parameter(t.clone()) for t in tensors])


class Experiment:
    """One optimiser with a past of some steps, and the coming step as a function of θ, m, v and g."""

    def __init__(self, settings, past, seed=0):
        self.settings = settings
        generator = torch.Generator().manual_seed(seed)
        module = Shapes(random_tensors(generator))
        optimiser = self.optimiser_of(module)
        for _ in range(past):
            optimiser.apply([torch.randn(p.shape, dtype=p.dtype, generator=generator) for p in optimiser.parameters])
        self.optimiser = optimiser
        self.saved = copy.deepcopy(optimiser.state())
        self.theta = tuple(p.detach().clone() for p in optimiser.parameters)
        self.gradient = tuple(torch.randn(p.shape, dtype=p.dtype, generator=generator) for p in self.theta)
        held = [optimiser.inner.state[p] for p in optimiser.parameters] if past and settings.kind != "sgd" else []
        self.first, self.second = (tuple(h[key].clone() for h in held) for key in ("exp_avg", "exp_avg_sq"))
        self.directions = [
            tuple(torch.randn(t.shape, dtype=t.dtype, generator=generator) for t in self.theta) for _ in range(7)
        ]

    def optimiser_of(self, module):
        return ScheduledOptimiser(list(module.named_parameters()), self.settings, 10)

    def stepped(self, theta, first, second, gradient):
        """θ′, m′ and v′ that a new optimiser, put into the same state, arrives at."""
        optimiser = self.optimiser_of(Shapes(torch.zeros(s, dtype=torch.double) for s in SHAPES))
        optimiser.restore(copy.deepcopy(self.saved))
        with torch.no_grad():
            for parameter, value in zip(optimiser.parameters, theta, strict=True):
                parameter.copy_(value)
        for parameter, m, v in zip(optimiser.parameters, first, second, strict=False):
            optimiser.inner.state[parameter].update(exp_avg=m.clone(), exp_avg_sq=v.clone())
        optimiser.apply([g.clone() for g in gradient])
        after = [p.detach() for p in optimiser.parameters]
        if self.settings.kind != "sgd":
            for key in ("exp_avg", "exp_avg_sq"):
                after += [optimiser.inner.state[p][key] for p in optimiser.parameters]
        return after

    def slope(self, which, direction, cotangent, h=1e-5):
        """The derivative of ⟨cotangent, (θ′, m′, v′)⟩ along a direction of one input, by central differences."""
        sides = []
        for sign in (1, -1):
            inputs = {"theta": self.theta, "first": self.first, "second": self.second, "gradient": self.gradient}
            inputs[which] = tuple(t + sign * h * d for t, d in zip(inputs[which], direction, strict=True))
            sides.append(self.stepped(**inputs))
        return sum(float(((a - b) / (2 * h) * c).sum()) for a, b, c in zip(*sides, cotangent, strict=True))


KINDS = {
    "adamw": OptimizerSettings(0.1, "adamw", weight_decay=0.3, warmup=0.2),
    "adam with l2": OptimizerSettings(0.1, "adam", weight_decay=0.3, warmup=0.2),
    "adam": OptimizerSettings(0.1, "adam", schedule="constant"),
    "sgd with l2": OptimizerSettings(0.1, "sgd", weight_decay=0.3, schedule="constant"),
}


def dot(a, b):
    return float(sum((x * y).sum() for x, y in zip(a, b, strict=True)))


@pytest.mark.parametrize("past", [0, 1, 3])
@pytest.mark.parametrize("clip_norm", [None, 2.0, 1e3])
@pytest.mark.parametrize("kind", KINDS)
def test_a_taken_step_is_pulled_back_as_the_optimiser_made_it(kind, clip_norm, past):
    settings = OptimizerSettings(**{**vars(KINDS[kind]), "clip_norm": clip_norm})
    settings = OptimizerSettings(**{**vars(settings), "warmup": 0.0}) if not past else settings  # else a rate of zero
    experiment = Experiment(settings, past)
    adam = settings.kind != "sgd"
    optimiser, given = experiment.optimiser, tuple(g.clone() for g in experiment.gradient)
    optimiser.apply(given)
    step = optimiser.taken(experiment.theta, given)
    assert (step.factor < 1) == (clip_norm == 2.0)
    x, by_m, by_v, *along = experiment.directions
    after = Cotangent(x, by_m, by_v) if adam else Cotangent(x)
    before, by_gradient = pull_back(step, after)
    cotangent = [*x, *by_m, *by_v] if adam else x
    found = {"theta": before.theta, "gradient": by_gradient}
    if adam and past:
        found |= {"first": before.first, "second": before.second}
    for (which, derivative), direction in zip(found.items(), along, strict=False):
        if which == "second":  # keeps v positive
            direction = tuple(0.1 * v * d for v, d in zip(experiment.second, direction, strict=True))
        expected = experiment.slope(which, direction, cotangent)
        assert abs(expected) > 1e-4, "a slope of zero tests nothing"
        assert dot(derivative, direction) == pytest.approx(expected, rel=1e-6, abs=1e-8), which


def test_groups_of_adamw_keep_their_own_decay():
    """Matrices first, then vectors: the order of `parameters`, and the decay of each."""
    experiment = Experiment(KINDS["adamw"], 1)
    given = tuple(g.clone() for g in experiment.gradient)
    experiment.optimiser.apply(given)
    step = experiment.optimiser.taken(experiment.theta, given)
    assert [t.ndim for t in step.start] == [2, 2, 1, 1]
    assert step.rule.decay == (0.3, 0.3, 0.0, 0.0)
    assert step.state.steps == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_first_step_of_rate_zero_passes_nothing_to_the_gradient(kind):
    experiment = Experiment(OptimizerSettings(**{**vars(KINDS[kind]), "schedule": "linear", "warmup": 0.2}), 0)
    given = tuple(g.clone() for g in experiment.gradient)
    experiment.optimiser.apply(given)
    before, by_gradient = pull_back(experiment.optimiser.taken(experiment.theta, given), Cotangent(experiment.theta))
    assert all(torch.equal(g, torch.zeros_like(g)) for g in by_gradient)
    assert all(torch.equal(a, b) for a, b in zip(before.theta, experiment.theta, strict=True))
