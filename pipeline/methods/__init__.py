"""Training methods, one file each; `pipeline.methods.contract` says what a method is.

A method is found by its file's name and imported alone, so a run depends on the code of its own method and no other.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.common.errors import UserError, nearest

if TYPE_CHECKING:
    from pipeline.methods.contract import Method


def build_method(name: str, settings: Mapping[str, Any]) -> Method:
    """Build the method of `pipeline/methods/<name>.py` with its hyper-parameters.

    Raises:
        UserError: the method has no such hyper-parameter.
    """
    module = importlib.import_module(f"{__name__}.{name}")
    known = inspect.signature(module.build).parameters
    for key in settings:
        if key not in known:
            raise UserError(f"method {name}: unknown hyper-parameter {key!r}{nearest(key, known)}")
    method: Method = module.build(**settings)
    return method
