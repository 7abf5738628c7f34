"""What the methods that average over several runs of another method share: they train nothing."""

from typing import Literal

from pipeline.methods.contract import Method
from pipeline.methods.parts.supervised import no_step

Over = Literal["seeds", "sources", "both"]
"""In what the runs of one average differ: in their model seed, in their source set, or in either."""


def untrained(average_over: Over) -> Method:
    """Return a method of no phase; over what is averaged has chosen its members and says nothing more."""
    del average_over
    return Method(lambda setting: [], no_step)
