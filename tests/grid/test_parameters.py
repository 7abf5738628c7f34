"""What is noted of functions for Snakemake is what it would find itself."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from snakemake import common
from snakemake.resources import Resource

from pipeline.grid.jobs import Jobs
from pipeline.grid.parameters import NOTED
from pipeline.grid.resources import Needs, note_evaluation

note_evaluation()
OURS = [object.__new__(Jobs), object.__new__(Needs), Resource("mem_mb", 1)]
NAMED = [
    getattr(one, name)
    for one in OURS
    for name, function in vars(type(one)).items()
    if inspect.isfunction(function) and hasattr(function, NOTED)
]


def test_all_that_rules_name_is_noted() -> None:
    names = {function.__name__ for function in NAMED}
    assert {"run_inputs", "run_spec", "run_code", "keep_model", "run_mem_mb", "run_runtime", "evaluate"} <= names
    assert common.FUNC_OVERWRITE_PARAMS_ATTR == NOTED


@pytest.mark.parametrize("function", NAMED, ids=lambda function: function.__qualname__)
def test_snakemake_finds_the_parameters_that_a_function_has(
    function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = dict(inspect.signature(function).parameters)
    monkeypatch.setattr(inspect, "signature", None)  # it does not look again
    assert dict(common.get_function_params(function)) == taken
    offered = {"wildcards": 1, "output": 2, "attempt": 3, "threads": 4}
    variable = any(one.kind == one.VAR_KEYWORD for one in taken.values())
    expected = offered if variable else {key: value for key, value in offered.items() if key in taken}
    assert common.get_input_function_aux_params(function, offered) == expected


def test_a_function_without_wildcards_is_left_alone() -> None:
    assert not hasattr(Jobs.stage_code, NOTED) and not hasattr(Jobs.predictions, NOTED)
