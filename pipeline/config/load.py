"""The config: read, checked whole, and refused with every error at once.

`load` reads YAML files, `parse` a mapping that is already read (Snakemake's). Both check the schema of
`pipeline.config.schema` and then the rules of `pipeline.config.rules`. Check a config by hand:

    metalingua check config/config.yaml
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from pipeline.common.errors import UserError, closest
from pipeline.config.explain import explain, keys_at
from pipeline.config.methods import METHODS
from pipeline.config.reading import Places, dotted, read_files
from pipeline.config.rules.check import check
from pipeline.config.rules.problems import KeyPath
from pipeline.config.rules.raw import check_raw, spelled
from pipeline.config.schema import Settings
from pipeline.config.training import Training

_NAMED = (
    "datasets",
    "encoders",
    "methods",
    "experiments",
    "tables",
    "analyses",
    "errors",
    "figures",
)  # sections whose keys are names

MOST_SAID = 30
"""So many errors of a kind are worded: more than a message holds."""


def load(files: Sequence[Path], overrides: Sequence[str] = ()) -> Settings:
    """Read and check YAML files, merged as Snakemake does, then overridden by `key=value` (`training.epochs=5`).

    Raises:
        UserError: anything wrong, every error on a line of its own, with file and line.
    """
    raw, places = read_files(files, overrides)
    return parse(raw, places)


def parse(raw: Mapping[str, Any], places: Places | None = None) -> Settings:
    """Check a config that is already read.

    Raises:
        UserError: anything wrong, every error on a line of its own with the full path of its key.
    """
    whole = with_method_names(raw)
    problems = [*islice(check_raw(whole), MOST_SAID)]
    kept = without(whole, [path for path, _ in check_raw(whole)]) if problems else whole
    settings, more = None, len(problems) == MOST_SAID
    while settings is None:  # each round leaves out what is broken, so that the rules see all the rest
        try:
            settings = Settings.model_validate(kept)
        except ValidationError as error:
            found = error.errors(include_url=False)
            misspelt = misspelt_keys(found[:MOST_SAID])
            problems += [explain(details, whole) for details in found[:MOST_SAID] if details["loc"] not in misspelt]
            more = more or len(found) > MOST_SAID
            kept = without(kept, [details["loc"] for details in found])
    broken, unsaid = missing_names(whole, kept), unsaid_training(path for path, _ in problems)
    ruled = (problem for problem in check(settings, broken) if not follows(problem, unsaid))
    problems += islice(ruled, MOST_SAID)
    if problems:
        more = more or next(ruled, None) is not None
        said = [located(path, message, places or {}) for path, message in problems]
        raise UserError("\n".join([*said, *(["… and more errors; mend these first"] if more else [])]))
    return settings


def with_method_names(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Let `methods: {joint: {…}}` mean `method: joint`: a registered method's entry need not repeat its name."""
    whole = dict(raw)
    methods = whole.get("methods")
    if isinstance(methods, Mapping):
        whole["methods"] = {
            name: {"method": name, **entry} if name in METHODS and isinstance(entry, Mapping) else entry
            for name, entry in methods.items()
        }
    return whole


def without(raw: Mapping[str, Any], paths: Iterable[KeyPath]) -> dict[str, Any]:
    """Leave out what is broken: the entry or key of a section that a path leads into, or else the whole section.

    Something is left out for every path, so that what is checked again and again comes to an end.
    """
    broken: dict[str, set[str]] = {}
    gone: set[str] = set()
    for path in paths:
        if not path:
            return {}
        if len(path) == 1:
            gone.add(spelled(path[0]))
        else:
            broken.setdefault(spelled(path[0]), set()).add(spelled(path[1]))
    kept: dict[str, Any] = {}
    for key, section in raw.items():
        entries = broken.get(spelled(key))
        if spelled(key) in gone or (entries and not isinstance(section, Mapping)):
            continue
        if entries:
            left = {name: entry for name, entry in section.items() if not {spelled(name), repr(name)} & entries}
            if len(left) == len(section):
                continue
            section = left
        kept[key] = section
    return kept


def misspelt_keys(found: Sequence[ErrorDetails]) -> set[KeyPath]:
    """Return the locations of keys that are missing because an unknown key beside them is what they were to be."""
    missing = {details["loc"] for details in found if details["type"] == "missing"}
    unknown = [details["loc"] for details in found if details["type"] == "extra_forbidden"]
    meant_there = {(*loc[:-1], key) for loc in unknown for key in meant(loc[-1], keys_at(loc[:-1]))}
    return missing & meant_there


def unsaid_training(broken: Iterable[KeyPath]) -> set[str]:
    """Return the keys of `training` that have their defaults because what should set them is broken or misspelt."""
    unsaid: set[str] = set()
    for section, *rest in broken:
        if meant(section, Settings.model_fields) == ["training"]:
            unsaid.update(meant(rest[0], Training.model_fields) if rest else Training.model_fields)
    return unsaid


def meant(key: str | int, known: Iterable[str]) -> list[str]:
    """Return the known key that is nearest, none where none is near."""
    near = closest(str(key), known)
    return [] if near is None else [near]


def follows(problem: tuple[KeyPath, str], unsaid: Iterable[str]) -> bool:
    """Whether a broken rule is about such a key, and so may follow from an error that is said already."""
    path, message = problem
    return any(key in path or re.search(rf"\b{key}\b", message) for key in unsaid)


def missing_names(whole: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return, by section, the names that stand in the config but were left out as broken."""

    def names(raw: Mapping[str, Any], section: str) -> set[str]:
        return set(raw[section]) if isinstance(raw.get(section), Mapping) else set()

    return {section: names(whole, section) - names(kept, section) for section in _NAMED}


def located(path: KeyPath, message: str, places: Places) -> str:
    """Put the path before a message, and before that the file and line of the nearest key that stands in one."""
    place = next((places[path[:n]] for n in range(len(path), 0, -1) if path[:n] in places), "")
    return f"{place}: {dotted(path)}: {message}" if place else f"{dotted(path)}: {message}"
