"""Where MultiNLI comes from: mirror (`multinli` or `mnli`), hub, original archive or folder, checked by its numbers of pairs.

| layout of a mirror's or a user's folder | train, dev (matched), test (mismatched) |
|---|---|
| the hub's Parquet, also below `data/` | `train-*.parquet`, `validation_matched-*.parquet`, `validation_mismatched-*.parquet` |
| original (`.jsonl` or `.txt`), also below `multinli_1.0/` | `multinli_1.0_train`, `…_dev_matched`, `…_dev_mismatched` |
| original, packed | `multinli_1.0.zip` |
| GLUE | `train.tsv`, `dev_matched.tsv`, `dev_mismatched.tsv` |
| a sample: one JSON object of `{"text_a", "text_b", "label"}` | `*train.json`, `*dev.json`, no mismatched set |

Such a sample is refused unless the config says that it is one and tests on its dev set:

    mnli:
      loader: multinli
      sources: [mirror]
      mirror: PATH
      test: dev
      dev: {from: train, fraction: 0.1}
      expected: {en: {train: 8999, dev: 1000}}
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.data import archives, fetching, sources
from pipeline.data.arrange import own_splits
from pipeline.data.corpora.multinli.read import check_language, read_files
from pipeline.data.fetching import HubLayout, Places, find_named, only_folder
from pipeline.data.formats.pairs import EMPTY

ARCHIVE = "https://cims.nyu.edu/~sbowman/multinli/multinli_1.0.zip"
EXPECTED = {"train": 392_702, "dev": 9_815, "test": 9_832}  # pairs with a gold label
HUB = HubLayout(
    folder=lambda language: "data",
    names={"train": "train", "dev": "validation_matched", "test": "validation_mismatched"},
    by_language=False,
)
PARTS = {"train": "train", "dev": "dev_matched", "test": "dev_mismatched"}


def fetch(spec: Mapping[str, Any], work: Path, mirror: Path | None, folder: Path | None) -> sources.Obtained:
    """Get the files from the first source that has them, whole and labelled (see `fetching.fetch`).

    Raises:
        UserError: the language is not English, or no source worked; says why for each.
    """
    language = str(spec["language"])
    check_language(language)

    def count(files: Sequence[Path], split: str) -> int:
        read = read_files(files, language, split, spec)
        return int(read.table.num_rows) + read.dropped.get(EMPTY, 0)  # what is published counts every pair with a label

    needed = own_splits(spec)
    lies = "multinli" if mirror and (mirror / "multinli").is_dir() else "mnli"
    places = Places("multinli", needed, find, count, EXPECTED, hub=HUB, archive=ARCHIVE, mirror=lies)
    return fetching.fetch(places, spec, work, mirror, folder)


def find(folder: Path, language: str, splits: Sequence[str], work: Path) -> sources.Files:
    """Find the splits' files in `folder`.

    Raises:
        UserError: a split is not there; for the mismatched set, says how to do without it.
    """
    there, packed = _lying(folder, language), folder / "multinli_1.0.zip"
    if packed.is_file() and not there:
        archives.unpack(packed, work / "unpacked")
        folder = only_folder(work / "unpacked")
        there = _lying(folder, language)
    if "test" in splits and "test" not in there and "dev" in there:
        raise UserError(
            "no mismatched set, which is the test set; to test on dev instead, say test: dev and dev: {from: train, "
            "fraction: 0.1}"
        )
    return find_named(folder, language, splits, names, (language,))


def _lying(folder: Path, language: str) -> list[str]:
    """Return the splits whose files lie in `folder`."""
    return [split for split in PARTS if any(file for name in names(language, split) for file in folder.glob(name))]


def names(language: str, split: str) -> list[str]:
    """Return the names a split's files may have, in order of preference."""
    part = PARTS[split]
    original = [f"{below}multinli_1.0_{part}.{e}" for below in ("", "multinli_1.0/") for e in ("jsonl", "txt")]
    hub = [f"{below}{HUB.names[split]}-*.parquet" for below in ("data/", "")]
    sample = [] if split == "test" else [f"*{split}.json"]
    return [*hub, *original, f"{part}.tsv", *sample]
