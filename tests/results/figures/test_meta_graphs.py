"""MGL's meta graph from a trained run's model and representations: against a re-computation, and the drawing."""

import json

import numpy as np
import pytest
import torch

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import digest, read_parquet
from pipeline.data.schema import read_split
from pipeline.methods.parts.meta_graph import adjacency, nearest, normalised
from pipeline.results.figures.maps import draw_graph_maps
from pipeline.results.figures.meta_graphs import GraphMap, instances, read_graph_map, trained_graph
from pipeline.results.scores.stale import record
from pipeline.stages.represent import represent_run
from pipeline.training.run import train_run
from tests import tiny
from tests.methods.test_mgl import SOURCES, make_world, spec_of

VIEW = {"split": "train", "sentences": 30, "seed": 0, "layer": "last", "units": "sentence"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of `mgl` with its model and representations, and one of another method."""
    folder = tmp_path_factory.mktemp("graph")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_world()
        names = []
        for spec in (spec_of(), tiny.spec("joint", task="sentiment", sources=list(SOURCES))):
            names.append(tiny.name_of(spec))
            train_run(names[-1], spec, 1, True, 0.0)
            represent_run(names[-1], VIEW, 1)
    return folder, *names


@pytest.fixture
def run(trained, monkeypatch):
    monkeypatch.chdir(trained[0])
    return trained[1]


def spec_for(*runs, draws=7, neighbours=2):
    panel = {"sources": list(SOURCES), "target": "beta", "runs": list(runs)}
    return {
        "kind": "meta_graph",
        "label": "mgl",
        "panels": [panel],
        "view": VIEW,
        "draws": draws,
        "neighbours": neighbours,
    }


def test_a_panel_is_the_mean_over_draws_of_one_instance_of_each_class_and_language(run):
    spec = spec_for(run)
    found = read_graph_map(spec["panels"][0], spec)
    assert found.nodes == tuple(
        (language, label) for language in (*SOURCES, "beta") for label in ("negative", "positive")
    )
    graph = trained_graph(run, record(run)["spec"]["method"], 2)
    vectors, rows = instances(run, record(run)["spec"], spec["panels"][0], VIEW)
    rng, total = np.random.default_rng([0, *run.encode()]), np.zeros((8, 8))
    for _ in range(7):
        nodes = torch.from_numpy(vectors[[int(rng.choice(where)) for where in rows.values()]])
        sigma = torch.sigmoid(nodes @ graph.scale.weight[0] + graph.scale.bias)
        total += normalised(nearest(adjacency(nodes / sigma[:, None], graph.distance), 2)).detach().double().numpy()
    assert np.abs(found.edges - total / 7).max() < 1e-6
    assert found.edges.shape == (8, 8)


def test_points_are_filed_under_their_own_class(run):
    vectors, rows = instances(run, record(run)["spec"], spec_for(run)["panels"][0], VIEW)
    assert sum(map(len, rows.values())) == len(vectors) == 30 * 4
    table = read_split(paths.split(tiny.DATASET, "gamma", "train"), "sentiment")
    label_of = dict(zip(table["id"].to_pylist(), table["label"].to_pylist(), strict=True))
    points = read_parquet(paths.representations(run, digest(VIEW, 8)))
    for (language, label), places in rows.items():
        for place in places:
            assert points["lang"][place].as_py() == language
            if language == "gamma":
                assert label_of[points["id"][place].as_py()] == label


def test_several_seeds_are_averaged(run):
    one, two = spec_for(run), spec_for(run, run)
    first, second = (read_graph_map(spec["panels"][0], spec).edges for spec in (one, two))
    assert np.allclose(first, second)


def test_a_run_of_another_method_has_no_graph(run, trained):
    spec = spec_for(trained[2])
    with pytest.raises(UserError, match="has kept no meta graph: it is of method joint; expected mgl"):
        read_graph_map(spec["panels"][0], spec)


def test_a_class_without_a_point_is_an_error(run):
    small = {**VIEW, "sentences": 1}
    represent_run(run, small, 1)
    spec = {**spec_for(run), "view": small}
    with pytest.raises(UserError, match=r"no point of class '.*' in .*; represent more sentences"):
        read_graph_map(spec["panels"][0], spec)


def test_the_figure_names_every_node_and_leaves_the_diagonal_out(run):
    spec = json.loads(json.dumps(spec_for(run)))
    edges = np.full((4, 4), 0.1) + 0.9 * np.eye(4)
    nodes = (("a", "no"), ("a", "yes"), ("b", "no"), ("b", "yes"))
    figure = draw_graph_maps(spec, [GraphMap(nodes, edges, "b")])
    axis = figure.axes[0]
    assert [t.get_text() for t in axis.get_yticklabels()] == ["a no", "a yes", "b no", "b yes"]
    assert axis.get_title() == "→ b; to itself: 1.00"
    (image,) = axis.get_images()
    shown = np.ma.filled(image.get_array(), np.nan)
    assert np.isnan(np.diag(shown)).all()
    assert image.get_clim() == (0, pytest.approx(0.1))
