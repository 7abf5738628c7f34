"""Random tables, written in every dialect that the reader claims, come back as they were."""

import csv
import gzip
import io
import json
import random
import unicodedata

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.data.formats.delimited import Dialect
from pipeline.data.formats.literals import is_list_column, read_cells
from pipeline.data.formats.tables import read_table

NAMES = ["key", "premise", "hypothesis", "verdict"]
PIECES = [*"aбक字🐕é", "e\u0301", " ", "  ", "5", "''", "\u200d", "\u2028", "\x85", "#", "[", "{", "=", "\u00a0"]
MARKS = [",", ";", "|", "\t", '"', '""']
ENDS = ["\n", "\r\n", "\r", "\n\n"]


def cells(draw, pieces):
    text = "".join(draw.choice(pieces) for _ in range(draw.randint(1, 8)))
    return unicodedata.normalize(draw.choice(["NFC", "NFD"]), f"w{text}w")


def table(draw, pieces):
    """Random rows, by column; the order of columns is random too."""
    count = draw.randint(2, 6)
    columns = {
        "key": [str(1000 + i) for i in range(count)],
        "premise": [cells(draw, pieces) for _ in range(count)],
        "hypothesis": [draw.choice(["", cells(draw, pieces)]) for _ in range(count)],
        "verdict": [draw.choice(["holds", "does not", "perhaps"]) for _ in range(count)],
    }
    order = draw.sample(NAMES, len(NAMES))
    return {name: columns[name] for name in order}


def rows(columns):
    return [list(columns), *map(list, zip(*columns.values(), strict=True))]


def store(path, text, encoding="utf-8"):
    data = text.encode(encoding)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(path, **dialect):
    return read_table(path, NAMES, dialect=Dialect(**dialect)).columns


def as_csv(draw, columns, delimiter):
    end = draw.choice(["\n", "\r\n"])
    out = io.StringIO(newline="")
    quoting = draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting)
    for row in rows(columns):
        writer.writerow(row)
        if draw.random() < 0.2:
            out.write(draw.choice(["", delimiter * 3]) + end)  # blank rows, which a file may have anywhere
    text = out.getvalue()
    return text if draw.random() < 0.5 else text.removesuffix(end)


@pytest.mark.parametrize("seed", range(40))
def test_csv(tmp_path, seed):
    draw = random.Random(seed)
    columns, delimiter = table(draw, PIECES + MARKS + ENDS), draw.choice(",;|")
    text = as_csv(draw, columns, delimiter)
    if said := draw.random() < 0.2:
        text = f"sep={delimiter}\r\n{text}"
    encoding = draw.choice(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
    path = store(tmp_path / draw.choice(["a.csv", "a.CSV.gz", "a.txt", "a.tsv"]), text, encoding)
    given = {"delimiter": delimiter} if not said and draw.random() < 0.3 else {}
    assert read(path, encoding=encoding, **given) == columns


@pytest.mark.parametrize("seed", range(20))
def test_tabs_with_quotes_around_cells(tmp_path, seed):
    draw = random.Random(seed)
    columns = table(draw, [*PIECES, *ENDS, '""', ","])
    columns["premise"][0] = draw.choice(["two\nlines", "two\r\nlines\n", "a\ttab"])
    text = as_csv(draw, columns, "\t")
    path = store(tmp_path / draw.choice(["a.tsv", "a.txt.gz", "a.csv"]), text)
    assert read(path, quotes=draw.choice(["auto", "csv"])) == columns


@pytest.mark.parametrize("seed", range(20))
def test_tabs_with_quotes_as_data(tmp_path, seed):
    draw = random.Random(seed)
    columns = table(draw, [*PIECES, '"', '"', ",", "\r"])
    columns["premise"][-1] = '5" wide'  # CSV would have quoted this
    end = draw.choice(["\n", "\r\n"])
    path = store(tmp_path / draw.choice(["a.tsv", "a.txt"]), end.join("\t".join(row) for row in rows(columns)) + end)
    assert read(path, quotes=draw.choice(["auto", "none"])) == columns


@pytest.mark.parametrize("seed", range(10))
def test_json_and_parquet(tmp_path, seed):
    draw = random.Random(seed)
    columns = table(draw, PIECES + MARKS + ENDS)
    objects = [dict(zip(columns, row, strict=True)) for row in rows(columns)[1:]]
    ascii_only, end = draw.random() < 0.5, draw.choice(["\n", "\r\n"])
    lines = [json.dumps(one, ensure_ascii=ascii_only) + end for one in objects]
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    assert read(store(tmp_path / "a.jsonl", "".join(lines))) == columns
    assert read(store(tmp_path / "a.jsonl.gz", "".join(lines))) == columns
    assert read(store(tmp_path / "a.json", json.dumps(objects, ensure_ascii=ascii_only, indent=1))) == columns
    assert read(tmp_path / "a.parquet") == columns


@pytest.mark.parametrize("seed", range(5))
def test_workbooks(tmp_path, seed):
    draw = random.Random(seed)
    columns = table(draw, [*PIECES, *MARKS, "\n"])
    columns["hypothesis"] = [value or None for value in columns["hypothesis"]]
    book = openpyxl.Workbook()
    sheet = book.active
    for row in rows(columns):
        sheet.append([int(cell) if cell and cell.isdecimal() else cell for cell in row])
    sheet.append([None, " "])
    sheet.append([])
    for name, values in columns.items():  # a spreadsheet keeps no text that looks like a formula
        assert not any(str(value).startswith("=") for value in values), name
    book.save(tmp_path / "a.xlsx")
    assert read(tmp_path / "a.xlsx") == columns


def written(draw, values):
    """A list as one of the programs prints it."""
    manner = draw.choice(["json", "ascii", "python", "tuple", "numpy", "array", "scalars"])
    if manner in ("json", "ascii"):
        return json.dumps(values, ensure_ascii=manner == "ascii")
    if manner == "tuple":
        return repr((*values, values[0])[:-1]) if len(values) != 1 else repr(values)
    if manner == "numpy":
        return "[" + draw.choice([" ", "\n "]).join(map(repr, values)) + "]"
    if manner == "array":
        return f"array({values!r}, dtype=object)"
    return repr(values) if manner == "python" else "[" + ", ".join(f"np.str_({value!r})" for value in values) + "]"


@pytest.mark.parametrize("seed", range(20))
def test_lists_in_cells(seed):
    draw = random.Random(seed)
    lists = [[cells(draw, PIECES + MARKS) for _ in range(draw.randint(1, 4))] for _ in range(4)]
    texts = [written(draw, values) for values in lists]
    assert is_list_column(texts)
    assert read_cells(texts, str, "words", "list") == lists
