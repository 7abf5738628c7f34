"""docs/your-files.md, line by line: what its tables say of a layout reads a file of that layout."""

import gzip
import io
import json
import re
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.common.files import canonical_json, sha256_file, write_json
from pipeline.config.load import parse
from pipeline.data.corpora.files.fetch import fetch
from pipeline.data.corpora.files.read import load
from pipeline.data.schema import LABELS
from pipeline.grid.inputs import dataset_spec
from tests.data.corpora.ready import parquet as named_parquet

PAGE = Path(__file__).parents[3] / "docs/your-files.md"
CLASSES = ("negative", "positive")


def layouts():
    """The tables' lines: layout and what it says below `loader: files`."""
    text = PAGE.read_text(encoding="utf-8")
    found = {}
    for line in text.split("\n"):
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("|") and "`task:" in line:
            found[cells[0]] = yaml.safe_load("\n".join(re.findall(r"`([^`]+)`", cells[-1])))
    return found


def texts(names=("text", "label"), mark=",", rows=range(20), classes=CLASSES, head=True):
    lines = [mark.join(names)] if head else []
    return "\n".join([*lines, *(f"text number {i}{mark}{classes[i % 2]}" for i in rows)]) + "\n"


def tagged(*sentence, times=3):
    return "\n".join(["\n".join(sentence).replace("⇥", "\t") + "\n"] * times)


def both(ending, *sentence, times=3):
    return {f"{split}{ending}": tagged(*sentence, times=times) for split in ("train", "test")}


def workbook():
    book = openpyxl.Workbook()
    book.active.append(["text", "label"])
    book.active.append(["of another sheet", "negative"])
    sheet = book.create_sheet("Annotations")
    for line in texts().splitlines():
        sheet.append(line.split(","))
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


def parquet():
    data = io.BytesIO()
    pq.write_table(pa.table({"text": [f"text {i}" for i in range(20)], "label": [i % 2 for i in range(20)]}), data)
    return data.getvalue()


def jsonl(*objects):
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects)


def squad(first):
    asked = [
        {"id": f"q{i}", "question": f"Where is {i}?", "answers": [{"text": "Oslo", "answer_start": 9 + len(str(i))}]}
        for i in range(first, first + 4)
    ]
    one = {"id": "none", "question": "Why?", "answers": [], "is_impossible": True}
    paragraphs = [
        {"context": f"Number {a['id'][1:]} is in Oslo".replace(" is in", ":"), "qas": [a, one | {"id": f"n{a['id']}"}]}
        for a in asked
    ]
    return json.dumps({"version": "2.0", "data": [{"title": "T", "paragraphs": paragraphs}]})


def questions(answer):
    return [
        {
            "id": str(i),
            "question": f"Where is {i}?",
            "context": f"Number {i}: Oslo",
            "answers": answer("Oslo", 9 + len(str(i))),
        }
        for i in range(20)
    ]


def pairs(columns):
    lines = [",".join(columns)]
    labels = ("entailment", "neutral", "contradiction")
    for i in range(30):
        cells = {"pair": str(i), "doc": f"d{i // 3}", "label": labels[i % 3], "gold": labels[i % 3]}
        lines.append(",".join(cells.get(name, f"{name} {i}") for name in columns))
    return "\n".join(lines) + "\n"


def splits(*names, folder="jv/"):
    return {f"{folder}{name}.csv": texts(rows=range(20 * n, 20 * n + 20)) for n, name in enumerate(names)}


TOKENS = "\n".join(f"{n}\t{word}\t{tag}" for _ in range(9) for n, word, tag in ((1, "Mira", "B-PER"), (2, "won", "O")))
FILES = {
    "a table for each split": splits("train", "dev", "test"),
    "one table, to be divided": {"jv.csv": texts()},
    "Excel's CSV: semicolons, `sep=;`, tabs or bars": {
        "jv.csv": "\ufeffsep=;\r\n" + texts(mark=";").replace("\n", "\r\n")
    },
    "another character between cells": {"jv.csv": texts(mark="~")},
    "a TSV in which quotes are data, packed": {
        "jv.tsv.gz": gzip.compress(texts(mark="\t").replace("text number 1\t", '"text number 1\t').encode())
    },
    "an Excel workbook of several sheets": {"jv.xlsx": workbook()},
    "no line of names": {"jv.tsv": texts(mark="\t", classes=("0", "1"), head=False)},
    "JSON lines, or one JSON list": {
        "jv.jsonl": jsonl(*({"text": f"text {i}", "label": CLASSES[i % 2]} for i in range(20)))
    },
    "Parquet of the hub, classes named in its schema": {
        f"jv/{split}-00000-of-00001.parquet": named_parquet(
            {"text": [f"{split} {i}" for i in range(20)], "label": [i % 2 for i in range(20)]},
            {"label": {"names": [*CLASSES], "_type": "ClassLabel"}},
        )
        for split in ("train", "test")
    },
    "Parquet, labels as numbers": {"jv.parquet": parquet()},
    "labels spelt otherwise": {"jv.csv": texts(classes=("Negative", "Positive"))},
    "rows without a label": {"jv.csv": texts() + "nobody said,\n"},
    "one file, a column tells the language": {
        "a.csv": texts(("text", "label", "lang"), classes=("negative,Javanese", "positive,Other"))
        + texts(classes=("positive,Javanese", "negative,Other"), head=False, rows=range(20, 40))
    },
    "a column for each language": {"pairs.csv": pairs(("premise_jv", "hypothesis_jv", "premise_su", "gold"))},
    "parallel rows by their ids": {
        "jv.csv": "nr,text,label\n" + "".join(f"{i}.0,text number {i},{CLASSES[i % 2]}\n" for i in range(20))
    },
    "pairs that a document holds together": {"pairs.csv": pairs(("pair", "doc", "premise", "hypothesis", "label"))},
    "topics, intents, any classes": {"jv.csv": texts(classes=("sports", "health"))},
    "a split in parts": splits("train-1", "train-2", "train-10", "a", "b"),
    "splits that some languages lack": splits("test"),
    "test rows that stand in train or dev": {
        "train.csv": texts(rows=range(20)),
        "dev.csv": texts(rows=range(18, 28)),
        "test.csv": texts(rows=range(26, 40)),
    },
    "CoNLL, tabs or blanks, with comments and `-DOCSTART-`": both(
        ".conll", "-DOCSTART- O", "", "# id = 1", "Mira B-PER", "won O"
    ),
    "CoNLL-2003, tags of IOB1": both(".txt", "Mira NNP I-NP I-PER", "won VBD I-VP O", "Oslo NNP I-NP I-LOC"),
    "BIOES, BILOU, BMEWO, IOE": both(".conll", "Mira⇥S-PER", "in⇥O", "New⇥B-LOC", "Oslo⇥E-LOC"),
    "types without a prefix": both(".conll", "Mira⇥PER", "Lund⇥PER", "won⇥O"),
    "tags spelt otherwise": both(".conll", "Mira⇥B_PER", "Lund⇥I_PER", "won⇥O"),
    "other types": both(".conll", "# id 1 domain=en", "Mira _ _ B-Artist", "sings _ _ O"),
    "GermEval: numbers, two levels": both(".tsv", "#⇥http://example.org [2020]", "1⇥Mira⇥B-PER⇥O", "2⇥won⇥O⇥O"),
    "Universal NER": both(".iob2", "# sent_id = 1", "1⇥Mira⇥B-PER⇥-⇥ann", "2⇥won⇥O⇥-⇥ann"),
    "CoNLL-U, tags among the features": both(
        ".conllu", *(f"{n}⇥{w}⇥_⇥X⇥_⇥_⇥0⇥root⇥_⇥NER={t}" for n, w, t in ((1, "Mira", "B-PER"), (2, "won", "O")))
    ),
    "the tag first": both(".conll", "B-PER⇥Mira", "O⇥won"),
    "lists in JSON lines, tags as numbers": {
        "jv.jsonl": jsonl(*({"tokens": ["Mira", f"won{i}"], "ner_tags": [1, 0]} for i in range(20)))
    },
    "lists printed into cells": {
        "jv.csv": "words,ner_tags\n" + "".join(f"\"['Mira', 'won{i}']\",\"['B-PER', 'O']\"\n" for i in range(20))
    },
    "one token a row, as on Kaggle": {
        "jv.csv": "Sentence #,Word,POS,Tag\n" + "".join(f"Sentence: {i},Mira,NNP,B-PER\n,won,V,O\n" for i in range(9))
    },
    "one token a row, tokens counted": {"jv.tsv": f"n\tword\ttag\n{TOKENS}\n"},
    "some sentences broken": both(".txt", "Mira B-PER", " O", "", "Mira B-PER", "won O", times=4),
    "SQuAD 1.1 or 2.0, of any language": {"jv.train.json": squad(0), "jv.test.json": squad(4)},
    "a row a question, as on the hub": {
        "jv.jsonl": jsonl(*questions(lambda text, start: {"text": [text], "answer_start": [start]}))
    },
    "a table; -1 or nothing where the start is not known": {
        "jv.csv": "id,question,context,answer,start\n"
        + "".join(f"{i},Where is {i}?,Number {i}: Oslo,Oslo,{('', -1)[i % 2]}\n" for i in range(20))
    },
    "answers printed into cells": {
        "jv.csv": "question,context,answers\n"
        + "".join(
            f"Where is {i}?,Number {i}: Oslo,\"{{'text': ['Oslo'], 'answer_start': [{9 + len(str(i))}]}}\"\n"
            for i in range(20)
        )
    },
}
ROWS = {  # of train, dev and test together, where it is not twenty
    "a table for each split": 60,
    "Parquet of the hub, classes named in its schema": 40,
    "one file, a column tells the language": 20,
    "a column for each language": 30,
    "pairs that a document holds together": 30,
    "a split in parts": 100,
    "test rows that stand in train or dev": 18 + 8 + 14,
    "one token a row, as on Kaggle": 9,
    "one token a row, tokens counted": 9,
    "some sentences broken": 8,
    "SQuAD 1.1 or 2.0, of any language": 8,
}


def read(folder, name, options):
    """Do what the stages do, with the config's own model."""
    for path, content in FILES[name].items():
        file = folder / "data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    settings = parse({"datasets": {"mine": {"loader": "files", "folder": str(folder / "data"), **options}}})
    called = {"languages": options["languages"]} if "languages" in options else {}
    spec = json.loads(canonical_json(dataset_spec(settings.datasets["mine"]) | called | {"language": "jv"}))
    obtained = fetch(spec, folder / "work", None, folder / "data")
    files = {
        split: [{"name": str(file.relative_to(folder)), "sha256": sha256_file(file)} for file in several]
        for split, several in obtained.files.items()
    }
    write_json(folder / "manifest.json", {"files": files, "notes": obtained.notes})
    return load(spec, folder / "manifest.json")


def test_every_layout_of_the_page_has_a_file():
    assert set(layouts()) == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_what_the_page_says_reads_the_layout(tmp_path, name):
    options = layouts()[name]
    assert len(options) <= 5, "loader and folder stand above the tables"
    loaded = read(tmp_path, name, options)
    rows = [row for split in loaded.splits.values() for row in split.table.to_pylist()]
    usual = 6 if options["task"] == "ner" and "all" not in options["files"] else 20
    assert len(rows) == ROWS.get(name, usual) and {row["lang"] for row in rows} == {"jv"}
    if options["task"] == "ner":
        assert {row["tokens"][0] for row in rows} == {"Mira"} and {row["tags"][0][:2] for row in rows} == {"B-"}
        assert all(tag == "O" or tag[:2] in ("B-", "I-") for row in rows for tag in row["tags"])
    elif options["task"] == "qa":
        assert all(row["context"][row["starts"][0] :] == "Oslo" == row["answers"][0] for row in rows)
    else:
        assert {row["label"] for row in rows} == set(loaded.labels or LABELS[options["task"]])
