"""Linear layers whose tangent is accumulated in place: y′ = x′Wᵀ + b′, then y′ += xW′ᵀ, in two matrix products and no sums.

PyTorch's own forward-mode rule makes both products and adds them up in temporaries as large as the layer's output, which costs
a few per cent of a tangent pass on a CPU.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode


class Linear(torch.autograd.Function):
    """x (…, I), W (O, I), b (O,) → xWᵀ + b (…, O), with both derivatives."""

    @staticmethod
    def forward(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The layer."""
        return functional.linear(x, weight, bias)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        """Keep what both derivatives need."""
        x, weight, _ = inputs
        ctx.save_for_backward(x, weight)
        ctx.save_for_forward(x, weight)

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor | None:
        """The tangent of the output."""
        (x, weight), (of_x, of_weight, of_bias) = ctx.saved_tensors, tangents
        if of_x is None and of_weight is None and of_bias is None:
            return None
        rows = x.reshape(-1, x.shape[-1])
        if of_x is None:
            out = rows.new_zeros(len(rows), len(weight)) if of_bias is None else of_bias.expand(len(rows), -1).clone()
        else:
            out = functional.linear(of_x.reshape(-1, x.shape[-1]), weight, of_bias)
        if of_weight is not None:
            out.addmm_(rows, of_weight.t())
        return out.view(*x.shape[:-1], len(weight))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        """The transposed derivative."""
        x, weight = ctx.saved_tensors
        rows = gradient.reshape(-1, gradient.shape[-1])
        by_x, by_weight, by_bias = ctx.needs_input_grad
        return (
            gradient @ weight if by_x else None,
            rows.t() @ x.reshape(-1, x.shape[-1]) if by_weight else None,
            rows.sum(0) if by_bias else None,
        )


class TangentsInPlace(TorchFunctionMode):
    """Within it, every linear layer is a `Linear`; but under autocast, whose casts are the layer's own business."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run one function of PyTorch."""
        kwargs = kwargs or {}
        if func is not functional.linear or torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda"):
            return func(*args, **kwargs)
        x, weight, bias = linear_arguments(*args, **kwargs)
        return Linear.apply(x, weight, bias)  # type: ignore[no-untyped-call]


def linear_arguments(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return the arguments of `torch.nn.functional.linear` in order, however they were given."""
    return input, weight, bias
