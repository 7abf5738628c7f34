"""Where your own data come from: the files that the config names, in your folder, a repository of the hub, or an archive.

One pattern means the same in each. An archive is searched from the innermost of the folders it is wrapped in outwards.

There is no count to check them by; a note says how many rows were read. Paths that lead out of the folder, also through a
link, are refused; links within one repository of the hub's download cache are not.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, nearest
from pipeline.common.files import matching
from pipeline.common.names import on_disk
from pipeline.common.paths import SPLITS
from pipeline.data import fetching, sources
from pipeline.data.arrange import own_splits
from pipeline.data.corpora.files.asked import languages_of, missing_splits, split_files
from pipeline.data.corpora.files.read import read_splits, settled
from pipeline.data.corpora.files.remote import Repository, listed
from pipeline.data.formats.text import ending_of


def fetch(spec: Mapping[str, Any], work: Path, mirror: Path | None, folder: Path | None) -> sources.Obtained:
    """Find one language's files and read them once, so that what is malformed is refused by its own name.

    Args:
        spec: the download's spec; `hub` or `archive` in it say that the files lie there.
        work: a folder for downloads; those that were interrupted are resumed.
        mirror: a folder that may hold a copy of the hub's repository, as `<owner>/<name>/`; it is taken where it is there.
        folder: the user's folder.

    Raises:
        UserError: no such folder, repository, archive or file, a path leads out of the folder, or a file is malformed.
    """
    language, paths = str(spec["language"]), split_files(spec)
    splits = ("all",) if "all" in paths else own_splits(spec, [split for split in SPLITS if split in paths])
    wanted = {split: paths[split] for split in splits}
    source = _source(spec, wanted, mirror, folder)
    work = work / source.kind
    if source.kind in ("hub", "archive"):
        work.mkdir(parents=True, exist_ok=True)
    try:
        files = source.fetch(work)
        chosen, notes = settled(spec, [file for several in files.values() for file in several])
        read = read_splits(chosen, files)
    except UserError as error:  # by its name in the repository or archive, not by that of the copy
        copies = (f"{work}{os.sep}whole{os.sep}", f"{work}{os.sep}")  # unpacked, downloaded
        said = str(error).replace(copies[0], copies[1]).replace(copies[1], f"{source.where}: ")
        raise UserError(said) from None
    missing = missing_splits(spec, [split for split in splits if split not in files or split not in read])
    if len(missing) == len(splits):
        raise UserError(
            f"{source.where}: {language} has data for none of {', '.join(splits)}; expected some for one at least"
        )
    for split, rows in read.items():
        notes.append(f"{split}: {rows.table.num_rows:,} examples, not checked: own data have no known count")
        notes += rows.notes
    notes += [f"{split}: none; {why}" for split, why in missing.items()]
    return sources.Obtained(source, files, notes)


def _source(
    spec: Mapping[str, Any], wanted: Mapping[str, Sequence[str]], mirror: Path | None, folder: Path | None
) -> sources.Source:
    """Return the place that a config names: the hub or its mirror, an archive, or else the folder.

    Raises:
        UserError: none is named, or there is no such folder.
    """
    called = languages_of(spec)[str(spec["language"])]

    def find(below: Path) -> sources.Files:
        return _splits(spec, wanted, below)

    if hub := spec.get("hub"):
        repository = Repository(str(hub["repository"]).replace("{language}", called), str(hub["revision"]))
        copy = mirror / repository.name if mirror else None
        if copy and copy.is_dir():
            return sources.Source("mirror", str(copy), lambda _: find(copy))

        def download(work: Path) -> sources.Files:
            repository.download(wanted, spec.get("optional", ()), work, _advice(spec))
            return find(work)

        return sources.Source("hub", f"{repository.name}@{repository.revision}", download)
    if archive := spec.get("archive"):
        places = fetching.Places("files", tuple(wanted), lambda root, *_: find(root), lambda *_: 0, {})
        return fetching.archive_source(places, archive, called)
    if folder is None:
        raise UserError("folder: no path is given; set `folder: PATH`")
    own = on_disk(Path(), str(folder))
    if not own.is_dir():
        raise UserError(f"{own}: no such folder{_instead(own)}")
    return sources.Source("folder", str(own), lambda _: find(own))


def _splits(spec: Mapping[str, Any], wanted: Mapping[str, Sequence[str]], folder: Path) -> sources.Files:
    """Return the files of each split that a folder has, of those it must have all.

    Raises:
        UserError: a file is not there, lies outside, or is read for two splits; or there is none at all.
    """
    missing = missing_splits(spec, [split for split in wanted if not _there(folder, wanted[split])])
    files: sources.Files = {
        split: [file for path in paths for file in _found(folder, path, f"files: {split}", _advice(spec))]
        for split, paths in wanted.items()
        if split not in missing
    }
    if not files:
        raise UserError(
            f"{folder}: {spec['language']} has data for none of {', '.join(wanted)}; expected some for one at least"
        )
    _check_apart(files)
    return files


def _advice(spec: Mapping[str, Any]) -> str:
    """Say that a language was looked for by its code, where the config does not say what it is called."""
    language = str(spec["language"])
    unlisted = "{language}" in str(spec["files"]) and language not in spec.get("languages", {})
    return f"; {language!r} is not listed under `languages`, so it was looked for by its code" if unlisted else ""


def _there(folder: Path, names: Sequence[str]) -> bool:
    return any(file.exists() for name in names for file in matching(folder, name))


def _check_apart(files: sources.Files) -> None:
    """Refuse a file that two splits would read.

    Raises:
        UserError: there is one.
    """
    seen: dict[Path, str] = {}
    for split, several in files.items():
        for file in several:
            if file in seen:
                raise UserError(f"files: {split}: {file} is read for {seen[file]} already; expected each file once")
            seen[file] = split


def _found(folder: Path, name: str, where: str, advice: str) -> list[Path]:
    """Return the files below `folder` that `name` stands for: one, or all that match its `*`.

    Raises:
        UserError: as `_find`; nothing matches, or parts of a split are missing.
    """
    several = matching(folder, name)
    if not several:
        above = next(above for above in (folder / name).parents if above.is_dir())
        raise UserError(
            f"{where}: no file matches {folder / name}; {above} holds {_listing(above, Path(name).name)}{advice}"
        )
    parts = [re.search(r"-(\d+)-of-(\d+)\b", file.name) for file in several]
    if len(several) > 1 and (first := parts[0]) and all(parts) and len(several) < int(first[2]):
        raise UserError(
            f"{where}: {folder / name} matches {len(several)} parts, expected {int(first[2])}, as their names say"
        )
    return [
        _find(folder, name if file == folder / name else str(file.relative_to(folder)), where, advice)
        for file in several
    ]


def _find(folder: Path, name: str, where: str, advice: str) -> Path:
    """Return the file called `name` below `folder`.

    Raises:
        UserError: it is not there, names the nearest that is; or it lies outside.
    """
    path = on_disk(folder, name)
    inside = Path(os.path.normpath(path)).is_relative_to(os.path.normpath(folder))
    if Path(name).is_absolute() or not inside:
        raise UserError(f"{where}: {name!r} leads out of the folder {folder}; expected a path below it")
    target = path.resolve()
    if path.exists() and not target.is_relative_to(folder.resolve()) and not _is_cached(path, target):
        named = f", or name its folder and it: folder: {target.parent}, and {target.name} under `files`"
        raise UserError(
            f"{path}: a link out of the folder, to {target}; put a copy in the link's place (cp -L)"
            f"{named if ending_of(target) == ending_of(path) else ''}"
        )
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
    return hint if hint.startswith("; did") else f"; {above} holds {_listing(above, missing)}"


def _is_cached(path: Path, target: Path) -> bool:
    """Whether a link leads from a snapshot to a blob of the same repository in the hub's download cache."""
    for above in path.parent.resolve().parents:
        if (above / "snapshots").is_dir() and (above / "blobs").is_dir():
            return path.parent.resolve().is_relative_to(above / "snapshots") and target.is_relative_to(above / "blobs")
    return False


def _listing(folder: Path, near: str = "") -> str:
    return listed([f"{entry.name}/" if entry.is_dir() else entry.name for entry in folder.iterdir()], near)
