"""What the sanity baselines have in common in the config: they count training labels and train nothing."""

from typing import ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method, Split


class Counted(Method):
    """A baseline of label frequencies. Of `training` only what a test needs applies."""

    training_keys: ClassVar[frozenset[str]] = frozenset(
        {"max_length", "test_max_length", "longest_answer", "precision", "batch_size"}
    )
    of: Literal["target", "source"] = Field(
        default="target",
        description="whose training examples are counted: the target's, `target_size` of them, or the `source`s', for targets "
        "without any",
    )

    @property
    def uses_sources(self) -> bool:
        """Only where the sources' examples are counted."""
        return self.of == "source"

    @property
    def target_split(self) -> Split | None:
        """No label of the target is seen where the sources' are counted."""
        return "train" if self.of == "target" else None
