"""`weight_average`: one model whose weights are the mean of several runs' (Wortsman et al. 2022, Section 2: a uniform soup).

    θ = 1/K Σ θₖ    encoder and head, in float64

Over runs of several seeds that is the run averaging of Schmidt et al. (2023). The runs start from one encoder, so their weights
stay near each other; heads that start from draws of their own may not, and are averaged all the same. The loop then tests θ.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from pipeline.methods.contract import Method
from pipeline.methods.parts.average import Over, untrained


def mean_weights(members: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the mean of several models' weights, each in its own precision, summed one weight after the other.

    What is no float, as a counter, is the first one's.

    Args:
        members: the models' tensors by name.

    Raises:
        ValueError: two models' tensors are not of the same names and shapes; says which.
    """
    first = members[0]
    for weights in members[1:]:
        if unlike := sorted(
            name for name in weights.keys() | first.keys() if shape(weights, name) != shape(first, name)
        ):
            raise ValueError(f"{unlike[0]} is of shape {shape(first, unlike[0])} and {shape(weights, unlike[0])}")
    return {name: mean([weights[name] for weights in members]) for name in first}


def mean(tensors: Sequence[Tensor]) -> Tensor:
    """Return the mean of tensors in float64, in the precision of the first; the first where it is no float."""
    first = tensors[0]
    if not first.is_floating_point():
        return first
    total = first.to(torch.float64, copy=True)
    for tensor in tensors[1:]:
        total += tensor
    return (total / len(tensors)).to(first.dtype)


def shape(weights: Mapping[str, Tensor], name: str) -> str:
    """Word a tensor's shape: `2 × 16`, or `none` where there is no such tensor."""
    return " × ".join(map(str, weights[name].shape)) if name in weights else "none"


def build(average_over: Over) -> Method:
    """Return the method."""
    return untrained(average_over)
