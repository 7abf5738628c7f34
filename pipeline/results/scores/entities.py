"""Entities of whole columns of tags: `ner_score.sentence_outcomes` of every sentence, without a step for each.

An entity is known by where it starts, so gold and predicted ones are compared word by word: `tags` says of each word whether an
entity starts there, where that ends, of which type it is, and whether a `B-` opened it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pipeline.results.scores.columns import numbers
from pipeline.tasks.ner_score import ALL, SCHEMES, parse_tag

AT_ONCE = 16_384
"""Sentences whose counts are held at once."""

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Words(NamedTuple):
    """What starts at each of W words: whether any entity does, its end, its type, and whether a `B-` opened it; each (W,)."""

    start: Bools
    end: Ints
    kind: Ints
    opened: Bools

    def of(self, span: slice) -> "Words":
        """Return what starts at some of the words."""
        return Words(self.start[span], self.end[span], self.kind[span], self.opened[span])


class Found(NamedTuple):
    """Counts of R rows: the number of the sentence, scheme, type, each (R,), and tp, fp, fn, (R, 3).

    A sentence has a row for both schemes of type `ALL`, and for other types where gold or prediction has one.
    """

    sentence: Ints
    scheme: list[str]
    kind: list[str]
    counts: NDArray[np.int32]


def count_entities(gold: pa.ListArray, predicted: pa.ListArray) -> Found | None:
    """Count the entities that were found, invented and missed, in the order of the sentences.

    Args:
        gold: IOB2 tags of S sentences.
        predicted: the same.

    Returns:
        The counts; `None` where a sentence's tags are missing, or differ in number.

    Raises:
        UserError: a tag is not IOB2.
    """
    if any(tags.null_count or tags.values.null_count for tags in (gold, predicted)):
        return None
    lengths, others = (numbers(pc.list_value_length(tags)) for tags in (gold, predicted))
    if not np.array_equal(lengths, others):
        return None
    columns = [tags.flatten().dictionary_encode() for tags in (gold, predicted)]
    kinds = sorted({kind for column in columns for tag in column.dictionary.to_pylist() if (kind := parse_tag(tag)[1])})
    first = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)  # (S + 1,)
    ours, theirs = (words(column, kinds, first) for column in columns)
    parts = [_counted(ours, theirs, first, slice(at, at + AT_ONCE), len(kinds)) for at in range(0, len(gold), AT_ONCE)]
    places = np.concatenate([place for place, _ in parts] or [np.zeros((0, 3), np.int64)])  # (R, 3)
    counts = np.concatenate([count for _, count in parts] or [np.zeros((0, 3), np.int32)])
    names = [ALL, *kinds]
    return Found(places[:, 0], [SCHEMES[i] for i in places[:, 1]], [names[i] for i in places[:, 2]], counts)


def words(tags: pa.DictionaryArray, kinds: Sequence[str], first: Ints) -> Words:
    """Return what starts at each word, by the lenient reading.

    Args:
        tags: of all sentences, one after the other.
        kinds: all types; they are numbered by their place.
        first: where each sentence starts, and where the last one ends.
    """
    parsed = [parse_tag(tag) for tag in tags.dictionary.to_pylist()]
    places = {kind: place for place, kind in enumerate(kinds)}
    codes = numbers(tags.indices)
    kind = np.array([places.get(kind, -1) for _, kind in parsed] or [-1])[codes]
    begins = np.array([prefix == "B" for prefix, _ in parsed] or [False])[codes]
    fresh = np.zeros(len(codes) + 1, dtype=bool)
    fresh[first] = True
    before = np.concatenate([[-1], kind[:-1]])[: len(kind)]
    start = (kind >= 0) & (begins | fresh[:-1] | (kind != before))
    ends = np.append(np.flatnonzero(start | fresh[:-1] | (kind < 0)), len(codes))
    end = np.zeros(len(codes), dtype=np.int64)
    end[start] = ends[np.searchsorted(ends, np.flatnonzero(start), side="right")]
    return Words(start, end, kind, start & begins)


def _counted(ours: Words, theirs: Words, first: Ints, part: slice, kinds: int) -> tuple[Ints, NDArray[np.int32]]:
    """Count in a part of the sentences: numbers of sentence, scheme and type, (R, 3), and tp, fp, fn, (R, 3)."""
    bounds = first[part.start : part.stop + 1]
    span, sentences = slice(bounds[0], bounds[-1]), len(bounds) - 1
    number = np.repeat(np.arange(sentences), np.diff(bounds))
    right, said = ours.of(span), theirs.of(span)
    hits = right.start & said.start & (right.end == said.end) & (right.kind == said.kind)
    counts = np.zeros((sentences, len(SCHEMES), 1 + kinds, 3), dtype=np.int32)
    for i, (these, those) in enumerate(((right.opened, said.opened), (right.start, said.start))):
        tp, answered, true = (
            np.bincount(number[which] * kinds + side.kind[which], minlength=sentences * kinds).reshape(sentences, kinds)
            for which, side in ((hits & these & those, right), (those, said), (these, right))
        )
        counts[:, i, 1:] = np.stack([tp, answered - tp, true - tp], axis=-1)
    counts[:, :, 0] = counts[:, :, 1:].sum(2)
    there = np.asarray(counts.any(-1))
    there[:, :, 0] = True
    return np.argwhere(there) + np.array([part.start, 0, 0]), counts[there]
