"""Where your own data come from: the files that the config names, below your folder.

There is no count to check them by; a note says how many rows were read. Paths that lead out of the folder, also through a
link, are refused.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, nearest
from pipeline.common.names import on_disk
from pipeline.common.paths import SPLITS
from pipeline.data import sources
from pipeline.data.arrange import own_splits
from pipeline.data.corpora.files.read import read_files, split_files

LISTED = 20  # names in a message


def fetch(spec: Mapping[str, Any], work: Path, mirror: Path | None, folder: Path | None) -> sources.Obtained:
    """Find one language's files and read them once, so that what is malformed is refused by its own name.

    Args:
        spec: the download's spec.
        work: a folder for downloads, not used.
        mirror: not used.
        folder: the user's folder.

    Raises:
        UserError: no such folder or file, a path leads out of the folder, or a file is malformed.
    """
    language, paths = str(spec["language"]), split_files(spec)
    if folder is None:
        raise UserError("folder: no path is given; set `folder: PATH`")
    folder = on_disk(Path(), str(folder))
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder{_instead(folder)}")
    splits = ("all",) if "all" in paths else own_splits(spec, [split for split in SPLITS if split in paths])
    unlisted = "{language}" in "".join(map(str, spec["files"].values())) and language not in spec.get("languages", {})
    advice = f"; {language!r} is not listed under `languages`, so it was looked for by its code" if unlisted else ""
    files: sources.Files = {split: [_find(folder, paths[split], f"files: {split}", advice)] for split in splits}
    notes = []
    for split, (file,) in files.items():
        rows = read_files([file], language, split, spec).table.num_rows
        notes.append(f"{split}: {rows:,} examples, not checked: own data have no known count")
    return sources.Obtained(sources.Source("folder", str(folder), lambda _: files), files, notes)


def _find(folder: Path, name: str, where: str, advice: str) -> Path:
    """Return the file called `name` below `folder`.

    Raises:
        UserError: it is not there, names the nearest that is; or it lies outside.
    """
    path = on_disk(folder, name)
    inside = Path(os.path.normpath(path)).is_relative_to(os.path.normpath(folder))
    if Path(name).is_absolute() or not inside:
        raise UserError(f"{where}: {name!r} leads out of the folder {folder}; expected a path below it")
    if path.exists() and not path.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{path}: a link out of the folder, to {path.resolve()}; name the folder where the file lies")
    if path.is_file():
        return path
    if path.is_dir():
        raise UserError(f"{path}: a folder, expected a file; it holds {_listing(path)}")
    raise UserError(f"{path}: no such file{_instead(path)}{advice}")


def _instead(path: Path) -> str:
    """Return the nearest name to one that is not there, or what is, in the first folder above that exists."""
    above, missing = path.parent, path.name
    while not above.is_dir():
        above, missing = above.parent, above.name
    there = sorted(entry.name for entry in above.iterdir())
    hint = nearest(missing, there)
    return hint if hint.startswith("; did") else f"; {above} holds {_listing(above)}"


def _listing(folder: Path) -> str:
    names = sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in folder.iterdir())
    shown = ", ".join(names[:LISTED]) or "nothing"
    return f"{shown} … ({len(names)} in all)" if len(names) > LISTED else shown
