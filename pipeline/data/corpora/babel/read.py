"""Babel as a dataset: what the preprocessing stage loads. Importing it is light: NumPy and pyarrow come with `load`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.data.schema import Loaded


def load(spec: dict[str, Any], raw: Path | None = None) -> "Loaded":
    """Generate one language's labelled splits and raw text.

    Args:
        spec: `language`, `task` (`"ner"`), `seed`, `sizes` (`train`, `dev`, `test`, `text`: numbers of sentences) and,
            optionally, `family` (parameters of languages, see `family.parse_family`) and `parallel` (whether all languages
            say the same, row by row).
        raw: unused; Babel has nothing to download.

    Raises:
        UserError: an option is missing, unknown or out of range, or the language is not of the family.
    """
    from pipeline.data.corpora.babel.generate import generate

    return generate(spec)
