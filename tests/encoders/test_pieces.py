"""New pieces, by hand: every vocabulary here is small enough to cut on paper."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

from pipeline.common.errors import UserError
from pipeline.encoders.pieces import Cutter, extend_tokenizer
from pipeline.encoders.vocabulary import train_vocabulary
from tests.encoders.models import tiny_tokenizer

WORDPIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "##a", "##b", "ab", "##ab", "abba"]


def wordpiece(*more: str, without: tuple[str, ...] = ()) -> Tokenizer:
    pieces = [piece for piece in (*WORDPIECES, *more) if piece not in without]
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


def unigram() -> Tokenizer:
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), ("a", -2.5), ("b", -3.0)]
    tokenizer = Tokenizer(models.Unigram([*pieces, ("▁a", -3.5), ("▁abba", -9.0)], unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="always")
    tokenizer.add_special_tokens([AddedToken("<mask>", special=True)])  # id 9, after the model's own vocabulary
    return tokenizer


def bpe() -> Tokenizer:
    vocabulary = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3, "<mask>": 4, "a": 5, "b": 6, "▁": 7, "▁a": 8, "▁ab": 9}
    merges = [("▁", "a"), ("▁a", "b")]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", fuse_unk=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace("▁", prepend_scheme="always")
    return tokenizer


MODELS = {"WordPiece": wordpiece, "Unigram": unigram, "BPE": bpe}


def tokens(tokenizer: Tokenizer, text: str) -> list[str]:
    return tokenizer.encode(text, add_special_tokens=False).tokens


def test_wordpiece_merges_the_most_frequent_neighbours():
    # `bab` is b ##ab (3 times), `babb` b ##ab ##b (twice): first (b, ##ab) 5 times, then (bab, ##b) twice
    extended = extend_tokenizer(wordpiece(), ["bab babb bab", "bab babb"], 500, 2, 12)
    assert extended.pieces == {"bab": ("b", "##ab"), "babb": ("b", "##ab", "##b")}
    assert tokens(extended.tokenizer, "babb bab abba") == ["babb", "bab", "abba"]
    assert extended.tokenizer.token_to_id("bab") == 12
    assert extended.tokenizer.token_to_id("babb") == 13
    assert extended.facts == {
        "pieces": 2,
        "letters": 0,
        "words": 5,
        "changed_words": 5,
        "unknown_words": {"before": 0, "after": 0},
        "pieces_per_word": {"before": (3 * 2 + 2 * 3) / 5, "after": 1.0},
    }


def test_no_more_pieces_than_asked_the_most_frequent_first():
    extended = extend_tokenizer(wordpiece(), ["bab babb bab", "bab babb"], 1, 2, 12)
    assert list(extended.pieces) == ["bab"]
    assert tokens(extended.tokenizer, "babb") == ["bab", "##b"]


def test_rarer_than_asked_is_no_piece():
    extended = extend_tokenizer(wordpiece(), ["bab bab bab bab babb"], 500, 5, 12)
    assert list(extended.pieces) == ["bab"]  # (b, ##ab) 5 times, (bab, ##b) once
    assert extend_tokenizer(wordpiece(), ["bab bab bab bab babb"], 500, 6, 12).pieces == {}


def test_letters_come_first_in_the_forms_that_words_need():
    # `xax` lacks x at the start and ##x at the end, `ax` ##x; z is too rare
    extended = extend_tokenizer(wordpiece(), ["xax xax ax", "z"], 500, 2, 12)
    assert list(extended.pieces.items())[:2] == [("##x", ("##x",)), ("x", ("x",))]  # 3 times, twice
    assert extended.pieces["xax"] == ("x", "##a", "##x")
    assert tokens(extended.tokenizer, "xax ax z") == ["xax", "a", "##x", "[UNK]"]
    assert extended.facts["letters"] == 2
    assert extended.facts["unknown_words"] == {"before": 4, "after": 1}
    only = extend_tokenizer(wordpiece(), ["xax xax ax", "z"], 1, 2, 12)
    assert list(only.pieces) == ["##x"]


def test_a_piece_that_would_make_a_known_word_unknown_is_given_up():
    # `abc` is ab ##c, `abcd` ab ##cd; with a piece `abc`, of `abcd` only ##d would be left, which is no piece
    base = wordpiece("##c", "##cd")
    assert tokens(base, "abc abcd") == ["ab", "##c", "ab", "##cd"]
    alone = extend_tokenizer(base, ["abc abc"], 500, 2, 20)
    assert list(alone.pieces) == ["abc"]
    assert tokens(alone.tokenizer, "abcd") == ["[UNK]"]  # what is avoided where the text shows it
    both = extend_tokenizer(base, ["abc abc abcd"], 500, 2, 20)
    assert both.pieces == {}
    assert both.facts["unknown_words"] == {"before": 0, "after": 0}


def test_unigram_takes_a_new_piece_where_the_old_ones_were_cut():
    # ▁bab: ▁(-2) b(-3) a(-2.5) b(-3). Three pairs occur 4 times each; what wins is settled by the trainer's own order, but in
    # the end the word is whole.
    extended = extend_tokenizer(unigram(), ["bab bab bab bab"], 500, 4, 10)
    assert extended.pieces["▁bab"] == ("▁", "b", "a", "b")
    assert tokens(extended.tokenizer, "bab") == ["▁bab"]
    assert tokens(extended.tokenizer, "abba<mask>") == ["▁abba", "<mask>"]
    scores = dict(json.loads(extended.tokenizer.to_str())["model"]["vocab"])
    assert scores["▁bab"] == pytest.approx(-2 - 3 - 2.5 - 3, abs=1e-5)
    assert scores["▁bab"] > -2 - 3 - 2.5 - 3


def test_unigram_leaves_words_whose_best_path_does_not_cut_there():
    # `▁aab` is ▁a a b (-9); the new ▁ab, of ▁a b (-6.5), is no part of it; nor is it of `▁abba`, whole at -9 against -6.5 - 5.5
    extended = extend_tokenizer(unigram(), ["ab ab"], 500, 2, 10)
    assert extended.pieces == {"▁ab": ("▁a", "b")}
    assert tokens(extended.tokenizer, "ab aab abba") == ["▁ab", "▁a", "a", "b", "▁abba"]


def test_unigram_letters_score_as_the_rarest_piece():
    extended = extend_tokenizer(unigram(), ["xa xa"], 1, 2, 10)
    assert extended.pieces == {"x": ("x",)}
    scores = dict(json.loads(extended.tokenizer.to_str())["model"]["vocab"])
    assert scores["x"] == -9.0
    assert tokens(extended.tokenizer, "xa") == ["▁", "x", "a"]
    assert extended.tokenizer.token_to_id("x") == 10


def test_byte_pair_merges_come_after_the_old_ones():
    # ▁abab → ▁ab a b, by the old merges; new: (▁ab, a), then (▁aba, b), or (a, b) first: the word ends whole
    extended = extend_tokenizer(bpe(), ["abab abab"], 500, 2, 10)
    assert tokens(extended.tokenizer, "abab") == ["▁abab"]
    assert extended.pieces["▁abab"] == ("▁ab", "a", "b")
    merges = json.loads(extended.tokenizer.to_str())["model"]["merges"]
    assert merges[:2] == [["▁", "a"], ["▁a", "b"]]
    assert tokens(extended.tokenizer, "ab a") == ["▁ab", "▁a"]


def test_byte_pair_reaches_a_piece_that_old_merges_do_not():
    base = bpe()
    description = json.loads(base.to_str())
    description["model"]["vocab"]["▁b"] = 10  # a piece without a merge that makes it
    extended = extend_tokenizer(Tokenizer.from_str(json.dumps(description)), ["b b b"], 500, 2, 11)
    assert extended.pieces == {}
    assert tokens(extended.tokenizer, "b") == ["▁b"]


@pytest.mark.parametrize("kind", MODELS)
def test_rows_that_no_piece_has_stay_empty(kind):
    """An embedding matrix padded to 64 rows: new ids start after it, added tokens keep theirs."""
    base = MODELS[kind]()
    extended = extend_tokenizer(base, ["bab bab xa xa"], 500, 2, 64).tokenizer
    old, new = base.get_vocab(), extended.get_vocab()
    assert {piece: new[piece] for piece in old} == old
    assert min(i for piece, i in new.items() if piece not in old and not piece.startswith("<unused")) == 64
    assert extended.encode("x", add_special_tokens=False).ids[-1] >= 64
    again = Tokenizer.from_str(extended.to_str())
    assert again.get_vocab() == new
    assert again.to_str() == extended.to_str()


@pytest.mark.parametrize("kind", MODELS)
@settings(max_examples=40, deadline=None)
@given(st.lists(st.text("abxy", min_size=1, max_size=6), min_size=1, max_size=12), st.integers(1, 8))
def test_whatever_the_text(kind, words, pieces):
    base = MODELS[kind]()
    rows = base.get_vocab_size()
    extended = extend_tokenizer(base, [" ".join(words)], pieces, 1, rows)
    old, new = Cutter(base), Cutter(extended.tokenizer)
    assert len(extended.pieces) <= pieces
    assert {piece: new.vocabulary[piece] for piece in old.vocabulary} == old.vocabulary
    assert [new.vocabulary[piece] for piece in extended.pieces] == list(range(rows, rows + len(extended.pieces)))
    for piece, parts in extended.pieces.items():
        assert new.join(parts) == piece
        assert all(part in old.vocabulary or extended.pieces[part] == (part,) for part in parts)
    for word in {*words, "a", "ab", "abba", "abab", "baab"}:
        ((pretokenised, _),) = base.pre_tokenizer.pre_tokenize_str(word)
        before, after = old.cut(pretokenised), new.cut(pretokenised)
        if before is not None and len(before) == 1:
            assert after == before  # whole words stay whole
        if before is not None and word in words:
            assert after is not None


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta"])
def test_the_pipelines_own_vocabularies(architecture):
    base = tiny_tokenizer(architecture)
    text = ["жаба ест жабу", "жаба зовёт ada в oslo"] * 3
    extended = extend_tokenizer(base, text, 100, 2, base.get_vocab_size())
    assert extended.facts["unknown_words"]["before"] == 6 * 3  # all but ada and oslo
    assert extended.facts["unknown_words"]["after"] == 0
    encoding = extended.tokenizer.encode(text[0])
    assert len(encoding.ids) == 3 + 2  # every word is a piece now
    assert [encoding.ids[0], encoding.ids[-1]] == [base.encode("ada").ids[i] for i in (0, -1)]
    assert extended.tokenizer.encode("ada sees rome").ids == base.encode("ada sees rome").ids


def test_no_word_is_an_error_no_new_piece_is_none():
    with pytest.raises(UserError, match="holds no words"):
        extend_tokenizer(wordpiece(), ["", "  "], 500, 2, 12)
    whole = extend_tokenizer(wordpiece(), ["abba ab a"], 500, 1, 12)
    assert whole.pieces == {}
    assert whole.tokenizer.to_str() == wordpiece().to_str()
    assert whole.facts["changed_words"] == 0


def test_models_that_cannot_be_extended():
    with pytest.raises(UserError, match=r"model 'WordLevel' cannot be extended; expected WordPiece, Unigram or BPE"):
        extend_tokenizer(Tokenizer(models.WordLevel({"a": 0}, unk_token="a")), ["a"], 1, 1, 1)
    fallback = Tokenizer(models.BPE({"a": 0}, [], byte_fallback=True))
    with pytest.raises(UserError, match="byte_fallback = True cannot be extended"):
        extend_tokenizer(fallback, ["a"], 1, 1, 1)


SCRIPT = """
from pipeline.encoders.pieces import extend_tokenizer
from pipeline.encoders.vocabulary import train_vocabulary
old = ["ada sees rome", "bo visits the old acme in oslo", "the acme of cy", "rome and oslo see ada"] * 5
texts = [" ".join(chr(0x430 + (7 * i * j) % 32) * (1 + i % 2) + chr(0x430 + i % 32) for i in range(j, j + 9)) for j in range(60)]
for architecture in ("bert", "xlm-roberta"):
    print(extend_tokenizer(train_vocabulary(old, architecture, 60), texts, 90, 1, 60).tokenizer.to_str())
"""


def test_the_same_in_every_process():
    def run(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        root = Path(__file__).parents[2]
        command = [sys.executable, "-c", SCRIPT]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=root, env=environment).stdout

    first = run("1")
    assert first.count("\n") > 1
    assert run("2") == first


MIRROR = Path(__file__).parents[3] / "shared/data/wikiann"


@pytest.mark.skipif(not MIRROR.is_dir(), reason=f"no WikiAnn mirror at {MIRROR}")
@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta"])
def test_scripts_an_english_vocabulary_does_not_know(architecture):
    def sentences(language: str, count: int) -> list[str]:
        blocks = (MIRROR / f"train-{language}.tsv").read_text(encoding="utf-8").split("\n\n")[:count]
        return [" ".join(line.split("\t")[0] for line in block.split("\n") if line) for block in blocks]

    base = train_vocabulary(sentences("en", 1500), architecture, 2000)
    for language in ("gu", "my"):
        extended = extend_tokenizer(base, sentences(language, 100), 500, 2, base.get_vocab_size())
        words, unknown = extended.facts["words"], extended.facts["unknown_words"]
        assert unknown["before"] > 0.6 * words  # nearly all words but numbers and punctuation
        assert unknown["after"] < 0.03 * words  # those with a letter that occurs once
        others = sentences("en", 2500)[1500:]
        changed = sum(base.encode(s).ids != extended.tokenizer.encode(s).ids for s in others)
        assert changed < 0.1 * len(others)
