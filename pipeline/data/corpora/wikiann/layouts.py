"""How files of a tagged dataset may lie in a folder: the layouts a mirror or a user's folder is searched for, in order.

| layout | example |
|---|---|
| PAN-X: `<split>-<language>.tsv`, `.txt` or no ending | `train-qu.tsv` |
| a folder per language: `<language>/<split>`, `.tsv` or `.txt` | `qu/train` |
| the hub's Parquet: `<language>/<split>-00000-of-00001.parquet`, dev called `validation` | `qu/test-00000-of-00001.parquet` |
| original archive: `<language>.tar.gz` holding `train`, `dev`, `test` | `qu.tar.gz` |
"""

import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.common.errors import UserError
from pipeline.data.archives import unpack_tar
from pipeline.data.sources import Files, no_such_language

ENDINGS = (".tsv", ".txt", "")
HUB_SPLITS = {"train": "train", "dev": "validation", "test": "test"}
_LANGUAGE_FILE = re.compile(r"(?:train|dev|test)-(?P<panx>[a-z][a-z-]*)(?:\.tsv|\.txt)?|(?P<tar>[a-z][a-z-]*)\.tar\.gz")


def find_files(folder: Path, language: str, splits: Sequence[str], work: Path) -> Files:
    """Find the files of `splits` of one language under `folder`, unpacking its archive into `work` if need be.

    Raises:
        UserError: the language is not there (names those that are), or lacks one of the splits.
    """
    found = {split: files for split in splits if (files := _lying(folder, language, split))}
    archive = folder / f"{language}.tar.gz"
    if not found and archive.is_file():
        found = files_in_tar(archive, splits, work)
    if not found:
        raise no_such_language(language, languages_in(folder))
    return complete(found, language, splits)


def complete(found: Files, language: str, splits: Sequence[str]) -> Files:
    """Return `found` if it has all `splits`.

    Raises:
        UserError: a split is missing.
    """
    if missing := [split for split in splits if split not in found]:
        expected = ", ".join(f"{split}-{language}.tsv" for split in missing)
        advice = "; to test on dev instead, say test: dev and dev: {from: train, fraction: 0.2}" * ("test" in missing)
        raise UserError(f"no {' nor '.join(missing)} file for language {language!r}; expected {expected}{advice}")
    return found


def files_in_tar(archive: Path, splits: Sequence[str], work: Path) -> Files:
    """Unpack one language's archive into `work` and return the files called as `splits`.

    Raises:
        UserError: the archive is broken, or holds none of them.
    """
    inside = {path.name: path for path in unpack_tar(archive, work / "unpacked")}
    found = {split: [inside[split]] for split in splits if split in inside}
    if not found:
        raise UserError(
            f"{archive.name}: none of {', '.join(splits)} in it; it holds {', '.join(sorted(inside)) or 'no file'}"
        )
    return found


def _lying(folder: Path, language: str, split: str) -> list[Path]:
    """Return a split's files in the first layout that has them."""
    names = [f"{split}-{language}{e}" for e in ENDINGS] + [f"{language}/{split}{e}" for e in ENDINGS]
    for path in (folder / name for name in names):
        if path.is_file():
            return [path]
    return sorted((folder / language).glob(f"{HUB_SPLITS[split]}*.parquet"))


def languages_in(folder: Path) -> list[str]:
    """Return the languages for which `folder` holds files in any layout, sorted."""
    found = set()
    for path in folder.iterdir():
        if path.is_dir() and any(_lying(folder, path.name, split) for split in HUB_SPLITS):
            found.add(path.name)
        elif match := _LANGUAGE_FILE.fullmatch(path.name):
            found.add(match["panx"] or match["tar"])
    return sorted(found)
