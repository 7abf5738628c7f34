"""The points that a grid of hyper-parameters stands for: every one an ordinary method, and an ordinary run."""

from collections.abc import Mapping
from itertools import product
from operator import attrgetter
from typing import Any

from pydantic import ValidationError

from pipeline.config.methods.contract import Method
from pipeline.config.tuning import TRAINING, value_text


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
        *sections, last = key.split(".")
        place = given
        for section in sections:
            place[section] = dict(place.get(section) or {})
            place = place[section]
        place[last] = value
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
            value = attrgetter(name)(resolved.training) if trained else own.get(name)
            settings["training" if trained else "method"][name] = value
            shown[key] = value_text(value)
        described.append({"shown": shown, "settings": {section: kept for section, kept in settings.items() if kept}})
    return described


def point_text(point: Mapping[str, Any]) -> str:
    """Word a point: `meta_lr 1e-06, bottleneck 48`."""
    return ", ".join(f"{key} {value_text(value)}" for key, value in point.items())
