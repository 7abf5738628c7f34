"""`fine_tune`: source(s) first, then target.

The first stage is a run of its own (`source_only`), so all targets share it; this is the second: it starts from the parent's
weights, head included, and trains on the target's examples, the epoch chosen on target dev.
"""

from collections.abc import Sequence

from pipeline.methods.contract import Method, Phase, Setting
from pipeline.methods.parts.supervised import one_loss, one_phase


def phases(setting: Setting) -> Sequence[Phase]:
    """One phase over the target's training examples."""
    return one_phase(setting, setting.target_pools(), setting.dev_pools(setting.targets))


def build() -> Method:
    """Return the method."""
    return Method(phases, one_loss)
