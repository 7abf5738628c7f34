"""What an NER model gets wrong: each gold entity and each predicted one is put down to one kind of error.

Entities are those of the strict reading (IOB2 as defined), which the main score counts. A gold and a predicted entity are made
a pair one to one, in this order: same words and type (*correct*); same words, another type (*type*); overlapping words of the
same type (*boundary*), and of another type (*both*), the longest overlap first, then the leftmost. What is left of gold is
*missed*, what is left of predictions is *invented*. So gold = correct + boundary + type + both + missed, predicted the same
with *invented* in the place of *missed*. The categories are those of MUC-5 (Chinchor and Sundheim 1993), with its *partial*
and *incorrect* told apart as in SemEval-2013's task 9.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipeline.results.errors.bins import (
    ENTITY_LENGTHS,
    LEVELS,
    SENTENCE_LENGTHS,
    length_group,
)
from pipeline.results.errors.spec import Key, Measured, Value
from pipeline.tasks.ner_score import Entity, entities, entity_f1

CORRECT = "correct"
KINDS = ("boundary", "type", "both", "missed", "invented")
"""Errors: boundary wrong, type wrong, both wrong; gold without a prediction; a prediction without gold."""
NOTHING = "none"
"""In the matrix: the column of missed entities, the row of invented ones."""

Pair = tuple[str, Entity | None, Entity | None]
"""A kind, the gold entity and the predicted one."""


def strict(tags: Sequence[str]) -> list[Entity]:
    """Return a sentence's entities by the strict reading."""
    return [entity for entity in entities(tags) if entity.opened]


def pairs(gold: Sequence[Entity], predicted: Sequence[Entity]) -> list[Pair]:
    """Put a sentence's gold and predicted entities into pairs; every one of both is in exactly one."""
    places = {(entity.start, entity.end): entity for entity in predicted}
    found: list[Pair] = []
    left = []
    for entity in gold:
        same = places.pop((entity.start, entity.end), None)
        if same is None:
            left.append(entity)
        else:
            found.append((CORRECT if same.type == entity.type else "type", entity, same))
    ours = list(places.values())
    near = [(ours_, entity) for entity in left for ours_ in ours if overlap(entity, ours_)]
    for guess, entity in sorted(near, key=lambda both: _nearest(both[1], both[0])):
        if entity in left and guess in ours:
            left.remove(entity)
            ours.remove(guess)
            found.append(("boundary" if guess.type == entity.type else "both", entity, guess))
    return [*found, *(("missed", entity, None) for entity in left), *(("invented", None, guess) for guess in ours)]


def overlap(one: Entity, other: Entity) -> int:
    """Return how many words two entities have in common."""
    return max(0, min(one.end, other.end) - max(one.start, other.start))


def _nearest(gold: Entity, guess: Entity) -> tuple[bool, int, int, int]:
    return gold.type != guess.type, -overlap(gold, guess), gold.start, guess.start


def measure(rows: Iterable[Mapping[str, Any]], levels: Mapping[str, Sequence[int]]) -> Measured:
    """Measure a run's predictions on one language.

    Args:
        rows: predictions, a row a sentence.
        levels: by sentence id: where each word is known from, as indices of `LEVELS`; empty where no training is.

    Returns:
        `kinds`, of all gold entities; `confusion`, by gold type (of `none`: of all invented ones); F1 of the entities in each
        group of `length`, `sentence`, `known` and `frequency` (the type). A prediction counts in the group of its own words.
    """
    kinds: Counter[str] = Counter()
    matrix: Counter[tuple[str, str]] = Counter()
    counts: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])  # tp, fp, fn
    for row in rows:
        known = levels.get(row["id"], ())
        for kind, gold, guess in pairs(strict(row["gold"]), strict(row["predicted"])):
            kinds[kind] += 1
            matrix[gold.type if gold else NOTHING, guess.type if guess else NOTHING] += 1
            counted = [(gold, 0)] if kind == CORRECT else [(guess, 1), (gold, 2)]
            for entity, what in counted:
                for group in groups_of(entity, len(row["gold"]), known) if entity else ():
                    counts[group][what] += 1
    gold_entities = kinds.total() - kinds["invented"]
    return {
        **{Key("kinds", kind): share(kinds[kind], gold_entities) for kind in (CORRECT, *KINDS)},
        **confusion(matrix),
        **{Key(*group): f1_value(*found) for group, found in counts.items()},
    }


def groups_of(entity: Entity, sentence: int, known: Sequence[int]) -> list[tuple[str, str]]:
    """Return the (part, group) pairs that an entity belongs to."""
    found = [
        ("length", length_group(entity.end - entity.start, ENTITY_LENGTHS)),
        ("sentence", length_group(sentence, SENTENCE_LENGTHS)),
        ("frequency", entity.type),
    ]
    return [*found, ("known", LEVELS[max(known[entity.start : entity.end])])] if known else found


def confusion(matrix: Mapping[tuple[str, str], int]) -> Measured:
    """Return a matrix of counts as shares of each gold class' row."""
    rows: Counter[str] = Counter()
    for (gold, _), count in matrix.items():
        rows[gold] += count
    return {Key("confusion", gold, other): share(count, rows[gold]) for (gold, other), count in matrix.items()}


def share(count: int, of: int) -> Value:
    """Return a share, none of nothing."""
    return Value(count / of if of else None, of)


def f1_value(tp: int, fp: int, fn: int) -> Value:
    """Return an F1; none where gold has no such item, of which nothing can be found."""
    return Value(entity_f1(tp, fp, fn)[2] if tp + fn else None, tp + fn)
