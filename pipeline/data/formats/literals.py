"""Lists and mappings that a table's cells hold as text, as programs print them.

| cell | from |
|---|---|
| `["Mira", "visits"]`, `{"text": ["Oslo"], "answer_start": [4]}` | JSON |
| `['Mira', 'visits']`, `('Mira', 'visits')`, `{'text': ['Oslo'], 'answer_start': [4]}` | Python |
| `['Mira' 'visits']`, `[0 3]`, `array(['Mira', 'visits'], dtype=object)`, `[np.str_('Mira')]` | NumPy |

A column is read so if all of its cells are such; a cell among them that cannot be read is refused by row. Values are read, and
nothing is ever executed.
"""

import ast
import json
import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.common.errors import UserError

Kind = Literal["list", "mapping"]

_BRACKETS = {"list": ("[", "]"), "mapping": ("{", "}")}
_QUOTED_LIST = re.compile(r"""\s*(?:array\(|np\.array\()?[\[(]\s*(?:["'\])]|[uUrR]["']|np\.|array\(|\{\s*["'])""")
_TOKEN = re.compile(
    r"""(?P<atom>[uUrR]?'(?:[^'\\]|\\.)*'|[uUrR]?"(?:[^"\\]|\\.)*"|[-+]?[\w.+-]+)|(?P<blank>\s+)|.""", re.DOTALL
)
_NOTHING = ("nan", "NaN", "null", "NA", "None")
_TRUTH = {"true": True, "false": False}


@dataclass(frozen=True)
class Unread:
    """A cell that holds no list though it should, and why."""

    why: str


def is_list_column(values: Sequence[Any], sure: bool = False) -> bool:
    """Whether every cell of a column that is not blank is a list in brackets, and one of them begins with a quote.

    Args:
        values: the column's cells.
        sure: lists are expected, so that brackets are enough: numbers, tags.
    """
    texts = [value.strip() for value in values if isinstance(value, str) and value.strip()]
    if not texts or not all(_bracketed(text) for text in texts):
        return False
    return sure or any(_QUOTED_LIST.match(text) for text in texts)


def is_mostly_lists(values: Sequence[Any], sure: bool = False) -> bool:
    """Whether most cells of a column that are not blank are lists, as `is_list_column` has it of all."""
    texts = [value.strip() for value in values if isinstance(value, str) and value.strip()]
    listed = [text for text in texts if _bracketed(text)]
    return 2 * len(listed) > len(texts) and is_list_column(listed, sure)


def is_mapping_column(values: Sequence[Any]) -> bool:
    """Whether every cell of a column that is not blank is a mapping with a key `text`, as SQuAD's answers are."""
    texts = [value.strip() for value in values if isinstance(value, str) and value.strip()]
    opened = re.compile(r"""\{\s*(?:\}|["'](?:text|answer_start)["']\s*:)""")
    return bool(texts) and all(opened.match(text) and text.endswith("}") for text in texts)


def first_list(values: Sequence[Any]) -> int | None:
    """Return the first cell that is a list of quoted words, `None` where there is none."""
    for row, value in enumerate(values):
        if isinstance(value, str) and _bracketed(value.strip()) and re.match(r"""\[\s*["']""", value.strip()):
            return row
    return None


def _bracketed(text: str) -> bool:
    return (text[:1] + text[-1:]) in ("[]", "()") or (text.startswith(("array(", "np.array(")) and text.endswith(")"))


def read_cells(
    values: Sequence[Any], place: Callable[[int], str], column: str, kind: Kind, lenient: bool = False
) -> list[Any]:
    """Return a column's cells as lists or mappings; blank cells are `None`.

    Args:
        values: the column's cells.
        place: names a row.
        column: the column's name.
        kind: what its cells hold.
        lenient: cells that hold none are `Unread`, for others to refuse or to leave out.

    Raises:
        UserError: a cell is none (names its place).
    """
    found: list[Any] = []
    for row, value in enumerate(values):
        if not isinstance(value, str) or not value.strip():
            found.append(None if isinstance(value, str) else value)
            continue
        read = _read(value, f"{place(row)}: column {column!r}", kind)
        if isinstance(read, Unread) and not lenient:
            raise UserError(read.why)
        found.append(read)
    return found


def _read(value: str, where: str, kind: Kind) -> Any:
    """Return what a cell holds; `Unread` where that is no list, or no mapping."""
    try:
        read = parse(value)
    except ValueError as error:
        return Unread(
            f"{where} holds {value!r:.60}, a broken {kind}: {error}; expected it as JSON, "
            """["one", "two"], or as Python writes it"""
        )
    if not isinstance(read, dict if kind == "mapping" else list):
        return Unread(f"{where} holds {value!r:.60}, expected a {kind} as in other rows")
    return read


def parse(text: str) -> Any:
    """Read a list or a mapping; values that are none (`nan`, `null`, `None`) are `None`.

    Raises:
        ValueError: it is none, or NumPy shortened it.
    """
    try:
        return _without_nan(json.loads(text))
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings(action="ignore"):  # of escapes that Python does not know, which stay as they are
            tree = ast.parse(_with_commas(text).strip(), mode="eval")
        return _value(tree.body)
    except SyntaxError as error:
        raise ValueError(str(error.msg)) from None
    except TypeError:
        raise ValueError("a list cannot be a key") from None
    except (RecursionError, MemoryError):
        raise ValueError("nested too deep") from None


def _without_nan(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nan(one) for one in value]
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _with_commas(text: str) -> str:
    """Put commas between values that have only blanks between them: NumPy's lists, which Python would join."""
    parts: list[str] = []
    waiting = False  # after a value and blanks
    for token in _TOKEN.finditer(text):
        if token["blank"]:
            parts.append(" ")
            continue
        if token["atom"] and waiting:
            parts.append(",")
        waiting = bool(token["atom"])
        parts.append(token[0])
    return "".join(parts)


def _value(node: ast.expr) -> Any:
    """Return the value of a literal's part."""
    if isinstance(node, ast.List | ast.Tuple):
        return [_value(one) for one in node.elts]
    if isinstance(node, ast.Dict):
        return {_value(key): _value(one) for key, one in zip(node.keys, node.values, strict=True) if key is not None}
    if isinstance(node, ast.Constant):
        if node.value is ...:
            raise ValueError("NumPy shortened it to …; save the lists whole, with .tolist()")
        if isinstance(node.value, str | int | float | None):
            return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
        number = node.operand.value
        if isinstance(number, int | float):
            return -number
    if isinstance(node, ast.Name) and (node.id in _NOTHING or node.id in _TRUTH):
        return _TRUTH.get(node.id)
    if isinstance(node, ast.Call) and len(node.args) == 1 and _is_numpy(node.func):
        return _value(node.args[0])
    raise ValueError(f"{ast.unparse(node):.40} is no value in quotes, and no number")


def _is_numpy(function: ast.expr) -> bool:
    """Whether a call is how NumPy prints a value: `array(…)`, `np.str_(…)`, `np.int64(…)`."""
    if isinstance(function, ast.Attribute):
        return isinstance(function.value, ast.Name) and function.value.id in ("np", "numpy")
    return isinstance(function, ast.Name) and function.id == "array"
