"""`mgl`: meta graph learning (Li et al. 2020, Section 4.3).

An episode is a cross-lingual task {ℓ_1, …, ℓ_M} → ℓ: N support instances of every class of each of the M languages, R query
instances of ℓ. All are nodes of one graph (`parts.meta_graph`); the loss is the cross-entropy of the query's nodes, summed over
them (Eq. 6), and encoder and graph are trained together. The norm that gradients are clipped at is that of the sum's gradient;
the loss that is logged is the mean, so that it does not grow with R.

    meta-train   each source in turn is the pseudo-target, the other sources are the support's languages
    meta-test    all sources → the target

Both stages stop early on dev data, of the sources and of the target. A test query is scored with support drawn from the training
data, `eval_times` times, and the probabilities are averaged. A graph joins R queries, in the order of the file, as in training.

The paper's ablations: `meta_train=False` ("w/o Meta"), `l2clt=False` ("w/o L2CLT": support and query are of one language, each
source's own in meta-train, the target's in meta-test), `length_scale=False` ("w/o σ"), `layers`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.methods.contract import Batch, Draw, Method, Phase, Pool, Setting, Stream, Trainer
from pipeline.methods.parts.meta_graph import Distance, MetaGraph
from pipeline.tasks.examples import labelled
from pipeline.tasks.model import hidden_states
from pipeline.tasks.transfer import sent

META_TRAIN = "meta_train"


def represent(model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
    """Return H: the start token's last hidden state (B, d) of every example of a batch."""
    return hidden_states(model, batch)[:, 0]


def represent_in_parts(trainer: Trainer, batch: Batch) -> Tensor:
    """Return the same of a batch whose parts go through the model in turn (`training.micro_batch`)."""
    parts = [trainer.recomputed(represent, trainer.model, part) for part, _ in trainer.parts(batch)]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


class Episode(nn.Module):
    """The query's class scores (R, C) in the graph of a support batch and itself; parameters of θ are `model.…`.

    The graph sees all nodes at once, so of a batch in parts what is kept is the nodes, and each part goes through the encoder
    once more for its gradient.
    """

    def __init__(self, trainer: Trainer, support: Batch) -> None:
        super().__init__()
        self.model, self.graph, self.support = trainer.model, graph_of(trainer), support
        self.trainer = trainer

    def forward(self, query: Batch) -> Tensor:
        """Return the scores of the query."""
        nodes = torch.cat([represent_in_parts(self.trainer, batch) for batch in (self.support, query)])
        scores: Tensor = self.graph(nodes)[len(self.support["row"]) :]
        return scores


def build(
    *,
    meta_train: bool,
    l2clt: bool,
    length_scale: bool,
    layers: int,
    neighbours: int,
    distance: Distance,
    support_size: int,
    query_size: int,
    train_episodes: int,
    test_episodes: int,
    eval_times: int,
    dropout: float,
) -> Method:
    """Return the method; arguments as in `pipeline.config.methods.mgl.Mgl`."""

    def setup(trainer: Trainer) -> None:
        """Make the graph once; the second stage goes on with it."""
        if "graph" not in trainer.modules:
            encoder: Any = trainer.model.encoder
            options = (layers, neighbours, length_scale, distance, dropout)
            made = MetaGraph(encoder.config.hidden_size, len(trainer.labels), *options, trainer.generator)
            trainer.own("graph", made)

    def predict(trainer: Trainer, batches: Iterable[Batch], draw: Draw) -> Iterator[Tensor]:
        """Yield the logarithms of the mean probabilities; every query is encoded once, every support batch once."""
        encoded = [(represent(trainer.model, batch).float(), batch["row"], batch["language"]) for batch in batches]
        order = torch.cat([rows for _, rows, _ in encoded]).argsort()
        queries = torch.cat([nodes for nodes, _, _ in encoded])
        queries = queries[sent(order, queries.device)]
        name = support_of(trainer, int(encoded[0][2][0]))
        supports = [represent_in_parts(trainer, draw(name)).float() for _ in range(eval_times)]
        scores = mean_scores(graph_of(trainer), supports, queries, query_size)[sent(order.argsort(), queries.device)]
        yield from torch.split(scores, [len(rows) for _, rows, _ in encoded])

    phases = phases_with(meta_train, l2clt, support_size, query_size, train_episodes, test_episodes)
    return Method(phases, step, setup, predict, keeps=("graph",))


def phases_with(
    meta_train: bool, l2clt: bool, support_size: int, query_size: int, train_episodes: int, test_episodes: int
) -> Callable[[Setting], Sequence[Phase]]:
    """Return the phases: meta-train, where it is wanted, and meta-test."""

    def streams(name: str, support: tuple[Pool, ...], query: Pool) -> dict[str, Stream]:
        """The two streams of one kind of episode; where both are of one language, no instance is on both sides."""
        return {
            f"support{name}": Stream(support if l2clt else (query,), support_size, sampling="per_class"),
            f"query{name}": Stream(
                (query,), query_size, sampling="random", excluding=None if l2clt else f"support{name}"
            ),
        }

    def phases(setting: Setting) -> Sequence[Phase]:
        sources, (target,) = setting.source_pools(), setting.target_pools()
        training: dict[str, Stream] = {}
        for i, pool in enumerate(sources):
            training |= streams(f"_{i}", tuple(other for other in sources if other != pool), pool)
        stages = [
            (META_TRAIN, training, train_episodes, setting.dev_pools(setting.sources, source=True)),
            ("meta_test", streams("", sources, target), test_episodes, setting.dev_pools(setting.targets)),
        ]
        return [
            Phase(name, of_stage, episodes, setting.epochs, dev, setting.patience)
            for name, of_stage, episodes, dev in stages[0 if meta_train else 1 :]
        ]

    return phases


def step(trainer: Trainer, draw: Draw) -> dict[str, Tensor]:
    """One episode, a step on the sum of Equation 6; in meta-train the pseudo-targets take turns. The mean is logged."""
    kinds = len(trainer.phase.streams) // 2
    name = f"_{trainer.step_number % kinds}" if trainer.phase.name == META_TRAIN else ""
    support, query = draw(f"support{name}"), draw(f"query{name}")
    mean = trainer.loss(query, module=Episode(trainer, support), whole=True)
    trainer.optimise(mean * labelled(query))
    return {"loss": mean.detach()}


def graph_of(trainer: Trainer) -> MetaGraph:
    """Return the run's graph."""
    graph = trainer.modules["graph"]
    assert isinstance(graph, MetaGraph)
    return graph


def support_of(trainer: Trainer, language: int) -> str:
    """Return the name of the support stream for queries of a language: in meta-train, of the episodes it is the query of."""
    if trainer.phase.name != META_TRAIN:
        return "support"
    names = [name for name in trainer.phase.streams if name.startswith("query")]
    of = {trainer.languages.index(trainer.phase.streams[name].pools[0].language): name for name in names}
    return of[language].replace("query", "support")


def mean_scores(graph: MetaGraph, supports: Sequence[Tensor], queries: Tensor, size: int) -> Tensor:
    """Return the log of the class probabilities (Q, C), averaged over supports, of queries in graphs of `size` each.

    Args:
        graph: in evaluation mode.
        supports: representations (S, d) of each draw.
        queries: representations (Q, d).
        size: R; the last graph is filled up with the queries before it, whose scores in it are not taken.
    """
    starts = [min(start, max(len(queries) - size, 0)) for start in range(0, len(queries), size)]
    total = torch.zeros((), device=queries.device)
    for support in supports:
        parts = [graph(torch.cat([support, queries[start : start + size]]))[len(support) :] for start in starts]
        parts[-1] = parts[-1][(len(starts) - 1) * size - starts[-1] :]
        total = total + torch.cat(parts).softmax(-1)
    return (total / len(supports)).log()
