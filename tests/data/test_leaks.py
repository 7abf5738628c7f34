import pytest

from pipeline.data import arrange
from pipeline.data.corpora.cls10 import read as cls10
from pipeline.data.corpora.files import table_rows as files
from pipeline.data.corpora.marc import read as marc
from pipeline.data.corpora.sentipers import read as sentipers
from pipeline.data.leaks import BY_DESIGN, warnings_of
from pipeline.data.report import describe
from pipeline.data.schema import SCHEMAS, Split, ner_table, task_table


def warned(task, dropped=None, **rows):
    splits = {name: Split(task_table(task, "qu", given), (dropped or {}).get(name, {})) for name, given in rows.items()}
    return warnings_of(task, splits, describe(task, splits))


def texts(split, *given):
    return [(f"{split}-{i}", text, ("positive", "negative")[i % 2]) for i, text in enumerate(given)]


def test_test_rows_that_stand_in_train_are_said_with_their_count():
    found = warned("sentiment", train=texts("train", "a", "b", "c"), test=texts("test", "x", "b ", "y", "z"))
    assert found == [
        {
            "kind": "duplicates",
            "split": "test",
            "with": "train",
            "rows": 1,
            "share": 0.25,
            "says": "1 of 4 test texts stand in train",
        }
    ]


def test_clean_splits_are_warned_of_nothing():
    assert warned("sentiment", train=texts("train", "a"), dev=texts("dev", "b"), test=texts("test", "c")) == []
    empty = {name: Split(SCHEMAS["qa"].empty_table()) for name in ("train", "dev", "test")}
    assert warnings_of("qa", empty, describe("qa", empty)) == []


def test_the_test_set_comes_first_and_train_is_not_warned_of_what_stands_elsewhere():
    found = warned("sentiment", train=texts("train", "a", "b"), dev=texts("dev", "a", "b"), test=texts("test", "b"))
    assert [(w["split"], w["with"], w["rows"], w["share"]) for w in found] == [
        ("test", "train", 1, 1.0),
        ("test", "dev", 1, 1.0),
        ("dev", "train", 2, 1.0),
    ]


def test_hypotheses_of_one_premise_that_are_parted():
    def pairs_of(split, *given):
        return [(f"{split}-{i}", *pair, ("neutral", "entailment")[i % 2]) for i, pair in enumerate(given)]

    train = pairs_of("train", ("It rains.", "Wet."), ("Sun.", "Warm."))
    test = pairs_of(
        "test", ("It\u00a0rains.", "Dry."), ("It rains.", "Wet."), ("Wet.", "It rains."), ("Snow.", "Cold.")
    )
    duplicates, shared = warned("nli", train=train, test=test)
    assert (duplicates["rows"], duplicates["says"]) == (1, "1 of 4 test pairs of premise and hypothesis stand in train")
    assert (shared["kind"], shared["rows"], shared["share"]) == (
        "shared",
        1,
        0.25,
    )  # the duplicate is not counted again
    assert shared["says"] == "1 of 4 test rows have a premise that stands in train with another hypothesis"


def test_questions_of_one_context_that_are_parted():
    def asked(split, *given):
        return [(f"{split}-{i}", question, context, [context], [0]) for i, (question, context) in enumerate(given)]

    (shared,) = warned(
        "qa", dev=asked("dev", ("Where?", "Peru")), test=asked("test", ("What?", "Peru"), ("What?", "Lima"))
    )
    assert shared["says"] == "1 of 2 test rows have a context that stands in dev with another question"


def test_sentences_are_called_so():
    splits = {name: Split(ner_table("qu", [(name, ["Qusqu", "\u200b"], ["B-LOC", "O"])])) for name in ("train", "test")}
    (found,) = warnings_of("ner", splits, describe("ner", splits))
    assert found["says"] == "1 of 1 test sentences stand in train"


@pytest.mark.parametrize("lost, said", [(2, False), (3, True)])
def test_rows_that_could_not_be_used_are_said_where_they_are_more_than_two_per_cent(lost, said):
    rows = texts("test", *map(str, range(98)))
    found = warned("sentiment", {"test": {"empty text": lost}}, test=rows)
    assert bool(found) == said
    if said:
        assert (found[0]["kind"], found[0]["with"], found[0]["rows"], found[0]["share"]) == ("dropped", None, 3, 0.0297)
        assert found[0]["says"] == "3 of 101 rows read for test could not be used: 3 × empty text"


def test_drops_of_a_file_that_was_cut_are_counted_of_all_its_rows():
    rows = {"train": texts("train", "a", "b", "c"), "dev": texts("dev", "d", "e"), "test": texts("test", *"fgh")}
    splits = {name: Split(task_table("sentiment", "qu", given)) for name, given in rows.items()}
    splits["train"] = Split(splits["train"].table, {"empty text": 2})
    for together, says in (
        (("train", "dev"), "2 of 7 rows read for train, dev"),
        (tuple(splits), "2 of 10 rows read for train, dev, test"),
    ):
        (found,) = warnings_of("sentiment", splits, describe("sentiment", splits), together)
        assert found["says"] == f"{says} could not be used: 2 × empty text" and found["split"] == "train"


def test_what_the_config_or_the_dataset_leaves_out_is_no_fault():
    named = {arrange.DUPLICATE, files.OTHER, marc.NEUTRAL, marc.OTHER, cls10.NEUTRAL, sentipers.NEUTRAL, sentipers.GONE}
    assert named <= BY_DESIGN
    dropped = dict.fromkeys([*named, "label '3', left out", "tag 'X', left out"], 50)
    assert warned("sentiment", {"test": dropped}, test=texts("test", "a")) == []


@pytest.mark.parametrize(
    "labels, says",
    [
        ("pp", "none of 2 test texts is negative, neutral"),
        ("pnop", "none of 4 test texts is neutral"),
        ("p", None),
        ("pnu", None),
    ],
)
def test_classes_that_a_test_set_lacks(labels, says):
    named = {"p": "positive", "n": "negative", "o": "positive", "u": "neutral"}
    train = [(f"train-{label}", label, named[label]) for label in "pnu"]
    test = [(f"test-{i}", f"text {i}", named[label]) for i, label in enumerate(labels)]
    found = warned("sentiment", train=train, test=test)
    assert [(w["kind"], w["says"]) for w in found] == ([("classes", says)] if says else [])


def test_a_dataset_of_one_class_and_a_test_set_without_entities():
    one = {name: [(f"{name}-{i}", f"{name} {i}", "positive") for i in range(3)] for name in ("train", "test")}
    assert [w["says"] for w in warned("sentiment", **one)] == ["all 3 test texts are positive"]
    tagged = {"train": "B-LOC", "test": "O"}  # as where test labels are kept back
    splits = {
        name: Split(ner_table("qu", [(f"{name}{i}", [f"{name}{i}", "x"], [tag, "O"]) for i in range(2)]))
        for name, tag in tagged.items()
    }
    (found,) = warnings_of("ner", splits, describe("ner", splits))
    assert found["says"] == "none of 2 test sentences has an entity"
