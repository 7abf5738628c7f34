"""`target_only`: the few target examples and nothing else; the floor every transfer method must beat."""

from collections.abc import Sequence

from pipeline.methods.contract import Method, Phase, Setting
from pipeline.methods.parts.supervised import one_loss, one_phase


def phases(setting: Setting) -> Sequence[Phase]:
    """One phase over the target's training examples, the epoch chosen on target dev."""
    return one_phase(setting, setting.target_pools(), setting.dev_pools(setting.targets))


def build() -> Method:
    """Return the method."""
    return Method(phases, one_loss)
