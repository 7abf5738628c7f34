"""How a CoNLL file is laid out: what separates its columns, how many there are, which hold the tokens and the tags.

All of it is told from lines of tokens, not from comments. What might be meant in two ways is refused, with the line of
config that says which is meant.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.common.errors import UserError, nearest
from pipeline.data.formats.tags import looks_like_tag

DOCUMENT_MARK = "-DOCSTART-"
LONGEST = 500
"""So many tokens without a blank line are no sentence."""

_BLANK = re.compile(r"[\s\u200b\u2060\ufeff]*")
_WHITE = re.compile(r"[ \t]+")
_INDEX = re.compile(r"\d+([-.]\d+)?")
_GLOBAL = re.compile(r"#\s*global\.columns\s*=(.*)")


_PLAIN_NAME = re.compile(r"#?|[^\W\d_][\w #.-]*")


def _name(words: str) -> re.Pattern[str]:
    """Return a pattern of columns' names that hold one of some words."""
    return re.compile(rf"(.*[\W_])?({words})([\W_].*)?", re.IGNORECASE)


_WORDS = _name("tokens?|words?|form|surface|text")
_TAGS = _name("tags?|labels?|ner|ne|entity|entities|iob|iob2|bio|bioes|gold")
_SENTENCES = _name("sentences?|sent|sentenceid|sentid")
_OTHERS = _name("id|index|pos|chunk|lemma|upos|xpos")


@dataclass(frozen=True)
class Layout:
    """The columns of a file.

    Attributes:
        separator: a tab, or a blank for tabs and blanks in any number.
        width: how many columns there are.
        tokens: the tokens' column.
        tags: the tags' column.
        feature: the key that tags have in a column of features (`NER=B-PER|…`); `None`: the column holds tags.
        implied: whether tokens without the feature are outside of entities: it is never said of any that they are.
        index: whether the first column counts tokens.
        header: the line of the columns' names; `None`: there is none.
    """

    separator: str
    width: int
    tokens: int = 0
    tags: int = -1
    feature: str | None = None
    implied: bool = False
    index: bool = False
    header: str | None = None

    def tag(self, cells: Sequence[str]) -> str:
        """Return the tag of a line; it is empty where the line bears none."""
        cell = cells[self.tags].strip()
        if self.feature is None:
            return cell
        return features(cell).get(self.feature, "O" if self.implied else "")


Known = Callable[[str], bool]
"""Whether a text is a tag."""


def is_blank(line: str) -> bool:
    """Tell whether a line holds nothing that can be seen."""
    return _BLANK.fullmatch(line) is not None


def split_line(line: str, separator: str) -> list[str]:
    """Return a line's cells."""
    return line.split("\t") if separator == "\t" else _WHITE.split(line.strip(" \t"))


def core_width(cells: Sequence[str]) -> int:
    """Return how many cells there are, without blank ones at the end."""
    if cells[-1].strip():
        return len(cells)
    return next((at for at in range(len(cells), 0, -1) if cells[at - 1].strip()), 0)


def features(cell: str) -> dict[str, str]:
    """Return the features in a cell `KEY=VALUE|KEY=VALUE`."""
    return dict(part.partition("=")[::2] for part in cell.split("|") if "=" in part)


def lay_out(path: Path, lines: Sequence[str], tokens: str | None, tags: str | None, known: Known) -> Layout:
    """Find out how a file is laid out.

    Args:
        path: the file, for messages.
        lines: all its lines.
        tokens: number of the tokens' column from 0, or its name; `None`: found, or the first.
        tags: number of the tags' column, its name, or the name of a feature in the last; `None`: found, or the last.
        known: tells whether a text is a tag.

    Raises:
        UserError: there are no tokens, or one column only; a named column is not there, or those not named could be several.
    """
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if not is_blank(line)]
    bodies = [(n, line) for n, line in numbered if not line.startswith(("#", DOCUMENT_MARK))]
    if not bodies:  # the tokens may be # alone
        bodies = [(n, line) for n, line in numbered if line[0] == "#" and known(_WHITE.split(line.strip())[-1])]
    if not bodies:
        raise UserError(f"{path}: holds no sentences; expected a token and its tag a line")
    separator, width = _separator([line for _, line in bodies], len if known("") else core_width)
    if width < 2:
        raise UserError(f"{path}:{bodies[0][0]}: one column, expected a token and its tag; does the file bear no tags?")
    split = [(line, split_line(line, separator)) for _, line in bodies]
    rows = [(line, cells[:width]) for line, cells in split if len(cells) >= width >= core_width(cells)]
    layout = Layout(separator, width)
    names: Sequence[str] = []
    first, cells = split[0]
    if _is_header(cells, [row for line, row in rows if line != first], known):
        layout, names = replace(layout, header=first), [cell.strip() for cell in cells if len(cells) == width]
        rows = [row for row in rows if row[0] != first]
    elif declared := next((found for line in lines if (found := _GLOBAL.match(line))), None):
        names = declared[1].split()
    if not rows:
        raise UserError(f"{path}: holds no sentences below its header; expected a token and its tag a line")
    _check_sentences(path, lines, names, len(rows))
    return _Columns(path, [row for _, row in rows], names, known).chosen(layout, tokens, tags)


def _separator(lines: Sequence[str], measure: Callable[[Sequence[str]], int]) -> tuple[str, int]:
    """Return what parts the columns of most lines into equally many, and how many those are by `measure`."""
    best = ("\t", 0, 0)
    for separator in ("\t", " ") if any("\t" in line for line in lines) else (" ",):
        widths = Counter(measure(split_line(line, separator)) for line in lines)
        width, times = max(widths.items(), key=lambda found: (found[1], found[0] >= 2))
        fits = times if width >= 2 else 0
        if best[1] == 0 or fits > best[2]:
            best = (separator, width, fits)
        if fits == len(lines):
            break
    return best[0], best[1]


def _is_header(cells: Sequence[str], others: Sequence[Sequence[str]], known: Known) -> bool:
    """Tell whether a file's first line names its columns: at least one has a usual name, and none holds a tag."""
    names = [cell.strip() for cell in cells]
    usual = sum(any(kind.fullmatch(name) for kind in (_WORDS, _TAGS, _SENTENCES, _OTHERS)) for name in names)
    if (
        not usual
        or not all(map(_PLAIN_NAME.fullmatch, names))
        or any(map(known, names))
        or any(map(looks_like_tag, names))
    ):
        return False
    if any(row[-1].strip() == names[-1] for row in others if len(row) == len(cells)):
        return False
    return _TAGS.fullmatch(names[-1]) is not None or usual >= 2


def _check_sentences(path: Path, lines: Sequence[str], names: Sequence[str], rows: int) -> None:
    """Refuse a table of one token a row, whose sentences no blank line parts."""
    if any(is_blank(line) or line.startswith(DOCUMENT_MARK) for line in lines[:-1]):
        return
    column = next((name for name in names if _SENTENCES.fullmatch(name)), None)
    if column is not None or rows > LONGEST:
        told = f"columns: {{sentence: {column or 'NAME'}}} in a CSV or TSV with a header"
        raise UserError(
            f"{path}: {rows:,} tokens and no blank line between sentences; expected one after each, or a column that tells the "
            f"sentence, {told}"
        )


class _Columns:
    """What the columns of a file hold."""

    def __init__(self, path: Path, rows: Sequence[Sequence[str]], names: Sequence[str], known: Known) -> None:
        self.path, self.names, self.known = path, names, known
        self.width = len(rows[0])
        self.distinct: list[Counter[str]] = [
            Counter(map(str.strip, column)) for column in zip(*rows, strict=True)
        ]  # by column: how often each text stands there
        self.rows = rows

    def chosen(self, layout: Layout, tokens: str | None, tags: str | None) -> Layout:
        """Complete a layout by the columns of tokens and tags."""
        numbers = all(_INDEX.fullmatch(cell) for cell in self.distinct[0])
        of_words = self._named("tokens", tokens, _WORDS)
        if of_words is None and numbers and self.width > 2:
            raise UserError(self._numbers())
        index = numbers and of_words not in (None, 0) and any(map(str.isdecimal, self.distinct[0]))
        layout = replace(layout, tokens=of_words or 0, index=index)
        return self._with_tags(layout, tags)

    def _named(self, role: str, given: str | None, usual: re.Pattern[str]) -> int | None:
        """Return the number of a column that the config names, or the header by a usual name."""
        if given is None:
            found = [at for at, name in enumerate(self.names) if usual.fullmatch(name) and at < self.width]
            return found[0] if len(found) == 1 else None
        if given.isdecimal() and int(given) < self.width:
            return int(given)
        if given in self.names and self.names.index(given) < self.width:
            return self.names.index(given)
        expected = f"expected a column's number, 0 to {self.width - 1} in {self.path}"
        if self.names and not given.isdecimal():
            expected += f", or its name{nearest(given, self.names)}"
        raise UserError(f"columns: {role}: {given!r}; {expected}")

    def _with_tags(self, layout: Layout, given: str | None) -> Layout:
        """Complete a layout by where the tags are."""
        last = self.width - 1
        if given is not None and not given.isdecimal() and given not in self.names and given in self._keys(last):
            return self._with_feature(layout, last, given)
        at = self._named("tags", given, _TAGS)
        if at is None:
            at = self._only(layout.tokens)
        if not any(map(self.known, self.distinct[at])):
            keys = self._keys(at)
            good = [key for key in keys if any(map(self.known, keys[key]))]
            if len(good) == 1:
                return self._with_feature(layout, at, good[0])
        return replace(layout, tags=at)

    def _only(self, tokens: int) -> int:
        """Return the column of tags that nothing names: the last, if no other could be meant.

        Raises:
            UserError: another one could.
        """
        last = self.width - 1
        held = [at for at in range(self.width) if at != tokens and self._holds_tags(at)]
        others = [at for at in held if at != last and any(row[at] != row[last] for row in self.rows)]
        if not others:
            return last
        if self._all_outside(last) or last in held:
            also = ", ".join(str(at) for at in others)
            raise UserError(
                f"{self.path}: tags stand in column {also} and in the last, {last} (counted from 0); say which are meant: "
                f"columns: {{tokens: {tokens}, tags: {others[0]}}}"
            )
        seen = next(iter(self.distinct[last]))
        raise UserError(
            f"{self.path}: the last column ({seen!r}) holds no tags; say where they are: "
            f"columns: {{tokens: {tokens}, tags: {others[0]}}}"
        )

    def _holds_tags(self, at: int, certain: bool = True) -> bool:
        """Tell whether a column holds tags, of known entities too if that is to be certain; numbers may mean anything."""
        cells = self.distinct[at]
        named = [cell for cell in cells if cell != "O" and (not certain or self.known(cell)) and not cell.isdecimal()]
        return bool(named) and all(looks_like_tag(cell) or self.known(cell) for cell in cells)

    def _all_outside(self, at: int) -> bool:
        return set(self.distinct[at]) == {"O"}

    def _keys(self, at: int) -> dict[str, Counter[str]]:
        """Return by key the values that it has in a column of features."""
        found: dict[str, Counter[str]] = {}
        for cell, times in self.distinct[at].items():
            for key, value in features(cell).items():
                found.setdefault(key, Counter())[value] += times
        return found

    def _with_feature(self, layout: Layout, at: int, key: str) -> Layout:
        return replace(layout, tags=at, feature=key, implied="O" not in self._keys(at)[key])

    def _numbers(self) -> str:
        """Say that the first column is of numbers, and which line of config names the tokens' and the tags'."""
        shown = ", ".join([row[0] for row in self.rows[:3]])
        said = f"{self.path}: the first column holds numbers alone ({shown}, …), no words; say where the words are: "
        last = self.width - 1
        held = [at for at in range(1, self.width) if self._holds_tags(at)]
        held = held or [at for at in range(1, self.width) if self._holds_tags(at, certain=False)]
        keys = [key for key, values in self._keys(last).items() if any(map(self.known, values))]
        plain = (
            at for at in range(1, self.width) if at not in held and not all(map(_INDEX.fullmatch, self.distinct[at]))
        )
        tags = str(held[0]) if held else keys[0] if keys else str(last)
        also = f" (column {', '.join(map(str, held[1:]))} holds tags too)" if held[1:] else ""
        line = f"columns: {{tokens: {next(plain, 1)}, tags: {tags}}}{also}"
        return f"{said}{line}, counted from 0, or tokens: 0 if numbers are meant"
