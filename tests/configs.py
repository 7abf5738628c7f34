"""A small valid config to change in tests."""

from copy import deepcopy
from typing import Any

import pytest

from pipeline.common.errors import UserError
from pipeline.config.load import parse
from pipeline.config.reading import apply_override, read_files
from pipeline.grid.layout import config_file
from pipeline.grid.runs import Grid, expand

COMMIT = "0123456789abcdef0123456789abcdef01234567"

BASE: dict[str, Any] = {
    "datasets": {
        "babel": {"loader": "babel", "sizes": {"train": 1000}},
        "wikiann": {"loader": "wikiann", "sources": ["mirror"], "mirror": "/mirror"},
    },
    "encoders": {
        "small": {"from": "pretrain", "text": [{"dataset": "babel", "languages": "all"}]},
        "mbert": {"from": "hub", "repository": "google-bert/bert-base-multilingual-cased", "revision": COMMIT},
    },
    "methods": {"joint-cat": {"method": "joint", "batches": "concatenated"}},
    "training": {"learning_rate": 0.001, "epochs": 4},
    "experiments": {
        "few": {
            "dataset": "babel",
            "encoder": "small",
            "methods": ["target_only", "joint", "joint-cat", "fine_tune", "zero_shot", "few_shot"],
            "sources": ["hubbish"],
            "targets": ["nearish", "farrish"],
            "source_size": 500,
            "target_size": 50,
            "model_seeds": [1, 2],
        }
    },
    "tables": {"few": {"experiments": ["few"], "baseline": "target_only", "title": "Few"}},
}


def changed(*overrides: str) -> dict[str, Any]:
    """The base config with `path=value` changes; an empty value deletes the key."""
    raw = deepcopy(BASE)
    for override in overrides:
        path, _, value = override.partition("=")
        if value:
            apply_override(raw, override)
        else:
            *parents, last = path.split(".")
            section = raw
            for parent in parents:
                section = section[parent]
            del section[last]
    return raw


def grid(*overrides: str) -> Grid:
    """The base config's grid after changes."""
    return expand(parse(changed(*overrides)))


def errors(*overrides: str) -> list[str]:
    """The lines by which the base config is refused after changes."""
    with pytest.raises(UserError) as caught:
        parse(changed(*overrides))
    return str(caught.value).split("\n")


def paper_config(paper: str) -> dict[str, Any]:
    """A paper's own config."""
    return read_files([config_file(paper)])[0]
