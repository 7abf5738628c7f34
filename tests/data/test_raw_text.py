import re
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.data.raw_text import LONGEST, pieces, raw_text
from pipeline.data.schema import TEXT, task_table

LONG = " ".join(f"This is sentence number {i}." for i in range(40))  # 1,069 characters


def text_of(task, rows, language="qu"):
    found = raw_text(task, language, task_table(task, language, rows))
    assert found.schema == TEXT and set(found["lang"].to_pylist()) <= {language}
    return list(zip(found["id"].to_pylist(), found["text"].to_pylist(), strict=True))


# ------------------------------------------------------------------------------------------------------------------- tasks


def test_named_entities_are_sentences_each_as_often_as_it_is_there():
    rows = [
        ("a", ["Qusqu", "llaqta"], ["B-LOC", "O"]),
        ("b", ["Ana"], ["B-PER"]),
        ("c", ["Qusqu", "llaqta"], ["O", "O"]),
    ]
    assert text_of("ner", rows) == [("a", "Qusqu llaqta"), ("b", "Ana"), ("c", "Qusqu llaqta")]


def test_sentiment_is_its_texts():
    rows = [("a", "Good.\nVery  good.", "positive"), ("b", "Bad.", "negative"), ("c", "Bad.", "negative")]
    assert text_of("sentiment", rows) == [("a", "Good. Very good."), ("b", "Bad.")]


def test_pairs_are_two_texts():
    rows = [
        ("a", "It rains.", "It is wet.", "entailment"),
        ("b", "It rains.", "It is dry.", "contradiction"),
        ("c", "It is wet.", "It rains.", "neutral"),
    ]
    assert text_of("nli", rows) == [("a-0", "It rains."), ("a-1", "It is wet."), ("b", "It is dry.")]


def test_a_query_is_taken_once_for_all_its_titles():
    rows = [
        ("a", "red shoe", "Shoe, red", "relevant"),
        ("b", "red shoe", "Boot", "irrelevant"),
        ("c", "boot", "Boot", "relevant"),
    ]
    assert text_of("relevance", rows) == [("a-0", "red shoe"), ("a-1", "Shoe, red"), ("b", "Boot"), ("c", "boot")]


def test_a_context_is_taken_once_for_all_its_questions_and_before_them():
    rows = [
        ("a", "Where?", "Lima lies in Peru.", ["Peru"], [13]),
        ("b", "What?", "Lima lies in Peru.", ["Lima"], [0]),
        ("c", "Where?", "Quito.", ["Quito"], [0]),
    ]
    assert text_of("qa", rows) == [("a-0", "Lima lies in Peru."), ("a-1", "Where?"), ("b", "What?"), ("c", "Quito.")]


def test_a_long_context_comes_in_pieces_with_their_numbers():
    found = text_of("qa", [("a", "Where?", LONG, ["This"], [0])])
    assert [name for name, _ in found] == [f"a-{i}" for i in range(len(found))]
    assert len(found) == 4 and found[-1][1] == "Where?"
    assert " ".join(text for _, text in found[:-1]) == LONG


@pytest.mark.parametrize("task", ["ner", "sentiment", "nli", "relevance", "qa"])
def test_no_rows_no_text(task):
    assert text_of(task, []) == []


def test_a_task_without_text_is_no_empty_text():
    with pytest.raises(KeyError, match="sentimnt"):
        raw_text("sentimnt", "qu", task_table("sentiment", "qu", [("a", "x", "positive")]))


# ------------------------------------------------------------------------------------------------------------------ pieces


def test_short_texts_are_one_piece_however_many_sentences_they_have():
    assert pieces("One. Two! Three?\n\nFour…  Five") == ["One. Two! Three? Four… Five"]
    assert pieces("") == pieces(" \n\t ") == []


def test_pieces_are_as_long_as_may_be():
    found = pieces(LONG)
    assert " ".join(found) == LONG and all(len(piece) <= LONGEST for piece in found)
    for piece, following in pairwise(found):
        assert len(piece) + 1 + len(following.split(". ")[0]) + 1 > LONGEST  # the next sentence had no room


def test_a_piece_may_have_just_the_length_and_no_character_more():
    first, second = "x" * 199 + ".", "y" * 198 + "."  # with a blank 400
    assert pieces(f"{first} {second} z.") == [f"{first} {second}", "z."]
    assert pieces(f"{first} y{second} z.") == [first, f"y{second} z."]


def test_a_sentence_longer_than_a_piece_stays_whole():
    sentence = "word " * 200 + "end."
    assert pieces(f"Before. {sentence} After.") == ["Before.", sentence, "After."]


@pytest.mark.parametrize(
    ("ending", "blank"),
    [
        *((". ", " "), ("! ", " "), ("? ", " "), ("… ", " "), ('." ', " "), (".) ", " "), ("\n", " ")),
        *(("。", ""), ("！", ""), ("？", ""), ("。」", ""), ("。 ", " ")),  # Chinese and Japanese have no blank behind
        *(("।", ""), ("। ", " "), ("॥", ""), ("؟ ", " "), ("۔", ""), ("። ", " "), ("။", ""), ("։ ", " ")),
    ],
)
def test_sentences_end_in_every_script(ending, blank):
    sentence = "k" * 250
    assert pieces(f"{sentence}{ending}{sentence}") == [f"{sentence}{ending.strip()}", sentence]
    short = "k" * 150
    joined = f"{short}{ending.strip()}{blank}{short}"  # nothing is put in where nothing was
    assert pieces(f"{short}{ending}{short}{ending}{sentence}")[0] == f"{joined}{ending.strip()}"


@pytest.mark.parametrize("inside", ["3.14", "e.g.this", "a?b", "www.x.org", "¿a", "x,y"])
def test_no_sentence_ends_inside_a_word(inside):
    text = f"{'k' * 300} {inside} {'k' * 300}"
    assert pieces(text) == [text]


ALPHABET = st.sampled_from(
    [*"ab .!?…\n\t", "。", "！", "।", "۔", '"', ")", "」", "\u3000", "\xa0", "\r\n", "é", "word " * 30]
)
TEXTS = st.lists(ALPHABET, max_size=60).map("".join)


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
@example(text="a" * 399 + ". b.")
@example(text="。" * 900)
def test_no_character_is_lost_or_put_in(text):
    found = pieces(text)
    squeezed = " ".join(text.split())
    assert "".join(found).replace(" ", "") == squeezed.replace(" ", "")
    at = 0
    for piece in found:  # one after the other, at most a blank between
        assert piece and piece == " ".join(piece.split())
        assert squeezed.startswith(piece, at) or squeezed.startswith(f" {piece}", at)
        at = squeezed.index(piece, at) + len(piece)
    assert at == len(squeezed)


@settings(max_examples=200, deadline=None)
@given(sentences=st.lists(st.text(st.sampled_from("abcé ñ"), min_size=1, max_size=300), max_size=12))
def test_pieces_joined_by_blanks_are_the_text(sentences):
    text = "".join(f"{sentence}. " for sentence in sentences)
    found = pieces(text)
    assert " ".join(found) == " ".join(text.split())
    for piece in found:
        assert len(piece) <= LONGEST or not re.search(r"\. ", piece)
