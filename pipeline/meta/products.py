"""Second-order products: a gradient ∇θ L(θ, φ) that keeps what it takes to differentiate it once more.

Two ways, equal but for rounding; F is a forward pass, N − i the number of layers above the place where φ enters:

    fast   reverse over reverse: the graph of the gradient is kept and gone through backwards, 2F + 2F (N − i)/N more
           multiplications, about twice the memory, as the graph waits until the vector is known
    lean   forward over reverse, d/dε ∇φ L(θ + εw, φ) at ε = 0: nothing is kept but the place in the random stream; the pass is
           made anew with tangents, F more than the fast way, and reverse mode reaches down to φ only

Both passes of the lean way see the same dropout masks. Fused attention kernels have neither derivative, so a pass that is to be
differentiated twice, and no other, leaves them for plain matrix products.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipeline.meta.linear import TangentsInPlace

Tensors = tuple[Tensor, ...]
Loss = Callable[[Tensors, Tensors], Tensor]
"""L(θ, φ): a scalar; it must use the tensors it is given and draw its randomness from PyTorch's own generators."""

Way = Literal["fast", "lean"]


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
    loss: Loss, theta: Sequence[Tensor], phi: Sequence[Tensor], way: Way, precision: Precision = nullcontext
) -> InnerGradient:
    """Compute ∇θ L(θ, φ) so that it can be differentiated later.

    Args:
        loss: L.
        theta: θ; its content must not change before `second` is called.
        phi: φ, may be empty; likewise.
        way: `fast` or `lean`.
        precision: what the loss itself enters. The lean way's reverse mode meets tangents of both precisions and needs it
            once more, without a cache of casts.

    Raises:
        RuntimeError: the loss cannot be differentiated twice.
    """
    return _fast(loss, theta, phi) if way == "fast" else _lean(loss, theta, phi, precision)


def _fast(loss: Loss, theta: Sequence[Tensor], phi: Sequence[Tensor]) -> InnerGradient:
    here, there = leaves(theta), leaves(phi)
    with twice_differentiable():
        value = loss(here, there)
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


def _lean(loss: Loss, theta: Sequence[Tensor], phi: Sequence[Tensor], precision: Precision) -> InnerGradient:
    here, there = leaves(theta), detached(phi)
    replay = remember_randomness(here)
    with twice_differentiable():
        value = loss(here, there)
        gradient = torch.autograd.grad(value, here, materialize_grads=True)

    def second(vector: Tensors, of_theta: bool, of_phi: bool) -> tuple[Tensors, Tensors]:
        which = tuple(i for i, wanted in enumerate((of_theta, of_phi and bool(there))) if wanted)
        if not which:
            return (), ()
        point = detached(here)
        slope = torch.func.grad(loss, argnums=which)
        with replay(), twice_differentiable(), TangentsInPlace(), precision():
            found = torch.func.jvp(lambda theta: slope(theta, there), (point,), (vector,))[1]
        parts = dict(zip(which, found, strict=True))
        return parts.get(0, ()), parts.get(1, ())

    return InnerGradient(value.detach(), gradient, second)


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
