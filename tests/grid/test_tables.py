"""A table is told its rows, its expected cells and its selection protocol, and no run's id."""

import json

from tests.configs import grid


def test_a_table_is_described_without_ids():
    spec = grid("tables.few.labels={joint: JT}").tables["few"]
    text = json.dumps(spec)
    assert not any(run.id in text for run in grid().runs.values())
    assert spec["methods"][:3] == [
        {"name": "target_only", "method": "target_only", "label": "target only"},
        {"name": "joint", "method": "joint", "label": "JT"},
        {"name": "joint-cat", "method": "joint", "label": "joint-cat"},
    ]
    assert spec["experiments"] == [
        {
            "name": "few",
            "task": "ner",
            "dataset": "babel",
            "encoder": "small",
            "sources": ["hubbish"],
            "auxiliaries": [],
            "targets": ["nearish", "farrish"],
            "source_sizes": [500],
            "target_sizes": [50],
            "data_seeds": [42],
            "model_seeds": [1, 2],
            "methods": ["target_only", "joint", "joint-cat", "fine_tune", "zero_shot", "few_shot"],
        }
    ]


def test_a_table_knows_how_epochs_were_chosen():
    spec = grid("experiments.few.dev_size=20").tables["few"]
    facts = {entry["method"]: entry for entry in spec["selection"]}
    assert facts["joint"] == {
        "experiment": "few",
        "method": "joint",
        "select": "best",
        "dev": "target",
        "dev_size": 20,
        "metric": None,
        "dev_from": "dev",
        "test": "test",
        "parent": None,
    }
    parent = {"select": "best", "dev": "source", "dev_size": 20, "metric": None}
    assert (facts["zero_shot"]["select"], facts["zero_shot"]["dev"], facts["zero_shot"]["parent"]) == (
        "parent",
        None,
        parent,
    )
    assert (facts["few_shot"]["select"], facts["few_shot"]["dev"], facts["few_shot"]["parent"]) == (
        "last",
        None,
        parent,
    )
    lenient = grid("experiments.few.training={select_metric: entity_f1_lenient}").tables["few"]["selection"]
    metrics = {entry["method"]: (entry["metric"], entry["parent"] and entry["parent"]["metric"]) for entry in lenient}
    assert metrics["joint"] == ("entity_f1_lenient", None)
    assert metrics["zero_shot"] == metrics["few_shot"] == (None, "entity_f1_lenient")
