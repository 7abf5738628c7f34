"""How the config's documentation words a key's type and default, from its JSON schema."""

import json
from typing import Any

from pipeline.config.training import FineTuning

Schema = dict[str, Any]

_PLAIN = {"boolean": "yes or no", "null": "`null`", "string": "text", "object": "keys and values"}
_WORDS = {"name": "name", "language": "language", "path": "path", "commit": "commit", "SHA-256": "SHA-256"}
_KEYS = {
    "Training": "keys of [training](#training)",
    "FineTuning": f"{', '.join(f'`{key}`' for key in FineTuning.model_fields)} of [training](#training)",
}
"""By section that is described once, for all who refer to it: how a key's type is worded."""


def definition(node: Schema, schema: Schema) -> tuple[str, Schema] | None:
    """Return the section a key refers to, by name, or `None` for a plain value; `… | null` counts as the section."""
    for part in (node, *node.get("anyOf", ())):
        reference = part.get("$ref")
        if reference:
            name = reference.rpartition("/")[2]
            return name, schema["$defs"][name]
    return None


def type_text(node: Schema) -> str:
    """Word a type: `` `a` or `b` ``, "whole number ≥ 1", "list of names"."""
    if not node:
        return "value"
    if "$ref" in node:
        return _KEYS.get(node["$ref"].rpartition("/")[2], "keys below")
    if "anyOf" in node:
        first, *rest = node["anyOf"]
        listed = bool(rest) and rest[0].get("items") == first and all("$ref" in more for more in rest[1:])
        if listed:
            one_or_more = f"{type_text(first).removesuffix(', or a list')}, or a list"
            return ", or ".join([one_or_more, *map(type_text, rest[1:])])
        return " or ".join(dict.fromkeys(type_text(part) for part in node["anyOf"]))
    if node.get("format") == "metric":
        return "metric"
    if "const" in node or "enum" in node:
        return " or ".join(f"`{value}`" for value in node.get("enum", [node.get("const")]))
    if node.get("type") in ("integer", "number"):
        return number_text(node)
    if node.get("type") == "array":
        return f"list of {plural(type_text(node['items']))}"
    if "additionalProperties" in node and isinstance(node["additionalProperties"], dict):
        return f"by name: {type_text(node['additionalProperties'])}"
    return _WORDS.get(node.get("format", ""), f"`{node['format']}`" if "format" in node else _PLAIN[node["type"]])


def plural(text: str) -> str:
    """Put a type's words into the plural where they are one word."""
    return f"{text}s" if text.isalpha() else text


def number_text(node: Schema) -> str:
    """Word a number's range."""
    words = "whole number" if node["type"] == "integer" else "number"
    bounds = [
        f"{sign} {node[key]:g}"
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))
        if key in node and node[key] != 2**32
    ]
    return f"{words} {', '.join(bounds)}".strip()


def yaml_value(value: Any) -> str:
    """Spell a value as YAML on one line; it reads back as the same value, also by PyYAML."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "null"
    if isinstance(value, float):
        text = repr(value)
        mantissa, exponent, power = text.partition("e")
        return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{power}" if exponent else text
    if isinstance(value, list):
        return f"[{', '.join(yaml_value(part) for part in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {yaml_value(part)}" for key, part in value.items()) + "}"
    if isinstance(value, str) and (not value or not value[0].isalpha() or any(c in value for c in ":#{}[],")):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
