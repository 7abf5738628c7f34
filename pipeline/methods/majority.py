"""`majority`: the most frequent class of the training examples, whatever is asked; of `ner` the most frequent tag of a word.

What any method must beat, and what accuracy is worth where classes are uneven. Of classes that are equally frequent the first in
the label set is taken. Almost every word is outside of entities, so of `ner` no entity is found and F1 is 0.
"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor

from pipeline.methods.contract import Method, Trainer
from pipeline.methods.parts.counting import counting, log_frequencies


def logits(trainer: Trainer, shape: Sequence[int]) -> Tensor:
    """Return the logarithm of the classes' shares, whose largest is the most frequent's, for everything alike."""
    return log_frequencies(trainer).expand(*shape)


def build(*, of: Literal["target", "source"]) -> Method:
    """Return the method; `of`: whose training examples are counted."""
    return counting(of, logits)
