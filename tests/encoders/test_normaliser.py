from pathlib import Path

import pytest
from tokenizers import Regex, Tokenizer, models, normalizers

from pipeline.common.errors import UserError
from pipeline.encoders.load import load_tokenizer
from pipeline.encoders.normaliser import check_growth, describe, lost_marks, warnings

TEXTS = ["Àwọn ọmọ ń ṣe eré", "plain words"]


def with_normaliser(normaliser):
    tokenizer = Tokenizer(models.WordLevel({"a": 0}, unk_token="a"))
    if normaliser is not None:
        tokenizer.normalizer = normaliser
    return tokenizer


@pytest.mark.parametrize(
    ("normaliser", "expected"),
    [
        (None, (False, False, "none", False)),
        (normalizers.NFC(), (False, False, "NFC", False)),
        (normalizers.NFKC(), (False, False, "NFKC", False)),
        (normalizers.NFD(), (False, False, "NFD", False)),
        (normalizers.NFKD(), (False, False, "NFKD", False)),
        (normalizers.Lowercase(), (True, False, "none", False)),
        (normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()]), (False, True, "NFD", True)),
        (normalizers.BertNormalizer(lowercase=True), (True, True, "NFD", True)),
        (normalizers.BertNormalizer(lowercase=False), (False, False, "none", False)),
        (normalizers.BertNormalizer(lowercase=True, strip_accents=False), (True, False, "none", False)),
    ],
)
def test_what_a_normaliser_does_is_found_by_trying(normaliser, expected):
    assert tuple(describe(with_normaliser(normaliser)).values()) == expected


def test_words_that_lose_their_marks_are_counted():
    bert = with_normaliser(normalizers.BertNormalizer(lowercase=True))
    assert lost_marks(bert, TEXTS) == (5, 7)
    assert lost_marks(bert, ["हिन्दी भाषा"]) == (1, 2), "the virama goes, spacing vowel signs stay"
    assert lost_marks(with_normaliser(normalizers.NFKC()), TEXTS) == (0, 0)
    assert lost_marks(with_normaliser(None), TEXTS) == (0, 0)


def test_a_normaliser_that_keeps_letters_is_not_warned_about():
    for kept in (None, normalizers.NFC(), normalizers.BertNormalizer(lowercase=False)):
        tokenizer = with_normaliser(kept)
        assert warnings(describe(tokenizer), tokenizer) == []
    stripped = with_normaliser(normalizers.BertNormalizer(lowercase=True))
    (said,) = warnings(describe(stripped), stripped)
    assert said.startswith("the tokenizer lower-cases and strips accents: 'Àwọn ọmọ' becomes 'awon omo'")


def replacing(pattern, content, times=1):
    return normalizers.Sequence([normalizers.Replace(pattern, content)] * times)


@pytest.mark.parametrize(
    "normal",
    [
        replacing("a", "aa", 30),
        replacing("a", "a" * 20_000),
        replacing(Regex(""), "x", 20),
        normalizers.Prepend("x" * 20_000),
        replacing("a", "a", 1001),
        normalizers.Sequence([replacing("a", "aa", 8), replacing("b", "ab", 8)]),
    ],
)
def test_a_normaliser_that_makes_text_grow_without_bound_is_refused_unused(tmp_path, normal):
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, "[UNK]"))
    tokenizer.normalizer = normal
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(UserError, match=r"tokenizer.json: its normaliser could make one letter more than 10,000"):
        load_tokenizer(tmp_path, checked=False)


def test_usual_normalisers_are_not():
    usual = [
        normalizers.Replace("``", '"'),
        normalizers.Replace(Regex(" {2,}"), "▁"),
        normalizers.Prepend("▁"),
        normalizers.Replace(" ", "▁"),
        normalizers.NFKC(),
    ]
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, "[UNK]"))
    check_growth(Path("x"), tokenizer)
    tokenizer.normalizer = normalizers.Sequence(usual)
    check_growth(Path("x"), tokenizer)
