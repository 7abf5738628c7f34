"""Draw one figure, of an analysis or over an experiment, as PDF and PNG.

    python -m pipeline.stages.figure --name NAME --spec '{"kind": "pair", "sources": ["en"], "target": "qu", "runs": […], …}'
    python -m pipeline.stages.figure --name NAME --spec '{"kind": "correlation", "analysis": "quechua"}'

`pair`: principal components of source and target points in two models, from their representations. `correlation`: scores'
gains against distances' drops over language pairs, from `results/analyses/<analysis>.json`. `gains`: a method's gains by
auxiliary set and target, `transfer`: scores or gains by source set and target, `sizes`: scores by size, from
`results/scores.parquet`. `forest`: gains by language with intervals, from `results/tables/<table>.csv`. `rates`: learned update
rates, `curves`: dev scores or losses by epoch, from runs' logs. `meta_graph`: MGL's mean graph of classes and languages, from
models and representations. With `language_names` languages are called by these. Writes `results/figures/NAME.pdf` and `.png`:
same input and fonts, same bytes.
"""

import argparse
from collections.abc import Callable
from typing import Any

from pipeline.common import paths
from pipeline.common.errors import UserError, nearest, run_stage
from pipeline.common.files import check_keys, parse_object, read_json
from pipeline.common.integrity import verified_by_note
from pipeline.results.analyses.analysis import read_points
from pipeline.results.analyses.projection import Panel, panel
from pipeline.results.figures.curves import draw_curves, read_curves
from pipeline.results.figures.drawing import draw_correlation, draw_pair, save
from pipeline.results.figures.forest import draw_forest, read_forest
from pipeline.results.figures.gains import read_gains
from pipeline.results.figures.labels import Labels, labels_of
from pipeline.results.figures.maps import draw_gains_map, draw_graph_maps, draw_rates, draw_sizes
from pipeline.results.figures.meta_graphs import read_graph_map
from pipeline.results.figures.rates import read_rates
from pipeline.results.figures.sizes import read_sizes
from pipeline.results.figures.transfer import draw_transfer, read_transfer

KEYS = {
    "pair": ("kind", "sources", "target", "seed", "runs", "labels", "view"),
    "correlation": ("kind", "analysis"),
    "gains": ("kind", "experiment", "method", "baseline", "words", "metric", "auxiliaries", "targets"),
    "rates": ("kind", "label", "runs"),
    "sizes": ("kind", "methods", "words", "metric", "sizes", "columns", "unsized"),
    "curves": ("kind", "show", "metric", "targets", "lines"),
    "forest": ("kind", "table", "methods", "interval"),
    "transfer": ("kind", "method", "baseline", "words", "metric", "cells"),
    "meta_graph": ("kind", "label", "panels", "view", "draws", "neighbours"),
}
MAY_LACK = ("language_names", "over")
"""Keys that a description may have or not: what languages are called; of `sizes`, which sizes."""

LONGEST = 30
"""Characters of source languages that a title has room for."""


def main() -> None:
    """Run the stage.

    Raises:
        UserError: the description is wrong, or what it draws is missing or stale.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the figure's name, its files under results/figures")
    parser.add_argument("--spec", required=True, help="the figure's description, as JSON")
    arguments = parser.parse_args()
    spec = read_spec(arguments.spec)
    labels = labels_of(spec.get("language_names", {}))
    if labels.note:
        print(labels.note)
    figure = DRAWN[spec["kind"]](spec, labels)
    for suffix in ("pdf", "png"):
        save(figure, paths.figure(arguments.name, suffix))
        print(paths.figure(arguments.name, suffix))


def read_spec(text: str) -> dict[str, Any]:
    """Read a figure's description from JSON.

    Raises:
        UserError: it is not JSON, of no known kind, or a key is missing or unknown.
    """
    spec = parse_object(text, "--spec")
    kind = spec.get("kind")
    if kind not in KEYS:
        raise UserError(f"--spec: kind {kind!r}{nearest(str(kind), KEYS)}")
    check_keys({key: value for key, value in spec.items() if key not in MAY_LACK}, KEYS[kind], "--spec")
    return spec


def pair_figure(spec: dict[str, Any], labels: Labels) -> Any:
    """Return the figure of a language pair."""
    panels: list[Panel] = []
    for run, label in zip(spec["runs"], spec["labels"], strict=True):
        source, target = read_points(run, spec["view"], spec["sources"], spec["target"])
        panels.append(panel(label, source, target, panels[0] if panels else None))
    languages = labels.joined("+".join(spec["sources"]))
    shown = languages if len(languages) <= LONGEST else f"{len(spec['sources'])} languages"
    return draw_pair(shown, labels.of(spec["target"]), spec["seed"], spec["view"], panels, labels)


def correlation_figure(spec: dict[str, Any], labels: Labels) -> Any:
    """Return the figure of gains against drops."""
    path = verified_by_note(paths.analysis(spec["analysis"], "json"))
    found = read_json(path)
    for key in ("before", "after", "metric", "pairs", "correlations"):
        if key not in found:
            raise UserError(f"{path}: key {key!r} is missing")
    return draw_correlation(found, labels)


def gains_figure(spec: dict[str, Any], labels: Labels) -> Any:
    """Return the heat map of what a method gains, by auxiliary set and target."""
    return draw_gains_map(spec, read_gains(spec), labels)


def rates_figure(spec: dict[str, Any], labels: Labels) -> Any:
    """Return the figure of learned update rates by layer."""
    return draw_rates(spec["label"], [read_rates(run) for run in spec["runs"]])


def sizes_figure(spec: dict[str, Any], labels: Labels) -> Any:
    """Return the figure of scores by size of the target's training data."""
    return draw_sizes(spec, read_sizes(spec), labels)


def curves_figure(spec: dict[str, Any], labels: Labels) -> Any:
    """Return the learning curves of methods, by target."""
    return draw_curves(spec, read_curves(spec), labels)


def forest_figure(spec: dict[str, Any], labels: Labels) -> Any:
    """Return the forest plot of a table's differences."""
    return draw_forest(spec, read_forest(spec), labels)


def transfer_figure(spec: dict[str, Any], labels: Labels) -> Any:
    """Return the heat map of a method's scores or gains, by source set and target."""
    return draw_transfer(spec, read_transfer(spec), labels)


def meta_graph_figure(spec: dict[str, Any], labels: Labels) -> Any:
    """Return the figure of mean meta graphs."""
    return draw_graph_maps(spec, [read_graph_map(panel, spec) for panel in spec["panels"]], labels)


DRAWN: dict[str, Callable[[dict[str, Any], Labels], Any]] = {
    "pair": pair_figure,
    "correlation": correlation_figure,
    "gains": gains_figure,
    "rates": rates_figure,
    "sizes": sizes_figure,
    "curves": curves_figure,
    "forest": forest_figure,
    "transfer": transfer_figure,
    "meta_graph": meta_graph_figure,
}


if __name__ == "__main__":
    run_stage(main)
