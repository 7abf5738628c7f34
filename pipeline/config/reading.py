"""YAML files and `key=value` overrides, read into one mapping that knows where each key stands.

Files are merged as Snakemake merges its `--configfile`s: mappings key by key, everything else replaced by the later file.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from pipeline.common.errors import UserError
from pipeline.common.yaml_text import DEEPEST, read_bounded, read_yaml

Places = dict[tuple[str | int, ...], str]
"""`file:line` of each key, by its path."""

READ_AS = {"bool": "a truth value", "timestamp": "a date", "null": "null, which is no name"}
"""By YAML's tag: what it takes a key for that is a name or nothing to us."""


def read_files(files: Sequence[Path], overrides: Sequence[str] = ()) -> tuple[dict[str, Any], Places]:
    """Read and merge YAML files, then apply the overrides.

    Args:
        files: later files go before earlier ones.
        overrides: `key=value`; the key may be a path (`training.epochs=5`), the value is YAML.

    Returns:
        The merged mapping, and the place of each key.

    Raises:
        UserError: no such file, invalid YAML, a key twice, or a file that is no mapping (all of them, one a line).
    """
    merged: dict[str, Any] = {}
    places: Places = {}
    problems: list[str] = []
    for file in files:
        try:
            raw = read_file(file, places, problems)
        except UserError as error:
            problems.append(str(error))
        else:
            merge(merged, raw)
    if problems:
        raise UserError("\n".join(problems))
    for override in overrides:
        path = tuple(apply_override(merged, override))
        for below in [place for place in places if place[: len(path)] == path]:
            del places[below]
        places[path] = "--config"
    return merged, places


def check_duplicates(files: Sequence[Path]) -> None:
    """Refuse files with a key twice, which Snakemake's own reading lets pass.

    Raises:
        UserError: as `read_files`.
    """
    read_files(files)


def read_file(file: Path, places: Places, problems: list[str]) -> dict[str, Any]:
    """Read one file, adding to `places`, and to `problems` each key that stands twice.

    Raises:
        UserError: no such file, not UTF-8, invalid YAML (`file:line`), one without bounds, or no mapping.
    """

    def walk(root: yaml.Node) -> None:
        problems.extend(_walk(root, (), str(file), places))

    value = read_yaml(read_bounded(file), str(file), walk)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UserError(f"{file}: expected keys and values at the top, got {type(value).__name__}")
    return value


def _walk(node: yaml.Node, path: tuple[str | int, ...], where: str, places: Places) -> Iterator[str]:
    """Note each key's place; yield a message for each key that stands twice in its mapping, or that YAML takes for no name."""
    if isinstance(node, yaml.SequenceNode):
        for i, item in enumerate(node.value):
            places[*path, i] = f"{where}:{item.start_mark.line + 1}"
            yield from _walk(item, (*path, i), where, places)
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        name, line = key.value if isinstance(key, yaml.ScalarNode) else "?", key.start_mark.line + 1
        if key.tag == "tag:yaml.org,2002:merge":
            continue
        if read_as := READ_AS.get(key.tag.removeprefix("tag:yaml.org,2002:")):
            yield f"{where}:{line}: {dotted((*path, name))}: {misread(name, read_as)}"
        elif name in lines:
            yield f"{where}:{line}: {dotted((*path, name))}: stands there twice, first on line {lines[name]}"
        lines[name] = line
        places[*path, name] = f"{where}:{line}"
        yield from _walk(value, (*path, name), where, places)


def misread(name: str, read_as: str) -> str:
    """Word what became of a key that YAML takes for something else than a name."""
    return f'YAML reads the key {name or "that is empty"} as {read_as}; write it in quotes: "{name or "name"}"'


def merge(base: dict[str, Any], other: Mapping[Any, Any]) -> None:
    """Merge `other` into `base`, in place: mappings key by key, everything else replaced."""
    for key, value in other.items():
        if isinstance(value, Mapping):
            inner = base.get(key)
            inner = dict(inner) if isinstance(inner, Mapping) else {}
            merge(inner, value)
            base[key] = inner
        else:
            base[key] = value


def apply_override(raw: dict[str, Any], override: str) -> list[str]:
    """Set one `path=value` in `raw` and return the path; where names hold dots, the longest existing key wins.

    Raises:
        UserError: no `=`, no key, or a value that is not YAML.
    """
    path, equals, text = override.partition("=")
    if path.count(".") > DEEPEST:
        raise UserError(
            f"--config {override}: nested deeper than {DEEPEST}; expected key=value, as in training.epochs=5"
        )
    if not equals or not path or any(not part for part in path.split(".")):
        raise UserError(f"--config {override}: expected key=value, as in training.epochs=5")
    problems: list[str] = []
    value = read_yaml(text, f"--config {path}", lambda root: problems.extend(_walk(root, (), f"--config {path}", {})))
    if problems:
        raise UserError("\n".join(problems))
    keys = _split(raw, path)
    for key in reversed(keys):
        value = {key: value}
    merge(raw, value)
    return keys


def _split(raw: Any, path: str) -> list[str]:
    """Split a dotted path along the keys that exist."""
    known = [key for key in raw if isinstance(key, str)] if isinstance(raw, Mapping) else []
    fitting = [key for key in known if path == key or path.startswith(f"{key}.")]
    key = max(fitting, key=len, default=path.partition(".")[0])
    rest = path[len(key) + 1 :]
    return [key, *_split(raw.get(key) if isinstance(raw, Mapping) else None, rest)] if rest else [key]


def dotted(path: Sequence[str | int]) -> str:
    """Spell a path as messages do: `experiments.few-shot.methods[2]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
