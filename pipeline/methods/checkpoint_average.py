"""`checkpoint_average`: the sources alone, the weights averaged over the ends of all epochs (Schmidt et al. 2023).

No dev data choose an epoch, of the source or of a target: in zero-shot transfer neither tells which checkpoint is best there.
"""

import dataclasses
from collections.abc import Sequence

from pipeline.methods.contract import Method, Phase, Setting
from pipeline.methods.parts.supervised import one_loss, one_phase


def phases(setting: Setting) -> Sequence[Phase]:
    """One phase over the sources' training examples, averaged."""
    return [dataclasses.replace(phase, averaged=True) for phase in one_phase(setting, setting.source_pools(), ())]


def build() -> Method:
    """Return the method."""
    return Method(phases, one_loss)
