"""`xla_maml`: support and query of different languages, so that the inner steps cross a border (Liu et al., Algorithm 1).

Starts from the source model. Zero-shot: support from the sources' dev data, query from one auxiliary's; of several auxiliaries
each is support to each other's query in turn. Few-shot: support from the target, query from the auxiliaries; then the result is
fine-tuned on the target for an epoch. `support` and `query` choose other languages. The step: `parts.maml`.
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
    parallel: bool = False,
    inner_lr: float = 1e-5,
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
        same=False,
        split=split,
        sampling=sampling,
        parallel=parallel,
        inner_lr=inner_lr,
        inner_steps=inner_steps,
        first_order=first_order,
        iterations=iterations,
        fine_tune_epochs=fine_tune_epochs,
        fine_tune_lr=fine_tune_lr,
        way=way,
    )
    return build_maml("xla_maml", options)
