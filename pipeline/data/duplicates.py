"""When two rows are one example, or share a text: texts are compared as a model sees them (`names.plain`).

White space is squeezed, invisible characters are left out, the Unicode form is NFC. What shows stays: case, punctuation and
characters that merely look alike (full-width letters, ligatures) make other texts.
"""

from typing import Any

import pyarrow as pa

from pipeline.common.names import plain
from pipeline.data.schema import KEYS, SHARED


def row_keys(task: str, table: pa.Table) -> list[tuple[Any, ...]]:
    """Return what makes each row the example it is: two rows with one key are duplicates."""
    columns = [[_seen(value) for value in table[name].to_pylist()] for name in KEYS[task]]
    return list(zip(*columns, strict=True))


def shared_texts(task: str, table: pa.Table) -> list[str] | None:
    """Return the text that each row may share with others (`schema.SHARED`); `None`: the task's rows share none."""
    return [plain(text) for text in table[SHARED[task]].to_pylist()] if task in SHARED else None


def _seen(value: Any) -> Any:
    """Return a text or a sentence's tokens as they are compared; a token of nothing that shows is none."""
    if isinstance(value, list):
        return tuple(seen for token in value if (seen := plain(token)))
    return plain(value)
