"""MLQA, extractive question answering in seven languages (Lewis et al. 2020, https://aclanthology.org/2020.acl-main.653).

Evaluation data only: dev and test. A language `de` is a German context with a German question, `de.es` a German context with a
Spanish one. Rows keep the dataset's own ids without a language, so that the same question pairs across languages. Reads the
original JSON and the hub's Parquet (see `qa_rows`); where the files come from is told in `mlqa_fetch`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError, nearest
from pipeline.data.arrange import Read, load_splits
from pipeline.data.formats.questions import read_questions
from pipeline.data.schema import Loaded

TASK = "qa"
HAS = ("dev", "test")
LANGUAGES = ("ar", "de", "en", "es", "hi", "vi", "zh")
PAIRS = tuple(c if c == q else f"{c}.{q}" for c in LANGUAGES for q in LANGUAGES)

ON_DEV = "; to test on the dev questions instead, say test: dev"
ABSENT = {
    "train": "MLQA has no training questions; take another dataset as `source_dataset`, such as SQuAD",
    "dev": "with `test: dev` its dev questions are the test set; choose epochs on the source's dev set",
}


def context_and_question(language: str) -> tuple[str, str]:
    """Return the languages of context and question: `de` → (`de`, `de`), `de.es` → (`de`, `es`).

    Raises:
        UserError: not one of the 49.
    """
    if language not in PAIRS:
        context, _, question = language.partition(".")
        if context == question and context in LANGUAGES:
            raise UserError(f"mlqa: language {language!r}; did you mean {context!r}? (context and question alike)")
        known = f"one of {', '.join(LANGUAGES)}, or two of them, CONTEXT.QUESTION"
        hint = nearest(language, PAIRS)
        raise UserError(f"mlqa: language {language!r}{hint if 'did you mean' in hint else ''}; expected {known}")
    context, _, question = language.partition(".")
    return context, question or context


def read_files(files: Sequence[Path], language: str, split: str, spec: Mapping[str, Any]) -> Read:
    """Read one split's files, in whichever form they are.

    Raises:
        UserError: malformed (see `read_questions`), or the answers were taken out.
    """
    return read_questions(files, language, f"mlqa-{split}", advice=ON_DEV if split == "test" else "")


def load(spec: Mapping[str, Any], raw: Path | None = None) -> Loaded:
    """Read one downloaded language into dev and test; there is no train.

    Args:
        spec: `language` and what shapes the splits.
        raw: the download's manifest.

    Raises:
        UserError: no such language, the files are malformed, or a split would be empty.
    """
    context_and_question(str(spec["language"]))
    return load_splits(spec, raw, TASK, read_files, has=HAS, absent=ABSENT)
