"""What the methods that learn from episodes of auxiliary languages share: streams of support and query, and their stretches.

In episode kind i (`parts.sides`) a step draws `support<i>` and `query<i>`; where both sides are of the same languages
it draws `both<i>`, twice as large, and halves it, so that no example is on both sides: a question that has several rows, its
windows, is on one of them whole.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch

from pipeline.common.errors import UserError
from pipeline.methods.contract import Batch, Draw, Pool, Setting, Stream, Trainer
from pipeline.methods.parts.sides import Episode, Origin
from pipeline.tasks.transfer import rows_of

STRETCH = 100
"""Steps after which the loop logs and may save, as after an epoch; about as many."""

SHORTEST = 20

TRIES = 1000
"""Batches without two examples after which a stream is taken to have no other."""


def stretches(steps: int) -> tuple[int, int]:
    """Divide steps into equal stretches: the steps of one, the divisor nearest to `STRETCH` by ratio, and their number.

    None is shorter than `SHORTEST` steps, unless all are fewer: a prime number of steps is one stretch.
    """
    divisors = [d for d in range(min(steps, SHORTEST), steps + 1) if steps % d == 0]
    nearest = min(divisors, key=lambda d: abs(math.log(d / STRETCH)))
    return nearest, steps // nearest


def pools_of(setting: Setting, side: Sequence[Origin], split: Literal["dev", "train"]) -> tuple[Pool, ...]:
    """Return the examples that a side draws from: a target's by the target's size, all others by the auxiliaries'."""
    found: list[Pool] = []
    for origin in side:
        if origin.language in setting.targets and not origin.source:
            found += setting.pools([origin.language], split)
        else:
            found.append(Pool(origin.language, split, setting.auxiliary_size, origin.source))
    return tuple(found)


def episode_streams(
    setting: Setting,
    episodes: Sequence[Episode],
    split: Literal["dev", "train"],
    sampling: Literal["covering", "random"],
    parallel: bool,
) -> dict[str, Stream]:
    """Return the streams of all kinds of episodes.

    With `parallel` the support is the query's rows in the other language, found by their ids.
    """
    streams: dict[str, Stream] = {}
    for number, episode in enumerate(episodes):
        query = pools_of(setting, episode.query, split)
        if set(episode.support) == set(episode.query):
            streams[f"both{number}"] = Stream(query, 2 * setting.batch_size, sampling, whole=True, sides=2)
            continue
        support = pools_of(setting, episode.support, split)
        pair = f"query{number}" if parallel else None
        streams[f"query{number}"] = Stream(query, setting.batch_size, sampling, whole=True)
        streams[f"support{number}"] = Stream(
            support, setting.batch_size, sampling, paired_with=pair, whole=not parallel
        )
    return streams


def draw_episode(trainer: Trainer, draw: Draw, number: int) -> tuple[Batch, Batch]:
    """Draw the support and the query of an episode of kind `number`.

    Raises:
        UserError: both are halves of one batch, and none of the stream's batches can be halved.
    """
    if f"both{number}" in trainer.phase.streams:
        return halves(draw_divisible(draw, f"both{number}"), trainer.generator)
    query = draw(f"query{number}")  # first: a paired support follows it
    return draw(f"support{number}"), query


def draw_divisible(draw: Draw, stream: str) -> Batch:
    """Draw a batch of two examples or more: the last of a pass may have one, and so may one of a question's many windows.

    Raises:
        UserError: no batch of `TRIES` has two.
    """
    for _ in range(TRIES):
        batch = draw(stream)
        if len(set(batch["example"].tolist())) > 1:
            return batch
    raise UserError(
        f"none of {TRIES:,} batches can be halved, as each holds the windows of one question alone (stream {stream!r}); give "
        "the language more questions, or set a larger training.batch_size"
    )


def halves(batch: Batch, generator: torch.Generator) -> tuple[Batch, Batch]:
    """Split a batch of B rows at random into ⌊B/2⌋ and ⌈B/2⌉ rows; neither is empty where there are two examples.

    Rows of one example stay together; where examples have several, the first half is as near to B/2 rows as it can be in
    the random order of the examples, and of two such the smaller.
    """
    found, counts = np.unique(batch["example"].numpy(), return_counts=True)
    examples, sizes = torch.from_numpy(found), torch.from_numpy(counts)
    order = torch.randperm(len(examples), generator=generator)
    filled = sizes[order].cumsum(0)[:-1]  # the first half's rows if it ended with each example in turn
    end = int((2 * filled - len(batch["row"])).abs().argmin()) + 1
    first = torch.isin(batch["example"], examples[order[:end]])
    chosen, others = (torch.from_numpy(np.flatnonzero(side)) for side in (first.numpy(), ~first.numpy()))
    return rows_of(batch, chosen), rows_of(batch, others)


def check_inner_rate(method: str, inner_lr: float) -> None:
    """An inner step of no length is none.

    Raises:
        UserError: `inner_lr` is not positive.
    """
    if inner_lr <= 0:
        raise UserError(f"method {method}: inner_lr is {inner_lr}; expected more than 0")
