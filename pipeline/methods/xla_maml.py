"""`xla_maml`: support and query of different languages, so that the inner steps cross a border (Liu et al., Algorithm 1).

Starts from the source model. Zero-shot: support from the sources' dev data, query from one auxiliary's; of several auxiliaries
each is support to each other's query, in turn or in every meta step (`meta_batch`). Few-shot: support from the target, query
from the auxiliaries; then the result is fine-tuned on the target. `support` and `query` choose others. The step: `parts.maml`.
"""

from functools import partial

from pipeline.methods.parts.maml import build_maml

build = partial(build_maml, "xla_maml", same=False)
"""Return the method; hyper-parameters as in `pipeline.config.methods.xla_maml`."""
