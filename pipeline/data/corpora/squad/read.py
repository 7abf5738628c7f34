"""SQuAD, extractive question answering in English (Rajpurkar et al. 2016, https://aclanthology.org/D16-1264).

Version 1.1 (train and dev; the test set is not public), and files of version 2.0 without their unanswerable questions. Reads
the original JSON and the hub's Parquet (see `qa_rows`); where the files come from is told in `squad_fetch`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.data.arrange import Read, load_splits
from pipeline.data.formats.questions import read_questions
from pipeline.data.schema import Loaded

TASK = "qa"
HAS = ("train", "dev")
ABSENT = {
    "test": "SQuAD's test set is not public; evaluate on MLQA, or say `test: dev` with `dev: {from: train}`",
}


def check_language(language: str) -> None:
    """Refuse every language but English.

    Raises:
        UserError: another language.
    """
    if language != "en":
        raise UserError(f"squad: language {language!r}; SQuAD is in English only: 'en' (MLQA has seven languages)")


def read_files(files: Sequence[Path], language: str, split: str, spec: Mapping[str, Any]) -> Read:
    """Read one split's files, in whichever form they are.

    Raises:
        UserError: malformed (see `read_questions`), or there are unanswerable questions and `spec` refuses them.
    """
    return read_questions(files, language, f"squad-en-{split}", str(spec.get("unanswerable", "refuse")))


def load(spec: Mapping[str, Any], raw: Path | None = None) -> Loaded:
    """Read SQuAD into train and dev; test is absent, or the dataset's dev.

    Args:
        spec: `language`, `unanswerable` and what shapes the splits.
        raw: the download's manifest.

    Raises:
        UserError: not English, the files are malformed, or a split would be empty.
    """
    check_language(str(spec["language"]))
    return load_splits(spec, raw, TASK, read_files, has=HAS, absent=ABSENT)
