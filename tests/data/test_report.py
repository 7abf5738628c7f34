import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.data.arrange import row_keys
from pipeline.data.report import describe, describe_text
from pipeline.data.schema import SCHEMAS, SHARED, Split, ner_table, task_table, text_table

TRAIN = [
    ("t0", ["Qusqu", "llaqta"], ["B-LOC", "O"]),
    ("t1", ["Ana", "María", "Paz"], ["B-PER", "I-PER", "I-PER"]),
    ("t2", ["Qusqu", "llaqta"], ["B-ORG", "O"]),
    ("t3", ["x"], ["O"]),
    ("t4", ["Qusqu", "llaqta"], ["B-LOC", "O"]),
]
DEV = [("d0", ["Qusqu", "llaqta"], ["B-LOC", "O"]), ("d1", ["y", "z"], ["B-PER", "B-PER"])]


def splits():
    return {
        "train": Split(ner_table("qu", TRAIN), {"empty sentence": 2}, {"mended": 1}),
        "dev": Split(ner_table("qu", DEV)),
    }


def described(task, **rows):
    return describe(task, {name: Split(task_table(task, "qu", given)) for name, given in rows.items()})


def test_every_number_of_a_split():
    assert describe("ner", splits())["train"] == {
        "rows": 5,
        "dropped": {"empty sentence": 2},
        "repaired": {"mended": 1},
        "duplicates_within": 2,  # t2 and t4 repeat t0; tags do not matter
        "duplicates_across": {"dev": 3},  # t0, t2, t4 stand in dev
        "labels": {"B-LOC": 2, "B-ORG": 1, "B-PER": 1, "I-PER": 2, "O": 4},
        "entities": {"LOC": 2, "ORG": 1, "PER": 1},
        "tokens": {"mean": 2.0, "p50": 2, "p95": 3, "max": 3},  # lengths 1 2 2 2 3
    }


def test_duplicates_across_count_this_splits_rows():
    report = describe("ner", splits())["dev"]
    assert report["duplicates_across"] == {"train": 1}
    assert report["entities"] == {"LOC": 1, "PER": 2}


def test_a_sliced_table_is_described_by_its_rows_alone():
    whole = pa.concat_tables([ner_table("qu", TRAIN[:2]), ner_table("qu", TRAIN[2:])])
    assert describe("ner", {"train": Split(whole.slice(3, 1))})["train"]["labels"] == {"O": 1}
    rows = [(f"r{i}", "é" * i, "positive" if i % 2 else "negative") for i in range(1, 7)]
    table = task_table("sentiment", "qu", rows)
    parts = pa.concat_tables([table.slice(0, 2), table.slice(2, 4)]).slice(1, 3)  # 2, 3 and 4 letters
    found = describe("sentiment", {"train": Split(parts)})["train"]
    assert found["labels"] == {"negative": 2, "positive": 1}
    assert found["characters"] == {"mean": 3.0, "p50": 3, "p95": 4, "max": 4}


def test_sentiment():
    found = described(
        "sentiment",
        train=[
            ("a", "ñandú", "positive"),
            ("b", "bad", "negative"),
            ("c", "ñandú", "negative"),
            ("d", "🙂", "positive"),
        ],
        dev=[("e", "bad", "negative"), ("f", "x" * 20, "negative")],
        test=[("g", "good", "positive")],
    )
    assert found["train"] == {
        "rows": 4,
        "dropped": {},
        "repaired": {},
        "duplicates_within": 1,  # c repeats a, with another label
        "duplicates_across": {"dev": 1, "test": 0},
        "labels": {"negative": 2, "positive": 2},
        "majority": 0.5,
        "characters": {"mean": 3.5, "p50": 3, "p95": 5, "max": 5},  # 1 3 5 5
    }
    assert found["dev"]["labels"] == {"negative": 2} and found["dev"]["majority"] == 1.0
    assert found["dev"]["duplicates_across"] == {"train": 1, "test": 0}
    assert found["dev"]["characters"] == {"mean": 11.5, "p50": 3, "p95": 20, "max": 20}


def test_inference():
    found = described(
        "nli",
        train=[
            ("a", "It rains.", "Wet.", "entailment"),
            ("b", "It rains.", "Dry.", "contradiction"),
            ("c", "Wet.", "It rains.", "neutral"),  # the other way round is another example
            ("d", "It rains.", "Wet.", "neutral"),
            ("e", "Sun.", "Warm.", "neutral"),
            ("f", "Sun.", "Hot.", "neutral"),
        ],
        test=[("g", "It rains.", "Wet.", "entailment")],
    )["train"]
    assert (found["rows"], found["duplicates_within"], found["duplicates_across"]) == (6, 1, {"test": 2})
    assert found["labels"] == {"contradiction": 1, "entailment": 1, "neutral": 4}
    assert found["majority"] == 0.6667
    # Both texts together: 9 + 4 four times, 4 + 5, 4 + 4.
    assert found["characters"] == {"mean": 11.5, "p50": 13, "p95": 13, "max": 13}


def test_relevance_tells_its_imbalance():
    rows = [(f"r{i}", "red shoe", f"title {i}", "relevant" if i == 0 else "irrelevant") for i in range(8)]
    found = described("relevance", train=rows)["train"]
    assert found["labels"] == {"irrelevant": 7, "relevant": 1} and found["majority"] == 0.875
    assert found["characters"] == {"mean": 15.0, "p50": 15, "p95": 15, "max": 15}
    assert (found["duplicates_within"], found["duplicates_across"]) == (0, {})


def test_question_answering():
    lima = "Lima lies in Peru."
    found = described(
        "qa",
        train=[
            ("a", "Where?", lima, ["Peru"], [13]),
            ("b", "Where?", lima, ["in Peru", "Peru"], [10, 13]),  # the same question on the same text
            ("c", "What?", lima, ["Lima", "Lima", "Lima lies"], [0, 0, 0]),
            ("d", "Where?", "Peru.", ["Peru"], [0]),
        ],
        dev=[("e", "What?", lima, ["Lima"], [0])],
    )
    assert found["train"] == {
        "rows": 4,
        "dropped": {},
        "repaired": {},
        "duplicates_within": 1,
        "duplicates_across": {"dev": 1},
        "shared_across": {"dev": 3},
        "answers": {"1": 2, "2": 1, "3": 1},
        "characters": {"mean": 20.5, "p50": 23, "p95": 24, "max": 24},  # 24 24 23 11: 18 or 5, and 6, 6, 5, 6
    }


def test_shared_texts_are_counted_by_row_whatever_else_differs():
    rows = [("a", "A  man.", "x", "neutral"), ("b", "A man.", "y", "neutral"), ("c", "A dog.", "z", "neutral")]
    found = described("nli", train=rows[:2], dev=[("d", "A man.", "w", "neutral")], test=rows[2:])
    assert found["train"]["shared_across"] == {"dev": 2, "test": 0}
    assert found["dev"]["shared_across"] == {"train": 1, "test": 0}
    assert "shared_across" not in described("sentiment", train=[("a", "A man.", "positive")])["train"]


@pytest.mark.parametrize("task", ["ner", "sentiment", "nli", "relevance", "qa"])
def test_an_absent_split_is_all_zero(task):
    empty, reasons = SCHEMAS[task].empty_table(), {"three stars": 2}
    found = describe(task, {"train": Split(empty, reasons), "dev": Split(empty)})["train"]
    assert found.pop("tokens" if task == "ner" else "characters") is None
    told = {
        "ner": {"labels": {}, "entities": {}},
        "qa": {"answers": {}},
    }.get(task, {"labels": {}, "majority": None})
    assert found == {
        "rows": 0,
        "dropped": reasons,
        "repaired": {},
        "duplicates_within": 0,
        "duplicates_across": {"dev": 0},
        **({"shared_across": {"dev": 0}} if task in SHARED else {}),
        **told,
    }


@settings(max_examples=50, deadline=None)
@given(
    train=st.lists(st.sampled_from("abcde"), max_size=20),
    test=st.lists(st.sampled_from("cdefg"), max_size=20),
    data=st.data(),
)
def test_duplicates_by_another_count(train, test, data):
    rows = {
        name: [
            (f"{name}{i}", text, data.draw(st.sampled_from(["negative", "positive"]))) for i, text in enumerate(texts)
        ]
        for name, texts in (("train", train), ("test", test))
    }
    found = described("sentiment", **rows)
    keys = {name: row_keys("sentiment", task_table("sentiment", "qu", given)) for name, given in rows.items()}
    for name, other in (("train", "test"), ("test", "train")):
        within = sum(key in keys[name][:i] for i, key in enumerate(keys[name]))
        assert found[name]["duplicates_within"] == within
        assert found[name]["duplicates_across"] == {other: sum(key in keys[other] for key in keys[name])}


@settings(max_examples=50, deadline=None)
@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=60))
def test_lengths_are_of_rows_that_are_there(lengths):
    found = described("sentiment", train=[(f"r{i}", "x" * n, "positive") for i, n in enumerate(lengths)])
    told, ordered = found["train"]["characters"], sorted(lengths)
    assert told["max"] == ordered[-1] and told["mean"] == round(float(np.mean(lengths)), 3)
    for name, share in (("p50", 0.5), ("p95", 0.95)):
        # The smallest length that so many rows do not exceed.
        assert told[name] == next(n for n in ordered if sum(m <= n for m in lengths) >= share * len(lengths) - 1e-9)


def test_text_is_counted_in_characters():
    table = text_table("qu", [("a", "ñandú"), ("b", "x"), ("c", "x")])
    assert describe_text(table) == {"rows": 3, "characters": 7, "duplicates_within": 1}
    assert describe_text(table.slice(0, 0)) == {"rows": 0, "characters": 0, "duplicates_within": 0}
