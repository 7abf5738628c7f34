"""`mgl` in the config: hyper-parameters and their defaults (the method itself: `pipeline.methods.mgl`)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from pipeline.config.methods.contract import Method
from pipeline.config.values import Count, Fraction, Switch


class Mgl(Method):
    """Meta graph learning (Li et al. 2020): episodes from the sources to one language, on a learned graph of instances."""

    words: ClassVar[str] = "MGL"
    training_keys: ClassVar[frozenset[str]] = Method.training_keys - {"head"}  # the graph is its head
    method: Literal["mgl"] = Field(default="mgl", description="the method")
    meta_train: Switch = Field(
        default=True,
        description="first episodes in which each source in turn is the pseudo-target; `no`: the paper's ablation w/o Meta",
    )
    l2clt: Switch = Field(
        default=True,
        description="learn to transfer across languages: the support is of the other languages; `no`: of the query's own, the "
        "paper's ablation w/o L2CLT",
    )
    length_scale: Switch = Field(
        default=True, description="learn a length scale σ for each instance; `no`: the paper's ablation w/o σ"
    )
    layers: Count = Field(default=2, description="layers of the graph convolution")
    neighbours: Count = Field(
        default=10, description="edges K that each node keeps, the one to itself counted; all, where a graph is smaller"
    )
    distance: Literal["squared", "mean_squared"] = Field(
        default="squared",
        description="`squared`: Euclidean distance, as the paper; `mean_squared`: divided by the width, so that edges remain "
        "(docs/mgl.md)",
    )
    support_size: Count = Field(default=5, description="support instances N of each class of each language")
    query_size: Count = Field(default=32, description="query instances R of an episode, and of a graph in prediction")
    train_episodes: Count = Field(default=75, description="episodes of an epoch of meta-train")
    test_episodes: Count = Field(default=10, description="episodes of an epoch of meta-test")
    eval_times: Count = Field(default=5, description="support draws that a prediction is averaged over")
    dropout: Fraction = Field(
        default=0.5, description="dropout on the first layer's nodes, where there are several layers"
    )

    def held(self, batch_size: int, sources: int) -> int:
        """The support of every language, of four classes, and the query."""
        return self.support_size * 4 * (sources + 1) + self.query_size

    def built_in_training(self) -> Mapping[str, Any]:
        """The paper's (Section 6): Adam at 1e-5, gradients clipped at 40, early stopping, for which it names no patience."""
        return {
            "optimizer": "adam",
            "learning_rate": 1e-5,
            "weight_decay": 0.0,
            "warmup": 0.0,
            "schedule": "constant",
            "clip_norm": 40.0,
            "patience": 5,
        }
