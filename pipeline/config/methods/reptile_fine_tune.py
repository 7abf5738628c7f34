"""`reptile_fine_tune` in the config: hyper-parameters and their defaults.

The method itself is `pipeline.methods.reptile_fine_tune`.
"""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method
from pipeline.config.values import Count, Share


class ReptileFineTune(Method):
    """Reptile over the sources, then training on the target (Dou et al. 2019; the Reptile that MGL is compared with)."""

    words: ClassVar[str] = "Reptile + fine-tune"
    streams: ClassVar[int] = 1
    method: Literal["reptile_fine_tune"] = Field(default="reptile_fine_tune", description="the method")
    inner_steps: Count = Field(default=5, description="steps k on one language, by the run's own optimiser")
    epsilon: Share = Field(default=0.1, gt=0, description="the part ε of the way that is kept")
    iterations: Count = Field(default=500, description="meta-iterations for each source language")
