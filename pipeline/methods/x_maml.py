"""`x_maml`: support and query of one auxiliary language, through the inner steps (Nooralahzadeh et al. 2020).

Starts from the source model. In each episode a batch of one auxiliary language, twice `batch_size`, is halved into support and
query; a meta step sums the gradients of all auxiliaries, as the released code does, or they take turns (`meta_batch`). In
few-shot the result is fine-tuned on the target. The step: `parts.maml`.
"""

from functools import partial

from pipeline.methods.parts.maml import build_maml

build = partial(build_maml, "x_maml", same=True, parallel=False)
"""Return the method; hyper-parameters as in `pipeline.config.methods.x_maml`."""
