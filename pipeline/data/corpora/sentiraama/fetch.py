"""Where Sentiraama comes from: a mirror or a folder with `product_pos.txt`, `product_neg.txt` and MetaXL's `data_index.txt`.

Layouts: the reviews in the folder, or in its `Product Reviews/` as in the corpus; the index in the folder, in its `data/`, in
a mirror also at `<mirror>/metaxl/data_index.txt`. Checked: 100, 103 and 100 examples, each on a line of text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.data import fetching, sources
from pipeline.data.arrange import own_splits
from pipeline.data.corpora.sentiraama.read import LABEL, is_text, pick, read_files, read_lines
from pipeline.data.formats.metaxl_index import NAME, find_index

LANGUAGE = "te"
EXPECTED = {"train": 100, "dev": 103, "test": 100}
LINES = {"product_pos.txt": 166, "product_neg.txt": 137}  # lines of text that MetaXL's splits have; as it seems, all
FOLDERS = ("", "Product Reviews", "Product_Reviews", "product")

ADVICE = (
    "ask LTRC, IIIT Hyderabad for it (ltrc.iiit.ac.in/showfile.php?filename=downloads/sentiraama/), and put its "
    f"product_pos.txt and product_neg.txt and MetaXL's {NAME} (github.com/microsoft/MetaXL, data/{NAME}) into one folder "
    "and name it: `folder: PATH` with `folder` in `sources`, or into <mirror>/sentiraama/"
)
MISSING = {
    "hub": f"Sentiraama is on no hub; {ADVICE}",
    "archive": f"Sentiraama is given out on request, there is no address to download it from; {ADVICE}",
}


def fetch(spec: Mapping[str, Any], work: Path, mirror: Path | None, folder: Path | None) -> sources.Obtained:
    """Get the reviews and the index from the first source of `spec["sources"]` that has them.

    Args:
        spec: the download's spec: `language`, `sources`, `expected`.
        work: folder for downloads.
        mirror: a folder with `sentiraama/` in it.
        folder: the user's own copy.

    Raises:
        UserError: no source worked; says why for each.
    """

    def count(files: Sequence[Path], split: str) -> int:
        return int(read_files(files, LANGUAGE, split, spec).table.num_rows)

    places = fetching.Places(
        "sentiraama", splits=own_splits(spec), find=find, count=count, expected=EXPECTED, missing=MISSING
    )
    obtained = fetching.fetch(places, spec, work, mirror, folder)
    return replace(obtained, notes=[*obtained.notes, *_notes(obtained.files)])


def find(folder: Path, language: str, splits: Sequence[str], work: Path) -> sources.Files:
    """Find the two files of reviews and the index, which all splits share.

    Raises:
        UserError: another language is asked for, or one of the files is not there.
    """
    if language != LANGUAGE:
        raise sources.no_such_language(language, [LANGUAGE])
    below = next((folder / name for name in FOLDERS if any((folder / name / f).is_file() for f in LABEL)), folder)
    found = [below / name for name in LABEL if (below / name).is_file()]
    index = find_index(folder)
    if len(found) < len(LABEL) or index is None:
        there = {path.name for path in found} | ({NAME} if index else set())
        raise UserError(f"no {' and no '.join(name for name in (*LABEL, NAME) if name not in there)} there; {ADVICE}")
    return {split: [*found, index] for split in splits}


def _notes(files: sources.Files) -> list[str]:
    """Say where a file has other than the known number of lines of text."""
    any_split = next(iter(files.values()))
    counts = {name: sum(map(is_text, read_lines(pick(any_split, name)))) for name in LABEL}
    return [
        f"{name}: {counts[name]} lines of text, {LINES[name]} of them in MetaXL's splits"
        for name in LABEL
        if counts[name] != LINES[name]
    ]
