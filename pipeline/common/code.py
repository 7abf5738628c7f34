"""Code hashes: which results an edit makes stale.

A hash covers what the code *is*, not where it lies: the syntax trees of the named modules and of everything in this package that
they import, directly or not. Comments, formatting and docstrings do not count, nor do the names of files and folders; an edited
constant three imports away does. Only static imports are seen; what is imported by name at run time (a method, a task, a
loader) is named by the caller.

An import of ours stands in a tree as what is imported (the hash of that module's own tree) and the name it is bound to, so a
module that moves changes nothing, and one that is imported in another's place does.
"""

import argparse
import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import write_json, write_text

PACKAGE = "pipeline"
_ROOT = Path(__file__).parents[1]
_IDLE = frozenset({"ctx", "kind", "type_comment", "type_ignores"})  # fields that follow from others or do nothing


def run_modules(method: str, task: str) -> list[str]:
    """Return the modules that make a run: the stage that does, its method and its task."""
    return [
        f"{PACKAGE}.stages.{'ensemble' if method == 'ensemble' else 'train'}",
        f"{PACKAGE}.methods.{method}",
        f"{PACKAGE}.tasks.{task}",
    ]


def run_code(method: str, task: str) -> str:
    """Return the code hash of a run."""
    return code_hash(run_modules(method, task))


def represent_code(task: str) -> str:
    """Return the code hash of representing sentences of a task."""
    return code_hash(represent_modules(task))


def represent_modules(task: str) -> list[str]:
    """Return the modules that make representations of sentences of a task."""
    return [f"{PACKAGE}.stages.represent", f"{PACKAGE}.tasks.{task}"]


def stage_modules(stage: str, loader: str | None = None) -> list[str]:
    """Return the modules that make a stage's results, with a dataset's loader where it has one."""
    return [f"{PACKAGE}.stages.{stage}", *([f"{PACKAGE}.data.corpora.{loader}.read"] if loader else [])]


def stage_code(stage: str, loader: str | None = None) -> str:
    """Return the code hash of a stage (`preprocess`, `encoder`, `score`, …), with a dataset's loader where it has one."""
    return code_hash(stage_modules(stage, loader))


def code_hash(modules: Iterable[str]) -> str:
    """Return 12 hexadecimal digits over the modules and all they import from this package.

    Args:
        modules: dotted names, `pipeline.stages.train`.

    Raises:
        UserError: there is no such module, or it does not parse.
    """
    return _code_hash(tuple(sorted(set(modules))))


def code_files(modules: Iterable[str]) -> dict[str, str]:
    """Return, by path (`pipeline/training/loop.py`), a hash of the tree of every file that a code hash covers.

    Raises:
        UserError: as `code_hash`.
    """
    found = {module: _parse(module) for module in _reached(modules)}
    return {parsed.path: parsed.own[:12] for _, parsed in sorted(found.items()) if parsed.does_anything}


def code_stamp(modules: Iterable[str], asked: str | None = None) -> dict[str, str]:
    """Return what a result says of the code that makes it, and leave beside the results which files that is.

    Args:
        modules: what makes the result.
        asked: the code hash that Snakemake remembers for it: another one where a result of accepted earlier code is made anew.

    Returns:
        `code`, the hash; and `answers_to`, what was asked, where that is another.

    Raises:
        UserError: as `code_hash`.
    """
    made = code_hash(modules)
    path = paths.code_record(made)
    if not path.exists():
        write_json(path, code_files(modules))
    if asked in (None, made):
        return {"code": made}
    if not paths.code_answers().exists():
        write_text(
            paths.code_answers(), "Some results here answer to another code hash than their own (`answers_to`).\n"
        )
    return {"code": made, "answers_to": str(asked)}


def add_code_argument(parser: argparse.ArgumentParser) -> None:
    """Add the flag by which a stage is told the code hash that Snakemake remembers for its result."""
    parser.add_argument(
        "--code",
        metavar="HASH",
        help="what the result answers to for Snakemake, noted where it is not the code at work",
    )


def files_that_differ(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the files of two `code_files` whose trees are not in both, sorted; a file that merely moved is in both."""
    before, after = set(then.values()), set(now.values())
    changed = {path for path, tree in now.items() if tree not in before}
    return sorted(changed | {path for path, tree in then.items() if tree not in after})


@cache
def _code_hash(modules: tuple[str, ...]) -> str:
    trees = {_whole(module) for module in _reached(modules) if _parse(module).does_anything}
    return hashlib.sha256("\n".join(sorted(trees)).encode()).hexdigest()[:12]


def _reached(modules: Iterable[str]) -> list[str]:
    """The modules, and all of ours that they import, directly or not, with the packages these lie in."""
    seen: dict[str, None] = {}
    waiting = [part for module in modules for part in _with_packages(module)]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen[module] = None
            waiting += _parse(module).imports
    return list(seen)


def _file(module: str) -> Path | None:
    """The file of a module or package of ours, `None` where there is none."""
    base = _ROOT.parent.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def _with_packages(module: str) -> list[str]:
    """A module and the packages it lies in, whose `__init__` runs with it."""
    parts = module.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


@dataclass(frozen=True)
class _Parsed:
    """A module of ours.

    Attributes:
        path: of its file, from the folder of the package.
        shape: its tree's parts; where something of ours is imported, `(module, name)`, the name empty for the module itself.
        own: hash of the tree alone, whatever is imported.
        imports: the modules of ours that it imports, and the packages they lie in.
        does_anything: whether it holds more than docstrings.
    """

    path: str
    shape: tuple[str | tuple[str, str], ...]
    own: str
    imports: tuple[str, ...]
    does_anything: bool


@cache
def _parse(module: str) -> _Parsed:
    """Read a module."""
    path = _file(module)
    if path is None:
        raise UserError(f"{module}: no such module in {_ROOT}")
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno}: not valid Python: {error.msg}") from None
    is_package = path.name == "__init__.py"
    shape: list[str | tuple[str, str]] = []
    _shape(tree, shape, lambda node: _bindings(node, module, is_package))
    own = hashlib.sha256("\n".join(_own_text(part) for part in shape).encode(errors="surrogatepass")).hexdigest()
    imports = tuple(sorted(_imports(tree, module, is_package)))
    name = path.relative_to(_ROOT.parent).as_posix()
    return _Parsed(name, tuple(shape), own, imports, not all(_is_text(statement) for statement in tree.body))


def _own_text(part: str | tuple[str, str]) -> str:
    return part if isinstance(part, str) else part[1]


@cache
def _whole(module: str) -> str:
    """The hash of a module's tree, what it imports of ours told by its content."""
    parts = (p if isinstance(p, str) else f"{_parse(p[0]).own} {p[1]}" for p in _parse(module).shape)
    return hashlib.sha256("\n".join(parts).encode(errors="surrogatepass")).hexdigest()


def tree_shape(tree: ast.AST) -> str:
    """Return a syntax tree without docstrings, as text: equal for sources that differ in form alone."""
    shape: list[str | tuple[str, str]] = []
    _shape(tree, shape, lambda node: None)
    return "\n".join(map(_own_text, shape))


Bindings = list[tuple[str, str, str]]
"""What an import of ours binds: module, name in it (empty: the module itself), name here."""


def _shape(node: Any, shape: list[str | tuple[str, str]], ours: Callable[[ast.AST], Bindings | None]) -> None:
    """Append a tree's parts, one a line: `ast.dump` without docstrings, three times as fast, and alike in every Python."""
    if isinstance(node, ast.AST):
        bound = ours(node) if isinstance(node, ast.Import | ast.ImportFrom) else None
        for module, name, here in bound or ():
            shape += ["Import", (module, name), here]
        if bound is not None:
            return
        shape.append(type(node).__name__)
        for name in node._fields:
            value = getattr(node, name, None)
            if value is not None and value != [] and name not in _IDLE:
                shape.append(name)
                _shape(value, shape, ours)
        shape.append(")")
    elif isinstance(node, list):
        shape.append("[")
        for part in node:
            if not _is_text(part):
                _shape(part, shape, ours)
        shape.append("]")
    else:
        shape.append(repr(node))


def _bindings(node: ast.AST, module: str, is_package: bool) -> Bindings | None:
    """What an import statement binds where it is of ours throughout and binds by name; `None` for any other."""
    if isinstance(node, ast.ImportFrom):
        base = _absolute(node, module, is_package)
        if not _is_ours(base):
            return None
        names = [(f"{base}.{alias.name}", alias) for alias in node.names]
        return [
            (full, "", alias.asname or alias.name) if _file(full) else (base, alias.name, alias.asname or alias.name)
            for full, alias in names
        ]
    assert isinstance(node, ast.Import)
    if all(_is_ours(alias.name) and alias.asname for alias in node.names):
        return [(alias.name, "", str(alias.asname)) for alias in node.names]
    return None


def _is_ours(name: str) -> bool:
    return name == PACKAGE or name.startswith(f"{PACKAGE}.")


def _is_text(statement: Any) -> bool:
    """Whether a statement is a string alone: it does nothing."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _imports(tree: ast.Module, module: str, is_package: bool) -> set[str]:
    """The modules of this package that a tree imports, at its top or in a function."""
    found: set[str] = set()
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, module, is_package)
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        else:
            continue
        found |= {part for name in names if _is_ours(name) and _file(name) for part in _with_packages(name)}
    return found - {module}


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements below a node: imports are nowhere else, and expressions are most of a tree."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        inner = getattr(node, block, None)
        for statement in inner if isinstance(inner, list) else ():
            yield statement
            yield from _statements(statement)


def _absolute(node: ast.ImportFrom, module: str, is_package: bool) -> str:
    """The absolute name of what `from … import` imports from."""
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    parts = parts[: len(parts) - node.level + is_package]
    return ".".join([*parts, *([node.module] if node.module else [])])
