"""Of which kind the values of a stage's `--spec` are: checked first, since people may write specs too."""

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from pipeline.common.errors import UserError, clipped

LARGEST = 10**18  # a config has no larger whole number either
SHOWN = 80  # characters of a value in a message


def check_kinds(found: Mapping[str, Any], kinds: Mapping[str, Any], where: str) -> None:
    """Check the values of those keys that are there.

    Args:
        found: the object.
        kinds: by key the annotation that its value must fit: a type, a union, a list or a dictionary of them.
        where: the argument's name.

    Raises:
        UserError: a value is of another kind, or a text of it that may become a path has a zero byte; names the key.
    """
    for key, kind in kinds.items():
        if key in found and not fits(found[key], kind):
            raise UserError(f"{where}: {key}: expected {named(kind)}, got {clipped(repr(found[key]), SHOWN)}")


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a kind; a truth value is no number, and a whole number may stand for any."""
    origin, parts = get_origin(kind), get_args(kind)
    if kind is Any:
        return True
    if origin in (Union, UnionType):
        return any(fits(value, part) for part in parts)
    if origin is list:
        return isinstance(value, list) and all(fits(inner, parts[0]) for inner in value)
    if origin is dict:
        return isinstance(value, dict) and all(fits(inner, parts[1]) for inner in value.values())
    if isinstance(value, bool):
        return kind is bool
    if isinstance(value, str):
        return kind is str and "\0" not in value
    return isinstance(value, (int, float) if kind is float else kind) and (
        not isinstance(value, int) or abs(value) < LARGEST
    )


def named(kind: Any) -> str:
    """Return a kind in words."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        return " or ".join(named(part) for part in parts)
    if origin is list:
        return "a list" if parts[0] is Any else f"a list, of each {named(parts[0])}"
    if origin is dict:
        return "an object" if parts[1] is Any else f"an object, of each key {named(parts[1])}"
    words = {str: "text", int: "a whole number", float: "a number", bool: "true or false", NoneType: "null"}
    return words.get(kind, getattr(kind, "__name__", str(kind)))
