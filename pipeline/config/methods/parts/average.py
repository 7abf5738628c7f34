"""What the methods that average over several runs of another method have in common in the config."""

from typing import Any, ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method, Split
from pipeline.config.values import Name

TESTED = frozenset({"max_length", "test_max_length", "longest_answer", "precision", "batch_size", "head"})
"""Training settings that a run without training still feels; an average has its members'."""


class Average(Method):
    """One model, or one set of predictions, made of several runs of another method; nothing is trained."""

    needs_sources: ClassVar[bool] = False  # what its members need is asked of their method
    training_keys: ClassVar[frozenset[str]] = frozenset()

    of: Name | None = Field(
        default=None,
        description="the method or variant whose runs are averaged; it need not be listed in the experiment",
        examples=["joint"],
    )
    average_over: Literal["seeds", "sources", "both"] = Field(
        default="seeds",
        description="in what the runs of one average differ: in their model seed (`seeds`), in their source set (`sources`), or "
        "in either (`both`)",
    )

    @property
    def target_split(self) -> Split | None:
        """It trains on nothing itself."""
        return None

    def hyper_parameters(self) -> dict[str, Any]:
        """Over what is averaged; of what, its members' names say."""
        return {"average_over": self.average_over}

    @property
    def over_seeds(self) -> bool:
        """Whether one average stands for all model seeds."""
        return self.average_over != "sources"

    @property
    def over_sources(self) -> bool:
        """Whether one average stands for all source sets."""
        return self.average_over != "seeds"
