"""Own data in the layouts that others save: one token a row, lists in cells, wide tables, parts, links of a cache."""

import gzip
import json

import openpyxl
import pytest

from pipeline.common.errors import UserError
from pipeline.config.load import parse
from pipeline.data.corpora.files.fetch import fetch
from pipeline.data.corpora.files.read import load, read_files
from pipeline.data.corpora.files.tagged import NO_LIST
from pipeline.data.corpora.files.token_rows import NO_TOKEN, counts_tokens
from pipeline.data.formats.delimited import SPACED
from pipeline.data.formats.tables import BLANK_LINE
from tests.data.corpora.test_files import manifest, many, read, rows, spec, write

ADA = (["Ada", "Lund", "sings"], ["B-PER", "I-PER", "O"])
RIGA = (["in", "Riga"], ["O", "B-LOC"])


def tagged(found):
    return [(words, tags) for _, words, tags in rows(found.table)]


def token_table(first, *names):
    """The two sentences, a token a row, with what `first` says of each row before it."""
    pairs = [pair for sentence in (ADA, RIGA) for pair in zip(*sentence, strict=True)]
    lines = [",".join([*map(str, before), *pair]) for before, pair in zip(first, pairs, strict=True)]
    return "\n".join([",".join([*names, "tokens", "tags"]), *lines]) + "\n"


# ---------------------------------------------------------------------------------------------------- one token a row


@pytest.mark.parametrize("name", ["Sentence #", "sentence_id", "SENT_ID", "sentence", "Sentence no."])
@pytest.mark.parametrize("values", [["s1", "", "", "s2", ""], [7, 7, 7, 8, 8], ["1.0", "1", 1, 0, 0]])
def test_sentences_by_a_column_with_a_usual_name(tmp_path, name, values):
    found = read(tmp_path, "a.csv", token_table([[value] for value in values], name), task="ner")
    assert tagged(found) == [ADA, RIGA]
    assert found.table["id"].to_pylist() == ["files-jv-train-0", "files-jv-train-1"]
    assert found.notes == (f"a.csv: one token a row, sentences by column {name!r}",)


def test_sentences_by_the_column_named(tmp_path):
    text = token_table([["a"], ["a"], ["a"], ["b"], ["b"]], "unit")
    named = {"task": "ner", "columns": {"sentence": "unit"}}
    assert tagged(read(tmp_path, "a.csv", text, **named)) == [ADA, RIGA]
    assert tagged(read(tmp_path, "a.tsv", text.replace(",", "\t"), **named)) == [ADA, RIGA]
    found = read(tmp_path, "a.csv", text, task="ner", columns={"sentence": "unit", "id": "unit"})
    assert found.table["id"].to_pylist() == ["files-train-a", "files-train-b"] and found.notes == ()
    lines = [
        json.dumps(dict(zip(text.split("\n")[0].split(","), line.split(","), strict=True))) for line in text.split()[1:]
    ]
    assert tagged(read(tmp_path, "a.jsonl", "\n".join(lines), **named)) == [ADA, RIGA]


def test_a_tsv_whose_header_names_sentences_is_a_table_and_others_are_conll(tmp_path):
    text = token_table([["s1"], [""], [""], ["s2"], [""]], "Sentence #").replace(",", "\t")
    assert tagged(read(tmp_path, "a.tsv", text, task="ner")) == [ADA, RIGA]
    packed = gzip.compress(text.replace("tokens", "Word").encode())
    assert tagged(read(tmp_path, "a.tsv.gz", packed, task="ner", columns={"tokens": "Word"})) == [ADA, RIGA]
    found = read(tmp_path, "b.tsv", "sentence\tO\ntags\tO\n\nRiga\tB-LOC\n", task="ner")
    assert tagged(found) == [(["sentence", "tags"], ["O", "O"]), (["Riga"], ["B-LOC"])]


def test_sentences_by_a_count_of_tokens(tmp_path):
    text = token_table([[1], [2], [3], [1], [2]], "n")
    with pytest.raises(UserError, match=r"column 'n' counts tokens: columns: \{sentence: 'n'\}"):
        read(tmp_path, "a.csv", text, task="ner")
    assert tagged(read(tmp_path, "a.csv", text, task="ner", columns={"sentence": "n"})) == [ADA, RIGA]
    assert counts_tokens(["0", "1", "0", "0"]) and counts_tokens(["1", "2", "1"])
    for values in (
        ["1", "2", "3"],
        ["1", "1", "1"],
        ["1", "3", "1"],
        ["2", "3", "2"],
        ["1", "1", "2"],
        ["1", "x", "1"],
    ):
        assert not counts_tokens(values), values


def test_sentences_between_blank_rows(tmp_path):
    text = token_table([[]] * 5).replace("in,O", ",\n\nin,O")
    found = read(tmp_path, "a.csv", text, task="ner")
    assert tagged(found) == [ADA, RIGA] and found.repaired == {BLANK_LINE: 2}
    assert found.notes == ("a.csv: one token a row, sentences by the blank rows between them",)


def test_rows_of_one_language_and_rows_without_a_token(tmp_path):
    values = [["jv", 1], ["jv", 1], ["jv", 1], ["jv", 2], ["jv", 2]]
    text = token_table(values, "lang", "sentence").replace("jv,2,in", "id,1,kota,O\njv,2,,\njv,2,in")
    options = {"task": "ner", "columns": {"language": "lang", "sentence": "sentence"}, "languages": {"jv": "jv"}}
    found = read(tmp_path, "a.csv", text, **options)
    assert tagged(found) == [ADA, RIGA]
    assert found.repaired == {NO_TOKEN: 1} and found.dropped == {"row of another language": 1}


@pytest.mark.parametrize(
    ("text", "columns", "says"),
    [
        (
            token_table([[]] * 5),
            {},
            r"a.csv: one token a row, and nothing tells .*columns: \{sentence: NAME\}, or write",
        ),
        (
            token_table([[1], [1], [2], [2], [1]], "s"),
            {"sentence": "s"},
            r"a.csv:6: sentence '1' of column 's' comes back",
        ),
        (
            token_table([[""], ["a"], ["a"], ["b"], ["b"]], "s"),
            {"sentence": "s"},
            r"a.csv:2: no sentence in column 's', and",
        ),
        (
            token_table([[1], [2], [3], [4], [5]], "s"),
            {"sentence": "s"},
            r"column 's' differs in every row, so every word",
        ),
        (token_table([[1]] * 5, "s"), {"sentence": "u"}, r"column 'u' is missing"),
    ],
)
def test_what_tells_no_sentences_is_refused(tmp_path, text, columns, says):
    with pytest.raises(UserError, match=says):
        read(tmp_path, "a.csv", text, task="ner", columns=columns)


def test_a_list_of_names_is_no_table_of_tokens(tmp_path):
    found = read(tmp_path, "a.csv", "tokens,tags\nRiga,B-LOC\nAda,B-PER\n", task="ner")
    assert tagged(found) == [(["Riga"], ["B-LOC"]), (["Ada"], ["B-PER"])]


# ------------------------------------------------------------------------------------------------------- lists in cells


@pytest.mark.parametrize(
    ("words", "tags"),
    [
        ("""['Ada', 'Lund', "it's"]""", "['B-PER', 'I-PER', 'O']"),
        ("""["Ada","Lund","it's"]""", '["B-PER","I-PER","O"]'),
        ("""['Ada' 'Lund'\n "it's"]""", "['B-PER' 'I-PER' 'O']"),
        ("Ada Lund it's", "B-PER,I-PER,O"),
        ("Ada Lund it's", "B-PER; I-PER; O;"),
        ("Ada,Lund,it's", "B-PER,I-PER,O"),
        ("Ada Lund it's", "['B-PER', 'I-PER', 'O']"),
    ],
)
def test_sentences_as_programs_print_lists(tmp_path, words, tags):
    cell = ['"{}"'.format(value.replace('"', '""')) for value in (words, tags)]
    found = read(tmp_path, "a.csv", f"tokens,tags\n{','.join(cell)}\n{','.join(cell)}\n", task="ner")
    assert tagged(found) == [(["Ada", "Lund", "it's"], ["B-PER", "I-PER", "O"])] * 2


def test_tags_as_numbers_in_lists(tmp_path):
    labels = {0: "O", 1: "B-PER", 2: "I-PER"}
    found = read(tmp_path, "a.csv", "tokens,tags\n\"['Ada', 'sings']\",[1 0]\n", task="ner", labels=labels)
    assert tagged(found) == [(["Ada", "sings"], ["B-PER", "O"])]


@pytest.mark.parametrize(
    ("first", "says"),
    [
        ('"[\'Ada\', \'Lund\'","[\'O\', \'O\']"', r"a.csv:3: column 'tokens' holds a list, .*at .*a.csv:2 none"),
        ('"[\'Ada\', \'Lund]","[\'O\', \'O\']"', r"a.csv:2: column 'tokens' holds .*, a broken list: .*; expected it as JSON"),
        ('"[Ada, Lund]","[\'O\', \'O\']"', r"a.csv:2: .*a broken list: Ada is no value in quotes, and no number"),
        ('"[\'Ada\' ... \'Lund\']","[\'O\', \'O\']"', r"a.csv:2: .*NumPy shortened it to …; save the lists whole"),
        ('"[\'Ada\', nan]","[\'O\', \'O\']"', r"a.csv:2: column 'tokens' holds None, expected words"),
        ('"[\'Ada\']","[\'O\', \'O\']"', r"a.csv:2: 1 words and 2 tags"),
    ],
)  # fmt: skip
def test_broken_lists_are_refused_by_row(tmp_path, first, says):
    with pytest.raises(UserError, match=says):
        read(tmp_path, "a.csv", f"tokens,tags\n{first}\n\"['Riga']\",\"['B-LOC']\"\n", task="ner")


def test_brackets_around_a_sentence_are_words(tmp_path):
    found = read(tmp_path, "a.csv", "tokens,tags\n[ laughs ],O O O\n[ Ada ],O B-PER O\n", task="ner")
    assert tagged(found)[0] == (["[", "laughs", "]"], ["O", "O", "O"])


def test_nan_among_tokens_is_refused_by_row(tmp_path):
    with pytest.raises(UserError, match=r"a.jsonl:2: column 'tokens' holds None, expected words"):
        good = '{"tokens": ["Ada"], "tags": ["B-PER"]}\n'
        read(tmp_path, "a.jsonl", good + '{"tokens": ["Ada", NaN], "tags": ["B-PER", "O"]}\n', task="ner")


@pytest.mark.parametrize(
    "cells",
    [
        ("answers", "{'text': ['Riga'], 'answer_start': [7]}"),
        ("answers", '{"text": ["Riga"], "answer_start": [7]}'),
        ("answers", "{'text': array(['Riga'], dtype=object), 'answer_start': array([7], dtype=int32)}"),
        ("answer,start", "['Riga']", "[7]"),
        ("answer,start", '["Riga"]', "7"),
    ],
)
def test_answers_as_programs_print_them(tmp_path, cells):
    names, *values = cells
    quoted = ",".join('"{}"'.format(value.replace('"', '""')) for value in values)
    found = read(
        tmp_path, "a.csv", f"question,context,{names}\nWhere?,She is Riga's heir in Riga,{quoted}\n", task="qa"
    )
    assert rows(found.table) == [("files-jv-train-0", "Where?", "She is Riga's heir in Riga", ["Riga"], [7])]


def test_starts_count_carriage_returns_within_quotes(tmp_path):
    text = b'question,context,answer,start\r\nWhen?,"One\r\ntwo\r\nthree",three,10\r\n'
    assert rows(read(tmp_path, "a.csv", text, task="qa").table)[0][2:] == ("One\r\ntwo\r\nthree", ["three"], [10])


# ----------------------------------------------------------------------------------------- wide tables, parts, missing ones

WIDE = "premise_id,premise_jv,hypothesis,label\np,q,r,neutral\ns,t,u,entailment\n"


def test_languages_beside_each_other_are_parallel(tmp_path):
    options = {"task": "nli", "columns": {"premise": "premise_{language}"}, "languages": {"jv": "jv", "id": "id"}}
    one, other = (read(tmp_path, "a.csv", WIDE, language=language, **options) for language in ("jv", "id"))
    assert one.table["id"].to_pylist() == other.table["id"].to_pylist() == ["files-train-0", "files-train-1"]
    assert (one.table["premise"].to_pylist(), other.table["premise"].to_pylist()) == (["q", "t"], ["p", "s"])
    called = {**options, "languages": {"jv": "id", "id": "x"}}
    assert read(tmp_path, "a.csv", WIDE, **called).table["premise"].to_pylist() == ["p", "s"]
    with pytest.raises(UserError, match=r"column 'premise_su' is missing; did you mean"):
        read(tmp_path, "a.csv", WIDE, language="su", **options)


def test_a_wide_file_is_cut_alike_in_every_language(tmp_path):
    lines = "".join(f"a{i},b{i},{'positive' if i % 2 else 'negative'}\n" for i in range(20))
    write(tmp_path, "a.csv", f"text_jv,text_id,label\n{lines}")
    options = {"files": {"all": "a.csv"}, "columns": {"text": "text_{language}"}, "languages": {"jv": "jv", "id": "id"}}
    parts = [
        {
            name: part.table["id"].to_pylist()
            for name, part in load(spec(code, **options), manifest(tmp_path, all="a.csv")).splits.items()
        }
        for code in ("jv", "id")
    ]
    assert parts[0] == parts[1] and all(parts[0].values())


def folder_of_parts(tmp_path):
    folder = tmp_path / "mine"
    for number, start in ((1, 0), (2, 4), (10, 8)):
        write(folder, f"part-{number}.csv", many(4, start=start))
    write(folder, "test.csv.gz", gzip.compress(many(3, start=20).encode()))
    return folder


@pytest.mark.parametrize("named", ["part-*.csv", ["part-1.csv", "part-2.csv", "part-10.csv"]])
def test_a_split_in_parts(tmp_path, named):
    folder = folder_of_parts(tmp_path)
    given = spec(files={"train": named, "test": "test.csv.gz"})
    found = fetch(given, tmp_path / "work", None, folder)
    assert [file.name for file in found.files["train"]] == ["part-1.csv", "part-2.csv", "part-10.csv"]
    assert found.notes[0].startswith("train: 12 examples")
    whole = read_files(found.files["train"], "jv", "train", given).table
    expected = [f"files-jv-train-{part}{row}" for part in ("", "2-", "3-") for row in range(4)]
    assert whole["id"].to_pylist() == expected and len(set(whole["text"].to_pylist())) == 12
    by_id = read_files(found.files["train"], "jv", "train", spec(files={"train": named}, columns={"id": "id"})).table
    assert by_id["id"].to_pylist() == [f"files-train-{row}" for row in range(12)]


def test_parts_that_overlap_or_are_missing_are_refused(tmp_path):
    folder = folder_of_parts(tmp_path)
    write(folder, "again.csv", many(2))
    write(tmp_path, "other/part-2.csv", many(2))
    by_id = {"columns": {"id": "id"}}
    for files, says in (
        ({"train": "part-*.csv", "test": "part-1.csv"}, r"files: test: .*part-1.csv is read for train already"),
        (
            {"train": "prt-*.csv"},
            r"files: train: no file matches .*mine/prt-\*.csv; .*mine holds again.csv, part-1.csv",
        ),
        ({"train": ["part-1.csv", "gone.csv"]}, r"gone.csv: no such file"),
        ({"train": ["part-1.csv", "again.csv"]}, r"id 'files-train-0' stands in two of the files that make one split"),
        ({"train": ["part-1.csv", "/etc/*"]}, r"files: train: '/etc/\*' leads out of the folder"),
        ({"train": ["part-1.csv", "../o*/part-2.csv"]}, r"leads out of the folder"),
    ):
        with pytest.raises(UserError, match=says):
            fetch(spec(files=files, **by_id), tmp_path / "work", None, folder)
    write(folder, "x-00000-of-00003.csv", many(2))
    write(folder, "x-00002-of-00003.csv", many(2, start=5))
    with pytest.raises(UserError, match=r"x-\*.csv matches 2 parts, expected 3, as their names say"):
        fetch(spec(files={"train": "x-*.csv"}), tmp_path / "work", None, folder)


def test_a_part_without_rows_of_the_language_is_passed_over(tmp_path):
    files = [write(tmp_path, f"{code}.csv", f"text,label,code\nx{code},positive,{code}\n") for code in ("id", "jv")]
    options = {"columns": {"language": "code"}, "files": {"train": "*.csv"}}
    found = read_files(files, "jv", "train", spec(**options))
    assert found.table["text"].to_pylist() == ["xjv"] and found.dropped == {"row of another language": 1}
    with pytest.raises(UserError, match=r"id.csv: no rows of 'su'"):
        read_files(files, "su", "train", spec("su", **options))


def test_splits_that_a_language_may_lack(tmp_path):
    folder = tmp_path / "mine"
    write(folder, "jv-test.csv", many(3))
    files = {"train": "{language}-train.csv", "test": "{language}-test.csv"}
    given = spec(files=files, optional=["train"], dev={"from": "train", "fraction": 0.2})
    found = fetch(given, tmp_path / "work", None, folder)
    why = "jv has no train data, which `optional` allows; train on another language or dataset"
    assert list(found.files) == ["test"] and f"train: none; {why}" in found.notes
    loaded = load(given, manifest(folder, test="jv-test.csv"))
    assert loaded.absent == {"train": why, "dev": f"it is cut from train, and {why}"}
    assert loaded.splits["test"].table.num_rows == 3
    with pytest.raises(UserError, match=r"jv-train.csv: no such file"):
        fetch(spec(files=files, optional=["test"]), tmp_path / "work", None, folder)
    with pytest.raises(UserError, match=r"mine: su has data for none of train; expected some for one at least"):
        fetch(spec("su", files={"train": "{language}-train.csv"}, optional=["train"]), tmp_path / "work", None, folder)


@pytest.mark.parametrize("content", ["", "text,label\n"])
def test_the_remedy_for_a_language_without_rows_works(tmp_path, content):
    write(tmp_path, "jv-train.csv", content)
    write(tmp_path, "jv-test.csv", many(3))
    files = {split: f"{{language}}-{split}.csv" for split in ("train", "test")}
    with pytest.raises(
        UserError, match=r"jv-train.csv: .*; if jv has no train data, say so: optional: \[train\]; or leave"
    ):
        fetch(spec(files=files), tmp_path / "work", None, tmp_path)
    given = spec(files=files, optional=["train"])
    found = fetch(given, tmp_path / "work", None, tmp_path)
    why = "jv has no train data, which `optional` allows; train on another language or dataset"
    assert set(found.files) == {"train", "test"} and f"train: none; {why}" in found.notes
    loaded = load(given, manifest(tmp_path, train="jv-train.csv", test="jv-test.csv"))
    assert loaded.absent["train"] == why and loaded.splits["test"].table.num_rows == 3
    write(tmp_path, "jv-test.csv", content)
    with pytest.raises(UserError, match="jv has data for none of train, test"):
        fetch(given | {"optional": ["train", "test"]}, tmp_path / "work", None, tmp_path)


@pytest.mark.parametrize(
    ("split", "content", "says"),
    [
        (
            "dev",
            "text,label\n",
            r"dev.csv: holds no rows below its header; leave dev out .*dev: \{from: train, fraction: 0.2\}",
        ),
        ("test", "", r"test.csv: the file is empty; leave test out of `files`"),
    ],
)
def test_a_split_without_rows_says_what_to_do(tmp_path, split, content, says):
    write(tmp_path, "train.csv", many(10))
    write(tmp_path, f"{split}.csv", content)
    with pytest.raises(UserError, match=says):
        fetch(spec(files={"train": "train.csv", split: f"{split}.csv"}), tmp_path / "work", None, tmp_path)
    cut = {"dev": {"from": "train", "fraction": 0.2}} if split == "dev" else {}
    loaded = load(spec(files={"train": "train.csv"}, **cut), manifest(tmp_path, train="train.csv"))
    assert loaded.splits["dev"].table.num_rows == (2 if cut else 0)


# ------------------------------------------------------------------------------------------------- links, notes, the config


def test_links_within_the_hubs_cache_are_followed(tmp_path):
    cache = tmp_path / "datasets--me--mine"
    blob = write(cache, "blobs/0a1b", many(4))
    snapshot = cache / "snapshots/c0ffee/data"
    snapshot.mkdir(parents=True)
    (snapshot / "jv.csv").symlink_to("../../../blobs/0a1b")
    (tmp_path / "alias").symlink_to(snapshot)
    for folder in (snapshot, tmp_path / "alias", snapshot.parent):
        name = "data/{language}.csv" if folder == snapshot.parent else "{language}.csv"
        assert fetch(spec(files={"all": name}), tmp_path / "work", None, folder).notes[0].startswith("all: 4")
    (snapshot / "other.csv").symlink_to(write(tmp_path, "models--x/blobs/ffff", many(2)))
    (tmp_path / "other").mkdir()
    (tmp_path / "other/jv.csv").symlink_to(blob)
    for folder, name in ((snapshot, "other.csv"), (tmp_path / "other", "jv.csv")):
        with pytest.raises(
            UserError, match=r"a link out of the folder, to .*; put a copy in the link's place \(cp -L\)$"
        ):
            fetch(spec(files={"all": name}), tmp_path / "work", None, folder)


def test_quotes_of_all_splits_are_read_alike_and_told(tmp_path):
    write(tmp_path, "train.tsv", 'text\tlabel\n5" wide\tpositive\nx\tnegative\n')
    write(tmp_path, "test.tsv", 'text\tlabel\n"so"\tpositive\n')
    given = spec(files={"train": "train.tsv", "test": "test.tsv"})
    notes = fetch(given, tmp_path / "work", None, tmp_path).notes
    assert notes[0].startswith("train.tsv, test.tsv: quotes between tabs are taken to be data; quotes: csv would force")
    places = manifest(tmp_path, train="train.tsv", test="test.tsv")
    assert load(given, places).splits["test"].table["text"].to_pylist() == ['"so"']
    forced = spec(files={"train": "train.tsv", "test": "test.tsv"}, quotes="csv")
    assert load(forced, places).splits["test"].table["text"].to_pylist() == ["so"]


def test_workbooks_of_any_task(tmp_path):
    book = openpyxl.Workbook()
    for row in (["text", "label"], ["apik", 1], ["elek", 0]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    found = read_files([tmp_path / "a.xlsx"], "jv", "train", spec(labels={1: "positive", 0: "negative"}))
    assert rows(found.table) == [("files-jv-train-0", "apik", "positive"), ("files-jv-train-1", "elek", "negative")]


def config(**options):
    mine = {"loader": "files", "task": "sentiment", "folder": ".", "files": {"all": "{language}.csv"}, **options}
    return parse({"datasets": {"mine": mine}}).datasets["mine"]


def test_keys_that_say_nothing_leave_the_identity_alone():
    later = {"optional", "delimiter", "quotes", "sheet"}
    assert not later & config().model_dump().keys() and "sentence" not in config().model_dump()["columns"]
    assert config(delimiter="~").delimiter == "~"  # which YAML reads as null where there are no quotes
    assert config(delimiter="tab").model_dump()["delimiter"] == "\t" and config(quotes="none").quotes == "none"
    assert config(files={"train": ["{language}.csv", "b-{language}.csv"]}).files["train"] == [
        "{language}.csv",
        "b-{language}.csv",
    ]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"delimiter": ";;"}, r'delimiter: expected auto, tab, or one character in quotes, as ";"; got'),
        ({"delimiter": None}, r"delimiter: expected auto, .*got None"),
        ({"delimiter": '"'}, r"delimiter: expected auto, tab, or one character"),
        ({"quotes": "maybe"}, r"quotes"),
        ({"optional": ["dev"]}, r"optional.*`files` names no dev file that a language could lack"),
        (
            {"files": {"train": "a.csv"}, "optional": ["train"]},
            r"the train file is one for all languages, so none can lack it",
        ),
        ({"files": {"train": ["{langage}.csv"]}}, r"nothing is put for \{langage\}"),
        ({"files": {"train": ["{language}.csv"], "test": "{language}.csv"}}, r"is the train file too"),
        ({"files": {"train": []}}, r"files"),
        ({"sheet": "one"}, r"sheet: no file ends in .xlsx, .xlsm: this changes nothing"),
        ({"files": {"all": "{language}.jsonl"}, "delimiter": ";"}, r"delimiter: no file ends in .csv, .tsv, .txt"),
        ({"columns": {"sentence": "s"}}, r"task 'sentiment' has no such column"),
    ],
)
def test_the_config_refuses(options, says):
    with pytest.raises(UserError, match=says):
        config(**options)


@pytest.mark.parametrize("columns", [{"language": "code"}, {"text": "text_{language}"}])
def test_a_language_may_lack_its_part_of_a_file_of_several(columns):
    assert config(files={"train": "a.csv", "dev": "b.csv"}, columns=columns, optional=["dev"]).optional == ["dev"]


def test_sentences_end_with_their_document(tmp_path):
    text = token_table([["a", 0], ["", 0], ["a", 0], ["b", 0], ["b", 0]], "doc", "sent")
    said = {"task": "ner", "columns": {"sentence": "sent", "group": "doc"}}
    found = read(tmp_path, "a.csv", text, **said)
    assert tagged(found) == [ADA, RIGA] and list(found.groups) == ["a", "b"]
    again = text + text.split("\n", 1)[1].replace("\n,", "\na,")
    with pytest.raises(UserError, match=r"comes back; .*numbered anew in each document.*columns: \{group: NAME\}"):
        read(tmp_path, "a.csv", again, **said)


def test_tsv_tables_of_sentences_are_no_conll(tmp_path):
    rows_there = [" ".join(words) + "\t" + " ".join(tags) for words, tags in (ADA, RIGA)]
    assert tagged(read(tmp_path, "a.tsv", "\n".join(["tokens\ttags", *rows_there]), task="ner")) == [ADA, RIGA]
    listed = "\n".join(["tokens\ttags", *(f"{words}\t{tags}" for words, tags in (ADA, RIGA))])
    assert tagged(read(tmp_path, "b.tsv", listed, task="ner")) == [ADA, RIGA]
    named = "\n".join(["key\ttokens\ttags", *(f"s{n}\t{row}" for n, row in enumerate(rows_there))])
    found = read(tmp_path, "c.tsv", named, task="ner", columns={"id": "key"})
    assert found.table["id"].to_pylist() == ["files-train-s0", "files-train-s1"]
    bare = "\n".join(rows_there)
    with pytest.raises(UserError, match=r"the tags of a sentence; .*header: no .*columns: \{tokens: 0, tags: 1\}"):
        read(tmp_path, "d.tsv", bare, task="ner")
    said = {"header": False, "columns": {"tokens": 0, "tags": 1}}
    assert tagged(read(tmp_path, "d.tsv", bare, task="ner", **said)) == [ADA, RIGA]


def test_a_gzip_file_that_ends_too_early_is_refused_whatever_it_holds(tmp_path):
    with pytest.raises(UserError, match=r"a\.tsv\.gz: the gzip file ends too early"):
        read(tmp_path, "a.tsv.gz", gzip.compress(b"tokens\ttags\n" * 3000)[:30], task="ner")


def test_files_of_several_languages_are_not_parallel_by_the_names_of_their_columns(tmp_path):
    text = "text_jv,label\napik,positive\n"
    said = {"columns": {"text": "text_{language}"}}
    wide = read(tmp_path, "a.csv", text, files={"train": "a.csv"}, **said)
    apart = read(tmp_path, "jv.csv", text, files={"train": "{language}.csv"}, **said)
    assert wide.table["id"].to_pylist() == ["files-train-0"]
    assert apart.table["id"].to_pylist() == ["files-jv-train-0"]


def test_parts_are_found_whatever_the_form_of_their_folders_name(tmp_path):
    for number in (1, 2, 10):
        write(tmp_path, f"cafe\u0301/bo\u0301n-{number}.csv", f"text,label\nt{number},positive\n")
        write(tmp_path, f"cafe\u0301/._bo\u0301n-{number}.csv", b"\0\5")
    for pattern in ("caf\u00e9/b\u00f3n-*.csv", "**/b\u00f3n-*.csv"):
        given = spec(files={"train": pattern})
        got = fetch(given, tmp_path, None, tmp_path)
        assert [file.name for file in got.files["train"]] == [f"bo\u0301n-{number}.csv" for number in (1, 2, 10)]


def test_nested_questions_as_others_write_them(tmp_path):
    context = "Ana 3 kucing ing Solo."
    asked = [
        {"id": 1.0, "question": "Pira?", "answers": {"text": "3", "answer_start": 4}, "is_impossible": "False"},
        {"id": 2, "question": "Apa?", "answers": ["kucing"], "is_impossible": 0},
        {"id": 3, "question": "Sapa?", "answers": [{"text": "Ana", "answer_start": 0}], "is_impossible": "True"},
    ]
    lines = [{"header": {"dataset": "x"}}, {"context": context, "qas": asked}]
    found = read(tmp_path, "a.jsonl", "\n".join(map(json.dumps, lines)), task="qa")
    assert [(name, answers) for name, _, _, answers, _ in rows(found.table)] == [
        ("files-train-1", ["3"]),
        ("files-train-2", ["kucing"]),
    ]
    asked = [
        {"question": "Pira?", "answer": {"text": "3", "answer_start": 4, "html_answer_start": 9}},
        {"question": "Apa?", "answer": "ing", "answer_start": 13},
        {"question": "Kapan?", "answers": None},
    ]
    found = read(tmp_path, "b.json", json.dumps([{"context": context + " ing", "qas": asked}]), task="qa")
    assert [(*answers, *starts) for _, _, _, answers, starts in rows(found.table)] == [("3", 4), ("ing", 13)]
    assert found.dropped == {"question without an answer": 1}
    asked = [{"id": key, "question": "Pira?", "answers": ["3"]} for key in (1, "1.0")]
    with pytest.raises(UserError, match="the id '1' is already that of"):
        read(tmp_path, "a.json", json.dumps([{"context": context, "qas": asked}]), task="qa")
    flat = "question,context,answer,is_impossible\nPira?,Ana 3,3,0.0\nSapa?,Ana 3,Ana,1.0\n"
    assert read(tmp_path, "a.csv", flat, task="qa").table.num_rows == 1


@pytest.mark.parametrize("cell", ["\"['Ada', Lund']\"", "\"['Ada', 'Lu\"", "Ada"])
def test_a_cell_that_holds_no_list_is_refused_or_left_out(tmp_path, cell):
    text = "tokens,tags\n" + "".join(f'"{words}","{tags}"\n' for words, tags in (ADA, RIGA))
    text += f"{cell},\"['B-PER', 'I-PER']\"\n"
    with pytest.raises(UserError, match=r"a\.csv:\d: column 'tokens' holds"):
        read(tmp_path, "a.csv", text, task="ner")
    found = read(tmp_path, "a.csv", text, task="ner", broken="drop")
    assert tagged(found) == [ADA, RIGA] and found.dropped == {NO_LIST: 1}


@pytest.mark.parametrize("first", ["label, text", '"label", "text"'])
def test_blanks_before_quotes_are_no_part_of_cells(tmp_path, first):
    found = read(tmp_path, "a.csv", f'{first}\npositive, "apik, tenan"\nnegative,  "elek"\n')
    assert [text for _, text, _ in rows(found.table)] == ["apik, tenan", "elek"] and found.repaired == {SPACED: 1}
    text = 'label,text\npositive,"apik, ""tenan"" , ""x"""\nnegative, "elek"\n'
    found = read(tmp_path, "a.csv", text)
    assert [text for _, text, _ in rows(found.table)] == ['apik, "tenan" , "x"', ' "elek"'] and found.repaired == {}


def test_a_list_of_one_label_is_that_label(tmp_path):
    lines = [{"text": "apik", "label": ["positive"]}, {"text": "elek", "label": []}]
    found = read(tmp_path, "a.jsonl", "\n".join(map(json.dumps, lines)), labels={"": None})
    assert rows(found.table) == [("files-jv-train-0", "apik", "positive")]
    assert found.dropped == {"label '', left out": 1}
    lines.append({"text": "b", "label": ["positive", "negative"]})
    with pytest.raises(UserError, match=r"the label is .*expected one"):
        read(tmp_path, "a.jsonl", "\n".join(map(json.dumps, lines)), labels={"": None})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "a.json",
            '{"text": {"0": "apik"}, "label": {"0": "positive"}}',
            "one object, with the keys text, label; .*records",
        ),
        ("a.json", '{"columns": ["text"], "data": [["apik"]]}', "one object, with the keys columns, data"),
        ("a.json", '{"examples": [{"text": "apik"}], "n": 1}', "one object, with the keys examples, n"),
        ("a.json", '{"body": "apik", "spans": [[0, 1]]}', "column 'text' is missing; valid: body, spans"),
        ("a.tsv", '"text"\t"label"\n"1"\t"apik"\t"positive"\n', "say quotes: csv"),
        ("a.csv", "text,label\n1,apik,positive\n", "as R writes them, save with row.names = FALSE"),
        ("a.csv", 'text,label\n"a \\"b\\" c",positive\n', "quotes within cells have backslashes here .*doubled"),
    ],
)
def test_tables_in_other_manners_are_refused_by_what_they_are(tmp_path, name, text, said):
    with pytest.raises(UserError, match=said):
        read(tmp_path, name, text)


def test_a_part_without_rows_is_noted_and_a_split_of_such_parts_refused(tmp_path):
    files = [write(tmp_path, "p-0.csv", "text,label\n"), write(tmp_path, "p-1.csv", ""), tmp_path / "p-2.csv"]
    with pytest.raises(UserError, match=r"p-0\.csv: holds no rows below its header; so do the other parts of train"):
        read_files(files[:2], "jv", "train", spec())
    write(tmp_path, "p-2.csv", "text,label\napik,positive\n")
    found = read_files(files, "jv", "train", spec())
    assert rows(found.table) == [("files-jv-train-3-0", "apik", "positive")]
    assert found.notes == ("p-0.csv: holds no rows", "p-1.csv: holds no rows")


@pytest.mark.parametrize("wide", [False, True])
def test_a_language_may_lack_its_rows_of_one_file(tmp_path, wide):
    if wide:
        columns = {"text": "text_{language}"}
        texts = "text_jv,text_su,label\napik,sae,positive\n", "text_jv,text_su,label\n,sae,positive\n"
    else:
        columns = {"language": "l"}
        texts = "l,text,label\njv,apik,positive\nsu,sae,positive\n", "l,text,label\nsu,sae,positive\n"
    for name, text in zip(("train.csv", "dev.csv"), texts, strict=True):
        write(tmp_path, name, text)
    files = {"train": "train.csv", "dev": "dev.csv"}
    given = spec(files=files, columns=columns, languages={"jv": "jv", "su": "su"})
    with pytest.raises(UserError, match=r"dev\.csv: no row"):
        fetch(given, tmp_path / "work", None, tmp_path)
    got = fetch(given | {"optional": ["dev"]}, tmp_path / "work", None, tmp_path)
    why = "jv has no dev data, which `optional` allows; set select: last where it would choose the epoch"
    assert f"dev: none; {why}" in got.notes
    write(tmp_path, "dev.csv", texts[0].replace("apik,", ",") + (",,negative\n" if wide else "jv,,negative\n"))
    if not wide:
        with pytest.raises(UserError, match=r"dev\.csv: no row can be used"):
            fetch(given | {"optional": ["dev"]}, tmp_path / "work", None, tmp_path)


def test_a_group_that_is_said_once_holds_for_the_rows_below(tmp_path):
    text = token_table([["d1", 1], ["", ""], ["", ""], ["", 2], ["", ""]], "doc", "Sentence #")
    found = read(tmp_path, "a.csv", text, task="ner", columns={"group": "doc"})
    assert tagged(found) == [ADA, RIGA] and list(found.groups) == ["d1", "d1"]


@pytest.mark.parametrize("mark", ["\t", ";", ","])
def test_text_files_whose_header_names_tokens_tags_and_sentences_are_tables(tmp_path, mark):
    text = token_table([[1], [1], [1], [2], [2]], "sentence_id").replace("tokens", "cafe\u0301").replace(",", mark)
    found = read(tmp_path, "a.txt", text, task="ner", columns={"tokens": "caf\u00e9"})
    assert tagged(found) == [ADA, RIGA]
    quoted = mark.join(f'"{name}"' for name in ("sentence_id", "tokens", "tags"))
    body = "".join(f'1{mark}"{word}"{mark}"{tag}"\n' for word, tag in zip(*ADA, strict=True))
    assert tagged(read(tmp_path, "b.tsv", f"{quoted}\n{body}1{mark}.{mark}O\n", task="ner"))[0][0] == [*ADA[0], "."]


def test_numbers_of_columns_leave_conll_what_it_is(tmp_path):
    said = {"task": "ner", "columns": {"tokens": 0, "tags": 1}}
    assert tagged(read(tmp_path, "a.txt", "1,5 years\tO\nRiga\tB-LOC\n", **said)) == [
        (["1,5 years", "Riga"], ["O", "B-LOC"])
    ]


def test_a_mark_of_utf_8_is_not_read_as_letters_of_another_encoding(tmp_path):
    text = "\ufefftext,label\ncafé,positive\n"
    with pytest.raises(UserError, match=r"a\.csv:1: begins with the byte order mark of UTF-8: not cp1252"):
        read(tmp_path, "a.csv", text, encoding="cp1252")
    assert rows(read(tmp_path, "a.csv", text, encoding="UTF8").table) == [("files-jv-train-0", "café", "positive")]


@pytest.mark.parametrize(
    "more", [{"spans": [{"start": 0, "end": 3}], "tokens": [{"text": "Ada"}]}, {"label": [[0, 3, "PER"]]}]
)
def test_spans_of_characters_are_refused_by_name(tmp_path, more):
    with pytest.raises(UserError, match=r"spans of characters .* are not read: save them as CoNLL"):
        read(tmp_path, "a.jsonl", json.dumps({"text": "Ada", **more}), task="ner")
