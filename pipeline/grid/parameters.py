"""What functions that rules name take, noted once for Snakemake, which else works it out several times for every job.

With ten thousand runs that is a sixth of the time it takes to plan them.
"""

import inspect
from collections.abc import Callable
from types import MappingProxyType
from typing import Any, TypeVar

T = TypeVar("T")

NOTED = "_overwrite_params"
"""Where `snakemake.common.get_function_params` looks for a function's parameters before it inspects the function."""


def noted(kind: type[T]) -> type[T]:
    """Note the parameters of all methods of a class that take `wildcards`; to be put before a class."""
    for function in vars(kind).values():
        if inspect.isfunction(function) and "wildcards" in inspect.signature(function).parameters:
            note(function)
    return kind


def note(method: Callable[..., Any]) -> None:
    """Note the parameters of a method as they are where it is called: without `self`."""
    _, *taken = inspect.signature(method).parameters.items()
    setattr(method, NOTED, MappingProxyType(dict(taken)))
