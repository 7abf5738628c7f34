"""`random` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.random`)."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method


class Random(Method):
    """Labels drawn as often as the target's training examples have them: a sanity baseline; nothing is trained."""

    needs_sources: ClassVar[bool] = False
    training_keys: ClassVar[frozenset[str]] = frozenset({"max_length", "test_max_length", "precision", "batch_size"})
    method: Literal["random"] = Field(default="random", description="the method")
