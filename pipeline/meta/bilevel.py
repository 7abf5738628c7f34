"""Hypergradients through one or several inner steps, by one recursion from the last step to the first.

    for each step, last to first:   λ_θ, w ← the step's transposed derivative at λ_θ
                                    λ_φ ← λ_φ + ∇φ ⟨g, w⟩
                                    λ_θ ← λ_θ + ∇θ ⟨g, w⟩       (left out by `first_order`, and where nobody asks)

starting from λ_θ = ∇θ′ of the outer loss. One plain SGD step gives MetaXL's −α ∇φ (∇θ L_s · ∇θ′ L_t) (Section 2.3) and MAML's
(I − α ∇²L_S) ∇θ′ L_Q.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.meta.products import InnerGradient, Loss, Precision, Tensors, Way, inner_gradient, leaves
from pipeline.meta.updates import Cotangent, Rule, State, Step, fresh_state, pull_back, take_step

Outer = Callable[[Tensors], Tensor]
"""The outer loss as a function of θ′: a scalar."""

Taken = tuple[InnerGradient, Step]
"""An inner step that was taken: its gradient, differentiable once more, and what was made of it."""


@dataclass(frozen=True)
class Hypergradient:
    """Derivatives of the outer loss.

    Attributes:
        theta: by the first θ; empty where it was not asked for.
        phi: by φ; empty where there is none.
    """

    theta: Tensors
    phi: Tensors


def pull_back_steps(
    taken: Sequence[Taken], vector: Tensors, phi: Sequence[Tensor], of_theta: bool = False, first_order: bool = False
) -> Hypergradient:
    """Pull ∇θ′ of the outer loss back through inner steps.

    Args:
        taken: the steps, the first one first.
        vector: ∇θ′ of the outer loss after the last step.
        phi: φ; may be empty.
        of_theta: whether the derivative by the first θ is wanted.
        first_order: leave out the Hessians: ∂θ′/∂θ is what the step does to θ with its gradient held fixed.

    Returns:
        Exact derivatives, unless `first_order`.
    """
    cotangent, by_phi = Cotangent(vector), [torch.zeros_like(p) for p in phi]
    for number, (inner, step) in reversed(list(enumerate(taken))):
        earlier = of_theta or number > 0
        hessian = earlier and not first_order
        if hessian and step.plain:  # ∂θ′/∂g = −α: θ's cotangent stays as it is, and no copy of it is made for g
            by_gradient, scale = cotangent.theta, -step.rule.learning_rate
        else:
            cotangent, by_gradient = pull_back(step, cotangent, before=earlier)
            scale = 1.0
        through_theta, through_phi = inner.second(by_gradient, hessian, bool(phi))
        if hessian:
            waiting = list(reversed(through_theta))  # each is let go as it is added
            del through_theta
            theta = tuple(torch.add(a, waiting.pop(), alpha=scale) for a in cotangent.theta)
            cotangent = Cotangent(theta, cotangent.first, cotangent.second)
        by_phi = [torch.add(a, b, alpha=scale) for a, b in zip(by_phi, through_phi, strict=True)]
    return Hypergradient(cotangent.theta if of_theta else (), tuple(by_phi))


@dataclass(frozen=True)
class Unrolled:
    """Inner steps and the outer loss after them.

    Attributes:
        taken: the steps.
        theta: θ after the last.
        state: the inner optimiser's state after the last.
        outer: the outer loss there, detached.
        vector: its gradient by θ there.
    """

    taken: tuple[Taken, ...]
    theta: Tensors
    state: State
    outer: Tensor
    vector: Tensors


def unroll(
    losses: Sequence[Loss | Sequence[Loss]],
    outer: Outer,
    theta: Sequence[Tensor],
    phi: Sequence[Tensor],
    rule: Rule,
    state: State | None = None,
    way: Way = "fast",
    precision: Precision = nullcontext,
) -> Unrolled:
    """Take one inner step per loss, then the outer loss's gradient; θ and φ stay as they are.

    Args:
        losses: the inner losses L(θ, φ), one per step; one in parts is their sum, see `inner_gradient`.
        outer: the outer loss.
        theta: the first θ.
        phi: φ; may be empty.
        rule: how the inner steps are made.
        state: Adam's state before the first step; `None` for a fresh one.
        way: how the steps will be differentiated.
        precision: what the losses enter by themselves, see `inner_gradient`.
    """
    state = fresh_state(rule, theta) if state is None else state
    point, taken = tuple(tensor.detach() for tensor in theta), []
    for loss in losses:
        inner = inner_gradient(loss, point, phi, way, precision)
        point, step = take_step(rule, point, inner.gradient, state)
        state = step.state
        taken.append((inner, step))
    end = leaves(point)
    value = outer(end)
    return Unrolled(tuple(taken), point, state, value.detach(), torch.autograd.grad(value, end, materialize_grads=True))


def hypergradient(
    losses: Sequence[Loss],
    outer: Outer,
    theta: Sequence[Tensor],
    phi: Sequence[Tensor],
    rule: Rule,
    state: State | None = None,
    way: Way = "fast",
    first_order: bool = False,
) -> tuple[Tensor, Tensors]:
    """Return the outer loss after the inner steps and its derivative by φ; the arguments are those of `unroll`.

    With `first_order` a step's effect on φ's later influence is dropped: exact for one step, an approximation for more.
    """
    done = unroll(losses, outer, theta, phi, rule, state, way)
    return done.outer, pull_back_steps(done.taken, done.vector, phi, first_order=first_order).phi


def maml_gradient(
    losses: Sequence[Loss],
    outer: Outer,
    theta: Sequence[Tensor],
    rule: Rule,
    state: State | None = None,
    way: Way = "fast",
    first_order: bool = False,
) -> tuple[Tensor, Tensors]:
    """Return the outer (query) loss after inner (support) steps and its derivative by the first θ (Finn et al. 2017, Eq. 1).

    The inner losses are called with an empty φ; `first_order` drops the Hessians (FOMAML). Other arguments as in `unroll`.
    """
    done = unroll(losses, outer, theta, (), rule, state, "lean" if first_order else way)
    return done.outer, pull_back_steps(done.taken, done.vector, (), of_theta=True, first_order=first_order).theta
