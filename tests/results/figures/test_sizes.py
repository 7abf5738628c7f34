"""Scores by size of the target's training data: points by hand, intervals against scipy, and the drawing."""

import numpy as np
import pyarrow as pa
import pytest
from scipy import stats

from pipeline.common.errors import UserError
from pipeline.results.figures.maps import draw_sizes
from pipeline.results.figures.sizes import Point, sizes
from pipeline.results.scores.collect import SCORES
from tests.configs import errors, grid

SPEC = {
    "kind": "sizes",
    "methods": ["joint", "zero_shot"],
    "words": {"joint": "joint", "zero_shot": "zero-shot"},
    "metric": "accuracy",
    "sizes": [0.1, None],
    "columns": [["one", "c"], ["two", "d"]],
    "unsized": ["zero_shot"],
}


def scores(*rows):
    """Rows (experiment, variant, language, target_size, model_seed, value); all else alike."""
    names = ("experiment", "variant", "language", "target_size", "model_seed", "value")
    filled = [{"metric": "accuracy", "data_seed": 42, **dict(zip(names, row, strict=True))} for row in rows]
    return pa.Table.from_pylist([{name: row.get(name) for name in SCORES.names} for row in filled], schema=SCORES)


def whole(variant, size, values):
    """A variant's scores on both languages, by seed."""
    return [
        (experiment, variant, language, size, seed, value)
        for seed, pair in values.items()
        for (experiment, language), value in zip(SPEC["columns"], pair, strict=True)
    ]


def test_points_are_means_over_languages_first_and_intervals_scipys():
    base = whole("zero_shot", None, {1: (0.5, 0.5)})
    table = scores(*base, *whole("joint", 0.1, {1: (0.4, 0.6), 2: (0.6, 0.8), 3: (0.5, 0.9)}))
    found = sizes(table, SPEC)
    point = found["joint"][0]
    per_seed = np.array([50.0, 70.0, 70.0])
    low, high = stats.t.interval(0.95, 2, loc=per_seed.mean(), scale=stats.sem(per_seed))
    assert point.mean == pytest.approx(per_seed.mean())
    assert (point.mean - point.half, point.mean + point.half) == pytest.approx((low, high))
    assert point.seeds == 3
    assert found["joint"][1] is None, "all: no run yet"


def test_a_seed_that_lacks_a_language_is_left_out():
    rows = whole("joint", 0.1, {1: (0.4, 0.6), 2: (0.6, 0.8)})[:-1]
    (point, _) = sizes(scores(*rows, *whole("zero_shot", None, {1: (0.5, 0.5)})), SPEC)["joint"]
    assert point == Point(pytest.approx(50.0), None, 1)


def test_a_method_that_no_size_changes_has_one_value_everywhere():
    table = scores(*whole("joint", None, {1: (0.5, 0.5)}), *whole("zero_shot", None, {1: (0.2, 0.4)}))
    found = sizes(table, SPEC)
    assert [p.mean for p in found["zero_shot"]] == pytest.approx([30.0, 30.0])
    assert found["joint"] == [None, Point(pytest.approx(50.0), None, 1)], "trained on all alone so far"


def test_a_method_without_any_score_is_an_error():
    with pytest.raises(UserError, match="no accuracy of 'joint' in one, two; train it first"):
        sizes(scores(*whole("zero_shot", None, {1: (0.5, 0.5)})), SPEC)


def test_the_figure_has_every_line_and_size():
    lines = {"joint": [Point(40.0, 3.0, 5), Point(60.0, 2.0, 5)], "zero_shot": [None, Point(30.0, None, 1)]}
    figure = draw_sizes(SPEC, lines)
    axis = figure.axes[0]
    assert [t.get_text() for t in axis.get_xticklabels()] == ["0.1", "all"]
    assert axis.get_xlabel() == "labelled training examples of the target, share"
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["joint", "zero-shot"]
    said = figure.legends[0].get_title().get_text().replace("\n", " ")
    assert said == "mean over c, d; 95 % t-interval over n = 1–5 seeds"
    drawn = [container[0].get_ydata().tolist() for container in axis.containers]
    assert drawn == [[40.0, 60.0], [30.0]]
    assert draw_sizes({**SPEC, "sizes": [50, 100]}, lines).axes[0].get_xlabel().endswith("of the target")


def test_sizes_of_the_sources_are_an_axis_too():
    spec = {
        **SPEC,
        "sizes": [100, None],
        "over": "source_size",
        "unsized": ["target_only"],
        "methods": ["joint", "target_only"],
        "words": {"joint": "joint", "target_only": "target only"},
    }
    rows = [row for seed in (1, 2) for row in whole("joint", 50, {seed: (0.4, 0.6)})]
    table = scores(*rows, *whole("target_only", 50, {1: (0.2, 0.2)}))
    table = table.set_column(
        table.schema.get_field_index("source_size"),
        "source_size",
        pa.array([100.0 if variant == "joint" else None for variant in table["variant"].to_pylist()], pa.float64()),
    )
    found = sizes(table, spec)
    assert [point and point.mean for point in found["joint"]] == [pytest.approx(50), None]
    assert [point.mean for point in found["target_only"]] == pytest.approx([20, 20]), "the same whatever the sources"
    axis = draw_sizes(spec, found).axes[0]
    assert axis.get_xlabel() == "labelled training examples of the sources"


def test_the_config_says_over_which_sizes():
    sized = "experiments.few.source_size=[100, 500]"
    spec = grid(sized, "figures.f={kind: sizes, experiments: few, over: source_size}").figures["f"]
    assert (spec["sizes"], spec["over"], spec["unsized"]) == ([100, 500], "source_size", ["target_only"])
    assert (
        "over"
        not in grid("experiments.few.target_size=[50, 100]", "figures.f={kind: sizes, experiments: few}").figures["f"]
    )
    said = errors("figures.f={kind: sizes, experiments: few, over: source_size}")
    assert said == ["figures.f.experiments: 'few' has one source_size, which makes no line; list several"]
    said = errors(sized, "experiments.few.target_size=[50, 100]", "figures.f={kind: sizes, experiments: few}")
    assert said == ["figures.f.experiments: 'few' has several values of source_size; make an experiment with one"]
