"""What separates cells and what quotes are is found out, or asked for; files that are something else are told."""

import gzip

import pytest

from pipeline.common import limits
from pipeline.common.errors import UserError
from pipeline.data.formats.delimited import SEP_LINE, Dialect, open_delimited, settle
from pipeline.data.formats.lines import CARRIAGE
from pipeline.data.formats.tables import BLANK_LINE, read_table
from pipeline.data.formats.text import read_bytes, read_text


def write(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(path, **dialect):
    return read_table(path, ["text", "label"], dialect=Dialect(**dialect))


WANTED = {"text": ["bonne, très", "non"], "label": ["a", "b"]}


@pytest.mark.parametrize(
    ("name", "content", "mark"),
    [
        ("a.csv", "text;label\nbonne, très;a\nnon;b\n", "';' (semicolon)"),
        ("a.csv", "text\tlabel\nbonne, très\ta\nnon\tb\n", "'\\t' (tab)"),
        ("a.csv", "text|label\nbonne, très|a\nnon|b\n", "'|' (bar)"),
        ("a.tsv", 'text,label\n"bonne, très",a\nnon,b\n', "',' (comma)"),
        ("a.csv", "\ufeffsep=;\r\ntext;label\r\nbonne, très;a\r\n;;\r\nnon;b\r\n;\r\n", "';' (semicolon)"),
        ("a.csv", "label;x, y;text\na;;bonne, très\nb;;non\n", "';' (semicolon)"),
    ],
)
def test_another_delimiter_is_recognised_by_the_columns_and_told(tmp_path, name, content, mark):
    table = read(write(tmp_path, name, content))
    assert table.columns == WANTED
    assert table.notes == (f"{name}: cells are separated by {mark}",)


def test_rows_of_separators_and_the_line_sep_are_counted_and_lines_are_right(tmp_path):
    table = read(write(tmp_path, "a.csv", "sep=;\r\ntext;label\r\n;\r\nx;a\r\n ; \r\n\r\ny;b\r\n;\r\n"))
    assert table.repaired == {SEP_LINE: 1, BLANK_LINE: 4, CARRIAGE: 7}
    assert [table.place(row).rpartition(":")[2] for row in range(2)] == ["4", "7"]
    assert table.gaps == {1}  # blank rows at either end stand between no two


def test_without_a_header_rows_must_agree(tmp_path):
    def first(content, *names):
        return read_table(write(tmp_path, "a.csv", content), names, dialect=Dialect(header=False)).columns

    assert first("a, b;x\nc;y\n", "0", "1") == {"0": ["a, b", "c"], "1": ["x", "y"]}
    assert first("a;b,x\nc;d,y\n", "0", "1") == {"0": ["a;b", "c;d"], "1": ["x", "y"]}  # the ending's own comes first


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("text;label\nx;a;b\n", r"a.csv:2: 3 columns, expected 2 .*cells are separated by ';'; if not, say so"),
        ("text;x,label\tlabel|text\n", r"column 'text' is missing"),  # no one delimiter has both
        ("txt;lbl\nx;a\n", r"the first line is 'txt;lbl': separated by ';'\? then say delimiter: \";\", and under `columns`"),
    ],
)  # fmt: skip
def test_what_is_not_found_under_exactly_one_delimiter_is_refused(tmp_path, content, says):
    path = write(tmp_path, "a.csv", content)
    with pytest.raises(UserError, match=says):
        read(path)


def test_the_advice_to_set_a_delimiter_works(tmp_path):
    path = write(tmp_path, "a.csv", "txt;lbl\nx, y;a\n")
    assert read_table(path, ["txt", "lbl"], dialect=Dialect(delimiter=";")).columns == {"txt": ["x, y"], "lbl": ["a"]}
    path = write(tmp_path, "b.csv", "text~label\nx~a\n")
    assert read(path, delimiter="~").columns == {"text": ["x"], "label": ["a"]}
    with pytest.raises(UserError, match=r"column 'text' is missing"):
        read(path)


# ---------------------------------------------------------------------------------------------------------------- quotes


def test_line_ends_in_quotes_stay_as_they_are_and_those_of_rows_go(tmp_path):
    table = read(write(tmp_path, "a.csv", b'text,label\r\n"one\r\ntwo\rthree\nfour",a\r\nx,b\r\n'))
    assert table.columns == {"text": ["one\r\ntwo\rthree\nfour", "x"], "label": ["a", "b"]}
    assert table.repaired == {CARRIAGE: 3}
    table = read(write(tmp_path, "a.tsv", b'text\tlabel\r\n"one\r\ntwo"\ta\r\nx\tb\r\n'))
    assert table.columns == {"text": ["one\r\ntwo", "x"], "label": ["a", "b"]}


SWALLOWED = 'text\tlabel\n"so\ta\nx\ty\tb\nz\ta\nno"\tb\ny\ta\nw\ta\n'


def test_a_broken_line_between_stray_quotes_is_refused_by_its_line(tmp_path):
    path = write(tmp_path, "a.tsv", SWALLOWED)
    with pytest.raises(
        UserError, match=r"a.tsv:3: 3 columns, expected 2 .*from line 2; mend .*quotes: csv .*quotes: none"
    ):
        read(path)
    with pytest.raises(
        UserError, match=r"a.tsv:3: 3 columns, expected 2 .*if they hold cells together, say quotes: csv"
    ):
        read(path, quotes="none")
    assert read(path, quotes="csv").rows == 3
    mended = write(tmp_path, "b.tsv", SWALLOWED.replace("x\ty", "x y"))
    assert read(mended).columns["text"] == ['"so', "x y", "z", 'no"', "y", "w"]


def test_a_quote_within_a_cell_shows_that_quotes_are_data(tmp_path):
    path = write(tmp_path, "a.tsv", 'text\tlabel\n"a\tb\tx\n5" wide\ty\nz"\tx\n')
    with pytest.raises(UserError, match=r"a.tsv:2: 3 columns, expected 2"):
        read(path)


def test_quotes_in_tabs_are_one_thing_in_all_files_of_a_dataset(tmp_path):
    texts = {
        "train.tsv": 'text\tlabel\n5" wide\ta\n',
        "test.tsv": 'text\tlabel\n"whole"\ta\n',
        "dev.tsv": "text\tlabel\nx\ta\n",
    }
    files = [
        open_delimited(write(tmp_path, name, text), text, ["text", "label"], Dialect()) for name, text in texts.items()
    ]
    quotes, note = settle(files)
    assert quotes == "none" and note.startswith(
        "train.tsv, test.tsv: quotes between tabs are taken to be data; quotes: csv"
    )
    assert read(files[1].path, quotes=quotes).columns["text"] == ['"whole"']
    assert settle(files[1:])[0] == "csv"  # where nothing speaks against it
    assert settle(files[2:]) == ("auto", None)
    both = 'text\tlabel\n"two\nlines"\ta\n'
    other = open_delimited(write(tmp_path, "x.tsv", both), both, ["text", "label"], Dialect())
    with pytest.raises(
        UserError, match=r"train.tsv has quotes that are data, .*x.tsv quotes around cells.*quotes: csv if"
    ):
        settle([files[0], other])


def test_a_lone_quote_that_swallows_rows_of_a_csv_is_refused(tmp_path):
    path = write(tmp_path, "a.csv", 'text,label\nfine,good\n"open,bad\nsecond,good\nthird,bad\nclose",good\nx,bad\n')
    with pytest.raises(UserError, match=r"a.csv:3: a quoted cell runs over lines 3 to 6, and these look like rows"):
        read(path)
    assert read(path, quotes="csv").rows == 3
    assert read(path, quotes="none").columns["text"] == ["fine", '"open', "second", "third", 'close"', "x"]
    poem = write(tmp_path, "b.csv", 'text,label\nfine,good\n"roses, red\nviolets, blue\nand, so, on",bad\n')
    assert read(poem).columns["text"][1] == "roses, red\nviolets, blue\nand, so, on"


def test_a_quote_that_never_closes_names_the_way_out(tmp_path):
    path = write(tmp_path, "a.csv", 'text,label\n"x,good\ny,bad\n')
    with pytest.raises(UserError, match=r"a.csv:2: .*never closed; if quotes are data in this file, say quotes: none"):
        read(path)
    assert read(path, quotes="none").columns["text"] == ['"x', "y"]


# ---------------------------------------------------------------------------------------------------- packed, or no text


def test_packed_text_is_read_by_the_ending_before_gz(tmp_path):
    packed = gzip.compress(b"text,label\nx,a\n")
    assert read(write(tmp_path, "a.csv.gz", packed)).columns == {"text": ["x"], "label": ["a"]}
    assert read_text(write(tmp_path, "a.conll.GZ", gzip.compress(b"a O\r\n")))[0] == "a O\n"
    assert read(write(tmp_path, "two.csv.gz", packed + gzip.compress(b"y,b\n"))).rows == 2  # as `cat` joins them


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("a.csv.gz", gzip.compress(b"text,label\n" * 99, mtime=0)[:-9], r"a.csv.gz: the gzip file ends too early"),
        (
            "a.csv.gz",
            gzip.compress(b"text,label\nx,a\n", mtime=0) + b"garbage",
            r"a.csv.gz: a broken gzip file .*pack it again",
        ),
        ("a.csv.gz", b"text,label\nx,a\n", r"a.csv.gz: not packed with gzip, .*take .gz off the name"),
        ("a.csv", gzip.compress(b"text,label\nx,a\n", mtime=0), r"a.csv: packed with gzip; let its name end in .gz"),
        ("a.csv", b"PK\x03\x04...", r"a.csv: an Excel workbook or a zip archive; let a workbook's name end in .xlsx"),
        ("a.jsonl", b"PAR1...", r"a.jsonl: Parquet; let its name end in .parquet"),
        ("a.csv", b"\xd0\xcf\x11\xe0...", r"a.csv: an old Excel workbook, or one with a password"),
        ("a.csv", b"\n<!DOCTYPE html>\n<html>", r"a.csv: a web page, perhaps an error or a login page"),
        ("a.csv", b"version https://git-lfs.github.com/spec/v1\n", r"a.csv: a pointer of Git LFS"),
        ("a.csv", b"../../blobs/0a1b\n", r"a.csv: holds a path, ../../blobs/0a1b: a link copied as text"),
        ("a.parquet.gz", b"\x1f\x8b", r"a.parquet.gz: .parquet is packed in itself"),
    ],
)
def test_what_is_no_text_is_told(tmp_path, name, data, says):
    with pytest.raises(UserError, match=says):
        read(write(tmp_path, name, data))


def test_a_gzip_file_of_far_more_than_it_is_packed_into_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "FREE", 1 << 16)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"text,label\n" + b"a,b\n" * (1 << 20)))
    with pytest.raises(UserError, match=r"a.csv.gz: refused: [\d,]+ bytes unpack to more than"):
        read_bytes(tmp_path / "a.csv.gz")
