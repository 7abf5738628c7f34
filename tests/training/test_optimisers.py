"""Schedules against transformers, decay groups, clipping."""

import pytest
import torch
from torch import nn
from transformers import get_constant_schedule_with_warmup, get_linear_schedule_with_warmup

from pipeline.methods.contract import OptimizerSettings
from pipeline.training.optimisers import ScheduledOptimiser, decay_groups, scale


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.35])
@pytest.mark.parametrize("kind", ["linear", "constant"])
def test_schedule_is_that_of_transformers(kind, warmup):
    total, parameter = 40, nn.Parameter(torch.zeros(1))
    reference = torch.optim.SGD([parameter], lr=1.0)
    steps = int(warmup * total)
    if kind == "linear":
        schedule = get_linear_schedule_with_warmup(reference, steps, total)
    else:
        schedule = get_constant_schedule_with_warmup(reference, steps)
    settings = OptimizerSettings(1.0, schedule=kind, warmup=warmup)
    for step in range(total):
        assert scale(step, total, settings) == pytest.approx(schedule.get_last_lr()[0])
        reference.step()
        schedule.step()


def test_adamw_leaves_biases_and_norms_undecayed_and_adam_decays_everything():
    model = nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2))
    decayed, plain = decay_groups(model.named_parameters(), 0.1, decoupled=True)
    assert [tuple(p.shape) for p in decayed["params"]] == [(2, 3)] and decayed["weight_decay"] == 0.1
    assert len(plain["params"]) == 3 and plain["weight_decay"] == 0.0
    (everything,) = decay_groups(model.named_parameters(), 0.1, decoupled=False)
    assert len(everything["params"]) == 4 and everything["weight_decay"] == 0.1
    model[0].weight.requires_grad_(False)
    assert [len(g["params"]) for g in decay_groups(model.named_parameters(), 0.1, decoupled=True)] == [3]


def test_clipping_scales_to_the_limit_and_reports_the_norm_before():
    parameter = nn.Parameter(torch.zeros(2))
    settings = OptimizerSettings(1.0, "sgd", schedule="constant", clip_norm=1.0)
    optimiser = ScheduledOptimiser([("p", parameter)], settings, 10)
    optimiser.apply([torch.tensor([3.0, 4.0])])  # norm 5 -> (0.6, 0.8)
    assert torch.allclose(parameter.detach(), torch.tensor([-0.6, -0.8]), atol=1e-5)
    assert optimiser.gradient_norm == 5.0
    assert parameter.grad is None


def test_coupled_decay_is_added_to_the_gradient():
    parameter = nn.Parameter(torch.tensor([2.0]))
    settings = OptimizerSettings(0.1, "sgd", weight_decay=0.5, schedule="constant")
    ScheduledOptimiser([("p", parameter)], settings, 10).apply([torch.tensor([1.0])])
    assert parameter.item() == pytest.approx(2.0 - 0.1 * (1.0 + 0.5 * 2.0))


@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_a_restarted_optimiser_steps_like_a_fresh_one_at_the_schedules_rate(kind):
    """Adam's first step has length α whatever the gradient; in ten steps of linear decay the fourth has 0.7 α."""
    settings = OptimizerSettings(0.1, kind, schedule="linear")
    parameter = nn.Parameter(torch.tensor([2.0, -3.0]))
    optimiser = ScheduledOptimiser([("p", parameter)], settings, 10)
    for value in (1.0, -5.0, 3.0):
        optimiser.apply([torch.full((2,), value)])
    before = parameter.detach().clone()
    optimiser.restart()
    optimiser.apply([torch.tensor([0.5, -4.0])])
    expected = [0.07, -0.07] if kind == "adamw" else [0.035, -0.28]
    assert torch.allclose(before - parameter.detach(), torch.tensor(expected), atol=1e-6)
    state = ScheduledOptimiser([("p", parameter)], settings, 10)
    state.restore(optimiser.state())
    assert state.learning_rate == optimiser.learning_rate == pytest.approx(0.06)
