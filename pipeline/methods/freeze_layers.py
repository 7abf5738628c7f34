"""`freeze_layers`: the sources alone, the embeddings and the bottom k layers kept as pretrained (Wu and Dredze 2019).

What a multilingual encoder knows of all languages lies in its lower layers; training on one language may spoil it. The epoch, and
with a grid the k, is chosen on the sources' dev data, so that no label of a target is seen; or on each target's (`choose_on`).
"""

from collections.abc import Sequence
from typing import Literal

from pipeline.common.errors import UserError
from pipeline.methods.contract import Method, Phase, Setting, Trainer
from pipeline.methods.parts.freezing import depth_of, freeze
from pipeline.methods.parts.supervised import one_loss, one_phase


def build(*, frozen_layers: int, choose_on: Literal["source", "target"]) -> Method:
    """Return the method with the embeddings and `frozen_layers` layers frozen."""

    def phases(setting: Setting) -> Sequence[Phase]:
        own = choose_on == "target"
        dev = setting.dev_pools(setting.targets if own else setting.sources, source=not own)
        return one_phase(setting, setting.source_pools(), dev)

    def setup(trainer: Trainer) -> None:
        depth = depth_of(trainer.model)
        if frozen_layers > depth:
            raise UserError(
                f"method freeze_layers: frozen_layers is {frozen_layers}, and the encoder has {depth} layers; "
                f"expected 0 to {depth}"
            )
        freeze(trainer, frozen_layers)

    return Method(phases, one_loss, setup)
