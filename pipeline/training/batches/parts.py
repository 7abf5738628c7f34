"""A batch in parts that go through a model one after another, so that the activations of one part alone are in memory.

A task's loss is the mean over what is labelled in a batch, so a part's weighs as much as its share of that: with n_p labels, or
what they weigh, in part p and n in all,

    L = Σ_p (n_p / n) L_p,   ∇L = Σ_p (n_p / n) ∇L_p

are those of the whole batch, up to rounding. Dropout draws its masks part by part: others than for the whole, as random.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pipeline.methods.contract import Batch
from pipeline.tasks.examples import labelled


class Part(NamedTuple):
    """Some rows of a batch, and their share of what the batch's mean loss is over."""

    batch: Batch
    share: Tensor | float


def parts_of(batch: Batch, number: int) -> list[Part]:
    """Divide a batch of B rows into at most `number` parts of as many rows, one more or less; in the batch's order."""
    number = max(1, min(number, len(batch["row"])))
    if number == 1:
        return [Part(batch, 1.0)]
    chunks = {key: value.tensor_split(number) for key, value in batch.items()}
    batches = [dict(zip(chunks, values, strict=True)) for values in zip(*chunks.values(), strict=True)]
    counts = torch.stack([labelled(part) for part in batches]).double()
    shares = counts / torch.where(counts.sum() > 0, counts.sum(), 1.0)  # stay where they are: nobody waits for a GPU
    return [Part(part, share) for part, share in zip(batches, shares.unbind(), strict=True)]


def sum_of(losses: Sequence[Callable[[], Tensor]], tensors: Sequence[Tensor]) -> Tensor:
    """Return the sum of losses, scalars, whose gradient by `tensors` is known already: each is made and let go in turn.

    Args:
        losses: are called one after the other.
        tensors: all that the sum may be differentiated by, once.
    """
    value = torch.zeros(())
    gradient: list[Tensor | None] = [None] * len(tensors)
    for number, loss in enumerate(losses):
        here = loss()
        value = value + here.detach() if number else here.detach()
        if torch.is_grad_enabled() and here.requires_grad:
            found = torch.autograd.grad(here, tensors, allow_unused=True)
            gradient = [_added(total, new) for total, new in zip(gradient, found, strict=True)]
    summed: Tensor = _Known.apply(value, gradient, *tensors)  # type: ignore[no-untyped-call]
    return summed


def _added(total: Tensor | None, new: Tensor | None) -> Tensor | None:
    """Add gradients, of which either may be none; not in place, as two of a pass may be one tensor."""
    if total is None or new is None:
        return new if total is None else total
    return total + new


class _Known(torch.autograd.Function):
    """A scalar with its gradient by some tensors, made beforehand."""

    @staticmethod
    def forward(context: Any, value: Tensor, gradient: list[Tensor | None], *tensors: Tensor) -> Tensor:
        """Return `value`."""
        del tensors
        context.gradient = gradient
        return value.clone()

    @staticmethod
    def backward(context: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient times the cotangent; what was kept is let go tensor by tensor.

        Raises:
            RuntimeError: it was called before, or is to be differentiated once more.
        """
        if torch.is_grad_enabled():
            raise RuntimeError("the loss of a batch in parts can be differentiated only once: see Trainer.parts")
        kept, context.gradient = context.gradient, None
        if kept is None:
            raise RuntimeError("the loss of a batch in parts can be gone through backwards only once")
        found: list[Tensor | None] = []
        for i, slope in enumerate(kept):
            kept[i] = None
            found.append(None if slope is None else slope * cotangents[0])
            del slope
        return None, None, *found
