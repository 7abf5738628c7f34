"""Kinds of errors by hand, sums that must hold of any tags, matrices against scikit-learn, groups against a recount."""

import random
from collections import Counter

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from pipeline.results.errors.entities import CORRECT, KINDS, NOTHING, measure, pairs, strict
from pipeline.results.errors.spec import Key, Value
from pipeline.tasks.ner_score import score_sentences

TAGS = ["O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]


def world(seed: int, sentences: int = 60) -> list[dict]:
    """Random tags, predictions a noisy copy of gold."""
    chosen = random.Random(seed)
    rows = []
    for i in range(sentences):
        gold = [chosen.choice(TAGS) for _ in range(chosen.randint(1, 14))]
        predicted = [chosen.choice(TAGS) if chosen.random() < 0.35 else tag for tag in gold]
        rows.append({"id": str(i), "gold": gold, "predicted": predicted})
    return rows


def kinds(gold: str, predicted: str) -> list[str]:
    return sorted(kind for kind, _, _ in pairs(strict(gold.split()), strict(predicted.split())))


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ("B-PER I-PER O", "B-PER I-PER O", [CORRECT]),
        ("B-PER I-PER O", "B-LOC I-LOC O", ["type"]),
        ("B-PER I-PER O", "B-PER O O", ["boundary"]),
        ("B-PER I-PER O", "O B-LOC I-LOC", ["both"]),
        ("B-PER O O", "O O B-PER", ["invented", "missed"]),
        ("B-PER O O", "I-PER O O", ["missed"]),  # an I- that nothing opens is no entity
        ("B-PER I-PER I-PER", "B-PER B-PER I-PER", ["boundary", "invented"]),  # one to one
        ("B-LOC B-PER I-PER", "B-PER I-PER I-PER", ["boundary", "missed"]),  # the same type first
    ],
)
def test_kinds_by_hand(gold, predicted, expected):
    assert kinds(gold, predicted) == expected


@pytest.mark.parametrize(
    ("gold", "predicted", "start"), [("B-PER B-PER I-PER", "B-PER I-PER I-PER", 1), ("B-PER B-PER", "B-PER I-PER", 0)]
)
def test_the_longest_overlap_is_the_pair_then_the_leftmost(gold, predicted, start):
    found = pairs(strict(gold.split()), strict(predicted.split()))
    assert [entity.start for kind, entity, _ in found if kind == "boundary"] == [start]


@pytest.mark.parametrize("seed", range(4))
def test_every_entity_is_in_one_pair_and_the_kinds_give_the_strict_scores(seed):
    rows = world(seed)
    found = measure(rows, {})
    gold, guess = (sum(len(strict(row[side])) for row in rows) for side in ("gold", "predicted"))
    counts = {kind: round(found[Key("kinds", kind)].value * gold) for kind in (CORRECT, *KINDS)}
    assert sum(counts.values()) - counts["invented"] == gold
    assert sum(counts.values()) - counts["missed"] == guess
    scores = score_sentences([row["gold"] for row in rows], [row["predicted"] for row in rows])
    assert 2 * counts[CORRECT] / (gold + guess) == pytest.approx(scores["entity_f1_strict"])
    for kind in ("PER", "LOC", "ORG"):
        assert found[Key("frequency", kind)].value == pytest.approx(scores[f"entity_f1_strict_{kind}"])


def greedy(gold, guess):
    """Pairs again, by a search for the best one left, over and over."""
    gold, guess, found = list(gold), list(guess), []

    def rank(g, p):
        common = len(set(range(g.start, g.end)) & set(range(p.start, p.end)))
        same = (g.start, g.end) == (p.start, p.end)
        return None if not common else (not same, g.type != p.type, -common, g.start, p.start)

    while True:
        ranked = [(rank(g, p), g, p) for g in gold for p in guess if rank(g, p)]
        if not ranked:
            break
        (place, g, p) = min(ranked)
        kind = {(False, False): CORRECT, (False, True): "type", (True, False): "boundary", (True, True): "both"}[
            place[:2]
        ]
        found.append((kind, g, p))
        gold.remove(g)
        guess.remove(p)
    return [*found, *(("missed", g, None) for g in gold), *(("invented", None, p) for p in guess)]


def test_pairs_are_those_of_a_search_and_the_matrix_is_scikit_learns():
    rows, ours, theirs = world(7, 200), [], []
    for row in rows:
        expected = greedy(strict(row["gold"]), strict(row["predicted"]))
        assert Counter(pairs(strict(row["gold"]), strict(row["predicted"]))) == Counter(expected)
        ours += [g.type if g else NOTHING for _, g, _ in expected]
        theirs += [p.type if p else NOTHING for _, _, p in expected]
    labels = ["LOC", "ORG", "PER", NOTHING]
    table = confusion_matrix(ours, theirs, labels=labels)
    found = measure(rows, {})
    for i, gold in enumerate(labels):
        for j, said in enumerate(labels):
            share, items = found.get(Key("confusion", gold, said), (0.0, table[i].sum()))
            assert (share * items, items) == (pytest.approx(table[i, j]), table[i].sum())


def test_groups_are_recounted_word_by_word():
    rows = world(3, 80)
    chosen = random.Random(1)
    levels = {row["id"]: [chosen.randint(0, 2) for _ in row["gold"]] for row in rows}
    found = measure(rows, levels)

    def f1(belongs) -> Value:
        gold, guess = (
            {(r["id"], *e[:3]) for r in rows for e in strict(r[side]) if belongs(r, e)}
            for side in ("gold", "predicted")
        )
        return Value(2 * len(gold & guess) / (len(gold) + len(guess)), len(gold))

    assert found[Key("length", "2")] == pytest.approx(f1(lambda r, e: e.end - e.start == 2))
    assert found[Key("length", "1")] == pytest.approx(f1(lambda r, e: e.end - e.start == 1))
    assert found[Key("sentence", "6–10")] == pytest.approx(f1(lambda r, e: 6 <= len(r["gold"]) <= 10))
    for number, name in enumerate(("target", "source", "neither")):
        assert found[Key("known", name)] == pytest.approx(
            f1(lambda r, e, n=number: max(levels[r["id"]][e.start : e.end]) == n)
        )
    assert sum(value.items for key, value in found.items() if key.part == "known") == np.sum(
        [len(strict(row["gold"])) for row in rows]
    )


def test_what_is_only_invented_has_no_f1():
    found = measure([{"id": "a", "gold": ["O", "O"], "predicted": ["B-PER", "O"]}], {})
    assert found[Key("frequency", "PER")] == Value(None, 0)
    assert found[Key("kinds", "invented")] == Value(None, 0)
