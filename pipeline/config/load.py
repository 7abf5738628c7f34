"""The config: read, checked whole, and refused with every error at once.

`load` reads YAML files, `parse` a mapping that is already read (Snakemake's). Both check the schema of
`pipeline.config_schema` and then the rules of `pipeline.config_rules`. Check a config by hand:

    python -m pipeline.plan --configfile config/config.yaml
"""

import argparse
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from pipeline import config_rules
from pipeline.analyses import check_analyses
from pipeline.config_dataset_rules import KeyPath
from pipeline.config_methods import METHODS
from pipeline.config_schema import Settings
from pipeline.config_yaml import Places, dotted, read_files
from pipeline.errors import UserError, nearest
from pipeline.figures import check_figures

DEFAULT = Path("config/config.yaml")
"""The config where none is named, relative to the working directory."""

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
    problems += config_rules.check(settings, broken) + list(check_analyses(settings, broken))
    problems += check_figures(settings, broken)
    if problems:
        raise UserError("\n".join(located(path, message, places or {}) for path, message in problems))
    return settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags by which stages for people are told their config."""
    parser.add_argument(
        "--configfile", nargs="+", type=Path, default=[DEFAULT], help="YAML files, merged, later before earlier"
    )
    parser.add_argument(
        "--config", nargs="*", default=[], metavar="KEY=VALUE", help="goes before files: training.epochs=5"
    )


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


# ------------------------------------------------------------------------------------------------- messages of the schema


def explain(details: ErrorDetails, raw: Mapping[str, Any]) -> tuple[KeyPath, str]:
    """Turn one of pydantic's errors into the path as the user wrote it and a message that helps."""
    kind, loc, given = details["type"], details["loc"], details["input"]
    context = details.get("ctx", {})
    path = written_path(loc, raw)
    if kind == "extra_forbidden":
        return path, f"unknown key{nearest(str(loc[-1]), keys_at(loc[:-1]))}"
    if kind == "missing":
        return path, "is required and missing"
    if kind == "union_tag_invalid":
        tag = context["discriminator"].rpartition(" | ")[2].strip("'")
        valid = [name.strip().strip("'") for name in context["expected_tags"].split(",")]
        return (
            *path,
            tag,
        ), f"unknown {'origin' if tag == 'from' else tag} {context['tag']!r}{nearest(context['tag'], valid)}"
    if kind == "union_tag_not_found":
        if not isinstance(given, Mapping):
            return path, f"expected keys and values, got {given!r}"
        tag = context["discriminator"].rpartition(" | ")[2].strip("'")
        return (*path, tag), f"is required and missing; one of {', '.join(tags_at(loc))}"
    if kind == "literal_error":
        return path, f"expected {context['expected']}, got {given!r}"
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return path, f"expected keys and values, got {given!r}"
    if kind == "value_error":
        return path, str(context["error"])
    said = details["msg"].removeprefix("Input ").replace("should be", "must be").replace("should have", "must have")
    return path, said if kind in ("too_short",) else f"{said}, got {given!r}"


def written_path(loc: KeyPath, raw: Any) -> KeyPath:
    """Drop from pydantic's location what the user did not write: a union's tag, the index of a value that is no list."""
    path: list[str | int] = []
    for i, part in enumerate(loc):
        tag = i == 2 and loc[0] in ("datasets", "encoders", "methods", "figures")
        no_item = isinstance(part, int) and not isinstance(raw, list | tuple | Mapping)
        if tag or part == "[key]" or no_item:
            continue
        path.append(part)
        if isinstance(raw, Mapping):
            raw = raw.get(part)
        elif isinstance(raw, list | tuple) and isinstance(part, int):
            raw = raw[part]
    return tuple(path)


def model_at(loc: KeyPath) -> Any:
    """Return the annotation at a location, following fields, list items, mapping values and unions' tags."""
    here: Any = Settings
    for part in loc:
        here = bare(here)
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = next((f.annotation for name, f in here.model_fields.items() if part in (name, f.alias)), None)
        elif get_origin(here) in (dict, list):
            here = get_args(here)[-1]
        else:
            here = next((m for m in get_args(here) if part in tags(m)), None)
    return bare(here)


def bare(annotation: Any) -> Any:
    """Take `Annotated[…]` and `… | None` off an annotation."""
    while get_origin(annotation) is typing.Annotated:
        annotation = get_args(annotation)[0]
    given = [part for part in get_args(annotation) if part is not type(None)]
    return bare(given[0]) if type(None) in get_args(annotation) and len(given) == 1 else annotation


def tags(model: Any) -> tuple[str, ...]:
    """Return the values of the key by which a section's kinds are told apart."""
    fields = getattr(model, "model_fields", {})
    key = next((name for name in ("loader", "from_", "kind", "method") if name in fields), None)
    annotation = fields[key].annotation if key else None
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def keys_at(loc: KeyPath) -> list[str]:
    """Return the keys the section at a location may have."""
    model = model_at(loc)
    return [f.alias or name for name, f in model.model_fields.items()] if hasattr(model, "model_fields") else []


def tags_at(loc: KeyPath) -> list[str]:
    """Return the kinds a section at a location may be of."""
    return [tag for member in get_args(model_at(loc)) for tag in tags(member)]
