"""Kinds of answers by hand, and groups of questions and texts: lengths, known words, first words, places."""

import pytest
from sklearn.metrics import confusion_matrix, f1_score

from pipeline.data.schema import task_table
from pipeline.results.errors import answers, classes
from pipeline.results.errors.bins import frequent, length_group, length_groups, share_group, third
from pipeline.results.errors.known import question_groups, text_groups
from pipeline.results.errors.spec import Key, Value


@pytest.mark.parametrize(
    ("prediction", "golds", "kind"),
    [
        ("the red house", ["Red house!"], "exact"),
        ("a big red house here", ["red house"], "too long"),
        ("house", ["red house"], "too short"),
        ("red big house", ["red house"], "partial"),
        ("house of stone", ["red house"], "partial"),
        ("tree", ["red house"], "no overlap"),
        ("the", ["red house"], "no answer"),
        (None, ["red house"], "no answer"),
        ("", ["red house"], "no answer"),
        ("old stone house", ["green tree", "stone house"], "too long"),
    ],
)
def test_kinds_by_hand(prediction, golds, kind):
    assert answers.kind_of(prediction, golds, "en") == kind


def test_shares_are_of_all_questions_and_scores_means_of_their_group():
    rows = [
        {"id": "1", "gold": ["red house"], "predicted": "red house"},
        {"id": "2", "gold": ["red house"], "predicted": "red"},
        {"id": "3", "gold": ["tree"], "predicted": "house"},
    ]
    found = answers.measure(rows, {"length": {"1": "2", "2": "2", "3": "1"}}, "en")
    assert found[Key("kinds", "exact")] == Value(pytest.approx(1 / 3), 3)
    assert sum(value.value for key, value in found.items() if key.part == "kinds") == pytest.approx(1)
    assert found[Key("length", "2")] == Value(pytest.approx((1 + 2 / 3) / 2), 2)
    assert found[Key("length", "1")] == Value(0, 1)


def test_lengths_fall_into_their_groups():
    assert length_groups((1, 2, 5)) == ["1", "2", "3–5", "6+"]
    assert [length_group(n, (1, 2, 5)) for n in (1, 2, 3, 5, 6, 99)] == ["1", "2", "3–5", "3–5", "6+", "6+"]
    assert [share_group(n, 4) for n in (4, 3, 2, 1)] == ["all", "75–99 %", "50–74 %", "under 50 %"]
    assert [third(start, 9) for start in (0, 2, 3, 6, 8)] == ["first third"] * 2 + ["second third"] + ["last third"] * 2
    assert frequent(["b", "a", "b", "c", "a", "d"], 2) == ["a", "b"]


def test_questions_are_grouped_by_answer_words_first_word_and_place():
    rows = [
        ("1", "Who came?", "Ann Lee came home", ["Ann Lee"], [0]),
        ("2", "who slept?", "home slept Bob", ["Bob"], [11]),
        ("3", "What fell?", "a tree fell", ["tree"], [2]),
    ]
    table = task_table("qa", "en", rows)
    found = question_groups(table, "en", (frozenset({"ann"}), frozenset({"lee", "tree"})))
    assert found["length"] == {"1": "2", "2": "1", "3": "1"}
    assert found["known"] == {"1": "source", "2": "neither", "3": "source"}
    assert found["question"] == {"1": "who", "2": "who", "3": "what"}
    assert found["place"] == {"1": "first third", "2": "last third", "3": "first third"}
    assert question_groups(table, "en", None)["known"] == {}, "nothing is trained on"


def test_texts_are_grouped_by_both_texts_of_a_pair():
    table = task_table("nli", "en", [("1", "a b c d.", "e f", "neutral"), ("2", "a", "x y", "neutral")])
    found = text_groups(table, "nli", "en", (frozenset("abc"), frozenset("def")))
    assert found == {"length": {"1": "1–10", "2": "1–10"}, "known": {"1": "all", "2": "under 50 %"}}


def test_a_classifier_s_matrix_and_f1_are_scikit_learns():
    gold = ["a", "b", "c", "a", "b", "a", "c", "c"]
    said = ["a", "a", "c", "b", "b", "a", "b", "c"]
    rows = [{"id": str(i), "gold": g, "predicted": p} for i, (g, p) in enumerate(zip(gold, said, strict=True))]
    found = classes.measure(rows, {"known": {"0": "all", "1": "all"}})
    table = confusion_matrix(gold, said)
    for i, one in enumerate("abc"):
        for j, other in enumerate("abc"):
            value = found.get(Key("confusion", one, other), Value(0.0, int(table[i].sum())))
            assert value.value == pytest.approx(table[i, j] / table[i].sum())
        assert found[Key("frequency", one)].value == pytest.approx(f1_score(gold, said, average=None)[i])
    assert found[Key("known", "all")] == Value(0.5, 2)
