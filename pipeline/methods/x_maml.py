"""`x_maml`: support and query of one auxiliary language, through the inner steps (Nooralahzadeh et al. 2020).

Starts from the source model. In each episode a batch of one auxiliary language, twice `batch_size`, is halved into support and
query; several auxiliaries take turns. In few-shot the result is fine-tuned on the target. The step: `parts.maml`.
"""

from collections.abc import Sequence
from typing import Literal

from pipeline.methods.contract import Method
from pipeline.methods.parts.maml import Options, build_maml


def build(
    setting: Literal["zero_shot", "few_shot"] = "zero_shot",
    support: Sequence[str] | None = None,
    query: Sequence[str] | None = None,
    split: Literal["dev", "train"] = "dev",
    sampling: Literal["covering", "random"] = "covering",
    inner_lr: float = 1e-4,
    inner_steps: int = 1,
    first_order: bool = False,
    iterations: int = 500,
    fine_tune_epochs: int = 1,
    fine_tune_lr: float | None = None,
    way: Literal["auto", "fast", "lean"] = "auto",
) -> Method:
    """Return the method; arguments as in `pipeline.config.methods.meta_optimizer.Episodic`."""
    options = Options(
        setting=setting,
        support=support,
        query=query,
        same=True,
        split=split,
        sampling=sampling,
        parallel=False,
        inner_lr=inner_lr,
        inner_steps=inner_steps,
        first_order=first_order,
        iterations=iterations,
        fine_tune_epochs=fine_tune_epochs,
        fine_tune_lr=fine_tune_lr,
        way=way,
    )
    return build_maml("x_maml", options)
