"""The benchmark of collecting and of statistics makes what the stages read, and a table of it."""

import pytest

from benchmarks import results
from pipeline.common import paths
from pipeline.results.scores.collect import read_scores


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(results, "METHODS", ("method-0", "method-1"))
    monkeypatch.setattr(results, "LANGUAGES", ("l00", "l01"))
    monkeypatch.setattr(results, "SEEDS", (1, 2, 3))
    monkeypatch.setattr(results, "SHOWN", 12)


def test_made_up_runs_are_collected_and_shown():
    results.write_runs(15, 40)
    results.collect(15)
    scores = read_scores(paths.scores())
    accuracy = [
        value
        for value, metric in zip(*scores.select(["value", "metric"]).to_pydict().values(), strict=True)
        if metric == "accuracy"
    ]
    assert len(accuracy) == 15 and all(0.3 < value < 1 for value in accuracy)
    written = results.statistics(15)
    assert "rank" in written and "method-1" in written


def test_other_runs_are_not_of_the_table():
    names = [run.uses for run in results.grid(15)]
    assert [uses[0][0] for uses in names] == ["main"] * 12 + ["others"] * 3
