"""Where MARC comes from: a copy, since its publisher withdrew it; each checked by the reviews it must hold.

Layouts a mirror's `marc/` or a folder is searched for, in order (endings `.jsonl`, `.json`, `.csv`; dev may be called
`validation`):

| layout | example |
|---|---|
| the original's | `json/train/dataset_en_train.json`, also without the folders |
| a folder per language, also called as the repositories are | `en/validation.jsonl`, `amazon_reviews_multi_en/train.jsonl` |
| the language in the name | `train-en.csv` |
| one file for all languages, whose rows tell theirs | `train.csv` |

On the hub a repository called after a language (`SetFit/amazon_reviews_multi_en`; `{language}` in the name stands for the
language) has its files at the root, any other (`mteb/amazon_reviews_multi`) in a folder per language.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.data import fetching, sources
from pipeline.data.arrange import own_splits
from pipeline.data.corpora.marc.read import EMPTY, NEUTRAL, read_files, tells_language
from pipeline.data.fetching import HubLayout, Places

LANGUAGES = ("de", "en", "es", "fr", "ja", "zh")

# Reviews that are not of three stars, with or without text: four fifths of the 200,000 / 5,000 / 5,000 in the files.
EXPECTED = {"train": 160_000, "dev": 4_000, "test": 4_000}
IN_FILES = {"train": 200_000, "dev": 5_000, "test": 5_000}

HUB_SPLITS = {"train": "train", "dev": "validation", "test": "test"}
ENDINGS = (".jsonl", ".json", ".csv")
SHARED = "{split}"
FORMS = (
    *("json/{split}/dataset_{language}_{split}", "{split}/dataset_{language}_{split}", "dataset_{language}_{split}"),
    *("{language}/{split}", "amazon_reviews_multi_{language}/{split}", "{split}-{language}", SHARED),
)
WITHDRAWN = (
    "MARC was withdrawn by its publisher, Amazon, in 2023: the original address serves nobody. Use a copy: one on the hub, "
    "such as hub: {repository: SetFit/amazon_reviews_multi_en, revision: COMMIT} with hub in sources, or your own files with "
    "folder: PATH or mirror: PATH; a paper's tables are made without it by --config without=marc"
)


def fetch(spec: Mapping[str, Any], work: Path, mirror: Path | None, folder: Path | None) -> sources.Obtained:
    """Get one language's files from the first source of `spec["sources"]` that has them, whole.

    Args:
        spec: the download's spec: `language`, `title`, `sources`, `hub`, `archive`, `test`, `dev`, `expected`.
        work: folder for downloads; partial ones in it are resumed.
        mirror: a folder with this dataset's files under `marc/`.
        folder: the user's own copy.

    Raises:
        UserError: no source worked; says why for each.
    """
    language = str(spec["language"])
    in_files: dict[str, int] = {}

    def count(files: Sequence[Path], split: str) -> int:
        read = read_files(files, language, split, spec)
        rated = int(read.table.num_rows) + read.dropped.get(EMPTY, 0)
        in_files[split] = rated + read.dropped.get(NEUTRAL, 0)
        return rated

    places = Places(
        "marc",
        splits=own_splits(spec),
        find=find,
        count=count,
        expected=EXPECTED if language in LANGUAGES else {},
        hub=_layout(spec.get("hub"), language),
        missing={"archive": WITHDRAWN},
    )
    obtained = fetching.fetch(places, spec, work, mirror, folder)
    return replace(obtained, notes=[*obtained.notes, *_other_sizes(in_files, language)])


def find(folder: Path, language: str, splits: Sequence[str], work: Path) -> sources.Files:
    """Find the files of a language's splits in a folder.

    Raises:
        UserError: the language or a split is not there, or a file for all languages does not tell them apart.
    """
    there = [
        form for form in FORMS if any((folder / name).is_file() for s in splits for name in _names(form, language, s))
    ]
    forms = there[:1] or FORMS
    found = fetching.find_named(
        folder,
        language,
        splits,
        lambda code, split: [n for form in forms for n in _names(form, code, split)],
        LANGUAGES,
    )
    if forms[0] == SHARED:
        for path in (path for files in found.values() for path in files):
            if not tells_language(path):
                raise UserError(
                    f"{path}: neither its name nor its rows tell a language; move it to {folder / language / path.name}"
                )
    return found


def _names(form: str, language: str, split: str) -> list[str]:
    called = dict.fromkeys((split, HUB_SPLITS[split]))
    return [form.format(language=language, split=name) + ending for name in called for ending in ENDINGS]


def _layout(hub: Mapping[str, Any] | None, language: str) -> HubLayout:
    """Return the layout of a repository of one language, or of all."""
    named = str((hub or {}).get("repository", ""))
    own = next((code for code in LANGUAGES if named.replace("{language}", language).endswith(f"_{code}")), None)

    def folder(code: str) -> str | None:
        if own not in (None, code):
            raise UserError(f"{named} is of one language; write {{language}} instead of {own} at its end")
        return code if own is None else None

    return HubLayout(folder, HUB_SPLITS, (".jsonl",), by_language=own is None)


def _other_sizes(in_files: Mapping[str, int], language: str) -> list[str]:
    """Say which splits have not as many rows, those of three stars included, as the original."""
    return [
        f"{split}: {n:,} reviews with those of three stars, the original has {IN_FILES[split]:,}"
        for split, n in in_files.items()
        if language in LANGUAGES and n != IN_FILES[split]
    ]
