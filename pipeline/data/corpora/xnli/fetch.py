"""Where XNLI comes from: mirror, hub, original archive or folder, checked by 2,490 dev and 5,010 test pairs.

| layout of a mirror's or a user's folder | example |
|---|---|
| XTREME: `<split>-<language>.tsv`, no header; test labels may stand apart in `test-labels.txt` | `dev-sw.tsv` |
| the hub's Parquet: `<language>/…`, dev called `validation` | `sw/test-00000-of-00001.parquet` |
| original: all languages in one file, also in `XNLI-1.0/` or packed in `XNLI-1.0.zip` | `xnli.test.tsv` or `.jsonl` |
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.data import archives, fetching, sources
from pipeline.data.arrange import own_splits
from pipeline.data.corpora.xnli.read import HAS, LABEL_FILE, TASK, read_files
from pipeline.data.fetching import HubLayout, Places, find_named, only_folder
from pipeline.data.schema import LABELS

ARCHIVE = "https://dl.fbaipublicfiles.com/XNLI/XNLI-1.0.zip"
LANGUAGES = ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh")
EXPECTED = {"dev": 2490, "test": 5010}  # pairs of each language, a third of them in each class
HUB = HubLayout(folder=lambda language: language, names={"dev": "validation", "test": "test"})


def fetch(spec: Mapping[str, Any], work: Path, mirror: Path | None, folder: Path | None) -> sources.Obtained:
    """Get one language's files from the first source that has them, whole and labelled (see `fetching.fetch`).

    Raises:
        UserError: no source worked; says why for each.
    """
    language = str(spec["language"])
    known = EXPECTED if language in LANGUAGES else {}

    def count(files: Sequence[Path], split: str) -> int:
        read = read_files(files, language, split, spec)
        if read.table.num_rows == known.get(split):
            _check_balance(files[0], read.table["label"].to_pylist())
        return int(read.table.num_rows)

    places = Places("xnli", own_splits(spec, HAS), find, count, known, hub=HUB, archive=ARCHIVE)
    return fetching.fetch(places, spec, work, mirror, folder)


def find(folder: Path, language: str, splits: Sequence[str], work: Path) -> sources.Files:
    """Find the files of a language's splits in `folder`; labels in a file of their own come behind the split's file.

    Raises:
        UserError: the language is not there (names those that are), or lacks one of the splits.
    """
    packed = folder / "XNLI-1.0.zip"
    if packed.is_file() and not any(
        file for split in splits for n in names(language, split) for file in folder.glob(n)
    ):
        archives.unpack(packed, work / "unpacked")
        folder = only_folder(work / "unpacked")
    found = find_named(folder, language, splits, names, LANGUAGES)
    labels = folder / LABEL_FILE
    if labels.is_file() and [file.name for file in found.get("test", ())] == [f"test-{language}.tsv"]:
        found["test"].append(labels)
    return found


def names(language: str, split: str) -> list[str]:
    """Return the names a split's file may have, in order of preference."""
    if split not in HUB.names:
        return []
    original = [f"{below}xnli.{split}.{ending}" for below in ("", "XNLI-1.0/") for ending in ("tsv", "jsonl")]
    return [f"{split}-{language}.tsv", f"{language}/{HUB.names[split]}*.parquet", *original]


def _check_balance(path: Path, labels: Sequence[str]) -> None:
    """A whole split has every class equally often; otherwise rows and labels do not belong together."""
    counts = Counter(labels)
    if len({counts[label] for label in LABELS[TASK]}) > 1:
        found = ", ".join(f"{counts[label]:,} {label}" for label in LABELS[TASK])
        raise UserError(f"{path}: {found}; XNLI has as many of each: the labels are not those of these rows")
