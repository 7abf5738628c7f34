"""XNLI, inference in 15 languages (Conneau et al. 2018, https://aclanthology.org/D18-1269): dev and test, row-parallel.

Reads the hub's Parquet, the original `xnli.dev.tsv` and `xnli.dev.jsonl`, which hold all languages, and XTREME's
`dev-<language>.tsv`, with the labels of its test files in `test-labels.txt`. The same row of a split is the same example in
every language and has the same id in all of them: ids do not name the language.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.data.arrange import Read, load_splits
from pipeline.data.formats.pairs import read_pairs, to_read, with_labels
from pipeline.data.schema import Loaded

TASK = "nli"
HAS = ("dev", "test")
LABEL_FILE = "test-labels.txt"
ABSENT = {
    "train": "XNLI has no training data (the hub's are machine translations of MultiNLI); train on MultiNLI: give the "
    "experiment a `source_dataset` with `loader: multinli` and `sources: [en]`, or use dev as target data",
    "dev": "dev serves as the test set (`test: dev`)",
}


def read_files(files: Sequence[Path], language: str, split: str, spec: Mapping[str, Any]) -> Read:
    """Read one of XNLI's splits: its file or Parquet files, and the file of its labels where they are apart.

    Raises:
        UserError: malformed (see `read_pairs`, `with_labels`), or without labels.
    """
    rows = [file for file in files if file.name != LABEL_FILE]
    apart = [file for file in files if file.name == LABEL_FILE]
    found = read_pairs(rows, language)
    if apart:
        found = with_labels(found, apart[0], rows)
    if not found.labelled:
        advice = f"; put {LABEL_FILE} beside it, whose line i labels row i, or say test: dev" if split == "test" else ""
        raise UserError(f"{rows[0]}: bears no labels, expected labelled {split} pairs{advice}")
    return to_read(found, language, f"xnli-{split}", rows)


def load(spec: Mapping[str, Any], raw: Path | None = None) -> Loaded:
    """Read one downloaded language into dev and test (see `load_splits`); train is empty.

    Args:
        spec: `language` and what shapes the splits: `test`, `remove_duplicates`.
        raw: the download's manifest.

    Raises:
        UserError: the files are malformed or a split would be empty.
    """
    return load_splits(spec, raw, TASK, read_files, has=HAS, absent=ABSENT)
