"""A user's tagged sentences: CoNLL in every dialect the reader claims, tags of every scheme, sentences that cannot be read."""

import json
import random
import re

import pytest
import yaml

from pipeline.common.errors import UserError
from pipeline.config.datasets.files import Files
from pipeline.data.corpora.files.read import load
from pipeline.data.corpora.files.tagged import NO_WORDS, UNEQUAL
from pipeline.data.formats.conll import (
    COMMENT,
    CONLL,
    DOCUMENT,
    EMPTY_NODE,
    HEADER,
    IMPLIED,
    MIXED,
    NO_TAG,
    NO_TOKEN,
    PADDED,
    RANGE,
    RESTART,
    TRAILING,
    WHITE,
    WIDTH,
)
from pipeline.data.formats.tagged_parquet import BLANK
from pipeline.data.formats.tags import CONVERTED, ORPHAN, PLAIN
from tests.data.corpora.test_files import jsonl, manifest, read, spec, write
from tests.data.formats.test_tags import entities_of, written


def sentences(found):
    return list(zip(found.table["tokens"].to_pylist(), found.table["tags"].to_pylist(), strict=True))


def mends(found):
    """All mends by reason, those that there are."""
    counts = {reason: int(n.sum()) for reason, n in found.mends.items()} | dict(found.repaired)
    return {reason: n for reason, n in counts.items() if n}


def ner(folder, content, name="a.conll", **options):
    return read(folder, name, content, task="ner", **options)


def refusal(folder, content, name="a.conll", **options):
    with pytest.raises(UserError) as caught:
        ner(folder, content, name, **options)
    return str(caught.value)


def advised(said, start):
    """The options of a message's line of config, read as YAML."""
    found = re.search(rf"{start}: (\{{[^}}]*\}}|[\w:]+)", said)
    assert found, said
    return yaml.safe_load(found[0])


# ------------------------------------------------------------------------------------------------------------- dialects

WORDS = ["Mira", "#", "#tag", "O", "12", "é", "x\u00a0y", "a=b", '"', "-", "B-PER", "日本", "=", "\ufeffz"]


def dialect(rng):
    """A way to write CoNLL files."""
    tab = rng.random() < 0.6
    return {
        "separator": "\t" if tab else rng.choice([" ", "  "]),
        "index": rng.random() < 0.4,
        "others": rng.randint(0, 2),
        "levels": rng.random() < 0.3,
        "scheme": rng.choice(["iob1", "iob2", "bioes", "bilou", "bmewo", "ioe1", "ioe2"]),
        "comments": rng.choice(
            [[], ["# sent_id = {}"], ["#\thttp://example.org/{} [2011-02-03]"], ["# id {}\tdomain=en"]]
        ),
        "document": rng.choice(["", "-DOCSTART-", "-DOCSTART- -X- O O", "-DOCSTART-\tO"]),
        "trailing": rng.choice(["", "\t", "\t\t"]) if tab else rng.choice(["", " "]),
        "blank": rng.choice(["", " ", "\t", "\u00a0", " \t "]),
        "end": rng.choice(["\n", "\r\n"]),
        "mark": rng.choice(["", "\ufeff"]),
        "header": rng.random() < 0.3,
        "final": rng.random() < 0.5,
    }


def file_of(rng, pairs, how):
    """The text of a file of words and entities."""
    others = [f"x{n}" for n in range(how["others"])]
    names = ["id"] * how["index"] + ["token", *others] + ["tag"] + ["level2"] * how["levels"]
    lines = [how["document"]] if how["document"] else []
    lines += [how["separator"].join(names) + how["trailing"]] if how["header"] else []
    for number, (words, entities) in enumerate(pairs):
        lines += [comment.format(number) for comment in how["comments"]]
        for at, (word, tag) in enumerate(
            zip(words, written(entities, len(words), how["scheme"]), strict=True), start=1
        ):
            cells = [str(at)] * how["index"] + [word, *others] + [tag] + ["O"] * how["levels"]
            lines.append(how["separator"].join(cells) + how["trailing"])
        lines += [how["blank"]] * rng.randint(1, 2)
    text = how["end"].join(lines[:-1] if how["final"] else lines)
    return how["mark"] + text


@pytest.mark.parametrize("seed", range(60))
def test_every_dialect_is_read_back(tmp_path, seed):
    rng = random.Random(seed)
    how = dialect(rng)
    pairs = [(["Mira", "in", "New", "Oslo"], [("PER", 0, 1), ("LOC", 2, 4)])]
    for _ in range(5):
        words = rng.choices([*WORDS, "two words"] if how["separator"] == "\t" else WORDS, k=rng.randint(1, 6))
        pairs.append((words, entities_of(rng, len(words))))
    columns = {}
    if how["index"] or how["levels"]:
        first = int(how["index"])
        columns = {"tokens": first, "tags": first + 1 + how["others"]}
    found = ner(tmp_path, file_of(rng, pairs, how), rng.choice(["a" + ending for ending in CONLL]), columns=columns)
    assert sentences(found) == [(words, written(entities, len(words), "iob2")) for words, entities in pairs], how
    assert found.table["id"].to_pylist() == [f"files-jv-train-{n}" for n in range(len(pairs))]
    counts, tokens = mends(found), sum(len(words) for words, _ in pairs)
    assert counts.get(COMMENT, 0) == len(pairs) * len(how["comments"])
    assert counts.get(HEADER, 0) == how["header"] and counts.get(DOCUMENT, 0) == bool(how["document"])
    assert counts.get(TRAILING, 0) == (tokens if "\t" in how["trailing"] else 0)
    assert bool(counts.get(WHITE)) == bool(how["blank"].strip(" "))
    assert not found.dropped


# ------------------------------------------------------------------------------------------------------------- layouts


def test_a_line_of_a_hash_is_a_token_where_it_bears_a_tag(tmp_path):
    found = ner(tmp_path, "# text = no. 1\n# O\n# newdoc\n#1 O\nOslo B-LOC\n#\n")
    assert sentences(found) == [(["#", "#1", "Oslo"], ["O", "O", "B-LOC"])] and mends(found) == {COMMENT: 3}
    found = ner(tmp_path, "#\tO\nOslo\tB-LOC\n\n#\tXVII\nMira\tB-PER\n")
    assert [words for words, _ in sentences(found)] == [["#", "Oslo"], ["Mira"]]
    assert "a.conll:2: 1 column ('#love'), expected 2" in refusal(tmp_path, "I O\n#love\nOslo B-LOC\n")
    found = ner(tmp_path, "a NN x O\n# id 7 domain=en\n# text = O\nOslo NN x B-LOC\n")  # as wide as the others
    assert mends(found) == {COMMENT: 2}


def test_columns_are_parted_by_now_blanks_now_tabs(tmp_path):
    found = ner(tmp_path, "Mira\tB-PER\nlives O\nin \t O\nNew\t\tB-LOC\nOslo I-LOC\n")
    assert sentences(found) == [(["Mira", "lives", "in", "New", "Oslo"], ["B-PER", "O", "O", "B-LOC", "I-LOC"])]
    assert mends(found) == {MIXED: 2}
    said = refusal(tmp_path, "New Oslo\tB-LOC\nMira Vik\tB-PER\nlives O\n")
    assert (
        "a.conll:3: 1 column ('lives O'), expected 2 as in most lines, parted by tabs; this one is parted by blanks"
        in said
    )


def test_the_first_line_may_name_the_columns(tmp_path):
    text = "id\tWord\tPOS\tNER\n7\tMira\tX\tB-PER\n8\tsings\tX\tO\n\n9\tOslo\tX\tB-LOC\n"
    expected = [(["Mira", "sings"], ["B-PER", "O"]), (["Oslo"], ["B-LOC"])]
    for columns in ({}, {"tokens": "Word", "tags": "NER"}, {"tokens": 1}):
        found = ner(tmp_path, text, columns=columns)
        assert sentences(found) == expected and mends(found) == {HEADER: 1}
    for header in ("Token NER-Tag", "WORD TAG", "words ner_tags", "Text gold", "w iob2"):
        assert mends(ner(tmp_path, f"{header}\nMira B-PER\n")) == {HEADER: 1}
    assert "columns: tags: 'NRE'; expected a column's number, 0 to 3" in refusal(
        tmp_path, text, columns={"tags": "NRE"}
    )
    assert "or its name; did you mean 'NER'?" in refusal(tmp_path, text, columns={"tags": "NRE"})
    assert sentences(ner(tmp_path, "word O\ntag B-PER\n")) == [(["word", "tag"], ["O", "B-PER"])]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{}\t{}\t{}\t-\tx", {"columns": {"tokens": 1, "tags": 2}}),
        ("{}\t{}\t{}\tO", {"columns": {"tokens": 1, "tags": 2}}),
        ("{} NN {} {}", {"columns": {"tokens": 1, "tags": 3}}),
        ("{}\t{}\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No|NER={}", {"columns": {"tokens": 1, "tags": "NER"}}),
    ],
)
def test_numbers_are_no_words(tmp_path, line, expected):
    """The message holds the line of config that reads the file."""
    rows = [[(1, "Mira", "B-PER"), (2, "sings", "O")], [(1, "Oslo", "B-LOC")]]
    if "NN" in line:
        line = "{} {} NN {}"
    text = "\n\n".join("\n".join(line.format(*row) for row in rows_of) for rows_of in rows)
    said = refusal(tmp_path, text)
    assert "the first column holds numbers alone (1, 2, 1, …), no words" in said
    assert advised(said, "columns") == expected
    assert [words for words, _ in sentences(ner(tmp_path, text, **expected))] == [["Mira", "sings"], ["Oslo"]]
    assert [words for words, _ in sentences(ner(tmp_path, text, columns={**expected["columns"], "tokens": 0}))] == [
        ["1", "2"],
        ["1"],
    ]


def test_conllu_with_tags_among_features(tmp_path):
    line = "{}\t{}\t_\t_\t_\t_\t_\t_\t_\t{}"
    rows = [
        ("1-2", "Miras", "_"),
        ("1", "Mira", "NER=S-PER|X=1"),
        ("2", "is", "_"),
        ("2.1", "gone", "_"),
        ("3", "o", "Y=2"),
    ]
    text = "# sent_id = 1\n# text = Miras o\n" + "\n".join(line.format(*row) for row in rows) + "\n"
    for tags in ("NER", 9):
        found = ner(tmp_path, text, "a.conllu", columns={"tokens": 1, "tags": tags})
        assert sentences(found) == [(["Mira", "is", "o"], ["B-PER", "O", "O"])]
        assert mends(found) == {COMMENT: 2, RANGE: 1, EMPTY_NODE: 1, CONVERTED: 1, IMPLIED: 2}
    said = refusal(tmp_path, text.replace("Y=2", "NER=O"), "a.conllu", columns={"tokens": 1, "tags": "NER"})
    assert "a.conllu:5: token 'is' without a tag" in said
    named = "# global.columns = ID FORM NER\n1\tMira\tB-PER\n2\tsings\tO\n"
    assert sentences(ner(tmp_path, named, "a.conllup")) == [(["Mira", "sings"], ["B-PER", "O"])]


def test_several_columns_of_tags_are_told_apart_by_the_config(tmp_path):
    text = "Uni\tB-ORG\tO\nOslo\tI-ORG\tB-LOC\n"
    said = refusal(tmp_path, text)
    assert "tags stand in column 1 and in the last, 2" in said and advised(said, "columns") == {
        "columns": {"tokens": 0, "tags": 1}
    }
    assert sentences(ner(tmp_path, text, columns={"tags": 1})) == [(["Uni", "Oslo"], ["B-ORG", "I-ORG"])]
    assert sentences(ner(tmp_path, text, columns={"tags": 2})) == [(["Uni", "Oslo"], ["O", "B-LOC"])]
    said = refusal(tmp_path, text.replace("O\n", "u1\n").replace("B-LOC", "u2"))
    assert "the last column ('u1', …) holds no tags" in said and advised(said, "columns") == {
        "columns": {"tokens": 0, "tags": 1}
    }
    chunks = "Uni NNP B-NP B-ORG\nOslo NNP I-NP I-ORG\n"  # of other types: no tags of entities
    assert sentences(ner(tmp_path, chunks)) == [(["Uni", "Oslo"], ["B-ORG", "I-ORG"])]


@pytest.mark.parametrize(
    ("text", "says", "line"),
    [
        ("O\tin\nB-LOC\tOslo\nB-GEO\tUral\n", "the last column ('in', …) holds no tags", {"tokens": 1, "tags": 0}),
        (
            "1:1 Mira X B-PER\n1:2 in X O\n1:3 Oslo X B-LOC\n",
            "holds numbers alone (1:1, 1:2, 1:3",
            {"tokens": 1, "tags": 3},
        ),
        ("d\tMira\tB-PER\n" * 4, "holds one text on line after line (d, d, d", {"tokens": 1, "tags": 2}),
        ("doc\tWort\ttag\nx\tMira\tB-PER\ny\tin\tO\n", "the first column is called 'doc'", {"tokens": 1, "tags": 2}),
        ("a\tE=B-PER|F=O\nb\tE=O|F=O\n", "E and F hold tags", {"tags": "E"}),
        ("Mira\tX=B-Artist\nin\tX=O\n", "unknown tag 'B-Artist'", None),
    ],
)
def test_columns_that_could_not_be_meant_are_refused_with_the_line_that_reads_the_file(tmp_path, text, says, line):
    said = refusal(tmp_path, text)
    assert says in said and (line is None or advised(said, "columns") == {"columns": line})
    if line is not None and "B-GEO" not in text:
        (found,) = sentences(ner(tmp_path, text, columns=line))
        assert found[1][0] == "B-PER" and found[0][0] in ("Mira", "a")


def test_sentences_need_a_blank_line_between_them(tmp_path):
    said = refusal(tmp_path, "sentence_id\ttoken\ttag\n1\tMira\tB-PER\n2\tOslo\tB-LOC\n")
    assert "2 tokens and no blank line between sentences" in said and "columns: {sentence: sentence_id}" in said
    assert "501 tokens and no blank line" in refusal(tmp_path, "a O\n" * 501)
    for counts in ((1, 2, 1, 2), (1, 1, 2, 2)):  # of tokens, of sentences
        text = "".join(f"{n}\tw\tO\n" for n in counts) + "\n1\tOslo\tB-LOC\n"
        said = refusal(tmp_path, text, columns={"tokens": 1})
        assert "a.conll:3: number" in said and "expected a blank line between sentences" in said
        found = ner(tmp_path, text, columns={"tokens": 1}, broken="drop")
        assert found.dropped == {RESTART: 1} and found.table["id"].to_pylist() == ["files-jv-train-1"]
    assert len(sentences(ner(tmp_path, "1\ta\tO\n1\tb\tO\n1\tc\tO\n\n2\ta\tO\n2\tb\tO\n", columns={"tokens": 1}))) == 2


# -------------------------------------------------------------------------------------------------- schemes, and the map


def test_tags_of_a_scheme_are_converted_in_every_source(tmp_path):
    words, raw = ["Mira", "Vik", "Ana", "in", "Oslo"], ["B-PER", "L-PER", "U-PER", "O", "U-LOC"]
    expected = [(words, ["B-PER", "I-PER", "B-PER", "O", "B-LOC"])]
    contents = {
        "a.conll": "".join(f"{word} {tag}\n" for word, tag in zip(words, raw, strict=True)),
        "a.csv": f"tokens,tags\n{' '.join(words)},{' '.join(raw)}\n",
        "a.jsonl": jsonl({"tokens": words, "tags": raw}),
        "a.parquet": {"tokens": [words], "tags": [raw]},
    }
    for name, content in contents.items():
        found = ner(tmp_path, content, name)
        assert sentences(found) == expected and mends(found) == {CONVERTED: 3}
    numbers = {"tokens": [words], "tags": [[1, 2, 3, 0, 4]]}
    labels = {0: "O", 1: "B-PER", 2: "L-PER", 3: "U-PER", 4: "U-LOC", 5: "B-ORG"}
    assert sentences(ner(tmp_path, numbers, "a.parquet", labels=labels)) == expected


def test_a_map_speaks_of_tags_as_they_are_and_as_they_become(tmp_path):
    text = "Mira S-P\nVik S-P\nNew B-L\nOslo E-L\n"
    whole = {"S-P": "B-PER", "B-L": "B-LOC", "E-L": "I-LOC", "O": "O"}
    simple = {"B-P": "B-PER", "B-L": "B-LOC", "I-L": "I-LOC"}
    for labels, converted in ((whole, 0), (simple, 3)):
        found = ner(tmp_path, text, labels=labels)
        assert (
            sentences(found)[0][1] == ["B-PER", "B-PER", "B-LOC", "I-LOC"]
            and mends(found).get(CONVERTED, 0) == converted
        )
    found = ner(tmp_path, f"{text}\nAna O\n", labels={**simple, "B-P": None, "O": "O"})
    assert found.dropped == {"tag 'S-P', left out": 1}


def test_types_without_prefixes_need_their_scheme(tmp_path):
    text = "Mira PER\nVik PER\nin O\nOslo LOC\n"
    said = refusal(tmp_path, text)
    assert "a.conll:1: unknown tag 'PER', a type without a prefix; say `scheme: io`" in said
    found = ner(tmp_path, text, scheme="io")
    assert sentences(found)[0][1] == ["B-PER", "I-PER", "O", "B-LOC"] and mends(found) == {PLAIN: 3}
    said = refusal(tmp_path, text.replace("LOC", "GPE"))
    assert advised(said, "labels") == {"labels": {"PER": "I-PER", "O": "O", "GPE": "I-GPE"}}
    found = ner(tmp_path, text.replace("LOC", "GPE"), **advised(said, "labels"))
    assert sentences(found)[0][1] == ["B-PER", "I-PER", "O", "B-GPE"] and mends(found) == {ORPHAN: 2}


@pytest.mark.parametrize(
    ("tags", "usual"),
    [
        (["B_PER", "I_PER", "O", "B_LOC"], "B-PER"),
        (["PER-B", "PER-I", "O", "LOC-B"], "B-PER"),
        (["b-per", "i-per", "o", "b-loc"], "B-PER"),
        (["B-Per", "I-Per", "O", "B-LOC"], "B-PER"),
        (["B-PERSON", "E-PERSON", "O", "S-LOC"], None),
    ],
)
def test_tags_in_other_spellings_are_refused_with_the_map_that_reads_them(tmp_path, tags, usual):
    text = "".join(f"w {tag}\n" for tag in tags)
    said = refusal(tmp_path, text)
    assert f"a.conll:1: unknown tag {tags[0]!r}" in said and "also unknown" in said
    assert usual is None or f"usually written {usual!r}" in said
    (found,) = sentences(ner(tmp_path, text, **advised(said, "labels")))
    assert [tag[:2] for tag in found[1]] == ["B-", "I-", "O", "B-"]


def test_what_is_no_tag_at_all_is_not_mapped(tmp_path):
    for content, name in (({"tokens": [["a"]], "tags": [[1]]}, "a.parquet"), ("a NNP\nb VB\n", "a.conll")):
        said = refusal(tmp_path, content, name)
        assert "nothing there is a tag" in said and "say which column holds the tags, columns: {tags: …}" in said
    labels = {0: "O", 1: "B-PER"}
    found = ner(tmp_path, "# 1\nMira 1\n# 0\n\n# 0\na 0\n", labels=labels)  # above a sentence, and within it
    assert [words for words, _ in sentences(found)] == [["Mira", "#"], ["a"]] and mends(found) == {COMMENT: 2}
    found = ner(tmp_path, "1.0\tMira\tB-PER\n2.0\tsings\tO\n", columns={"tokens": 1})  # no empty nodes
    assert [words for words, _ in sentences(found)] == [["Mira", "sings"]]


def test_a_declared_scheme_has_no_other_tags_and_an_undeclared_one_must_be_one(tmp_path):
    assert "a.conll:1: unknown tag 'S-PER'" in refusal(tmp_path, "Mira S-PER\n", scheme="iob2")
    text = "Mira S-PER\nVik B-LOC\nin O\nOslo B-LOC\n"
    said = refusal(tmp_path, text)
    assert (
        "a.conll:1: 'S-PER', in the sentence that begins here, belongs to a scheme" in said
        and "2 do not, and 1 are whole" in said
    )
    found = ner(tmp_path, text, scheme="bioes")
    assert sentences(found)[0][1] == ["B-PER", "B-LOC", "O", "B-LOC"] and mends(found) == {CONVERTED: 1}


def test_what_says_nothing_new_is_in_no_identity():
    assert not {"scheme", "broken"} & spec(task="ner").keys()
    said = spec(task="ner", scheme="io", broken="drop")
    assert (said["scheme"], said["broken"]) == ("io", "drop")
    with pytest.raises(ValueError, match="iob2"):
        Files.model_validate({"loader": "files", "folder": ".", "task": "ner", "files": {"all": "a"}, "scheme": "iob"})


# ------------------------------------------------------------------------------------------------ blank tokens, broken lines


def test_blank_tokens_go_and_entities_stay(tmp_path):
    text = "Mira\tB-PER\n\tO\nin\tO\n\tB-LOC\nOslo\tI-LOC\n\tI-LOC\nVik\tI-LOC\n"
    found = ner(tmp_path, text)
    assert sentences(found) == [(["Mira", "in", "Oslo", "Vik"], ["B-PER", "O", "B-LOC", "I-LOC"])] and mends(found) == {
        BLANK: 3
    }
    rows = {"tokens": ["a", "", "b"], "tags": ["B-PER", "B-PER", "I-PER"]}  # not one entity
    assert sentences(ner(tmp_path, jsonl(rows), "a.jsonl")) == [(["a", "b"], ["B-PER", "B-PER"])]


BROKEN = [
    ("a O\n O\nb B-PER\n\n", "a.conll:2: tag 'O' without a token", NO_TOKEN),
    ("a\tO\nb\t\n\n", "a.conll:2: token 'b' without a tag", NO_TAG),
    ("a\tO\nb\tO\tO\n\n", r"a.conll:2: 3 columns \('b', 'O', 'O'\), expected 2 as in most lines", WIDTH),
    ("b\na O\n\n", r"a.conll:1: 1 column \('b'\), expected 2", WIDTH),
    ("b\tO\n\tB-PER\na\tO\n\n", "a.conll:1: an entity of tokens without characters", NO_WORDS),
    ("b\tO\na\tB-GEO\n\n", "a.conll:2: unknown tag 'B-GEO'", "unknown tag 'B-GEO', sentence left out"),
]


@pytest.mark.parametrize(("text", "says", "reason"), BROKEN)
def test_broken_sentences_are_refused_or_left_out_and_counted(tmp_path, text, says, reason):
    good = "Oslo O\nVik B-PER\n".replace(" ", "\t" if "\t" in text else " ")
    said = refusal(tmp_path, f"{text}{good}")
    assert re.search(says, said) and "say `broken: drop` in the dataset" in said
    found = ner(tmp_path, f"{text}{good}\n{text}", broken="drop")
    assert sentences(found) == [(["Oslo", "Vik"], ["O", "B-PER"])] and found.dropped == {reason: 2}
    assert found.table["id"].to_pylist() == ["files-jv-train-1"]


def test_broken_rows_of_tables_are_left_out_too(tmp_path):
    rows = [(["a"], ["O", "O"]), ([None], ["O"]), (["a"], ["B-GEO"]), (["a"], [None]), (["Mira"], ["B-PER"])]
    content = jsonl(*({"tokens": words, "tags": tags} for words, tags in rows))
    assert "a.jsonl:1: 1 words and 2 tags" in (said := refusal(tmp_path, content, "a.jsonl")) and "broken: drop" in said
    found = ner(tmp_path, content, "a.jsonl", broken="drop")
    assert found.table["id"].to_pylist() == ["files-jv-train-4"] and sum(found.dropped.values()) == 4
    assert found.dropped[UNEQUAL] == 1 and found.dropped["unknown tag 'B-GEO', sentence left out"] == 1
    assert "no row can be used (4 × unknown tag 'X'" in refusal(tmp_path, "a X\n\n" * 4, broken="drop")


def test_all_unknown_tags_are_said_at_once(tmp_path):
    content = "".join(json.dumps({"tokens": ["a", "b"], "tags": ["O", f"B-T{n}"]}) + "\n" for n in range(3))
    said = refusal(tmp_path, content, "a.jsonl")
    assert "a.jsonl:1: unknown tag 'B-T0'" in said and "(also unknown: 'B-T1', 'B-T2')" in said
    assert len(sentences(ner(tmp_path, content, "a.jsonl", **advised(said, "labels")))) == 3
    many = refusal(tmp_path, "".join(f"a B-T{n}\n" for n in range(90)))
    assert "90 tags in all" in many and len(many) < 2000


def test_a_languages_code_before_every_token_is_removed(tmp_path):
    text = "qu:Ada\tB-PER\nqu:takin\tO\n\nqu:http://x\tO\n"
    found = read(tmp_path, "a.txt", text, task="ner")
    assert found.table["tokens"].to_pylist() == [["Ada", "takin"], ["http://x"]]
    assert found.repaired == {"qu: before a token, removed": 3}
    kept = read(tmp_path, "a.txt", text.replace("qu:takin", "takin"), task="ner")
    assert kept.table["tokens"].to_pylist() == [["qu:Ada", "takin"], ["qu:http://x"]]


def test_hints_for_unknown_tags_are_near_or_say_what_is_known(tmp_path):
    def said(tag):
        with pytest.raises(UserError) as error:
            read(tmp_path, "a.txt", f"w {tag}\nv B-LOC\n", task="ner")
        return str(error.value)

    assert "did you mean" not in said("B-MISC") and "known are O, B-PER" in said("B-MISC")
    assert "did you mean 'B-PER'?" in said("B-PRE")
    assert "U+2011" in said("B\u2011PER") and '"B\u2011PER": B-PER' in said("B\u2011PER")


@pytest.mark.parametrize("kind", ["jsonl", "conll"])
def test_sentences_left_out_keep_their_places_in_a_cut(tmp_path, kind):
    left = {3, 17, 18, 40, 41, 59}

    def sides(language, faulty):
        tags = [["B-LOC", "X-Y" if n in faulty else "O"] for n in range(60)]
        if kind == "jsonl":
            text = jsonl(*({"id": n, "tokens": ["Solo", str(n)], "tags": tag} for n, tag in enumerate(tags)))
        else:
            text = "".join(f"Solo {tag[0]}\n{n} {tag[1]}\n\n" for n, tag in enumerate(tags))
        columns = {"id": "id"} if kind == "jsonl" else {}
        name = f"{language}.{kind}"
        write(tmp_path, name, text)
        said = spec(language, task="ner", files={"all": f"{{language}}.{kind}"}, columns=columns, broken="drop")
        loaded = load(said, manifest(tmp_path, all=name))
        return {words[1]: split for split, part in loaded.splits.items() for words in part.table["tokens"].to_pylist()}

    whole, thinned = sides("jv", ()), sides("su", left)
    assert len(whole) == 60 and thinned == {n: side for n, side in whole.items() if int(n) not in left}


def test_blanks_around_a_token_between_tabs_are_removed(tmp_path):
    found = read(tmp_path, "a.tsv", "Solo \t B-LOC\nNew York\tO\n \tO\n", task="ner")
    assert found.table["tokens"].to_pylist() == [["Solo", "New York"]]
    assert found.repaired == {PADDED: 1}


def test_a_place_without_a_type_is_no_type(tmp_path):
    with pytest.raises(UserError, match=r'labels: \{"B": …, "I": …, "O": O\}'):
        read(tmp_path, "a.txt", "Solo\tB\nraya\tI\nw\tO\n", task="ner")
