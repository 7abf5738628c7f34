"""MultiNLI, inference in English over ten genres (Williams et al. 2018, https://aclanthology.org/N18-1101).

Reads the hub's Parquet, the original JSONL and TSV, GLUE's TSV, and a JSON object of `text_a`, `text_b`, `label`. Dev is the
matched set (genres of train), test the mismatched one (other genres). Pairs whose annotators did not agree (`-`) are dropped
and counted.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.common.paths import SPLITS
from pipeline.data.arrange import Read, load_splits
from pipeline.data.formats.pairs import read_pairs, to_read
from pipeline.data.schema import Loaded

TASK = "nli"
LANGUAGE = "en"
ABSENT = {"dev": "dev serves as the test set (`test: dev`)"}


def check_language(language: str) -> None:
    """Refuse every language but English.

    Raises:
        UserError: it is another one.
    """
    if language != LANGUAGE:
        raise UserError(
            f"multinli: language {language!r}; MultiNLI is in English, 'en', only: use `loader: xnli` for dev and test data "
            "in 15 languages"
        )


def read_files(files: Sequence[Path], language: str, split: str, spec: Mapping[str, Any]) -> Read:
    """Read one of MultiNLI's splits, in whichever form it is.

    Raises:
        UserError: malformed (see `read_pairs`), without labels, in another language, or holding other languages too.
    """
    check_language(language)
    found = read_pairs(files, language)
    if others := sorted(found.languages - {language}):
        raise UserError(f"{files[0]}: holds rows in {', '.join(others)}; MultiNLI is in English only")
    if not found.labelled:
        raise UserError(f"{files[0]}: bears no labels, expected labelled {split} pairs")
    return to_read(found, language, f"multinli-{language}-{split}", files)


def load(spec: Mapping[str, Any], raw: Path | None = None) -> Loaded:
    """Read what was downloaded into train, dev and test (see `load_splits`).

    Args:
        spec: `language`, which must be `en`, and what shapes the splits: `test`, `dev`, `remove_duplicates`.
        raw: the download's manifest.

    Raises:
        UserError: the files are malformed or a split would be empty.
    """
    check_language(str(spec["language"]))
    return load_splits(spec, raw, TASK, read_files, has=SPLITS, absent=ABSENT)
