"""Sentences that cannot be read: refused, or left out and counted where the config says `broken: drop`."""

from collections import Counter
from dataclasses import dataclass, field

from pipeline.common.errors import UserError

DROP = "say `broken: drop` in the dataset: such sentences are then left out and counted"
ADVICE = f"mend it, or {DROP}"


@dataclass
class Broken:
    """What is done with sentences that cannot be read.

    Attributes:
        drop: whether they are left out; otherwise the first is refused.
        dropped: those left out, by reason.
        left: what those left out are called, or their numbers.
    """

    drop: bool = False
    dropped: Counter[str] = field(default_factory=Counter)
    left: list[str | int] = field(default_factory=list)

    def found(self, reason: str, message: str, name: str | int) -> None:
        """Count a sentence under `reason`, once for each sentence, where it may be left out.

        Raises:
            UserError: it may not; `message` says where it stands and what is wrong.
        """
        if not self.drop:
            raise UserError(f"{message}; {ADVICE}")
        self.dropped[reason] += 1
        self.left.append(name)
