"""The languages of a family and the parameters that set their distances (standard library alone; imports at once).

Language ids have five or more letters: ISO 639 codes have two or three, so none can be mistaken for a real language's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

from pipeline.common.errors import UserError, nearest

ID_PATTERN = re.compile(r"[a-z][a-z0-9]{4,29}")
ORDERS = ("SVO", "SOV", "VSO", "VOS", "OVS", "OSV")
SIDES = ("before", "after")
SCRIPTS = ("latin", "cyrillic", "georgian", "ethiopic")


@dataclass(frozen=True)
class Language:
    """One language's parameters.

    Attributes:
        id: lower-case letters and digits, five or more, a letter first.
        parent: the language whose words it inherits through sound changes; None: words of its own, unrelated to any.
        change_rate: share of the sounds that changed since the parent, 0 to 1.
        order: order of subject, object and verb.
        adjective: where an adjective stands, seen from its noun.
        adposition: `before` has prepositions, `after` postpositions.
        possessor: where a name stands, seen from the organisation noun it belongs to.
        title: where a noun in apposition stands, seen from the name.
        affix: where past and plural are marked on the word (prefix or suffix).
        article: where the article stands, seen from the noun phrase; `none`: there is no article.
        shared_names: share of the name stems that have their common form here.
        shared_numbers: share of the numbers that are written in digits here.
        script: how words are written.
    """

    id: str
    parent: str | None
    change_rate: float = 0.0
    order: str = "SVO"
    adjective: str = "before"
    adposition: str = "before"
    possessor: str = "before"
    title: str = "before"
    affix: str = "after"
    article: str = "before"
    shared_names: float = 1.0
    shared_numbers: float = 1.0
    script: str = "latin"


Family = Mapping[str, Language]

_HUB = Language("hubbish", None)
_FAR = Language(
    "farrish",
    None,
    order="SOV",
    adposition="after",
    title="after",
    affix="before",
    article="after",
    shared_names=0.3,
    shared_numbers=0.5,
)
DEFAULT_FAMILY: Family = MappingProxyType(
    {
        language.id: language
        for language in (
            _HUB,
            replace(_HUB, id="nearish", parent="hubbish", change_rate=0.15, shared_names=0.9),
            replace(_HUB, id="middish", parent="hubbish", change_rate=0.4, adjective="after", shared_names=0.7),
            _FAR,
            replace(_FAR, id="kinnish", parent="farrish", change_rate=0.15),
            replace(_HUB, id="glyphish", parent="hubbish", change_rate=0.15, shared_names=0.9, script="georgian"),
        )
    }
)

_CHOICES: dict[str, tuple[str, ...]] = {
    "order": ORDERS,
    "adjective": SIDES,
    "adposition": SIDES,
    "possessor": SIDES,
    "title": SIDES,
    "affix": SIDES,
    "article": (*SIDES, "none"),
    "script": SCRIPTS,
}
_RATES = ("change_rate", "shared_names", "shared_numbers")


def parse_family(overrides: Mapping[str, Any] | None = None) -> Family:
    """Return the default family with `overrides` applied: `{id: {parameter: value}}`.

    Parameters named for a built-in language change just those; a new id makes a new language, which must say its
    `parent` (null for unrelated words) and has `Language`'s defaults for the rest.

    Raises:
        UserError: a bad id, an unknown parameter or parent, a value out of range, or parents in a circle.
    """
    family = dict(DEFAULT_FAMILY)
    if overrides is not None and not isinstance(overrides, Mapping):
        raise UserError(f"family: expected languages and their parameters, found {overrides!r}")
    for name, parameters in (overrides or {}).items():
        where = f"family.{name}"
        if not isinstance(name, str) or not ID_PATTERN.fullmatch(name):
            rule = "5 to 30 lower-case letters and digits, a letter first (shorter ids could be ISO 639 codes)"
            raise UserError(f"{where}: a Babel language id has {rule}")
        if not isinstance(parameters, Mapping):
            raise UserError(f"{where}: expected parameters, found {parameters!r}")
        for key, value in parameters.items():
            _check_parameter(where, str(key), value)
        if name not in family and "parent" not in parameters:
            raise UserError(
                f"{where}.parent: a new language must say its parent (null: words unrelated to any other's)"
            )
        family[name] = replace(family.get(name, Language(name, None)), **parameters)
    _check_parents(family)
    return MappingProxyType(family)


def _check_parameter(where: str, key: str, value: Any) -> None:
    """Check one parameter's name and value, parents apart."""
    valid = [f.name for f in fields(Language) if f.name != "id"]
    if key not in valid:
        raise UserError(f"{where}.{key}: unknown parameter{nearest(key, valid)}")
    if key in _CHOICES and value not in _CHOICES[key]:
        raise UserError(
            f"{where}.{key}: {value!r} is not one of {', '.join(_CHOICES[key])}{nearest(value, _CHOICES[key])}"
        )
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if key in _RATES and not (number and 0 <= value <= 1):
        raise UserError(f"{where}.{key}: expected a number from 0 to 1, found {value!r}")


def _check_parents(family: Mapping[str, Language]) -> None:
    """Check that every parent exists and no language descends from itself."""
    for name, language in family.items():
        seen = [name]
        while language.parent is not None:
            if language.parent not in family:
                raise UserError(
                    f"family.{language.id}.parent: no language {language.parent!r}{nearest(language.parent, family)}"
                )
            seen.append(language.parent)
            if language.parent in seen[:-1]:
                raise UserError(f"family.{name}.parent: parents in a circle: {' → '.join(seen)}")
            language = family[language.parent]
