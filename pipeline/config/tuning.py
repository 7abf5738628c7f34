"""Grids of hyper-parameters in the config: what `tune` of a method may hold, and the points it stands for.

Every point is an ordinary run with the point's values in its spec; `tune` and `tune_by` themselves are in none. Which
point a table shows is chosen from dev scores by `pipeline.results.tuning`.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import InitErrorDetails

from pipeline.errors import nearest

if TYPE_CHECKING:
    from pipeline.config_training import Method

TRAINING = "training."
"""What keys of `training` begin with in a grid."""

NOT_TUNABLE = ("method", "training", "tune", "tune_by")
SELECT = "training.select"

KeyPath = tuple[str | int, ...]


# ------------------------------------------------------------------------------------------------------ reading the grid


def tunable(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return what a method's grid may name: its own hyper-parameters, and `training.<key>`."""
    training = model.model_fields["training"].annotation
    assert isinstance(training, type) and issubclass(training, BaseModel)
    own = {key: field for key, field in model.model_fields.items() if key not in NOT_TUNABLE}
    return own | {f"{TRAINING}{key}": field for key, field in training.model_fields.items()}


def read_grid(model: type[BaseModel], grid: Mapping[str, Sequence[Any]]) -> dict[str, list[Any]]:
    """Read every value of a grid as its key's field reads it, so that `1e-6` is one number and one run in all spellings.

    Args:
        model: the method's class.
        grid: by key, the values as they stand in the config.

    Raises:
        ValidationError: unknown keys, values their fields refuse, values that stand there twice; each at its place.
    """
    fields = tunable(model)
    wrong: list[InitErrorDetails] = []
    found: dict[str, list[Any]] = {}
    for key, values in grid.items():
        if key not in fields:
            meant = f"; write {TRAINING}<key>: [values]" if key == "training" else nearest(key, fields)
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


# ------------------------------------------------------------------------------------------------------------ the points


def grid_points(method: "Method") -> list[dict[str, Any]]:
    """Return the Cartesian product of a grid's values, later keys varying faster; one empty point where there is no grid."""
    return [dict(zip(method.tune, values, strict=True)) for values in product(*method.tune.values())]


def at_point(method: "Method", point: Mapping[str, Any]) -> "Method":
    """Return a method with a point's values in the place of its grid.

    Raises:
        ValidationError: the method refuses these values together.
    """
    if not point:
        return method
    given = method.model_dump(by_alias=True, exclude_unset=True, exclude={"tune", "tune_by"})
    given["method"] = method.registered_name()
    for key, value in point.items():
        if key.startswith(TRAINING):
            given["training"] = {**given.get("training", {}), key.removeprefix(TRAINING): value}
        else:
            given[key] = value
    return type(method).model_validate(given)


def points(method: "Method") -> list["Method"]:
    """Return the methods that a method with a grid stands for, in the grid's order; one without stands for itself.

    Points that come to the same settings are one. What a method refuses is left out here and reported by `check_grid`.
    """
    found: list[Method] = []
    seen: list[Any] = []
    for point in grid_points(method):
        try:
            resolved = at_point(method, point)
        except ValidationError:
            continue
        settings = (resolved.hyper_parameters(), resolved.training)
        if settings not in seen:
            seen.append(settings)
            found.append(resolved)
    return found


def described_points(method: "Method") -> list[dict[str, Any]]:
    """Return each point of a grid as a table is told of it.

    Keys:
        shown: the tuned keys and their values as text.
        settings: how its runs' specs differ from other points', `{"method": {…}, "training": {…}}`: the tuned keys, and
            hyper-parameters that follow from them.
    """
    every = points(method)
    hyper = [resolved.hyper_parameters() for resolved in every]
    follow = [
        key
        for key in {k: None for own in hyper for k in own}
        if any(own.get(key) != hyper[0].get(key) for own in hyper)
    ]
    described = []
    for resolved, own in zip(every, hyper, strict=True):
        settings: dict[str, dict[str, Any]] = {"method": {key: own.get(key) for key in follow}, "training": {}}
        shown: dict[str, str] = {}
        for key in method.tune:
            name = key.removeprefix(TRAINING)
            trained = key.startswith(TRAINING)
            value = getattr(resolved.training, name) if trained else own.get(name)
            settings["training" if trained else "method"][name] = value
            shown[key] = value_text(value)
        described.append({"shown": shown, "settings": {section: kept for section, kept in settings.items() if kept}})
    return described


def point_text(point: Mapping[str, Any]) -> str:
    """Word a point: `meta_lr 1e-06, bottleneck 48`."""
    return ", ".join(f"{key} {value_text(value)}" for key, value in point.items())


def value_text(value: Any) -> str:
    """Word a value as the config spells it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "+".join(map(value_text, value)) if isinstance(value, list | tuple) else str(value)


# ------------------------------------------------------------------------------------------------------------- the rules


def check_grid(path: KeyPath, method: "Method", parent: bool) -> Iterator[tuple[KeyPath, str]]:
    """Yield what is wrong with a method's grid beside single values.

    Args:
        path: of the method's entry.
        method: the method.
        parent: whether it is the parent of other methods.
    """
    kind, here = method.registered_name(), (*path, "tune")
    if not method.tune:
        if method.tune_by != "target":
            yield (*path, "tune_by"), "changes nothing without a grid under tune"
        return
    if parent:
        yield here, f"{kind} is the parent of other methods and stands in no table, so no point of it can be chosen"
        return
    if "select" not in method.training_keys:
        yield here, f"{kind} chooses no epoch by dev data, so it has no dev score by which a point could be chosen"
        return
    fixed = {*method.model_fields_set, *(f"{TRAINING}{key}" for key in method.training.model_fields_set)}
    for key in method.tune:
        if key in fixed:
            yield (*here, key), f"{key} is set to one value in the same entry too; leave one of the two out"
        elif key == SELECT:
            yield (*here, key), "points are chosen by the dev score of the best epoch, so select cannot be tuned"
    yield from _check_together(here, method)


def _check_together(here: KeyPath, method: "Method") -> Iterator[tuple[KeyPath, str]]:
    """The method must take the values of a point together, not only each for itself."""
    for point in grid_points(method):
        try:
            at_point(method, point)
        except ValidationError as error:
            said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            yield here, f"{point_text(point)}: {said}"
