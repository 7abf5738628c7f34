"""Excel workbooks: which sheet, which values, and what cannot be read."""

import datetime
import zipfile

import openpyxl
import pytest

from pipeline.common import limits
from pipeline.common.errors import UserError
from pipeline.data.formats.delimited import Dialect
from pipeline.data.formats.tables import BLANK_LINE, read_table

NAMES = ["text", "label"]


def book(path, **sheets):
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return path


def test_values_are_spelt_as_a_csv_would(tmp_path):
    values = [1, 2.0, 0.5, True, datetime.date(2024, 5, 1), datetime.datetime(2024, 5, 1, 12, 30), None, " x "]
    path = book(tmp_path / "a.xlsx", s=[["n", "label", "text"], *([i, value, "t"] for i, value in enumerate(values))])
    table = read_table(path, NAMES)
    assert table.columns["label"] == ["1", "2", "0.5", "true", "2024-05-01", "2024-05-01 12:30:00", None, " x "]
    assert table.place(0).endswith("a.xlsx:2") and table.notes == ()


def test_empty_rows_and_columns_beside_the_table_are_no_part_of_it(tmp_path):
    rows = [["text", "label", None, ""], ["a", "x"], [None, " ", None], ["b", "y"], [None, None], ["", None]]
    table = read_table(book(tmp_path / "a.xlsx", s=rows), NAMES)
    assert table.columns == {"text": ["a", "b"], "label": ["x", "y"]}
    assert table.repaired == {BLANK_LINE: 1} and table.gaps == {1}
    assert [table.place(row).rpartition(":")[2] for row in range(2)] == ["2", "4"]
    with pytest.raises(UserError, match=r"a.xlsx:2: 3 columns, expected 2"):
        read_table(book(tmp_path / "a.xlsx", s=[["text", "label"], ["a", "x", "note"]]), NAMES)


def test_the_sheet_with_the_columns_is_read_or_the_one_named(tmp_path):
    notes, good, more = [["about"], ["me"]], [["text", "label"], ["a", "x"]], [["text", "label"], ["b", "y"]]
    path = book(tmp_path / "a.xlsx", notes=notes, data=good, empty=[])
    table = read_table(path, NAMES)
    assert table.columns["text"] == ["a"]
    assert table.notes == ("a.xlsx: sheet 'data' is read, not 'notes', where the columns are not found",)
    path = book(tmp_path / "b.xlsx", one=good, two=more)
    with pytest.raises(
        UserError, match=r"b.xlsx: sheets 'one', 'two' have the columns text, label; say .*sheet: 'one'$"
    ):
        read_table(path, NAMES)
    assert read_table(path, NAMES, dialect=Dialect(sheet="two")).columns["text"] == ["b"]
    with pytest.raises(UserError, match=r"b.xlsx: no sheet 'tow'; did you mean 'two'\?"):
        read_table(path, NAMES, dialect=Dialect(sheet="tow"))
    with pytest.raises(
        UserError, match=r"sheets 'one', 'two' hold rows, and none has the columns txt; .*sheet: 'one', and"
    ):
        read_table(path, ["txt"])
    with pytest.raises(UserError, match=r"c.xlsx: the workbook holds no rows"):
        read_table(book(tmp_path / "c.xlsx", s=[]), NAMES)


def test_cells_without_a_value_are_told_where_they_are_needed(tmp_path):
    path = book(tmp_path / "a.xlsx", s=[["text", "label", "sum"], ["a", "x", "=1/0"], ["b", "=A2", "=A2"]])
    with pytest.raises(UserError, match=r"a.xlsx:3: sheet 's': column 'label' holds a formula without a value; open"):
        read_table(path, NAMES)
    assert read_table(path, ["text"]).columns["text"] == ["a", "b"]
    made = openpyxl.load_workbook(path)
    made["s"]["B3"] = "#N/A"
    made.save(path)
    with pytest.raises(UserError, match=r"a.xlsx:3: sheet 's': cell B3 holds the error #N/A"):
        read_table(path, NAMES)


def test_what_is_no_workbook_is_refused(tmp_path):
    for name in ("a.xls", "a.ods"):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(UserError, match=r"is not read; save it as .xlsx or CSV"):
            read_table(tmp_path / name, NAMES)
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as made:
        made.writestr("other.txt", "x")
    with pytest.raises(UserError, match=r"a.xlsx: not a readable workbook"):
        read_table(tmp_path / "a.xlsx", NAMES)
    whole = book(tmp_path / "b.xlsx", s=[["text", "label"], ["a", "x"]]).read_bytes()
    (tmp_path / "b.xlsx").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"b.xlsx: not a readable workbook"):
        read_table(tmp_path / "b.xlsx", NAMES)
    with pytest.raises(UserError, match=r"gone.xlsx: no such file"):
        read_table(tmp_path / "gone.xlsx", NAMES)


def test_a_workbook_of_far_more_than_it_is_packed_into_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "FREE", 1 << 16)
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("xl/workbook.xml", bytes(1 << 22))
    with pytest.raises(UserError, match=r"a.xlsx: refused: [\d,]+ bytes unpack to more than"):
        read_table(tmp_path / "a.xlsx", NAMES)
