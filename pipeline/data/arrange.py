"""From a dataset's own splits to train, dev and test, as the config shapes them; the same for every downloaded dataset.

| option | effect |
|---|---|
| `test: dev` | the dataset's own dev split is the test set (its test files bear no labels) |
| `dev: {from: train, fraction, seed}` | dev is cut out of train: each class in its share, rows that share a text together |
| `normalise: NFC`, `NFKC` | texts in this Unicode form, before anything else is done with them |
| `remove_duplicates: train` | training rows that also stand in dev or test are left out |
| `remove_duplicates: train_and_dev` | dev rows that also stand in test are left out before |
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import read_json
from pipeline.common.names import plain
from pipeline.common.paths import SPLITS
from pipeline.data.duplicates import row_keys
from pipeline.data.normalise import form_of, normalised
from pipeline.data.raw_text import raw_text
from pipeline.data.schema import CLASSES, SCHEMAS, SHARED, Loaded, Split
from pipeline.data.splits import hold_out

DUPLICATE = "also in dev or test"
THINNED: dict[str, dict[str, tuple[str, ...]]] = {
    "none": {},
    "train": {"train": ("dev", "test")},
    "train_and_dev": {"dev": ("test",), "train": ("dev", "test")},
}
"""By choice of `remove_duplicates`: the splits that lose rows, in this order, and where those rows stand as well."""
_REASONS = {"train": DUPLICATE, "dev": "also in test"}


class Unused(NamedTuple):
    """A row dropped for its texts; it keeps its place in a cut, as it may be whole in a parallel language.

    Attributes:
        id: as it would be the row's.
        shared: the text that it shares with others (`schema.SHARED`), if that is known.
        label: its class, where the task has classes.
        group: what the config says that it belongs to.
    """

    id: str
    shared: str = ""
    label: str = ""
    group: str = ""


@dataclass(frozen=True)
class Read:
    """One of the dataset's own splits, as read.

    Attributes:
        table: rows in the task's schema.
        dropped: rows left out, by reason.
        repaired: mends that belong to the file, not to one row, by reason.
        mends: (rows,) how many mends of each reason a row needed; they go with the row into the split it ends up in.
        notes: what was found out about how the file is written.
        unused: rows dropped for their texts.
        groups: (rows,) what each row belongs to, where a column says it; empty: rows that share a text belong together.
    """

    table: pa.Table
    dropped: Mapping[str, int] = field(default_factory=dict)
    repaired: Mapping[str, int] = field(default_factory=dict)
    mends: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unused: Sequence[Unused] = ()
    groups: Sequence[str] = ()

    def take(self, rows: NDArray[np.int64]) -> "Read":
        """Return some rows, without what belongs to the file."""
        mends = {reason: counts[rows] for reason, counts in self.mends.items()}
        return Read(self.table.take(pa.array(rows)), mends=mends)


def in_form(spec: Mapping[str, Any], task: str, read: Read) -> Read:
    """Return rows in the Unicode form that `spec` asks for (see `normalise`), what was changed counted as mends.

    Raises:
        UserError: there is no such form.
    """
    form = form_of(spec)
    if form is None:
        return read
    table, mends = normalised(task, read.table, form)
    unused = [row._replace(shared=unicodedata.normalize(form, row.shared)) for row in read.unused]
    return replace(read, table=table, mends={**read.mends, **mends}, unused=unused)


def own_splits(spec: Mapping[str, Any], has: Sequence[str] = SPLITS) -> tuple[str, ...]:
    """Return those of the dataset's own splits (`has`) that `spec` uses, after checking its `test` and `dev`.

    Raises:
        UserError: `test` or `dev` is none of the known choices, asks for a split that the dataset does not have, or makes dev
            both choose epochs and be the test set.
    """
    test, dev = spec.get("test", "test"), spec.get("dev")
    if test not in ("test", "dev"):
        raise UserError(f"test: {test!r}{nearest(str(test), ('test', 'dev'))}")
    if test == "dev" and "dev" not in has:
        raise UserError("test: dev: the dataset has no dev split to test on; leave test: test")
    if dev is not None and (not isinstance(dev, Mapping) or dev.get("from") != "train"):
        raise UserError(f"dev: {dev!r}; expected {{from: train, fraction: 0.2}}, or nothing for the dataset's own dev")
    if dev is not None and "train" not in has:
        raise UserError(f"{_what(spec)}: dev cannot be cut from the training split: there is none")
    if test == "dev" and dev is None and "train" in has:
        raise UserError("test: dev would choose epochs on the test set; add dev: {from: train, fraction: 0.2}")
    used = ("train", "dev") if test == "dev" else ("train", "test") if dev else SPLITS
    return tuple(split for split in used if split in has)


def load_splits(
    spec: Mapping[str, Any],
    raw: Path | None,
    task: str,
    read_files: Callable[[Sequence[Path], str, str, Mapping[str, Any]], Read],
    has: Sequence[str] = SPLITS,
    absent: Mapping[str, str] | None = None,
    labels: tuple[str, ...] | None = None,
) -> Loaded:
    """Read one downloaded language into train, dev and test: what a loader's `load` does.

    Args:
        spec: `loader`, `language` and what shapes the splits.
        raw: the download's manifest.
        task: the dataset's task.
        read_files: reads one own split: its files, the language, the split's name, `spec`.
        has: the own splits that the dataset has in this language.
        absent: by split that it does not have: why, and what to do about it.
        labels: the label set where it is not the task's usual one.

    Raises:
        UserError: nothing is downloaded, the files are malformed, or a split would be empty.
    """
    loader, language = spec["loader"], str(spec["language"])
    if raw is None:
        raise UserError(f"{loader}: no downloaded files are given; run `python -m pipeline.stages.download` first")
    manifest = read_json(raw)
    read = {}
    for split in own_splits(spec, has):
        files = manifest["files"].get(split)
        if not files:
            raise UserError(f"{raw}: no {split} files were downloaded; download again")
        found = read_files([raw.parent / file["name"] for file in files], language, split, spec)
        read[split] = in_form(spec, task, found)
    splits = arrange(spec, task, read)
    missing = {name: (absent or {}).get(name, "the dataset has no such split") for name in SPLITS if name not in splits}
    empty = Split(SCHEMAS[task].empty_table())
    side = next((name for name in ("train", "dev") if name in splits and spec.get("test") != name), None)
    notes = [*manifest["notes"]]
    if side == "dev":
        notes.append("there is no training split: the raw text is that of dev")
    text = raw_text(task, language, splits[side].table) if side else SCHEMAS["text"].empty_table()
    full = {name: splits.get(name, empty) for name in SPLITS}
    return Loaded(task, full, text, tuple(notes), labels, missing)


def arrange(spec: Mapping[str, Any], task: str, read: Mapping[str, Read]) -> dict[str, Split]:
    """Make train, dev and test from the dataset's own splits, as `spec` says; a split without an origin is left out.

    Raises:
        UserError: dev is to be cut from a training split that does not exist, or duplicates leave no row of train or dev.
    """
    cut = spec.get("dev")
    final = {"train": read.get("train"), "dev": read.get("dev"), "test": read.get(str(spec.get("test", "test")))}
    if cut:
        train = read.get("train")
        if train is None:
            raise UserError(f"{_what(spec)}: dev cannot be cut from the training split: there is none")
        final["train"], final["dev"] = _cut(spec, task, train, cut)
    elif spec.get("test") == "dev":
        final["dev"] = None
    final, doubled = _without_doubles(spec, task, final)
    origin = {"train": "train", "dev": "dev", "test": str(spec.get("test", "test"))}
    result = {}
    for name, part in final.items():
        if part is None:
            continue
        own = None if cut and name == "dev" else read[origin[name]]  # a cut dev has no file of its own
        dropped = Counter(own.dropped if own else {})
        repaired = Counter(own.repaired if own else {})
        if name in doubled:
            dropped[_REASONS[name]] += doubled[name]
        for reason, counts in part.mends.items():
            repaired[reason] += int(counts.sum())
        result[name] = Split(part.table, dict(+dropped), dict(+repaired))
    return result


def _cut(spec: Mapping[str, Any], task: str, train: Read, cut: Mapping[str, Any]) -> tuple[Read, Read]:
    """Hold dev out of train: each class in its share, rows that share a text on one side.

    Ids without the language are those of parallel rows; what they decide is the same in every language, whatever was dropped.
    """
    own = f"{spec['loader']}-{spec['language']}-"
    parallel = not any(name.startswith(own) for name in train.table["id"].to_pylist())

    def choose(rows: int, **told: Any) -> list[NDArray[np.int64]]:
        return list(hold_out(rows, float(cut.get("fraction", 0.2)), int(cut.get("seed", 0)), **told))

    keep, held = parts_of(train, task, choose, "" if parallel else None)
    return train.take(keep), train.take(held)


def parts_of(
    read: Read, task: str, choose: Callable[..., list[NDArray[np.int64]]], prefix: str | None, stratify: bool = True
) -> list[NDArray[np.int64]]:
    """Divide rows so that those that know of each other come into one part: what every cut of a split goes by.

    Rows belong together that share a text (`schema.SHARED`), or that a column of the user's says so of. Where ids are those of
    parallel rows, rows dropped for their texts take part in the division, and are left out of it then: so the parts of two
    languages agree where one of them lacks some. They agree wholly if both files have the same ids and group them alike, as a
    named group always does; a row that is in one file alone may move others that are next to a border, and a group whose
    lowest id is in one file alone.

    Args:
        read: the rows.
        task: theirs.
        choose: divides so many rows, told their `strata`, `groups` and `keys` (see `splits.divide`).
        prefix: what is cut off from ids to get the rows' keys; `None`: they are not parallel, and numbers decide.
        stratify: whether each part is to have the classes in their shares.

    Returns:
        Row numbers of each part, as `choose` returns them.
    """
    used = [Unused(name, *rest) for name, *rest in _told(read, task)]
    unused = [] if prefix is None else read.unused

    def divided(rows: Sequence[Unused]) -> list[NDArray[np.int64]]:
        groups: list[str] | None = None
        if read.groups:
            groups = [row.group for row in rows]
        elif task in SHARED:
            groups = [plain(row.shared) or f"\0{row.id}" for row in rows]
        keys = None if prefix is None else (groups if read.groups else [row.id.removeprefix(prefix) for row in rows])
        strata = [row.label for row in rows] if task in CLASSES and stratify else None
        parts = choose(len(rows), strata=strata, groups=groups, keys=keys)
        return [part[part < len(used)] for part in parts]

    parts = divided([*used, *unused])
    return parts if all(map(len, parts)) else divided(used)


def _told(read: Read, task: str) -> list[tuple[str, str, str, str]]:
    """Return what decides where each row belongs: id, the text it shares, class and group, as in `Unused`."""
    rows = read.table.num_rows
    columns = [read.table[name].to_pylist() if name else [""] * rows for name in ("id", SHARED.get(task, ""))]
    labels = read.table["label"].to_pylist() if task in CLASSES else [""] * rows
    return list(zip(*columns, labels, read.groups or [""] * rows, strict=True))


def _what(spec: Mapping[str, Any]) -> str:
    return f"{spec['loader']} {spec['language']}"


def _without_doubles(
    spec: Mapping[str, Any], task: str, final: Mapping[str, Read | None]
) -> tuple[dict[str, Read | None], dict[str, int]]:
    """Leave out rows that stand in other splits if `spec` asks for it; say how many those were, by split."""
    choice = str(spec.get("remove_duplicates", "none"))
    if choice not in THINNED:
        raise UserError(f"remove_duplicates: {choice!r}{nearest(choice, THINNED)}")
    result, doubled = dict(final), {}
    for name, others in THINNED[choice].items():
        split = result.get(name)
        if split is None:
            continue
        elsewhere = {key for other in others if (o := result.get(other)) is not None for key in row_keys(task, o.table)}
        kept = [i for i, key in enumerate(row_keys(task, split.table)) if key not in elsewhere]
        if not kept and split.table.num_rows:
            where = " or ".join(others)
            raise UserError(
                f"{_what(spec)}: remove_duplicates leaves no {'training' if name == 'train' else name} row: "
                f"all {split.table.num_rows:,} stand in {where} as well"
            )
        doubled[name] = split.table.num_rows - len(kept)
        result[name] = split.take(np.array(kept, dtype=np.int64)) if doubled[name] else split
    return result, doubled
