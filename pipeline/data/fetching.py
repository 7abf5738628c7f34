"""How a dataset's files are fetched, the same for all: mirror, hub, archive or folder, checked by the rows they must hold.

A loader's `<loader>_fetch` module says where its files lie (`Places`) and how many rows each split must have; `fetch` does
the rest.
"""

import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock

from pipeline.common.errors import UserError
from pipeline.common.files import digest
from pipeline.common.paths import SPLITS
from pipeline.data import archives, sources
from pipeline.data.hub import hub_file, hub_list

LISTED = 20  # names in a message
_PART = re.compile(r"-(\d{5})-of-(\d{5})(?=\.|$)")

Find = Callable[[Path, str, Sequence[str], Path], sources.Files]
"""Finds the files of a language's splits in a folder; may unpack into the last argument.

Raises `UserError` where the language (`sources.no_such_language`) or one of the splits is not there."""


@dataclass(frozen=True)
class HubLayout:
    """How a dataset lies in a repository of the hub: `<folder>/<split's name>*.<ending>`.

    Attributes:
        folder: the folder of a language; the root where it returns `None`.
        names: what each split's files begin with.
        endings: the files' endings.
        by_language: whether the folders in `folder`'s parent are languages, to name those there are.
    """

    folder: Callable[[str], str | None]
    names: Mapping[str, str]
    endings: tuple[str, ...] = (".parquet",)
    by_language: bool = True


@dataclass(frozen=True)
class Places:
    """Where a dataset's files lie.

    Attributes:
        loader: the loader's name.
        splits: the own splits that are needed.
        find: finds files in a mirror, a folder of the user's, or an unpacked archive.
        count: rows of one split's files, read as the loader reads them, so malformed files are refused here.
        expected: rows that each split must hold, where that is known.
        hub: the layout of its hub repositories; `None`: it is on no hub.
        archive: address of the original archive; `None`: there is none to download.
        missing: by source that cannot be used: why (withdrawn, never published), and what to do.
        mirror: the dataset's folder in a mirror, where it is not called as the loader.
        member: what a language's own archive is called in an archive of all; `{language}` stands for the language.
    """

    loader: str
    splits: tuple[str, ...]
    find: Find
    count: Callable[[Sequence[Path], str], int]
    expected: Mapping[str, int]
    hub: HubLayout | None = None
    archive: str | None = None
    missing: Mapping[str, str] | None = None
    mirror: str | None = None
    member: str | None = None


def fetch(
    places: Places, spec: Mapping[str, Any], work: Path, mirror: Path | None, folder: Path | None
) -> sources.Obtained:
    """Get one language's files from the first source of `spec["sources"]` that has them, whole.

    Args:
        places: where the dataset's files lie.
        spec: the download's spec: `language`, `sources`, `hub`, `archive`, `expected`.
        work: folder for downloads; partial ones in it are resumed.
        mirror: a folder with this dataset's files under `<loader>/` (or `places.mirror`).
        folder: the user's own copy.

    Raises:
        UserError: no source worked; says why for each.
    """
    language = str(spec["language"])
    known = {
        "mirror": folder_source(
            places, "mirror", mirror / (places.mirror or places.loader) if mirror else None, language
        ),
        "hub": hub_source(places, spec.get("hub"), language),
        "archive": archive_source(places, spec.get("archive"), language),
        "folder": folder_source(places, "folder", folder, language),
    }
    chosen = sources.in_order(spec.get("sources") or ("hub", "archive"), known)
    override = (spec.get("expected") or {}).get(language) or {}

    def check(files: sources.Files) -> list[str]:
        for split in places.splits:
            check_parts(split, files[split])
        counts = {split: places.count(files[split], split) for split in places.splits}
        return check_counts(language, counts, places.expected, override)

    return sources.obtain(chosen, work, check, f"{places.loader} {language}")


def folder_source(places: Places, kind: str, folder: Path | None, language: str) -> sources.Source:
    """Return the source that finds files in a mirror or in the user's folder."""

    def find(work: Path) -> sources.Files:
        if folder is None:
            raise UserError(f"no path is given; set `{kind}: PATH`")
        if not folder.is_dir():
            raise UserError("no such folder")
        return places.find(folder, language, places.splits, work)

    return sources.Source(kind, str(folder) if folder else "not set", find)


def hub_source(places: Places, hub: Mapping[str, Any] | None, language: str) -> sources.Source:
    """Return the source that downloads a language's files from a hub repository."""

    def find(work: Path) -> sources.Files:
        layout = places.hub
        if layout is None:
            raise UserError((places.missing or {}).get("hub", "this dataset is on no hub"))
        if not hub or not hub.get("repository") or not hub.get("revision"):
            raise UserError("no repository is given; set `hub: {repository: owner/name, revision: COMMIT}`")
        repository, revision = hub["repository"].replace("{language}", language), hub["revision"]
        below = layout.folder(language)
        if below is not None and layout.by_language:
            above = below.rpartition("/")[0] or None
            folders = [path.rpartition("/")[2] for path in hub_list(repository, revision, "dataset", above)]
            if (own := below.rpartition("/")[2]) not in folders:
                raise sources.no_such_language(own, (name for name in folders if "." not in name))
        there = hub_list(repository, revision, "dataset", below)
        found: sources.Files = {}
        for split in places.splits:
            start = f"{below}/{layout.names[split]}" if below else layout.names[split]
            names = _split_files(there, start, layout.endings)
            found[split] = [hub_file(repository, revision, "dataset", name, work) for name in names]
        return found

    where = f"{hub.get('repository')}@{hub.get('revision')}".replace("{language}", language) if hub else "not set"
    return sources.Source("hub", where, find)


def _split_files(there: Sequence[str], start: str, endings: Sequence[str]) -> list[str]:
    """Return a split's file, or its parts in order, with the first of `endings` that is there."""
    for ending in endings:
        pattern = re.compile(rf"{re.escape(start)}(-\d+-of-\d+)?{re.escape(ending)}")
        if names := sorted(path for path in there if pattern.fullmatch(path)):
            return names
    listed = ", ".join(there[:LISTED]) + (f" … ({len(there)} in all)" if len(there) > LISTED else "")
    raise UserError(f"no files {start}*{' or '.join(endings)}; it has {listed or 'none'}")


def check_parts(split: str, files: Sequence[Path]) -> None:
    """Check that a split in parts (`train-00000-of-00002.parquet`) has each of them once, in order, and no other file.

    Raises:
        UserError: parts are missing, or there are parts of several wholes.
    """
    parts = [match and (int(match[1]), int(match[2])) for match in (_PART.search(file.name) for file in files)]
    if not any(parts):
        return
    total = max(part[1] for part in parts if part)
    if parts != [(number, total) for number in range(total)]:
        listed = ", ".join(file.name for file in files[:LISTED])
        raise UserError(
            f"{split} is in parts, but has {listed}; expected each of one whole's {total} parts, and no other file"
        )


def archive_source(places: Places, given: Mapping[str, Any] | None, language: str) -> sources.Source:
    """Return the source that downloads an archive, unpacks it and finds a language's files in it."""
    address = str((given or {}).get("url") or places.archive or "")
    url = address.replace("{language}", language)

    def find(work: Path) -> sources.Files:
        if not address:
            raise UserError((places.missing or {}).get("archive", "no archive is known; set `archive: {url: ADDRESS}`"))
        # An archive of all languages is kept beside their folders; work is <dataset>/<language>/.partial/archive.
        store = work.parents[2] / ".archive" / digest(url, 8) if url == address else work
        store.mkdir(parents=True, exist_ok=True)
        packed = store / (Path(urlsplit(url).path).name or "archive")
        with FileLock(store / f"{packed.name}.lock"):
            sources.download(url, packed, (given or {}).get("sha256"))
        try:
            root = unpacked(packed, places.member, url != address, language, work)
            return _find_inside(places, root, language, work)
        except archives.BrokenArchive:
            packed.unlink(missing_ok=True)  # to be fetched anew next time
            raise

    return sources.Source("archive", url or "not set", find)


def _find_inside(places: Places, root: Path, language: str, work: Path) -> sources.Files:
    """Find a language's files in an unpacked archive, which may have folders around them: the innermost that fits."""
    folder, refused = only_folder(root), None
    while True:
        try:
            return places.find(folder, language, places.splits, work)
        except archives.BrokenArchive:
            raise
        except UserError as error:
            refused = refused or error  # that of the innermost folder says most
            if folder == root:
                raise refused from None
            folder = folder.parent


def unpacked(packed: Path, member: str | None, single: bool, language: str, work: Path) -> Path:
    """Unpack an archive; return the folder it was unpacked into.

    Args:
        packed: the archive.
        member: see `Places`: such archives are not unpacked here, but put into the folder under that name.
        single: whether it is one language's own archive.
        language: whose files.
        work: folder to unpack into.

    Raises:
        BrokenArchive: it is broken, or its members would land elsewhere.
        UserError: a zip of archives has none of this language.
    """
    root = work / "whole"
    shutil.rmtree(root, ignore_errors=True)
    if member is None:
        archives.unpack(packed, root)
        return root
    root.mkdir(parents=True)
    own, ending = root / member.replace("{language}", language), member.replace("{language}", "")
    zipped = archives.is_zip(packed)
    if not zipped and (single or packed.name == own.name):
        shutil.copyfile(packed, own)
        return root
    there = archives.zip_member(packed, own.name, own) if zipped else []
    packs = [name.removesuffix(ending) for name in there if name.endswith(ending)]
    if packs and not own.exists():
        raise sources.no_such_language(language, packs)
    if not packs:  # the files themselves
        archives.unpack(packed, root)
    return root


def only_folder(root: Path) -> Path:
    """Return the one folder in `root` if there is nothing else in it, `root` otherwise; hidden files do not count."""
    inside = [path for path in root.iterdir() if path.name != "__MACOSX" and not path.name.startswith(".")]
    return only_folder(inside[0]) if len(inside) == 1 and inside[0].is_dir() else root


def find_named(
    folder: Path,
    language: str,
    splits: Sequence[str],
    names: Callable[[str, str], Sequence[str]],
    languages: Sequence[str],
) -> sources.Files:
    """Find each split's file under the first of its possible names.

    Args:
        folder: where to look.
        language: whose files.
        splits: which splits.
        names: (language, split) → paths below `folder`, or glob patterns, in order of preference.
        languages: the languages the dataset has, to name those that are there.

    Raises:
        UserError: the language is not there (names those that are), or lacks one of the splits.
    """

    def lying(code: str, split: str) -> list[Path]:
        for name in names(code, split):
            if found := sorted(path for path in folder.glob(name) if path.is_file()):
                return found
        return []

    found = {split: files for split in splits if (files := lying(language, split))}
    if not found:
        there = [code for code in languages if any(lying(code, split) for split in SPLITS)]
        raise sources.no_such_language(language, there)
    if missing := [split for split in splits if split not in found]:
        wanted = "; ".join(f"{split}: {' or '.join(names(language, split)) or 'no such split'}" for split in missing)
        raise UserError(f"no {' nor '.join(missing)} file for language {language!r}; expected {wanted}")
    return found


def check_counts(
    language: str, counts: Mapping[str, int], expected: Mapping[str, int], override: Mapping[str, int | None]
) -> list[str]:
    """Compare numbers of rows with those known, entries of which `override` replaces.

    Returns:
        A note for each split whose count is not known.

    Raises:
        UserError: a count differs.
    """
    known = {**expected, **{split: n for split, n in override.items() if n is not None}}
    wrong = [split for split in counts if counts[split] != known.get(split, counts[split])]
    if wrong:
        differs = "; ".join(f"{s} holds {counts[s]:,} examples, expected {known[s]:,}" for s in wrong)
        entries = ", ".join(f"{s}: {counts[s]}" for s in wrong)
        raise UserError(f"{differs}; if your copy is meant to differ, set expected: {{{language}: {{{entries}}}}}")
    unknown = [split for split in counts if split not in known]
    return [f"{s}: {counts[s]:,} examples, not checked: no count is known for {language!r}" for s in unknown]
