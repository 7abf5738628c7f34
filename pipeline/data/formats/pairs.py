"""Premise, hypothesis and label, in every form that NLI data goes about in.

| ending | form |
|---|---|
| `.tsv`, `.txt` | with a header that names the columns (original files, GLUE), or `premise<TAB>hypothesis[<TAB>label]` without |
| `.jsonl` | one object a line |
| `.json` | one object (or list) of objects |
| `.parquet` | the hub's; labels are numbers |

Lines end at newlines only, and quotes are data: nothing else is special in a line but its tabs. Labels are words. Numbers
are read from Parquet alone, where the file names them or the hub's order holds: other collections number otherwise.
"""

import json
import re
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import read_parquet
from pipeline.data.arrange import Read
from pipeline.data.formats.lines import BOM, CARRIAGE
from pipeline.data.schema import LABELS, task_table

TASK = "nli"
UNDECIDED = "-"
NO_GOLD = "no gold label: the annotators did not agree"
EMPTY = "empty premise or hypothesis"

# What the labels are called in files, and what they mean; "" is a label that was taken out.
WORDS = {**{word: word for word in LABELS[TASK]}, "contradictory": "contradiction", UNDECIDED: UNDECIDED, "": ""}
HUB_ORDER = ("entailment", "neutral", "contradiction")  # what 0, 1, 2 mean in a Parquet file that does not say

# What a column may be called, the first of them that is there; in the order of `Pair`.
NAMES: dict[str, tuple[str, ...]] = {
    "premise": ("premise", "sentence1", "text_a"),
    "hypothesis": ("hypothesis", "sentence2", "text_b", "hypo"),
    "label": ("gold_label", "label"),
    "language": ("language",),
    "pair": ("pairID",),
}
_ANNOTATOR = re.compile(r"label\d+")  # single annotators' labels: a line may have fewer of them than the header
FORM = "premise<TAB>hypothesis[<TAB>label], or a header with sentence1, sentence2 and gold_label"


class Pair(NamedTuple):
    """One example as it stands in a file."""

    number: int  # of its line (from 1), row or entry (from 0)
    premise: str
    hypothesis: str
    label: str
    language: str | None
    pair: str | None


@dataclass
class Pairs:
    """The examples of one language in a split's files.

    Attributes:
        texts: premise and hypothesis of each.
        labels: a label, `UNDECIDED`, or "" where a label was taken out; one per example.
        places: which example of the split it is, counted from 0: equal for the same example in parallel languages.
        numbers: which line or row of its file it is.
        languages: languages of rows that say theirs.
        repaired: mends of the files, by reason.
    """

    texts: list[tuple[str, str]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    languages: set[str] = field(default_factory=set)
    repaired: Counter[str] = field(default_factory=Counter)

    @property
    def labelled(self) -> bool:
        """Whether the files bear labels; they do so in all rows or in none (see `read_pairs`)."""
        return any(self.labels)


# ------------------------------------------------------------------------------------------------------------- whole splits


def read_pairs(paths: Sequence[Path], language: str) -> Pairs:
    """Read the examples of one language; files that do not say a row's language are taken to hold that one only.

    In files of several languages an example's place is that of its pair: the first of all pairs is 0, whatever language it
    comes in first.

    Raises:
        UserError: not a file of pairs, a ragged or broken line, an unknown label, a pair that occurs twice, no row of the
            language, or only some rows bear labels. Names file and line or row.
    """
    found, pairs = Pairs(), dict[str, int]()
    for path in paths:
        before = len(found.texts)
        for row in READERS.get(path.suffix, _tsv)(path, found.repaired):
            place = len(found.texts) if row.pair is None or row.language is None else _place(pairs, row.pair)
            if row.language is not None:
                found.languages.add(row.language)
                if row.language != language:
                    continue
            label = WORDS.get(row.label)
            if label is None:
                raise UserError(f"{_where(path, row.number)}: {_strange(row.label)}")
            found.texts.append((row.premise, row.hypothesis))
            found.labels.append(label)
            found.places.append(place)
            found.numbers.append(row.number)
        _check_file(path, found, before, language)
    if found.places and found.places != list(range(len(found.places))):
        _by_place(paths[-1], found)
    return found


def _place(pairs: dict[str, int], pair: str) -> int:
    return pairs.setdefault(pair, len(pairs))


def _check_file(path: Path, found: Pairs, before: int, language: str) -> None:
    """A file must hold rows of the language, and labels in all of them or in none."""
    labels = found.labels[before:]
    if not labels:
        others = f"; it has {', '.join(sorted(found.languages))}" if found.languages else ""
        raise UserError(f"{path}: holds no pairs of language {language!r}{others}")
    if "" in labels and any(labels):
        there = _where(path, found.numbers[before + labels.index("")])
        raise UserError(f"{there}: bears no label, though others in the file do; expected all or none")


def _by_place(path: Path, found: Pairs) -> None:
    """Bring the examples into the order of their places, which must be different."""
    order = np.argsort(np.array(found.places), kind="stable").tolist()
    for one, other in pairwise(order):
        if found.places[one] == found.places[other]:
            lines = f"lines {found.numbers[one]} and {found.numbers[other]}"
            raise UserError(f"{path}: {lines} have the same language and pairID; expected one line for each pair")
    for name in ("texts", "labels", "places", "numbers"):
        values = getattr(found, name)
        setattr(found, name, [values[i] for i in order])


def to_read(found: Pairs, language: str, stem: str, files: Sequence[Path]) -> Read:
    """Make a split's table, without the examples that have no gold label or an empty text; ids are `<stem>-<place>`.

    Raises:
        UserError: no example is left, or a text cannot be encoded.
    """
    dropped: Counter[str] = Counter()
    rows = []
    for (premise, hypothesis), label, place in zip(found.texts, found.labels, found.places, strict=True):
        if label == UNDECIDED:
            dropped[NO_GOLD] += 1
        elif not premise.strip() or not hypothesis.strip():
            dropped[EMPTY] += 1
        else:
            rows.append((f"{stem}-{place}", premise, hypothesis, label))
    if not rows:
        reasons = ", ".join(f"{reason}: {n}" for reason, n in dropped.items())
        raise UserError(f"{files[0]}: no example is left ({reasons})")
    try:
        return Read(task_table(TASK, language, rows), dict(dropped), dict(found.repaired))
    except UnicodeEncodeError as error:
        bad = next(row[0] for row in rows if _unencodable(row[1] + row[2]))
        raise UserError(f"{files[0]}: {bad}: {error.reason}: half a character, as \\ud800 alone in JSON") from None


def _unencodable(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def with_labels(found: Pairs, path: Path, files: Sequence[Path]) -> Pairs:
    """Give the examples the labels of a file of their own: line i labels the i-th example.

    Raises:
        UserError: it holds an unknown label, more or fewer than there are examples, or others than the examples bear already.
    """
    labels = []
    for number, line in text_lines(path, found.repaired, "one label a line"):
        label = WORDS.get(line)
        if not label:
            raise UserError(f"{path}:{number}: {_strange(line)}")
        labels.append(label)
    if len(labels) != len(found.labels):
        raise UserError(
            f"{path}: {len(labels):,} labels for the {len(found.labels):,} pairs of {files[0]}; expected one for each"
        )
    for number, (own, given) in enumerate(zip(found.labels, labels, strict=True), start=1):
        if own and own != given:
            raise UserError(
                f"{path}:{number}: {given!r}, but {_where(files[0], found.numbers[number - 1])} says {own!r}"
            )
    found.labels = labels
    return found


def _where(path: Path, number: int) -> str:
    return f"{path}{ {'.parquet': ': row ', '.json': ': entry '}.get(path.suffix, ':') }{number}"


def _strange(label: str) -> str:
    """Say what is wrong with a label."""
    if label.removeprefix("-").isdigit():
        expected = ", ".join(LABELS[TASK])
        return f"label {label} is a number, which means different things in different collections; expected {expected}"
    return f"unknown label {label!r}{nearest(label, LABELS[TASK])}"


# -------------------------------------------------------------------------------------------------------------------- lines


def text_lines(path: Path, repaired: Counter[str], expected: str = FORM) -> Iterator[tuple[int, str]]:
    """Yield a UTF-8 file's lines with their numbers, from 1, without reading it whole.

    Byte order mark and carriage returns at line ends are taken away and counted; empty lines at the end do not count.

    Raises:
        UserError: the file is missing, empty or not UTF-8, or an empty line stands between others.
    """
    try:
        file = open(path, "rb")  # noqa: SIM115  (closed below; the error is the point)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    number = blank = 0
    with file:
        for number, data in enumerate(file, start=1):
            line = _decoded(path, number, data)
            if number == 1 and line.startswith("\ufeff"):
                line = line[1:]
                repaired[BOM] += 1
            if line.endswith("\r"):
                line = line[:-1]
                repaired[CARRIAGE] += 1
            if not line:
                blank = blank or number
                continue
            if blank:
                raise UserError(f"{path}:{blank}: an empty line; expected {expected}")
            yield number, line
    if number == 0 or blank == 1:
        raise UserError(f"{path}: the file is empty; expected {expected}")


def _decoded(path: Path, number: int, data: bytes) -> str:
    """Return a line's text without its newline."""
    try:
        return data.decode("utf-8").removesuffix("\n")
    except UnicodeDecodeError as error:
        utf16 = number == 1 and data[:2] in (b"\xff\xfe", b"\xfe\xff")
        found = "a UTF-16 byte order mark" if utf16 else f"byte 0x{data[error.start]:02x}"
        raise UserError(f"{path}:{number}: {found}: not UTF-8; expected UTF-8 (convert it with iconv)") from None


@dataclass(frozen=True)
class _Columns:
    """Which column of a TSV file is what (`None`: there is none), and how many a line may have."""

    premise: int
    hypothesis: int
    label: int | None
    language: int | None
    pair: int | None
    least: int
    most: int


def _columns(names: Sequence[str]) -> _Columns | None:
    """Read a header; `None` where the line is none."""
    at = {what: next((names.index(name) for name in known if name in names), None) for what, known in NAMES.items()}
    if at["premise"] is None or at["hypothesis"] is None:
        return None
    needed = max(number for number, name in enumerate(names) if not _ANNOTATOR.fullmatch(name))
    columns = (at["premise"], at["hypothesis"], at["label"], at["language"], at["pair"])
    return _Columns(*columns, least=needed + 1, most=len(names))


def _tsv(path: Path, repaired: Counter[str]) -> Iterator[Pair]:
    lines = text_lines(path, repaired)
    first = next(lines)
    width = len(first[1].split("\t"))
    columns = _columns(first[1].split("\t"))
    if columns is None:
        if width not in (2, 3):
            raise UserError(f"{path}:{first[0]}: {width} columns; expected {FORM}")
        columns = _Columns(0, 1, 2 if width == 3 else None, None, None, width, width)
        lines = chain([first], lines)
    for number, line in lines:
        cells = line.split("\t")
        if not columns.least <= len(cells) <= columns.most:
            raise UserError(f"{path}:{number}: {len(cells)} columns; line {first[0]} has {width}")
        yield Pair(
            number,
            cells[columns.premise],
            cells[columns.hypothesis],
            "" if columns.label is None else cells[columns.label],
            None if columns.language is None else cells[columns.language],
            None if columns.pair is None else cells[columns.pair],
        )


# --------------------------------------------------------------------------------------------------------------------- JSON


def _jsonl(path: Path, repaired: Counter[str]) -> Iterator[Pair]:
    decode = json.JSONDecoder(strict=False).decode  # control characters within strings are data
    for number, line in text_lines(path, repaired, "one JSON object a line"):
        try:
            row = decode(line)
        except json.JSONDecodeError as error:
            raise UserError(
                f"{path}:{number}: not valid JSON (truncated?): {error.msg} at column {error.colno}"
            ) from None
        yield _pair(path, number, row)


def _json(path: Path, repaired: Counter[str]) -> Iterator[Pair]:
    data = path.read_bytes()
    if data.startswith(BOM_UTF8):
        data = data.removeprefix(BOM_UTF8)
        repaired[BOM] += 1
    try:
        rows = json.loads(data.decode("utf-8"), strict=False)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; expected UTF-8 (convert it with iconv)") from None
    except json.JSONDecodeError as error:
        advice = "; files of one object a line must end in .jsonl" if error.msg == "Extra data" else " (truncated?)"
        raise UserError(f"{path}:{error.lineno}: not valid JSON: {error.msg}{advice}") from None
    if not isinstance(rows, dict | list):
        raise UserError(f"{path}: expected an object of objects, got {type(rows).__name__}")
    for number, row in enumerate(rows.values() if isinstance(rows, dict) else rows):
        yield _pair(path, number, row)


def _pair(path: Path, number: int, row: Any) -> Pair:
    """Return the example in a JSON object."""
    if not isinstance(row, dict):
        raise UserError(f"{_where(path, number)}: expected an object, got {type(row).__name__}")
    values: list[Any] = []
    for what, names in NAMES.items():
        value = None
        for name in names:
            if name in row:
                value = row[name]
                break
        values.append(value if isinstance(value, str) else _other(path, number, row, what, value))
    return Pair(number, *values)


def _other(path: Path, number: int, row: Mapping[str, Any], what: str, value: Any) -> str | None:
    """Return what a value of a JSON object that is no text stands for: numbers may be labels or pairs, nothing a text."""
    names = NAMES[what]
    if what in ("premise", "hypothesis"):
        if value is None:
            hint = "" if set(names) & set(row) else nearest(names[1], row)
            raise UserError(f"{_where(path, number)}: no {what}; expected key {' or '.join(names[:2])}{hint}")
    elif value is None:
        return "" if what == "label" else None
    elif isinstance(value, int):
        return str(value)
    name = next(name for name in names if name in row)
    raise UserError(f"{_where(path, number)}: {name} is {type(value).__name__}, expected text")


# ------------------------------------------------------------------------------------------------------------------ Parquet


def _parquet(path: Path, repaired: Counter[str]) -> Iterator[Pair]:
    # The other columns, parse trees, are most of MultiNLI.
    table = read_parquet(path, columns=("premise", "hypothesis", "label"), foreign=True)
    for name in ("premise", "hypothesis"):
        kind = table.schema.field(name).type
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise UserError(f"{path}: column {name!r} is {kind}, expected text (take the files of one language)")
    texts = (table["premise"].to_pylist(), table["hypothesis"].to_pylist())
    rows = zip(*texts, _labels(path, table), strict=True)
    for number, (premise, hypothesis, label) in enumerate(rows):
        yield Pair(number, premise or "", hypothesis or "", label, None, None)


def _labels(path: Path, table: pa.Table) -> list[str]:
    """Return each row's label as a word: -1 is undecided, an empty value none."""
    kind = table.schema.field("label").type
    values: list[Any] = table["label"].to_pylist()
    if not pa.types.is_integer(kind):
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise UserError(f"{path}: column 'label' is {kind}, expected numbers or words")
        return [value or "" for value in values]
    words = _label_names(table) or HUB_ORDER
    if strange := next((word for word in words if not WORDS.get(word)), None):
        raise UserError(f"{path}: label name {strange!r} in the file's metadata{nearest(strange, LABELS[TASK])}")
    known: dict[int | None, str] = {None: "", -1: UNDECIDED}
    known.update(enumerate(words))
    for number, value in enumerate(values):
        if value not in known:
            raise UserError(f"{path}: row {number}: unknown label {value}; expected 0 … {len(words) - 1}, or -1")
    return [known[value] for value in values]


def _label_names(table: pa.Table) -> Sequence[str] | None:
    """Return the label names `datasets` left in the metadata, if any."""
    raw = (table.schema.metadata or {}).get(b"huggingface")
    try:
        names = json.loads(raw)["info"]["features"]["label"].get("names") if raw else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return [str(name) for name in names] if isinstance(names, list) else None


READERS: Mapping[str, Callable[[Path, Counter[str]], Iterator[Pair]]] = {
    ".jsonl": _jsonl,
    ".json": _json,
    ".parquet": _parquet,
}
