import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common import limits
from pipeline.common.errors import UserError
from pipeline.data.formats.lines import EMPTY
from pipeline.data.formats.tagged_parquet import BLANK, read_tagged_parquet
from pipeline.data.schema import LABELS

NER = LABELS["ner"]
TOKENS = [["Qusqu", "llaqta"], ["Ana", "María"]]


def write(path, tokens=TOKENS, tags=((5, 0), (1, 2)), names=None, **columns):
    table = pa.table({"tokens": tokens, **({} if tags is None else {"ner_tags": [list(t) for t in tags]}), **columns})
    if names:
        feature = {"feature": {"names": names, "_type": "ClassLabel"}, "_type": "Sequence"}
        table = table.replace_schema_metadata(
            {"huggingface": json.dumps({"info": {"features": {"ner_tags": feature}}})}
        )
    pq.write_table(table, path)
    return path


def test_numbers_become_tags(tmp_path):
    path = write(tmp_path / "a.parquet", langs=[["qu", "qu"]] * 2, spans=[["LOC: Qusqu"], ["PER: Ana María"]])
    found = read_tagged_parquet([path], NER)
    assert found.rows == [(["Qusqu", "llaqta"], ["B-LOC", "O"]), (["Ana", "María"], ["B-PER", "I-PER"])]
    assert found.labelled and found.places == [0, 1]


def test_the_files_own_label_names_win(tmp_path):
    names = ["O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER"]
    found = read_tagged_parquet([write(tmp_path / "a.parquet", names=names)], NER)
    assert [tags for _, tags in found.rows] == [["B-PER", "O"], ["B-LOC", "I-LOC"]]


def test_a_label_name_outside_the_set_is_refused(tmp_path):
    names = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC"]
    with pytest.raises(UserError, match=r"a.parquet: label name 'B-MISC' in the file's metadata"):
        read_tagged_parquet([write(tmp_path / "a.parquet", names=names)], NER)


def test_tag_strings_are_accepted(tmp_path):
    path = write(tmp_path / "a.parquet", tags=(("B-LOC", "O"), ("B-PER", "I-PER")))
    assert read_tagged_parquet([path], NER).rows[1][1] == ["B-PER", "I-PER"]


def test_shards_are_read_in_order(tmp_path):
    paths = [write(tmp_path / f"{i}.parquet", [[f"x{i}"]], [[0]]) for i in range(3)]
    found = read_tagged_parquet(paths, NER)
    assert [tokens for tokens, _ in found.rows] == [["x0"], ["x1"], ["x2"]]
    assert found.places == [0, 1, 2]


def test_dirty_rows_are_mended_and_counted(tmp_path):
    path = write(tmp_path / "a.parquet", [[], ["", "a"], ["b"]], [[], [1, 2], [6]])
    found = read_tagged_parquet([path], NER)
    # The blank token takes its B-PER along, so the I-PER after it begins the entity.
    assert found.rows == [(["a"], ["B-PER"]), (["b"], ["B-LOC"])]
    assert (found.dropped, found.repaired, found.orphans, found.places) == ({EMPTY: 1}, {BLANK: 1}, [1, 1], [1, 2])


@pytest.mark.parametrize("tags", [None, [[-1, -1], [-1, -1]]])
def test_hidden_tags_are_unlabelled(tmp_path, tags):
    found = read_tagged_parquet([write(tmp_path / "a.parquet", tags=tags)], NER)
    assert not found.labelled and [tags for _, tags in found.rows] == [[], []]


@pytest.mark.parametrize(
    ("tokens", "tags", "says"),
    [
        (TOKENS, [[5, 0], [1]], r"a.parquet: row 1 has 2 tokens and 1 tags"),
        (TOKENS, [[5, 0], [1, 7]], r"a.parquet: row 1: unknown tag 7; expected 0 … 6"),
        (TOKENS, [[5, 0], [1, -1]], r"a.parquet: row 1: unknown tag -1"),
        (TOKENS, [["O", "O"], ["B-PRE", "O"]], r"a.parquet: row 1: unknown tag 'B-PRE'; did you mean 'B-PER'"),
        (TOKENS, [[5, 0], [-1, -1]], r"a.parquet: 1 of 2 rows bear no tags; expected all or none"),
        (TOKENS, [[5, 0], [1, None]], r"a.parquet: row 1: column 'ner_tags' has an empty value"),
        ([["a", "b"], ["a", None]], [[0, 0], [0, 0]], r"a.parquet: row 1: column 'tokens' has an empty value"),
        ([[1, 2], [3, 4]], [[0, 0], [0, 0]], r"a.parquet: column 'tokens' is list<.*int64>, expected a list"),
        (TOKENS, [[0.5, 0.5]] * 2, r"a.parquet: column 'ner_tags' is list<.*double>"),
    ],
)
def test_malformed_rows_are_refused_by_place(tmp_path, tokens, tags, says):
    with pytest.raises(UserError, match=says):
        read_tagged_parquet([write(tmp_path / "a.parquet", tokens, tags)], NER)


def test_a_missing_column_is_named_with_the_nearest(tmp_path):
    pq.write_table(pa.table({"token": TOKENS}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"a.parquet: column 'tokens' is missing; did you mean 'token'"):
        read_tagged_parquet([tmp_path / "a.parquet"], NER)


def test_no_rows_truncation_and_an_empty_file_are_refused(tmp_path):
    path = write(tmp_path / "a.parquet")
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b""):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"a.parquet: not a readable Parquet file \(truncated\?\)"):
            read_tagged_parquet([path], NER)
    none = pa.table({"tokens": pa.array([], pa.list_(pa.string())), "ner_tags": pa.array([], pa.list_(pa.int64()))})
    pq.write_table(none, path)
    with pytest.raises(UserError, match=r"a.parquet: holds no rows"):
        read_tagged_parquet([path], NER)


def test_a_file_of_far_more_values_than_bytes_is_refused_before_it_is_read(tmp_path, monkeypatch):
    table = pa.table({"tokens": pa.array([["a"]] * 3_000_000), "ner_tags": pa.array([[0]] * 3_000_000)})
    pq.write_table(table, tmp_path / "a.parquet", compression="zstd")
    assert (tmp_path / "a.parquet").stat().st_size < 1 << 16
    monkeypatch.setattr(limits, "FREE", 1 << 24)
    with pytest.raises(limits.TooMuch, match=r"a\.parquet: refused: [\d,]+ bytes unpack to more than"):
        read_tagged_parquet([tmp_path / "a.parquet"], ["O"])
