"""CLS-10, cross-lingual sentiment (Prettenhofer and Stein 2010, https://aclanthology.org/P10-1114), unprocessed form.

A file holds one `<item>` per Amazon review. Two schemas are read, told apart by the name of the text:

| schema | headline | text | not the review's |
|---|---|---|---|
| CLS-10's own | `<summary>` | `<text>` | `<title>`, the product's; `<category>`, `<url>`, … |
| the Multi-Domain Sentiment Dataset's, whose reviews are the English ones | `<title>` | `<review_text>` | `<product_name>`, … |

The text of an example is headline, newline, text: CLS-10's own features are of both. A `<rating>` of 4 or 5 is positive, of 1
or 2 negative; 3 is left out. Files are large and seldom clean, so they are read as a stream and each review is parsed on its own:
HTML's entities, bare `&` and `<`, and control characters are mended and counted, reviews still broken then are left out and
counted. The file need not be one well-formed document.
"""

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html.entities import html5
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import numpy as np
import pyarrow as pa

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import read_json
from pipeline.data.arrange import Read, load_splits, own_splits
from pipeline.data.normalise import form_of, normalised
from pipeline.data.raw_text import raw_text
from pipeline.data.schema import Loaded, task_table, text_table

TASK = "sentiment"
HAS = ("train", "test")
ABSENT = {"dev": "CLS-10 has no dev split of its own; say dev: {from: train, fraction: 0.2}"}
DOMAINS = ("books", "dvd", "music")
UNLABELLED = "unlabelled"
LABEL = {1: "negative", 2: "negative", 4: "positive", 5: "positive"}

NEUTRAL = "rated 3"
EMPTY = "empty text"
BROKEN = "broken XML"
ENTITY = "entity that XML does not know, now its character"
BARE = "bare & or <, escaped"
CONTROL = "control character, now a blank"

BLOCK = 1 << 20  # bytes read at a time
LONGEST = 1 << 24  # bytes of a review, far above any real one

_ITEM = re.compile(rb"<(/?)item(?:\s[^<>]*)?>")
_TAG = 1024  # bytes, more than the longest tag that a block may end in
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_FAULT = re.compile(r"&(?:(#[0-9]{1,9};|#x[0-9a-fA-F]{1,8};)|([A-Za-z][A-Za-z0-9]*;))?|<(?!/?[A-Za-z]|[!?])")
_RATING = re.compile(r"([1-5])(?:[.,]0+)?")


@dataclass(frozen=True)
class Review:
    """One `<item>`.

    Attributes:
        number: its number in the file, from 0, broken ones counted.
        place: for messages.
        text: headline and text; may be empty.
        ratings: what stands in its `<rating>`s.
        mends: what was mended, by reason.
    """

    number: int
    place: str
    text: str
    ratings: tuple[str, ...]
    mends: Mapping[str, int]


def needed(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the own splits that `spec` uses, with the unlabelled part if it asks for that.

    Raises:
        UserError: an unknown `domain`, `test: dev`, or what `own_splits` refuses.
    """
    domain = spec.get("domain")
    if domain not in DOMAINS:
        raise UserError(f"domain: {domain!r}{nearest(str(domain), DOMAINS)}")
    if spec.get("test", "test") == "dev":
        raise UserError("test: dev: CLS-10 has no dev split to test on; leave test: test")
    return (*own_splits(spec, HAS), *((UNLABELLED,) if spec.get("unlabelled") else ()))


def load(spec: Mapping[str, Any], raw: Path | None = None) -> Loaded:
    """Read one downloaded language of one domain into train, dev and test.

    Args:
        spec: `loader`, `language`, `domain`, `unlabelled` and what shapes the splits.
        raw: the download's manifest.

    Returns:
        The splits; the raw text is that of train and of the first `unlabelled` unlabelled reviews.

    Raises:
        UserError: the files are malformed, hold too few unlabelled reviews, or a split would be empty.
    """
    needed(spec)
    loaded = load_splits(spec, raw, TASK, read_files, has=HAS, absent=ABSENT)
    wanted = spec.get("unlabelled")
    if raw is None or not wanted:
        return loaded
    files = read_json(raw)["files"].get(UNLABELLED)
    if not files:
        raise UserError(f"{raw}: no unlabelled files were downloaded; download again")
    more, lost = read_unlabelled(
        [raw.parent / file["name"] for file in files], str(spec["language"]), int(wanted), spec
    )
    if form := form_of(spec):
        more, _ = normalised("text", more, form)
    texts = pa.concat_tables([loaded.splits["train"].table.select(more.column_names), more])
    counted = ", ".join(f"{reason}: {n:,}" for reason, n in sorted(lost.items()))
    notes = (f"{more.num_rows:,} unlabelled reviews joined the raw text{f'; left out: {counted}' if lost else ''}",)
    return replace(loaded, text=raw_text(TASK, str(spec["language"]), texts), notes=loaded.notes + notes)


def read_files(files: Sequence[Path], language: str, split: str, spec: Mapping[str, Any]) -> Read:
    """Read one labelled split.

    Args:
        files: one file, gzipped or not.
        language: whose reviews they are.
        split: the split's name, for the ids.
        spec: `domain`.

    Raises:
        UserError: no review, not UTF-8, another schema, or a rating that is no number of stars; names file, line and review.
    """
    dropped = Counter[str]()
    rows: list[tuple[str, str, str]] = []
    mends: list[Mapping[str, int]] = []
    for review in reviews(files[0]):
        if review is None:
            dropped[BROKEN] += 1
            continue
        rating = _rating(review)
        if rating == 3 or not review.text:
            dropped[NEUTRAL if rating == 3 else EMPTY] += 1
            continue
        rows.append((f"cls10-{language}-{spec['domain']}-{split}-{review.number}", review.text, LABEL[rating]))
        mends.append(review.mends)
    if not rows and not dropped:
        raise UserError(f"{files[0]}: holds no <item>; expected one a review, in UTF-8")
    counts = {reason: np.array([m.get(reason, 0) for m in mends], np.int64) for reason in (ENTITY, BARE, CONTROL)}
    return Read(task_table(TASK, language, rows), dict(dropped), mends=counts)


def read_unlabelled(
    files: Sequence[Path], language: str, number: int, spec: Mapping[str, Any]
) -> tuple[pa.Table, dict[str, int]]:
    """Read the first `number` unlabelled reviews and no further; ratings are not looked at.

    Returns:
        Their text, in the `text` schema, and how many were left out before the last of them, by reason.

    Raises:
        UserError: there are fewer, or what `read_files` refuses but for ratings.
    """
    dropped = Counter[str]()

    def rows() -> Iterator[tuple[str, str]]:
        for review in reviews(files[0]):
            if review is None or not review.text:
                dropped[BROKEN if review is None else EMPTY] += 1
            else:
                yield f"cls10-{language}-{spec['domain']}-{UNLABELLED}-{review.number}", review.text

    table = text_table(language, islice(rows(), number))
    if table.num_rows < number:
        raise UserError(
            f"{files[0]}: holds {table.num_rows:,} unlabelled reviews with text; unlabelled: {number} asks for more"
        )
    return table, dict(dropped)


def _rating(review: Review) -> int:
    """Return 1 to 5; a review may repeat its rating but not give two."""
    found = sorted(set(review.ratings))
    match = _RATING.fullmatch(found[0]) if len(found) == 1 else None
    if match is None:
        there = " and ".join(map(repr, found)) if found else "missing"
        raise UserError(f"{review.place}: the rating is {there}; expected one of 1 to 5")
    return int(match[1])


def reviews(path: Path) -> Iterator[Review | None]:
    """Yield a file's reviews, `None` for those whose XML is broken past mending.

    Raises:
        UserError: not UTF-8, a truncated gzip file, or a review in neither schema; names file, line and review.
    """
    for number, (line, data) in enumerate(_items(path)):
        place = f"{path}:{line}: review {number}"
        if data is None:
            yield None
            continue
        try:
            found = _parsed(data.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise UserError(
                f"{place}: byte 0x{data[error.start]:02x}: not UTF-8; convert the file, from Latin-1 for example: "
                "iconv -f latin1 -t utf-8"
            ) from None
        if found is None:
            yield None
            continue
        fields, mends = found
        yield Review(number, place, _text(fields, place), tuple(fields.get("rating", ())), mends)


def _text(fields: Mapping[str, list[str]], place: str) -> str:
    """Return headline and text, by either schema."""
    if ("text" in fields) == ("review_text" in fields):
        raise UserError(
            f"{place}: has <{'>, <'.join(fields)}>; expected <rating>, <summary> and <text>, or <rating>, <title> and "
            "<review_text>"
        )
    parts: list[str] = []
    for name in ("summary", "text") if "text" in fields else ("title", "review_text"):
        values = dict.fromkeys(value for value in fields.get(name, ()) if value)
        if len(values) > 1:
            raise UserError(f"{place}: has {len(values)} different <{name}>; expected one")
        parts += values
    return "\n".join(parts)


def _parsed(xml: str) -> tuple[dict[str, list[str]], Counter[str]] | None:
    """Return the values of each of a review's elements, and what was mended; `None` if it cannot be mended."""
    mends = Counter[str]()
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        xml, mends = _mended(xml)
        try:
            root = ElementTree.fromstring(xml)
        except ElementTree.ParseError:
            return None
    fields: dict[str, list[str]] = {}
    for element in root:
        fields.setdefault(element.tag.lower(), []).append(" ".join(element.itertext()).strip())
    return fields, mends


def _mended(xml: str) -> tuple[str, Counter[str]]:
    """Mend what has one meaning only: entities of HTML, `&` and `<` that begin nothing, and control characters."""
    mends = Counter[str]()

    def mend(match: re.Match[str]) -> str:
        found, number, name = match[0], match[1], match[2]
        if number:
            code = int(number[2:-1], 16) if number[1] == "x" else int(number[1:-1])
            if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF and not _CONTROL.fullmatch(chr(code)):
                return found
            mends[CONTROL] += 1
            return " "
        if name in ("amp;", "lt;", "gt;", "quot;", "apos;"):
            return found
        mends[ENTITY if name in html5 else BARE] += 1
        return escape(html5.get(name, found))

    xml, mends[CONTROL] = _CONTROL.subn(" ", xml)
    if "<![CDATA[" not in xml:  # inside, & and < stand for themselves
        xml = _FAULT.sub(mend, xml)
    return xml, +mends


def _items(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Cut a file into reviews, reading on as they are asked for.

    Yields:
        Each review's line and its bytes from `<item>` to `</item>`; `None` for one that does not end before the next.
    """
    buffer, line, start, scanned = b"", 1, -1, 0  # the review being read begins at `start`; -1: none is
    for block in _blocks(path):
        buffer += block
        counted = 0
        for tag in _ITEM.finditer(buffer, scanned):
            scanned = tag.end()
            closes = bool(tag[1])
            if start >= 0:
                yield line, buffer[start : tag.end()] if closes else None
            if not closes:
                line += buffer.count(b"\n", counted, tag.start())
                counted = tag.start()
            start = -1 if closes else tag.start()
        if start >= 0 and len(buffer) - start > LONGEST:
            raise UserError(f"{path}:{line}: a review does not end within {LONGEST >> 20} MiB; expected </item>")
        # Keep the review that is open, or what may be the beginning of a tag.
        keep = start if start >= 0 else max(scanned, len(buffer) - _TAG)
        line += buffer.count(b"\n", counted, keep)
        buffer, scanned, start = buffer[keep:], max(scanned - keep, 0), min(start, 0)
    if start >= 0:
        yield line, None


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes, unpacked if it is gzipped."""
    try:
        with path.open("rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UserError(f"{path}: not a whole gzip file (truncated?): {error}") from None
