"""The config: read, checked whole, and refused with every error at once.

`load` reads YAML files, `parse` a mapping that is already read (Snakemake's). Both check the schema of
`pipeline.config.schema` and then the rules of `pipeline.config.rules`. Check a config by hand:

    metalingua check config/config.yaml
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pipeline.common.errors import UserError
from pipeline.config.explain import explain
from pipeline.config.methods import METHODS
from pipeline.config.reading import Places, dotted, read_files
from pipeline.config.rules.check import check
from pipeline.config.rules.problems import KeyPath
from pipeline.config.schema import Settings

_NAMED = (
    "datasets",
    "encoders",
    "methods",
    "experiments",
    "tables",
    "analyses",
    "figures",
)  # sections whose keys are names


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
    problems: list[tuple[KeyPath, str]] = []
    whole = with_method_names(raw)
    settings, kept = None, whole
    while settings is None:  # each round leaves out what is broken, so that the rules see all the rest
        try:
            settings = Settings.model_validate(kept)
        except ValidationError as error:
            found = error.errors(include_url=False)
            problems += [explain(details, whole) for details in found]
            kept = without(kept, [details["loc"] for details in found])
    broken = missing_names(whole, kept)
    problems += check(settings, broken)
    if problems:
        raise UserError("\n".join(located(path, message, places or {}) for path, message in problems))
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


def without(raw: Mapping[str, Any], paths: Sequence[KeyPath]) -> dict[str, Any]:
    """Leave out what is broken: the named entry a path leads into, or else the whole section."""
    kept = dict(raw)
    for path in paths:
        section = kept.get(str(path[0]))
        if path[0] in _NAMED and len(path) > 1 and isinstance(section, Mapping):
            kept[str(path[0])] = {name: entry for name, entry in section.items() if str(name) != str(path[1])}
        else:
            kept = {key: value for key, value in kept.items() if str(key) != str(path[0])}
    return kept


def missing_names(whole: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return, by section, the names that stand in the config but were left out as broken."""

    def names(raw: Mapping[str, Any], section: str) -> set[str]:
        return set(raw[section]) if isinstance(raw.get(section), Mapping) else set()

    return {section: names(whole, section) - names(kept, section) for section in _NAMED}


def located(path: KeyPath, message: str, places: Places) -> str:
    """Put the path before a message, and before that the file and line of the nearest key that stands in one."""
    place = next((places[path[:n]] for n in range(len(path), 0, -1) if path[:n] in places), "")
    return f"{place}: {dotted(path)}: {message}" if place else f"{dotted(path)}: {message}"
