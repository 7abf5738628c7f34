import random
import re
import unicodedata
from pathlib import Path

import pytest

from pipeline.common.errors import nearest
from pipeline.common.names import INVISIBLE, difference, looks_like, name_of, on_disk, plain, respelt


@pytest.mark.parametrize(
    ("spelt", "name"),
    [
        (" 7 ", "7"),
        ("7.0", "7"),
        ("-7.00", "-7"),
        ("07", "07"),
        ("7.5", "7.5"),
        ("7.", "7."),
        ("1e3", "1e3"),
        ("v1.0", "v1.0"),
        ("\ufeffid", "id"),
        ("\u00a0a\u00a0b\u200b", "a b"),
        ("two\nlines", "two lines"),
        ("e\u0301te\u0301", "été"),
        ("", ""),
        ("\u200b", ""),
    ],
)
def test_one_spelling_of_a_name(spelt, name):
    assert name_of(spelt) == name
    assert name_of(name) == name


@pytest.mark.parametrize("name", ["a", "A-1", "jv_Latn", "q 17", "हिन्दी", "日本語", "0001", "3.14", "a/b:c", "été"])
def test_plain_names_stay_as_they_are(name):
    assert name_of(name) == name


def test_invisible_are_the_format_and_control_characters_that_neither_show_nor_part_words():
    drawn = re.compile("[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd]")
    every = "".join(map(chr, range(0xE0200)))
    found = {*"".join(INVISIBLE.findall(every))}
    formats = {char for char in every if unicodedata.category(char) in ("Cf", "Cc")}
    assert {char for char in formats - found if not char.isspace()} == {*drawn.findall(every)}
    assert {unicodedata.category(char) for char in found - formats} == {"Mn", "Lo", "Cn"}
    assert plain("a\u0000b\u0085c") == "ab c"


@pytest.mark.parametrize("seed", range(20))
def test_names_of_any_writing_are_found_again_however_they_are_saved(seed):
    chance = random.Random(seed)
    letters = "aéñüжёйकिह한글ỳώ中のأ 5_-"
    names = [*{plain("".join(chance.choices(letters, k=6))) + str(i) for i in range(8)}]
    saved = [unicodedata.normalize(chance.choice(["NFC", "NFD"]), name) for name in names]
    saved = [
        chance.choice(["", " ", "\u200e", "\ufeff"]) + name + chance.choice(["", "\u00a0", "\t"]) for name in saved
    ]
    assert respelt(saved, names) == names
    assert [looks_like(name, saved) for name in names] == saved


def test_a_name_that_is_there_to_the_letter_is_taken_and_two_that_are_one_are_both_shown():
    assert respelt(["text", "text ", "other"], ["text"]) == ["text", "text ", "other"]
    assert respelt(["text ", " text", "other"], ["text"]) == ["text", "text", "other"]


@pytest.mark.parametrize(
    ("name", "other", "why"),
    [
        ("tехt", "text", "U+0065 LATIN SMALL LETTER E, U+0078 LATIN SMALL LETTER X where 'tехt' has U+0435 CYRILLIC"),
        ("te\u200bxt", "text", "nothing where 'te\\u200bxt' has U+200B ZERO WIDTH SPACE"),
        ("text", "text ", "U+0020 SPACE where 'text' has nothing"),
        ("été", "e\u0301té", "U+0065 LATIN SMALL LETTER E, U+0301 COMBINING ACUTE ACCENT where 'été' has U+00E9"),
        ("Ο", "O", "U+004F LATIN CAPITAL LETTER O where 'Ο' has U+039F GREEK CAPITAL LETTER OMICRON"),
        ("a–b", "a-b", "U+002D HYPHEN-MINUS where 'a–b' has U+2013 EN DASH"),
        ("علي", "علی", "U+06CC ARABIC LETTER FARSI YEH where 'علي' has U+064A ARABIC LETTER YEH"),
        ("ａ", "a", "U+0061 LATIN SMALL LETTER A where 'ａ' has U+FF41 FULLWIDTH LATIN SMALL LETTER A"),
    ],
)
def test_why_names_differ_that_look_the_same(name, other, why):
    assert difference(name, other).startswith(f"it looks the same, but has {why}")
    assert nearest(name, [other, "label"]).startswith(f"; did you mean {other!r}? it looks the same, but has {why}")


def test_what_is_seen_is_not_explained():
    assert nearest("Negative", ["negative", "positive"]) == "; did you mean 'negative'?"
    assert nearest("NEGATIVE", ["negative", "positive"]) == "; did you mean 'negative'?"
    assert nearest("1.0", ["1", "2"]) == "; did you mean '1'?"
    assert nearest("negativ", ["negative", "positive"]) == "; did you mean 'negative'?"
    assert nearest("x", ["negative", "positive"]) == "; valid: negative, positive"
    assert looks_like("TEXT", ["Text", "text"]) is None  # neither is nearer
    assert difference("a", "a") == difference("a", "b") == ""


def test_files_are_found_in_the_other_unicode_form(tmp_path):
    folder = tmp_path / "donne\u0301es"
    folder.mkdir()
    (folder / "e\u0301te\u0301.csv").write_text("x")
    assert on_disk(tmp_path, "données/été.csv") == folder / "e\u0301te\u0301.csv"
    assert on_disk(Path(), str(tmp_path / "données/été.csv")) == folder / "e\u0301te\u0301.csv"
    assert on_disk(tmp_path, "données/autre.csv") == folder / "autre.csv"
    assert on_disk(tmp_path, "keine/été.csv") == tmp_path / "keine/été.csv"
    (folder / "été.csv").write_text("y")
    assert on_disk(tmp_path, "données/été.csv") == folder / "été.csv"
