"""Errors of the schema, in words: the path as the user wrote it and a message that helps."""

import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic_core import ErrorDetails

from pipeline.common.errors import nearest
from pipeline.config.encoders import Continue, Pretrain, Pretraining
from pipeline.config.rules.problems import KeyPath
from pipeline.config.schema import Settings
from pipeline.config.training import FineTuning, Training

_BECAME = {"fine_tune_lr": "learning_rate", "fine_tune_epochs": "epochs"}
"""Keys that are gone, and which of `fine_tune` they have become."""

_SAY: dict[KeyPath, str] = {
    (
        "model_seeds",
        "margin",
    ): ": points of a score by less than which methods differ that are alike to you, e.g. margin: 2.0",
    ("model_seeds", "until"): "; expected until: decided, or a list of seeds: model_seeds: [1, 2, 3]",
}
"""By section and key: what else is said of one that is missing."""

PRETRAININGS = tuple(part.tag for kind in get_args(get_args(Pretraining)[0]) for part in get_args(kind)[1:])
"""Pydantic's names of the two kinds of `from: pretrain`."""


def explain(details: ErrorDetails, raw: Mapping[str, Any]) -> tuple[KeyPath, str]:
    """Turn one of pydantic's errors into the path as the user wrote it and a message that helps."""
    kind, loc, given = details["type"], details["loc"], details["input"]
    context = details.get("ctx", {})
    path = written_path(loc, raw)
    if kind == "extra_forbidden":
        return path, unknown_key(str(loc[-1]), given, model_at(loc[:-1]), keys_at(loc[:-1]))
    if kind == "invalid_key":
        key = path[-1] if path else loc[-1]
        return path, f'expected a name, and YAML reads the key {key} as something else; write it in quotes: "{key}"'
    if kind == "missing":
        return path, f"is required and missing{_SAY.get(loc[-2:], '')}"
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


def unknown_key(key: str, given: Any, model: Any, keys: Sequence[str]) -> str:
    """Word that a section has no such key: what it is now, whose it is, or which key may be meant."""
    if key in _BECAME and "fine_tune" in keys:
        return f"is now fine_tune: {{{_BECAME[key]}: {given}}}"
    if model is Continue and key in Pretrain.model_fields:
        return "describes a new model, and this one is trained on from `start`, whose own it keeps; leave it out"
    if model is FineTuning and key in Training.model_fields:
        return f"is a setting of the whole run, and none of its fine-tuning; expected one of {', '.join(keys)}"
    return f"unknown key{nearest(key, [*keys, 'start'] if model is Pretrain else keys)}"


def written_path(loc: KeyPath, raw: Any) -> KeyPath:
    """Drop from pydantic's location what the user did not write: a union's tag, the index of a value that is no list."""
    path: list[str | int] = []
    for i, part in enumerate(loc):
        tag = i == 2 and loc[0] in ("datasets", "encoders", "methods", "figures")
        tag = tag or (i == 3 and loc[0] == "encoders" and part in PRETRAININGS)
        no_item = isinstance(part, int) and not isinstance(raw, list | tuple | Mapping)
        if tag or part == "[key]" or no_item:
            continue
        if isinstance(raw, Mapping):
            # Pydantic says 1 of a key that YAML took for true, and `datetime.date(…)` of a date.
            key = next((key for key in raw if key == part or repr(key) == part), part)
            path.append(str(key).lower() if isinstance(key, bool) else str(key))
            raw = raw.get(part)
            continue
        path.append(part)
        if isinstance(raw, list | tuple) and isinstance(part, int):
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
    """Take `Annotated[…]`, `… | None` and what stands beside a single section off an annotation."""
    while get_origin(annotation) is typing.Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) not in (types.UnionType, typing.Union):
        return annotation
    given = [part for part in get_args(annotation) if part is not type(None)]
    sections = [part for part in given if isinstance(part, type) and issubclass(part, BaseModel)]
    meant = sections if len(sections) == 1 else given  # beside a list, keys and values are those of the section
    return bare(meant[0]) if len(meant) == 1 else annotation


def tags(model: Any) -> tuple[str, ...]:
    """Return the values of the key by which a section's kinds are told apart, or what pydantic calls one of two such kinds."""
    if named := [part.tag for part in getattr(model, "__metadata__", ()) if isinstance(part, Tag)]:
        return tuple(named)
    model = bare(model)
    if get_origin(model) is types.UnionType or get_origin(model) is typing.Union:
        return tuple(dict.fromkeys(tag for member in get_args(model) for tag in tags(bare(member))))
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
