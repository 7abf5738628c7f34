"""Tagged line files: one token per line, a tab before its tag, a blank line between sentences.

Three forms are told apart by looking at the whole file: `token<TAB>TAG`, `<language>:token<TAB>TAG`, and token alone
(the tags were taken out). Lines end at newlines only: other control characters are data. What is malformed is refused with its
file and line; what is merely untidy is mended and counted.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import read_utf8
from pipeline.data.formats.tags import CONVERTED, ORPHAN, simple_tag, to_iob2

Sentence = tuple[list[str], list[str]]  # tokens, tags (empty when the file bears none)

EMPTY = "empty sentence"
CARRIAGE = "carriage return at the end of a line, removed"
BOM = "byte order mark, removed"


@dataclass
class Sentences:
    """The sentences of one split as read, with counts of what was dropped and mended.

    Attributes:
        rows: tokens and tags of each sentence; every sentence has a token.
        labelled: whether the sentences bear tags.
        places: where each sentence stands in its file, counted from 0 over all sentences, dropped ones included.
        orphans: how many `I-` tags of each sentence became `B-`.
        converted: how many tags of each sentence were of a scheme whose entities end (BIOES, BILOU, …).
        dropped: sentences left out, by reason.
        repaired: mends that belong to the file, not to one sentence, by reason.
    """

    rows: list[Sentence] = field(default_factory=list)
    labelled: bool = True
    places: list[int] = field(default_factory=list)
    orphans: list[int] = field(default_factory=list)
    converted: list[int] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    repaired: Counter[str] = field(default_factory=Counter)

    def add(self, tokens: list[str], tags: Sequence[str]) -> None:
        """Take one sentence, bringing its tags into IOB2; count it as dropped if it has no token."""
        place = len(self.rows) + self.dropped[EMPTY]
        if not tokens:
            self.dropped[EMPTY] += 1
            return
        mended, mends = to_iob2(tags)
        self.orphans.append(mends[ORPHAN])
        self.converted.append(mends[CONVERTED])
        self.rows.append((tokens, mended))
        self.places.append(place)


def read_tagged_lines(path: Path, language: str, labels: Sequence[str]) -> Sentences:
    """Read a file of tagged lines.

    Args:
        path: the file, UTF-8.
        language: code that `<language>:` prefixes must bear.
        labels: the valid tags in IOB2; those of other schemes that become one of them are valid too.

    Raises:
        UserError: the file is empty or not UTF-8, a line has a wrong number of columns, an unknown tag, a tag without a
            token or another language's prefix, or only some of the lines bear tags. Names file and line.
    """
    result = Sentences()
    lines = _clean(read_utf8(path, "lines token<TAB>TAG"), result)
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip(" ")]
    if not numbered:
        raise UserError(f"{path}: holds no sentences; expected lines token<TAB>TAG")
    cut = _prefix(path, numbered, language)
    first, result.labelled = numbered[0][0], _split(path, numbered[0], cut, labels)[1] is not None
    tokens: list[str] = []
    tags: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip(" "):
            result.add(tokens, tags)
            tokens, tags = [], []
            continue
        token, tag = _split(path, (number, line), cut, labels)
        if (tag is not None) != result.labelled:
            kinds = ("bears a tag", "bears none") if result.labelled else ("bears no tag", "bears one")
            raise UserError(f"{path}:{number}: line {first} {kinds[0]}, this one {kinds[1]}; expected all or none")
        tokens.append(token)
        if tag is not None:
            tags.append(tag)
    if tokens:
        result.add(tokens, tags)
    return result


def without_mark(text: str, repaired: Counter[str]) -> str:
    """Return text without the byte order mark it may begin with, which is counted."""
    if text.startswith("\ufeff"):
        repaired[BOM] += 1
    return text.removeprefix("\ufeff")


def _clean(text: str, result: Sentences) -> list[str]:
    """Split at newlines, dropping the byte order mark and carriage returns that end lines."""
    lines = without_mark(text, result.repaired).split("\n")
    if lines[-1] == "":
        lines.pop()
    if returns := sum(line.endswith("\r") for line in lines):
        result.repaired[CARRIAGE] += returns
        lines = [line.removesuffix("\r") for line in lines]
    return lines


def _prefix(path: Path, numbered: list[tuple[int, str]], language: str) -> int:
    """Return how many characters of each line are the language's prefix: that of all lines, or of none."""
    prefix = f"{language}:"
    without = [number for number, line in numbered if not line.startswith(prefix)]
    if not without:
        return len(prefix)
    if 2 * len(without) < len(numbered):
        raise UserError(f"{path}:{without[0]}: no prefix {prefix!r}, which the other lines bear")
    other = re.match(r"[a-z][a-z-]+:", numbered[0][1])
    if other and all(line.startswith(other[0]) for _, line in numbered):
        raise UserError(f"{path}:{numbered[0][0]}: the lines bear the prefix {other[0]!r}, expected {prefix!r} or none")
    return 0


def _split(path: Path, numbered: tuple[int, str], cut: int, labels: Sequence[str]) -> tuple[str, str | None]:
    """Return a line's token and tag; the tag is `None` where the line bears none."""
    number, line = numbered
    columns = line[cut:].split("\t")
    if len(columns) > 2:
        raise UserError(f"{path}:{number}: {len(columns)} columns, expected token<TAB>TAG (or the token alone)")
    token, tag = columns[0], columns[1] if len(columns) == 2 else ""
    if not token.strip(" "):
        raise UserError(f"{path}:{number}: tag {tag!r} without a token; expected token<TAB>TAG")
    if tag == "":
        if " " in token and token.rsplit(" ", 1)[1] in labels:
            raise UserError(f"{path}:{number}: {line!r} has one column; expected a tab, not a blank, before the tag")
        return token, None
    if simple_tag(tag) not in labels:
        raise UserError(f"{path}:{number}: unknown tag {tag!r}{nearest(tag, labels)}")
    return token, tag
