"""Training methods, one file each; `pipeline.methods.contract` says what a method is.

A method is found by its file's name and imported alone, so a run depends on the code of its own method and no other.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.common.errors import UserError, nearest

if TYPE_CHECKING:
    from pipeline.methods.contract import Method


def build_method(name: str, settings: Mapping[str, Any]) -> Method:
    """Build the method of `pipeline/methods/<name>.py` with its hyper-parameters, all of them: defaults stand in the config.

    Raises:
        UserError: the method has no such hyper-parameter, or one is missing.
    """
    module = importlib.import_module(f"{__name__}.{name}")
    known = hyper_parameters(module.build)
    for key in settings:
        if key not in known:
            raise UserError(f"method {name}: unknown hyper-parameter {key!r}{nearest(key, known)}")
    for key, required in known.items():
        if required and key not in settings:
            raise UserError(f"method {name}: hyper-parameter {key!r} is missing")
    method: Method = module.build(**settings)
    return method


def method_names() -> list[str]:
    """Return the names of all methods."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.name not in ("contract", "parts"))


def hyper_parameters(build: Callable[..., Method]) -> dict[str, bool]:
    """Return what a method's `build` is to be told, and whether it must be: what a partial has settled is not asked for."""
    settled = getattr(build, "keywords", {})
    parameters = inspect.signature(build).parameters.values()
    return {p.name: p.default is p.empty for p in parameters if p.name not in settled}
