"""`config/README.md`: each section's keys in a table, between the prose and examples of `pipeline.config.documentation.text`."""

import textwrap
from collections.abc import Iterator
from typing import Any

from pipeline.config.documentation import text
from pipeline.config.documentation.datasets import DATASETS, Described
from pipeline.config.documentation.types import Schema, definition, type_text, yaml_value
from pipeline.config.methods import METHODS
from pipeline.config.methods.parts.average import Average
from pipeline.config.tuning import NOT_TUNABLE


def readme(schema: Schema) -> str:
    """Return the file's text."""
    parts = [
        text.INTRO,
        text.DATASETS,
        *(part for described in DATASETS for part in dataset(described, schema)),
        text.ENCODERS,
        *section("from: pretrain", "Pretrain", schema, text.PRETRAIN, text.PRETRAIN_EXAMPLE),
        *section("from: pretrain, with start", "Continue", schema, text.CONTINUE, text.CONTINUE_EXAMPLE),
        *section("from: hub", "HubEncoder", schema, "", text.HUB_EXAMPLE),
        *section("from: folder", "FolderEncoder", schema, "", text.FOLDER_EXAMPLE),
        *section("from: extend", "Extend", schema, text.EXTEND, text.EXTEND_EXAMPLE),
        text.TRAINING,
        *tables("Training", schema),
        example(text.TRAINING_EXAMPLE),
        text.METHODS,
        methods(schema),
        example(text.METHODS_EXAMPLE),
        text.GRIDS,
        grids(schema),
        example(text.GRIDS_EXAMPLE),
        text.EXPERIMENTS,
        *tables("Experiment", schema),
        example(text.EXPERIMENTS_EXAMPLE),
        text.TABLES,
        *tables("Table", schema),
        example(text.TABLES_EXAMPLE),
        text.ANALYSES,
        *tables("Analysis", schema),
        example(text.ANALYSES_EXAMPLE),
        text.ERRORS,
        *tables("ErrorAnalysis", schema),
        example(text.ERRORS_EXAMPLE),
        text.FIGURES,
        *section("kind: gains", "GainsFigure", schema, "", ""),
        *section("kind: rates", "RatesFigure", schema, "", ""),
        *section("kind: sizes", "SizesFigure", schema, "", ""),
        *section("kind: curves", "CurvesFigure", schema, "", ""),
        *section("kind: forest", "ForestFigure", schema, "", ""),
        *section("kind: transfer", "TransferFigure", schema, "", ""),
        *section("kind: meta_graph", "MetaGraphFigure", schema, "", ""),
        text.LANGUAGE_NAMES,
        table({"language_names": schema["properties"]["language_names"]}, ()),
        example(text.FIGURES_EXAMPLE),
        text.RESULTS,
        *tables("Results", schema),
        example(text.RESULTS_EXAMPLE),
        text.OTHER,
        table({key: schema["properties"][key] for key in ("keep", "confirm")}, ()),
        example(text.OTHER_EXAMPLE),
        text.IDENTITY,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def dataset(described: Described, schema: Schema) -> Iterator[str]:
    """Yield what is said of one loader: its prose, licence and what to do without a download, then keys and an example."""
    heading, what, *keys = section(
        f"loader: {described.loader}", described.kind, schema, described.prose, described.example
    )
    facts = f"Licence: {described.licence}."
    if described.without:
        facts += f" Where it cannot be downloaded: {described.without}."
    yield from (heading, what, textwrap.fill(facts, 120, break_long_words=False, break_on_hyphens=False), *keys)


def section(title: str, kind: str, schema: Schema, prose: str, shown: str) -> Iterator[str]:
    """Yield a kind of dataset or encoder: heading, what it is, prose, tables of its keys, example."""
    yield f"### `{title}`"
    words = f"{paragraph(schema['$defs'][kind])} {prose}"
    yield textwrap.fill(words, 120, break_long_words=False, break_on_hyphens=False)
    yield from tables(kind, schema)
    if shown:
        yield example(shown)


def tables(kind: str, schema: Schema) -> Iterator[str]:
    """Yield the table of a section's keys, then those of the sections in it."""
    described = schema["$defs"][kind]
    yield table(described["properties"], described.get("required", ()))
    for key, node in described["properties"].items():
        found = inner(node, schema)
        if found and found[0] not in ("Training", "FineTuning"):
            yield f"Keys of `{key}`{each(node)}: {paragraph(found[1])}"
            yield from tables(found[0], schema)


def inner(node: Schema, schema: Schema) -> tuple[str, Schema] | None:
    """Return the section a key holds, itself, by name or in a list."""
    for part in (node, node.get("additionalProperties"), *node.get("anyOf", ()), node.get("items")):
        found = definition(part, schema) if isinstance(part, dict) else None
        if found:
            return found
    return None


def each(node: Schema) -> str:
    """Say of which entries a section's keys are."""
    if "additionalProperties" in node:
        return ", of each entry"
    return ", of each item" if any("$ref" in part.get("items", ()) for part in node.get("anyOf", ())) else ""


def table(properties: dict[str, Schema], required: Any) -> str:
    """Return a table key | type | default | meaning."""
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, node in properties.items():
        default = "**required**" if key in required else f"`{yaml_value(node['default'])}`"
        cells = (f"`{key}`", type_text(node), default, node.get("description", ""))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)


def methods(schema: Schema) -> str:
    """Return the table of all methods with their hyper-parameters."""
    lines = [
        "| method | what it does | needs | key | type | default | meaning |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, method in METHODS.items():
        described = schema["$defs"][method.__name__]
        needs = [
            word
            for word, needed in (
                ("sources", method().uses_sources),
                ("auxiliaries", method.needs_auxiliaries),
                ("a `source_only` run", method.has_parent),
                ("the runs of `of`", issubclass(method, Average)),
            )
            if needed
        ]
        head = [f"`{name}`", paragraph(described), ", ".join(needs) or "–"]
        own = {key: node for key, node in described["properties"].items() if key not in NOT_TUNABLE}
        rows = [
            [f"`{key}`", type_text(node), f"`{yaml_value(node['default'])}`", node["description"]]
            for key, node in own.items()
        ] or [["–", "", "", ""]]
        lines += [f"| {' | '.join([*(head if i == 0 else [''] * 3), *row])} |" for i, row in enumerate(rows)]
    common = (
        "Each entry may also have `method` (the method a variant is of), `label` (the text of its row in tables), `training` "
        "(any keys of [training](#training)), `tune` and `tune_by` ([grids](#grids))."
    )
    return "\n".join(lines) + f"\n\n{common}"


def grids(schema: Schema) -> str:
    """Return the table of the keys by which any method carries a grid."""
    described = schema["$defs"][next(iter(METHODS.values())).__name__]["properties"]
    return table({key: described[key] for key in ("tune", "tune_by")}, ())


def paragraph(described: Schema) -> str:
    """Return a section's description on one line."""
    return " ".join(described["description"].split())


def example(shown: str) -> str:
    """Fence an example."""
    return f"```yaml\n{shown}\n```"
