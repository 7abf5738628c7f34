import subprocess
import sys
from collections import Counter

import pytest
from tokenizers import Tokenizer

from pipeline.common.errors import UserError
from pipeline.encoders.vocabulary import choose_alphabet, train_vocabulary

GUJARATI = ["ગુજરાતી", "ભાષા", "શ્રી"]
BURMESE = ["မြန်မာ", "ဘာသာ", "ရန်ကုန်"]
PERSIAN = ["می‌خواهم"]  # holds a zero-width non-joiner
LATIN = ["Ọlọ́run", "Año", "naïve", "don't", "e.g.", "(x)"]
WORDS = [*GUJARATI, *BURMESE, *PERSIAN, *LATIN]
TEXTS = [" ".join(WORDS)] * 3
BOTH = pytest.mark.parametrize("architecture", ["bert", "xlm-roberta"])


def by_word(tokenizer, words):
    encoding = tokenizer.encode(words, is_pretokenized=True)
    pieces = {i: [] for i in range(len(words))}
    for token, word in zip(encoding.tokens, encoding.word_ids, strict=True):
        if word is not None:
            pieces[word].append(token)
    return pieces


def joined(pieces):
    return "".join(piece.removeprefix("##").replace("▁", "") for piece in pieces)


@BOTH
def test_words_of_any_script_come_back_after_saving(tmp_path, architecture):
    import unicodedata

    path = tmp_path / "tokenizer.json"
    train_vocabulary(TEXTS, architecture, 400).save(str(path))
    tokenizer = Tokenizer.from_file(str(path))
    form = "NFC" if architecture == "bert" else "NFKC"
    for i, pieces in by_word(tokenizer, WORDS).items():
        assert joined(pieces) == unicodedata.normalize(form, WORDS[i])
    assert tokenizer.token_to_id("[UNK]" if architecture == "bert" else "<unk>") not in tokenizer.encode(TEXTS[0]).ids


@BOTH
def test_frequent_words_with_marks_are_one_piece(architecture):
    tokenizer = train_vocabulary(TEXTS, architecture, 400)
    pieces = by_word(tokenizer, [*GUJARATI, *BURMESE])
    assert [len(p) for p in pieces.values()] == [1] * 6


@BOTH
def test_special_tokens_surround(architecture):
    tokenizer = train_vocabulary(TEXTS, architecture, 400)
    start, end = ("[CLS]", "[SEP]") if architecture == "bert" else ("<s>", "</s>")
    tokens = tokenizer.encode("Año").tokens
    assert (tokens[0], tokens[-1]) == (start, end)
    pair = tokenizer.encode("Año", "don't").tokens
    assert pair.count(end) == (2 if architecture == "bert" else 3)
    assert [tokenizer.token_to_id(t) for t in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")] == (
        [0, 1, 2, 3, 4] if architecture == "xlm-roberta" else [None] * 5
    )


def test_bert_cuts_punctuation_and_chinese_characters():
    tokenizer = train_vocabulary([*TEXTS, "中文字 中文字"], "bert", 400)
    assert joined(by_word(tokenizer, ["don't"])[0][1:2]) == "'"
    assert by_word(tokenizer, ["中文字"])[0] == ["中", "文", "字"]


def test_case_folds_only_when_asked():
    assert by_word(train_vocabulary(TEXTS, "bert", 400, lower_case=True), ["Año"])[0] == ["año"]
    assert by_word(train_vocabulary(TEXTS, "bert", 400), ["Año"])[0] == ["Año"]
    assert by_word(train_vocabulary(TEXTS, "xlm-roberta", 400, lower_case=True), ["Año"])[0] == ["▁año"]


@BOTH
def test_format_characters_go_and_their_word_may_have_no_piece(architecture):
    tokenizer = train_vocabulary(TEXTS, architecture, 400)
    pieces = by_word(tokenizer, ["A\u200eño", "\u200e", "don't"])
    assert joined(pieces[0]) == "Año"
    assert pieces[1] == []
    assert joined(pieces[2]) == "don't"


def test_word_pieces_by_hand():
    # Merges of ▁ab ×4 and ▁b ×1: "▁ a b" → the pair (a, b) occurs 4 times, as (▁, a); the lower ids go first.
    tokenizer = train_vocabulary(["ab ab ab ab b"], "bert", 40)
    vocabulary = tokenizer.get_vocab()
    letters = {"a", "b", "##a", "##b"}
    assert letters <= vocabulary.keys()
    assert vocabulary.keys() - letters - {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"} == {"##ab", "ab"}
    assert tokenizer.encode("ab bab ba").tokens == ["[CLS]", "ab", "b", "##ab", "b", "##a", "[SEP]"]


def test_rare_letters_leave_the_alphabet_by_count_then_code_point():
    words = Counter({"aab": 2, "cd": 1, "e": 1})  # a 4, b 2, c 1, d 1, e 1
    assert choose_alphabet(words, 3) == ["a", "b", "c"]
    assert choose_alphabet(words, 9) == ["a", "b", "c", "d", "e"]


@BOTH
@pytest.mark.parametrize("size", [60, 100])
def test_size_is_kept(architecture, size):
    texts = [" ".join(f"{a}{b}{c}" for a in "abcdef" for b in "aeiou" for c in "klmn")] * 2
    assert train_vocabulary(texts, architecture, size).get_vocab_size() == size


@BOTH
def test_same_vocabulary_from_another_process(architecture):
    code = (
        "from pipeline.encoders.vocabulary import train_vocabulary as t; from tests.encoders.test_vocabulary import *;"
        f"print(t(TEXTS, {architecture!r}, 120).to_str(), end='')"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert other == train_vocabulary(TEXTS, architecture, 120).to_str()


def test_too_small_and_empty():
    with pytest.raises(UserError, match="vocabulary_size: 39 is too small; expected at least 40"):
        train_vocabulary(TEXTS, "bert", 39)
    with pytest.raises(UserError, match="holds no words"):
        train_vocabulary(["", "\u200e  "], "bert", 100)
