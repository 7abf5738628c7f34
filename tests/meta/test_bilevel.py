"""Hypergradients against double autograd through an unrolled computation, written independently, in float64."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipeline.meta.bilevel import hypergradient, maml_gradient, unroll
from pipeline.meta.updates import Rule, State
from pipeline.methods.parts.rtn import Design
from tests.meta.model import Problem, error, make_batch

EXACT = 1e-9
SGD = Rule(0.3)
RULES = {
    "sgd": SGD,
    "sgd with l2": Rule(0.3, decay=(0.1,) * 100),
    "sgd clipped": Rule(0.3, clip_norm=0.1),
    "adam": Rule(1e-2, betas=(0.9, 0.999)),
    "adam with l2, clipped": Rule(1e-2, decay=(0.1,) * 100, betas=(0.9, 0.999), clip_norm=0.1),
    "adamw": Rule(1e-2, decay=(0.1,) * 100, decoupled=True, betas=(0.8, 0.9)),
    "adamw clipped": Rule(1e-2, decay=(0.1,) * 100, decoupled=True, betas=(0.9, 0.999), clip_norm=0.1),
}
DESIGNS = {
    "embeddings": Design((0,), 5),
    "middle": Design((1,), 5),
    "top": Design(("top",), 5),
    "residual": Design((1,), 5, residual=True),
    "gate": Design((1,), 5, gate=True),
    "detach and residual": Design((1,), 5, residual=True, detach=True),
    "as released": Design(("top",), 5, residual=True, gate=True, detach=True),
    "wide": Design((0,), 8, wide=True),
    "two stacked": Design((0, "top"), 5),
    "two stacked, as released": Design((0, 1), 5, residual=True, gate=True, detach=True),
    "two, losses mixed": Design((0, "top"), 5),
    "one per source": Design((1,), 5, per_source=True),
}


def problem_of(name, **model):
    design = DESIGNS[name]
    return Problem(design, mixed="mixed" in name, languages=(0, 1) if design.per_source else (), **model)


def batches(count):
    return [make_batch(seed, languages=(0, 1)) for seed in range(1, count + 1)], make_batch(99)


def warm_state(rule, theta):
    """An optimiser's state after some steps, so that no mean is zero."""
    if rule.betas is None:
        return State()
    generator = torch.Generator().manual_seed(5)
    first = tuple(0.1 * torch.randn(t.shape, dtype=t.dtype, generator=generator) for t in theta)
    second = tuple(0.1 * torch.rand(t.shape, dtype=t.dtype, generator=generator) for t in theta)
    return State(first, second, 3)


def unrolled(losses, outer, theta, phi, rule, state):
    """The outer loss as a differentiable function of θ and φ: torch.optim's formulas, every operation on the tape."""
    first, second, steps = list(state.first), list(state.second), state.steps
    decays = rule.decay or (0.0,) * len(theta)
    for loss in losses:
        with sdpa_kernel(SDPBackend.MATH):
            gradient = torch.autograd.grad(loss(theta, phi), theta, create_graph=True, materialize_grads=True)
        if rule.clip_norm is not None:
            norm = torch.sqrt(sum(g.square().sum() for g in gradient))
            assert norm > rule.clip_norm  # or the clipping is not tested
            gradient = [g * (rule.clip_norm / (norm + 1e-6)) for g in gradient]
        moved, steps = [], steps + 1
        for i, (p, g, d) in enumerate(zip(theta, gradient, decays, strict=False)):
            p, g = (p * (1 - rule.learning_rate * d), g) if rule.decoupled else (p, g + d * p)
            if rule.betas is None:
                moved.append(p - rule.learning_rate * g)
                continue
            b1, b2 = rule.betas
            first[i] = b1 * first[i] + (1 - b1) * g
            second[i] = b2 * second[i] + (1 - b2) * g**2
            root = torch.sqrt(torch.where(second[i] == 0, 1.0, second[i])) / (1 - b2**steps) ** 0.5
            root = torch.where(second[i] == 0, 0.0, root)
            moved.append(p - rule.learning_rate / (1 - b1**steps) * first[i] / (root + rule.epsilon))
        theta = moved
    return outer(theta)


def rule_for(name, theta):
    rule = RULES[name]
    return Rule(**{**vars(rule), "decay": rule.decay[: len(theta)]})


def oracle(problem, losses, outer, rule, state):
    theta = [t.clone().requires_grad_() for t in problem.theta]
    phi = [p.clone().requires_grad_() for p in problem.phi]
    value = unrolled(losses, outer, theta, phi, rule, state)
    found = torch.autograd.grad(value, [*theta, *phi], materialize_grads=True)
    return value, found[: len(theta)], found[len(theta) :]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("design", DESIGNS)
def test_hypergradient_by_phi(design, rule):
    problem = problem_of(design)
    rule = rule_for(rule, problem.theta)
    state = warm_state(rule, problem.theta)
    sources, target = batches(3)
    outer = problem.target_loss(target)
    for steps in (1, 2, 3):
        losses = [problem.source_loss(batch) for batch in sources[:steps]]
        expected_value, _, expected = oracle(problem, losses, outer, rule, state)
        assert all(torch.any(g != 0) for g in expected)  # else the comparison says nothing
        for way in ("fast", "lean"):
            value, found = hypergradient(losses, outer, problem.theta, problem.phi, rule, state, way)
            assert abs(value - expected_value) < 1e-12
            assert error(found, expected) < EXACT


@pytest.mark.parametrize("rule", RULES)
def test_maml_gradient(rule):
    problem = Problem()
    rule = rule_for(rule, problem.theta)
    state = warm_state(rule, problem.theta)
    supports, query = batches(3)
    outer = problem.target_loss(query)
    for steps in (1, 2, 3):
        losses = [on_model(problem, batch) for batch in supports[:steps]]
        expected_value, expected, _ = oracle(problem, losses, outer, rule, state)
        for way in ("fast", "lean"):
            value, found = maml_gradient(losses, outer, problem.theta, rule, state, way)
            assert abs(value - expected_value) < 1e-12
            assert error(found, expected) < EXACT


def on_model(problem, batch):
    """A support loss: of θ alone."""
    return lambda theta, phi: problem.target_loss(batch)(theta)


def test_maml_with_frozen_parts():
    problem = Problem()
    supports, query = batches(2)
    frozen, free = problem.theta[:5], problem.theta[5:]
    outer = problem.target_loss(query)
    losses = [lambda theta, phi, b=b: problem.target_loss(b)((*frozen, *theta)) for b in supports]
    leaves = [t.clone().requires_grad_() for t in free]
    value = unrolled(losses, lambda theta: outer((*frozen, *theta)), leaves, [], SGD, State())
    expected = torch.autograd.grad(value, leaves)
    for way in ("fast", "lean"):
        found = maml_gradient(losses, lambda theta: outer((*frozen, *theta)), free, SGD, way=way)[1]
        assert error(found, expected) < EXACT


def test_first_order_is_the_gradient_where_the_inner_steps_end():
    problem = Problem()
    supports, query = batches(2)
    losses, outer = [on_model(problem, batch) for batch in supports], problem.target_loss(query)
    theta = [t.clone().requires_grad_() for t in problem.theta]
    for loss in losses:
        moved = torch.autograd.grad(loss(theta, ()), theta, materialize_grads=True)
        theta = [(p - 0.3 * g).detach().requires_grad_() for p, g in zip(theta, moved, strict=True)]
    expected = torch.autograd.grad(outer(theta), theta, materialize_grads=True)
    found = maml_gradient(losses, outer, problem.theta, SGD, first_order=True)[1]
    assert error(found, expected) < EXACT
    exact = maml_gradient(losses, outer, problem.theta, SGD)[1]
    assert error(exact, expected) > 1e-3


def test_first_order_is_exact_for_phi_after_one_step_and_not_after_two():
    problem = Problem()
    sources, target = batches(2)
    losses, outer = [problem.source_loss(batch) for batch in sources], problem.target_loss(target)
    for steps, exact in ((1, True), (2, False)):
        found, expected = (
            hypergradient(losses[:steps], outer, problem.theta, problem.phi, SGD, first_order=first)[1]
            for first in (True, False)
        )
        assert (error(found, expected) < EXACT) == exact


@pytest.mark.parametrize("way", ["fast", "lean"])
def test_no_step_no_gradient(way):
    problem = Problem(DESIGNS["as released"])
    sources, target = batches(1)
    loss, outer = problem.source_loss(sources[0]), problem.target_loss(target)
    _, found = hypergradient([loss], outer, problem.theta, problem.phi, Rule(0.0), way=way)
    assert all(torch.equal(g, torch.zeros_like(g)) for g in found)


@pytest.mark.parametrize("way", ["fast", "lean"])
def test_nothing_is_changed_in_place(way):
    problem = Problem()
    before = [t.clone() for t in (*problem.theta, *problem.phi)]
    sources, target = batches(2)
    losses = [problem.source_loss(batch) for batch in sources]
    rule = rule_for("adamw clipped", problem.theta)
    hypergradient(losses, problem.target_loss(target), problem.theta, problem.phi, rule, way=way)
    assert all(torch.equal(a, b) for a, b in zip(before, (*problem.theta, *problem.phi), strict=True))


def test_finite_differences_are_what_exactness_is_for():
    """The mixed term by central differences in float32, as DARTS has it: off by far more than float32's rounding."""
    problem = Problem()
    sources, target = batches(1)
    loss, outer = problem.source_loss(sources[0]), problem.target_loss(target)
    _, exact = hypergradient([loss], outer, problem.theta, problem.phi, SGD)
    theta, phi = ([t.float() for t in part] for part in (problem.theta, problem.phi))
    problem.model.float(), problem.phi_module.float()
    done = unroll([loss], outer, theta, phi, SGD)
    epsilon = 0.01 / torch.nn.utils.get_total_norm(done.vector)
    sides = []
    for sign in (1, -1):
        there = [p.requires_grad_() for p in phi]
        moved = [t + sign * epsilon * v for t, v in zip(theta, done.vector, strict=True)]
        sides.append(torch.autograd.grad(loss(moved, there), there))
    differences = [-SGD.learning_rate * (a - b).double() / (2 * epsilon) for a, b in zip(*sides, strict=True)]
    ours = hypergradient([loss], outer, theta, phi, SGD)[1]
    assert error([g.double() for g in ours], exact) < 1e-5
    assert error(differences, exact) > 1e-4


def test_on_a_quadratic_maml_reaches_the_analytic_optimum():
    """L_S = ½ a(θ − s)², L_Q = ½ (θ − q)² for two tasks: θ′ = θ − αa(θ − s) is linear, so the best θ is a least-squares one."""
    alpha, tasks = 0.4, [(1.0, 2.0, 1.0), (2.0, -1.0, 3.0)]  # (a, s, q)
    theta = torch.zeros(1, dtype=torch.double)
    for _ in range(400):
        gradients = [
            maml_gradient(
                [lambda t, p, a=a, s=s: 0.5 * a * ((t[0] - s) ** 2).sum()],
                lambda t, q=q: 0.5 * ((t[0] - q) ** 2).sum(),
                (theta,),
                Rule(alpha),
            )[1][0]
            for a, s, q in tasks
        ]
        theta = theta - 0.5 * sum(gradients)
    # θ′ = kθ + αas with k = 1 − αa: minimise Σ (kθ + αas − q)²: θ = Σ k(q − αas) / Σ k²
    k = [1 - alpha * a for a, _, _ in tasks]
    best = sum(ki * (q - alpha * a * s) for ki, (a, s, q) in zip(k, tasks, strict=True)) / sum(ki**2 for ki in k)
    assert abs(float(theta) - best) < 1e-9
