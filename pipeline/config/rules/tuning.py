"""What a method's grid must be, beside single values."""

from collections.abc import Iterator

from pydantic import ValidationError

from pipeline.config.methods.contract import Method
from pipeline.config.points import at_point, grid_points, point_text
from pipeline.config.tuning import TRAINING, KeyPath

NOT_BY_DEV = {
    "training.select": "points are chosen by the dev score of the best epoch, so select cannot be tuned",
    "training.select_metric": "points are compared by their dev scores, which must be of one metric",
    "training.test_max_length": "points are chosen by their dev scores, and this changes test scores alone",
    "training.trim": "points are chosen by their dev scores, and this changes none",
}
"""Keys that no dev score can choose a value of, and why."""


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
    adapters = method.training.lora
    fixed |= {f"{TRAINING}lora.{key}" for key in (adapters.model_fields_set if adapters else ())}
    for key in method.tune:
        if key in fixed:
            yield (*here, key), f"{key} is set to one value in the same entry too; leave one of the two out"
        elif key in NOT_BY_DEV:
            yield (*here, key), NOT_BY_DEV[key]
        elif key.startswith(TRAINING) and key.removeprefix(TRAINING).partition(".")[0] not in method.training_keys:
            yield (*here, key), f"{kind} does not use it, so all points would be one"
    yield from _check_together(here, method)


def _check_together(here: KeyPath, method: "Method") -> Iterator[tuple[KeyPath, str]]:
    """The method must take the values of a point together, not only each for itself."""
    for point in grid_points(method):
        try:
            at_point(method, point)
        except ValidationError as error:
            said = error.errors(include_url=False)[0]["msg"].removeprefix("Value error, ")
            yield here, f"{point_text(point)}: {said}"
