"""`reptile` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.reptile`)."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.parts.auxiliary import UNCHOSEN, Auxiliary
from pipeline.config.values import Count, Share


class Reptile(Auxiliary):
    """Reptile (Nichol et al. 2018): some steps on one auxiliary language, then back most of the way."""

    words: ClassVar[str] = "Reptile"
    training_keys: ClassVar[frozenset[str]] = UNCHOSEN - {"epochs"}
    streams: ClassVar[int] = 1
    method: Literal["reptile"] = Field(default="reptile", description="the method")
    inner_steps: Count = Field(default=5, description="steps k on one language, by the run's own optimiser")
    epsilon: Share = Field(default=0.1, gt=0, description="the part ε of the way that is kept")
    iterations: Count = Field(default=500, description="meta-iterations for each auxiliary language")
