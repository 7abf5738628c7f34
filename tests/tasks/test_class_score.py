"""Scores of classes: by hand, against a confusion matrix walked through cell by cell, and against scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.tasks import nli, relevance, sentiment
from pipeline.tasks.class_score import class_counts, macro_f1, metrics, rate, score_classes

CLASSES = ["relevant", "irrelevant", "positive", "negative", "neutral"]


def by_confusion_matrix(gold, predicted):
    """Accuracy, macro F1 and every class's measures by loops over a matrix of counts: matrix[gold][predicted]."""
    names = sorted({*gold, *predicted})
    matrix = {g: dict.fromkeys(names, 0) for g in names}
    for g, p in zip(gold, predicted, strict=True):
        matrix[g][p] += 1
    found, f1s, right, whole = {}, [], 0, 0
    for name in names:
        tp = matrix[name][name]
        row, column = sum(matrix[name].values()), sum(matrix[g][name] for g in names)
        precision = 0.0 if column == 0 else tp / column
        recall = 0.0 if row == 0 else tp / row
        f1 = 0.0 if precision + recall == 0 else 2 * precision * recall / (precision + recall)
        found |= {f"precision_{name}": precision, f"recall_{name}": recall, f"f1_{name}": f1}
        f1s.append(f1)
        right, whole = right + tp, whole + row
    found["accuracy"] = right / whole if whole else 0.0
    found["f1_macro"] = sum(f1s) / len(f1s) if f1s else 0.0
    return found


some = st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from(CLASSES)), max_size=25)


@settings(deadline=None)
@given(some)
def test_scores_are_those_of_the_confusion_matrix(rows):
    gold, predicted = [g for g, _ in rows], [p for _, p in rows]
    assert score_classes(gold, predicted, "nli") == pytest.approx(
        by_confusion_matrix(gold, predicted) | positives(gold, predicted, "positive")
    )


def positives(gold, predicted, name):
    """The scores of a class under the name `positive`, where it occurs."""
    if name not in {*gold, *predicted}:
        return {}
    whole = by_confusion_matrix(gold, predicted)
    return {f"{measure}_positive": whole[f"{measure}_{name}"] for measure in ("precision", "recall", "f1")}


@settings(deadline=None)
@given(some)
def test_scores_are_those_of_scikit_learn(rows):
    sklearn = pytest.importorskip("sklearn.metrics")
    if not rows:
        return
    gold, predicted = [g for g, _ in rows], [p for _, p in rows]
    scores = score_classes(gold, predicted, "nli")
    assert scores["accuracy"] == pytest.approx(sklearn.accuracy_score(gold, predicted))
    assert scores["f1_macro"] == pytest.approx(sklearn.f1_score(gold, predicted, average="macro", zero_division=0))
    names = sorted({*gold, *predicted})
    each = sklearn.precision_recall_fscore_support(gold, predicted, labels=names, average=None, zero_division=0)
    for measure, values in zip(("precision", "recall", "f1"), each, strict=False):
        assert [scores[f"{measure}_{name}"] for name in names] == pytest.approx(list(values))


def test_three_classes_by_hand():
    #            predicted  e  n  c
    # gold entailment       2  1  0
    #      neutral          1  1  0
    #      contradiction    0  1  0
    gold = ["entailment"] * 3 + ["neutral"] * 2 + ["contradiction"]
    predicted = ["entailment", "entailment", "neutral", "entailment", "neutral", "neutral"]
    scores = nli.score(gold, predicted)
    assert scores == pytest.approx(
        {
            "accuracy": 3 / 6,
            "precision_entailment": 2 / 3,
            "recall_entailment": 2 / 3,
            "f1_entailment": 2 / 3,
            "precision_neutral": 1 / 3,
            "recall_neutral": 1 / 2,
            "f1_neutral": 2 / 5,  # 2·1 / (2·1 + 2 + 1)
            "precision_contradiction": 0.0,
            "recall_contradiction": 0.0,
            "f1_contradiction": 0.0,
            "f1_macro": (2 / 3 + 2 / 5 + 0) / 3,
        }
    )


def test_macro_f1_is_over_the_classes_that_occur():
    assert nli.score(["neutral", "neutral"], ["neutral", "neutral"])["f1_macro"] == 1.0  # two classes occur nowhere
    invented = nli.score(["neutral", "neutral"], ["neutral", "entailment"])  # F1 2/3, and 0 of a class gold has not
    assert invented["f1_macro"] == pytest.approx(1 / 3)
    assert "f1_contradiction" not in invented


def test_the_positive_class_has_a_second_name():
    gold, predicted = (
        ["relevant", "relevant", "irrelevant", "irrelevant"],
        ["relevant", "irrelevant", "relevant", "irrelevant"],
    )
    scores = relevance.score(gold, predicted)
    assert scores["f1_positive"] == scores["f1_relevant"] == 0.5
    assert scores["precision_positive"] == scores["recall_positive"] == 0.5
    always_no = relevance.score(gold, ["irrelevant"] * 4)
    assert always_no["accuracy"] == 0.5 and always_no["f1_positive"] == always_no["recall_positive"] == 0.0
    assert (
        sentiment.score(["negative"], ["negative"])["f1_positive"] == 0.0
    )  # the usual classes have one, though not here
    assert "f1_positive" not in nli.score(["neutral"], ["neutral"])


def test_classes_of_a_datasets_own_without_a_positive_one_have_no_score_of_it():
    scores = sentiment.score(["good", "bad", "good"], ["good", "good", "good"])
    assert scores["f1_good"] == pytest.approx(0.8)
    assert not {name for name in scores if name.endswith("_positive")}
    assert sentiment.score(["neutral", "positive"], ["positive", "positive"])["f1_positive"] == pytest.approx(2 / 3)
    assert relevance.score(["positive", "other"], ["positive", "positive"])["f1_positive"] == pytest.approx(2 / 3)


def test_a_class_called_macro_does_not_pass_for_the_mean():
    scores = nli.score(["macro", "micro", "micro", "micro"], ["macro", "macro", "micro", "micro"])
    assert scores["f1_macro"] == pytest.approx((2 / 3 + 4 / 5) / 2)  # not 2/3
    assert scores["recall_macro"] == 1.0


def test_nothing_scores_nothing():
    assert nli.score([], []) == {"accuracy": 0.0, "f1_macro": 0.0}
    with pytest.raises(UserError, match="2 gold classes but 1 predicted ones"):
        nli.score(["neutral", "neutral"], ["neutral"])


@settings(deadline=None)
@given(some)
def test_counts_are_of_every_example(rows):
    counts = class_counts([g for g, _ in rows], [p for _, p in rows])
    assert list(counts) == sorted(counts)
    assert sum(tp + fn for tp, _, fn in counts.values()) == len(rows) == sum(tp + fp for tp, fp, _ in counts.values())


def test_measures_of_many_counts_at_once():
    counts = np.array([[[2, 1, 0], [0, 0, 3]], [[0, 0, 0], [1, 1, 1]]], dtype=float)  # (2, 2, 3)
    assert rate("precision", counts) == pytest.approx(np.array([[2 / 3, 0], [0, 1 / 2]]))
    assert rate("recall", counts) == pytest.approx(np.array([[1, 0], [0, 1 / 2]]))
    assert rate("f1", counts) == pytest.approx(np.array([[4 / 5, 0], [0, 1 / 2]]))
    assert macro_f1(counts) == pytest.approx(np.array([2 / 5, 1 / 2]))  # of the second pair one class alone occurs
    assert macro_f1(np.zeros((2, 3))) == 0.0
    assert metrics({}, "nli") == {"accuracy": 0.0, "f1_macro": 0.0}
