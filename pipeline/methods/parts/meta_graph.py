"""The meta graph: instances of an episode as nodes, edges by a learned metric, labels spread along them (MGL, Section 4.3).

    σ_j = sigmoid(W_σ h_j + b_σ)                                                                                     (Eq. 1)
    A_jj' = exp(−½ d(h_j / σ_j, h_j' / σ_j')),  the top K of each row kept                                              (Eq. 2)
    Ã = D^−½ A D^−½                                                                                                 (Eq. 4)
    L⁽ⁿ⁺¹⁾ = ρ(Ã L⁽ⁿ⁾ W⁽ⁿ⁾),  L⁽⁰⁾ = H,  ρ the leaky ReLU                                                             (Eq. 3)

V nodes of width d. What the paper leaves open: the top K makes A asymmetric, and an edge is kept here where either end keeps it
(the union, as in the label propagation network the paper cites, Liu et al. 2019); a node is its own nearest, so K counts it. A
graph of fewer than K nodes keeps all its edges: the paper's K = 100 is more than the 94 nodes of its meta-train on relevance.

Four nodes on a line at 0, a, 3a and 4a with a² = 2 ln 2, so that a distance of a weighs ½, 2a 1/16, 3a 1/512. With K = 2 the
near pairs alone are joined, each degree is 3/2, and a node gives two thirds to itself and one third to its neighbour:

>>> nodes = (2 * torch.tensor(2.0).log()).sqrt() * torch.tensor([[0.0], [1.0], [3.0], [4.0]])
>>> (normalised(nearest(adjacency(nodes), 2)) * 3).round(decimals=4).abs().tolist()
[[2.0, 1.0, 0.0, 0.0], [1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 2.0, 1.0], [0.0, 0.0, 1.0, 2.0]]

With K = 3 the first node keeps the third, which does not keep the first; the union keeps the edge at both ends:

>>> (nearest(adjacency(nodes), 3)[2] * 512).round(decimals=2).tolist()
[1.0, 32.0, 512.0, 256.0]
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Distance = Literal["squared", "mean_squared"]
RANGE = 0.01
"""Weight matrices start uniformly in ±`RANGE` (Section 6)."""


def adjacency(nodes: Tensor, distance: Distance = "squared") -> Tensor:
    """Return the radial basis weights A (V, V) of nodes (V, d), which are divided by their length scales already.

    `squared` is the paper's d, the squared Euclidean distance; `mean_squared` is that over the width, as in label propagation
    networks: with hundreds of dimensions the first leaves hardly any edge but a node's own.
    """
    squares = (nodes[:, None] - nodes[None]).square()
    return torch.exp(-(squares.sum(-1) if distance == "squared" else squares.mean(-1)) / 2)


def nearest(weights: Tensor, neighbours: int) -> Tensor:
    """Keep the largest K = `neighbours` weights of each row of A (V, V), all V where K > V; each such edge in both directions."""
    largest = weights.topk(min(neighbours, len(weights))).indices
    kept = torch.zeros_like(weights, dtype=torch.bool).scatter_(1, largest, True)
    return weights.where(kept | kept.T, weights.new_zeros(()))


def normalised(weights: Tensor) -> Tensor:
    """Return Ã = D^−½ A D^−½ of A (V, V), D the sums of its rows; a node without any edge has a row and column of zeros."""
    degrees = weights.sum(1)
    linked = degrees > 0
    scale = torch.where(linked, degrees.where(linked, torch.ones_like(degrees)).rsqrt(), torch.zeros_like(degrees))
    return scale[:, None] * weights * scale[None]


class MetaGraph(nn.Module):
    """W_σ, b_σ and the graph convolution W⁽⁰⁾ … W⁽ⁿ⁻¹⁾: representations (V, d) → class scores (V, C).

    Args:
        width: d, also of the hidden layers.
        classes: C.
        layers: n; the last has no leaky ReLU.
        neighbours: K.
        length_scale: whether σ is learned; else it is 1 everywhere.
        distance: see `adjacency`.
        dropout: on the first layer's nodes.
        generator: for the weights.
    """

    def __init__(
        self,
        width: int,
        classes: int,
        layers: int,
        neighbours: int,
        length_scale: bool,
        distance: Distance,
        dropout: float,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.neighbours, self.distance = neighbours, distance
        self.scale = nn.Linear(width, 1) if length_scale else None
        sizes = [width] * layers + [classes]
        self.layers = nn.ModuleList(nn.Linear(sizes[i], sizes[i + 1], bias=False) for i in range(layers))
        self.dropout = nn.Dropout(dropout)
        for name, parameter in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(parameter)
            else:
                nn.init.uniform_(parameter, -RANGE, RANGE, generator=generator)

    def edges(self, nodes: Tensor) -> Tensor:
        """Return Ã (V, V) of representations (V, d)."""
        scaled = nodes if self.scale is None else nodes / self.scale(nodes).sigmoid()
        return normalised(nearest(adjacency(scaled, self.distance), self.neighbours))

    def spread(self, edges: Tensor, nodes: Tensor) -> Tensor:
        """Return the class scores (V, C) that n layers of propagation over Ã give."""
        hidden = nodes
        for number, layer in enumerate(self.layers):
            hidden = layer(edges @ hidden)
            if number < len(self.layers) - 1:
                hidden = functional.leaky_relu(hidden)
            if number == 0 and len(self.layers) > 1:
                hidden = self.dropout(hidden)
        return hidden

    def forward(self, nodes: Tensor) -> Tensor:
        """Return the scores of all nodes, in float32 whatever the run's precision: distances of half precision are coarse."""
        with torch.autocast(nodes.device.type, enabled=False):
            nodes = nodes.float() if nodes.dtype in (torch.bfloat16, torch.float16) else nodes
            return self.spread(self.edges(nodes), nodes)
