"""Second-order products: a gradient ∇θ L(θ, φ) that keeps what it takes to differentiate it once more.

Two ways, equal but for rounding; F is a forward pass, N − i the number of layers above the place where φ enters:

    fast   reverse over reverse: the graph of the gradient is kept and gone through backwards, 2F + 2F (N − i)/N more
           multiplications, about twice the memory, as the graph waits until the vector is known
    lean   forward over reverse, d/dε ∇φ L(θ + εw, φ) at ε = 0: nothing is kept but the place in the random stream; the pass is
           made anew with tangents, F more than the fast way, and reverse mode reaches down to φ only

Both passes of the lean way see the same dropout masks. Where L is a sum, the lean way may make it in parts, one after the other.
Fused attention kernels have neither derivative, so a pass that is to be differentiated twice, and no other, leaves them for plain
matrix products.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipeline.meta.linear import TangentsInPlace

Tensors = tuple[Tensor, ...]
Loss = Callable[[Tensors, Tensors], Tensor]
"""L(θ, φ): a scalar; it must use the tensors it is given and draw its randomness from PyTorch's own generators."""

Way = Literal["fast", "lean"]
make_dual: Callable[[Tensor, Tensor], Tensor] = forward_ad.make_dual
unpack_dual: Callable[[Tensor], Any] = forward_ad.unpack_dual


@dataclass(frozen=True)
class InnerGradient:
    """g = ∇θ L(θ, φ), and how to differentiate it.

    Attributes:
        value: L, detached.
        gradient: g, detached, in the order of θ.
        second: (w, of θ, of φ) → (∇θ ⟨g, w⟩, ∇φ ⟨g, w⟩), each empty where it is not asked for; to be called once.
            Where g is cut by hand, as by an embedding's `padding_idx`, w must be zero too; that of an outer loss through the
            same module is.
    """

    value: Tensor
    gradient: Tensors
    second: Callable[[Tensors, bool, bool], tuple[Tensors, Tensors]]


Precision = Callable[[], AbstractContextManager[Any]]
"""Makes the context of mixed precision, as `torch.autocast`, in which a loss is computed; `nullcontext` where there is none."""


def inner_gradient(
    loss: Loss | Sequence[Loss],
    theta: Sequence[Tensor],
    phi: Sequence[Tensor],
    way: Way,
    precision: Precision = nullcontext,
) -> InnerGradient:
    """Compute ∇θ L(θ, φ) so that it can be differentiated later.

    Args:
        loss: L, or parts of which it is the sum: the lean way makes one after the other, and keeps the activations of one alone.
        theta: θ; its content must not change before `second` is called.
        phi: φ, may be empty; likewise.
        way: `fast` or `lean`.
        precision: what the loss itself enters. The lean way's reverse mode meets tangents of both precisions and needs it
            once more, without a cache of casts.

    Raises:
        RuntimeError: the loss cannot be differentiated twice.
    """
    parts = (loss,) if callable(loss) else tuple(loss)
    return _fast(parts, theta, phi) if way == "fast" else _lean(parts, theta, phi, precision)


def _fast(parts: Sequence[Loss], theta: Sequence[Tensor], phi: Sequence[Tensor]) -> InnerGradient:
    here, there = leaves(theta), leaves(phi)
    with twice_differentiable():
        value = reduce(torch.add, [part(here, there) for part in parts])
        gradient = torch.autograd.grad(value, here, create_graph=True, materialize_grads=True)

    def second(vector: Tensors, of_theta: bool, of_phi: bool) -> tuple[Tensors, Tensors]:
        wanted = (*(here if of_theta else ()), *(there if of_phi else ()))
        linked = [i for i, g in enumerate(gradient) if g.requires_grad]
        if not wanted or not linked:  # nobody asks, or L is linear in θ
            found = tuple(torch.zeros_like(tensor) for tensor in wanted)
        else:
            outputs, vectors = [gradient[i] for i in linked], [vector[i] for i in linked]
            found = torch.autograd.grad(outputs, wanted, grad_outputs=vectors, materialize_grads=True)
        split = len(here) if of_theta else 0
        return found[:split], found[split:]

    return InnerGradient(value.detach(), detached(gradient), second)


def _lean(parts: Sequence[Loss], theta: Sequence[Tensor], phi: Sequence[Tensor], precision: Precision) -> InnerGradient:
    here, there = leaves(theta), detached(phi)
    replays: list[Callable[[], AbstractContextManager[None]]] = []
    values: list[Tensor] = []
    gradient: Tensors = ()
    for part in parts:
        replays.append(remember_randomness(here))
        with twice_differentiable():
            value = part(here, there)
            gradient = added(gradient, tuple(torch.autograd.grad(value, here, materialize_grads=True)))
        values.append(value.detach())

    def second(vector: Tensors, of_theta: bool, of_phi: bool) -> tuple[Tensors, Tensors]:
        of_phi = of_phi and bool(there)
        if not of_theta and not of_phi:
            return (), ()
        found: Tensors = ()
        tangents = tangents_of if of_theta else tangents_of_phi
        for part, replay in zip(parts, replays, strict=True):
            with replay(), twice_differentiable(), TangentsInPlace(), precision():
                found = added(found, tangents(part, here, there, vector, of_phi))
        split = len(here) if of_theta else 0
        return found[:split], found[split:]

    return InnerGradient(reduce(torch.add, values), gradient, second)


def tangents_of_phi(loss: Loss, theta: Tensors, phi: Tensors, vector: Tensors, of_phi: bool) -> Tensors:
    """Return d/dε ∇φ L(θ + εw, φ) at ε = 0; of the backward pass there is only what lies above φ."""
    assert of_phi
    slope = torch.func.grad(loss, argnums=1)
    found: Tensors = torch.func.jvp(lambda theta: slope(theta, phi), (detached(theta),), (vector,))[1]
    return found


def tangents_of(loss: Loss, theta: Tensors, phi: Tensors, vector: Tensors, of_phi: bool) -> Tensors:
    """Return d/dε ∇θ L(θ + εw, φ) at ε = 0, then, where asked, that of ∇φ L.

    `torch.func.grad` keeps the graph of its own backward pass, here as large as the model; nothing goes back through it, and this
    keeps none.
    """
    with forward_ad.dual_level():
        duals = tuple(make_dual(t, w) for t, w in zip(leaves(theta), vector, strict=True))
        there = leaves(phi) if of_phi else phi
        wanted = (*duals, *(there if of_phi else ()))
        gradient = list(torch.autograd.grad(loss(duals, there), wanted, materialize_grads=True))
        return tuple(tangent_or_zeros(gradient, i) for i in range(len(gradient)))


def tangent_or_zeros(duals: list[Any], i: int) -> Tensor:
    """Return a dual tensor's tangent, letting the tensor itself go; zeros where it does not depend on what was varied."""
    dual, duals[i] = duals[i], None
    tangent = unpack_dual(dual).tangent
    return torch.zeros_like(dual) if tangent is None else tangent


def added(total: Tensors, new: Tensors) -> Tensors:
    """Return total + new, one after the other; `total` is empty at first, and each of `new` is let go as it is added."""
    if not total:
        return new
    waiting = list(reversed(new))
    del new
    return tuple(tensor + waiting.pop() for tensor in total)


def scaled(value: Tensor, weight: Tensor | float) -> Tensor:
    """Return `weight` times a value in the value's precision; a weight that lies on a GPU is not asked for."""
    return weight * value if isinstance(weight, float) else weight.to(value.dtype) * value


def weighed(loss: Loss, weight: Tensor | float) -> Loss:
    """Return `weight` times a loss."""
    whole = isinstance(weight, float) and weight == 1
    return loss if whole else lambda theta, phi: scaled(loss(theta, phi), weight)


def gradient_of(parts: Sequence[Loss], theta: Sequence[Tensor], phi: Sequence[Tensor]) -> tuple[Tensor, Tensors]:
    """Return Σ L(θ, φ) over parts, detached, and ∇θ of it, to be differentiated no more: one part after the other."""
    values: list[Tensor] = []
    gradient: Tensors = ()
    for part in parts:
        value = part(tuple(theta), tuple(phi))
        gradient = added(gradient, tuple(torch.autograd.grad(value, theta, materialize_grads=True)))
        values.append(value.detach())
    return reduce(torch.add, values), gradient


def leaves(tensors: Sequence[Tensor]) -> Tensors:
    """Return the same content as leaves of a new graph."""
    return tuple(tensor.detach().requires_grad_() for tensor in tensors)


def detached(tensors: Sequence[Tensor]) -> Tensors:
    """Return the same content without a graph."""
    return tuple(tensor.detach() for tensor in tensors)


def twice_differentiable() -> AbstractContextManager[None]:
    """Attention by plain matrix products, which have second derivatives and forward mode; the fused kernels have neither."""
    return sdpa_kernel(SDPBackend.MATH)


def remember_randomness(tensors: Sequence[Tensor]) -> Callable[[], AbstractContextManager[None]]:
    """Note where the random streams stand; the context returned goes back there, and afterwards on from where it was."""
    devices = sorted({tensor.device.index or 0 for tensor in tensors if tensor.device.type == "cuda"})
    state, states = torch.get_rng_state(), [torch.cuda.get_rng_state(device) for device in devices]

    @contextmanager
    def replay() -> Iterator[None]:
        with torch.random.fork_rng(devices=devices):
            torch.set_rng_state(state)
            for device, saved in zip(devices, states, strict=True):
                torch.cuda.set_rng_state(saved, device)
            yield

    return replay
