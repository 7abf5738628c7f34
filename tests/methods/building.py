"""Methods built as runs build them: from the config's hyper-parameters, some of them changed."""

from collections.abc import Mapping
from typing import Any

from pipeline import methods
from pipeline.config.methods import METHODS, defaults_of
from pipeline.methods.contract import Method


def hyper_parameters(name: str) -> dict[str, Any]:
    """All hyper-parameters of a method at their defaults, those of rates learned beside θ among them; none of a toy's."""
    if name == "meta_optimizer":
        return {**METHODS[name].model_validate({"meta_train": False}).hyper_parameters(), "meta_train": True}
    return defaults_of(name) if name in (*METHODS, "layer_rates") else {}


def build_method(name: str, settings: Mapping[str, Any]) -> Method:
    """Build a method with some hyper-parameters, the others at their defaults."""
    return methods.build_method(name, {**hyper_parameters(name), **settings})
