from pipeline.data.leaks import warnings_of
from pipeline.data.report import describe
from pipeline.data.schema import SCHEMAS, Split, ner_table, task_table
from pipeline.data.summary import summary


def reported(task, language, notes=(), **splits):
    described = describe(task, splits)
    return {
        "language": language,
        "splits": described,
        "warnings": warnings_of(task, splits, described),
        "notes": list(notes),
    }


def cells(text):
    """The rows of the table by language and split, and the lines below it."""
    lines = text.split("\n")
    end = next((i for i, line in enumerate(lines[2:], start=2) if ": " in line), len(lines))
    starts = [i for i, char in enumerate(lines[1]) if char == "-" and (not i or lines[1][i - 1] == " ")]
    heads, *rows = (
        [line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)]
        for line in (lines[0], *lines[2:end])
    )
    return {(row[0], row[1]): dict(zip(heads, row, strict=True)) for row in rows}, lines[end:]


def texts(split, *given):
    return task_table("sentiment", "qu", [(f"{split}-{i}", text, "positive") for i, text in enumerate(given)])


def test_what_a_person_reads_of_a_dataset():
    first = reported(
        "sentiment",
        "qu",
        ["train: not checked"],
        train=Split(
            texts("train", "a", "b", "a"), {"empty text": 2, "row of another language": 90}, {"blank line, skipped": 1}
        ),
        dev=Split(SCHEMAS["sentiment"].empty_table()),
        test=Split(texts("test", "a ", "c")),
    )
    second = reported("sentiment", "ay", train=Split(texts("train", "a")), test=Split(texts("test", "b")))
    table, below = cells(summary([first, second]))
    assert [*table] == [("qu", "train"), ("qu", "dev"), ("qu", "test"), ("ay", "train"), ("ay", "test")]
    assert table["qu", "train"] == {
        **{"language": "qu", "split": "train", "rows": "3", "labels": "positive 3"},
        **{"dropped": "2", "repaired": "1", "twice": "1", "also in": "test 2"},
    }
    assert table["qu", "dev"] | {"rows": "–"} == dict.fromkeys(table["qu", "dev"], "–") | {
        "language": "qu",
        "split": "dev",
    }
    assert table["qu", "test"]["also in"] == "train 1"
    assert below == [
        "warning: qu: 1 of 2 test texts stand in train",
        "warning: qu: all 2 test texts are positive",
        "warning: qu: 2 of 5 rows read for train could not be used: 2 × empty text",
        "qu train: dropped: 2 × empty text",
        "qu train: repaired: 1 × blank line, skipped",
        "qu: train: not checked",
    ]


def test_columns_without_anything_are_left_out():
    text = summary([reported("sentiment", "qu", train=Split(texts("train", "a")))])
    assert text.split("\n")[0].split() == ["language", "split", "rows", "labels", "dropped", "repaired"]


def test_labels_of_each_task():
    tagged = reported("ner", "qu", train=Split(ner_table("qu", [("a", ["x", "y"], ["B-LOC", "O"])])))
    assert cells(summary([tagged]))[0]["qu", "train"]["labels"] == "LOC 1"
    asked = [("a", "q", "c d", ["c"], [0]), ("b", "r", "c d", ["c", "d"], [0, 2])]
    answered = reported("qa", "qu", train=Split(task_table("qa", "qu", asked)))
    assert cells(summary([answered]))[0]["qu", "train"]["labels"] == "1 with one answer, 1 with several"
    pair = [("a", "p", "h", "neutral"), ("b", "p", "i", "neutral")]
    parted = reported(
        "nli",
        "qu",
        **{name: Split(task_table("nli", "qu", [row])) for name, row in zip(("train", "test"), pair, strict=True)},
    )
    assert cells(summary([parted]))[0]["qu", "test"]["shared with"] == "train 1"
    many = {f"class {i}": i for i in range(1, 10)}
    tagged["splits"]["train"] |= {"labels": many}
    del tagged["splits"]["train"]["entities"]
    assert cells(summary([tagged]))[0]["qu", "train"]["labels"].endswith("class 6 6, … (9 in all)")
