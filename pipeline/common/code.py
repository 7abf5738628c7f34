"""Code hashes: which results an edit makes stale.

A hash covers the syntax trees of the named modules and of everything in this package that they import, directly or not:
comments, formatting and docstrings do not count, an edited constant three imports away does. Only static imports are seen;
what is imported by name at run time (a method, a task, a loader) is named by the caller.
"""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.errors import UserError

PACKAGE = "pipeline"
_ROOT = Path(__file__).parent
_IDLE = frozenset({"ctx", "kind", "type_comment", "type_ignores"})  # fields that follow from others or do nothing


def run_code(method: str, task: str) -> str:
    """Return the code hash of a run: the training stage, its method and its task."""
    return code_hash([f"{PACKAGE}.train", f"{PACKAGE}.methods.{method}", f"{PACKAGE}.tasks.{task}"])


def represent_code(task: str) -> str:
    """Return the code hash of representing sentences of a task."""
    return code_hash([f"{PACKAGE}.represent", f"{PACKAGE}.tasks.{task}"])


def stage_code(stage: str, loader: str | None = None) -> str:
    """Return the code hash of a stage (`preprocess`, `encoder`, `score`, …), with a dataset's loader where it has one."""
    return code_hash([f"{PACKAGE}.{stage}", *([f"{PACKAGE}.data.{loader}"] if loader else [])])


def code_hash(modules: Iterable[str]) -> str:
    """Return 12 hexadecimal digits over the modules and all they import from this package.

    Args:
        modules: dotted names, `pipeline.train`.

    Raises:
        UserError: there is no such module, or it does not parse.
    """
    return _code_hash(tuple(sorted(set(modules))))


@cache
def _code_hash(modules: tuple[str, ...]) -> str:
    seen: dict[str, str] = {}
    waiting = [part for module in modules for part in _with_packages(module)]
    while waiting:
        module = waiting.pop()
        if module not in seen:
            seen[module], imports = _parse(module)
            waiting += imports
    text = "".join(f"{module} {seen[module]}\n" for module in sorted(seen))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _file(module: str) -> Path | None:
    """The file of a module or package of ours, `None` where there is none."""
    base = _ROOT.parent.joinpath(*module.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def _with_packages(module: str) -> list[str]:
    """A module and the packages it lies in, whose `__init__` runs with it."""
    parts = module.split(".")
    return [".".join(parts[:n]) for n in range(1, len(parts) + 1)]


@cache
def _parse(module: str) -> tuple[str, tuple[str, ...]]:
    """Return the hash of a module's own syntax tree and the modules of ours it imports."""
    path = _file(module)
    if path is None:
        raise UserError(f"{module}: no such module in {_ROOT}")
    try:
        tree = ast.parse(path.read_bytes())
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno}: not valid Python: {error.msg}") from None
    imports = tuple(sorted(_imports(tree, module, path.name == "__init__.py")))
    return hashlib.sha256(tree_shape(tree).encode(errors="surrogatepass")).hexdigest(), imports


def tree_shape(tree: ast.AST) -> str:
    """Return a syntax tree without docstrings, as text: equal for sources that differ in form alone."""
    shape: list[str] = []
    _shape(tree, shape)
    return "\n".join(shape)


def _shape(node: Any, shape: list[str]) -> None:
    """Append a tree's parts, one a line: `ast.dump` without docstrings, three times as fast, and alike in every Python."""
    if isinstance(node, ast.AST):
        shape.append(type(node).__name__)
        for name in node._fields:
            value = getattr(node, name, None)
            if value is not None and value != [] and name not in _IDLE:
                shape.append(name)
                _shape(value, shape)
        shape.append(")")
    elif isinstance(node, list):
        shape.append("[")
        for part in node:
            if not _is_text(part):
                _shape(part, shape)
        shape.append("]")
    else:
        shape.append(repr(node))


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
        ours = [name for name in names if name == PACKAGE or name.startswith(f"{PACKAGE}.")]
        found |= {part for name in ours if _file(name) for part in _with_packages(name)}
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
