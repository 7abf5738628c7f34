"""`reptile_fine_tune`: Reptile over the sources from the encoder as it is, then fine-tuning on the target (Dou et al. 2019).

Each source language is a task; the sources take turns (`pipeline.methods.reptile`). The model that comes of it is trained on with
the target's examples, the epoch chosen on target dev: the "Reptile" that MGL is compared with (Li et al. 2020, Section 4.2).
"""

from collections.abc import Sequence

from torch import Tensor

from pipeline.methods.contract import Draw, Method, Phase, Setting, Stream, Trainer
from pipeline.methods.parts.episodes import stretches
from pipeline.methods.parts.supervised import one_loss, one_phase
from pipeline.methods.reptile import reptile_step


def build(*, inner_steps: int, epsilon: float, iterations: int) -> Method:
    """Return the method.

    Args:
        inner_steps: k.
        epsilon: ε.
        iterations: meta-iterations per source language, each of k inner steps.
    """

    def phases(setting: Setting) -> Sequence[Phase]:
        pools = setting.source_pools()
        streams = {f"language{i}": Stream((pool,), setting.batch_size) for i, pool in enumerate(pools)}
        steps, times = stretches(iterations * len(pools))
        meta = Phase("meta", streams, steps * inner_steps, times)
        return [meta, *one_phase(setting, setting.target_pools(), setting.dev_pools(setting.targets))]

    def step(trainer: Trainer, draw: Draw) -> dict[str, Tensor]:
        """An inner step of Reptile, or, later, a step on the target."""
        if trainer.phase.name == "meta":
            return reptile_step(trainer, draw, inner_steps, epsilon)
        return one_loss(trainer, draw)

    return Method(phases, step)
