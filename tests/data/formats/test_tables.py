"""A user's tables, in every form, and every way in which they are broken."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common.errors import UserError
from pipeline.data.formats.delimited import Dialect
from pipeline.data.formats.lines import BOM, CARRIAGE
from pipeline.data.formats.tables import BLANK_LINE, as_text, read_table
from pipeline.data.formats.text import read_text

ROWS = [("1", "Bagus, murah", "positive"), ("2", 'kata "jelek"', "negative")]
COLUMNS = {"id": ["1", "2"], "text": ["Bagus, murah", 'kata "jelek"'], "label": ["positive", "negative"]}


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def columns(path, *names, optional=(), **dialect):
    return read_table(path, names, optional, Dialect(**dialect)).columns


# --------------------------------------------------------------------------------------------------------------- formats


def forms(tmp_path):
    objects = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
    pq.write_table(pa.table(COLUMNS), tmp_path / "a.parquet")
    return [
        write(tmp_path, "a.csv", 'id,text,label\n1,"Bagus, murah",positive\n2,"kata ""jelek""",negative\n'),
        write(tmp_path, "a.tsv", 'id\ttext\tlabel\n1\tBagus, murah\tpositive\n2\tkata "jelek"\tnegative\n'),
        write(tmp_path, "q.tsv", 'id\ttext\tlabel\n1\tBagus, murah\tpositive\n2\t"kata ""jelek"""\tnegative\n'),
        write(tmp_path, "a.jsonl", "\n".join(json.dumps(o) for o in objects)),
        write(tmp_path, "l.json", json.dumps(objects, indent=1)),
        write(tmp_path, "o.json", "".join(json.dumps(o) + "\n" for o in objects)),
        tmp_path / "a.parquet",
    ]


def test_every_form_holds_the_same_rows(tmp_path):
    for path in forms(tmp_path):
        table = read_table(path, ["id", "text", "label"])
        assert (table.columns, table.rows, table.repaired) == (COLUMNS, 2, {}), path.name


def test_rows_know_their_lines_or_numbers(tmp_path):
    places = {path.name: read_table(path, ["id"]).place(1) for path in forms(tmp_path)}
    assert {name: place.rpartition("/")[2] for name, place in places.items()} == {
        "a.csv": "a.csv:3",
        "a.tsv": "a.tsv:3",
        "q.tsv": "q.tsv:3",
        "a.jsonl": "a.jsonl:2",
        "l.json": "l.json: row 1",
        "o.json": "o.json:2",
        "a.parquet": "a.parquet: row 1",
    }


def test_only_the_columns_asked_for_are_read(tmp_path):
    path = write(tmp_path, "a.csv", "id,text,label\n1,a,b\n")
    assert columns(path, "text", optional=["label", "other"]) == {"text": ["a"], "label": ["b"]}


def test_columns_without_names_are_numbered(tmp_path):
    assert columns(write(tmp_path, "a.csv", "x,y\nz,w\n"), "1", "0", header=False) == {"1": ["y", "w"], "0": ["x", "z"]}


def test_quoted_line_ends_belong_to_the_text_and_lines_are_counted_on(tmp_path):
    table = read_table(write(tmp_path, "a.csv", 'text,label\n"one\ntwo\n",a\n\nthree,b\n'), ["text"])
    assert table.columns == {"text": ["one\ntwo\n", "three"]}
    assert [table.place(row).rpartition(":")[2] for row in range(2)] == ["2", "6"]
    assert table.repaired == {BLANK_LINE: 1}


def test_byte_order_mark_and_carriage_returns_are_removed(tmp_path):
    for name, text in {"a.csv": "text,n\r\nx,1\r\ny,2\r\n", "a.tsv": "text\tn\r\nx\t1\r\ny\t2\r\n"}.items():
        table = read_table(write(tmp_path, name, b"\xef\xbb\xbf" + text.encode()), ["text", "n"])
        assert table.columns == {"text": ["x", "y"], "n": ["1", "2"]}
        assert table.repaired == {BOM: 1, CARRIAGE: 3}
    table = read_table(write(tmp_path, "a.jsonl", b'\xef\xbb\xbf{"text": "x"}\r\n\r\n{"text": "y"}\r\n'), ["text"])
    assert table.columns == {"text": ["x", "y"]}
    assert table.repaired == {BOM: 1, CARRIAGE: 3, BLANK_LINE: 1}


def test_control_characters_are_data(tmp_path):
    odd = "a\x0bb\x0cc\x1cd\x85e\u2028f\x00g\rh"
    for name, text in {
        "a.csv": f'text,n\n{odd},1\n"{odd}",2\n',
        "a.tsv": f"text\tn\n{odd}\t1\n{odd}\t2\n",
        "q.tsv": f'text\tn\n{odd}\t1\n"{odd}"\t2\n',
        "a.jsonl": f'{{"text": "{odd}", "n": 1}}\n{{"text": "{odd}", "n": 2}}\n',
    }.items():
        assert columns(write(tmp_path, name, text), "text", "n") == {"text": [odd, odd], "n": ["1", "2"]}, name


def test_the_file_says_its_encoding(tmp_path):
    path = write(tmp_path, "a.csv", "text,n\nпривет,1\n".encode("cp1251"))
    assert columns(path, "text", encoding="cp1251") == {"text": ["привет"]}
    path = write(tmp_path, "b.csv", "text,n\nпривет,1\n".encode("utf-16"))
    assert columns(path, "text", encoding="utf-16") == {"text": ["привет"]}


def test_long_texts_are_read_whole(tmp_path):
    text = "x" * 300_000  # the csv module's own limit is 131,072
    assert columns(write(tmp_path, "a.csv", f"text\n{text}\n"), "text") == {"text": [text]}


# ------------------------------------------------------------------------------------------------------ quotes in a TSV


@pytest.mark.parametrize(
    ("rows", "texts"),
    [
        (['"so" he said\ta', "x\tb"], ['"so" he said', "x"]),  # begins with a quote
        (['"open\ta', 'close"\tb'], ['"open', 'close"']),  # as CSV, this would be one row
        (['"whole"\ta', '5" wide\tb'], ['"whole"', '5" wide']),  # CSV would have quoted 5" wide
        (['"whole"\ta', '"5"" wide"\tb'], ["whole", '5" wide']),  # as CSV
        (['"two\nlines"\ta', "x\tb"], ["two\nlines", "x"]),  # as CSV: otherwise ragged
        (['"a\ttab"\ta', "x\tb"], ["a\ttab", "x"]),
    ],
)
def test_quotes_in_tsv_are_data_unless_csv_wrote_them(tmp_path, rows, texts):
    path = write(tmp_path, "a.tsv", "\n".join(["text\tlabel", *rows]) + "\n")
    assert columns(path, "text", "label") == {"text": texts, "label": ["a", "b"]}


# --------------------------------------------------------------------------------------------------------------- values


def test_numbers_are_spelt_one_way():
    values = [1, 1.0, "1", True, None, float("nan"), 0.5, "1.0", [1.0], {"a": 1}, 10**20]
    assert [as_text(value) for value in values] == [
        "1", "1", "1", "true", None, None, "0.5", "1.0", [1.0], {"a": 1}, "100000000000000000000",
    ]  # fmt: skip


def test_missing_keys_and_nulls_are_none(tmp_path):
    path = write(tmp_path, "a.jsonl", '{"text": "x", "n": 2.0}\n{"n": null}\n')
    assert columns(path, "text", "n") == {"text": ["x", None], "n": ["2", None]}


def test_parquet_types(tmp_path):
    table = {
        "n": pa.array([1, None], pa.int8()),
        "f": pa.array([2.0, 2.5]),
        "d": pa.array(["a", "b"]).dictionary_encode(),
        "s": pa.array(["x", None], pa.large_string()),
        "l": pa.array([["p"], []]),
    }
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    assert columns(tmp_path / "a.parquet", *table) == {
        "n": ["1", None],
        "f": ["2", "2.5"],
        "d": ["a", "b"],
        "s": ["x", None],
        "l": [["p"], []],
    }


# ------------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", "text,label\nx,a\ny\n", r"a.csv:3: 1 columns, expected 2 as in the first row; commas and line ends"),
        ("a.csv", 'text,label\n"x\ny",a\nz,b,c\n', r"a.csv:4: 3 columns, expected 2"),
        ("a.tsv", "text\tlabel\nx\ta\ty\n", r"a.tsv:2: 3 columns, expected 2 as in the first row$"),
        ("a.csv", 'text,label\nx,a\n"y,b\nz,c\n', r"a.csv:3: not valid CSV: a quote that begins here is never closed"),
        ("a.csv", 'text,label\n"x" y,a\n', r"a.csv:2: not valid CSV: a closing quote is followed by more text"),
        (
            "a.csv",
            "txt,label\nx,a\n",
            r"a.csv: column 'text' is missing; did you mean 'txt'\?; name it under `columns`",
        ),
        (
            "a.csv",
            "txt;label\nx;a\n",
            r"column 'text' is missing; the first line is 'txt;label': separated by ';'\?.*delimiter: \";\"",
        ),
        ("a.csv", "text,label,text\nx,a,y\n", r"a.csv: column 'text' stands there 2 times"),
        ("a.csv", "text,label\n", r"a.csv: holds no rows below its header"),
        ("a.csv", "", r"a.csv: the file is empty"),
        ("a.csv", "\n \n", r"a.csv: the file is empty"),
        ("a.csv", "text,label\rx,a\r", r"a.csv:1: lines end in carriage returns alone"),
        ("a.csv", b"text,label\nx,a\ncaf\xe9,b\n", r"a.csv:3: byte 0xe9 at offset 18: not utf-8; set `encoding`"),
        (
            "a.csv",
            "text,label\n".encode("utf-16"),
            r"a.csv:1: a UTF-16 byte order mark: not utf-8; set encoding: utf-16",
        ),
        (
            "a.jsonl",
            '{"text": "x"}\n{"text": \n',
            r"a.jsonl:2: not valid JSON: Expecting value \(column 10\); expected an obj",
        ),
        ("a.jsonl", '{"text": "x"}\n["y"]\n', r"a.jsonl:2: expected an object, \{column: value, …\}, got a list"),
        ("a.jsonl", '{"text": "x"}\n7\n', r"a.jsonl:2: expected an object, .*, got 7"),
        ("a.jsonl", '{"text": "x", "text": "y"}\n', r"a.jsonl:1: not valid JSON: key 'text' stands there twice"),
        ("a.json", '{"data": [{"text": "x", "text": "y"}]}', r"a.json: not valid JSON: key 'text' stands there twice"),
        ("a.jsonl", '{"text": "\\ud83d"}\n', r"a.jsonl:1: holds half of a character"),
        ("a.jsonl", '{"label": "x"}\n', r"a.jsonl: column 'text' is missing; valid: label"),
        ("a.jsonl", '{"text": ' + "[" * 100_000 + "\n", r"a.jsonl:1: not valid JSON: "),
        ("a.json", '[{"text": "x"},\n {"text": }]', r"a.json:2: not valid JSON: Expecting value"),
        ("a.json", '[{"text": "x"}, "y"]', r"a.json: row 1: expected an object, .*, got 'y'"),
        ("a.json", "[]", r"a.json: holds no rows"),
        ("a.json", '{\n "text": "x"\n}', r"a.json:1: not valid JSON: .*; expected an object a line, or one list"),
        ("a.parquet", b"PAR1nonsense", r"a.parquet: not a readable Parquet file"),
        ("a.xlsx", b"PK", r"a.xlsx: not a readable workbook \(File is not a zip file\); save it anew"),
        ("a.xls", b"\xd0\xcf", r"a.xls: .xls is not read; save it as .xlsx or CSV"),
    ],
)
def test_broken_files_are_refused_with_their_place(tmp_path, name, content, says):
    with pytest.raises(UserError, match=says):
        read_table(write(tmp_path, name, content), ["text"])


def test_a_column_without_a_name_must_be_given_by_number(tmp_path):
    with pytest.raises(
        UserError, match=r"column 'text' is missing; valid: 0, 1; header: no numbers .*columns: \{text: 0\}"
    ):
        read_table(write(tmp_path, "a.csv", "x,y\n"), ["text"], dialect=Dialect(header=False))


def test_parquet_without_rows_or_with_bytes_is_refused(tmp_path):
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    with pytest.raises(UserError, match=r"a.parquet: holds no rows"):
        read_table(tmp_path / "a.parquet", ["text"])
    pq.write_table(pa.table({"text": pa.array([b"x"])}), tmp_path / "b.parquet")
    with pytest.raises(UserError, match=r"b.parquet: column 'text' is binary, expected text"):
        read_table(tmp_path / "b.parquet", ["text"])


def test_encodings_are_named_and_missing_files_too(tmp_path):
    path = write(tmp_path, "a.csv", "text\nx\n")
    with pytest.raises(UserError, match=r"encoding: unknown encoding 'cp12511'; did you mean 'cp1251'\?"):
        read_text(path, "cp12511")
    with pytest.raises(UserError, match=r"encoding: unknown encoding 'base64'"):  # a codec, but of no text
        read_text(path, "base64")
    with pytest.raises(UserError, match=r"gone.csv: no such file"):
        read_text(tmp_path / "gone.csv")
    with pytest.raises(UserError, match=r"cannot be read: Is a directory"):
        read_text(tmp_path)
