"""MGL's meta graph of classes and languages: the mean Ã over many small graphs (Li et al. 2020, Section 5.4, Figure 4).

A graph has one instance of each class of each language, drawn from the training data; its edges are those that the trained model
makes of their representations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.data.schema import read_split
from pipeline.results.analyses.analysis import points_path, read_vectors
from pipeline.results.analyses.distance import Floats
from pipeline.results.scores.stale import record


@dataclass(frozen=True)
class GraphMap:
    """One panel.

    Attributes:
        nodes: (language, class) of each of the V nodes, sources first.
        edges: (V, V), the mean Ã over draws and seeds.
        target: the last language.
    """

    nodes: tuple[tuple[str, str], ...]
    edges: Floats
    target: str


def read_graph_map(panel: Mapping[str, Any], spec: Mapping[str, Any]) -> GraphMap:
    """Return one panel of a figure (`pipeline.grid.figures.figure_specs`).

    Raises:
        UserError: a run's representations, description, model or split is missing or broken, or a class has no instance.
    """
    found = [mean_edges(run, panel, spec) for run in panel["runs"]]
    nodes = found[0][0]
    return GraphMap(nodes, np.mean([edges for _, edges in found], axis=0), panel["target"])


def mean_edges(
    run: str, panel: Mapping[str, Any], spec: Mapping[str, Any]
) -> tuple[tuple[tuple[str, str], ...], Floats]:
    """Return the nodes of one run's graphs and the mean Ã over the draws."""
    import torch

    run_spec = record(run)["spec"]
    graph = trained_graph(run, run_spec["method"], spec["neighbours"])
    vectors, rows = instances(run, run_spec, panel, spec["view"])
    rng = np.random.default_rng([spec["view"]["seed"], *run.encode()])
    total = 0.0
    for _ in range(spec["draws"]):
        chosen = [int(rng.choice(where)) for where in rows.values()]
        with torch.inference_mode():
            total = total + graph.edges(torch.from_numpy(vectors[chosen])).double().numpy()
    edges: Floats = np.asarray(total) / spec["draws"]
    return tuple(rows), edges


def trained_graph(run: str, method: Mapping[str, Any], neighbours: int) -> Any:
    """Return the graph that a run learned, with another number of neighbours.

    Raises:
        UserError: the run is of another method, or has kept no graph.
    """
    from pipeline.methods.parts.meta_graph import MetaGraph
    from pipeline.training.kept import kept_by

    weights = {key.removeprefix("graph."): tensor for key, tensor in kept_by(run).items() if key.startswith("graph.")}
    if method["name"] != "mgl" or not weights:
        raise UserError(f"run {run} has kept no meta graph: it is of method {method['name']}; expected mgl")
    last = weights[f"layers.{method['layers'] - 1}.weight"]
    options = {key: method[key] for key in ("layers", "length_scale", "distance", "dropout")}
    graph = MetaGraph(last.shape[1], last.shape[0], neighbours=neighbours, **options)
    graph.load_state_dict(weights)
    return graph.eval()


def instances(
    run: str, run_spec: Mapping[str, Any], panel: Mapping[str, Any], view: Mapping[str, Any]
) -> tuple[npt.NDArray[np.float32], dict[tuple[str, str], Sequence[int]]]:
    """Return a run's points, and by language and class, sources first, which of them are whose.

    Raises:
        UserError: they are missing, or a class has none.
    """
    table, vectors = read_vectors(run, view)
    places = {key: i for i, key in enumerate(zip(table["lang"].to_pylist(), table["id"].to_pylist(), strict=True))}
    rows: dict[tuple[str, str], Sequence[int]] = {}
    for language, source in [*((s, True) for s in panel["sources"]), (panel["target"], False)]:
        split = read_split(paths.run_split(run_spec, language, view["split"], source), run_spec["task"])
        of_class: dict[str, list[int]] = {label: [] for label in sorted(set(split["label"].to_pylist()))}
        for identity, label in zip(split["id"].to_pylist(), split["label"].to_pylist(), strict=True):
            if (language, identity) in places:
                of_class[label].append(places[language, identity])
        for label, found in of_class.items():
            if not found:
                raise UserError(
                    f"{points_path(run, view)}: no point of class {label!r} in {language}; represent more sentences"
                )
            rows[language, label] = found
    return vectors, rows
