"""`few_shot`: the source model fine-tuned one epoch on the target's dev data (XLA-MAML, Section 4; Nooralahzadeh et al. 2020).

Dev data are spent on training here, so no epoch can be chosen on them: the last one is taken.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from pipeline.methods.contract import Method, Phase, Setting
from pipeline.methods.parts.supervised import one_loss, one_phase


def phases_on(split: Literal["dev", "train"]) -> Callable[[Setting], Sequence[Phase]]:
    """Return the phases for training on the target's `split`; sizes are the run's `dev_size` or `target_size`."""

    def phases(setting: Setting) -> Sequence[Phase]:
        return one_phase(setting, setting.pools(setting.targets, split), setting.dev_pools(setting.targets))

    return phases


def build(*, split: Literal["dev", "train"]) -> Method:
    """Return the method, trained on the target's `split`."""
    return Method(phases_on(split), one_loss)
