"""`joint`: source and target together (MetaXL's "JT", MGL's "Mix").

`batches="balanced"`, MetaXL's released recipe: each step takes one source batch and one equally large target batch and averages
the two losses, ½ (L_s + L_t), so the few target examples are heavily oversampled; an epoch is one pass over the source.
`batches="concatenated"`, MGL's: one shuffled concatenation, every example once per epoch.
"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from pipeline.methods.contract import Draw, Method, Phase, Setting, Stream, Trainer
from pipeline.methods.parts.supervised import one_loss, one_phase


def balanced_phases(setting: Setting) -> Sequence[Phase]:
    """One phase with a source and a target stream of the same batch size."""
    streams = {
        "source": Stream(setting.source_pools(), setting.batch_size),
        "target": Stream(setting.target_pools(), setting.batch_size),
    }
    return [Phase("train", streams, "source", setting.epochs, setting.dev_pools(setting.targets), setting.patience)]


def balanced_losses(trainer: Trainer, draw: Draw, source_path: nn.Module | None = None) -> tuple[Tensor, Tensor]:
    """Return L_s and L_t of one batch each; the source's goes through `source_path` where there is one, not the model."""
    return trainer.loss(draw("source"), module=source_path), trainer.loss(draw("target"))


def logged(loss: Tensor, source_loss: Tensor, target_loss: Tensor) -> dict[str, Tensor]:
    """Return what a step logs: what it descended, then the parts."""
    return {"loss": loss.detach(), "source_loss": source_loss.detach(), "target_loss": target_loss.detach()}


def balanced_step(trainer: Trainer, draw: Draw, source_path: nn.Module | None = None) -> dict[str, Tensor]:
    """Descend ½ (L_s + L_t); the source batch goes through `source_path` where there is one, in the model's place."""
    source_loss, target_loss = balanced_losses(trainer, draw, source_path)
    loss = (source_loss + target_loss) / 2
    trainer.optimise(loss)
    return logged(loss, source_loss, target_loss)


def concatenated_phases(setting: Setting) -> Sequence[Phase]:
    """One phase over all examples of all languages."""
    return one_phase(setting, setting.source_pools() + setting.target_pools(), setting.dev_pools(setting.targets))


def build(*, batches: Literal["balanced", "concatenated"]) -> Method:
    """Return the method with `batches` formed one way or the other."""
    if batches == "concatenated":
        return Method(concatenated_phases, one_loss)
    return Method(balanced_phases, balanced_step)
