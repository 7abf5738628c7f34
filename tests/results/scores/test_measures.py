"""Scores of whole test sets, and the same scores as sums over test items, which is what intervals over items need."""

import importlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import write_parquet
from pipeline.data.schema import LABELS, PREDICTIONS
from pipeline.results.scores.measures import items, kind_of, title, totals
from pipeline.results.scores.outcomes import SCORERS
from pipeline.results.statistics.crossed import Crossed, crossed
from pipeline.results.statistics.seeds import summarise
from pipeline.results.tables.cells import Column, Row
from pipeline.results.tables.items import ItemValues
from pipeline.results.tables.notes import measure, spread
from pipeline.results.tables.notes import test_sets as sizes_of
from pipeline.results.tables.protocols import choice
from pipeline.results.tables.table import Cell
from pipeline.tasks.metric_names import metric_names

TASKS = ("ner", "sentiment", "nli", "relevance", "qa")
ANSWERS = ["rome", "the old rome", "oslo", "in oslo", ""]
GOLDS = [["rome"], ["old rome", "oslo"], ["oslo"]]


TAGS = st.sampled_from(["O", "B-PER", "I-PER", "B-LOC"])


def gold_of(task):
    """One example's gold answer."""
    if task == "ner":
        return st.lists(TAGS, min_size=1, max_size=4)
    return st.sampled_from(GOLDS if task == "qa" else LABELS[task])


def said_of(task, gold):
    """A prediction for an example."""
    if task == "ner":
        return st.lists(TAGS, min_size=len(gold), max_size=len(gold))
    return st.sampled_from(ANSWERS if task == "qa" else LABELS[task])


def gold_and_said(task, least=1):
    """Golds of n examples, and two runs' predictions of them."""

    def said(golds):
        one = st.tuples(*[said_of(task, gold) for gold in golds]).map(list)
        return st.tuples(st.just(golds), one, one)

    return st.lists(gold_of(task), min_size=least, max_size=8).flatmap(said)


def outcomes(task, gold, said, language="en", ids=None):
    """Outcomes of predictions, rows not in the order of their ids."""
    ids = ids or [f"{(7 * i) % 11}-{i}" for i in range(len(gold))]
    columns = {
        "lang": [language] * len(gold),
        "split": ["test"] * len(gold),
        "id": ids,
        "gold": gold,
        "predicted": said,
    }
    if task == "qa":
        columns |= {"start": [0] * len(gold), "end": [1] * len(gold)}
    return SCORERS[task](pa.table(columns, schema=PREDICTIONS[task]), "x")


def direct(task, gold, said):
    """The task's own scores, as training computes them."""
    if task == "qa":
        gold, said = [{"answers": g, "language": "en"} for g in gold], [(text, 0, 1) for text in said]
    return importlib.import_module(f"pipeline.tasks.{task}").score(gold, said)


@pytest.mark.parametrize("task", TASKS)
@settings(deadline=None, max_examples=60)
@given(st.data())
def test_sums_over_items_give_the_scores_of_the_whole(task, data):
    gold, first, second = data.draw(gold_and_said(task))
    tables = {name: outcomes(task, gold, said) for name, said in (("one", first), ("two", second))}
    found = {name: totals(task, table)["en", "test"] for name, table in tables.items()}
    assert [n for _, n in found.values()] == [len(gold)] * 2
    assert found["one"][0] == pytest.approx(direct(task, gold, first))
    assert set(found["one"][0]) <= set(metric_names(task))
    for metric in metric_names(task):
        counts, score = items(task, metric, tables, "en")
        assert counts.shape[:2] == (2, len(gold))
        expected = [scores.get(metric, 0.0) for scores, _ in found.values()]
        assert score(counts.sum(1)) == pytest.approx(np.array(expected), abs=1e-12), metric
        assert score(np.zeros((3, counts.shape[2]))).tolist() == [0.0] * 3  # nothing drawn is no division by zero


@pytest.mark.parametrize("task", TASKS)
@settings(deadline=None, max_examples=5)
@given(st.data())
def test_intervals_and_tests_run_on_every_metric(task, data):
    gold, first, second = data.draw(gold_and_said(task, least=3))
    tables = {str(i): outcomes(task, gold, said) for i, said in enumerate((first, second, second, first))}
    for metric in metric_names(task):
        counts, score = items(task, metric, tables, "en")
        mine, theirs = counts[:2], counts[2:]
        ours, other = score(mine.sum(1)), score(theirs.sum(1))
        assert crossed(mine, None, score).value == pytest.approx(ours.mean())
        difference = crossed(mine, theirs, score)
        assert difference.value == pytest.approx((ours - other).mean())
        assert difference.p is None or 0 <= difference.p <= 1
        same = crossed(mine, mine, score)
        assert (same.value, same.half) == (0.0, None)


def test_items_by_hand():
    gold, said = ["neutral", "neutral", "entailment"], ["neutral", "entailment", "neutral"]
    one = {"one": outcomes("nli", gold, said, ids=["c", "a", "b"])}
    counts, score = items("nli", "accuracy", one, "en")
    assert counts.tolist() == [[[0, 1], [0, 1], [1, 1]]]  # a, b, c
    assert score(counts.sum(1)).tolist() == [1 / 3]
    counts, score = items("nli", "recall_neutral", one, "en")
    assert counts.tolist() == [[[0, 0, 1], [0, 1, 0], [1, 0, 0]]]  # tp, fp, fn
    assert score(counts.sum(1)).tolist() == [0.5]
    counts, score = items("nli", "f1_macro", one, "en")
    # entailment: missed at b, invented at a; neutral: right at c, missed at a, invented at b
    assert counts.tolist() == [[[0, 1, 0, 0, 0, 1], [0, 0, 1, 0, 1, 0], [0, 0, 0, 1, 0, 0]]]
    assert score(counts.sum(1)) == pytest.approx([(0 + 2 / 4) / 2])
    right = {"one": outcomes("qa", [["old rome"], ["oslo"]], ["rome", "oslo"], ids=["b", "a"])}
    counts, score = items("qa", "answer_f1", right, "en")
    assert counts.tolist() == [[[1, 1], [pytest.approx(2 / 3), 1]]]
    assert score(counts.sum(1)) == pytest.approx([5 / 6])


def test_a_class_that_one_run_alone_predicts_is_no_class_of_the_others():
    gold = ["neutral", "neutral"]
    runs = {"one": outcomes("nli", gold, gold), "two": outcomes("nli", gold, ["neutral", "contradiction"])}
    counts, score = items("nli", "f1_macro", runs, "en")
    assert score(counts.sum(1)) == pytest.approx([1.0, 1 / 3])


def test_the_positive_class_of_other_labels():
    relevance = {"one": outcomes("relevance", ["positive", "other"], ["positive", "positive"])}
    counts, score = items("relevance", "f1_positive", relevance, "en")
    assert score(counts.sum(1)) == pytest.approx(
        [totals("relevance", relevance["one"])["en", "test"][0]["f1_positive"]]
    )
    assert score(counts.sum(1)) == pytest.approx([2 / 3])


@pytest.mark.parametrize("task", TASKS)
def test_languages_are_kept_apart(task):
    gold, said = {"ner": (["B-PER"], ["O"]), "qa": (["rome"], "oslo")}.get(task, LABELS[task][:2])
    right = "rome" if task == "qa" else gold
    both = pa.concat_tables([outcomes(task, [gold], [right], "en"), outcomes(task, [gold, gold], [said, said], "de")])
    metric = {"ner": "entity_f1_lenient", "qa": "exact_match"}.get(task, "accuracy")
    assert {pair: (scores[metric], n) for pair, (scores, n) in totals(task, both).items()} == {
        ("de", "test"): (0.0, 2),
        ("en", "test"): (1.0, 1),
    }
    assert list(totals(task, both)) == [("de", "test"), ("en", "test")]
    for language, n, value in (("en", 1, 1.0), ("de", 2, 0.0)):
        counts, score = items(task, metric, {"one": both}, language)
        assert counts.shape[:2] == (1, n) and score(counts.sum(1)).tolist() == [value]


@pytest.mark.parametrize("task", TASKS)
def test_runs_tested_on_other_items_are_refused(task):
    gold, said = {"ner": (["O"], ["O"]), "qa": (["rome"], "rome")}.get(task, LABELS[task][:2])
    runs = {
        "a.parquet": outcomes(task, [gold], [said], ids=["1"]),
        "b.parquet": outcomes(task, [gold], [said], ids=["2"]),
    }
    with pytest.raises(UserError, match=r"b\.parquet: its test items of 'en' are not those of a\.parquet"):
        items(task, metric_names(task)[0], runs, "en")


@pytest.mark.parametrize(("task", "metric"), [("nli", "bleu"), ("nli", "entity_f1_strict"), ("ner", "accuracy")])
def test_a_metric_of_no_items_is_refused(task, metric):
    gold, said = (["O"], ["O"]) if task == "ner" else ("neutral", "neutral")
    with pytest.raises(UserError, match=f"no per-example test for metric '{metric}'"):
        items(task, metric, {"one": outcomes(task, [gold], [said])}, "en")


def test_cells_are_compared_item_by_item(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gold = ["positive", "negative"] * 20
    wrong = ["negative"] * 40
    for run, said in (("good-1", gold), ("good-2", gold), ("bad-1", wrong), ("bad-2", wrong)):
        write_parquet(paths.outcomes(run), outcomes("sentiment", gold, said))
    good, bad = ["good-1", "good-2"], ["bad-1", "bad-2"]
    assert ItemValues("sentiment", "accuracy").mean(good, "en").half is None, "all right in every run"
    low, high = ItemValues("sentiment", "accuracy").mean(bad, "en").ends
    assert 0.3 < low < 0.5 < high < 0.7
    found = ItemValues("sentiment", "f1_positive").difference(good, bad, "en")
    assert (found.value, found.seeds, found.items) == (1.0, 2, 40)
    same = ItemValues("sentiment", "f1_macro").difference(good, good, "en")  # a tuned row whose point is the baseline's
    assert (same.value, same.half, same.p) == (0.0, None, None)


# ----------------------------------------------------------------------------------------------------------- in words


def test_every_metric_has_a_name_in_words_of_its_own():
    for task in TASKS:
        titles = [title(metric) for metric in metric_names(task)]
        assert len(set(titles)) == len(titles)
    assert title("f1_positive") == "F1 of the positive class"
    assert title("recall_entailment") == "Recall of the entailment class"
    assert title("f1_macro") == "Macro-F1 over the classes"
    assert title("exact_match") == "Exact match of the answer, MLQA's rule"
    assert title("entity_precision_lenient_PER") == "Entity precision of PER, lenient as conlleval"


@pytest.mark.parametrize(
    ("metric", "task", "kind"),
    [
        ("f1_negative", "sentiment", "negative"),
        ("recall_two_words", "nli", "two_words"),
        ("f1_macro", "sentiment", None),
        ("accuracy", "nli", None),
        ("f1_negative", "qa", None),
        ("answer_f1", "qa", None),
        ("entity_f1_strict", "ner", None),
        ("entity_recall_lenient_A_B", "ner", "A_B"),
        ("f1_PER", "ner", None),
    ],
)
def test_which_class_or_type_a_metric_is_of(metric, task, kind):
    assert kind_of(metric, task) == kind


def captioned(task, metric):
    """As much of a table as its captions read."""
    row, columns = Row("joint"), (Column("qu"), Column("jv"))
    sure = Crossed(0.6, 2, 900, 0.0, (0.15 / 1.96) ** 2)
    cell = Cell({}, {}, summarise([0.5, 0.7]), sure, sentences=1200)
    cells = {(row, columns[0]): cell, (row, columns[1]): Cell({}, {}, summarise([0.5, 0.7]), sure, sentences=900)}
    return SimpleNamespace(spec=SimpleNamespace(task=task, metric=metric), rows=[row], columns=columns, cells=cells)


@pytest.mark.parametrize(
    ("task", "unit"),
    [("ner", "sentences"), ("qa", "questions"), ("nli", "pairs"), ("relevance", "pairs"), ("sentiment", "texts")],
)
def test_captions_name_what_was_tested(task, unit):
    table = captioned(task, metric_names(task)[0])
    assert sizes_of(table) == [f"Test {unit}: qu 1,200, jv 900."]
    assert spread(table) == [f"95 % interval of a mean over seeds and {unit}: ±15.0 in the median cell."]
    table.cells = dict.fromkeys(table.cells, next(iter(table.cells.values())))
    assert sizes_of(table) == [f"Test sets: 1,200 {unit} each."]
    facts = {"select": "best", "metric": None, "dev": "target", "dev_size": 50}
    assert choice(facts, unit) == f"best on the target language's dev set, at most 50 {unit}"


def test_captions_say_where_an_interval_is_of_one_seed():
    table = captioned("ner", "entity_f1_strict")
    first, second = table.cells
    one = replace(table.cells[first], crossed=replace(table.cells[first].crossed, seeds=1))
    table.cells[first] = one
    text = (
        "95 % interval of a mean over seeds and sentences, of one seed over sentences alone: ±15.0 in the median cell."
    )
    assert spread(table) == [text]
    table.cells[second] = one
    assert spread(table) == ["95 % interval over sentences, of the one seed: ±15.0 in the median cell."]
    table.cells = dict.fromkeys(table.cells, replace(one, crossed=Crossed(1.0, 3, 900, 0.0, 0.0)))
    assert spread(table) == ["No interval: there is no variance over seeds and sentences to make one of."]


@pytest.mark.parametrize(("number", "text"), [(1, "1 text"), (2, "2 texts"), (9, "9 texts")])
def test_captions_make_no_interval_of_a_handful(number, text):
    table = captioned("sentiment", "accuracy")
    first, second = table.cells
    few = replace(table.cells[first], crossed=None, sentences=number)
    table.cells = {first: few, second: few}
    assert sizes_of(table) == [f"Test sets: {text} each."]
    assert spread(table) == ["Fewer than 10 texts are too few for an interval."]
    table.cells[second] = replace(few, crossed=Crossed(0.5, 2, 900, 0.0, (0.15 / 1.96) ** 2), sentences=900)
    assert sizes_of(table) == [f"Test texts: qu {number}, jv 900."]
    assert spread(table) == [
        "95 % interval of a mean over seeds and texts: ±15.0 in the median cell; fewer than 10 are too few for one."
    ]
    table.cells[second] = replace(table.cells[second], crossed=Crossed(0.5, 2, 900, 0.0, 1e-9))
    assert ": less than ±0.1 in the median cell" in spread(table)[0]


@pytest.mark.parametrize("number", [1, 9, 10])
def test_a_handful_of_items_has_no_interval_and_no_p(tmp_path, monkeypatch, number):
    monkeypatch.chdir(tmp_path)
    gold = ["positive", "negative"] * (number // 2) + ["positive"] * (number % 2)
    for run, said in (("good", gold), ("bad", ["negative"] * number)):
        write_parquet(paths.outcomes(run), outcomes("sentiment", gold, said))
    mean = ItemValues("sentiment", "accuracy").mean(["bad"], "en")
    difference = ItemValues("sentiment", "accuracy").difference(["good"], ["bad"], "en")
    assert (mean is None, difference is None) == (number < 10, number < 10)


def test_captions_name_the_measure():
    text = "F1 of the positive class (×100): mean ± standard deviation over n = 2 seeds."
    assert measure(captioned("relevance", "f1_positive")) == text
    assert measure(captioned("qa", "answer_f1")).startswith("Token F1 of the answer, MLQA's rule (×100): mean ± ")


def test_of_many_test_sets_the_caption_has_the_least_and_the_most_and_a_note_has_all():
    table = captioned("ner", "entity_f1_strict")
    cell = next(iter(table.cells.values()))
    table.columns = tuple(map(Column, ("qu", "jv", "yo", "ka", "my")))
    table.cells = {(Row("joint"), column): replace(cell, sentences=n) for n, column in enumerate(table.columns, 900)}
    assert sizes_of(table) == ["Test sets: 900 to 904 sentences."]
    assert spread(table)[0].endswith("; test sentences: qu 900, jv 901, yo 902, ka 903, my 904.")
