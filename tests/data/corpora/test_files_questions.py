"""Random questions in every shape that files of questions go about in, and in every unit of offsets, come back as they were."""

import csv
import io
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.corpora.test_files import read

LETTERS = 'abc äöé शहर مدينة 城市 🎉🏙 "quoted" it\'s, ;|'


def asked(seed, number=12):
    """Questions on contexts of blanks, quotes, several scripts and characters of two UTF-16 units; answers stand there twice."""
    chosen = random.Random(seed)
    found = []
    for n in range(number):
        before, after = ("".join(chosen.choices(LETTERS, k=chosen.randint(0, 30))) for _ in range(2))
        answer = f"answer{n}" + chosen.choice(["", " of two", "é", "🎉", "مدينة"])
        context = f"context {n}, not {answer}: {before}\n{answer}.{after}end"
        found.append({"id": f"k{n}", "question": f"What is {n}?", "context": context, "answer": answer})
    return found


def start(row, unit):
    """Where an answer begins, counted in characters, UTF-16 units or bytes."""
    before = row["context"][: row["context"].rindex(row["answer"])]
    return (
        len(before)
        if unit == "characters"
        else len(before.encode("utf-16-le")) // 2
        if unit == "UTF-16"
        else len(before.encode())
    )


def squad(rows, unit, kind):
    paragraphs = [
        {
            "context": row["context"],
            "qas": [{"id": row["id"], "question": row["question"], "answers": answers(row, unit)}],
        }
        for row in rows
    ]
    if kind == "paragraphs":
        return json.dumps(paragraphs, ensure_ascii=False)
    articles = [{"title": str(n), "paragraphs": paragraphs[n : n + 5]} for n in range(0, len(paragraphs), 5)]
    if kind == "articles":
        return json.dumps(articles)
    return json.dumps(
        {"version": "2.0", "data": articles}, indent=1 if kind == "indented" else None, ensure_ascii=False
    )


def answers(row, unit):
    return [{"text": row["answer"], "answer_start": start(row, unit)}]


def hub(row, unit):
    return {"text": [row["answer"]], "answer_start": [start(row, unit)]}


def flat(rows, unit, form):
    """Rows as columns, with their answers in one of the forms."""
    made = []
    for row in rows:
        kept = {name: row[name] for name in ("id", "question", "context")}
        if form == "columns":
            made.append(kept | {"answer": row["answer"], "answer_start": start(row, unit)})
        else:
            made.append(kept | {"answers": answers(row, unit) if form == "objects" else hub(row, unit)})
    return made


def table(rows, mark=","):
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=mark)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def parquet(rows):
    data = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), data)
    return data.getvalue()


def lines(rows):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


SHAPES = {
    "SQuAD": ("a.json", lambda rows, unit: squad(rows, unit, "plain")),
    "SQuAD, indented": ("a.json", lambda rows, unit: squad(rows, unit, "indented")),
    "articles": ("a.json", lambda rows, unit: squad(rows, unit, "articles")),
    "paragraphs": ("a.json", lambda rows, unit: squad(rows, unit, "paragraphs")),
    "rows below data": ("a.json", lambda rows, unit: json.dumps({"data": flat(rows, unit, "hub")})),
    "a list of rows": ("a.json", lambda rows, unit: json.dumps(flat(rows, unit, "objects"))),
    "lines, as on the hub": ("a.jsonl", lambda rows, unit: lines(flat(rows, unit, "hub"))),
    "lines, objects": ("a.jsonl", lambda rows, unit: lines(flat(rows, unit, "objects"))),
    "lines, columns": ("a.jsonl", lambda rows, unit: lines(flat(rows, unit, "columns"))),
    "Parquet": ("a.parquet", lambda rows, unit: parquet(flat(rows, unit, "hub"))),
    "CSV": ("a.csv", lambda rows, unit: table(flat(rows, unit, "columns"))),
    "CSV, printed": ("a.csv", lambda rows, unit: table(flat(rows, unit, "hub"))),
    "CSV, semicolons": ("a.csv", lambda rows, unit: table(flat(rows, unit, "columns"), ";")),
}


@pytest.mark.parametrize("unit", ["characters", "UTF-16", "bytes"])
@pytest.mark.parametrize("shape", SHAPES)
def test_questions_of_every_shape_and_unit_come_back(tmp_path, shape, unit):
    name, write = SHAPES[shape]
    for seed in range(3):
        rows = asked(seed)
        found = read(tmp_path, name, write(rows, unit), task="qa", columns={"id": "id"}, files={"train": name})
        assert not found.dropped
        back = found.table.to_pylist()
        assert [row["id"] for row in back] == [f"files-train-{row['id']}" for row in rows]
        for row, given in zip(back, rows, strict=True):
            assert (row["question"], row["context"]) == (given["question"], given["context"])
            assert (row["answers"], row["starts"]) == ([given["answer"]], [start(given, "characters")])
