"""Which columns of a CoNLL file hold the tokens and the tags, told from what stands in them.

What the config does not name is found: by the names in the file's first line, otherwise tokens are the first column and tags
the last. Where other columns could be meant, or these cannot be, the file is refused with the line of config that reads it.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.common.errors import UserError, nearest
from pipeline.common.names import respelt
from pipeline.data.formats.tags import looks_like_tag

Known = Callable[[str], bool]
"""Whether a text is a tag."""

MOST = 0.9  # a broken line hides no column of numbers
_COUNT = re.compile(r"\d+([-.]\d+)?")
_NUMBER = re.compile(r"\d+([-_:.]\d+)*[.:]?")


def _name(words: str) -> re.Pattern[str]:
    """Return a pattern of columns' names that hold one of some words."""
    return re.compile(rf"(.*[\W_])?({words})([\W_].*)?", re.IGNORECASE)


_WORDS = _name("tokens?|words?|form|surface|text")
_TAGS = _name("tags?|labels?|ner|ne|entity|entities|iob|iob2|bio|bioes|gold")
_SENTENCES = _name("sentences?|sent|sentenceid|sentid")
_OTHERS = _name("id|index|idx|no|pos|chunk|lemma|upos|xpos|doc|document")


@dataclass(frozen=True)
class Picks:
    """The columns that are read.

    Attributes:
        tokens: the tokens' column.
        tags: the tags' column.
        feature: the key that tags have in a column of features (`NER=B-PER|…`); `None`: the column holds tags.
        implied: whether tokens without the feature are outside of entities: it is never said of any that they are.
        counted: whether the first column counts tokens, or sentences.
    """

    tokens: int
    tags: int
    feature: str | None = None
    implied: bool = False
    counted: bool = False

    def tag(self, cells: Sequence[str]) -> str:
        """Return the tag of a line; it is empty where the line bears none."""
        cell = cells[self.tags].strip()
        if self.feature is None:
            return cell
        return features(cell).get(self.feature, "O" if self.implied else "")


def features(cell: str) -> dict[str, str]:
    """Return the features in a cell `KEY=VALUE|KEY=VALUE`."""
    return dict(part.partition("=")[::2] for part in cell.split("|") if "=" in part)


def usual_names(names: Iterable[str]) -> int:
    """Count the names that columns usually have."""
    return sum(any(kind.fullmatch(name) for kind in (_WORDS, _TAGS, _SENTENCES, _OTHERS)) for name in names)


def names_tags(name: str) -> bool:
    """Tell whether a column's name is a usual one for tags."""
    return _TAGS.fullmatch(name) is not None


def of_sentences(names: Iterable[str]) -> str | None:
    """Return the name of the column that tells sentences apart."""
    return next((name for name in names if _SENTENCES.fullmatch(name)), None)


class Columns:
    """What the columns of a file hold.

    Attributes:
        rows: the cells of each line of a token.
        names: the columns' names where the file has them.
        distinct: by column: how often each text stands there.
    """

    def __init__(self, path: Path, rows: Sequence[Sequence[str]], names: Sequence[str], known: Known) -> None:
        self.path, self.rows, self.names, self.known = path, rows, names, known
        self.last = len(rows[0]) - 1
        self.distinct = [Counter(map(str.strip, column)) for column in zip(*rows, strict=True)]

    def picks(self, tokens: str | None, tags: str | None) -> Picks:
        """Return the columns of tokens and tags, as the config names them, or found.

        Raises:
            UserError: a named column is not there, or those not named could be several.
        """
        words = self._named("tokens", tokens) if tokens is not None else self._by_name(_WORDS)
        if words is None and self.last > 1:
            self._check_first()
        counts = self.distinct[0]
        counted = bool(words) and self._share(0, _COUNT) >= MOST and any(map(str.isdecimal, counts))
        key = tags if tags is not None and not tags.isdecimal() and tags not in self.names else None
        if key is not None and key in self._keys(self.last):
            return self._with_feature(words or 0, self.last, key, counted)
        at = self._named("tags", tags) if tags is not None else self._by_name(_TAGS)
        if at is None:
            at = self._only_tags(words or 0, tokens is None)
        found = self._features_of_tags(at)
        if found and not any(map(self._is_tag, self.distinct[at])):
            if len(found) > 1:
                raise UserError(
                    f"{self.path}: {' and '.join(found)} hold tags; say which: columns: {{tags: {found[0]}}}"
                )
            return self._with_feature(words or 0, at, found[0], counted)
        return Picks(words or 0, at, counted=counted)

    def _named(self, role: str, given: str) -> int:
        """Return the number of a column that the config names."""
        if given.isdecimal() and int(given) <= self.last:
            return int(given)
        spelt = respelt(self.names, [given])
        if given in spelt:
            return spelt.index(given)
        names = [*self.names, *(self._keys(self.last) if role == "tags" else ())]
        also = f", or its name{nearest(given, names)}" if names and not given.isdecimal() else ""
        raise UserError(
            f"columns: {role}: {given!r}; expected a column's number, 0 to {self.last} in {self.path}{also}"
        )

    def _by_name(self, usual: re.Pattern[str]) -> int | None:
        """Return the one column whose name is a usual one."""
        named = enumerate(self.names)
        found = [at for at, name in named if usual.fullmatch(name) and not _OTHERS.fullmatch(name)]
        return found[0] if len(found) == 1 else None

    def _check_first(self) -> None:
        """Refuse a first column that holds something else than words.

        Raises:
            UserError: numbers, one text in most sentences, or what its name says.
        """
        shown = ", ".join([row[0] for row in self.rows[:3]])
        repeats = sum(row[0] == before[0] for before, row in zip(self.rows, self.rows[1:], strict=False))
        if self._share(0, _NUMBER) >= MOST:
            said = f"holds numbers alone ({shown}, …), no words"
        elif len(self.rows) > 3 and repeats > len(self.rows) / 2:
            said = f"holds one text on line after line ({shown}, …), no words"
        elif self.names and (_OTHERS.fullmatch(self.names[0]) or _SENTENCES.fullmatch(self.names[0])):
            said = f"is called {self.names[0]!r}"
        else:
            return
        held = self._tag_columns(1)
        words = next((at for at in range(1, self.last + 1) if at not in held and self._share(at, _NUMBER) < MOST), 1)
        keys = self._features_of_tags(self.last)
        tags = str(held[0]) if held else keys[0] if keys else str(self.last)
        also = f" (column {', '.join(map(str, held[1:]))} holds tags too)" if held[1:] else ""
        raise UserError(
            f"{self.path}: the first column {said}; say where the words are: columns: {{tokens: {words}, tags: {tags}}}{also}, "
            "counted from 0, or tokens: 0 if the first is meant"
        )

    def _only_tags(self, tokens: int, free: bool) -> int:
        """Return the column of tags that nothing names: the last, if no other could be meant.

        Args:
            tokens: the tokens' column.
            free: whether that is not named by the config either.

        Raises:
            UserError: another one could.
        """
        held = [at for at in self._tag_columns(0) if at != tokens or (free and self.last == 1)]
        others = [at for at in held if at != self.last and any(row[at] != row[self.last] for row in self.rows)]
        outside = set(self.distinct[self.last]) == {"O"}
        if not others or ((outside or self.last in held) and not any(map(self._is_certain, others))):
            return self.last
        if tokens in others:
            tokens = self.last
        line = f"columns: {{tokens: {tokens}, tags: {others[0]}}}"
        if outside or self.last in held:
            both = f"column {', '.join(map(str, others))} and in the last, {self.last} (counted from 0)"
            raise UserError(f"{self.path}: tags stand in {both}; say which are meant: {line}")
        if any(map(self._is_tag, self.distinct[self.last])) or self._features_of_tags(self.last):
            return self.last
        seen = next(iter(self.distinct[self.last]))
        raise UserError(f"{self.path}: the last column ({seen!r}, …) holds no tags; say where they are: {line}")

    # ------------------------------------------------------------------------------------------------- what stands where

    def _share(self, at: int, pattern: re.Pattern[str]) -> float:
        """Return the share of a column's cells that are of a pattern."""
        return sum(n for cell, n in self.distinct[at].items() if pattern.fullmatch(cell)) / len(self.rows)

    def _is_tag(self, text: str) -> bool:
        return looks_like_tag(text) or self.known(text)

    def _is_certain(self, at: int) -> bool:
        """Tell whether a column of tags holds one of a known entity."""
        return any(cell != "O" and self.known(cell) for cell in self.distinct[at])

    def _tag_columns(self, first: int) -> list[int]:
        """Return the columns from `first` that hold tags, of known entities if there are such; numbers may mean anything."""
        held = []
        for at in range(first, self.last + 1):
            cells = self.distinct[at]
            if all(map(self._is_tag, cells)) and any(cell != "O" and not cell.isdecimal() for cell in cells):
                held.append(at)
        return [at for at in held if self._is_certain(at)] or held

    def _keys(self, at: int) -> dict[str, Counter[str]]:
        """Return by key the values that it has in a column of features."""
        found: dict[str, Counter[str]] = {}
        for cell, times in self.distinct[at].items():
            for key, value in features(cell).items():
                found.setdefault(key, Counter())[value] += times
        return found

    def _features_of_tags(self, at: int) -> list[str]:
        """Return the keys whose values are tags."""
        return [key for key, values in self._keys(at).items() if any(map(self._is_tag, values))]

    def _with_feature(self, tokens: int, at: int, key: str, counted: bool) -> Picks:
        return Picks(tokens, at, key, "O" not in self._keys(at)[key], counted)
