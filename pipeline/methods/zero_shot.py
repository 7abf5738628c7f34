"""`zero_shot`: the source model scored on a target it has seen no label of; nothing is trained here."""

from collections.abc import Sequence

from pipeline.methods.contract import Method, Phase, Setting
from pipeline.methods.parts.supervised import no_step


def phases(setting: Setting) -> Sequence[Phase]:
    """No phase: the parent's weights are evaluated as they are."""
    return []


def build() -> Method:
    """Return the method."""
    return Method(phases, no_step)
