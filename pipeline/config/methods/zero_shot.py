"""`zero_shot` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.zero_shot`)."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method, Split


class ZeroShot(Method):
    """The parent run as it is: no target example is seen. Of `training` only what a test needs applies."""

    words: ClassVar[str] = "zero-shot"
    has_parent: ClassVar[bool] = True
    training_keys: ClassVar[frozenset[str]] = frozenset(
        {"max_length", "test_max_length", "longest_answer", "precision", "batch_size", "head"}
    )
    method: Literal["zero_shot"] = Field(default="zero_shot", description="the method")

    @property
    def target_split(self) -> Split | None:
        """No target is seen."""
        return None
