"""Own data: each task in each format, labels, languages, ids, cuts, and what is wrong with real files."""

import csv
import io
import json
import random
from collections import Counter
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json
from pipeline.config.datasets.files import Files
from pipeline.config.load import parse
from pipeline.data.arrange import DUPLICATE
from pipeline.data.corpora.files.asked import split_files
from pipeline.data.corpora.files.fetch import fetch
from pipeline.data.corpora.files.labels import label_text, own_labels
from pipeline.data.corpora.files.read import load, read_files
from pipeline.data.corpora.files.table_rows import OTHER
from pipeline.data.formats import placing, questions
from pipeline.data.formats.lines import CARRIAGE, EMPTY
from pipeline.data.formats.tables import BLANK_LINE
from pipeline.data.formats.tagged_parquet import BLANK
from pipeline.data.formats.tags import ORPHAN
from pipeline.data.schema import LABELS
from pipeline.data.splits import hashed_order

NUSAX = Path(__file__).parents[3] / "../shared/data/nusax/sentiment"


def spec(language="jv", **options):
    """A spec as the stages get it: through the config's model and canonical JSON."""
    options = {"task": "sentiment", "files": {"all": "a.csv"}} | options
    given = Files.model_validate({"loader": "files", "folder": ".", **options})
    whole = {**given.model_dump(by_alias=True, exclude={"folder"}), "dataset": "mine-1", "language": language}
    return json.loads(canonical_json(whole))


def write(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, dict):
        pq.write_table(pa.table(content), path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(folder, name, content, **options):
    options.setdefault("language", "jv")
    return read_files([write(folder, name, content)], options["language"], "train", spec(**options))


def rows(table):
    """The rows without their language, after checking that it is the right one."""
    assert set(table["lang"].to_pylist()) == {"jv"}
    return list(zip(*(table[name].to_pylist() for name in table.column_names if name != "lang"), strict=True))


def manifest(folder, **files):
    """The manifest of a download of the files, by split."""
    facts = {split: [{"name": name}] for split, name in files.items()}
    return write(folder, "manifest.json", json.dumps({"files": facts, "notes": ["a note"]}))


def jsonl(*objects):
    return "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in objects)


# ------------------------------------------------------------------------------------------------- every format and task

CLASS_ROWS = {
    "sentiment": [("apik tenan", "positive"), ("elek", "negative")],
    "nli": [("a, b", "a", "entailment"), ("b", "c", "contradiction")],
    "relevance": [("red shoe", 'shoe 5"', "relevant"), ("shoe", "hat", "irrelevant")],
}
NAMES = {
    "sentiment": ["text", "label"],
    "nli": ["premise", "hypothesis", "label"],
    "relevance": ["query", "title", "label"],
}


@pytest.mark.parametrize("task", CLASS_ROWS)
@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "json", "parquet"])
def test_classes_in_every_format(tmp_path, task, ending):
    names, found = NAMES[task], CLASS_ROWS[task]
    objects = [dict(zip(names, row, strict=True)) for row in found]
    quoted = [",".join('"{}"'.format(cell.replace('"', '""')) for cell in row) for row in found]
    content = {
        "csv": "\n".join([",".join(names), *quoted]),
        "tsv": "\t".join(names) + "\n" + "".join("\t".join(row) + "\n" for row in found),
        "jsonl": jsonl(*objects),
        "json": json.dumps(objects),
        "parquet": {name: [one[name] for one in objects] for name in names},
    }[ending]
    read_back = read(tmp_path, f"a.{ending}", content, task=task)
    assert rows(read_back.table) == [(f"files-jv-train-{i}", *row) for i, row in enumerate(found)]
    assert (read_back.dropped, read_back.repaired) == ({}, {})


QA = [
    ("Sapa?", "Iki omahe Budi.", ["Budi"], [10]),
    ("Pira?", "Ana 3 kucing lan 3 asu 🐕 ireng.", ["asu 🐕", "3"], [19, 17]),
]


@pytest.mark.parametrize("ending", ["jsonl", "json", "parquet", "squad.jsonl", "squad.parquet"])
def test_questions_with_several_answers(tmp_path, ending):
    objects = [
        {"question": q, "context": c, "answers": {"text": a, "answer_start": s}}
        if ending.startswith("squad")
        else {"question": q, "context": c, "answer": a, "start": s}
        for q, c, a, s in QA
    ]
    content = {
        "jsonl": jsonl(*objects),
        "json": json.dumps(objects),
        "parquet": {name: [one[name] for one in objects] for name in objects[0]},
    }[ending.rpartition(".")[2]]
    found = read(tmp_path, f"a.{ending}", content, task="qa")
    assert rows(found.table) == [(f"files-jv-train-{i}", *row) for i, row in enumerate(QA)]
    assert found.dropped == {} and found.mends == {}


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_questions_with_one_answer_in_text(tmp_path, ending):
    lines = ["question,context,answer,start", "Sapa?,Iki omahe Budi.,Budi,10", "Pira?,Ana 3 asu.,3,4.0"]
    content = "\n".join(lines).replace(",", "," if ending == "csv" else "\t")
    found = read(tmp_path, f"a.{ending}", content, task="qa")
    assert rows(found.table)[1] == ("files-jv-train-1", "Pira?", "Ana 3 asu.", ["3"], [4])


NER = [(["Ana", "Paz", "teka"], ["B-PER", "I-PER", "O"]), (["Solo"], ["B-LOC"])]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.tsv", "Ana\tB-PER\nPaz\tI-PER\nteka\tO\n\nSolo\tB-LOC\n"),
        ("a.txt", "Ana B-PER\nPaz I-PER\nteka O\n\nSolo B-LOC\n"),
        ("a.conll", "Ana X B-PER\nPaz X I-PER\nteka X O\n\nSolo X B-LOC\n"),
        ("a.csv", "tokens,tags\nAna Paz teka,B-PER I-PER O\nSolo,B-LOC\n"),
        ("a.jsonl", jsonl(*({"tokens": words, "tags": tags} for words, tags in NER))),
        ("a.json", json.dumps([{"tokens": words, "tags": tags} for words, tags in NER])),
        ("a.parquet", {"tokens": [words for words, _ in NER], "tags": [tags for _, tags in NER]}),
    ],
)
def test_sentences_in_every_format(tmp_path, name, content):
    found = read(tmp_path, name, content, task="ner")
    assert rows(found.table) == [(f"files-jv-train-{i}", *row) for i, row in enumerate(NER)]
    assert found.dropped == {} and {reason: int(n.sum()) for reason, n in found.mends.items()} == {ORPHAN: 0, BLANK: 0}


# ---------------------------------------------------------------------------------------------------- columns and labels


def test_columns_are_named_or_numbered(tmp_path):
    named = read(tmp_path, "a.csv", "body,stars\nx,positive\n", columns={"text": "body", "label": "stars"})
    numbered = read(tmp_path, "b.csv", "positive,x\n", columns={"text": 1, "label": 0}, header=False)
    assert rows(named.table) == rows(numbered.table) == [("files-jv-train-0", "x", "positive")]


STARS = {1: "negative", "2": "negative", 3.0: None, "4": "positive", 5: "positive"}


def test_labels_compare_as_text_and_null_leaves_rows_out(tmp_path):
    found = read(tmp_path, "a.csv", "text,label\na,1\nb,1.0\nc, 5 \nd,3\ne,3.0\nf,4.00\n", labels=STARS)
    assert [row[1:] for row in rows(found.table)] == [
        ("a", "negative"),
        ("b", "negative"),
        ("c", "positive"),
        ("f", "positive"),
    ]
    assert [row[0] for row in rows(found.table)][-1] == "files-jv-train-5"  # counted before drops
    assert found.dropped == {"label '3', left out": 2}
    found = read(tmp_path, "a.parquet", {"text": ["a", "b", "c"], "label": [1.0, 5.0, 3.0]}, labels=STARS)
    assert [row[2] for row in rows(found.table)] == ["negative", "positive"]
    found = read(
        tmp_path,
        "a.jsonl",
        jsonl({"text": "a", "label": True}, {"text": "b", "label": False}),
        labels={"true": "positive", "False": "negative"},
    )
    assert [row[2] for row in rows(found.table)] == ["positive", "negative"]


def test_spellings_of_labels():
    assert [label_text(v) for v in (1, 1.0, "1.00", " 1 ", -2.0, "True", "01", "1.5", None, "a b")] == [
        "1", "1", "1", "1", "-2", "true", "01", "1.5", "", "a b",
    ]  # fmt: skip


def test_the_order_of_classes():
    assert own_labels("sentiment", {}) is None
    assert own_labels("sentiment", {"5": "good", "3": "so-so", "1": "bad", "2": "bad"}) == ("good", "so-so", "bad")
    assert own_labels("sentiment", {"5": "positive", "1": "negative"}) == ("negative", "positive")  # the usual order
    assert own_labels("nli", {"c": "contradiction", "e": "entailment", "n": "neutral"}) == tuple(LABELS["nli"])
    assert own_labels("nli", [["n", "no"], ["y", "yes"], ["-", None]]) == ("no", "yes")
    assert own_labels("ner", {"I-B": "I-DRUG", "x": "O", "y": "B-GENE"}) == (
        "O",
        "B-DRUG",
        "I-DRUG",
        "B-GENE",
        "I-GENE",
    )
    assert own_labels("ner", {"L": "I-LOC", "O": "O", "P": "B-PER", "G": "I-ORG"}) == tuple(LABELS["ner"])


def test_the_map_keeps_its_order_on_its_way_through_the_config(tmp_path):
    write(tmp_path, "a.csv", "text,label\na,z\nb,a\nc,m\nd,z\n")
    options = {"labels": {"z": "top", "m": "middle", "a": "bottom"}, "cut": {"dev": 0.25, "test": 0.25}}
    loaded = load(spec(**options), manifest(tmp_path, all="a.csv"))
    assert loaded.labels == ("top", "middle", "bottom")


@pytest.mark.parametrize(
    ("task", "labels", "says"),
    [
        ("sentiment", {"1": "a", "1.0": "b", "2": "b"}, r"labels: '1' means 'a' and 'b'; expected one class"),
        ("sentiment", {"1": "a", "2": "a"}, r"labels: a class; expected at least two"),
        ("sentiment", {"positive": None}, r"labels: leaves the class positive out; list those that are left as well"),
        ("qa", {"1": "a", "2": "b"}, r"labels: task qa has no labels"),
        ("ner", {"1": "PER", "0": "O"}, r"labels: 'PER' is no tag; expected O, B-TYPE or I-TYPE"),
        ("ner", {"0": "O"}, r"labels: no tag of an entity"),
    ],
)
def test_impossible_maps_are_refused(task, labels, says):
    with pytest.raises(UserError, match=says):
        own_labels(task, labels)


@pytest.mark.parametrize(
    ("content", "labels", "says"),
    [
        (
            "text,label\na,positive\nb,positiv\n",
            {},
            r"a.csv:3: unknown label 'positiv' \(1 row; did you mean 'positive'\?\); write into the config: "
            r"labels: \{\"negative\": negative, \"positive\": positive, \"positiv\": \?\}; with a class",
        ),
        (
            "text,label\na,1\nb,6\n",
            STARS,
            r"a.csv:3: unknown label '6' \(1 row\); write .*\"5\": positive, \"6\": \?\}",
        ),
        (
            "text,label\na,positive\nb,\n",
            {},
            r"a.csv:3: no label \(1 row\); write into the config: labels: \{\"\": null\}$",
        ),
        ("text,label\n,wrong\n", {}, r"a.csv:2: unknown label 'wrong'"),  # also of rows that would be dropped
    ],
)
def test_labels_outside_the_map_are_refused(tmp_path, content, labels, says):
    with pytest.raises(UserError, match=says):
        read(tmp_path, "a.csv", content, labels=labels)


def test_labels_that_are_lists_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"a.jsonl:1: the label is \['positive', 'x'\], expected one"):
        read(tmp_path, "a.jsonl", jsonl({"text": "a", "label": ["positive", "x"]}))


def test_tags_are_mapped_and_brought_into_iob2(tmp_path):
    # BIOES and a tag without a type; a sentence with a tag that means null is left out.
    text = "a B-G\nb I-G\nc E-G\n\nd S-D\ne 0\n\nf ?\n\ng I-D\nh I-G\n"
    labels = {"0": "O", "B-G": "B-GENE", "I-G": "I-GENE", "E-G": "I-GENE", "S-D": "B-DRUG", "I-D": "I-DRUG", "?": None}
    found = read(tmp_path, "a.conll", text, task="ner", labels=labels)
    assert rows(found.table) == [
        ("files-jv-train-0", ["a", "b", "c"], ["B-GENE", "I-GENE", "I-GENE"]),
        ("files-jv-train-1", ["d", "e"], ["B-DRUG", "O"]),
        ("files-jv-train-3", ["g", "h"], ["B-DRUG", "B-GENE"]),
    ]
    assert found.dropped == {"tag '?', left out": 1}
    assert found.mends[ORPHAN].tolist() == [0, 0, 2]


def test_tags_may_be_numbers(tmp_path):
    content = {"tokens": [["a", "b"]], "tags": [[1, 0]]}
    found = read(tmp_path, "a.parquet", content, task="ner", labels={0: "O", 1: "B-DRUG"})
    assert rows(found.table) == [("files-jv-train-0", ["a", "b"], ["B-DRUG", "O"])]


@pytest.mark.parametrize(
    ("name", "content", "options", "says"),
    [
        (
            "a.conll",
            "a O\nb B-GEO\n",
            {},
            r"a.conll:2: unknown tag 'B-GEO'; .*say what each means: labels: \{\"O\": O, \"B-GEO\": B-GEO\}",
        ),
        (
            "a.conll",
            "a O\nb B-GEO\n",
            {"labels": {"O": "O", "B-G": "B-G"}},
            r"a.conll:2: unknown tag 'B-GEO'",
        ),
        (
            "a.conll",
            "a B-PER\nb B-EVENT\n",
            {},
            r"a.conll:2: unknown tag 'B-EVENT'; known are O, B-PER, I-PER, B-ORG, ",
        ),
        ("a.conll", "a B-PER\nb B-PERS\n", {}, r"a.conll:2: unknown tag 'B-PERS'; did you mean 'B-PER'\?"),
        ("a.conll", "a O\n", {"columns": {"id": 0}}, r"columns: id: CoNLL files have none"),
        ("a.conll", "a O\n", {"columns": {"group": 0}}, r"columns: group: CoNLL files have none"),
        (
            "a.jsonl",
            jsonl({"tokens": ["a"], "tags": ["O", "O"]}),
            {},
            r"a.jsonl:1: 1 words and 2 tags; expected as many",
        ),
        ("a.jsonl", jsonl({"tokens": ["a", None], "tags": ["O", "O"]}), {}, r"a.jsonl:1: column 'tokens' holds None"),
        ("a.jsonl", jsonl({"tokens": ["a"], "tags": {"0": "O"}}), {}, r"a.jsonl:1: column 'tags' holds an object"),
        ("a.jsonl", jsonl({"tokens": ["a"], "tags": [None]}), {}, r"a.jsonl:1: no tag; mend it, or say `broken: drop`"),
        ("a.jsonl", jsonl({"tokens": [], "tags": []}), {}, r"a.jsonl: no row can be used \(1 × empty sentence\)"),
        (
            "a.xml",
            "<a/>",
            {},
            r"a.xml: unknown ending '.xml'; expected .csv, .tsv, .txt, .xlsx, .xlsm, .jsonl, .json, .parquet, .conll",
        ),
    ],
)
def test_broken_sentences_are_refused(tmp_path, name, content, options, says):
    with pytest.raises(UserError, match=says):
        read(tmp_path, name, content, task="ner", **options)


def test_empty_words_and_sentences_are_counted(tmp_path):
    content = jsonl({"tokens": ["a", "", "b"], "tags": ["B-PER", "I-PER", "I-PER"]}, {"tokens": [""], "tags": ["O"]})
    found = read(tmp_path, "a.jsonl", content, task="ner")
    assert rows(found.table) == [("files-jv-train-0", ["a", "b"], ["B-PER", "I-PER"])]
    assert found.dropped == {EMPTY: 1} and found.mends[BLANK].tolist() == [1]


# ---------------------------------------------------------------------------------------------------------------- texts


def test_empty_texts_are_dropped_and_counted(tmp_path):
    found = read(tmp_path, "a.csv", "text,label\n,positive\n  ,negative\nx,positive\n\ny,negative\n")
    assert rows(found.table) == [("files-jv-train-2", "x", "positive"), ("files-jv-train-3", "y", "negative")]
    assert found.dropped == {"empty text": 2} and found.repaired == {BLANK_LINE: 1}
    content = jsonl(
        {"premise": "a", "hypothesis": None, "label": "neutral"},
        {"premise": "a", "hypothesis": "b", "label": "neutral"},
    )
    assert read(tmp_path, "a.jsonl", content, task="nli").dropped == {"empty hypothesis": 1}


def test_control_characters_stay_in_texts(tmp_path):
    found = read(tmp_path, "a.csv", "text,label\r\na\x0b\x1c\u2028b,positive\r\n")
    assert rows(found.table) == [("files-jv-train-0", "a\x0b\x1c\u2028b", "positive")]
    assert found.repaired == {CARRIAGE: 2}


def test_texts_that_are_lists_are_refused_and_numbers_are_read(tmp_path):
    with pytest.raises(UserError, match=r"a.jsonl:2: column 'text' holds a list, expected text"):
        read(tmp_path, "a.jsonl", jsonl({"text": 5, "label": "positive"}, {"text": ["a"], "label": "positive"}))
    assert rows(read(tmp_path, "a.jsonl", jsonl({"text": 5, "label": "positive"})).table)[0][1] == "5"


def test_a_file_without_usable_rows_says_why(tmp_path):
    with pytest.raises(UserError, match=r"a.csv: no row can be used \(2 × empty text, 1 × label '3', left out\)"):
        read(tmp_path, "a.csv", "text,label\n,1\n ,5\na,3\n", labels=STARS)


def test_ragged_and_misencoded_files_name_the_line(tmp_path):
    with pytest.raises(UserError, match=r"a.csv:3: 3 columns, expected 2"):
        read(tmp_path, "a.csv", "text,label\na,positive\nb, c,positive\n")
    with pytest.raises(UserError, match=r"a.csv:3: byte 0xe9 .*not utf-8; set `encoding`"):
        read(tmp_path, "a.csv", b"text,label\na,positive\ncaf\xe9,positive\n")
    found = read(tmp_path, "a.csv", b"text,label\ncaf\xe9,positive\n", encoding="latin-1")
    assert rows(found.table)[0][1] == "café"


def test_columns_of_other_tasks_are_refused(tmp_path):
    with pytest.raises(
        UserError, match=r"columns: task sentiment has no 'premise'; valid: group, id, label, language, text"
    ):
        read(tmp_path, "a.csv", "text,label\na,positive\n", columns={"premise": "text"})


# -------------------------------------------------------------------------------------------------------------- answers


def answers(tmp_path, *objects):
    return read(tmp_path, "a.jsonl", jsonl(*({"question": "q", **one} for one in objects)), task="qa")


def mends(found):
    return {reason: counts.tolist() for reason, counts in found.mends.items()}


def test_missing_starts_are_found_where_the_answer_stands_once(tmp_path):
    found = answers(
        tmp_path,
        {"context": "abc b", "answer": "bc"},
        {"context": "abc b", "answer": "b", "start": ""},
        {"context": "abc b", "answer": "x"},
        {"context": "aaa", "answer": "aa", "start": -1},  # at 0 and at 1
        {"context": "abc b", "answer": ["b", "c"], "start": [4, None]},
        {"context": "abc b", "answer": "a", "start": "-1.0"},
        {"context": "a\u0301bc", "answer": "\u00e1b"},
    )
    assert rows(found.table) == [
        ("files-jv-train-0", "q", "abc b", ["bc"], [1]),
        ("files-jv-train-4", "q", "abc b", ["b", "c"], [4, 2]),
        ("files-jv-train-5", "q", "abc b", ["a"], [0]),
        ("files-jv-train-6", "q", "a\u0301bc", ["a\u0301b"], [0]),
    ]
    assert found.dropped == {placing.SEVERAL: 2, placing.NOWHERE: 1}
    assert mends(found) == {placing.FOUND: [1, 1, 1, 0], placing.RESPELT: [0, 0, 0, 1]}


def test_blank_and_misplaced_answers_are_left_out_and_counted(tmp_path):
    found = answers(
        tmp_path,
        {"context": "abc", "answer": "", "start": 0},
        {"context": "abc", "answer": [], "start": []},
        {"context": "abc", "answer": None},
        {"context": "abc", "answer": " "},
        {"context": "abc", "answer": "b", "start": 2},  # one off
        {"context": "b or not, but b", "answer": "b", "start": 5},
        {"context": "abc", "answer": ["c", "x", " "], "start": [2, 0, 1]},
        {"context": " ", "answer": "b", "start": 0},
        {"context": "abc", "answer": "b", "start": 1},
    )
    assert [row[0] + str(row[3:]) for row in rows(found.table)] == [
        "files-jv-train-4(['b'], [1])",
        "files-jv-train-6(['c'], [2])",
        "files-jv-train-8(['b'], [1])",
    ]
    assert found.dropped == {
        questions.UNANSWERABLE: 3,
        questions.NO_CONTEXT: 1,
        placing.BLANK: 1,
        placing.AMBIGUOUS: 1,
    }
    assert mends(found) == {
        placing.MOVED: [1, 0, 0],
        questions.LEFT_OUT + placing.NOWHERE: [0, 1, 0],
        questions.LEFT_OUT + placing.BLANK: [0, 1, 0],
    }


@pytest.mark.parametrize(
    ("unit", "reason"),
    [
        (lambda text: len(text.encode("utf-16-le")) // 2, placing.UTF16),
        (lambda text: len(text.encode()), placing.BYTES),
        (lambda text: len(text.replace("\n", "\r\n")), placing.LONG_ENDS),
    ],
)
def test_starts_in_another_unit_are_read_so_though_others_fit_some_of_them(tmp_path, unit, reason):
    """Where all starts count something else, an answer that stands at one by coincidence, too, is not taken for it."""
    before = "🐕 é\n\n"  # 5 characters, 6 UTF-16 units, 9 bytes, 7 with long line ends
    contexts = [before + "a" * 8 + f" ana{i} paz" for i in range(5)]
    objects = [{"context": c, "answer": f"ana{i}", "start": unit(c[: c.find("ana")])} for i, c in enumerate(contexts)]
    objects.append({"context": contexts[0], "answer": "a", "start": unit(before)})  # a stands at this character too
    found = answers(tmp_path, *objects)
    assert found.table["starts"].to_pylist() == [[14]] * 5 + [[5]]
    assert mends(found) == {reason: [1] * 6} and found.dropped == {}


def test_starts_that_count_something_else_are_refused(tmp_path):
    """Words, say."""
    objects = [{"context": "one two three four five", "answer": "five", "start": 4} for _ in range(3)]
    with pytest.raises(
        UserError,
        match=r"a.jsonl:1: the answer 'five' has start 4, where 'two ' stands; 3 of 4 starts are wrong, read as characters, "
        r"UTF-16 units or bytes; expected characters counted from 0, or no starts",
    ):
        answers(tmp_path, *objects, {"context": "five", "answer": "five", "start": 0})
    unsaid = [{name: value for name, value in one.items() if name != "start"} for one in objects]
    assert answers(tmp_path, *unsaid).table["starts"].to_pylist() == [[19]] * 3


def test_what_is_said_to_be_impossible_has_no_answer(tmp_path):
    plausible = {"context": "abc", "answer": "b", "start": 1}
    found = answers(
        tmp_path,
        {**plausible, "is_impossible": True},
        {**plausible, "is_impossible": "True"},
        {**plausible, "is_impossible": 1},
        {**plausible, "is_impossible": False},
        {**plausible, "is_impossible": None},
        plausible,
    )
    assert [row[0] for row in rows(found.table)] == [f"files-jv-train-{n}" for n in (3, 4, 5)]
    assert found.dropped == {questions.UNANSWERABLE: 3}
    with pytest.raises(UserError, match=r"a.jsonl:1: is_impossible is 'perhaps'; expected true or false"):
        answers(tmp_path, {**plausible, "is_impossible": "perhaps"})


@pytest.mark.parametrize(
    "given",
    [
        [{"text": "Budi", "answer_start": 10}, {"text": "omahe Budi", "answer_start": 4}],
        [{"text": "Budi", "start": 10.0}, {"text": "omahe Budi"}],
        [{"text": "Budi", "answer_start": "10"}, {"text": "omahe Budi", "answer_start": None}],
        {"text": ["Budi", "omahe Budi"], "answer_start": [10, 4]},
        str({"text": ["Budi", "omahe Budi"], "answer_start": [10, 4]}),
        "{'text': array(['Budi', 'omahe Budi'], dtype=object), 'answer_start': array([10, 4], dtype=int32)}",
        json.dumps([{"text": "Budi", "answer_start": 10}, {"text": "omahe Budi", "answer_start": 4}]),
    ],
)
def test_every_way_to_write_squads_answers(tmp_path, given):
    found = answers(tmp_path, {"context": "Iki omahe Budi.", "answers": given})
    assert found.table["answers"].to_pylist() == [["Budi", "omahe Budi"]]
    assert found.table["starts"].to_pylist() == [[10, 4]] and found.dropped == {}


def test_columns_of_a_flattened_table(tmp_path):
    text = "question,context,answers.text,answers.answer_start\nq,Iki omahe Budi.,\"['Budi', 'omahe']\",\"[10, 4]\"\n"
    found = read(tmp_path, "a.csv", text, task="qa")
    assert (found.table["answers"].to_pylist(), found.table["starts"].to_pylist()) == ([["Budi", "omahe"]], [[10, 4]])


def test_brackets_may_belong_to_an_answer(tmp_path):
    found = answers(tmp_path, {"context": "see [1] or [2]", "answer": "[1]"}, {"context": "see 1", "answer": "1"})
    assert found.table["answers"].to_pylist() == [["[1]"], ["1"]]
    found = answers(tmp_path, {"context": "x [a b] y", "answer": "[a b]"})  # no list of anything
    assert found.table["answers"].to_pylist() == [["[a b]"]]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dialect", ["csv", "flat", "hub", "nested"])
def test_random_questions_are_read_back_from_every_dialect(tmp_path, seed, dialect):
    rng = random.Random(seed)
    unit = rng.choice([len, lambda text: len(text.encode()), lambda text: len(text.encode("utf-16-le")) // 2])
    letters = "ab é\u0301ß한😀\u200d\u200f\u00a0,;'\"[]{}"
    expected, objects, paragraphs = [], [], []
    for number in range(30):
        context = "".join(rng.choices(letters, k=rng.randrange(10, 40))) + f" word{number}"
        begin = rng.randrange(len(context) - 2)
        texts = [context[begin : begin + 3], f"word{number}"]
        spans = [(text, context.index(text, max(begin - 1, 0) if i == 0 else 0)) for i, text in enumerate(texts)]
        spans = [(text, start if i else begin) for i, (text, start) in enumerate(spans) if text.strip()]
        if dialect == "csv":
            spans = spans[-1:]
        placed = [{"text": text, "answer_start": unit(context[:start])} for text, start in spans]
        question = f"which {rng.choice(letters)}?"
        expected.append((str(number), question, context, [text for text, _ in spans], [start for _, start in spans]))
        together = {"text": [one["text"] for one in placed], "answer_start": [one["answer_start"] for one in placed]}
        one = {"id": str(number), "question": question}
        objects.append({**one, "context": context, "answers": placed if dialect == "flat" else together})
        paragraphs.append({"context": context, "qas": [{**one, "answers": placed}]})
    if dialect == "csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator=rng.choice(["\n", "\r\n"]))
        writer.writerow(["id", "question", "context", "answer", "start"])
        for one in objects:
            answer = one["answers"]
            writer.writerow([one["id"], one["question"], one["context"], answer["text"][0], answer["answer_start"][0]])
        found = read(tmp_path, "a.csv", text.getvalue(), task="qa", columns={"id": "id"})
    else:
        content = {"flat": objects, "hub": objects, "nested": {"data": [{"paragraphs": paragraphs}]}}[dialect]
        written = json.dumps(content, ensure_ascii=rng.random() < 0.5, indent=rng.choice([None, 1]))
        found = read(tmp_path, "a.json", written, task="qa", columns={"id": "id"})
    assert rows(found.table) == [(f"files-train-{number}", *rest) for number, *rest in expected]
    assert found.dropped == {}


# ------------------------------------------------------------------------------------------------ below their contexts

HOUSE = "Omahe Budi abang."


def nested(*qas, context=HOUSE):
    return {"context": context, "qas": list(qas)}


def asked(key, text="Budi", start=6, **more):
    return {"id": key, "question": "Omahe sapa?", "answers": [{"text": text, "answer_start": start}], **more}


PARAGRAPHS = [
    nested(asked("a"), asked("b", "abang", 11)),
    nested(asked("c", "Ana", 0), context="Ana teka."),
    nested(asked("d", is_impossible=True), {"id": "e", "question": "?", "is_impossible": True, "answers": []}),
]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.json", json.dumps({"version": "1.1", "data": [{"title": "T", "paragraphs": PARAGRAPHS}]})),
        ("a.json", json.dumps({"data": [{"paragraphs": [one]} for one in PARAGRAPHS]}, indent=1)),
        ("a.json", json.dumps([{"paragraphs": PARAGRAPHS[:2]}, {"paragraphs": PARAGRAPHS[2:]}], indent=2)),
        ("a.json", json.dumps({"paragraphs": PARAGRAPHS})),
        ("a.json", json.dumps({"data": PARAGRAPHS})),
        ("a.json", "\ufeff" + json.dumps(PARAGRAPHS, indent="\t")),
        ("a.jsonl", "".join(json.dumps(one) + "\n" for one in PARAGRAPHS)),
        ("a.jsonl", json.dumps({"paragraphs": PARAGRAPHS[:1]}) + "\n\n" + json.dumps({"paragraphs": PARAGRAPHS[1:]})),
        ("a.jsonl", json.dumps({"data": [{"paragraphs": PARAGRAPHS}]})),
    ],
)
def test_questions_below_their_contexts(tmp_path, name, content):
    found = read(tmp_path, name, content, task="qa")
    assert rows(found.table) == [
        ("files-train-a", "Omahe sapa?", HOUSE, ["Budi"], [6]),
        ("files-train-b", "Omahe sapa?", HOUSE, ["abang"], [11]),
        ("files-train-c", "Omahe sapa?", "Ana teka.", ["Ana"], [0]),
    ]
    assert found.dropped == {questions.UNANSWERABLE: 2}


def test_questions_below_their_contexts_without_ids_have_numbers(tmp_path):
    bare = [{name: value for name, value in asked("a").items() if name != "id"} for _ in range(2)]
    found = read(tmp_path, "a.json", json.dumps([nested(*bare)]), task="qa")
    assert found.table["id"].to_pylist() == ["files-jv-train-0", "files-jv-train-1"]
    with pytest.raises(
        UserError, match=r"a.json\[0\]\.qas\[1\]: key 'id' is missing; expected an id for every question"
    ):
        read(tmp_path, "a.json", json.dumps([nested(asked("a"), *bare)]), task="qa")


@pytest.mark.parametrize("wrap", [lambda rows: {"data": rows}, lambda rows: rows])
def test_flat_rows_below_data(tmp_path, wrap):
    content = json.dumps(
        wrap([{**asked("a"), "context": HOUSE}, {**asked("b", "abang", 11), "context": HOUSE}]), indent=1
    )
    found = read(tmp_path, "a.json", content, task="qa", columns={"id": "id"})
    assert [(row[0], *row[3:]) for row in rows(found.table)] == [
        ("files-train-a", ["Budi"], [6]),
        ("files-train-b", ["abang"], [11]),
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([nested(asked("a"), asked("a"))], r"qas\[1\]: the id 'a' is already that of .*a.json\[0\]\.qas\[0\]"),
        ({"data": [{"paragraphs": [nested()]}]}, r"a.json: holds no questions"),
        ({"daten": [{"paragraphs": []}]}, r"a.json: key 'data' is missing; did you mean 'daten'\?"),
        ([{"paragraps": [], "qas2": 1}, {"paragraphs": []}], r"a.json\[0\]: key 'paragraphs' is missing; did you mean"),
        ([{"contxt": HOUSE, "qas": []}], r"a.json\[0\]: key 'context' is missing; did you mean 'contxt'\?"),
        (
            {"data": [{"paragraphs": [nested({"id": "a", "question": "?", "answer": []})]}]},
            r"a.json: data\[0\]\.paragraphs\[0\]\.qas\[0\]: key 'answers' is missing; did you mean 'answer'\?",
        ),
        (
            [nested({"id": "a", "question": "?", "answers": [{"text": "Budi", "answer_strat": 6}]})],
            r"answers\[0\]: key 'answer_start' is missing; did you mean 'answer_strat'\?",
        ),
        (
            [nested({"id": "a", "question": "?", "answers": [{"text": "Budi", "answer_start": "six"}]})],
            r"answers\[0\]: answer_start is text, expected a whole number",
        ),
    ],
)
def test_what_is_wrong_below_contexts_is_named_by_its_place(tmp_path, content, says):
    with pytest.raises(UserError, match=says):
        read(tmp_path, "a.json", json.dumps(content), task="qa")


def test_squads_shape_has_no_columns(tmp_path):
    with pytest.raises(UserError, match=r"columns: question: a.json is of SQuAD's shape, which has no columns"):
        read(tmp_path, "a.json", json.dumps([nested(asked("a"))]), task="qa", columns={"question": "q"})


@pytest.mark.parametrize(
    ("one", "says"),
    [
        ({"answer": ["b", "c"], "start": [1]}, r"a.jsonl:1: 2 answers and 1 starts; expected as many"),
        ({"answer": "b", "start": 1.5}, r"a.jsonl:1: start '1.5'; expected"),
        ({"answer": "b", "start": "one"}, r"a.jsonl:1: start 'one'; expected"),
        ({"answer": "b", "start": True}, r"a.jsonl:1: start 'true'; expected"),
        ({"answer": [["b"]], "start": [1]}, r"a.jsonl:1: the answer \['b'\] is no text"),
        (
            {"answer": {"answer_start": [1]}},
            r"a.jsonl:1: the answer has keys answer_start; expected text and answer_start",
        ),
        ({"answer": [{"text": "b"}, "c"]}, r"a.jsonl:1: the answer 'c' is no object; expected text and answer_start"),
        ({"answer": [{"txt": "b"}]}, r"a.jsonl:1: the answer has keys txt; expected text and answer_start"),
        ({"start": 1}, r"a.jsonl: column 'answer' is missing"),
    ],
)
def test_broken_answers_are_refused(tmp_path, one, says):
    with pytest.raises(UserError, match=says):
        answers(tmp_path, {"context": "abc", **one})


# ---------------------------------------------------------------------------------------------------- ids and languages

MIXED = "lang,text,label\njavanese,a,positive\nid,b,negative\njavanese,c,negative\n,d,negative\n"


def test_one_file_with_several_languages(tmp_path):
    options = {"columns": {"language": "lang"}, "languages": {"jv": "javanese"}}
    found = read(tmp_path, "a.csv", MIXED, **options)
    assert rows(found.table) == [("files-jv-train-0", "a", "positive"), ("files-jv-train-2", "c", "negative")]
    assert found.dropped == {OTHER: 2}
    other = read_files([tmp_path / "a.csv"], "id", "train", spec("id", **options))
    assert other.table["text"].to_pylist() == ["b"]
    with pytest.raises(
        UserError,
        match=r"no rows of 'su', called 'su'; column 'lang' has id, javanese; say what it calls 'su': languages: \{su: …\}",
    ):
        read_files([tmp_path / "a.csv"], "su", "train", spec("su", **options))


def test_labels_of_other_languages_are_not_looked_at(tmp_path):
    content = "lang,text,label\njv,a,positive\nid,b,POS\n"
    assert read(tmp_path, "a.csv", content, columns={"language": "lang"}).table.num_rows == 1


def test_ids_are_shared_by_languages(tmp_path):
    found = read(tmp_path, "a.jsonl", jsonl({"n": 7, "text": "a", "label": "positive"}), columns={"id": "n"})
    assert rows(found.table)[0][0] == "files-train-7"
    found = read(tmp_path, "a.parquet", {"n": [7.0], "text": ["a"], "label": ["positive"]}, columns={"id": "n"})
    assert rows(found.table)[0][0] == "files-train-7"


def test_ids_stand_there_once_in_a_language(tmp_path):
    options = {"columns": {"id": "n", "language": "lang"}}
    content = "n,lang,text,label\n1,jv,a,positive\n1,id,b,positive\n1,jv,,negative\n"
    with pytest.raises(UserError, match=r"a.csv:4: id '1' stands at .*a.csv:2 already"):
        read(tmp_path, "a.csv", content, **options)
    assert read_files([tmp_path / "a.csv"], "id", "train", spec("id", **options)).table["id"].to_pylist() == [
        "files-train-1"
    ]
    with pytest.raises(UserError, match=r"a.csv:2: no id in column 'n'"):
        read(tmp_path, "a.csv", "n,text,label\n,a,positive\n", columns={"id": "n"})


# ----------------------------------------------------------------------------------------------------- splits and cuts


def many(n, names="id,text,label", start=0):
    lines = [f"{i},text {i},{'positive' if i % 4 == 0 else 'negative'}" for i in range(start, start + n)]
    return "\n".join([names, *lines]) + "\n"


def ids(loaded):
    return {name: split.table["id"].to_pylist() for name, split in loaded.splits.items()}


def test_one_file_is_cut_with_each_class_in_its_share(tmp_path):
    write(tmp_path, "a.csv", many(40) + "40,,positive\n")
    loaded = load(spec(cut={"dev": 0.1, "test": 0.2, "seed": 0}), manifest(tmp_path, all="a.csv"))
    counts = {name: Counter(split.table["label"].to_pylist()) for name, split in loaded.splits.items()}
    assert counts == {
        "train": {"negative": 21, "positive": 7},
        "dev": {"negative": 3, "positive": 1},
        "test": {"negative": 6, "positive": 2},
    }
    assert sorted(chain.from_iterable(ids(loaded).values())) == sorted(f"files-jv-all-{i}" for i in range(40))
    assert {name: split.dropped for name, split in loaded.splits.items()} == {
        "train": {"empty text": 1},
        "dev": {},
        "test": {},
    }
    assert loaded.text["id"].to_pylist() == ids(loaded)["train"]
    assert loaded.absent == {} and loaded.labels is None and loaded.notes == ("a note",)
    other = load(spec(cut={"dev": 0.1, "test": 0.2, "seed": 1}), tmp_path / "manifest.json")
    assert ids(other)["test"] != ids(loaded)["test"]
    plain = load(spec(cut={"dev": 0.1, "test": 0.2, "stratify": False}), tmp_path / "manifest.json")
    assert [len(part) for part in ids(plain).values()] == [28, 4, 8]


def test_a_cut_may_leave_out_a_part(tmp_path):
    write(tmp_path, "a.csv", many(10))
    loaded = load(spec(cut={"dev": 0, "test": 0.3}), manifest(tmp_path, all="a.csv"))
    assert [len(part) for part in ids(loaded).values()] == [7, 0, 3]
    assert loaded.absent == {"dev": "cut: dev is 0; give it a share"}
    with pytest.raises(UserError, match=r"cut: jv: 10 rows cannot give 7 for test, 3 for dev and some to train on"):
        load(spec(cut={"dev": 0.3, "test": 0.7}), tmp_path / "manifest.json")


@pytest.mark.parametrize("named", [True, False])
def test_parallel_rows_come_into_the_same_part_in_every_language(tmp_path, named):
    write(tmp_path, "a.csv", many(200))
    write(tmp_path, "b.csv", many(200).replace("17,text 17,", "17,,"))  # one row is dropped here
    columns = {"id": "id"} if named else {}
    parts = {}
    for language, name in (("jv", "a.csv"), ("su", "b.csv")):
        loaded = load(spec(language, columns=columns), manifest(tmp_path, all=name))
        parts[language] = {name: {i.rpartition("-")[2] for i in part} for name, part in ids(loaded).items()}
    assert set(ids(loaded)["test"]) <= (
        {f"files-all-{i}" for i in range(200)} if named else {f"files-su-all-{i}" for i in range(200)}
    )
    # Of 199 rows at most one or two stand elsewhere, next to the border; a shuffle by number would move most of them.
    assert len(parts["jv"]["test"] & parts["su"]["train"]) <= 1
    assert len(parts["jv"]["test"] & parts["su"]["test"]) >= 38


def test_the_order_of_a_cut_follows_keys_not_places():
    keys = [str(i) for i in range(50)]
    order = [keys[i] for i in hashed_order(keys, 3)]
    assert order == [keys[::-1][i] for i in hashed_order(keys[::-1], 3)]
    assert order != sorted(keys) and sorted(order) == sorted(keys)


def on_contexts(contexts, each, lacking=(), blank=(), prefix=""):
    """Questions on contexts; of some rows the question is not there at all, of others it is blank."""
    numbers = [n for n in range(contexts * each) if n not in lacking]
    return jsonl(
        *(
            {
                "id": f"r{n}",
                "question": " " if n in blank else f"q{n}",
                "context": f"{prefix}text {n // each} has thing{n}",
                "answer": f"thing{n}",
            }
            | (
                {
                    "context": f"{prefix}text {n // each} has "
                    + " ".join(f"thing{n // each * each + k}" for k in range(each))
                }
            )
            for n in numbers
        )
    )


def part_of(loaded):
    return {name.rpartition("-")[2]: part for part, names in ids(loaded).items() for name in names}


def test_questions_on_a_context_come_into_one_part(tmp_path):
    write(tmp_path, "a.jsonl", on_contexts(10, 6))
    options = {"task": "qa", "files": {"all": "a.jsonl"}, "cut": {"dev": 0.2, "test": 0.3}}
    loaded = load(spec(**options), manifest(tmp_path, all="a.jsonl"))
    contexts = [set(split.table["context"].to_pylist()) for split in loaded.splits.values()]
    assert [len(part) for part in contexts] == [5, 2, 3] and len(set.union(*contexts)) == 10
    assert [len(part) for part in ids(loaded).values()] == [30, 12, 18]
    other = load(spec(**{**options, "cut": {"dev": 0.2, "test": 0.3, "seed": 1}}), tmp_path / "manifest.json")
    assert ids(other) != ids(loaded)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cut", [{"files": {"all": "a.jsonl"}}, {"dev": {"from": "train", "fraction": 0.3}}])
def test_parallel_questions_come_into_one_part_though_some_were_dropped(tmp_path, seed, cut):
    """Also where that was the group's first, and where texts differ from language to language."""
    rng = random.Random(seed)
    write(tmp_path, "a.jsonl", on_contexts(20, 3))
    write(tmp_path, "b.jsonl", on_contexts(20, 3, blank=rng.sample(range(60), 15), prefix="another "))
    options = {"task": "qa", "columns": {"id": "id"}, **cut}
    split = "all" if "files" in cut else "train"
    options["files"] = {split: "a.jsonl"}
    jv, su = (
        load(spec(lang, **options), manifest(tmp_path, **{split: f"{name}.jsonl"}))
        for lang, name in [("jv", "a"), ("su", "b")]
    )
    assert len(part_of(su)) == 45
    assert {row: part_of(jv)[row] for row in part_of(su)} == part_of(su)


def test_groups_that_a_column_names_agree_though_rows_are_not_there_at_all(tmp_path):
    lines = [f"r{n},d{n // 4},text {n},{'positive' if n % 2 else 'negative'}\n" for n in range(80)]
    write(tmp_path, "a.csv", "".join(["id,document,text,label\n", *lines]))
    write(
        tmp_path, "b.csv", "".join(["id,document,text,label\n", *(line for n, line in enumerate(lines) if n % 4 > 0)])
    )
    options = {"columns": {"id": "id", "group": "document"}, "cut": {"dev": 0.2, "test": 0.3}}
    jv, su = (
        part_of(load(spec(lang, **options), manifest(tmp_path, all=name)))
        for lang, name in [("jv", "a.csv"), ("su", "b.csv")]
    )
    assert Counter(jv.values()) == {"train": 40, "dev": 16, "test": 24}
    assert all(len({jv[f"r{4 * d + k}"] for k in range(4)}) == 1 for d in range(20))
    assert {row: jv[row] for row in su} == su and len(su) == 60
    with pytest.raises(
        UserError, match=r"a.csv:3: no group in column 'document'; expected one, or leave columns.group out"
    ):
        read(tmp_path, "a.csv", "document,text,label\nd,a,positive\n ,b,positive\n", columns={"group": "document"})


def test_what_a_large_group_leaves(tmp_path):
    content = on_contexts(1, 90) + on_contexts(5, 4, prefix="short ").replace('"r', '"s')
    write(tmp_path, "a.jsonl", content)
    for seed in range(6):
        cut = {"dev": 0.05, "test": 0.1, "seed": seed}
        loaded = load(spec(task="qa", files={"all": "a.jsonl"}, cut=cut), manifest(tmp_path, all="a.jsonl"))
        assert [len(part) for part in ids(loaded).values()] == [86, 4, 12]  # thing1 to thing8 stand several times


def test_too_few_groups_are_refused_with_a_way_out(tmp_path):
    write(tmp_path, "a.jsonl", on_contexts(2, 5))
    options = {"task": "qa", "files": {"all": "a.jsonl"}}
    places = manifest(tmp_path, all="a.jsonl")
    with pytest.raises(
        UserError,
        match=r"cut: the 10 rows have fewer than 3 contexts; .* each of test, dev, train; .*columns: \{group: NAME\}",
    ):
        load(spec(**options), places)
    loaded = load(spec(**options, columns={"group": "id"}), places)  # a group a row
    assert [len(part) for part in ids(loaded).values()] == [7, 1, 2]
    loaded = load(spec(**options, cut={"dev": 0, "test": 0.2}), places)
    assert [len(part) for part in ids(loaded).values()] == [5, 0, 5]
    said = "cut: test has 5 rows where 2 were asked for: rows that belong together stay together"
    assert loaded.notes == ("a note", said)


def test_a_group_changes_no_key_of_a_dataset_that_names_none():
    assert "group" not in spec()["columns"] and spec(columns={"group": "g"})["columns"]["group"] == "g"


def test_cuts_of_tasks_without_classes(tmp_path):
    write(tmp_path, "a.conll", "a O\n\n" * 9 + "b I-PER\n")
    loaded = load(spec(task="ner", files={"all": "a.conll"}), manifest(tmp_path, all="a.conll"))
    assert [len(part) for part in ids(loaded).values()] == [7, 1, 2]
    assert sum(split.repaired.get(ORPHAN, 0) for split in loaded.splits.values()) == 1


def test_own_files_for_each_split(tmp_path):
    for split, start in (("train", 0), ("dev", 8), ("test", 9)):
        write(tmp_path, f"{split}.csv", many(8, start=start))
    given = {"files": {split: f"{split}.csv" for split in ("train", "dev", "test")}, "columns": {"id": "id"}}
    places = manifest(tmp_path, train="train.csv", dev="dev.csv", test="test.csv")
    loaded = load(spec(**given), places)
    assert ids(loaded)["dev"] == [f"files-dev-{i}" for i in range(8, 16)]
    assert {name: split.dropped for name, split in loaded.splits.items()} == {"train": {}, "dev": {}, "test": {}}
    write(tmp_path, "train.csv", many(12))  # texts 8 to 11 stand in dev, 9 to 11 in test
    loaded = load(spec(**given, remove_duplicates="train"), places)
    assert ids(loaded)["train"] == [f"files-train-{i}" for i in range(8)]
    assert loaded.splits["train"].dropped == {DUPLICATE: 4}


def test_dev_cut_from_train_and_splits_that_are_not_there(tmp_path):
    write(tmp_path, "train.csv", many(20))
    places = manifest(tmp_path, train="train.csv", test="train.csv")
    loaded = load(spec(files={"train": "train.csv"}, dev={"from": "train", "fraction": 0.2}), places)
    assert [len(part) for part in ids(loaded).values()] == [16, 4, 0]
    assert loaded.absent == {"test": "`files` names no test file"}
    loaded = load(spec(files={"train": "train.csv"}), places)
    assert loaded.absent["dev"] == "`files` names no dev file; add one, or dev: {from: train, fraction: 0.2}"
    loaded = load(spec(files={"test": "train.csv"}), places)
    assert [len(part) for part in ids(loaded).values()] == [0, 0, 20] and set(loaded.absent) == {"train", "dev"}
    assert loaded.text.num_rows == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"files": {}}, r"files: no file is named; expected train, dev and test, or all"),
        ({"files": {"all": "a.csv", "test": "b.csv"}}, r"files: all is one file for every split, so it stands alone"),
        ({"dev": {"from": "train"}}, r"dev: cannot be cut from train too, cut: \{dev: 0.1, test: 0.2\} makes dev"),
        ({"files": {"train": "a", "dev": "b"}, "dev": {"from": "train"}}, r"dev: .* files names a dev file"),
        (
            {"files": {"train": "a.csv", "test": "a.csv"}},
            r"files: test and train are one file, 'a.csv'; use all and cut",
        ),
        ({"languages": {"jv": "j", "id": "i"}}, r"files: 'a.csv' is one file for 2 languages; put \{language\} into"),
        ({"languages": {"jv": "j", "id": "j"}}, r"languages: id and jv are both called 'j'"),
        ({"languages": {"id": "jv"}}, r"languages: id and jv are both called 'jv'"),
    ],
)
def test_impossible_splits_are_refused(options, says):
    with pytest.raises(UserError, match=says):
        split_files(spec(**options))


def test_nothing_downloaded_is_said(tmp_path):
    with pytest.raises(UserError, match=r"files: no downloaded files are given"):
        load(spec())
    with pytest.raises(UserError, match=r"manifest.json: no file of all rows was downloaded"):
        load(spec(), manifest(tmp_path, train="a.csv"))
    with pytest.raises(UserError, match=r"manifest.json: no test files were downloaded"):
        load(spec(files={"test": "a.csv"}), manifest(tmp_path, train="a.csv"))


# -------------------------------------------------------------------------------------------------------------- fetching

TREE = {"files": {"train": "{language}/train.csv", "test": "{language}/test.csv"}, "languages": {"jv": "javanese"}}


def tree(folder):
    write(folder, "javanese/train.csv", many(4))
    write(folder, "javanese/test.csv", many(3))
    write(folder, "sundanese/train.csv", many(2))
    return folder


def test_files_of_a_language_are_found_and_counted(tmp_path):
    folder = tree(tmp_path / "mine")
    found = fetch(spec(**TREE), tmp_path / "work", None, folder)
    assert found.files == {split: [folder / "javanese" / f"{split}.csv"] for split in ("train", "test")}
    assert (found.source.kind, found.source.where) == ("folder", str(folder))
    assert found.notes == [
        f"{s}: {n} examples, not checked: own data have no known count" for s, n in (("train", 4), ("test", 3))
    ]
    whole = fetch(spec(files={"all": "javanese/train.csv"}), tmp_path / "work", None, folder)
    assert list(whole.files) == ["all"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"languages": {"jv": "javanes"}}, r"javanes/train.csv: no such file; did you mean 'javanese'\?$"),
        (
            {"languages": {}},
            r"jv/train.csv: no such file; .*mine holds javanese/, sundanese/; 'jv' is not listed under `languages`",
        ),
        ({"files": {"train": "{language}/tran.csv"}}, r"javanese/tran.csv: no such file; did you mean 'train.csv'\?"),
        ({"files": {"train": "{language}/x.json"}}, r"x.json: no such file; .*javanese holds test.csv, train.csv"),
        ({"files": {"train": "{language}"}}, r"mine/javanese: a folder, expected a file; it holds test.csv, train.csv"),
        ({"files": {"train": "../{language}.csv"}}, r"files: train: '../javanese.csv' leads out of the folder"),
        ({"files": {"train": "/etc/passwd"}, "languages": {}}, r"files: train: '/etc/passwd' leads out of the folder"),
        ({"languages": {"jv": "../../javanese"}}, r"'../../javanese/train.csv' leads out of the folder"),
        ({"files": {"train": "{language}/train.xml"}}, r"train.xml: unknown ending '.xml'; expected .csv, .tsv"),
    ],
)
def test_missing_files_and_escapes_are_refused(tmp_path, options, says):
    folder = tree(tmp_path / "mine")
    write(folder, "javanese/train.xml" if "xml" in says else "../x", b"x")
    write(tmp_path, "javanese.csv", many(2))
    with pytest.raises(UserError, match=says):
        fetch(spec(**TREE | options), tmp_path / "work", None, folder)


def test_links_out_of_the_folder_are_refused_and_links_of_it_are_not(tmp_path):
    folder = tree(tmp_path / "mine")
    (folder / "link.csv").symlink_to(write(tmp_path, "secret.csv", many(2)))
    with pytest.raises(
        UserError,
        match=r"link.csv: a link out of the folder, to .*secret.csv; put a copy in .* folder: .*, and secret.csv under",
    ):
        fetch(spec(files={"all": "link.csv"}), tmp_path / "work", None, folder)
    (tmp_path / "alias").symlink_to(folder)
    assert fetch(spec(files={"all": "javanese/train.csv"}), tmp_path / "work", None, tmp_path / "alias").notes


def test_a_folder_is_needed_and_malformed_files_are_refused_by_name(tmp_path):
    with pytest.raises(UserError, match=r"folder: no path is given"):
        fetch(spec(), tmp_path, None, None)
    with pytest.raises(UserError, match=r"gone: no such folder"):
        fetch(spec(), tmp_path, None, tmp_path / "gone")
    write(tmp_path, "a.csv", "text,label\na,positive,x\n")
    with pytest.raises(UserError, match=r"a.csv:2: 3 columns"):
        fetch(spec(), tmp_path / "work", None, tmp_path)


# ----------------------------------------------------------------------------------------------------- config, real data


def test_yamls_numbers_are_labels_and_columns_and_its_truth_values_are_not():
    given = {"loader": "files", "task": "sentiment", "folder": ".", "files": {"all": "a.csv"}}
    settings = parse({"datasets": {"mine": {**given, "labels": {1: 0, 2.0: "good", "": None}, "columns": {"text": 0}}}})
    mine = settings.datasets["mine"]
    assert mine.labels == {"1": "0", "2": "good", "": None} and mine.columns.text == "0"
    with pytest.raises(UserError, match=r"put the label in quotes"):
        parse({"datasets": {"mine": {**given, "labels": {False: "negative", "yes": "positive"}}}})


@pytest.mark.skipif(not NUSAX.is_dir(), reason="no copy of NusaX beside the repository")
def test_nusax_is_read_whole_and_parallel(tmp_path):
    options = {
        "files": {"train": "{language}/train.csv", "dev": "{language}/valid.csv", "test": "{language}/test.csv"},
        "columns": {"id": "id"},
        "labels": {name: name for name in ("negative", "neutral", "positive")},
    }
    expected = {"train": 500, "dev": 100, "test": 400}
    parallel = {}
    for folder in sorted(NUSAX.iterdir()):
        found = fetch(spec(folder.name, **options), tmp_path, None, NUSAX)
        for split, files in found.files.items():
            read_back = read_files(files, folder.name, split, spec(folder.name, **options))
            assert (read_back.table.num_rows, read_back.dropped) == (expected[split], {}), folder.name
            pairs = dict(zip(read_back.table["id"].to_pylist(), read_back.table["label"].to_pylist(), strict=True))
            assert parallel.setdefault(split, pairs) == pairs, folder.name
    assert Counter(parallel["test"].values()) == {"negative": 153, "positive": 151, "neutral": 96}
