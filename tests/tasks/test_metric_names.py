"""The names the config knows are exactly those that scores come under."""

import importlib
import subprocess
import sys
from itertools import product

import pytest

from pipeline.data.schema import LABELS, PREDICTIONS
from pipeline.tasks import metric_names as names
from pipeline.tasks.class_score import score_classes
from pipeline.tasks.metric_names import MAIN, metric_names, positive_class

CLASSES = ("sentiment", "nli", "relevance", "classification")


def module(task):
    return importlib.import_module(f"pipeline.tasks.{task}")


def every_pair(labels):
    """Gold and predicted classes in which each meets each."""
    both = list(product(labels, labels))
    return [g for g, _ in both], [p for _, p in both]


def test_every_task_chooses_its_epoch_by_the_metric_that_is_named_for_it():
    assert set(MAIN) == set(PREDICTIONS)
    for task, metric in MAIN.items():
        assert metric == module(task).METRIC
        assert metric in metric_names(task)


@pytest.mark.parametrize("task", CLASSES)
def test_classes_scores_have_these_names_and_no_others(task):
    gold, predicted = every_pair(LABELS[task])
    assert set(module(task).score(gold, predicted)) == set(metric_names(task))
    assert len(set(metric_names(task))) == len(metric_names(task))


@pytest.mark.parametrize("task", CLASSES)
@pytest.mark.parametrize(
    "labels",
    [["a", "b"], ["negative", "neutral", "positive"], ["relevant", "positive"], ["macro", "micro"], ["1", "2", "5"]],
)
def test_scores_of_own_labels_have_these_names_and_no_others(task, labels):
    assert set(score_classes(*every_pair(labels), task)) == set(metric_names(task, labels))
    assert len(set(metric_names(task, labels))) == len(metric_names(task, labels))


@pytest.mark.parametrize("task", CLASSES)
def test_a_part_of_the_classes_has_no_other_names(task):
    for label in LABELS[task]:
        assert set(module(task).score([label], [label])) <= set(metric_names(task))
        assert MAIN[task] in module(task).score([label], [label])


def test_names_of_entities_and_answers():
    kinds = ["PER", "ORG", "LOC"]
    sentence = [f"B-{kind}" for kind in kinds]
    assert set(module("ner").score([sentence], [sentence])) == set(metric_names("ner"))
    own = [["B-GENE", "I-GENE"]]
    assert set(module("ner").score(own, own)) == set(metric_names("ner", ["O", "B-GENE", "I-GENE"]))
    gold = [{"answers": ["rome"], "language": "en"}]
    assert set(module("qa").score(gold, [("rome", 0, 4)])) == set(metric_names("qa"))
    assert metric_names("qa") == ("answer_f1", "exact_match", "answer_f1_squad", "exact_match_squad")


def test_the_positive_class():
    assert positive_class("sentiment", LABELS["sentiment"]) == "positive"
    assert positive_class("relevance", ["irrelevant"]) == "relevant"
    assert positive_class("relevance", ["positive", "negative"]) == "positive"
    assert positive_class("sentiment", ["good", "bad"]) is None
    assert positive_class("nli", LABELS["nli"]) is None


def test_the_config_learns_the_names_without_torch():
    said = f"import sys, {names.__name__}; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert out.stdout == "False\n"
