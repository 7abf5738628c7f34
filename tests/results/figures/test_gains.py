"""Figures over experiments: gains by auxiliary and target, update rates by layer."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import write_text
from pipeline.config.load import parse
from pipeline.grid.runs import expand
from pipeline.results.figures.gains import Gain, gains
from pipeline.results.figures.maps import draw_gains_map, draw_rates
from pipeline.results.figures.rates import Rates, read_rates
from pipeline.results.scores.collect import SCORES
from tests.configs import changed, errors

SPEC = {
    "experiment": "main",
    "method": "xla_maml",
    "baseline": "zero_shot",
    "words": {"xla_maml": "XLA-MAML", "zero_shot": "zero-shot"},
    "metric": "accuracy",
    "auxiliaries": ["a", "a+b"],
    "targets": ["a", "c", "d"],
}


def scores(*rows):
    """Rows (variant, auxiliary, language, model_seed, value); all else alike."""
    names = ("variant", "auxiliary", "language", "model_seed", "value")
    filled = []
    for row in rows:
        given = dict(zip(names, row, strict=True))
        filled.append({"experiment": "main", "metric": "accuracy", "data_seed": 42, "run": str(row), **given})
    return pa.Table.from_pylist([{name: row.get(name) for name in SCORES.names} for row in filled], schema=SCORES)


def test_gains_by_hand():
    table = scores(
        ("zero_shot", "", "c", 1, 0.50), ("zero_shot", "", "c", 2, 0.60), ("zero_shot", "", "d", 1, 0.4),
        ("xla_maml", "a", "c", 1, 0.55), ("xla_maml", "a", "c", 2, 0.59), ("xla_maml", "a", "c", 3, 0.9),
        ("xla_maml", "a+b", "c", 2, 0.50), ("xla_maml", "a+b", "d", 2, 0.9),
    )  # fmt: skip
    first, second = gains(table, SPEC)
    assert first[0] == second[0] == Gain(None, reason="auxiliary")
    assert (round(first[1].points, 9), first[1].seeds) == (2.0, 2)  # +5 and −1; seed 3 has no baseline
    assert (round(second[1].points, 9), second[1].seeds) == (-10.0, 1)
    assert first[2] == second[2] == Gain(None, reason="missing")  # no run, and no seed in common


def test_what_is_missing_altogether_or_twice_is_an_error():
    with pytest.raises(UserError, match="no accuracy of 'zero_shot' in experiment 'main'"):
        gains(scores(("xla_maml", "a", "c", 1, 0.5)), SPEC)
    twice = scores(("zero_shot", "", "c", 1, 0.5), ("xla_maml", "a", "c", 1, 0.5), ("xla_maml", "a", "c", 1, 0.6))
    with pytest.raises(UserError, match="xla_maml: several runs on c with model seed 1"):
        gains(twice, SPEC)


def test_a_map_has_every_number_and_colours_centred_at_zero():
    cells = [
        [Gain(None, reason="auxiliary"), Gain(4.04, 3), Gain(-0.04, 3)],
        [Gain(1.0, 2), Gain(None, reason="missing"), Gain(-2.0, 3)],
    ]
    figure = draw_gains_map(SPEC, cells)
    axis = figure.axes[0]
    assert [text.get_text() for text in axis.texts] == ["–", "+4.0", "+0.0", "+1.0", "?", "−2.0"]
    assert [t.get_text() for t in axis.get_xticklabels()] == SPEC["targets"]
    assert [t.get_text() for t in axis.get_yticklabels()] == SPEC["auxiliaries"]
    (image,) = axis.images
    assert image.norm.vmin == -image.norm.vmax == -4.04
    assert axis.get_title() == "Accuracy ×100, mean over n = 2–3 seeds"
    assert figure.get_suptitle() == "XLA-MAML − zero-shot"


def test_rates_are_those_of_each_episodes_last_step(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_text(paths.history("run"), "".join(json.dumps({"epoch": n, "steps": 3}) + "\n" for n in (1, 2)))
    pq.write_table(
        pa.table({"step": range(1, 7), "loss": [1.0] * 6, "rate_1": np.linspace(0, 0.5, 6), "rate_head": [0.5] * 6}),
        paths.steps("run"),
    )
    found = read_rates("run")
    assert found.layers == ("1", "head")
    np.testing.assert_allclose(found.episodes, [[0.2, 0.5], [0.5, 0.5]])
    drawn = draw_rates("meta_optimizer", [found, Rates(found.layers, found.episodes + 0.2)])
    mean = drawn.axes[0].lines[-1].get_ydata()
    np.testing.assert_allclose(mean, [0.6, 0.6])
    pq.write_table(pa.table({"step": [1], "loss": [1.0]}), paths.steps("run"))
    with pytest.raises(UserError, match="the run learned no update rates"):
        read_rates("run")
    with pytest.raises(UserError, match="cannot read what the run logged"):
        read_rates("absent")


CONFIG = (
    "experiments.few.methods=[zero_shot, xla_maml, meta_optimizer]",
    "experiments.few.auxiliaries=[[nearish, middish]]",
    "experiments.few.targets=[farrish, kinnish]",
    "tables=",
)


def test_the_config_says_what_is_drawn():
    figures = ("figures.map={kind: gains, experiment: few, method: xla_maml, metric: entity_f1_strict}",
               "figures.layers={kind: rates, experiment: few, method: meta_optimizer}")  # fmt: skip
    grid = expand(parse(changed(*CONFIG, *figures)))
    assert grid.figures["map"] == {
        "kind": "gains", "experiment": "few", "method": "xla_maml", "baseline": "zero_shot", "metric": "entity_f1_strict",
        "words": {"xla_maml": "XLA-MAML", "zero_shot": "zero-shot"},
        "auxiliaries": ["middish+nearish"], "targets": ["farrish", "kinnish"],
    }  # fmt: skip
    learned = {run.rates for run in grid.runs.values() if run.rates}
    assert set(grid.figures["layers"]["runs"]) == learned and len(learned) == 2


@pytest.mark.parametrize(
    ("figure", "message"),
    [
        ("{kind: gain, experiment: few}", "figures.f.kind: unknown kind 'gain'; did you mean 'gains'?"),
        (
            "{kind: gains, experiment: fw, method: xla_maml}",
            "figures.f.experiment: unknown experiment 'fw'; did you mean 'few'?",
        ),
        (
            "{kind: gains, experiment: few, method: x_maml}",
            "figures.f.method: 'x_maml' is no method of experiment 'few'",
        ),
        (
            "{kind: gains, experiment: few, method: zero_shot}",
            "figures.f.method: 'zero_shot' learns from no auxiliary language",
        ),
        (
            "{kind: gains, experiment: few, method: xla_maml, baseline: meta_optimizer}",
            "figures.f.baseline: 'meta_optimizer' learns from auxiliary languages itself",
        ),
        (
            "{kind: gains, experiment: few, method: xla_maml, metric: acuracy}",
            "figures.f.metric: unknown metric 'acuracy'",
        ),
        (
            "{kind: rates, experiment: few, method: xla_maml}",
            "figures.f.method: 'xla_maml' has no run that learns update rates",
        ),
    ],
)
def test_figures_that_cannot_be_drawn_are_refused(figure, message):
    said = errors(*CONFIG, f"figures.f={figure}")
    assert any(line.strip().startswith(message) for line in said), said
