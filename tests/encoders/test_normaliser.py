import pytest
from tokenizers import Tokenizer, models, normalizers

from pipeline.encoders.normaliser import describe, lost_marks, warnings

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
