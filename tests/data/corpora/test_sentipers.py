import os

import openpyxl
import pytest

from pipeline.common.errors import UserError
from pipeline.common.files import read_json
from pipeline.data.arrange import DUPLICATE
from pipeline.data.corpora.sentipers import fetch as sentipers_fetch
from pipeline.data.corpora.sentipers import read as sentipers
from pipeline.data.corpora.sentipers.fetch import fetch
from pipeline.data.corpora.sentipers.read import EMPTY, GONE, NEUTRAL, NO_TEXT, load, read_files, read_rows
from pipeline.data.formats.metaxl_index import NAME, row_numbers
from pipeline.stages.download import download
from tests.data.metaxl_files import REAL_INDEX, needs_index, rows_of, write_book, write_index, write_manifest

SHEET = [  # row numbers from 0
    ("  very good \n", "+2"),  # 0
    ("bad", -1),  # 1
    ("so so", 0),  # 2
    ("good", 1.0),  # 3
    ("awful", "−2"),  # 4
    ("", 1),  # 5
    ("fine", " 1 "),  # 6
    ("good ", -1),  # 7: the text of row 3, with another label
]
INDEX = ([0, None, 1, 3], [4, 2, 3, 4, None, None], [3, 6, 5])
BY_SPLIT = dict(zip(("train", "dev", "test"), INDEX, strict=True))


def spec(**options):
    return {"dataset": "sentipers-1", "language": "fa", "loader": "sentipers", "sources": ["folder"]} | options


def folder_with(tmp_path, sheet=SHEET, index=INDEX, **options):
    write_book(tmp_path / "sentipers.xlsx", sheet, **options)
    write_index(tmp_path, fa=index)
    return tmp_path


def files_in(folder):
    return [folder / "sentipers.xlsx", folder / NAME]


def read(folder, split, variant="published"):
    found = read_files(files_in(folder), "fa", split, spec(split=variant))
    return rows_of(found.table), dict(found.dropped)


def loaded(folder, **options):
    return load(spec(**options), write_manifest(folder, ["sentipers.xlsx", NAME]))


# ---------------------------------------------------------------------------------------------------------------- reading


def test_the_published_split_by_row_number(tmp_path):
    folder = folder_with(tmp_path)
    assert read(folder, "train") == (
        [
            ("sentipers-fa-0", "very good", "positive"),
            ("sentipers-fa-1", "bad", "negative"),
            ("sentipers-fa-3", "good", "positive"),
        ],
        {GONE: 1},
    )
    # Row 4 stands twice in the list, as in the published one: two examples, two ids.
    assert read(folder, "dev") == (
        [
            ("sentipers-fa-4", "awful", "negative"),
            ("sentipers-fa-3", "good", "positive"),
            ("sentipers-fa-4-2", "awful", "negative"),
        ],
        {NEUTRAL: 1, GONE: 2},
    )
    assert read(folder, "test") == (
        [("sentipers-fa-3", "good", "positive"), ("sentipers-fa-6", "fine", "positive")],
        {EMPTY: 1},
    )


def test_the_clean_split_has_no_text_in_two_splits(tmp_path):
    folder = folder_with(tmp_path)
    # Row 3 is in all three: it stays in test alone.
    assert read(folder, "train", "clean") == (
        [("sentipers-fa-0", "very good", "positive"), ("sentipers-fa-1", "bad", "negative")],
        {GONE: 1, DUPLICATE: 1},
    )
    rows, dropped = read(folder, "dev", "clean")
    assert [row[0] for row in rows] == ["sentipers-fa-4", "sentipers-fa-4-2"]
    assert dropped == {NEUTRAL: 1, GONE: 2, "also in test": 1}
    assert read(folder, "test", "clean") == read(folder, "test")


def test_a_leak_is_a_text_not_a_row_number(tmp_path):
    folder = folder_with(tmp_path, index=([7, 0], [3], [6]))
    assert [row[0] for row in read(folder, "train")[0]] == ["sentipers-fa-7", "sentipers-fa-0"]
    rows, dropped = read(folder, "train", "clean")  # row 7 is "good " and row 3, in dev, "good"
    assert [row[0] for row in rows] == ["sentipers-fa-0"] and dropped == {DUPLICATE: 1}


def test_a_neutral_row_of_dev_takes_nothing_from_train(tmp_path):
    sheet = [("good", 1), ("good", 0), ("bad", -1)]
    folder = folder_with(tmp_path, sheet, ([0], [1, 2], [2]))
    assert read(folder, "train", "clean") == ([("sentipers-fa-0", "good", "positive")], {})


def test_loading_all_three(tmp_path):
    found = loaded(folder_with(tmp_path))
    assert {name: split.table.num_rows for name, split in found.splits.items()} == {"train": 3, "dev": 3, "test": 2}
    assert found.splits["dev"].dropped == {NEUTRAL: 1, GONE: 2}
    assert found.text["text"].to_pylist() == ["very good", "bad", "good"]
    assert found.notes == ("a note",) and found.absent == {}
    clean = loaded(tmp_path, split="clean")
    assert {name: split.table.num_rows for name, split in clean.splits.items()} == {"train": 2, "dev": 2, "test": 2}
    # A dev set cut out of train leaves MetaXL's dev set aside.
    cut = loaded(tmp_path, dev={"from": "train", "fraction": 0.34, "seed": 0})
    assert {name: split.table.num_rows for name, split in cut.splits.items()} == {"train": 2, "dev": 1, "test": 2}


def test_an_unknown_variant_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"split: 'cleen'; did you mean 'clean'"):
        read(folder_with(tmp_path), "train", "cleen")


def test_nothing_left_is_an_error(tmp_path):
    folder = folder_with(tmp_path, index=([None, 2], [3], [3]))
    with pytest.raises(
        UserError, match=r"no train row of data_index.txt is left \(no longer in the corpus .*: 1, neutral: 1\)"
    ):
        read(folder, "train")
    write_index(folder, fa=([3], [3], [3]))
    with pytest.raises(UserError, match=r"no train row of data_index.txt is left \(also in dev or test: 1\)"):
        read(folder, "train", "clean")


def test_a_row_that_the_sheet_lacks_is_an_error(tmp_path):
    with pytest.raises(UserError, match=r"data_index.txt: entry 1 of test is row 8, but the sheet's last row is 7"):
        read(folder_with(tmp_path, index=([0], [1], [7, 8])), "test")


def test_one_workbook_is_read_once_for_three_splits(tmp_path, monkeypatch):
    folder = folder_with(tmp_path, [*SHEET, ("only here", 1)])
    for split in BY_SPLIT:  # the download keeps a copy for each
        (folder / f"{split}-sentipers.xlsx").write_bytes((folder / "sentipers.xlsx").read_bytes())
    calls = []
    sheet = sentipers._sheet
    monkeypatch.setattr(sentipers, "_sheet", lambda path: calls.append(path.name) or sheet(path))
    found = [read_rows(folder / f"{split}-sentipers.xlsx") for split in BY_SPLIT]
    assert calls == ["train-sentipers.xlsx"] and found[0] == found[2] and len(found[0]) == 9
    stat = (folder / "dev-sentipers.xlsx").stat()
    write_book(folder / "dev-sentipers.xlsx", [("changed", 1)])
    os.utime(folder / "dev-sentipers.xlsx", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert [row.text for row in read_rows(folder / "dev-sentipers.xlsx")] == ["changed"]


# -------------------------------------------------------------------------------------------------------------- the sheet


def texts(path):
    return [(row.text, row.polarity, row.fault) for row in read_rows(path)]


def test_cells_that_hold_no_text(tmp_path):
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["text", "polarity"])
    sheet.append(["=))", 1])  # a smiley that the writer took for a formula
    sheet.append([12, -1])
    sheet.append(["#N/A", 2])
    sheet.append([True, 2])
    sheet.append([])
    sheet.append(["fine", 1])
    sheet.merge_cells("A7:A8")
    sheet["B8"] = 1
    sheet["A12"].number_format = "0.00"  # formatted and empty: the sheet ends before it
    book.save(tmp_path / "a.xlsx")
    assert texts(tmp_path / "a.xlsx") == [
        ("", 1, NO_TEXT),
        ("12", -1, None),
        ("", 2, NO_TEXT),
        ("", 2, NO_TEXT),
        ("", None, EMPTY),
        ("fine", 1, None),
        ("", 1, EMPTY),
    ]
    write_index(tmp_path, fa=([0, 1, 4], [5], [5]))
    found = read_files([tmp_path / "a.xlsx", tmp_path / NAME], "fa", "train", spec())
    assert rows_of(found.table) == [("sentipers-fa-1", "12", "negative")] and found.dropped == {NO_TEXT: 1, EMPTY: 1}


@pytest.mark.parametrize("value", [3, -3, 0.5, "two", "", None, True, "1.5", "+-1", "=1+0", float("inf")])
def test_a_polarity_that_is_none_is_named_with_its_row(tmp_path, value):
    path = write_book(tmp_path / "a.xlsx", [("good", 1), ("bad", value)])
    with pytest.raises(UserError, match=r"a.xlsx: row 3: polarity .*; expected a whole number from -2 to 2"):
        read_rows(path)


def test_numbers_as_text(tmp_path):
    values = ["-2", "−1", "0", "+1", " 2 ", "1.0", -2.0, "۱"]
    path = write_book(tmp_path / "a.xlsx", [(f"t{i}", value) for i, value in enumerate(values)])
    assert [row.polarity for row in read_rows(path)] == [-2, -1, 0, 1, 2, 1, -2, 1]


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (("Review", "Value"), [("good", 1)]),
        (("value", None, " TEXT "), [(1, None, "good")]),
        (("index", "sid", "text", "polarity", "file"), [(0, "rev-1", "good", "+1", "a.xml")]),
        (("comment", "text", "polarity"), [("no", "good", 1)]),
        (None, [("good", 1)]),
        (None, [(), (), ("sentence", "label"), ("good", "1")]),
    ],
)
def test_columns_by_name_and_without_names(tmp_path, header, rows):
    path = write_book(tmp_path / "a.xlsx", rows, header=header)
    assert texts(path) == [("good", 1, None)]


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([("body", "polarity")], r"no column called text or sentence .*; the first row holds body, polarity"),
        ([("text", "stars")], r"no column called polarity or value or label; the first row holds text, stars"),
        ([("text", "text", "label")], r"several columns 'text', expected one column called text or"),
        ([("good", 7)], r"no column called text .*; the first row holds good, 7"),
        ([("1", "good", 1)], r"no column called text"),
        ([], r"the sheet is empty; expected columns text and polarity"),
    ],
)
def test_unknown_columns_are_named(tmp_path, rows, says):
    with pytest.raises(UserError, match=says):
        read_rows(write_book(tmp_path / "a.xlsx", rows, header=None))


def test_what_is_no_workbook_is_refused(tmp_path):
    path = write_book(tmp_path / "a.xlsx", [(f"good {i}", 1) for i in range(300)])
    whole = path.read_bytes()
    for content in (b"", b"\xd0\xcf\x11\xe0 old", b"text,polarity\n", whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"a.xlsx: not a whole Excel workbook \(truncated, or an old .xls\?\)"):
            read_rows(path)
    with pytest.raises(UserError, match=r"no such file; expected SentiPers as sentipers.xlsx"):
        read_rows(tmp_path / "b.xlsx")
    with pytest.raises(UserError, match=r"no sentipers.xlsx among data_index.txt; download again"):
        read_files([sentipers.Path("data_index.txt")], "fa", "train", spec())


# -------------------------------------------------------------------------------------------------------------- the index


def index_of(tmp_path, text):
    (tmp_path / NAME).write_text(text, encoding="utf-8")
    return tmp_path / NAME


def test_reading_the_index(tmp_path):
    path = index_of(tmp_path, "\ufeff#fa  train index\r\n[3, None, 3]\r\n\r\n# fa dev index\n[]\n")
    assert row_numbers(path, "train") == [3, None, 3] and row_numbers(path, "dev") == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "# fa train index\n[1, 2",
            r"data_index.txt:2: '\[1, 2'; expected a heading or one whole list such as \[12, None, 7\]",
        ),
        ("# fa train index\n[1] * 3\n", r":2: '\[1\] \* 3'; expected"),
        ("# fa train index\n[print(1)]\n", r":2: .*; expected a heading or one whole list"),
        ("# fa train index\n(1, 2)\n", r":2: '\(1, 2\)'; expected"),
        ("# fa train index\n[1, '2']\n", r":2: entry 1 is '2'; expected a number from 0"),
        ("# fa train index\n[1, -2]\n", r":2: entry 1 is -2; expected a number from 0"),
        ("# fa train index\n[1.0]\n", r":2: entry 0 is 1.0"),
        ("# fa train index\n[True]\n", r":2: entry 0 is True"),
        ("# fa train index\n[1]\n[2]\n", r"2 lists below '# fa train index', expected 1"),
        ("# fa train index\n", r"0 lists below '# fa train index', expected 1"),
        ("# fa trian index\n[1]\n", r"no heading '# fa train index'; did you mean '# fa trian index'"),
        (
            "# fa train index\n[1]\n# fa train index\n[2]\n",
            r":3: the heading '# fa train index' stands here a second time",
        ),
        ("[1]\n# fa train index\n[1]\n", r":1: '\[1\]' stands below no heading; expected '# fa \{split\} index'"),
        ("", r"data_index.txt: the file is empty; expected MetaXL's data_index.txt"),
        ("\ufeff", r"no heading '# fa train index'; nothing is declared there"),
    ],
)
def test_a_broken_index_names_the_line(tmp_path, text, says):
    with pytest.raises(UserError, match=says):
        row_numbers(index_of(tmp_path, text), "train")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_of_the_index_may_end_in_any_way(tmp_path, end):
    (tmp_path / NAME).write_bytes(end.join(["# fa train index", "[1, None, 2]", ""]).encode())
    assert row_numbers(tmp_path / NAME, "train") == [1, None, 2]


def test_an_index_that_is_missing_or_not_utf8(tmp_path):
    with pytest.raises(UserError, match=r"no such file; expected MetaXL's data_index.txt"):
        row_numbers(tmp_path / NAME, "train")
    (tmp_path / NAME).write_bytes(b"# fa train index\n\xff\n")
    with pytest.raises(UserError, match=r"data_index.txt:2: byte 0xff at offset 17: not UTF-8"):
        row_numbers(tmp_path / NAME, "train")


@needs_index
def test_the_published_index():
    lists = {split: row_numbers(REAL_INDEX, split) for split in BY_SPLIT}
    assert {split: len(numbers) for split, numbers in lists.items()} == {"train": 100, "dev": 1000, "test": 1000}
    assert {split: numbers.count(None) for split, numbers in lists.items()} == {"train": 1, "dev": 16, "test": 8}
    with_row = {split: len(numbers) - numbers.count(None) for split, numbers in lists.items()}
    assert with_row == sentipers_fetch.EXPECTED
    assert max(n for numbers in lists.values() for n in numbers if n is not None) < sentipers_fetch.ROWS


# --------------------------------------------------------------------------------------------------------------- fetching


@pytest.fixture
def small(monkeypatch):
    """Let the small sheet pass for the corpus."""
    monkeypatch.setattr(sentipers_fetch, "ROWS", len(SHEET))
    monkeypatch.setattr(sentipers_fetch, "NEUTRAL", 1)
    monkeypatch.setattr(sentipers_fetch, "PUBLISHED_NEUTRAL", 1)
    monkeypatch.setattr(sentipers_fetch, "EXPECTED", {"train": 3, "dev": 4, "test": 3})


def test_where_workbook_and_index_may_lie(tmp_path, small):
    own = folder_with(tmp_path / "own")
    found = fetch(spec(), tmp_path / "w1", None, own)
    assert found.files == {split: files_in(own) for split in BY_SPLIT} and found.notes == []

    book = write_book(tmp_path / "mirror" / "sentipers" / "data" / "sentipers.xlsx", SHEET)
    index = write_index(tmp_path / "mirror" / "metaxl", fa=INDEX)
    found = fetch(spec(sources=["mirror"]), tmp_path / "w2", tmp_path / "mirror", None)
    assert found.files["dev"] == [book, index] and found.source.kind == "mirror"


def test_the_counts_are_those_of_examples_with_a_row(tmp_path, small):
    index = ([0, 1], *INDEX[1:])
    folder = folder_with(tmp_path / "own", index=index)
    with pytest.raises(UserError, match=r"train holds 2 examples, expected 3; .*expected: \{fa: \{train: 2\}\}"):
        fetch(spec(), tmp_path / "work", None, folder)
    assert fetch(spec(expected={"fa": {"train": 2}}), tmp_path / "work", None, folder).notes == []


def test_another_edition_is_refused_and_changed_labels_are_told(tmp_path, small):
    folder = folder_with(tmp_path / "own", SHEET[:-1])
    with pytest.raises(
        UserError, match=r"sentipers.xlsx: 7 rows, expected 8: MetaXL's row numbers are those of that edition"
    ):
        fetch(spec(), tmp_path / "work", None, folder)
    folder_with(folder, [*SHEET[:3], ("good", 0), *SHEET[4:]])
    assert fetch(spec(), tmp_path / "work", None, folder).notes == [
        "2 rows of sentipers.xlsx are neutral, 1 were known: its labels have changed",
        "4 examples of MetaXL's split are neutral now, 1 were known",
    ]


def test_what_cannot_be_fetched_says_where_it_comes_from(tmp_path):
    (tmp_path / "own").mkdir()
    with pytest.raises(UserError) as error:
        fetch(spec(sources=["hub", "archive", "mirror", "folder"]), tmp_path / "work", tmp_path, tmp_path / "own")
    lines = str(error.value).split("\n")
    assert "hub (not set): SentiPers is on no hub as MetaXL uses it" in lines[1] and "<mirror>/sentipers/" in lines[1]
    assert "there is no archive of SentiPers with MetaXL's index; put sentipers.xlsx" in lines[2]
    assert "no such folder" in lines[3]
    assert "no sentipers.xlsx and no data_index.txt there; put sentipers.xlsx (its authors publish it:" in lines[4]
    write_index(tmp_path / "own", fa=INDEX)
    with pytest.raises(UserError, match=r"no sentipers.xlsx there; put"):
        fetch(spec(), tmp_path / "work", None, tmp_path / "own")


def test_other_languages_are_refused(tmp_path, small):
    with pytest.raises(UserError, match=r"no files for language 'fas'; did you mean 'fa'"):
        fetch(spec(language="fas"), tmp_path / "work", None, folder_with(tmp_path / "own"))


@needs_index
def test_a_sheet_as_long_as_the_corpus_with_the_published_index(tmp_path, monkeypatch):
    """From the download to the splits. Row i is neutral where i % 3 == 0, negative at 1, positive at 2; texts are unique."""
    polarity = ("0", "-1", "+2")
    write_book(
        tmp_path / "own" / "sentipers.xlsx", ((f"text {i}", polarity[i % 3]) for i in range(sentipers_fetch.ROWS))
    )
    (tmp_path / "own" / NAME).write_bytes(REAL_INDEX.read_bytes())
    monkeypatch.chdir(tmp_path)
    calls = []
    sheet = sentipers._sheet
    monkeypatch.setattr(sentipers, "_sheet", lambda path: calls.append(path) or sheet(path))
    manifest = download(spec(), None, tmp_path / "own")
    lists = {split: [n for n in row_numbers(REAL_INDEX, split) if n is not None] for split in BY_SPLIT}
    # Of 15,683 = 3 · 5,227 + 2 rows, 5,228 begin a group of three.
    assert read_json(manifest)["notes"] == [
        "5,228 rows of sentipers.xlsx are neutral, 5,938 were known: its labels have changed",
        "700 examples of MetaXL's split are neutral now, 8 were known",
    ]
    assert [file["name"] for file in read_json(manifest)["files"]["dev"]] == [
        "dev-sentipers.xlsx",
        "dev-data_index.txt",
    ]
    found = load(spec(), manifest)
    for split, gone in {"train": 1, "dev": 16, "test": 8}.items():
        kept = [n for n in lists[split] if n % 3]
        rows = rows_of(found.splits[split].table)
        assert [text for _, text, _ in rows] == [f"text {n}" for n in kept]
        assert [label for *_, label in rows] == [("negative", "positive")[n % 3 - 1] for n in kept]
        assert found.splits[split].dropped == {GONE: gone, NEUTRAL: len(lists[split]) - len(kept)}
        assert len({name for name, *_ in rows}) == len(rows)
    clean = load(spec(split="clean"), manifest)
    ids = {split: {name.split("-")[2] for name, *_ in rows_of(part.table)} for split, part in clean.splits.items()}
    assert not ids["train"] & (ids["dev"] | ids["test"]) and not ids["dev"] & ids["test"]
    assert ids["test"] == {str(n) for n in lists["test"] if n % 3}
    assert len(calls) == 1  # one reading for all of that


@needs_index
def test_the_leaks_of_the_published_split(tmp_path):
    """All rows positive: what `clean` drops is what the index repeats across splits."""
    write_book(tmp_path / "sentipers.xlsx", ((f"text {i}", 1) for i in range(sentipers_fetch.ROWS)))
    (tmp_path / NAME).write_bytes(REAL_INDEX.read_bytes())
    counts = {split: read(tmp_path, split, "clean") for split in BY_SPLIT}
    assert {split: len(rows) for split, (rows, _) in counts.items()} == {"train": 95, "dev": 950, "test": 992}
    assert counts["train"][1] == {GONE: 1, DUPLICATE: 4} and counts["dev"][1] == {GONE: 16, "also in test": 34}
    assert counts["test"][1] == {GONE: 8}
