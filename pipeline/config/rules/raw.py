"""What no config can hold, whatever its schema says: it is refused before the schema is asked, which could not say where."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from pipeline.common.errors import UserError
from pipeline.common.yaml_text import DEEPEST, MOST_NODES
from pipeline.config.reading import READ_AS, dotted, misread
from pipeline.config.rules.problems import KeyPath, Problem

NAMES = 2
"""Levels on which keys are sections and names; what deeper ones may be is the schema's."""

BITS = 1000
"""Of a whole number; larger ones are no floats, and longer than Python writes."""


def check_raw(raw: Mapping[Any, Any]) -> Iterator[Problem]:
    """Yield what is no name, no text or no number there can be, in the config's order.

    Raises:
        UserError: it is nested too deep, which it is without end where something contains itself, or is too large.
    """
    left: list[tuple[KeyPath, Any]] = [((), raw)]
    nodes = 0
    while left:
        path, value = left.pop()
        nodes += 1
        if len(path) > DEEPEST:
            raise UserError(f"{dotted(path[:3])}: is nested deeper than {DEEPEST}, or contains itself; write it out")
        if nodes > MOST_NODES:
            raise UserError(f"the config has more than {MOST_NODES:,} keys and values; divide it into several")
        below: list[tuple[KeyPath, Any]] = []
        if isinstance(value, Mapping):
            for key, inner in value.items():
                here = (*path, spelled(key))
                if said := _no_name(key) if len(path) < NAMES else _no_text(key):
                    yield here, said
                else:
                    below.append((here, inner))
        elif isinstance(value, list | tuple | set | frozenset):
            below = [((*path, i), inner) for i, inner in enumerate(value)]
        elif said := _no_text(value):
            yield path, said
        nodes += len(below) if isinstance(value, Mapping) else 0
        left += reversed(below)


def spelled(key: Any) -> str:
    """Return a key as it may stand in YAML."""
    return str(key).lower() if isinstance(key, bool) or key is None else str(key)


def _no_name(key: Any) -> str:
    kinds = {bool: "bool", date: "timestamp", type(None): "null"}
    kind = next((name for kind, name in kinds.items() if isinstance(key, kind)), None)
    return _no_text(key) if kind is None else misread("no or off" if key is False else spelled(key), READ_AS[kind])


def _no_text(value: Any) -> str:
    """Say what is wrong with a text or a number; nothing where it is neither, or is right."""
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        return f"{value!r} has half of a character, which no file can hold; write it anew"
    if isinstance(value, int) and value.bit_length() > BITS:
        return f"expected a number that can be computed with, got one of about {value.bit_length() * 3 // 10} digits"
    return ""
