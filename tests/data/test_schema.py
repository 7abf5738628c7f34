import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data import schema
from pipeline.errors import UserError

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
