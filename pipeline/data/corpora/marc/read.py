"""MARC, the Multilingual Amazon Reviews Corpus (Keung et al. 2020, https://aclanthology.org/2020.emnlp-main.369).

Reviews of 1 and 2 stars are negative, of 4 and 5 positive, of 3 left out, as in MetaXL (Xia et al. 2021, section 3.1). The
publisher withdrew the corpus in 2023; these forms of it are about:

| form | columns |
|---|---|
| the original's JSONL, and CSV made of it | `review_id, stars, review_body, review_title, language, …` |
| copies with one class per star | `id, text, label` (stars - 1), `label_text`; `text` is the body |
| the same with the title joined on | `text` is title, blank line, body, in every row |
| plain CSV without a header | index, body, stars |

One file may hold several languages: a column `language`, or ids like `en_0123456`, tell them apart. With `title: true` the
text is the title, a newline, the body: no full stop is made up, and raw text is still cut between the two.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline.common.errors import UserError
from pipeline.data.arrange import Read, load_splits
from pipeline.data.formats.lines import BOM
from pipeline.data.schema import Loaded, task_table

TASK = "sentiment"
LABEL = {1: "negative", 2: "negative", 4: "positive", 5: "positive"}

NEUTRAL = "three stars"
EMPTY = "empty text"
OTHER = "in another language"
UNTITLED = "no title, the body alone"
SURROGATE = "half a character (lone surrogate), now U+FFFD"

PLAIN = ("index", "body", "stars")  # CSV without a header
BODIES, TITLES, NAMES = ("review_body", "text", "body"), ("review_title", "title"), ("review_id", "id")

_NAME = re.compile(r"([a-z]{2})_\d+")
_HALF = re.compile("[\ud800-\udfff]")
_JSON = json.JSONDecoder(strict=False)  # control characters inside strings are data
_WHOLE = re.compile(r"\s*([0-9])(?:\.0*)?\s*")


class Review(NamedTuple):
    """One row of a file.

    Attributes:
        number: the row's number, from 0.
        place: `file:line`, for messages.
        name: the file's own id, if it has one.
        stars: 1 to 5.
        body: the text.
        title: the title; empty where the row has none, `None` where the file has no titles.
        joined: whether a title may stand in `body`, before its first blank line.
        language: what the row says of its language.
    """

    number: int
    place: str
    name: str | None
    stars: int
    body: str
    title: str | None
    joined: bool
    language: str | None


def load(spec: Mapping[str, Any], raw: Path | None = None) -> Loaded:
    """Read one downloaded language into train, dev and test.

    Args:
        spec: `loader`, `language`, `title` and what shapes the splits.
        raw: the download's manifest.

    Raises:
        UserError: the files are malformed, without titles where `title` asks for them, or a split would be empty.
    """
    return load_splits(spec, raw, TASK, read_files)


def read_files(files: Sequence[Path], language: str, split: str, spec: Mapping[str, Any]) -> Read:
    """Read one split's files, in whichever form they are.

    Args:
        files: JSONL (`.jsonl`, `.json`) or CSV, in order; rows are numbered over all of them.
        language: whose reviews to take.
        split: the split's name, for the ids.
        spec: `title`: whether the title goes before the body.

    Raises:
        UserError: malformed (names file and line), a number of stars outside 1 to 5, no review in `language`, or no titles.
    """
    dropped, repaired = Counter[str](), Counter[str]()
    reviews = list(_in_language(_reviews(files, repaired), language, files[0], dropped))
    titled = bool(spec.get("title", False))
    reviews = _unjoined(reviews)
    if titled and (bare := next((review for review in reviews if review.title is None), None)):
        raise UserError(f"{bare.place}: this copy has no titles (column {' or '.join(TITLES)}); set title: false")
    rows: list[tuple[str, str, str]] = []
    halves, untitled = [], []
    for review in reviews:
        body, title = review.body.strip(), (review.title or "").strip()
        text, found = _HALF.subn("\ufffd", "\n".join(part for part in (title * titled, body) if part))
        if review.stars == 3 or not text:
            dropped[NEUTRAL if review.stars == 3 else EMPTY] += 1
            continue
        rows.append((f"marc-{language}-{split}-{review.number}", text, LABEL[review.stars]))
        halves.append(found)
        untitled.append(titled and not title)
    mends = {SURROGATE: np.array(halves, np.int64), UNTITLED: np.array(untitled, np.int64)}
    return Read(task_table(TASK, language, rows), dict(dropped), dict(repaired), mends)


def tells_language(path: Path) -> bool:
    """Say whether a file's rows tell their language, looking at the first.

    Raises:
        UserError: it has no rows, or the first is malformed.
    """
    first = next(_reviews([path], Counter()), None)
    if first is None:
        raise UserError(f"{path}: holds no reviews; expected at least one")
    return first.language is not None


def _in_language(reviews: Iterable[Review], language: str, where: Path, dropped: Counter[str]) -> Iterator[Review]:
    """Yield the reviews in `language`, counting the others; all rows must tell their language, or none."""
    told: bool | None = None
    found: Counter[str] = Counter()
    seen: dict[str, Review] = {}
    for review in reviews:
        if told is not None and told != (review.language is not None):
            raise UserError(
                f"{review.place}: {'no' if told else 'a'} language, unlike the rows before; expected all or none"
            )
        told = review.language is not None
        found[review.language or language] += 1
        if told and review.language != language:
            dropped[OTHER] += 1
            continue
        if review.name:
            before = seen.setdefault(review.name, review)
            if (before.stars, before.body) != (review.stars, review.body):
                raise UserError(f"{review.place}: id {review.name!r} is that of another review, at {before.place}")
        yield review
    if not found[language]:
        there = f"it has {', '.join(sorted(found))}" if found else "the file is empty"
        raise UserError(f"{where}: holds no reviews in {language!r}; {there}")


def _unjoined(reviews: list[Review]) -> list[Review]:
    """Take titles off texts where every row has one joined on: what stands before the first blank line.

    Raises:
        UserError: most rows look so but not all, so that neither reading is certain.
    """
    plain = [review for review in reviews if not review.joined]
    if len(plain) > len(reviews) / 2:
        return reviews
    if plain:
        raise UserError(
            f"{plain[0].place}: no blank line, unlike {len(reviews) - len(plain)} of {len(reviews)} rows; expected bodies "
            "alone, or title, blank line, body in every row"
        )
    result = []
    for review in reviews:
        title, _, body = review.body.partition("\n\n")
        result.append(review._replace(title=title, body=body, joined=False))
    return result


def _reviews(files: Sequence[Path], repaired: Counter[str]) -> Iterator[Review]:
    number = 0
    for path in files:
        for line, row in (_csv if path.suffix == ".csv" else _jsonl)(path, repaired):
            yield _review(row, number, f"{path}:{line}")
            number += 1


def _review(row: Mapping[str, Any], number: int, place: str) -> Review:
    """Make a review of a row, whatever its columns are called."""
    body, title, name = _text(row, BODIES, place), _text(row, TITLES, place), _text(row, NAMES, place)
    if body is None:
        raise UserError(f"{place}: has columns {', '.join(row)}; expected the text in {' or '.join(BODIES)}")
    language = _text(row, ("language",), place) or None
    if language is None and name and (match := _NAME.fullmatch(name)):
        language = match[1]
    joined = title is None and "text" in row and "\n\n" in body
    return Review(number, place, name, _stars(row, place), body, title, joined, language)


def _text(row: Mapping[str, Any], columns: Sequence[str], place: str) -> str | None:
    """Return the text in the first of `columns` that the row has; `None` if it has none of them."""
    for column in columns:
        if column in row:
            value = row[column]
            if value is not None and not isinstance(value, str):
                raise UserError(f"{place}: {column} is {value!r}; expected text")
            return value or ""
    return None


def _stars(row: Mapping[str, Any], place: str) -> int:
    """Return 1 to 5: `stars`, or `label`, which counts from 0."""
    column, first = ("stars", 1) if "stars" in row else ("label", 0)
    if column not in row:
        raise UserError(f"{place}: has columns {', '.join(row)}; expected stars (1 to 5) or label (0 to 4)")
    value = row[column]
    match = _WHOLE.fullmatch(str(value)) if isinstance(value, (str, int, float)) else None
    if match is None or isinstance(value, bool) or not first <= int(match[1]) <= first + 4:
        raise UserError(f"{place}: {column} is {value!r}; expected {first} to {first + 4}")
    return int(match[1]) - first + 1


def _jsonl(path: Path, repaired: Counter[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each line's number and object."""
    for number, line in enumerate(_lines(path, repaired), start=1):
        if not line.strip():
            continue
        try:
            row = _JSON.decode(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{path}:{number}: not JSON (truncated?): {error.msg} at column {error.colno}") from None
        except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets in brackets
            raise UserError(f"{path}:{number}: no review: {error}") from None
        if not isinstance(row, dict):
            raise UserError(f"{path}:{number}: a JSON {type(row).__name__}; expected one object a line")
        yield number, row


def _csv(path: Path, repaired: Counter[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row with the number of its last line; a first row of known names is the header."""
    rows = csv.reader(_lines(path, repaired), strict=True)
    header: Sequence[str] | None = None
    try:
        for row in rows:
            if not row:
                continue
            if header is None:
                header = _header(row, f"{path}:{rows.line_num}")
                if header is row:
                    continue
            if len(row) != len(header):
                raise UserError(
                    f"{path}:{rows.line_num}: {len(row)} columns; expected {len(header)}: {', '.join(header)}"
                )
            yield rows.line_num, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise UserError(f"{path}:{rows.line_num}: malformed CSV (an open quote?): {error}") from None


def _header(row: list[str], place: str) -> Sequence[str]:
    """Return the columns' names: `row` itself if it is a header."""
    if any(name in row for name in BODIES) and ("stars" in row or "label" in row):
        return row
    if len(row) == len(PLAIN) and row[0].strip().isdigit() and _WHOLE.fullmatch(row[2]):
        return PLAIN
    raise UserError(
        f"{place}: {len(row)} columns, {', '.join(map(repr, row[:8]))[:200]}; expected a header with review_body and stars, "
        f"or rows of {', '.join(PLAIN)}"
    )


def _lines(path: Path, repaired: Counter[str]) -> Iterator[str]:
    """Yield a UTF-8 file's lines with their ends, cut at newlines only, without a byte order mark."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    with file:
        for number, line in enumerate(file, start=1):
            if number == 1 and line.startswith(b"\xef\xbb\xbf"):
                line = line[3:]
                repaired[BOM] += 1
            try:
                yield line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise UserError(
                    f"{path}:{number}: byte 0x{line[error.start]:02x}: not UTF-8; convert it, from Latin-1 for example: "
                    "iconv -f latin1 -t utf-8"
                ) from None
