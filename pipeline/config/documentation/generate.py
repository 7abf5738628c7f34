"""Write the config's documentation from its models, or say that it is out of step.

    python -m pipeline.config.documentation            # writes config/schema.json, config/default.yaml, config/README.md
    python -m pipeline.config.documentation --check    # exit status 1, and the command above, where one of them differs

The models are `pipeline.config.schema.Settings` and what it is made of; the prose between the tables and the examples is in
`pipeline.config.documentation.text`.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.common.files import write_text
from pipeline.config.documentation.default import default_yaml
from pipeline.config.documentation.readme import readme
from pipeline.config.schema import Settings

FOLDER = Path(__file__).parents[3] / "config"
COMMAND = "python -m pipeline.config.documentation"

_RENAMED = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_LAYERED = ("#/$defs/Training", "#/$defs/FineTuning")


def main() -> None:
    """Write the files, or check them.

    Raises:
        UserError: with `--check`, a file is missing or differs.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is out of step")
    arguments = parser.parse_args()
    texts = generated()
    if arguments.check:
        stale = out_of_step(texts)
        if stale:
            raise UserError(f"out of step with the config's models: {', '.join(stale)}; mend with: {COMMAND}")
        return
    for name, text in texts.items():
        write_text(FOLDER / name, text)
        print(FOLDER / name)


def generated() -> dict[str, str]:
    """Return each generated file's text by its name."""
    described = schema()
    return {
        "schema.json": json.dumps(described, indent=2, ensure_ascii=False) + "\n",
        "default.yaml": default_yaml(described),
        "README.md": readme(described),
    }


def out_of_step(texts: dict[str, str], folder: Path = FOLDER) -> list[str]:
    """Return the files in `folder` that are missing or differ from `texts`."""
    files = {name: folder / name for name in texts}
    return [
        f"config/{name}"
        for name, path in files.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != texts[name]
    ]


def schema() -> dict[str, Any]:
    """Return the config's JSON schema (2020-12), which editors understand."""
    described: dict[str, Any] = tidy(Settings.model_json_schema(by_alias=True))
    described = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Metalingua's config",
        **described,
    }
    for definition in described["$defs"].values():
        properties = definition.get("properties", {})
        for key in ("training", "fine_tune"):
            if any(section in json.dumps(properties.get(key)) for section in _LAYERED):
                properties[key]["default"] = {}  # the keys left out come from elsewhere
        if "method" in properties:
            definition["properties"] = {"method": properties.pop("method"), **properties}
    methods = described["properties"]["methods"]["additionalProperties"]  # `joint: {…}` need not say `method: joint`
    methods["anyOf"] = methods.pop("oneOf")
    methods.pop("discriminator")
    return described


def tidy(node: Any) -> Any:
    """Name bounds as JSON schema does, drop generated titles, and spell the default of sizes `all`."""
    if isinstance(node, list):
        return [tidy(part) for part in node]
    if not isinstance(node, dict):
        return node
    shown = {
        _RENAMED.get(key, key): tidy(value) for key, value in node.items() if key != "title" or not _generated(node)
    }
    if "patternProperties" in shown:  # one pattern for all keys
        ((pattern, values),) = shown.pop("patternProperties").items()
        shown |= {"additionalProperties": values, "propertyNames": {"pattern": pattern}}
    if "default" in shown and '{"const": "all"}' in json.dumps(node):
        shown["default"] = "all"
    if isinstance(shown.get("default"), list) and len(shown["default"]) == 1 and "anyOf" in shown:
        shown["default"] = shown["default"][0]  # one value stands for the list of it
    return shown


def _generated(node: dict[str, Any]) -> bool:
    """Whether a node is a schema, whose title pydantic made, and no mapping of keys to schemas."""
    return isinstance(node.get("title"), str)
