"""Small files in the forms of SentiPers, Sentiraama and MetaXL's `data_index.txt`, with invented texts."""

import json
from pathlib import Path

import openpyxl
import pytest

from pipeline.common.paths import SPLITS
from pipeline.data.formats.metaxl_index import NAME

REAL_INDEX = Path(__file__).parents[2] / "../shared/data/metaxl/data_index.txt"
needs_index = pytest.mark.skipif(
    not REAL_INDEX.is_file(), reason="MetaXL's data_index.txt is not in ../shared/data/metaxl"
)


def index_text(fa=None, te=None):
    """The index of three lists of row numbers, and of three lists of (line, file)."""
    parts = []
    for split, pairs in zip(SPLITS, te or (), strict=False):
        numbers, names = [line for line, _ in pairs], [name for _, name in pairs]
        parts.append(f"# tir {split} index and file\n{numbers}\n{names}\n\n")
    parts += [f"# fa {split} index\n{numbers}\n\n" for split, numbers in zip(SPLITS, fa or (), strict=False)]
    return "".join(parts)


def write_index(folder, fa=None, te=None):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME).write_text(index_text(fa, te))
    return folder / NAME


def write_book(path, rows, header=("sid", "text", "polarity", "file")):
    """A workbook; `rows` are (text, polarity) below a `header`, or whole rows where it is `None`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    if header is not None:
        sheet.append(header)
    for row in rows:
        sheet.append(("-", *row, "a.xml") if header == ("sid", "text", "polarity", "file") and row else row)
    book.save(path)
    return path


def write_manifest(folder, names):
    """What the download leaves: the files of each split, all alike here, and a manifest."""
    files = {split: [{"name": name} for name in names] for split in SPLITS}
    (folder / "manifest.json").write_text(json.dumps({"files": files, "notes": ["a note"]}))
    return folder / "manifest.json"


def rows_of(table):
    return list(zip(*(table[name].to_pylist() for name in ("id", "text", "label")), strict=True))
