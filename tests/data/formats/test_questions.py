import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.data.formats import placing
from pipeline.data.formats import questions as qa_rows
from pipeline.data.formats.lines import BOM
from pipeline.data.formats.placing import Placed, place
from pipeline.data.formats.questions import read_questions
from pipeline.data.formats.squad import json_questions, parquet_questions
from pipeline.data.schema import check_table
from tests.data.qa_files import LIMA, QUITO, document, qa, write, write_parquet

PEACE = (
    "Das Stück 😀 heißt Krieg und Frieden, und Frieden ist kurz."  # Frieden at 28 and 41; ü, ß are two bytes, 😀 four
)
TWO = document((LIMA, [qa("a", ("Peru", 13)), qa("b", ("Lima", 0))]), (QUITO, [qa("c", ("La Paz", 25), ("Paz", 28))]))


def read(path, **options):
    return read_questions([path], "en", "x-dev", **options)


def rows(found):
    check_table(found.table, "qa", "here")
    return {row["id"]: (row["answers"], row["starts"]) for row in found.table.to_pylist()}


def mends(found):
    return {reason: counts.tolist() for reason, counts in found.mends.items()}


# ----------------------------------------------------------------------------------------------------------------- forms


def test_squad_shaped_json(tmp_path):
    found = read(write(tmp_path / "a.json", TWO))
    assert found.table.to_pylist()[2] == {
        "id": "x-dev-c",
        "lang": "en",
        "question": "Where?",
        "context": QUITO,
        "answers": ["La Paz", "Paz"],
        "starts": [25, 28],
    }
    assert rows(found) == {
        "x-dev-a": (["Peru"], [13]),
        "x-dev-b": (["Lima"], [0]),
        "x-dev-c": (["La Paz", "Paz"], [25, 28]),
    }
    assert (found.dropped, found.repaired, found.mends) == ({}, {}, {})


def test_the_hubs_parquet_holds_the_same(tmp_path):
    expected = read(write(tmp_path / "a.json", TWO)).table
    assert read(write_parquet(tmp_path / "a.parquet", TWO)).table.equals(expected)
    answers = [[{"text": "Peru", "answer_start": 13}]]  # a list of objects, as other writers have it
    pq.write_table(
        pa.table({"id": ["a"], "question": ["Where?"], "context": [LIMA], "answers": answers}), tmp_path / "b.parquet"
    )
    assert read(tmp_path / "b.parquet").table.equals(expected.slice(0, 1))


def test_several_files_are_read_in_order(tmp_path):
    first = write(tmp_path / "1.json", document((LIMA, [qa("b", ("Lima", 0))])))
    second = write_parquet(tmp_path / "2.parquet", document((LIMA, [qa("a", ("Peru", 13))])))
    assert list(rows(read_questions([first, second], "en", "x"))) == ["x-b", "x-a"]


def test_questions_on_one_text_share_it(tmp_path):
    many = document(("a" * 50, [qa(str(i), ("a", 0)) for i in range(5000)]))  # more than a batch
    for path in (write(tmp_path / "a.json", many), write_parquet(tmp_path / "a.parquet", many)):
        read_of = parquet_questions(path) if path.suffix == ".parquet" else json_questions(path, {})
        assert len({id(question.context) for question in list(read_of)}) == 1


def test_numbers_as_ids(tmp_path):
    assert list(rows(read(write(tmp_path / "a.json", document((LIMA, [qa(7, ("Peru", 13))])))))) == ["x-dev-7"]


def test_control_characters_and_carriage_returns_are_kept(tmp_path):
    context = "one\r\ntwo\x0bthree\x85four\u2028 five\tsix"  # o n e CR LF t w o VT: three begins at 9
    raw = json.dumps(document((context, [qa("a", ("three", 9), ("six", 26))])), ensure_ascii=False)
    raw = raw.replace("\\u000b", "\x0b").replace("\\t", "\t")  # also as they are, which strict JSON forbids
    found = read(write(tmp_path / "a.json", raw.encode()))
    assert found.table["context"].to_pylist() == [context]
    assert rows(found)["x-dev-a"] == (["three", "six"], [9, 26]) and found.mends == {}


# ------------------------------------------------------------------------------------------------------ answers and offsets


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        ("Frieden", 28, Placed("Frieden", 28)),
        ("Frieden", 41, Placed("Frieden", 41)),
        ("Frieden", 29, Placed("Frieden", 28, placing.UTF16)),  # 😀 counted twice
        ("Frieden", 42, Placed("Frieden", 41, placing.UTF16)),
        ("Frieden", 33, Placed("Frieden", 28, placing.BYTES)),  # ü, ß one more each, 😀 three more
        ("Frieden", 46, Placed("Frieden", 41, placing.BYTES)),
        ("Krieg", 19, Placed("Krieg", 18, placing.UTF16)),
        ("Frieden", 26, Placed("Frieden", 28, placing.MOVED)),  # two characters off, near one of two
        ("Frieden", 35, Placed("Frieden", None, placing.AMBIGUOUS)),  # between both
        ("Frieden", -1, Placed("Frieden", None, placing.SEVERAL)),
        ("Krieg", 0, Placed("Krieg", 18, placing.MOVED)),  # stands once
        ("Krieg", -1, Placed("Krieg", 18, placing.FOUND)),
        ("kurz.", -5, Placed("kurz.", 53, placing.FOUND)),  # not counted from the end
        ("Krieg", 10**20, Placed("Krieg", 18, placing.MOVED)),
        ("krieg", 19, Placed("krieg", None, placing.NOWHERE)),  # case is no matter of spelling
        ("", 3, Placed("", None, placing.BLANK)),
        (" \n", 3, Placed(" \n", None, placing.BLANK)),
        (" ", 3, Placed(" ", None, placing.BLANK)),  # though a blank stands there
    ],
)
def test_where_an_answer_stands(text, start, expected):
    assert place(PEACE, text, start) == expected


def test_a_negative_offset_is_near_nothing():
    assert place("x y x", "x", -1) == Placed("x", None, placing.SEVERAL)
    assert place("x y x", "x", 1) == Placed("x", 0, placing.MOVED)


E_ACUTE, DECOMPOSED = "\u00e9", "e\u0301"
O_HORN_TILDE = ("\u1ee1", "o\u031b\u0303", "\u01a1\u0303")  # one letter in three spellings


@pytest.mark.parametrize(
    ("context", "text", "start", "span"),
    [
        (f"Caf{DECOMPOSED} au lait", f"Caf{E_ACUTE}", 0, (0, 5)),
        (f"Caf{E_ACUTE} au lait", f"Caf{DECOMPOSED} au", 0, (0, 7)),
        (f"der {O_HORN_TILDE[2]}.", O_HORN_TILDE[0], 4, (4, 6)),
        (f"der {O_HORN_TILDE[0]}.", O_HORN_TILDE[1], 4, (4, 5)),
        ("im\u00a0Jahr  1998", "Jahr 1998", 3, (3, 13)),
        ("im Jahr\n1998", " Jahr 1998 ", 0, (3, 12)),
        ("x  y und x\ty", "x y", 9, (9, 12)),  # of two, the one at its offset
        ("\ud55c\uae00", "\u1112\u1161\u11ab\u1100\u1173\u11af", 0, (0, 2)),  # Hangul syllables and their letters
    ],
)
def test_another_spelling_becomes_the_contexts_own(context, text, start, span):
    assert place(context, text, start) == Placed(context[slice(*span)], span[0], placing.RESPELT)


def test_spellings_that_stand_nowhere_or_several_times():
    assert place(f"Caf{DECOMPOSED}s", "Cafes", 0).reason == placing.NOWHERE
    assert place(DECOMPOSED, E_ACUTE + "\u0323", 0).reason == placing.NOWHERE  # one mark more
    assert place("x" + DECOMPOSED, "x", 5) == Placed("x", 0, placing.MOVED)
    assert place("x  y und x\ty", "x y", 3) == Placed("x y", None, placing.AMBIGUOUS)


letters = st.text(st.sampled_from("ab é\u0301ß한😀\u200d\r\n"), max_size=12)


@given(letters, letters.filter(lambda text: text.strip()), letters)
def test_offsets_in_any_unit_find_the_answer(before, text, after):
    context = before + text + after
    assert place(context, text, len(before)) == Placed(text, len(before))
    for start in (len(before.encode()), len(before.encode("utf-16-le")) // 2):
        found = place(context, text, start)
        assert found.start is not None and context.startswith(text, found.start)
        if context.count(text) == 1 and context.find(text) == context.rfind(text):
            assert found.start == len(before)


@given(letters, letters, st.integers(-3, 30))
def test_what_is_placed_stands_there(context, text, start):
    found = place(context, text, start)
    if found.start is None:
        assert found.reason in (placing.BLANK, placing.NOWHERE, placing.AMBIGUOUS, placing.SEVERAL)
    else:
        assert found.start >= 0 and found.text.strip() and context.startswith(found.text, found.start)


def test_offsets_beyond_plain_characters_are_mended_and_counted_by_row(tmp_path):
    questions = [qa("a", ("Frieden", 29)), qa("b", ("Krieg", 18)), qa("c", ("Frieden", 46), ("Krieg", 0))]
    found = read(write(tmp_path / "a.json", document((PEACE, questions))))
    assert rows(found) == {
        "x-dev-a": (["Frieden"], [28]),
        "x-dev-b": (["Krieg"], [18]),
        "x-dev-c": (["Frieden", "Krieg"], [41, 18]),
    }
    assert mends(found) == {placing.UTF16: [1, 0, 0], placing.BYTES: [0, 0, 1], placing.MOVED: [0, 0, 1]}


def test_drops_are_counted_by_reason(tmp_path):
    found = read(
        write(
            tmp_path / "a.json",
            document(
                (LIMA, [qa("a", ("Peru", 13)), qa("b", ("", 0)), qa("c", ("Chile", 13)), qa("d", ("i", 14))]),
                (LIMA, [qa("e", ("Peru", 13), question=" "), qa("f")]),
                ("\n", [qa("g", ("x", 0))]),
                (QUITO, [qa("h", ("", 3), ("La Paz", 25), ("Peru", 1))]),
            ),
        )
    )
    assert rows(found) == {"x-dev-a": (["Peru"], [13]), "x-dev-h": (["La Paz"], [25])}
    assert found.dropped == {
        placing.BLANK: 1,
        placing.NOWHERE: 1,
        placing.AMBIGUOUS: 1,
        qa_rows.NO_QUESTION: 1,
        qa_rows.NO_CONTEXT: 1,
        qa_rows.UNANSWERABLE: 1,
    }
    assert mends(found) == {qa_rows.LEFT_OUT + placing.BLANK: [0, 1], qa_rows.LEFT_OUT + placing.NOWHERE: [0, 1]}


# ------------------------------------------------------------------------------------------------------------ unanswerable

TWO_POINT_ZERO = document(
    (
        LIMA,
        [
            qa("a", ("Peru", 13), is_impossible=False),
            qa("b", is_impossible=True, plausible_answers=[{"text": "Lima", "answer_start": 0}]),
            qa("c", ("Lima", 0), is_impossible=True),  # what the file says of the question wins
            qa("d"),  # 1.1 shape
        ],
    ),
    version="v2.0",
)


def test_unanswerable_questions_are_refused_or_dropped(tmp_path):
    path = write(tmp_path / "a.json", TWO_POINT_ZERO)
    with pytest.raises(UserError) as error:
        read(path, unanswerable="refuse")
    assert str(error.value) == (
        f"{path}: 3 of 4 questions have no answer, as in SQuAD 2.0 (the first is {path}: data[0].paragraphs[0].qas[1]); "
        "set unanswerable: drop to leave them out"
    )
    found = read(path, unanswerable="drop")
    assert (list(rows(found)), found.dropped) == (["x-dev-a"], {qa_rows.UNANSWERABLE: 3})


def test_empty_lists_in_parquet_are_unanswerable(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", document((LIMA, [qa("a", ("Peru", 13)), qa("b")])))
    with pytest.raises(UserError, match=r"1 of 2 questions have no answer, .*the first is .*a.parquet: row 1\)"):
        read(path, unanswerable="refuse")
    assert list(rows(read(path))) == ["x-dev-a"]


def test_an_unknown_choice_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"unanswerable: 'dorp'; did you mean 'drop'"):
        read(write(tmp_path / "a.json", TWO), unanswerable="dorp")


# --------------------------------------------------------------------------------------------------------------- malformed


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            document((LIMA, [qa("a", ("", 0)), qa("b", ("", 0))])),
            r"none of 2 questions bears an answer \(.*blank\); ask",
        ),
        (document((LIMA, [qa("a")])), r"none of 1 questions bears an answer \(their lists of answers are empty\); ask"),
        (
            document((LIMA, [qa("a", ("Chile", 0)), qa("b", question="")])),
            r"none of 2 questions .*answer not in its .*: 1",
        ),
        (document((LIMA, [])), r"a.json: holds no questions"),
        (document(), r"a.json: holds no questions"),
    ],
)
def test_nothing_to_learn_from(tmp_path, content, says):
    with pytest.raises(UserError, match=says):
        read(write(tmp_path / "a.json", content), advice="; ask elsewhere")


@pytest.mark.parametrize("second", ["a.json", "b.json"])
def test_an_id_that_is_there_twice_names_both_places(tmp_path, second):
    path = write(tmp_path / "a.json", document((LIMA, [qa("a", ("Peru", 13)), qa("b", ("Lima", 0))])))
    paths = [path, write(tmp_path / "b.json", document((LIMA, [qa("b", ("Peru", 13))])))]
    if second == "a.json":
        paths = [write(path, document((LIMA, [qa("b", ("", 0))]), (LIMA, [qa("b", ("Lima", 0))])))]
    with pytest.raises(UserError, match=rf"{second}: data\[.\].* the id 'b' is already that of .*a.json: data\[0\]"):
        read_questions(paths, "en", "x")


def changed(change):
    content = document((LIMA, [qa("a", ("Peru", 13)), qa("b", ("Lima", 0))]))
    change(content, content["data"][0]["paragraphs"][0], content["data"][0]["paragraphs"][0]["qas"][1])
    return content


def renamed(old, new):
    return lambda holder: holder.__setitem__(new, holder.pop(old))


PLACE = r"a.json: data\[0\]\.paragraphs\[0\]"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d, p, q: renamed("data", "date")(d), r"a.json: key 'data' is missing; did you mean 'date'\?"),
        (lambda d, p, q: d.update(data={}), r"a.json: data is an object, expected a list"),
        (lambda d, p, q: d["data"].append("x"), r"data\[1\]: expected an object with the key 'paragraphs', found text"),
        (
            lambda d, p, q: renamed("context", "content")(p),
            PLACE + r": key 'context' is missing; did you mean 'content'",
        ),
        (lambda d, p, q: p.update(context=None), PLACE + r": context is nothing, expected text"),
        (lambda d, p, q: renamed("qas", "qa")(p), PLACE + r": key 'qas' is missing; did you mean 'qa'\?"),
        (lambda d, p, q: p["qas"].append(3), PLACE + r"\.qas\[2\]: expected an object .*found a whole number"),
        (lambda d, p, q: renamed("question", "qestion")(q), PLACE + r"\.qas\[1\]: key 'question' is missing; did you"),
        (lambda d, p, q: renamed("answers", "answer")(q), PLACE + r"\.qas\[1\]: key 'answers' is missing; did you"),
        (lambda d, p, q: q.pop("id"), PLACE + r"\.qas\[1\]: key 'id' is missing"),
        (lambda d, p, q: q.update(id=""), PLACE + r"\.qas\[1\]: id is empty"),
        (lambda d, p, q: q.update(id=True), PLACE + r"\.qas\[1\]: id is true or false, expected text"),
        (lambda d, p, q: q.update(answers="Lima"), PLACE + r"\.qas\[1\]: answers is text, expected a list"),
        (lambda d, p, q: q["answers"].append("x"), PLACE + r"\.qas\[1\]\.answers\[1\]: expected an object"),
        (lambda d, p, q: q["answers"][0].pop("text"), r"qas\[1\]\.answers\[0\]: key 'text' is missing"),
        (
            lambda d, p, q: q["answers"][0].update(answer_start="0"),
            r"answers\[0\]: answer_start is text, expected a whole",
        ),
        (
            lambda d, p, q: q["answers"][0].update(answer_start=0.0),
            r"answer_start is a number with a fraction, expected",
        ),
        (lambda d, p, q: q["answers"][0].update(answer_start=True), r"answer_start is true or false, expected a whole"),
        (lambda d, p, q: q.update(is_impossible="no"), r"qas\[1\]: is_impossible is text, expected true or false"),
    ],
)
def test_what_is_missing_or_of_another_kind_is_named_by_its_path(tmp_path, change, says):
    with pytest.raises(UserError, match=says):
        read(write(tmp_path / "a.json", changed(change)))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[]", r"a.json: expected an object with the key 'data', found a list"),
        ('{"data": [\n {"paragraphs": [}', r"a.json:2:18: not valid JSON \(truncated\?\): Expecting value"),
        (json.dumps(TWO, indent=1)[:300], r"a.json:\d+:\d+: not valid JSON \(truncated\?\): "),
        (json.dumps(TWO) + "\n" + json.dumps(TWO), r"a.json:2:1: not valid JSON .*: Extra data"),
        ("", r"a.json: the file is empty"),
        (" \n", r"a.json: the file is empty"),
        ('{"data": ' + "[" * 100_000, r"a.json: not valid JSON: "),
        (f'{{"data": {"1" * (sys.get_int_max_str_digits() + 1)}}}', r"a.json: not valid JSON: "),
        (b'{"data": [\n"Z\xfcrich"]}', r"a.json:2: byte 0xfc at offset 13: not UTF-8; expected UTF-8"),
        (b'{"a": "Z\xc3\xbcrich",\n"b": "Z\xfcrich"}', r"a.json:2: byte 0xfc at offset 24: not UTF-8"),  # mixed
        (json.dumps(TWO).encode("utf-16"), r"a.json:1: a UTF-16 byte order mark: not UTF-8"),
        (
            json.dumps(document((LIMA + "😀", [qa("a", ("Lima", 0))]))).replace("\\ude00", ""),
            PLACE + r": context has half of a surrogate pair \(\\ud83d\) at character 18",
        ),
        (
            json.dumps(document((LIMA, [qa("a", ("😀", 0))]))).replace("\\ud83d", ""),
            PLACE + r"\.qas\[0\]\.answers\[0\]: text has half of a surrogate pair \(\\ude00\) at character 0",
        ),
    ],
)
def test_broken_files_are_refused_with_the_place(tmp_path, content, says):
    with pytest.raises(UserError, match=says):
        read(write(tmp_path / "a.json", content))


def test_a_missing_file(tmp_path):
    for name in ("a.json", "a.parquet"):
        with pytest.raises(UserError, match=rf"{name}: no such file"):
            read(tmp_path / name)


def test_a_byte_order_mark_is_removed_and_counted(tmp_path):
    found = read(write(tmp_path / "a.json", b"\xef\xbb\xbf" + json.dumps(TWO).encode()))
    assert found.repaired == {BOM: 1} and len(rows(found)) == 3


def parquet(**changes):
    answers = [{"text": ["Peru"], "answer_start": [13]}, {"text": ["Lima"], "answer_start": [0]}]
    columns = {"id": ["a", "b"], "question": ["Where?"] * 2, "context": [LIMA] * 2, "answers": answers} | changes
    return pa.table({name: column for name, column in columns.items() if column is not None})


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (
            parquet(question=None, questions=["x", "y"]),
            r"a.parquet: column 'question' is missing; did you mean 'questions'",
        ),
        (parquet(answers=None), r"a.parquet: column 'answers' is missing"),
        (parquet(context=[LIMA, None]), r"a.parquet: row 1: context is nothing, expected text"),
        (parquet(question=[1, 2]), r"a.parquet: row 0: question is a whole number, expected text"),
        (parquet(answers=["Peru", "Lima"]), r"a.parquet: row 0: answers is text, expected a list"),
        (
            parquet(answers=[[{"text": "Peru", "answer_start": 13}], None]),
            r"row 1: answers is nothing, expected a list",
        ),
        (
            parquet(answers=[{"text": ["Peru"], "answer_start": [13]}, {"text": ["Lima"], "answer_start": []}]),
            r"a.parquet: row 1\.answers: 1 texts and 0 offsets; expected as many",
        ),
        (
            parquet(answers=[{"text": ["Peru"], "answer_start": [13.0]}] * 2),
            r"row 0\.answers\[0\]: answer_start is a number with a fraction",
        ),
        (parquet(id=["a", "a"]), r"a.parquet: row 1: the id 'a' is already that of .*a.parquet: row 0"),
        (parquet().slice(0, 0), r"a.parquet: holds no questions"),
        (parquet(context=pa.array([b"Lima", b"Z\xfcrich"]).view(pa.string())), r"a.parquet: .*UTF8"),
    ],
)
def test_malformed_parquet_is_refused_by_row(tmp_path, table, says):
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(UserError, match=says):
        read(tmp_path / "a.parquet")


def test_truncated_parquet(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", TWO)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(UserError, match=r"a.parquet: not a readable Parquet file \(truncated\?\)"):
        read(path)
