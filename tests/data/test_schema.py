import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common.errors import UserError
from pipeline.data import schema

ROWS = [("wikiann-qu-train-0", ["Qusqu", "llaqta"], ["B-LOC", "O"]), ("wikiann-qu-train-2", ["x\x1fy"], ["O"])]


def facts(split):
    return schema.Facts("ner", schema.LABELS["ner"], "wikiann-12345678", "qu", split)


def write(path, rows=ROWS, split="train"):
    schema.write_split(path, schema.ner_table("qu", rows), facts(split))


def test_round_trip(tmp_path):
    write(tmp_path / "a.parquet")
    table = schema.read_split(tmp_path / "a.parquet", "ner")
    assert table.to_pylist() == [{"id": i, "lang": "qu", "tokens": t, "tags": g} for i, t, g in ROWS]
    assert schema.split_labels(table) == ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
    facts = schema.split_facts(table)
    assert (facts["task"], facts["dataset"], facts["language"], facts["split"]) == (
        "ner",
        "wikiann-12345678",
        "qu",
        "train",
    )


def test_same_rows_same_bytes_other_rows_other_bytes(tmp_path):
    write(tmp_path / "a.parquet")
    write(tmp_path / "b.parquet")
    write(tmp_path / "c.parquet", ROWS[:1])
    a, b, c = ((tmp_path / f"{name}.parquet").read_bytes() for name in "abc")
    assert a == b != c


def test_text_round_trip(tmp_path):
    table = schema.text_table("qu", [("a", "Qusqu llaqta"), ("b", "x")])
    schema.write_split(tmp_path / "text.parquet", table, schema.Facts("text", [], "d", "qu", "text"))
    assert schema.read_split(tmp_path / "text.parquet", "text")["text"].to_pylist() == ["Qusqu llaqta", "x"]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "holds no rows"),
        ([("a", ["x"], ["B-LOCC"])], "tag 'B-LOCC' is not in the label set; did you mean 'B-LOC'"),
        ([("a", ["x"], ["O"]), ("b", ["x", "y"], ["O"])], r"row 1 \(b\) has 2 tokens and 1 tags"),
        ([("a", [], [])], r"row 0 \(a\) has 0 tokens"),
        ([("a", ["x"], ["O"]), (None, ["x"], ["O"])], "column 'id' has 1 empty values"),
    ],
)
def test_rows_that_break_the_contract_are_not_written(tmp_path, rows, says):
    with pytest.raises(UserError, match=says):
        write(tmp_path / "a.parquet", rows)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nowhere.parquet: no such file"):
        schema.read_split(tmp_path / "nowhere.parquet", "ner")


@pytest.mark.parametrize("keep", [0, 3, 300, -1])
def test_a_truncated_file_is_refused(tmp_path, keep):
    path = tmp_path / "a.parquet"
    write(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match=r"a.parquet: not a readable Parquet file"):
        schema.read_split(path, "ner")


def test_a_split_of_another_task_is_refused(tmp_path):
    table = schema.text_table("qu", [("a", "Qusqu")])
    schema.write_split(tmp_path / "text.parquet", table, schema.Facts("text", [], "d", "qu", "text"))
    with pytest.raises(UserError, match=r"column 'tokens' is missing; it has id, lang, text"):
        schema.read_split(tmp_path / "text.parquet", "ner")


def test_a_foreign_parquet_file_is_refused(tmp_path):
    pq.write_table(schema.ner_table("qu", ROWS), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"no metadata 'metalingua'"):
        schema.read_split(tmp_path / "a.parquet", "ner")


def test_a_column_of_another_type_is_refused(tmp_path):
    table = pa.table({"id": ["a"], "lang": ["qu"], "tokens": [["x"]], "tags": [[0]]})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"column 'tags' is list<.*int64>, expected list<.*string>"):
        schema.read_split(tmp_path / "a.parquet", "ner")


# --------------------------------------------------------------------------------------------------------------- all tasks

GOOD = {
    "ner": ("a", ["Qusqu", "llaqta"], ["B-LOC", "O"]),
    "sentiment": ("a", "good", "positive"),
    "classification": ("a", "good", "mood"),
    "nli": ("a", "It rains.", "It is wet.", "entailment"),
    "relevance": ("a", "red shoe", "Shoe, red", "relevant"),
    "qa": ("a", "Where?", "Lima lies in Peru.", ["Peru", "in Peru"], [13, 10]),
}
LABELS = {**schema.LABELS, "classification": ["mood", "topic"]}  # which has none but a dataset's
NAMES = {task: [name for name in schema.SCHEMAS[task].names if name != "lang"] for task in GOOD}


def put(path, task, *rows, language="qu", labels=None, **more):
    table = schema.task_table(task, language, rows)
    known = schema.Facts(task, labels or LABELS[task], "toy-1", "qu", "train", **more)
    schema.write_split(path, table, known)


def changed(task, **values):
    """A good row of a task with other values."""
    return tuple(values.get(name, value) for name, value in zip(NAMES[task], GOOD[task], strict=True))


@pytest.mark.parametrize("task", GOOD)
def test_every_task_is_read_as_it_was_written(tmp_path, task):
    rows = [GOOD[task], changed(task, id="b")]
    put(tmp_path / "a.parquet", task, *rows)
    table = schema.read_split(tmp_path / "a.parquet", task)
    assert table.schema.equals(schema.SCHEMAS[task])
    assert [tuple(row[name] for name in NAMES[task]) for row in table.to_pylist()] == rows
    assert table["lang"].to_pylist() == ["qu", "qu"]
    assert schema.split_labels(table) == LABELS[task]


@pytest.mark.parametrize("task", GOOD)
def test_a_table_without_rows_has_its_columns(task):
    assert schema.task_table(task, "qu", []).equals(schema.SCHEMAS[task].empty_table())


def test_rows_of_the_wrong_width_are_a_defect():
    with pytest.raises(ValueError, match="argument"):
        schema.task_table("sentiment", "qu", [("a", "good", "positive"), ("b", "good")])


BLANK = ["", " ", "\t\n", "\u3000"]


@pytest.mark.parametrize(
    ("task", "values", "says"),
    [
        *((task, {"id": None}, "column 'id' has 1 empty values") for task in GOOD),
        *((task, {name: None}, f"column '{name}' has 1 empty values") for task in GOOD for name in NAMES[task][1:]),
        *(
            (task, {name: blank}, rf"row 1 \(b\) has a blank {name}; expected text")
            for task, name in (
                *(("sentiment", "text"), ("nli", "premise"), ("nli", "hypothesis")),
                *(("relevance", "query"), ("relevance", "title"), ("qa", "question"), ("qa", "context")),
            )
            for blank in BLANK
        ),
        ("sentiment", {"label": "postive"}, r"label 'postive' is not in the label set; did you mean 'positive'"),
        ("nli", {"label": "1"}, r"label '1' is not in the label set; valid: contradiction, entailment, neutral"),
        ("relevance", {"label": "Relevant"}, r"label 'Relevant' .*did you mean 'relevant'"),
        ("nli", {"label": ""}, r"label '' is not in the label set"),
        ("ner", {"tags": ["B-LOC", ""]}, r"row 1 \(b\) has an empty value in tags"),
        ("ner", {"tags": ["B-LOC", None]}, r"row 1 \(b\) has an empty value in tags"),
        ("ner", {"tokens": ["Qusqu", None]}, r"row 1 \(b\) has an empty value in tokens"),
        ("ner", {"tokens": ["Qusqu", ""]}, r"row 1 \(b\) has an empty value in tokens"),
        ("ner", {"tokens": ["Qusqu"]}, r"row 1 \(b\) has 1 tokens and 2 tags; expected as many"),
        ("ner", {"tokens": [], "tags": []}, r"row 1 \(b\) has 0 tokens and 0 tags; expected as many, at least one"),
        (
            "qa",
            {"answers": [], "starts": []},
            r"row 1 \(b\) has 0 answers and 0 starts; expected as many, at least one",
        ),
        ("qa", {"starts": [13]}, r"row 1 \(b\) has 2 answers and 1 starts"),
        ("qa", {"answers": ["Peru", None]}, r"row 1 \(b\) has an empty value in answers"),
        ("qa", {"answers": ["Peru", ""]}, r"row 1 \(b\) has an empty value in answers"),
        ("qa", {"starts": [13, None]}, r"row 1 \(b\) has an empty value in starts"),
        ("qa", {"starts": [12, 10]}, r"b: the answer 'Peru' does not stand at character 12"),
        ("qa", {"starts": [13, 11]}, r"b: the answer 'in Peru' does not stand at character 11"),
        ("qa", {"starts": [-5, 10]}, r"b: the answer 'Peru' does not stand at character -5"),  # but from the end
        ("qa", {"starts": [99, 10]}, r"the answer 'Peru' does not stand at character 99"),
        ("qa", {"answers": ["peru", "in Peru"]}, r"the answer 'peru' does not stand at character 13"),
        ("qa", {"answers": ["Peru.!", "in Peru"]}, r"the answer 'Peru.!' does not stand"),  # ends outside
    ],
)
def test_a_row_that_breaks_its_tasks_contract_is_neither_written_nor_read(tmp_path, task, values, says):
    rows = [GOOD[task], changed(task, **{"id": "b", **values})]
    with pytest.raises(UserError, match=rf"a\.parquet: .*{says}"):
        put(tmp_path / "a.parquet", task, *rows)
    assert not (tmp_path / "a.parquet").exists()
    kept = schema.task_table(task, "qu", rows).replace_schema_metadata(
        {"metalingua": json.dumps({"task": task, "labels": schema.LABELS[task]})}
    )
    pq.write_table(kept, tmp_path / "a.parquet")
    with pytest.raises(UserError, match=rf"a\.parquet: .*{says}"):
        schema.read_split(tmp_path / "a.parquet", task)


def test_offsets_are_characters_whatever_they_are_made_of(tmp_path):
    context = "𝔏ima é̀ नमस्ते Perú"
    put(tmp_path / "a.parquet", "qa", ("a", "?", context, ["Perú", "नमस्ते"], [15, 8]))
    for shift in (-1, 1, 2):
        with pytest.raises(UserError, match=f"does not stand at character {15 + shift}"):
            put(tmp_path / "b.parquet", "qa", ("a", "?", context, ["Perú"], [15 + shift]))


@pytest.mark.parametrize("task", GOOD)
def test_an_id_for_two_rows_is_refused(tmp_path, task):
    with pytest.raises(UserError, match=r"a.parquet: 2 rows have the id 'a'; expected an id of its own for each"):
        put(tmp_path / "a.parquet", task, changed(task, id="b"), GOOD[task], GOOD[task])


def test_raw_text_of_two_rows_may_share_an_id(tmp_path):
    table = schema.text_table("qu", [("a-1", "x"), ("a-1", "y")])
    schema.write_split(tmp_path / "text.parquet", table, schema.Facts("text", [], "d", "qu", "text"))
    assert schema.read_split(tmp_path / "text.parquet", "text").num_rows == 2


def test_two_languages_in_one_split_are_refused(tmp_path):
    both = pa.concat_tables(
        [schema.task_table("sentiment", language, [(language, "x", "positive")]) for language in ("qu", "ay", "qu2")]
    )
    known = schema.Facts("sentiment", schema.LABELS["sentiment"], "toy-1", "qu", "train")
    with pytest.raises(UserError, match=r"a.parquet: holds rows in 'ay', 'qu2'; expected 'qu' alone"):
        schema.write_split(tmp_path / "a.parquet", both, known)
    with pytest.raises(UserError, match=r"results/train.parquet: holds rows in"):
        schema.write_split(tmp_path / "a.parquet", both, known, Path("results/train.parquet"))


def test_a_label_set_of_the_datasets_own(tmp_path):
    labels = ["bad", "middling", "good"]
    put(tmp_path / "a.parquet", "sentiment", ("a", "x", "middling"), labels=labels)
    assert schema.split_labels(schema.read_split(tmp_path / "a.parquet", "sentiment")) == labels
    with pytest.raises(UserError, match=r"label 'positive' is not in the label set; valid: bad, good, middling"):
        put(tmp_path / "b.parquet", "sentiment", ("a", "x", "positive"), labels=labels)


def test_how_a_table_lies_in_memory_changes_no_byte(tmp_path):
    rows = [(f"r{i}", f"text {i}", "positive") for i in range(9000)]
    whole = schema.task_table("sentiment", "qu", rows)
    parts = pa.concat_tables([whole.slice(0, 7), whole.slice(7, 5000), whole.slice(5007)])
    known = schema.Facts("sentiment", schema.LABELS["sentiment"], "toy-1", "qu", "train")
    for name, table in (("a", whole), ("b", parts), ("c", parts.append_column("more", pa.array(range(9000))))):
        schema.write_split(tmp_path / name, table, known)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()


# ----------------------------------------------------------------------------------------------------------- absent splits

WHY = "XNLI has no training data; train on MultiNLI"


@pytest.mark.parametrize("task", [*GOOD, "text"])
def test_an_absent_split_is_written_and_says_why_when_it_is_read(tmp_path, task):
    known = schema.Facts(task, schema.LABELS[task], "toy-1", "qu", "train", WHY)
    schema.write_split(tmp_path / "a.parquet", schema.SCHEMAS[task].empty_table(), known)
    assert schema.split_facts(pq.read_table(tmp_path / "a.parquet"))["absent"] == WHY
    with pytest.raises(UserError) as error:
        schema.read_split(tmp_path / "a.parquet", task)
    assert str(error.value) == f"toy-1 has no train data in qu: {WHY}"


def test_of_another_task_the_file_says_that_first(tmp_path):
    known = schema.Facts("nli", schema.LABELS["nli"], "toy-1", "qu", "train", WHY)
    schema.write_split(tmp_path / "a.parquet", schema.SCHEMAS["nli"].empty_table(), known)
    with pytest.raises(UserError, match=r"column 'query' is missing"):
        schema.read_split(tmp_path / "a.parquet", "relevance")


def test_a_split_that_is_there_says_nothing_of_absence(tmp_path):
    put(tmp_path / "a.parquet", "sentiment", GOOD["sentiment"])
    assert "absent" not in schema.split_facts(pq.read_table(tmp_path / "a.parquet"))


def test_no_rows_without_a_reason_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"a.parquet: holds no rows"):
        put(tmp_path / "a.parquet", "nli")


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"3"])
def test_metadata_of_others_is_refused(tmp_path, raw):
    table = schema.task_table("nli", "qu", [GOOD["nli"]]).replace_schema_metadata({b"metalingua": raw})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"a.parquet: no metadata 'metalingua'"):
        schema.read_split(tmp_path / "a.parquet", "nli")


# ---------------------------------------------------------------------------------------------------------- what fits what


def test_the_tables_of_the_contract_agree():
    tasks = set(GOOD)
    assert set(schema.SCHEMAS) == set(schema.LABELS) == {*tasks, "text"}
    assert set(schema.KEYS) == set(schema.PREDICTIONS) == tasks
    for task in tasks:
        assert set(schema.KEYS[task]) < set(schema.SCHEMAS[task].names)
        assert len(set(LABELS[task])) == len(LABELS[task]) > 1
        assert schema.SCHEMAS[task].names[:2] == ["id", "lang"]
        assert ("label" in schema.SCHEMAS[task].names) == (task in schema.CLASSES)
    assert all(schema.POSITIVE[task] in schema.LABELS[task] for task in schema.POSITIVE)
    assert schema.LABELS["nli"] == ["entailment", "neutral", "contradiction"]  # the hub's 0, 1, 2
