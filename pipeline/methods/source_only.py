"""`source_only`: the source language(s) alone, the epoch chosen on source dev.

The parent run of `zero_shot`, `few_shot` and `fine_tune` (and of every method that starts from "the English model"): trained
once per encoder, source set and seed, and shared by all of them.
"""

from collections.abc import Sequence

from pipeline.methods.contract import Method, Phase, Setting, Trainer
from pipeline.methods.parts.freezing import freeze
from pipeline.methods.parts.supervised import one_loss, one_phase


def phases(setting: Setting) -> Sequence[Phase]:
    """One phase over the sources' training examples."""
    return one_phase(setting, setting.source_pools(), setting.dev_pools(setting.sources, source=True))


def build(*, freeze_embeddings: bool) -> Method:
    """Return the method, the embeddings kept as pretrained or not."""

    def setup(trainer: Trainer) -> None:
        if freeze_embeddings:
            freeze(trainer, 0)

    return Method(phases, one_loss, setup)
