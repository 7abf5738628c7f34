"""What the config says of files beside what their columns hold: how they are written, which may be missing."""

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.data.corpora.files.token_rows import tells_sentences
from pipeline.data.formats.conll import CONLL
from pipeline.data.formats.delimited import ENDINGS as DELIMITED
from pipeline.data.formats.delimited import Dialect
from pipeline.data.formats.text import ending_of


def is_wide(columns: Mapping[str, Any]) -> bool:
    """Whether languages stand beside each other, `{language}` in the names of their columns; their rows are parallel then."""
    return any("{language}" in str(name) for name in columns.values())


def remedy(split: str, parts: int) -> str:
    """Say what to do where a split's file holds no rows."""
    if parts > 1:
        return "leave this file out of `files`"
    if split == "dev":
        return "leave dev out of `files`, and cut it from train: dev: {from: train, fraction: 0.2}"
    return f"leave {split} out of `files`" if split != "all" else "expected the rows of all splits"


def is_conll(path: Path, task: str, columns: Mapping[str, Any]) -> bool:
    """Whether a file is read as CoNLL: sentences of `ner`, unless a column tells them, as in a table with one token a row."""
    ending = ending_of(path)
    if task != "ner" or ending not in CONLL:
        return False
    return ending not in DELIMITED or (columns.get("sentence") is None and not _names_sentences(path, columns))


def _names_sentences(path: Path, columns: Mapping[str, Any]) -> bool:
    """Whether a file begins with names of columns, among them those of tokens, tags and sentences."""
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            line = file.readline(1 << 16)
    except OSError:  # which is told when the file is read
        return False
    cells = line.decode("utf-8-sig", "replace").rstrip("\r\n").split("\t")
    asked = {str(columns.get(role) or role) for role in ("tokens", "tags")}
    return asked <= set(cells) and any(tells_sentences(cell) for cell in cells)


def dialect_of(spec: Mapping[str, Any]) -> Dialect:
    """Return what the config says of how tables are written."""
    delimiter = spec.get("delimiter") or "auto"
    return Dialect(
        header=bool(spec.get("header", True)),
        encoding=spec.get("encoding") or "utf-8",
        delimiter=None if delimiter == "auto" else delimiter,
        quotes=spec.get("quotes") or "auto",
        sheet=spec.get("sheet"),
    )


def missing_splits(spec: Mapping[str, Any], lacking: Sequence[str]) -> dict[str, str]:
    """Return why a language lacks splits, of those that have no file and that `optional` allows it to lack."""
    return {
        split: f"{spec['language']} has no {split} file, which `optional` allows"
        for split in lacking
        if split in spec.get("optional", ())
    }
