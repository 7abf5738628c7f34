"""`auxiliary_tune`: the source model trained on with the auxiliaries, then tested on languages it has seen no label of.

What X-MAML, XLA-MAML and the meta-optimizer see, without their meta-learning: their control, and soft layer selection's
"fine-tuning baseline" (Xu et al. 2021, Section 3.1), which keeps the embeddings fixed (`freeze_embeddings`).
"""

from collections.abc import Sequence
from typing import Literal

from pipeline.methods.contract import Method, Phase, Setting, Trainer
from pipeline.methods.parts.freezing import freeze
from pipeline.methods.parts.supervised import one_loss, one_phase


def build(*, split: Literal["dev", "train"], freeze_embeddings: bool) -> Method:
    """Return the method, trained on the auxiliaries' `split`."""

    def phases(setting: Setting) -> Sequence[Phase]:
        return one_phase(setting, setting.auxiliary_pools(split), ())

    def setup(trainer: Trainer) -> None:
        if freeze_embeddings:
            freeze(trainer, 0)

    return Method(phases, one_loss, setup)
