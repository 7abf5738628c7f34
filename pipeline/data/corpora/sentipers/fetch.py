"""Where SentiPers comes from: a mirror or a folder that holds `sentipers.xlsx` and MetaXL's `data_index.txt`.

Layouts: the workbook in the folder or in its `data/` (a copy of the authors' repository); the index in either, in a
mirror also at `<mirror>/metaxl/data_index.txt`. How many rows of which label MetaXL's split leaves cannot be known without
the corpus; what is checked is all that is known: the sheet's 15,683 rows, because row numbers mean nothing in another
edition, and the index's examples that have a row, 99, 984 and 992 (100, 1,000 and 1,000 less 1, 16 and 8 that are `None`).
`expected` in the config replaces the latter. Numbers of neutral rows that differ from those known are told in a note.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.data import fetching, sources
from pipeline.data.arrange import own_splits
from pipeline.data.corpora.sentipers.read import pick, read_files, read_rows
from pipeline.data.formats.metaxl_index import NAME, find_index, row_numbers

LANGUAGE = "fa"
BOOK = "sentipers.xlsx"
ROWS = 15_683
NEUTRAL = 5_938
PUBLISHED_NEUTRAL = 8  # rows of MetaXL's split that are neutral now
EXPECTED = {"train": 99, "dev": 984, "test": 992}  # examples of the index that have a row

ADVICE = (
    f"put {BOOK} (its authors publish it: github.com/phosseini/SentiPers, data/{BOOK}) and MetaXL's {NAME} "
    f"(github.com/microsoft/MetaXL, data/{NAME}) into one folder and name it: `folder: PATH` with `folder` in `sources`, or "
    "into <mirror>/sentipers/"
)
MISSING = {
    "hub": f"SentiPers is on no hub as MetaXL uses it (DeepSentiPers is another, smaller corpus); {ADVICE}",
    "archive": f"there is no archive of SentiPers with MetaXL's index; {ADVICE}",
}


def fetch(spec: Mapping[str, Any], work: Path, mirror: Path | None, folder: Path | None) -> sources.Obtained:
    """Get the workbook and the index from the first source of `spec["sources"]` that has them.

    Args:
        spec: the download's spec: `language`, `sources`, `split`, `expected`.
        work: folder for downloads.
        mirror: a folder with `sentipers/` in it.
        folder: the user's own copy.

    Raises:
        UserError: no source worked; says why for each.
    """

    def count(files: Sequence[Path], split: str) -> int:
        """Examples that have a row: known, unlike how many of these are neutral."""
        book = pick(files, ".xlsx")
        if (rows := len(read_rows(book))) != ROWS:
            raise UserError(
                f"{book}: {rows:,} rows, expected {ROWS:,}: MetaXL's row numbers are those of that edition alone"
            )
        read_files(files, LANGUAGE, split, spec)
        return sum(number is not None for number in row_numbers(pick(files, ".txt"), split))

    places = fetching.Places(
        "sentipers", splits=own_splits(spec), find=find, count=count, expected=EXPECTED, missing=MISSING
    )
    obtained = fetching.fetch(places, spec, work, mirror, folder)
    return replace(obtained, notes=[*obtained.notes, *_notes(obtained.files)])


def find(folder: Path, language: str, splits: Sequence[str], work: Path) -> sources.Files:
    """Find the workbook and the index, which all splits share.

    Raises:
        UserError: another language is asked for, or one of the files is not there.
    """
    if language != LANGUAGE:
        raise sources.no_such_language(language, [LANGUAGE])
    book = next((path for path in (folder / BOOK, folder / "data" / BOOK) if path.is_file()), None)
    index = find_index(folder)
    if book is None or index is None:
        missing = " and no ".join(name for name, path in ((BOOK, book), (NAME, index)) if path is None)
        raise UserError(f"no {missing} there; {ADVICE}")
    return {split: [book, index] for split in splits}


def _notes(files: sources.Files) -> list[str]:
    """Say which numbers of neutral rows differ from those known."""
    book, index = next(iter(files.values()))
    rows = read_rows(book)
    notes = []
    if (neutral := sum(row.polarity == 0 for row in rows)) != NEUTRAL:
        notes.append(f"{neutral:,} rows of {BOOK} are neutral, {NEUTRAL:,} were known: its labels have changed")
    entries = [number for split in files for number in row_numbers(index, split) if number is not None]
    published = [number for number in entries if rows[number].polarity == 0]
    if set(files) == set(EXPECTED) and PUBLISHED_NEUTRAL not in (len(published), len(set(published))):
        notes.append(f"{len(published)} examples of MetaXL's split are neutral now, {PUBLISHED_NEUTRAL} were known")
    return notes
