"""The score of named-entity recognition: entities of a sentence, its tp/fp/fn, and precision, recall and F1.

Two readings of a tag sequence, both scored always:

* **strict**: IOB2 as defined. An entity starts at `B-X` and runs over the `I-X` that follow; an `I-X` that no `B-X`
  opened belongs to no entity. Equal to seqeval with `mode="strict", scheme=IOB2`.
* **lenient**: the reading of `conlleval` (CoNLL-2000 shared task), which the released code of most papers reports. An
  `I-X` after `O` or after another type opens an entity too. Equal to seqeval's default.

An entity counts as found only where type, first and last word all agree. This module imports no torch: training uses it
to choose epochs, scoring uses it on stored predictions, and both see the same numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from pipeline.common.errors import UserError

SCHEMES = ("strict", "lenient")
ALL = "all"
"""The pseudo-type under which all entity types are counted together (micro average)."""


class Counts(NamedTuple):
    """Entities of one sentence or corpus: true positives, false positives, false negatives."""

    tp: int
    fp: int
    fn: int


class Entity(NamedTuple):
    """One entity: its type, first word, one past its last word, and whether a `B-` tag opened it."""

    type: str
    start: int
    end: int
    opened: bool


@lru_cache(maxsize=1024)
def parse_tag(tag: str) -> tuple[str, str]:
    """Split an IOB2 tag into prefix and type: `B-PER` → `("B", "PER")`, `O` → `("O", "")`.

    Raises:
        UserError: the tag is neither `O` nor `B-<type>` nor `I-<type>`.
    """
    prefix, _, kind = tag.partition("-")
    if (prefix == "O" and tag == "O") or (prefix in ("B", "I") and kind and kind != ALL):
        return prefix, kind
    raise UserError(f"tag {tag!r} is not IOB2: expected 'O', 'B-<type>' or 'I-<type>'")


def entities(tags: Sequence[str]) -> list[Entity]:
    """Return the lenient entities of a sentence, in order; those with `opened` are exactly its strict ones.

    The two readings differ only in what may open an entity: both end it at the first word that is not `I-` of its type.
    """
    found = []
    kind, start, opened = "", 0, False
    for i, tag in enumerate(tags):
        if tag == "O":
            if kind:
                found.append(Entity(kind, start, i, opened))
                kind = ""
            continue
        prefix, this = parse_tag(tag)
        if prefix == "I" and this == kind:
            continue
        if kind:
            found.append(Entity(kind, start, i, opened))
        kind, start, opened = this, i, prefix == "B"
    if kind:
        found.append(Entity(kind, start, len(tags), opened))
    return found


def sentence_outcomes(gold: Sequence[str], predicted: Sequence[str]) -> dict[tuple[str, str], Counts]:
    """Count the entities of one sentence that were found, invented and missed.

    Args:
        gold: IOB2 tags, one a word.
        predicted: IOB2 tags, one a word.

    Returns:
        Counts by (scheme, type): always both schemes of type "all", other types only where they occur.

    Raises:
        UserError: the lengths differ, or a tag is not IOB2.
    """
    if len(gold) != len(predicted):
        raise UserError(f"a sentence has {len(gold)} gold tags but {len(predicted)} predicted ones")
    truth, guess = entities(gold), entities(predicted)
    outcomes: dict[tuple[str, str], Counts] = {}
    for scheme in SCHEMES:
        right = {e[:3] for e in truth if e.opened or scheme == "lenient"}
        ours = {e[:3] for e in guess if e.opened or scheme == "lenient"}
        hits = right & ours
        outcomes[scheme, ALL] = Counts(len(hits), len(ours) - len(hits), len(right) - len(hits))
        for kind in sorted({e[0] for e in right | ours}):
            tp = sum(e[0] == kind for e in hits)
            outcomes[scheme, kind] = Counts(
                tp, sum(e[0] == kind for e in ours) - tp, sum(e[0] == kind for e in right) - tp
            )
    return outcomes


def add_counts(outcomes: Iterable[Mapping[tuple[str, str], Counts]]) -> dict[tuple[str, str], Counts]:
    """Sum sentences' counts over a corpus, by (scheme, type)."""
    total: dict[tuple[str, str], list[int]] = {(scheme, ALL): [0, 0, 0] for scheme in SCHEMES}
    for outcome in outcomes:
        for key, counts in outcome.items():
            sums = total.setdefault(key, [0, 0, 0])
            sums[0] += counts.tp
            sums[1] += counts.fp
            sums[2] += counts.fn
    return {key: Counts(*sums) for key, sums in sorted(total.items())}


def entity_f1(tp: int, fp: int, fn: int) -> tuple[float, float, float]:
    """Return precision tp/(tp+fp), recall tp/(tp+fn) and F1 2tp/(2tp+fp+fn); 0 where a denominator is 0, as seqeval."""
    precision = tp / (tp + fp) if tp + fp else 0.0
    recall = tp / (tp + fn) if tp + fn else 0.0
    f1 = 2 * tp / (2 * tp + fp + fn) if tp + fp + fn else 0.0
    return precision, recall, f1


def metrics(totals: Mapping[tuple[str, str], Counts]) -> dict[str, float]:
    """Turn a corpus' counts into scores by full name, e.g. `entity_f1_strict` and `entity_recall_lenient_PER`."""
    scores = {}
    for (scheme, kind), counts in totals.items():
        suffix = scheme if kind == ALL else f"{scheme}_{kind}"
        for name, value in zip(("precision", "recall", "f1"), entity_f1(*counts), strict=True):
            scores[f"entity_{name}_{suffix}"] = value
    return scores


def score_sentences(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> dict[str, float]:
    """Score a corpus: micro precision, recall and F1 (0 to 1), strict and lenient, over all types and for each.

    Args:
        gold: one tag sequence a sentence.
        predicted: one tag sequence a sentence, in the same order.

    Raises:
        UserError: the numbers of sentences or words differ, or a tag is not IOB2.
    """
    if len(gold) != len(predicted):
        raise UserError(f"{len(gold)} gold sentences but {len(predicted)} predicted ones")
    return metrics(add_counts(sentence_outcomes(g, p) for g, p in zip(gold, predicted, strict=True)))
