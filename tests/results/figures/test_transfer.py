"""Heat maps of sources and targets: cells by hand, what is missing, colours, widths and labels."""

import pyarrow as pa
import pytest

from pipeline.common.errors import UserError
from pipeline.results.figures.drawing import COLUMN, PAGE
from pipeline.results.figures.heat import contrast, heat_figure, longest, of_gains, of_scores
from pipeline.results.figures.labels import END, ISOLATE, Labels
from pipeline.results.figures.transfer import Cell, draw_transfer, transfer
from pipeline.results.scores.collect import SCORES
from tests.configs import errors, grid

SPEC = {
    "kind": "transfer",
    "method": "joint",
    "baseline": "target_only",
    "words": {"joint": "joint", "target_only": "target only"},
    "metric": "accuracy",
    "cells": [["one", "en", "c"], ["one", "en", "d"], ["two", "de+en", "c"]],
}


def scores(*rows):
    """Rows (experiment, variant, sources, language, model_seed, value); all else alike."""
    names = ("experiment", "variant", "sources", "language", "model_seed", "value")
    filled = [{"metric": "accuracy", "data_seed": 42, **dict(zip(names, row, strict=True))} for row in rows]
    return pa.Table.from_pylist([{name: row.get(name) for name in SCORES.names} for row in filled], schema=SCORES)


TABLE = scores(
    ("one", "target_only", "", "c", 1, 0.5), ("one", "target_only", "", "c", 2, 0.4), ("two", "target_only", "", "c", 1, 0.7),
    ("one", "joint", "en", "c", 1, 0.6), ("one", "joint", "en", "c", 2, 0.6), ("one", "joint", "en", "c", 3, 0.9),
    ("two", "joint", "de+en", "c", 1, 0.6), ("one", "joint", "en", "d", 1, 0.3), ("three", "joint", "en", "c", 1, 0.0),
)  # fmt: skip


def test_gains_are_over_common_seeds_of_the_cells_own_experiment():
    found = transfer(TABLE, SPEC)
    assert found["en", "c"] == Cell(pytest.approx(15), 2)  # +10 and +20; seed 3 has no baseline
    assert found["de+en", "c"] == Cell(pytest.approx(-10), 1)
    assert found["en", "d"] == Cell(None), "no baseline there"


def test_without_a_baseline_the_scores_are_shown():
    found = transfer(TABLE, {**SPEC, "baseline": None})
    assert found["en", "c"] == Cell(pytest.approx(70), 3) and found["en", "d"] == Cell(pytest.approx(30), 1)


def test_what_is_missing_altogether_or_twice_is_an_error():
    with pytest.raises(UserError, match="no accuracy of 'metaxl' in one, two; train it first"):
        transfer(TABLE, {**SPEC, "method": "metaxl"})
    twice = pa.concat_tables([TABLE, TABLE.slice(3, 1)])
    with pytest.raises(UserError, match="joint: several runs on en→c in 'one' with model seed 1"):
        transfer(twice, SPEC)


def test_a_map_has_every_number_and_says_what_is_missing():
    figure = draw_transfer(SPEC, transfer(TABLE, SPEC), Labels({"c": "Cé", "en": "انگلیسی"}))
    axis = figure.axes[0]
    assert [text.get_text() for text in axis.texts] == ["+15.0", "?", "−10.0", ""], (
        "nothing where the config asks for none"
    )
    assert [text.get_text() for text in axis.get_xticklabels()] == ["Cé", "d"]
    assert [text.get_text() for text in axis.get_yticklabels()] == [
        f"{ISOLATE}انگلیسی{END}",
        f"de+{ISOLATE}انگلیسی{END}",
    ]
    assert axis.images[0].norm.vmax == -axis.images[0].norm.vmin == pytest.approx(15)
    assert figure.get_supxlabel() == "Accuracy ×100, mean over n = 1–2 seeds; ?: no run yet"
    plain = draw_transfer({**SPEC, "baseline": None}, {("en", "c"): Cell(50.0, 3), ("en", "d"): Cell(70.0, 3)})
    assert [text.get_text() for text in plain.axes[0].texts] == ["50.0", "70.0"]
    assert plain.axes[1].get_xlabel() == "Accuracy ×100" and plain.get_suptitle() == "joint"


def test_a_map_is_a_column_wide_where_its_numbers_fit():
    assert heat_figure(["en"], list("abcd")).get_figwidth() == COLUMN
    assert COLUMN < heat_figure(["en"], list("abcdefghij")).get_figwidth() < PAGE
    assert heat_figure(["en"], ["xx"] * 30).get_figwidth() > PAGE, "numbers are never smaller than 7 points"
    assert longest([f"{ISOLATE}ab{END}"]) == 2


def test_numbers_can_be_read_on_their_colours():
    import numpy as np

    assert (contrast((1, 1, 0.2)), contrast((0, 0.1, 0.3))) == ("black", "white")
    empty = np.array([[np.nan]])
    assert (of_gains(empty).high, of_scores(empty, "").high) == (1.0, 100.0)
    same = of_scores(np.array([[50.0, 50.0]]), "")
    assert (same.low, same.high) == (49.5, 50.5)


TRANSFER = "figures.f={kind: transfer, experiments: few, "


def test_the_config_says_which_cells():
    spec = grid(TRANSFER + "method: joint, baseline: target_only}", "language_names={nearish: Nah}").figures["f"]
    assert spec["cells"] == [["few", "hubbish", "nearish"], ["few", "hubbish", "farrish"]]
    assert spec["language_names"] == {"nearish": "Nah"} and spec["metric"] == "entity_f1_strict"
    assert "language_names" not in grid(TRANSFER + "method: joint}", "language_names=own").figures["f"], "none is known"


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        ("method: target_only}", "figures.f.method: 'target_only' learns from no source language"),
        ("method: joint, baseline: joint}", "figures.f.baseline: is the method itself"),
        ("method: jont}", "figures.f.method: 'jont' is no method of experiment 'few'"),
        ("method: joint, metric: acuracy}", "figures.f.metric: unknown metric 'acuracy'"),
    ],
)
def test_maps_that_cannot_be_drawn_are_refused(rest, message):
    assert any(line.strip().startswith(message) for line in errors(TRANSFER + rest))


def test_a_cell_in_two_experiments_and_several_sizes_are_refused():
    twice = (
        "experiments.more={dataset: babel, encoder: small, methods: [joint], sources: [hubbish], targets: [nearish]}"
    )
    said = errors(twice, "figures.f={kind: transfer, experiments: [few, more], method: joint}")
    assert said == ["figures.f.experiments: hubbish→nearish is in 'few' and in 'more'; name one of them"]
    said = errors("experiments.few.source_size=[100, 200]", TRANSFER + "method: joint}")
    assert said == ["figures.f.experiments: 'few' has several values of source_size; make an experiment with one"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("{nearis: Nah}", "language_names.nearis: no experiment has language 'nearis'; did you mean 'nearish'?"),
        ("autonyms", "language_names: expected codes, own, or names by language such as {ar: العربية}; got 'autonyms'"),
        (
            "{nearish: ''}",
            "language_names: the name of nearish is ''; expected a text of one line and at most 40 characters",
        ),
    ],
)
def test_names_that_no_figure_can_show_are_refused(names, message):
    assert errors(f"language_names={names}") == [message]


def test_a_name_may_have_joiners_in_it():
    spec = grid(TRANSFER + "method: joint}", 'language_names={nearish: "می\u200cخ"}').figures["f"]
    assert spec["language_names"] == {"nearish": "می\u200cخ"}
