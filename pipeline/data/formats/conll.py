"""CoNLL files: a token and its tag a line, among other columns or alone, a blank line between sentences.

Columns are separated by tabs if the file has one, otherwise by blanks. In files of tabs, lines that begin with `#` and hold
no tab are comments; `-DOCSTART-` marks the beginning of a document. Both are skipped and counted.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.data.formats.text import read_text

CONLL = (".conll", ".txt", ".tsv", ".iob2", ".iob", ".bio", ".conllu", ".conllx")
COMMENT = "comment line, skipped"
DOCUMENT = "-DOCSTART- line, skipped"

Tagged = tuple[int, list[str], list[str], Callable[[int], str]]
"""A sentence's number from 0, its tokens, their tags as in the file, and the place of each for messages."""


def read_conll(
    path: Path, tokens: str | None, tags: str | None, encoding: str = "utf-8"
) -> tuple[Iterator[Tagged], Counter[str]]:
    """Read the sentences of a file.

    Args:
        path: the file.
        tokens: number of the tokens' column, from 0; `None`: the first.
        tags: number of the tags' column; `None`: the last.
        encoding: how text is encoded.

    Returns:
        The sentences, and the mends, complete once all sentences are read.

    Raises:
        UserError: a column's number is none or too large, lines differ in width, or a token is empty.
    """
    text, repaired = read_text(path, encoding)
    separator = "\t" if "\t" in text else " "
    lines = text.removesuffix("\n").split("\n")
    first = next((number for number, line in enumerate(lines) if _kind(line, separator) == "token"), None)
    if first is None:
        raise UserError(f"{path}: holds no sentences; expected a token and its tag a line")
    width = len(_split(lines[first], separator))
    if width < 2:
        raise UserError(f"{path}:{first + 1}: one column, expected a token and its tag; does the file bear no tags?")
    picks = _number("tokens", tokens, 0, width, path), _number("tags", tags, width - 1, width, path)
    return _sentences(path, lines, separator, width, picks, repaired), repaired


def _kind(line: str, separator: str) -> str:
    """Tell what a line is: `blank`, a mend's reason for one that is skipped, or `token`."""
    if line.startswith("-DOCSTART-"):
        return DOCUMENT
    if separator == "\t" and line.startswith("#") and "\t" not in line:
        return COMMENT
    return "token" if line.strip(" ") else "blank"


def _split(line: str, separator: str) -> list[str]:
    return line.split("\t") if separator == "\t" else [part for part in line.split(" ") if part]


def _number(role: str, given: str | None, default: int, width: int, path: Path) -> int:
    if given is None:
        return default
    if not given.isdecimal() or int(given) >= width:
        raise UserError(f"columns: {role}: {given!r}; expected a column's number, 0 to {width - 1} in {path}")
    return int(given)


def _sentences(
    path: Path, lines: list[str], separator: str, width: int, picks: tuple[int, int], repaired: Counter[str]
) -> Iterator[Tagged]:
    rows: list[tuple[int, str, str]] = []  # line, token, tag
    number = 0
    for line, text in enumerate([*lines, ""], start=1):
        kind = _kind(text, separator)
        if kind == "token":
            rows.append((line, *_token(f"{path}:{line}", _split(text, separator), width, picks)))
            continue
        if kind != "blank":
            repaired[kind] += 1
        if rows and kind != COMMENT:
            where = [f"{path}:{row[0]}" for row in rows]
            yield number, [row[1] for row in rows], [row[2] for row in rows], where.__getitem__
            number, rows = number + 1, []


def _token(where: str, cells: list[str], width: int, picks: tuple[int, int]) -> tuple[str, str]:
    """Return a line's token and tag."""
    if len(cells) != width:
        raise UserError(f"{where}: {len(cells)} columns, expected {width} as in the first line")
    token, tag = cells[picks[0]], cells[picks[1]]
    if not token.strip(" "):
        raise UserError(f"{where}: tag {tag!r} without a token")
    return token, tag
