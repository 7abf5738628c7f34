"""One split from several files."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from pipeline.common.errors import UserError
from pipeline.data.arrange import Read


class NoRows(UserError):
    """A file has no row that can be used; another part of its split may have some.

    Attributes:
        read: what there is to tell: what was left out.
    """

    def __init__(self, message: str, read: Read) -> None:
        super().__init__(message)
        self.read = read


def joined(parts: Sequence[Read]) -> Read:
    """Return the rows of all parts of a split, one part after the other.

    Raises:
        UserError: an id stands in two parts.
    """
    if len(parts) == 1:
        return parts[0]
    table = pa.concat_tables([part.table for part in parts])
    twice = next((name for name, times in Counter(table["id"].to_pylist()).items() if times > 1), None)
    if twice is not None:
        raise UserError(f"id {twice!r} stands in two of the files that make one split; expected it once")
    reasons = sorted({reason for part in parts for reason in part.mends})
    mends = {
        reason: np.concatenate(
            [part.mends.get(reason, np.zeros(part.table.num_rows, dtype=np.int64)) for part in parts]
        )
        for reason in reasons
    }
    dropped = sum((Counter(part.dropped) for part in parts), Counter[str]())
    repaired = sum((Counter(part.repaired) for part in parts), Counter[str]())
    notes = tuple(dict.fromkeys(note for part in parts for note in part.notes))
    unused = [row for part in parts for row in part.unused]
    groups = [group for part in parts for group in part.groups]
    return Read(table, dict(dropped), dict(repaired), mends, notes, unused, groups)
