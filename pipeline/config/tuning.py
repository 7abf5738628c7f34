"""Grids of hyper-parameters in the config: what `tune` of a method may hold, and how it is read.

Every point is an ordinary run with the point's values in its spec; `tune` and `tune_by` themselves are in none. Which
point a table shows is chosen from dev scores by `pipeline.results.tables.tuning`.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails

from pipeline.common.errors import nearest
from pipeline.config.training import Lora

TRAINING = "training."
"""What keys of `training` begin with in a grid."""

ADAPTERS = {f"lora.{key}": field for key, field in Lora.model_fields.items()}
"""The keys of `training.lora`, each of which may be varied by itself."""

MOST_POINTS = 2_000
"""Of a grid: each is checked, and is a run of its own for each target and seed."""

NOT_TUNABLE = ("method", "label", "training", "tune", "tune_by")

KeyPath = tuple[str | int, ...]


def tunable(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return what a method's grid may name: its own hyper-parameters, `training.<key>`, and `training.lora.<key>`."""
    training = model.model_fields["training"].annotation
    assert isinstance(training, type) and issubclass(training, BaseModel)
    own = {key: field for key, field in model.model_fields.items() if key not in NOT_TUNABLE}
    settings = {key: field for key, field in training.model_fields.items() if key != "lora"}
    return own | {f"{TRAINING}{key}": field for key, field in (settings | ADAPTERS).items()}


def read_grid(model: type[BaseModel], grid: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Read every value of a grid as its key's field reads it, so that `1e-6` is one number and one run in all spellings.

    Args:
        model: the method's class.
        grid: by key, the values as they stand in the config.

    Raises:
        ValidationError: more points than `MOST_POINTS`; unknown keys, values their fields refuse, values that stand there twice,
            each at its place.
    """
    fields = tunable(model)
    if (points := math.prod(map(len, grid.values()))) > MOST_POINTS:
        said = f"the grid has {points:,} points, and at most {MOST_POINTS:,} can be tried; leave values or keys out"
        raise ValidationError.from_exception_data("tune", [_refusal((), None, said)])
    wrong: list[InitErrorDetails] = []
    found: dict[str, list[Any]] = {}
    for key, values in grid.items():
        if key not in fields:
            nested = key in ("training", f"{TRAINING}lora")
            meant = f"; write {key}.<key>: [values]" if nested else nearest(key, fields)
            wrong.append(_refusal((key,), values, f"unknown hyper-parameter{meant}"))
            continue
        found[key] = []
        for i, value in enumerate(values):
            try:
                read = _adapter(model, key).validate_python(value)
            except ValidationError as error:
                wrong += [_placed(details, (key, i)) for details in error.errors(include_url=False)]
                continue
            if read in found[key]:
                wrong.append(_refusal((key, i), value, f"{value_text(read)} stands there twice"))
            found[key].append(read)
    if wrong:
        raise ValidationError.from_exception_data("tune", wrong)
    return found


@cache
def _adapter(model: type[BaseModel], key: str) -> TypeAdapter[Any]:
    field = tunable(model)[key]
    annotation: Any = Annotated[field.annotation, field]
    return TypeAdapter(annotation)


def _refusal(place: KeyPath, given: Any, message: str) -> InitErrorDetails:
    return {"type": "value_error", "loc": place, "input": given, "ctx": {"error": ValueError(message)}}


def _placed(details: Any, place: KeyPath) -> InitErrorDetails:
    """Put one of pydantic's errors about a value where the value stands."""
    moved: InitErrorDetails = {"type": details["type"], "loc": (*place, *details["loc"]), "input": details["input"]}
    return {**moved, "ctx": details["ctx"]} if "ctx" in details else moved


def value_text(value: Any) -> str:
    """Word a value as the config spells it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "+".join(map(value_text, value)) if isinstance(value, list | tuple) else str(value)
