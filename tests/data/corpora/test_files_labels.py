"""Own data whose labels are not known: what is said, and that the advice works when it is followed."""

import json
import re

import pytest
import yaml

from pipeline.common.errors import LONGEST, UserError
from pipeline.data.corpora.files.labels import _as_yaml, own_labels
from pipeline.data.corpora.files.read import read_splits
from tests.data.corpora.test_files import jsonl, read, rows, spec, write


def refused(tmp_path, content, name="a.csv", **options):
    with pytest.raises(UserError) as told:
        read(tmp_path, name, content, **options)
    return str(told.value)


def advised(said):
    """The map of labels that a message tells to write, as YAML reads it."""
    return yaml.safe_load(re.search(r"labels: (\{.*?\})(;|$)", said)[1])


def labels_of(tmp_path, content, name="a.csv", **options):
    return [row[-1] for row in rows(read(tmp_path, name, content, **options).table)]


def csv(*labels):
    return "text,label\n" + "".join(f"words {i},{label}\n" for i, label in enumerate(labels))


def test_all_unknown_labels_are_said_at_once_and_the_advice_reads_the_file(tmp_path):
    content = csv("Negative", "Positive", "Negative", "Negative")
    said = refused(tmp_path, content)
    assert re.search(
        r"a\.csv:2: unknown label 'Negative' \(3 rows\), unknown label 'Positive' \(1 row, first at ", said
    )
    assert advised(said) == {"Negative": "negative", "Positive": "positive"}
    assert labels_of(tmp_path, content, labels=advised(said)) == ["negative", "positive", "negative", "negative"]


@pytest.mark.parametrize(
    ("task", "label", "means"),
    [
        ("relevance", "Not_Relevant", None),  # nearest in letters is the opposite class
        ("sentiment", "non-negative", None),
        ("sentiment", "neutral", None),
        ("sentiment", "1", None),
        ("sentiment", "рositive", "positive"),  # with a Cyrillic letter
        ("nli", "ENTAILMENT", "entailment"),
    ],
)
def test_a_class_is_filled_in_only_where_the_label_is_its_name(tmp_path, task, label, means):
    columns = {"sentiment": "text,label", "relevance": "query,title,label", "nli": "premise,hypothesis,label"}[task]
    said = refused(tmp_path, f"{columns}\n{'x,' * columns.count(',')}{label}\n", task=task)
    if means is None:
        assert f'"{label}": ?' in said and "in the place of each ?" in said
        with pytest.raises(yaml.YAMLError):  # so that nobody takes it as it stands
            advised(said)
    else:
        assert advised(said) == {label: means}


def test_usual_classes_that_the_file_has_as_well_are_part_of_the_advice(tmp_path):
    content = csv("negative", "Positive", "positive")
    said = refused(tmp_path, content)
    assert advised(said) == {"negative": "negative", "positive": "positive", "Positive": "positive"}
    assert labels_of(tmp_path, content, labels=advised(said)) == ["negative", "positive", "positive"]


def test_a_map_is_completed(tmp_path):
    content = csv("good", "Good", "bad", "so-so")
    given = {"good": "positive", "bad": "negative"}
    said = refused(tmp_path, content, labels=given)
    assert '{"good": positive, "bad": negative, "Good": positive, "so-so": ?}' in said and "negative, positive" in said


@pytest.mark.parametrize("blank", ["", " ", "\u00a0", "\u200b"])
def test_rows_without_a_label_are_left_out_by_the_advice(tmp_path, blank):
    content = csv("positive", blank, "negative", blank)
    said = refused(tmp_path, content)
    assert "a.csv:3: no label (2 rows)" in said and advised(said) == {"": None}
    found = read(tmp_path, "a.csv", content, labels=advised(said))
    assert [row[-1] for row in rows(found.table)] == ["positive", "negative"]
    assert found.dropped == {"label '', left out": 2}
    own = {"positive": "good", "negative": "bad"}
    said = refused(tmp_path, content, labels=own)
    assert advised(said) == {**own, "": None}
    assert labels_of(tmp_path, content, labels=advised(said)) == ["good", "bad"]


def test_a_map_that_only_leaves_out_adds_to_the_usual_classes(tmp_path):
    found = read(tmp_path, "a.csv", csv("positive", "?", "negative"), labels={"?": None})
    assert [row[-1] for row in rows(found.table)] == ["positive", "negative"] and found.dropped == {
        "label '?', left out": 1
    }
    content = "a O\nb B-LOC\n\nc X\n"
    tagged = read(tmp_path, "a.conll", content, task="ner", labels={"X": None})
    assert [row[-1] for row in rows(tagged.table)] == [["O", "B-LOC"]]


@pytest.mark.parametrize(
    ("yaml_map", "labels"),
    [
        ("{01: good, 02: bad}", ["01", "02"]),
        ("{010: good, 0100: bad}", ["010", "0100"]),  # octal to YAML
        ("{0.10: good, 0.20: bad}", ["0.10", "0.20"]),
    ],
)
def test_labels_that_yaml_reads_as_other_numbers(tmp_path, yaml_map, labels):
    content = csv(*labels)
    said = refused(tmp_path, content, labels=yaml.safe_load(yaml_map))
    assert f"without quotes YAML reads {labels[0]} as a number" in said
    assert advised(said) == dict(zip(labels, ["good", "bad"], strict=True))
    assert labels_of(tmp_path, content, labels=advised(said)) == ["good", "bad"]


def test_numbers_truth_values_and_blanks_are_one_label_however_they_are_saved(tmp_path):
    content = csv("1", "1.0", " 1", "1\u00a0", "\ufeff1", "0", "0.0")
    assert labels_of(tmp_path, content, labels={1: "positive", 0.0: "negative"}) == ["positive"] * 5 + ["negative"] * 2
    content = csv("TRUE", "True", "false", "False ")
    assert labels_of(tmp_path, content, labels={"true": "positive", "False": "negative"}) == [
        *("positive", "positive", "negative", "negative")
    ]
    content = jsonl(*({"text": "x", "label": label} for label in (1, 1.0, True, "e\u0301")))
    labels = {1: "a", "true": "b", "é": "a"}
    assert labels_of(tmp_path, content, "a.jsonl", labels=labels) == ["a", "a", "b", "a"]


def test_a_column_that_holds_no_labels_is_named_instead_of_listed(tmp_path):
    said = refused(tmp_path, csv(*(f"a sentence of {i}" for i in range(40))))
    assert "… (40 different ones); so many are hardly labels: name the column" in said and len(said) < 1200


def test_many_classes_are_all_listed(tmp_path):
    labels = [f"intent {i}" for i in range(20)]
    said = refused(tmp_path, csv(*labels, *labels, *labels))
    assert all(f"unknown label {label!r} (3 rows" in said for label in labels[:10]) and "… (20 different ones)" in said
    assert all(f'"{label}": ?' in said for label in labels) and len(said) < 2000
    given = {label: f"intent-{i % 5}" for i, label in enumerate(labels)}
    assert labels_of(tmp_path, csv(*labels), labels=given) == [given[label] for label in labels]


def test_classes_are_one_however_they_are_written_and_refused_where_they_only_look_so(tmp_path):
    content = csv("1", "2", "3")
    labels = {"1": "positive", "2": "positive\u00a0", "3": "negative"}
    assert labels_of(tmp_path, content, labels=labels) == ["positive", "positive", "negative"]
    with pytest.raises(
        UserError, match=r"the classes 'роsitive' and 'positive' are two: it looks the same, but has U\+0070"
    ):
        read(tmp_path, "a.csv", content, labels={"1": "роsitive", "2": "negative", "3": "negative"})


def test_classes_with_signs_of_yaml_are_quoted(tmp_path):
    given = {"1": "so-so, perhaps", "2": "no", "3": "7"}
    said = refused(tmp_path, csv("1", "2", "3", "4"), labels=given)
    assert '{"1": "so-so, perhaps", "2": "no", "3": "7", "4": ?}' in said
    assert json.dumps(given)[:-1] in said


# ----------------------------------------------------------------------------------------------- classes of the file's own

TOPICS = ("sports", "health", "sports", "e-mail list", "no")


def test_a_task_without_usual_classes_is_told_all_that_its_files_have(tmp_path):
    given = {"task": "classification", "files": {"train": "a.csv", "test": "b.csv"}}
    files = {"train": [write(tmp_path, "a.csv", csv(*TOPICS))], "test": [write(tmp_path, "b.csv", csv("weather", ""))]}
    with pytest.raises(UserError) as told:
        read_splits(spec(**given), files)
    said = str(told.value)
    assert "here are 5 labels (e-mail list 1, health 1, no 1, sports 2, weather 1)" in said
    assert '1 rows without a label need labels: {"": null} too' in said
    advised = yaml.safe_load(re.search(r"classes: \[.*?\]", said)[0])
    assert advised == {"classes": ["e-mail list", "health", "no", "sports", "weather"]}
    found = read_splits(spec(**given, **advised, labels={"": None}), files)
    assert [row[-1] for row in rows(found["train"].table)] == [*TOPICS]
    assert own_labels("classification", {"": None}, advised["classes"]) == tuple(advised["classes"])


def test_a_column_of_texts_is_not_taken_for_classes(tmp_path):
    content = "text,label\n" + "".join(f"words {i},sentence number {i}\n" for i in range(30))
    with pytest.raises(UserError, match="30 different labels in 30 rows are hardly classes; name the column"):
        read_splits(spec(task="classification"), {"all": [write(tmp_path, "a.csv", content)]})


def test_listed_classes_stand_for_themselves_and_a_map_adds_to_them(tmp_path):
    given = {"task": "classification", "classes": ["sports", "health"]}
    content = csv("sports", "health", "Football")
    said = refused(tmp_path, content, **given)
    assert 'labels: {"Football": ?}; with a class (sports, health), or null' in said
    assert "a label that is a class of its own belongs into `classes`" in said
    for means, labels in (("sports", ["sports", "health", "sports"]), (None, ["sports", "health"])):
        assert labels_of(tmp_path, content, labels={"Football": means}, **given) == labels


@pytest.mark.parametrize(
    ("task", "classes", "labels", "message"),
    [
        ("classification", ["a"], {}, "classes: 'a' alone; expected at least two"),
        ("classification", ["a", "b", "a"], {}, "classes: 'a' stands there twice"),
        ("classification", ["a", "b", " "], {}, "classes: one has no name"),
        ("classification", ["a", "а"], {}, "classes: the classes 'a' and 'а' are two"),
        (
            "classification",
            ["sport", "health"],
            {"1": "sports"},
            "labels: the class 'sports' is not among `classes`; did",
        ),
        ("ner", ["a", "b"], {}, "classes: task ner has none; leave it out"),
    ],
)
def test_classes_that_cannot_be(task, classes, labels, message):
    with pytest.raises(UserError, match=message):
        own_labels(task, labels, classes)


def test_classes_that_are_the_tasks_own_keep_their_order():
    assert own_labels("sentiment", {}, ["positive", "negative"]) == ("negative", "positive")
    assert own_labels("sentiment", {}, ["positive", "neutral", "negative"]) == ("positive", "neutral", "negative")


@pytest.mark.parametrize(
    "label", ["[" * 100_000, '!!int ""', "&a [*a]", "{" * 3000], ids=["open", "tag", "itself", "braces"]
)
def test_a_label_that_is_yaml_without_bounds_is_a_text(label):
    assert _as_yaml(label) is None


LONG = [f"a rather long label of a survey, number {n:02}, with a remark" for n in range(40)]


def test_a_map_too_long_for_a_message_is_copied_bit_by_bit(tmp_path):
    """Whoever copies what the error says has all labels after a few attempts."""
    file = write(tmp_path, "a.csv", "text,label\n" + "".join(f'x {i},"{name}"\n' for i, name in enumerate(LONG * 4)))
    labels: dict[str, str | None] = {"yes": "positive", "no": "negative"}
    for _ in range(10):
        try:
            read_splits(spec(labels=labels), {"all": [file]})
        except UserError as error:
            said = str(error)
            assert len(said) < LONGEST and "left out …" not in said
            (block,) = re.findall(r"add to `labels` in the config: (\{.*?\})(?: \(\d+ more|;)", said)
            added = yaml.safe_load(block.replace(": ?", ": positive"))
            assert added and set(added) <= set(LONG) - set(labels)
            labels |= added
        else:
            break
    assert set(labels) == {"yes", "no", *LONG}


def test_classes_too_many_for_a_message_are_whole_as_far_as_they_go(tmp_path):
    file = write(tmp_path, "a.csv", "text,label\n" + "".join(f'x {i},"{name}"\n' for i, name in enumerate(LONG * 4)))
    with pytest.raises(UserError) as caught:
        read_splits(spec(task="classification"), {"all": [file]})
    said = str(caught.value)
    (block,) = re.findall(r"classes: (\[.*?\]) \(\d+ more are named once these are there\)", said)
    assert len(said) < LONGEST and len(yaml.safe_load(block)) > 5 and set(yaml.safe_load(block)) < set(LONG)
