"""Inner steps θ′ = U(θ, g) as pure functions, each with its transposed derivative.

    sgd    θ′ = θ − α (g̃ + λθ)
    adam   m′ = β₁m + (1 − β₁)g̃,  v′ = β₂v + (1 − β₂)g̃²,  θ′ = (1 − αλ)θ − (α/c₁) m′ / (√(v′/c₂) + ε),  cᵢ = 1 − βᵢᵗ

g̃ is g after its norm was clipped as `torch.nn.utils.clip_grad_norm_` does. Weight decay λ stands in θ′ where it is decoupled
(AdamW); where it is coupled (Adam with L2) it is added to the gradient instead, g̃ + λθ. The formulas are those of `torch.optim`.

A `Step` that was taken answers one question: what do the outer loss's derivatives by θ′, m′ and v′ mean for θ, m, v and g?
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.meta.products import Tensors

CLIP_EPSILON = 1e-6  # added to the norm by torch.nn.utils.clip_grad_norm_
PIECE = 2**18  # numbers in a piece: a megabyte of float32


@dataclass(frozen=True)
class Rule:
    """How a step is made.

    Attributes:
        learning_rate: α.
        decay: weight decay λ of each tensor of θ; empty for none.
        decoupled: whether it is AdamW's; otherwise it is added to the gradient.
        betas: β₁ and β₂ of Adam; `None` for SGD.
        epsilon: Adam's ε.
        clip_norm: largest gradient norm, `None` for no clipping.
    """

    learning_rate: float
    decay: tuple[float, ...] = ()
    decoupled: bool = False
    betas: tuple[float, float] | None = None
    epsilon: float = 1e-8
    clip_norm: float | None = None


@dataclass(frozen=True)
class State:
    """Adam's running means m of g and v of g² after `steps` steps; empty for SGD."""

    first: Tensors = ()
    second: Tensors = ()
    steps: int = 0


@dataclass(frozen=True)
class Cotangent:
    """Derivatives of the outer loss by θ and by Adam's m and v; the latter two are empty where they are zero or not wanted."""

    theta: Tensors
    first: Tensors = ()
    second: Tensors = ()


@dataclass(frozen=True)
class Step:
    """A step that was taken.

    Attributes:
        rule: how.
        start: θ before it.
        gradient: g̃, clipped.
        state: m, v and their number of steps *after* it.
        factor: what g was multiplied by to clip it, 1 for not at all.
        norm: the norm of g.
    """

    rule: Rule
    start: Tensors
    gradient: Tensors
    state: State = State()
    factor: float = 1.0
    norm: float = 0.0

    def decay(self, i: int) -> float:
        """The weight decay of one tensor."""
        return self.rule.decay[i] if self.rule.decay else 0.0

    @property
    def plain(self) -> bool:
        """Whether it is θ′ = θ − αg: SGD without decay, not clipped."""
        return self.rule.betas is None and not any(self.rule.decay) and self.factor == 1.0


def fresh_state(rule: Rule, theta: Sequence[Tensor]) -> State:
    """Return the state before the first step."""
    if rule.betas is None:
        return State()
    return State(tuple(map(torch.zeros_like, theta)), tuple(map(torch.zeros_like, theta)))


def take_step(rule: Rule, theta: Tensors, gradient: Tensors, state: State) -> tuple[Tensors, Step]:
    """Return θ′ and the step that led there; nothing is changed in place, nothing is recorded for autograd."""
    with torch.no_grad():
        norm = float(torch.nn.utils.get_total_norm(gradient)) if rule.clip_norm is not None else 0.0
        factor = 1.0 if rule.clip_norm is None else min(1.0, rule.clip_norm / (norm + CLIP_EPSILON))
        clipped = gradient if factor == 1.0 else tuple(factor * g for g in gradient)
        after = next_state(rule, theta, clipped, state)
        step = Step(rule, theta, clipped, after, factor, norm)
        moved = tuple(moved_tensor(step, i) for i in range(len(theta)))
    return moved, step


def with_decay(step: Step, i: int) -> Tensor:
    """Return g̃ of one tensor, coupled decay included."""
    if step.rule.decoupled or not step.decay(i):
        return step.gradient[i]
    return step.gradient[i] + step.decay(i) * step.start[i]


def next_state(rule: Rule, theta: Tensors, gradient: Tensors, state: State) -> State:
    """Return Adam's state after a step with a clipped gradient."""
    if rule.betas is None:
        return state
    beta1, beta2 = rule.betas
    bare = Step(rule, theta, gradient)
    inputs = [with_decay(bare, i) for i in range(len(theta))]
    first = tuple(beta1 * m + (1 - beta1) * g for m, g in zip(state.first, inputs, strict=True))
    second = tuple(beta2 * v + (1 - beta2) * g * g for v, g in zip(state.second, inputs, strict=True))
    return State(first, second, state.steps + 1)


def moved_tensor(step: Step, i: int) -> Tensor:
    """Return one tensor of θ′."""
    rule, start = step.rule, step.start[i]
    if rule.decoupled:
        start = (1 - rule.learning_rate * step.decay(i)) * start
    if rule.betas is None:
        return start - rule.learning_rate * with_decay(step, i)
    correction1, correction2 = (1 - beta**step.state.steps for beta in rule.betas)
    root = (step.state.second[i] / correction2).sqrt()
    return start - rule.learning_rate / correction1 * step.state.first[i] / (root + rule.epsilon)


def pull_back(step: Step, after: Cotangent, before: bool = True) -> tuple[Cotangent, Tensors]:
    """Return the outer loss's derivatives by θ, m and v before a step, and by its gradient g with all those held fixed.

    Args:
        step: the step.
        after: the derivatives by θ′, m′ and v′.
        before: whether the derivatives by θ, m and v are wanted; they are empty otherwise.
    """
    rule = step.rule
    theta, first, second, by_gradient = [], [], [], []
    with torch.no_grad():
        for i, x in enumerate(after.theta):
            if rule.betas is None:
                by_gradient.append(-rule.learning_rate * x)
            elif before or after.first:
                by_m, by_v = _through_means(step, after, i)
                by_gradient.append(_through_inputs(rule, by_m, by_v, with_decay(step, i)))
                first.append(rule.betas[0] * by_m)
                second.append(rule.betas[1] * by_v)
            else:
                by_gradient.append(_in_pieces(step, x, i))
            if before:
                theta.append(_through_decay(step, x, by_gradient[-1], i))
        _through_clipping(step, by_gradient)
    state = (tuple(first), tuple(second)) if before else ((), ())
    return Cotangent(tuple(theta), *state), tuple(by_gradient)


def _through_means(step: Step, after: Cotangent, i: int) -> tuple[Tensor, Tensor]:
    """From θ′, and m′ and v′ of later steps, to m′ and v′ of one tensor."""
    by_m, by_v = _slopes(step.rule, step.state.steps, after.theta[i], step.state.first[i], step.state.second[i])
    if after.first:
        by_m, by_v = by_m + after.first[i], by_v + after.second[i]
    return by_m, by_v


def _slopes(rule: Rule, steps: int, x: Tensor, m: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """From θ′ to m′ and v′."""
    assert rule.betas is not None
    correction1, correction2 = (1 - beta**steps for beta in rule.betas)
    # At v = 0 the root has no slope, but there m is 0 too: the step stays 0, and nothing comes back through v.
    root = v.sqrt().mul_(correction2**-0.5).clamp_(min=torch.finfo(v.dtype).tiny)
    scale = root + rule.epsilon
    by_m = torch.div(x, scale).mul_(-rule.learning_rate / correction1)
    by_v = (by_m * m).div_(root).div_(scale).mul_(-0.5 / correction2)
    return by_m, by_v


def _through_inputs(rule: Rule, by_m: Tensor, by_v: Tensor, gradient: Tensor) -> Tensor:
    """From m′ and v′ to the gradient they took in."""
    assert rule.betas is not None
    beta1, beta2 = rule.betas
    return torch.addcmul((1 - beta1) * by_m, gradient, by_v, value=2 * (1 - beta2))


def _in_pieces(step: Step, x: Tensor, i: int) -> Tensor:
    """From θ′ to the gradient of one tensor, in pieces whose intermediate results stay in a CPU's cache."""
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    size = PIECE if x.device.type == "cpu" else max(1, x.numel())
    given = (out, x, step.state.first[i], step.state.second[i], step.gradient[i], step.start[i])
    coupled = 0.0 if step.rule.decoupled else step.decay(i)
    pieces = (torch.split(tensor.reshape(-1), size) for tensor in given)
    for o, cotangent, m, v, g, start in zip(*pieces, strict=True):
        by_m, by_v = _slopes(step.rule, step.state.steps, cotangent, m, v)
        o.copy_(_through_inputs(step.rule, by_m, by_v, g + coupled * start if coupled else g))
    return out


def _through_decay(step: Step, x: Tensor, by_gradient: Tensor, i: int) -> Tensor:
    """From θ′ to θ, the gradient held fixed: what is left of it, and coupled decay."""
    if step.rule.decoupled:
        return (1 - step.rule.learning_rate * step.decay(i)) * x
    return x + step.decay(i) * by_gradient if step.decay(i) else x


def _through_clipping(step: Step, by_gradient: Sequence[Tensor]) -> None:
    """From g̃ = g · c / ‖g‖ to g, in place: the factor, without the part along g."""
    if step.factor == 1.0:
        return
    assert step.rule.clip_norm is not None
    pairs = list(zip(step.gradient, by_gradient, strict=True))
    along = torch.stack([torch.dot(g.reshape(-1), w.reshape(-1)) for g, w in pairs]).sum()
    back = along / (step.rule.clip_norm * step.norm)
    for g, w in pairs:
        w.mul_(step.factor).addcmul_(g, back, value=-1)
