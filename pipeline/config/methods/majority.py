"""`majority` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.majority`)."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method


class Majority(Method):
    """The most frequent label of the target's training examples for everything: a sanity baseline; nothing is trained."""

    needs_sources: ClassVar[bool] = False
    training_keys: ClassVar[frozenset[str]] = frozenset({"max_length", "test_max_length", "precision", "batch_size"})
    method: Literal["majority"] = Field(default="majority", description="the method")
