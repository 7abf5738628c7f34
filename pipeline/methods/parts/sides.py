"""Which languages an episode of `x_maml` and `xla_maml` takes its support and its query from.

An auxiliary set A and a method's `support` and `query` give the kinds of episodes; a side's languages are put together
(XLA-MAML, Algorithm 1: S ⊂ ∪ D_l). What the config leaves out (`null`) is filled as the papers have it:

    same      x_maml: for each a in A, support and query from a
    toward    xla_maml, zero-shot, one auxiliary: support from the sources, query from a
    each way  xla_maml, zero-shot, several: for each ordered pair a ≠ b in A, support from a, query from b
    from target  xla_maml, few-shot: support from the target, query from A

Nothing here imports PyTorch: the rules ask it which files a run reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

Role = Literal["source", "auxiliary", "target"]
ROLES: tuple[Role, ...] = ("source", "auxiliary", "target")
"""Words that stand for languages of the run."""


@dataclass(frozen=True, order=True)
class Origin:
    """A language, and whether its examples are the sources' (of their own dataset, where they have one)."""

    language: str
    source: bool = False


@dataclass(frozen=True)
class Episode:
    """The languages of one kind of episode; where both sides are one language, they share its batches."""

    support: tuple[Origin, ...]
    query: tuple[Origin, ...]


def episodes(
    support: Sequence[str] | None,
    query: Sequence[str] | None,
    same: bool,
    few_shot: bool,
    sources: Sequence[str],
    auxiliary: Sequence[str],
    targets: Sequence[str],
) -> tuple[Episode, ...]:
    """Return a run's kinds of episodes, in the order in which training walks them.

    Args:
        support: roles and languages of the support side; `None` for the paper's.
        query: the same of the query side.
        same: whether support and query are of one language where both are left open.
        few_shot: whether the target's examples may be used.
        sources: the run's source languages.
        auxiliary: its auxiliary languages.
        targets: its target languages; empty where all are tested zero-shot.
    """
    languages = {
        "source": tuple(Origin(language, source=True) for language in sources),
        "auxiliary": tuple(map(Origin, auxiliary)),
        "target": tuple(map(Origin, targets)),
    }
    if support is None and query is None:
        own = languages["auxiliary"]
        if same:
            return tuple(Episode((a,), (a,)) for a in own)
        if not few_shot and len(own) > 1:
            return tuple(Episode((a,), (b,)) for a, b in permutations(own, 2))
    given = support if support is not None else ["target" if few_shot else "source"]
    wanted = query if query is not None else ["auxiliary"]
    sides = [
        tuple(dict.fromkeys(o for word in words for o in languages.get(word, (Origin(word),))))
        for words in (given, wanted)
    ]
    return (Episode(sides[0], sides[1]),)


def origins(found: Sequence[Episode]) -> tuple[Origin, ...]:
    """Return every language that episodes take examples from, each once."""
    return tuple(dict.fromkeys(o for episode in found for side in (episode.support, episode.query) for o in side))


def query_languages(found: Sequence[Episode]) -> int:
    """Return how many languages the meta step sees: the papers count iterations for each."""
    return len({origin for episode in found for origin in episode.query})
