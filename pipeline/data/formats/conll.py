"""CoNLL files: a token and its tag a line, among other columns or alone, a blank line between sentences.

| found | done |
|---|---|
| columns parted by tabs, or by blanks, or now one now the other | read (see `layout`); the last is counted |
| lines that begin with `#` and are no token's: they have other columns, or no tag where tags stand | skipped, counted |
| the columns' names in the first line, `-DOCSTART-` in any columns | skipped, counted |
| lines of white space only | blank lines |
| separators at the end of lines, blanks around a token between tabs | removed, counted |
| CoNLL-U's ranges (`1-2`) and empty nodes (`8.1`) | skipped, counted: their words stand on lines of their own |
| tags among features (`NER=B-PER|SpaceAfter=No`) | read; tokens without the key are `O` where it is never said of any |
| one language's code before every token (`qu:Ada`, as in WikiAnn) | removed, counted |
| another number of columns, a tag without a token (in a file of blanks), or the reverse | refused, or its sentence left out |

A token of no characters between tabs is handed on as it is.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from pipeline.data.formats.broken import Broken
from pipeline.data.formats.columns import Known
from pipeline.data.formats.layout import DOCUMENT_MARK, Layout, core_width, is_blank, lay_out, split_line
from pipeline.data.formats.tags import looks_like_tag
from pipeline.data.formats.text import read_text

CONLL = (".conll", ".txt", ".tsv", ".iob2", ".iob", ".bio", ".conllu", ".conllx", ".conllup", ".conll03")
"""Endings of such files."""

COMMENT = "comment line, skipped"
DOCUMENT = "-DOCSTART- line, skipped"
HEADER = "line of columns' names, skipped"
RANGE = "range of tokens (1-2), skipped"
EMPTY_NODE = "empty node (8.1), skipped"
TRAILING = "separator at the end of a line, removed"
PADDED = "blanks around a token, removed"
MIXED = "columns parted by blanks and by tabs in one file, read alike"
WHITE = "line of white space, read as blank"
IMPLIED = "token without the tags' key, read as O"

WIDTH = "line with another number of columns, sentence left out"
NO_TOKEN = "tag without a token, sentence left out"
NO_TAG = "token without a tag, sentence left out"
RESTART = "tokens counted anew without a blank line, sentence left out"

Tagged = tuple[int, list[str], list[str], Callable[[int], str]]
"""A sentence's number from 0, its tokens, their tags as in the file, and the place of each for messages."""

_PREFIX = re.compile(r"[a-z][a-z-]+:(?=.)")
_EQUATION = re.compile(r"#\s*[\w.:-]+ = ")
_NUMBERS = {"-": RANGE, ".": EMPTY_NODE}


def read_conll(
    path: Path,
    tokens: str | None,
    tags: str | None,
    encoding: str = "utf-8",
    known: Known = looks_like_tag,
    broken: Broken | None = None,
) -> tuple[list[Tagged], Counter[str]]:
    """Read the sentences of a file.

    Args:
        path: the file.
        tokens: number of the tokens' column, from 0, or its name in the file; `None`: found, or the first.
        tags: number of the tags' column, its name, or a feature's; `None`: found, or the last.
        encoding: how text is encoded.
        known: tells whether a text is a tag.
        broken: what is done with sentences that cannot be read; `None`: they are refused.

    Returns:
        The sentences, and the mends. Sentences left out have numbers too.

    Raises:
        UserError: the columns cannot be told (see `lay_out`), or a line is broken and may not be left out.
    """
    text, repaired = read_text(path, encoding)
    lines = text.removesuffix("\n").split("\n")
    layout = lay_out(path, lines, tokens, tags, known)
    reader = _Reader(path, layout, _tags_there(lines, layout), known, broken or Broken(), repaired)
    return _without_prefix(reader.read(lines), repaired), repaired


def _without_prefix(sentences: list[Tagged], repaired: Counter[str]) -> list[Tagged]:
    """Take the code of a language off tokens that all bear it."""
    tokens = [token for _, words, _, _ in sentences for token in words]
    prefix = _PREFIX.match(tokens[0]) if len(tokens) > 2 else None
    if prefix is None or not all(token.startswith(prefix[0]) and token != prefix[0] for token in tokens):
        return sentences
    repaired[f"{prefix[0]} before a token, removed"] = len(tokens)
    cut = len(prefix[0])
    return [(number, [word[cut:] for word in words], tags, where) for number, words, tags, where in sentences]


def _tags_there(lines: Sequence[str], layout: Layout) -> set[str]:
    """Return the tags of lines that are no comments, which tell comments where there are some."""
    if not any(line.startswith("#") for line in lines):
        return set()
    bodies = (line for line in lines if line != layout.header and not line.startswith("#"))
    split = (split_line(line, layout.separator) for line in bodies)
    return {layout.picks.tag(cells) for cells in split if len(cells) == layout.width}


class _Reader:
    """Reads lines one by one into sentences."""

    def __init__(
        self, path: Path, layout: Layout, there: set[str], known: Known, broken: Broken, repaired: Counter[str]
    ) -> None:
        self.path, self.layout, self.there, self.known = path, layout, there, known
        self.broken, self.repaired = broken, repaired
        self.rows: list[tuple[int, str, str]] = []  # line, token, tag
        self.faulty = False  # whether the sentence has a broken line, which is counted already
        self.counts: list[int] = []  # the tokens' numbers, in files that have them
        self.sentences: list[Tagged] = []
        self.number = 0

    def read(self, lines: Sequence[str]) -> list[Tagged]:
        """Return the sentences."""
        for number, line in enumerate(lines, start=1):
            if is_blank(line):
                self.repaired[WHITE] += bool(line.strip(" "))
                self._end()
            elif line == self.layout.header:
                self.repaired[HEADER] += 1
            elif line.startswith(DOCUMENT_MARK):
                self._document()
            elif line.startswith("#") and self._is_comment(line):
                self.repaired[COMMENT] += 1
            else:
                self._token(number, line)
        self._end()
        self.repaired += Counter()  # without zeros
        if self.layout.separator == " ":
            self._count_mixed(lines)
        return self.sentences

    def _end(self) -> None:
        """End a sentence."""
        if self.rows and not self.faulty:
            where = [f"{self.path}:{row[0]}" for row in self.rows]
            tokens, tags = [row[1] for row in self.rows], [row[2] for row in self.rows]
            self.sentences.append((self.number, tokens, tags, where.__getitem__))
        self.number += bool(self.rows or self.faulty)
        self.rows, self.faulty, self.counts = [], False, []

    def _document(self) -> None:
        self.repaired[DOCUMENT] += 1
        self._end()

    def _is_comment(self, line: str) -> bool:
        """Tell whether a line that begins with `#` is a comment: not so wide as lines of tokens, or without a tag.

        In a file of blanks `#word` within a sentence is a token that lacks its tag.
        """
        layout = self.layout
        cells = split_line(line, layout.separator)
        if len(cells) < layout.width or core_width(cells) > layout.width:
            return layout.separator == "\t" or not self.rows or line[1:2] in ("", " ", "\t")
        if layout.picks.counted or (layout.separator == " " and _EQUATION.match(line)):
            return True
        tag = layout.picks.tag(cells)
        if tag.isdecimal() and not self.rows:  # `# 1` above a sentence, where tags are numbers
            return True
        return not (tag in self.there or self.known(tag) or looks_like_tag(tag))

    def _token(self, number: int, line: str) -> None:
        """Read a line of a token."""
        picks, width, where = self.layout.picks, self.layout.width, f"{self.path}:{number}"
        cells = split_line(line, self.layout.separator)
        if len(cells) > width >= core_width(cells):
            self.repaired[TRAILING] += 1
            cells = cells[:width]
        if picks.counted and (mark := re.fullmatch(r"\d+([-.])\d+", cells[0])):
            self.repaired[_NUMBERS[mark[1]]] += 1
            return
        if len(cells) != width:
            self._fault(*self._wrong_width(where, cells))
            return
        token, tag = cells[picks.tokens], picks.tag(cells)
        if token.strip(" ") not in ("", token):
            self.repaired[PADDED] += 1
            token = token.strip(" ")
        if token == DOCUMENT_MARK:
            self._document()
            return
        if picks.counted and cells[0].isdecimal():
            self._check_count(int(cells[0]), where)
        if not tag and not self.known(tag):
            self._fault(NO_TAG, f"{where}: token {token!r} without a tag in column {picks.tags} (counted from 0)")
        if picks.implied and f"{picks.feature}=" not in cells[picks.tags]:
            self.repaired[IMPLIED] += 1
        self.rows.append((number, token, tag))

    def _check_count(self, count: int, where: str) -> None:
        """Note a token's number; within a sentence numbers rise, or are all the same where they count sentences."""
        before = self.counts[-1] if self.counts else count
        self.counts.append(count)
        alike = len(self.counts) > 2 and self.counts[0] == self.counts[1]
        if count < before or (len(self.counts) > 2 and (count == before) != alike):
            said = f"{where}: number {count} in the first column after {before}"
            self._fault(RESTART, f"{said}; expected a blank line between sentences")

    def _wrong_width(self, where: str, cells: Sequence[str]) -> tuple[str, str]:
        """Return the reason and the message for a line with another number of columns than most."""
        layout = self.layout
        parted = "tabs" if layout.separator == "\t" else "blanks"
        if len(cells) == 1 and self.known(cells[0]):
            return NO_TOKEN, f"{where}: tag {cells[0]!r} without a token"
        shown = ", ".join(map(repr, cells[:12]))
        count = f"{len(cells)} column{'' if len(cells) == 1 else 's'}"
        said = f"{where}: {count} ({shown}), expected {layout.width} as in most lines, parted by {parted}"
        if layout.separator == "\t" and len(split_line(cells[0], " ")) == layout.width:
            said += "; this one is parted by blanks"
        return WIDTH, said

    def _fault(self, reason: str, message: str) -> None:
        """Refuse a broken line, or leave its sentence out, which is counted once."""
        if not self.faulty:
            self.broken.found(reason, message, self.number)
        self.faulty = True

    def _count_mixed(self, lines: Sequence[str]) -> None:
        """Count lines parted by the rarer kind of white space, tabs or blanks."""
        tabs = sum("\t" in line.strip() for line in lines if not line.startswith("#"))
        rest = sum(not is_blank(line) and "\t" not in line.strip() for line in lines if not line.startswith("#"))
        if tabs:
            self.repaired[MIXED] += min(tabs, rest) or tabs
