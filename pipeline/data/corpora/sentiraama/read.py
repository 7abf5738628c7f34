"""Sentiraama, Telugu product reviews (Gangula and Mamidi, LREC 2018), in MetaXL's splits.

`product_pos.txt` holds the positive reviews, `product_neg.txt` the negative ones, UTF-8: each review is one or more lines of
text, with a separator, a line of underscores, before it. MetaXL's examples are single lines of text, not reviews: its
`data_index.txt` (`metaxl_index`) names each by file and line, counted from 0 with the separators, 100, 103 and 100 of them,
166 positive and 137 negative. The lines that it leaves out, line 0 among them and never two in a row, are the separators.

Lines end at LF, CR LF or CR, as in the reader that numbered them. A separator is a line of three or more `_`, `-`, `=`, `*`,
`#` or `~`. A published number that hits a separator or an empty line is an error: it would be another edition's numbering.

An id is `sentiraama-te-<pos|neg>-<line>`.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.common.files import read_stripped_lines
from pipeline.data.arrange import Read, load_splits
from pipeline.data.formats.metaxl_index import NAME, line_numbers
from pipeline.data.schema import Loaded, task_table

TASK = "sentiment"
LABEL = {"product_pos.txt": "positive", "product_neg.txt": "negative"}
_SHORT = {"product_pos.txt": "pos", "product_neg.txt": "neg"}
_SEPARATOR = re.compile(r"[_\-=*#~]{3,}")
_INVISIBLE = "\N{ZERO WIDTH SPACE}\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NO-BREAK SPACE}"


def read_files(files: Sequence[Path], language: str, split: str, spec: Mapping[str, Any]) -> Read:
    """Read one split: `files` are the two files of reviews and MetaXL's index, in any order.

    Raises:
        UserError: a file is missing or malformed, or the index names a line that is no text.
    """
    index = pick(files, NAME)
    texts = {name: read_lines(pick(files, name)) for name in LABEL}
    rows = []
    for number, name in line_numbers(index, split, tuple(LABEL)):
        text = _line(pick(files, name), texts[name], number, f"{index.name}: {split}")
        rows.append((f"sentiraama-{language}-{_SHORT[name]}-{number}", text, LABEL[name]))
    twice = next((row[0] for place, row in enumerate(rows) if row in rows[:place]), None)
    if twice:
        raise UserError(f"{index}: {split} names {twice.removeprefix('sentiraama-')} twice; expected each line once")
    if not rows:
        raise UserError(f"{index}: the list of {split} is empty")
    return Read(task_table(TASK, language, rows))


def load(spec: Mapping[str, Any], raw: Path | None = None) -> Loaded:
    """Read the downloaded reviews into MetaXL's train, dev and test.

    Args:
        spec: `language` and what shapes the splits.
        raw: the download's manifest.

    Raises:
        UserError: nothing is downloaded, or a file is malformed.
    """
    return load_splits(spec, raw, TASK, read_files)


def pick(files: Sequence[Path], name: str) -> Path:
    """Return the one of a split's files that is called `name`, whatever the download put before it.

    Raises:
        UserError: there is none.
    """
    for path in files:
        if path.name.endswith(name):
            return path
    raise UserError(f"no {name} among {', '.join(str(path) for path in files) or 'no files'}; download again")


def read_lines(path: Path) -> list[str]:
    """Return a file's lines without blanks around them.

    Raises:
        UserError: no such file, empty, or not UTF-8 (names the line).
    """
    return read_stripped_lines(path, "Sentiraama's product reviews, one a line, separators between")


def is_text(line: str) -> bool:
    """Say whether a line is text: neither empty nor a separator."""
    return bool(line.strip(_INVISIBLE)) and not _SEPARATOR.fullmatch(line)


def _line(path: Path, lines: Sequence[str], number: int, where: str) -> str:
    """Return the line that the index names, counted from 0."""
    if number >= len(lines):
        raise UserError(f"{path}: {where} names line {number} (from 0), but the last is {len(lines) - 1}")
    if not is_text(lines[number]):
        kind = "empty" if not lines[number].strip(_INVISIBLE) else f"the separator {lines[number][:30]!r}"
        raise UserError(
            f"{path}: {where} names line {number} (from 0), which is {kind}; expected a review: are lines missing or added?"
        )
    return lines[number]
