"""How rules report what is wrong, and the checks that all of them use."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.common.errors import nearest

KeyPath = tuple[str | int, ...]

Problem = tuple[KeyPath, str]
"""The path of a key and what is wrong with it."""


def check_known(path: KeyPath, kind: str, name: str, valid: Sequence[str]) -> Iterator[Problem]:
    """The name must be declared."""
    if name not in valid:
        yield path, f"unknown {kind} {name!r}{nearest(name, valid)}"


def check_twice(path: KeyPath, values: Sequence[Any]) -> Iterator[Problem]:
    """No item may stand in a list twice."""
    seen: set[Any] = set()
    for i, value in enumerate(values):
        known = tuple(value) if isinstance(value, list) else value
        if known in seen:
            shown = "+".join(value) if isinstance(value, list) else "all" if value is None else value
            yield (*path, i), f"{shown!r} stands there twice"
        seen.add(known)


Broken = Mapping[str, set[str]]
"""By section: names that are declared but left out for errors of their own; nothing is said of references to them."""
