"""YAML from outside, read within bounds: what is nested without end, or grows as it is read, is refused before it is built.

The bounds are far above what anybody writes by hand, and so low that reading and checking what they allow takes seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.common.errors import UserError

MOST_BYTES = 1_000_000
"""Of a file."""

MOST_NODES = 100_000
"""Keys and values, lists and mappings among them; what an alias stands for counts wherever it stands."""

DEEPEST = 50
"""Levels of lists and mappings inside each other."""

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class _Open:
    """A list or mapping while it is read, or one that was read."""

    nodes: int = 1
    height: int = 0
    whole: bool = False

    def take(self, nodes: int, height: int) -> None:
        """Add what stands in it."""
        self.nodes += nodes
        self.height = max(self.height, height + 1)


def read_bounded(file: Path) -> str:
    """Read a file of text.

    Raises:
        UserError: no such file, one that cannot be read, that is too large, or that is not UTF-8.
    """
    try:
        with open(file, "rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"{file}: no such file") from None
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise UserError(f"{str(file)!r}: no such file; no file's name has such a character") from None
    if len(content) > MOST_BYTES:
        raise UserError(
            f"{file}: is larger than {MOST_BYTES:,} bytes; expected a config, which is text written by hand"
        )
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not UTF-8: byte {error.start}") from None


def read_yaml(text: str, where: str, visit: Callable[[yaml.Node], None] | None = None) -> Any:
    """Read a document of YAML, whose types are the plain ones.

    Args:
        text: the document.
        where: what messages call it; its line comes behind that.
        visit: is shown the root before values are made of the nodes; not called where there is none.

    Returns:
        The value, `None` where there is no document.

    Raises:
        UserError: it is not YAML (`where:line`), nested deeper than `DEEPEST`, of more than `MOST_NODES` keys and values, or
            contains itself.
    """
    try:
        check_shape(text, where)
        loader = LOADER(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            if visit is not None:
                visit(node)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        said = ", ".join(part for part in (error.context, error.problem) if part)
        raise UserError(f"{where}{line}: not valid YAML: {said}") from None
    except UnicodeEncodeError:
        raise UserError(f"{where}: has half of a character, which no file can hold; write it anew") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{where}: not valid YAML: {' '.join(str(error).split())}") from None
    except (TypeError, LookupError, AttributeError, ArithmeticError):  # `!!int ""`, `!!timestamp x`
        raise UserError(f"{where}: not valid YAML: a value is not what its tag says; leave tags (!!…) out") from None


def check_shape(text: str, where: str) -> None:
    """Refuse a document that cannot be read whole; nothing is built of it meanwhile.

    Raises:
        UserError: see `read_yaml`.
        yaml.YAMLError: it is not YAML.
    """
    shape = _Shape(where)
    for event in yaml.parse(text, LOADER):
        if isinstance(event, yaml.DocumentStartEvent) and shape.documents:
            return  # that there is another one is said where the first is read
        shape.add(event)


class _Shape:
    """What is known of a document's nodes, event by event: lists and mappings that are open, and what has an anchor."""

    def __init__(self, where: str) -> None:
        self.where, self.documents, self.nodes, self.of_aliases = where, 0, 0, 0
        self.inside = [_Open()]
        self.anchored: dict[str | None, _Open] = {}

    def add(self, event: yaml.Event) -> None:
        """Take one event in."""
        place = f"{self.where}:{event.start_mark.line + 1 if event.start_mark else 1}"
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
        elif isinstance(event, yaml.CollectionStartEvent):
            self.inside.append(_Open())
            self.anchored[event.anchor] = self.inside[-1]
            self._count(place, 1, 0)
        elif isinstance(event, yaml.CollectionEndEvent):
            closed = self.inside.pop()
            closed.whole = True
            self.inside[-1].take(closed.nodes, closed.height)
        elif isinstance(event, yaml.ScalarEvent):
            self.anchored[event.anchor] = _Open(whole=True)
            self.inside[-1].take(1, 0)
            self._count(place, 1, 0)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(place, event.anchor)

    def _alias(self, place: str, name: str | None) -> None:
        meant = self.anchored.get(name, _Open(whole=True))  # of one that nothing has, the parser tells
        if not meant.whole:
            raise UserError(
                f"{place}: *{name} stands inside the node that it names, &{name}, which so contains itself; write out what is "
                "meant there"
            )
        self.of_aliases += meant.nodes
        self.inside[-1].take(meant.nodes, meant.height)
        self._count(place, meant.nodes, meant.height)

    def _count(self, place: str, nodes: int, height: int) -> None:
        self.nodes += nodes
        if len(self.inside) - 1 + height > DEEPEST:
            raise UserError(
                f"{place}: lists and mappings are nested deeper than {DEEPEST}; expected a few levels: a bracket or brace may "
                "not be closed"
            )
        if self.nodes > MOST_NODES:
            counted = "its aliases expand to" if 2 * self.of_aliases > self.nodes else "it has"
            raise UserError(
                f"{place}: {counted} more than {MOST_NODES:,} keys and values, the most that is read; divide it into several, "
                "each with less in it"
            )
