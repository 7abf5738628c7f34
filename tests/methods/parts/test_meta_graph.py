"""The meta graph's mathematics against dense float64 re-computations, element by element, in NumPy."""

import doctest
import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from pipeline.methods.parts import meta_graph
from pipeline.methods.parts.meta_graph import RANGE, MetaGraph, adjacency, nearest, normalised


def nodes_of(count=9, width=5, seed=0):
    return torch.randn(count, width, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def graph_of(
    layers=2, neighbours=4, length_scale=True, distance="squared", width=5, classes=3, dropout=0.5, scale=60.0
):
    """A graph in float64 and in evaluation, its weights `scale` times their start: at their start hardly anything shows."""
    made = MetaGraph(
        width, classes, layers, neighbours, length_scale, distance, dropout, torch.Generator().manual_seed(1)
    )
    made = made.double().eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(scale)
        if made.scale is not None:
            made.scale.bias.fill_(0.3)
    return made


def dense(graph, nodes):
    """Ã by loops over all pairs, from the equations of the paper and what the docstring adds to them."""
    h = nodes.detach().numpy()
    count = len(h)
    if graph.scale is None:
        sigma = np.ones(count)
    else:
        w, b = graph.scale.weight.detach().numpy()[0], graph.scale.bias.item()
        sigma = np.array([1 / (1 + math.exp(-(float(w @ row) + b))) for row in h])
    a = np.empty((count, count))
    for i in range(count):
        for j in range(count):
            square = float(((h[i] / sigma[i] - h[j] / sigma[j]) ** 2).sum())
            a[i, j] = math.exp(-square / (2 if graph.distance == "squared" else 2 * h.shape[1]))
    kept = np.zeros_like(a, dtype=bool)
    for i in range(count):
        for j in sorted(range(count), key=lambda j: -a[i, j])[: graph.neighbours]:
            kept[i, j] = kept[j, i] = True
    a = np.where(kept, a, 0.0)
    degrees = a.sum(1)
    return np.array([[a[i, j] / math.sqrt(degrees[i] * degrees[j]) for j in range(count)] for i in range(count)])


def test_the_docstrings_worked_example():
    result = doctest.testmod(meta_graph)
    assert result.attempted >= 3
    assert result.failed == 0


@pytest.mark.parametrize("neighbours", [1, 2, 4, 9])
@pytest.mark.parametrize("length_scale", [True, False])
@pytest.mark.parametrize("distance", ["squared", "mean_squared"])
def test_edges_are_those_of_a_dense_recomputation(neighbours, length_scale, distance):
    graph, nodes = graph_of(neighbours=neighbours, length_scale=length_scale, distance=distance), nodes_of()
    ours = graph.edges(nodes).detach().numpy()
    assert np.abs(ours - dense(graph, nodes)).max() < 1e-12
    assert np.abs(ours - ours.T).max() < 1e-15
    assert (ours > 0).sum() > len(ours) or neighbours == 1, "a graph without edges would show nothing"


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_propagation_is_that_of_a_dense_recomputation(layers):
    graph, nodes = graph_of(layers=layers, distance="mean_squared"), nodes_of()
    a, hidden = dense(graph, nodes), nodes.numpy()
    for number, layer in enumerate(graph.layers):
        hidden = a @ hidden @ layer.weight.detach().numpy().T
        if number < layers - 1:
            hidden = np.where(hidden > 0, hidden, 0.01 * hidden)
    assert np.abs(graph(nodes).detach().numpy() - hidden).max() < 1e-11
    assert np.abs(hidden).max() > 1e-3


def test_a_permutation_of_the_instances_permutes_the_scores():
    graph, nodes = graph_of(distance="mean_squared"), nodes_of()
    order = torch.randperm(len(nodes), generator=torch.Generator().manual_seed(2))
    assert torch.allclose(graph(nodes[order]), graph(nodes)[order], atol=1e-13)


def test_a_node_far_from_all_keeps_to_itself():
    """exp(−½ d) underflows to zero: no edge but its own, no division by zero, no gradient that is not a number."""
    nodes = torch.cat([nodes_of(4), torch.full((1, 5), 1e4, dtype=torch.float64)]).requires_grad_()
    graph = graph_of(neighbours=3, length_scale=False)
    edges = graph.edges(nodes)
    assert torch.equal(edges[4], torch.tensor([0.0, 0, 0, 0, 1], dtype=torch.float64))
    graph(nodes).sum().backward()
    assert nodes.grad.isfinite().all()


def test_a_node_without_any_edge_gets_zeros_and_finite_gradients():
    weights = torch.zeros(3, 3, dtype=torch.float64)
    weights[0, 1] = weights[1, 0] = 2.0
    weights.requires_grad_()
    found = normalised(weights)
    assert torch.allclose(
        found.detach(), torch.tensor([[0.0, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=torch.float64), atol=1e-15
    )
    found.sum().backward()
    assert weights.grad.isfinite().all()


def test_equal_instances_are_linked_fully_and_have_finite_gradients():
    nodes = torch.ones(4, 3, dtype=torch.float64, requires_grad=True)
    found = normalised(nearest(adjacency(nodes), 4))
    assert torch.allclose(found, torch.full((4, 4), 0.25, dtype=torch.float64))
    found.sum().backward()
    assert nodes.grad.isfinite().all()


@pytest.mark.parametrize("training", [True, False])
def test_a_graph_of_fewer_nodes_than_neighbours_keeps_all_its_edges(training):
    graph, nodes = graph_of(neighbours=10, distance="mean_squared").train(training), nodes_of(9)
    ours = graph.edges(nodes).detach().numpy()
    assert (ours > 0).all()
    assert np.abs(ours - dense(graph_of(neighbours=9, distance="mean_squared"), nodes)).max() < 1e-12


@pytest.mark.parametrize("length_scale", [True, False])
def test_gradients_are_those_of_finite_differences(length_scale):
    graph, nodes = graph_of(length_scale=length_scale, distance="mean_squared"), nodes_of(6).requires_grad_()
    assert gradcheck(lambda *given: graph(given[0]), (nodes, *graph.parameters()))


def test_weights_start_in_their_range_and_biases_at_zero():
    graph = MetaGraph(64, 3, 3, 5, True, "squared", 0.5, torch.Generator().manual_seed(0))
    assert [tuple(layer.weight.shape) for layer in graph.layers] == [(64, 64), (64, 64), (3, 64)]
    for name, parameter in graph.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        else:
            assert parameter.abs().max() <= RANGE
            assert parameter.abs().max() > 0.9 * RANGE
            assert parameter.min() < 0 < parameter.max()


def test_dropout_is_on_the_first_of_several_layers_alone():
    nodes = nodes_of()
    for layers, expected in ((1, False), (2, True), (3, True)):
        graph = graph_of(layers=layers, dropout=0.9).train()
        torch.manual_seed(0)
        first, second = graph(nodes), graph(nodes)
        assert torch.equal(first, second) != expected


def test_half_precision_is_left():
    """Under autocast the distances are still taken in float32."""
    graph = MetaGraph(8, 2, 2, 3, True, "squared", 0.0, torch.Generator().manual_seed(0)).eval()
    nodes = torch.randn(6, 8, generator=torch.Generator().manual_seed(3))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(graph(nodes), graph.float()(nodes))
        assert graph(nodes.bfloat16()).dtype == torch.float32
