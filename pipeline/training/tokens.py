"""Tokenised splits: made once per split, tokenizer and length, then memory-mapped by every run that reads them.

They lie beside the split, in `tokens/<split>-<digest>/`, the digest being that of the split's bytes, the tokenizer's file, the
code of the task, of this module and of what cuts long words, and all settings; so nothing in them can be out of date, and
deleting them loses nothing.
Rows are tokenised in parallel by the Rust tokenizer, `CHUNK` at a time, so that memory does not grow with the split.

    <field>.values    what all rows have in `input_ids`, `labels`, `positions`, `types`, int32 after int32
    <field>.offsets   where each row's begin and end
    rows.arrow        id, language and class of each row, and the number of the example it belongs to
    gold.arrow        the gold answer of each example
    index.json        numbers, shapes, words cut off, pieces and how many of them are unknown, digests of the files; written last

What is altered is said to be so and made again.
"""

import os
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, overload

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tokenizers import Tokenizer

from pipeline.common.code import code_hash
from pipeline.common.errors import UserError
from pipeline.common.files import digest, sha256_file
from pipeline.common.integrity import AlteredError, read_sealed, verified, write_sealed
from pipeline.common.temporary import temporary_folder
from pipeline.tasks.examples import Examples

CHUNK = 8192  # rows tokenised at a time
TOKENIZING = "pipeline.encoders.long_words"
"""The module that decides, beside the tokenizer's file, what pieces a word has."""
FIELDS = ("input_ids", "labels", "positions", "types")
ROWS = pa.schema([("id", pa.string()), ("lang", pa.string()), ("class", pa.int32()), ("group", pa.int32())])


@dataclass(frozen=True)
class Ragged(Sequence[NDArray[Any]]):
    """N arrays of different lengths in one: row i is `values[offsets[i]:offsets[i + 1]]`, in rows of `width` if given."""

    values: NDArray[Any]
    offsets: NDArray[np.int64]
    width: int | None = None

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, row: int) -> NDArray[Any]: ...

    @overload
    def __getitem__(self, row: slice) -> list[NDArray[Any]]: ...

    def __getitem__(self, row: int | slice) -> NDArray[Any] | list[NDArray[Any]]:
        """Return one row, without a copy, or a list of them."""
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        if not -len(self) <= row < len(self):
            raise IndexError(row)
        row %= len(self)
        found = self.values[self.offsets[row] : self.offsets[row + 1]]
        return found if self.width is None else found.reshape(-1, self.width)


@dataclass(frozen=True)
class Golds(Sequence[Any]):
    """N gold answers, read from memory-mapped Arrow when they are asked for; `groups` tells which example a row is of."""

    column: pa.ChunkedArray
    groups: NDArray[Any]

    def __len__(self) -> int:
        return len(self.groups) or len(self.column)

    @overload
    def __getitem__(self, row: int) -> Any: ...

    @overload
    def __getitem__(self, row: slice) -> list[Any]: ...

    def __getitem__(self, row: int | slice) -> Any:
        """Return one row's gold answer, or a list of them."""
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        return self.column[int(self.groups[row]) if len(self.groups) else int(row)].as_py()


@dataclass(frozen=True)
class Marks:
    """Ids that are no ordinary pieces: that of what is unknown, and those of special tokens, which are not counted."""

    unknown: int = -1
    special: tuple[int, ...] = ()


NO_MARKS = Marks()


def tokenised(
    table: pa.Table,
    task: ModuleType,
    tokenizer: Tokenizer,
    labels: Sequence[str],
    max_length: int,
    place: Path,
    made_of: Mapping[str, Any],
    marks: Marks = NO_MARKS,
) -> Examples:
    """Return all rows of a split as examples, from the files of an earlier call where there are any.

    Args:
        table: the split.
        task: its task's module; `encode` turns a table into examples.
        tokenizer: the encoder's.
        labels: the label set.
        max_length: in sub-tokens.
        place: the split's Parquet file; `tokens/` beside it is used.
        made_of: what identifies the split and the tokenizer: hashes.
        marks: the ids that are no ordinary pieces.

    Raises:
        UserError: the task refuses the tokenizer or the length, or token types come and go from row to row.
    """
    code = code_hash([task.__name__, __name__, TOKENIZING])
    settings = {"labels": list(labels), "max_length": max_length, "unknown": marks.unknown, "special": marks.special}
    key = digest({**made_of, **settings, "code": code}, 16)
    folder = place.parent / "tokens" / f"{place.stem}-{key}"
    if (folder / "index.json").exists():
        try:
            return read(folder)
        except AlteredError as error:
            print(f"warning: {error.path}: {error.what}; the tokens are made again", file=sys.stderr, flush=True)
            drop(folder)
    make(folder, encoded(table, task, tokenizer, labels, max_length, marks))
    return read(folder)


def drop(folder: Path) -> None:
    """Delete altered tokens, or leave it to another run that is at it; runs that have mapped them keep what they read."""
    with temporary_folder(folder.parent, folder.name) as dying, suppress(OSError):
        folder.replace(dying)


def make(folder: Path, parts: Iterator[Examples]) -> None:
    """Write examples into a folder that is not there yet, whole or not at all; another run may be as fast.

    Raises:
        UserError: see `write`.
    """
    if not (folder / "index.json").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary_folder(folder.parent, folder.name) as temporary:
                write(temporary, parts)
                umask = os.umask(0)
                os.umask(umask)
                temporary.chmod(0o777 & ~umask)  # as any other folder: whoever shares the results may read it
                if folder.exists() and not (folder / "index.json").exists():
                    shutil.rmtree(folder, ignore_errors=True)  # what is left of a folder that was deleted in part
                temporary.replace(folder)  # fails where another run was faster: the same files
        except OSError:
            if not (folder / "index.json").exists():
                raise


def encoded(
    table: pa.Table,
    task: ModuleType,
    tokenizer: Tokenizer,
    labels: Sequence[str],
    max_length: int,
    marks: Marks = NO_MARKS,
) -> Iterator[Examples]:
    """Yield a split's examples with their counts, `CHUNK` rows of the table at a time."""
    for start in range(0, table.num_rows, CHUNK):
        part: Examples = task.encode(table.slice(start, CHUNK), tokenizer, labels, max_length)
        yield replace(part, counts=counts_of(part, marks))


def counts_of(part: Examples, marks: Marks) -> dict[str, int]:
    """Count pieces, those unknown, and what may be cut off: words where each has a place, else examples."""
    ids = np.concatenate([np.empty(0, dtype=np.int64), *part.input_ids])
    by_word = len(part.positions) and part.positions[0].ndim == 1 and any(map(len, part.positions))
    return {
        "pieces": int((~np.isin(ids, marks.special)).sum()),
        "unknown_pieces": int((ids == marks.unknown).sum()),
        "words": sum(map(len, part.positions)) if by_word else len(part.firsts),
    }


def write(folder: Path, parts: Iterator[Examples]) -> None:
    """Write examples to files in an empty folder.

    Raises:
        UserError: some of the parts have token types and others none.
    """
    index: dict[str, Any] = {"rows": 0, "truncated_words": 0, "fields": {}, "classes": False, "groups": False}
    counts: Counter[str] = Counter()
    lengths: dict[str, list[NDArray[np.int64]]] = {name: [] for name in FIELDS}
    rows, golds, examples = [], [], 0
    with ExitStack() as stack:
        files = {name: stack.enter_context(open(folder / f"{name}.values", "wb")) for name in FIELDS}
        for part in parts:
            for name in FIELDS:
                arrays: Sequence[NDArray[Any]] = getattr(part, name)
                if not len(arrays):
                    continue
                index["fields"][name] = arrays[0].shape[1] if arrays[0].ndim == 2 else None
                files[name].write(np.concatenate([a.reshape(-1) for a in arrays]).astype(np.int32).data)
                lengths[name].append(np.fromiter((a.size for a in arrays), dtype=np.int64, count=len(arrays)))
            index["rows"] += len(part)
            index["truncated_words"] += part.truncated_words
            counts.update(part.counts)
            index["classes"] = bool(len(part.classes))
            index["groups"] = bool(len(part.groups))
            rows.append(_rows_of(part, examples))
            golds.append(pa.array([part.gold[row] for row in part.firsts]))
            examples += len(part.firsts)
    for name in FIELDS:
        ends = np.cumsum(np.concatenate([[0], *lengths[name]])).astype(np.int64)
        if len(ends) - 1 not in (0, index["rows"]):
            raise UserError(f"the encoder's tokenizer gives some rows {name} and others none; expected all or none")
        (folder / f"{name}.offsets").write_bytes(ends.data)
    _write_arrow(folder / "rows.arrow", pa.concat_tables(rows) if rows else ROWS.empty_table())
    _write_arrow(folder / "gold.arrow", pa.table({"gold": pa.chunked_array(golds or [[]])}))
    digests = {path.name: sha256_file(path) for path in sorted(folder.iterdir())}
    write_sealed(folder / "index.json", {**index, "counts": counts, "files": digests})


def _rows_of(part: Examples, before: int) -> pa.Table:
    """What is known of each row, in the `ROWS` schema; `before` examples come before these."""
    own = part.groups - part.groups[0] if len(part.groups) else np.arange(len(part))
    classes = part.classes if len(part.classes) else np.zeros(len(part), dtype=np.int32)
    columns = [list(part.ids), list(part.languages), classes.astype(np.int32), (own + before).astype(np.int32)]
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, ROWS, strict=True)], schema=ROWS)


def _write_arrow(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _map_arrow(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def read(folder: Path) -> Examples:
    """Return the examples in a folder; sub-tokens and gold answers stay on disk until they are used.

    Raises:
        AlteredError: a file holds other bytes than were written.
    """
    mend = f"delete the folder, which loses nothing: rm -r {shlex.quote(str(folder))}"
    index = read_sealed(folder / "index.json", mend)
    for name, recorded in index["files"].items():
        verified(folder / name, recorded, mend)
    rows = _map_arrow(folder / "rows.arrow")
    groups = rows["group"].to_numpy().astype(np.int64) if index["groups"] else np.empty(0, dtype=np.int64)
    fields = {name: _ragged(folder, name, width) for name, width in index["fields"].items()}
    empty: list[NDArray[Any]] = []
    return Examples(
        ids=rows["id"].to_pylist(),
        languages=rows["lang"].to_pylist(),
        input_ids=fields.get("input_ids", empty),
        labels=fields.get("labels", empty),
        positions=fields.get("positions", empty),
        classes=rows["class"].to_numpy().astype(np.int64) if index["classes"] else np.empty(0, dtype=np.int64),
        gold=Golds(_map_arrow(folder / "gold.arrow")["gold"], groups),
        truncated_words=index["truncated_words"],
        types=fields.get("types", empty),
        groups=groups,
        counts=index["counts"],
    )


def _ragged(folder: Path, name: str, width: int | None) -> Ragged:
    values = folder / f"{name}.values"
    if values.stat().st_size:
        mapped: NDArray[Any] = np.asarray(np.memmap(values, dtype=np.int32, mode="r"))  # plain: its rows are cut faster
    else:
        mapped = np.empty(0, dtype=np.int32)  # nothing cannot be mapped
    return Ragged(mapped, np.fromfile(folder / f"{name}.offsets", dtype=np.int64), width)
