"""WikiAnn named entities (Pan et al. 2017, https://aclanthology.org/P17-1178), in the splits of Rahimi et al. (2019).

Reads every form the data goes about in: the hub's Parquet, the original `<language>.tar.gz` of `<language>:token<TAB>TAG`
files, PAN-X `token<TAB>TAG` files, and PAN-X test files, whose tags were taken out. Where the files come from is told in
`wikiann_fetch`, so that a change there makes no prepared data stale.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.common.errors import UserError
from pipeline.data.arrange import Read, load_splits
from pipeline.data.formats.lines import Sentences, read_tagged_lines
from pipeline.data.formats.tagged_parquet import read_tagged_parquet
from pipeline.data.formats.tags import CONVERTED, ORPHAN
from pipeline.data.schema import LABELS, Loaded, ner_table

TASK = "ner"


def read_sentences(files: Sequence[Path], language: str, split: str) -> Sentences:
    """Read one split's files, in whichever form they are.

    Raises:
        UserError: malformed (see `read_tagged_lines`, `read_tagged_parquet`), without sentences, or without tags.
    """
    if files[0].suffix == ".parquet":
        found = read_tagged_parquet(files, LABELS[TASK])
    else:
        found = read_tagged_lines(files[0], language, LABELS[TASK])
    where = files[0]
    if not found.rows:
        raise UserError(f"{where}: holds no sentences; expected at least one")
    if not found.labelled:
        advice = (
            "; to test on dev instead, say test: dev and dev: {from: train, fraction: 0.2}" if split == "test" else ""
        )
        raise UserError(f"{where}: bears no tags, expected labelled {split} sentences{advice}")
    return found


def read_files(files: Sequence[Path], language: str, split: str, spec: Mapping[str, Any]) -> Read:
    """Read one split's files; every sentence has the id of its place in its own file, whatever split it ends up in.

    Raises:
        UserError: see `read_sentences`.
    """
    del spec
    found = read_sentences(files, language, split)
    rows = zip(found.places, found.rows, strict=True)
    table = ner_table(language, [(f"wikiann-{language}-{split}-{place}", *sentence) for place, sentence in rows])
    counts = {ORPHAN: found.orphans, CONVERTED: found.converted}
    mends = {reason: np.asarray(of_rows, dtype=np.int64) for reason, of_rows in counts.items()}
    return Read(table, found.dropped, found.repaired, mends)


def load(spec: Mapping[str, Any], raw: Path | None = None) -> Loaded:
    """Read one downloaded language into train, dev and test.

    Args:
        spec: `language` and what shapes the splits: `test`, `dev`, `remove_duplicates`.
        raw: the download's manifest.

    Raises:
        UserError: the files are malformed or a split would be empty.
    """
    return load_splits({**spec, "loader": "wikiann"}, raw, TASK, read_files)
