"""Where CLS-10 comes from: a copy, since its archive is given out on request only; checked by the reviews it must hold.

A mirror's `cls10/` or a folder holds `<language>/<domain>/{train,test,unlabeled}.review`, each gzipped (`.review.gz`) or not,
directly or below `cls-acl10-unprocessed/`, as the archive has them. Japanese is called `jp` there; `ja` will do.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.data import fetching, sources
from pipeline.data.corpora.cls10.read import DOMAINS, EMPTY, LABEL, UNLABELLED, needed, read_files, read_unlabelled
from pipeline.data.fetching import Places

LANGUAGES = ("de", "en", "fr", "ja")
FOLDER = "cls-acl10-unprocessed"

# Reviews rated 1, 2, 4 or 5, with or without text; half of them positive.
EXPECTED = {"train": 2_000, "test": 2_000}

ON_REQUEST = (
    "CLS-10 has no address that serves everybody: ask for cls-acl10-unprocessed.tar.gz at https://zenodo.org/records/3251672, "
    "unpack it, and say folder: PATH with folder in sources, or put it into a mirror as cls10/cls-acl10-unprocessed"
)


def fetch(spec: Mapping[str, Any], work: Path, mirror: Path | None, folder: Path | None) -> sources.Obtained:
    """Get one language's files of one domain from the first source of `spec["sources"]` that has them, whole.

    Args:
        spec: the download's spec: `language`, `domain`, `unlabelled`, `sources`, `archive`, `dev`, `expected`.
        work: folder for downloads; partial ones in it are resumed.
        mirror: a folder with this dataset's files under `cls10/`.
        folder: the user's own copy.

    Raises:
        UserError: no source worked; says why for each.
    """
    language, splits, unlabelled = str(spec["language"]), needed(spec), int(spec.get("unlabelled") or 0)
    known = EXPECTED if language in LANGUAGES else {}
    override = (spec.get("expected") or {}).get(language) or {}

    def find(place: Path, code: str, wanted: Sequence[str], work: Path) -> sources.Files:
        return find_files(place, code, str(spec["domain"]), wanted)

    def count(files: Sequence[Path], split: str) -> int:
        if split == UNLABELLED:
            return int(read_unlabelled(files, language, unlabelled, spec)[0].num_rows)
        read = read_files(files, language, split, spec)
        labels = read.table["label"].to_pylist()
        halves = [labels.count(label) for label in dict.fromkeys(LABEL.values())]
        rated = len(labels) + read.dropped.get(EMPTY, 0)
        if rated == known.get(split) and override.get(split) is None and max(halves) > rated / 2:
            raise UserError(f"{files[0]}: {halves[1]:,} positive reviews of {rated:,}; expected half")
        return rated

    expected = {**known, UNLABELLED: unlabelled}
    places = Places("cls10", splits, find, count, expected, missing={"archive": ON_REQUEST, "hub": ON_REQUEST})
    return fetching.fetch(places, spec, work, mirror, folder)


def find_files(folder: Path, language: str, domain: str, splits: Sequence[str]) -> sources.Files:
    """Find the files of one language and domain in a folder.

    Raises:
        UserError: the language, the domain or a split is not there, or the archive is not unpacked.
    """
    root = folder / FOLDER if (folder / FOLDER).is_dir() else folder

    def code(language: str) -> str:
        return "jp" if language == "ja" and (root / "jp").is_dir() else language

    def names(language: str, split: str) -> list[str]:
        stems = ("unlabeled", UNLABELLED) if split == UNLABELLED else (split,)
        return [f"{code(language)}/{domain}/{stem}.review{packed}" for stem in stems for packed in ("", ".gz")]

    place = root / code(language)
    if place.is_dir() and not (place / domain).is_dir():
        there = ", ".join(name for name in DOMAINS if (place / name).is_dir()) or "no domain"
        raise UserError(f"no folder {code(language)}/{domain}; it has {there}")
    if not place.is_dir() and (packed := sorted(root.glob(f"{FOLDER}.tar*"))):
        raise UserError(f"{packed[0].name} is not unpacked; unpack it where it is")
    return fetching.find_named(root, language, splits, names, LANGUAGES)
