"""`language_adversarial` in the config: hyper-parameters and their defaults.

The method itself is `pipeline.methods.language_adversarial`.
"""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method
from pipeline.config.values import Positive, Switch


class LanguageAdversarial(Method):
    """Training on source and target together, so that no discriminator can tell the language (Chen et al. 2018)."""

    words: ClassVar[str] = "language-adversarial"
    method: Literal["language_adversarial"] = Field(default="language_adversarial", description="the method")
    weight: Positive = Field(
        default=0.1, description="weight λ of the reversed gradient at the end; it rises from 0 (Ganin et al. 2016)"
    )
    target_labels: Switch = Field(
        default=True, description="`no`: the target's texts alone are read, and its labels are not, as in the paper"
    )
