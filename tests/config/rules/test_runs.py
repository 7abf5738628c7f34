"""A config that asks for more than can be expanded, or checked pair by pair, is refused in seconds."""

import time

import pytest

from pipeline.config.load import parse
from pipeline.config.rules.runs import MOST_RUNS
from tests.configs import BASE, changed, errors


def test_too_many_runs_are_refused_with_their_number():
    raw = changed()
    raw["experiments"]["few"] |= {"model_seeds": list(range(1000)), "data_seeds": list(range(1000))}
    started = time.process_time()
    assert refused(raw) == [
        f"experiments.few: asks for 12,000,000 runs, and all experiments for 12,000,000; expected at most {MOST_RUNS:,}: "
        "list fewer values, or divide the config into several"
    ]
    assert time.process_time() - started < 5


def test_a_grid_of_too_many_points_is_refused():
    values = "[" + ", ".join(f"0.{n:04}" for n in range(1, 61)) + "]"
    said = errors(f"methods.joint-cat.tune={{training.learning_rate: {values}, training.warmup: {values}}}")
    assert said == [
        "methods.joint-cat.tune: the grid has 3,600 points, and at most 2,000 can be tried; leave values or keys out"
    ]


@pytest.mark.parametrize("count", [20_000])
def test_long_lists_are_checked_in_seconds(count):
    raw = changed()
    raw["methods"] = {}
    languages = [f"l{n}" for n in range(count)]
    raw["datasets"]["own"] = {"loader": "files", "task": "ner", "folder": "x", "files": {"all": "{language}.csv"}}
    raw["experiments"]["few"] |= {
        "dataset": "own",
        "targets": [*languages, "l7"],
        "sources": [],
        "methods": ["zero_shot"],
    }
    raw["experiments"]["few"] |= {"model_seeds": [1]}
    started = time.process_time()
    assert any("'l7' stands there twice" in line for line in refused(raw))
    assert time.process_time() - started < 10


def test_thousands_of_entries_are_checked_in_seconds():
    few = {**BASE["experiments"]["few"], "methods": ["target_only"], "sources": [], "targets": ["nearish"]}
    few.pop("source_size")
    raw = {**BASE, "datasets": {}, "experiments": {}, "tables": {}}
    for n in range(2000):
        raw["datasets"][f"d{n}"] = BASE["datasets"]["babel"]
        raw["experiments"][f"e{n}"] = {**few, "dataset": f"d{n}", "encoder": f"smal{n}"}
    started = time.process_time()
    assert refused(raw)[0].startswith("encoders.small.text[0].dataset: unknown dataset 'babel'")
    assert time.process_time() - started < 10


def refused(raw: dict[str, object]) -> list[str]:
    with pytest.raises(Exception) as caught:
        parse(raw)
    return str(caught.value).split("\n")
