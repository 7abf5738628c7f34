"""Where SQuAD comes from: mirror, hub or folder, each checked by the counts the splits must hold.

The original is two files, not an archive: https://rajpurkar.github.io/SQuAD-explorer/dataset/train-v1.1.json and dev-v1.1.json.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.data import sources
from pipeline.data.arrange import own_splits
from pipeline.data.corpora.squad.read import HAS, check_language, read_files
from pipeline.data.fetching import HubLayout, Places, find_named
from pipeline.data.fetching import fetch as fetch_from

EXPECTED = {"train": 87_599, "dev": 10_570}  # version 1.1
HUB_SPLITS = {"train": "train", "dev": "validation"}
MISSING = {
    "archive": "SQuAD is two files, not an archive: get train-v1.1.json and dev-v1.1.json from "
    "https://rajpurkar.github.io/SQuAD-explorer/dataset/ (add the file's name), put them into a folder and use source folder"
}


def fetch(spec: Mapping[str, Any], work: Path, mirror: Path | None, folder: Path | None) -> sources.Obtained:
    """Get SQuAD's files from the first source of `spec["sources"]` that has them, whole.

    Args:
        spec: the download's spec: `language`, `sources`, `hub`, `archive`, `unanswerable`, `test`, `dev`, `expected`.
        work: folder for downloads; partial ones in it are resumed.
        mirror: a folder with this dataset's files under `squad/`.
        folder: the user's own copy.

    Raises:
        UserError: not English, or no source worked; says why for each.
    """
    language = str(spec["language"])
    check_language(language)
    version_2 = str((spec.get("hub") or {}).get("repository", "")).endswith("/squad_v2")
    places = Places(
        "squad",
        splits=own_splits(spec, HAS),
        find=find,
        count=lambda files, split: read_files(files, language, split, spec).table.num_rows,
        expected=EXPECTED,
        hub=HubLayout(lambda _: "squad_v2" if version_2 else "plain_text", HUB_SPLITS, by_language=False),
        missing=MISSING,
    )
    return fetch_from(places, spec, work, mirror, folder)


def find(folder: Path, language: str, splits: Sequence[str], work: Path) -> sources.Files:
    """Find the splits' files in a folder, in the first layout that has them.

    Raises:
        UserError: nothing is there, or one of the splits is not.
    """
    there = [split for split in HAS if any(list(folder.glob(name)) for name in _names(language, split))]
    if not there:
        raise UserError("no file of SQuAD; expected train-v1.1.json and dev-v1.1.json (or 2.0), or the hub's Parquet")
    if there == ["train"] and "dev" in splits:
        raise UserError(
            "no dev file; expected dev-v1.1.json; without it cut dev from train: dev: {from: train}, test: test"
        )
    return find_named(folder, language, splits, _names, ("en",))


def _names(language: str, split: str) -> tuple[str, ...]:
    """Return where a split's file may lie: version 1.1, 2.0, the hub's; `*`: a part or another edition of it by name."""
    if split not in HAS:
        return ()
    original = [f"{split}-v{version}{rest}.json" for version in ("1.1", "2.0") for rest in ("", "*")]
    hub = f"{HUB_SPLITS[split]}-*.parquet"
    return (*original, f"plain_text/{hub}", f"squad_v2/{hub}", hub)
