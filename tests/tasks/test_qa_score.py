"""Answers scored by the rules of MLQA and SQuAD 1.1: strings by hand, and a second implementation on drawn ones."""

import subprocess
import sys
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.tasks.qa_score import answer_f1, exact_match, normalise, outcomes, score_answers
from tests.tasks import qa_oracle

LANGUAGES = ["ar", "de", "en", "es", "hi", "vi", "zh"]

# language, text, tokens: each worked out by hand from the rule.
GOLDEN = [
    ("en", "The Battle of the Bulge!", ["battle", "of", "bulge"]),
    ("en", "a man, an ant & theatre", ["man", "ant", "theatre"]),  # `&` is ASCII punctuation; `theatre` is no article
    ("en", "the-a", ["thea"]),  # punctuation goes first, so no article is left
    ("en", "“Schrödinger’s” cat…", ["schrödingers", "cat"]),
    ("en", "$1,000 – 50%", ["1000", "50"]),
    ("en", "THE_END", ["theend"]),  # `_` is punctuation
    ("en", "x\u00a0the\u3000y\u2009z\tA\x1fb", ["x", "y", "z", "b"]),  # blanks of all kinds
    ("en", "a\u0301b", ["\u0301b"]),  # decomposed á: the mark is no letter, so the article a ends before it
    ("en", "áb", ["áb"]),
    ("es", "El Niño y la niña", ["niño", "y", "niña"]),
    ("es", "¿Unos los más? ¡Las UNAS!", ["más"]),
    ("es", "elástica lasaña del un", ["elástica", "lasaña", "del"]),
    ("de", "Der Hauptmann des „Dorfes“ – ein Mann", ["hauptmann", "dorfes", "mann"]),
    ("de", "einen Ein-Mann-Betrieb", ["einmannbetrieb"]),
    ("de", "Straße dessen", ["straße", "dessen"]),  # lower-cased, not case-folded; `dessen` is no article
    ("vi", "Những chiếc xe của anh là cái này", ["xe", "anh", "này"]),
    ("vi", "thành phố Hồ Chí Minh.", ["thành", "phố", "hồ", "chí", "minh"]),
    ("vi", unicodedata.normalize("NFD", "là"), [unicodedata.normalize("NFD", "là")]),  # only the composed form is known
    ("hi", "भारत की राजधानी, नई दिल्ली।", ["भारत", "की", "राजधानी", "नई", "दिल्ली"]),  # the danda is punctuation
    ("hi", "the a x", ["the", "a", "x"]),  # no articles
    ("ar", "السلام عليكم", ["سلام", "عليكم"]),
    ("ar", "والسلام", ["و", "سلام"]),  # inside the word, and it leaves a blank
    ("ar", "مال، قتال؟", ["م", "قت"]),  # at the end of words too
    ("ar", "االل", ["ا", "ل"]),
    ("ar", "ال", []),
    ("zh", "北京大学（1898年）", ["北", "京", "大", "学", "1898", "年"]),
    ("zh", "iPhone 4s手机 v2", ["iphone", "4s", "手", "机", "v2"]),
    ("zh", "ＡＢＣ，東京・㐀x 龦", ["ａｂｃ", "東", "京", "㐀x", "龦"]),  # 㐀 and 龦 lie outside 4E00 to 9FA5
    ("zh", "一龥", ["一", "龥"]),
    ("zh", "the 车", ["the", "车"]),
    ("de.es", "el Haus der", ["el", "haus"]),  # a German context with a Spanish question
    ("zh.en", "the 汽车", ["the", "汽", "车"]),
    ("zh-Hant", "汽車", ["汽", "車"]),
    ("pt", "O carro, the a der", ["o", "carro", "the", "a", "der"]),
    ("hubbish", "Ta, 汽车!", ["ta", "汽车"]),
]


@pytest.mark.parametrize(("language", "text", "expected"), GOLDEN)
def test_golden_tokens(language, text, expected):
    assert normalise(text, language) == expected
    if "-" not in language:
        assert qa_oracle.normalise(text, language) == expected


SQUAD = [
    ("The Battle of the Bulge!", ["battle", "of", "bulge"]),
    ("“Schrödinger’s” cat…", ["“schrödinger’s”", "cat…"]),  # only ASCII's punctuation goes
    ("the–a", ["–"]),  # the dash stays and ends both words
    ("北京大学", ["北京大学"]),
]


@pytest.mark.parametrize(("text", "expected"), SQUAD)
def test_golden_tokens_of_squad(text, expected):
    for language in ("en", "zh", "hubbish"):
        assert normalise(text, language, "squad") == expected
        assert qa_oracle.normalise(text, language, "squad") == expected


def test_f1_by_hand():
    # tokens: big red dog | red dog house: 2 shared, p = 2/3, r = 2/3
    assert answer_f1("the big red dog", ["a red dog house"], "en") == pytest.approx(2 / 3)
    # against "dog": p = 1/3, r = 1, F1 = 2 * (1/3) / (4/3) = 1/2; the better of both counts
    assert answer_f1("the big red dog", ["dog"], "en") == pytest.approx(1 / 2)
    assert answer_f1("the big red dog", ["dog", "a red dog house"], "en") == pytest.approx(2 / 3)
    # a bag, not a set: x x y | x y y share one x and one y: p = r = 2/3
    assert answer_f1("x x y", ["x y y"], "en") == pytest.approx(2 / 3)
    # 北 京 | 北 京 大 学: p = 1, r = 1/2, F1 = 2/3
    assert answer_f1("北京", ["北京大学"], "zh") == pytest.approx(2 / 3)
    assert answer_f1("北京", ["北京大学"], "en") == 0.0


def test_exact_match_by_hand():
    assert exact_match("The Oslo.", ["Rome", "oslo"], "en") == 1.0
    assert exact_match("Oslo city", ["oslo"], "en") == 0.0
    assert exact_match("dog red", ["red dog"], "en") == 0.0  # the order counts
    assert exact_match("السلام", ["سلام"], "ar") == 1.0
    assert exact_match("北 京", ["北京"], "zh") == 1.0
    assert exact_match("“Oslo”", ["Oslo"], "en") == 1.0
    assert exact_match("“Oslo”", ["Oslo"], "en", "squad") == 0.0


def test_texts_of_no_token_are_equal_but_share_nothing():
    assert exact_match("the", ["a!"], "en") == 1.0
    assert answer_f1("the", ["a!"], "en") == 0.0
    assert exact_match("", ["Oslo"], "en") == answer_f1("", ["Oslo"], "en") == 0.0


def test_a_missing_prediction_scores_zero():
    assert exact_match(None, ["the"], "en") == 0.0
    assert answer_f1(None, ["the"], "en") == 0.0
    scores = score_answers([["Oslo"], ["Rome"]], [None, "Rome"], ["en", "en"])
    assert scores == {"answer_f1": 0.5, "exact_match": 0.5}


def test_scores_are_means_over_questions():
    golds = [["a red dog house"], ["Oslo"], ["Haus"]]
    scores = score_answers(golds, ["the big red dog", "oslo", "das Haus"], ["en", "en", "de.en"])
    assert scores["answer_f1"] == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert scores["exact_match"] == pytest.approx(2 / 3)
    # SQuAD's articles are English ones: das Haus | haus: p = 1/2, r = 1, F1 = 2/3
    scores = score_answers(golds, ["the big red dog", "oslo", "das Haus"], ["en", "en", "de.en"], "squad")
    assert scores["answer_f1"] == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)
    assert score_answers([], [], []) == {"answer_f1": 0.0, "exact_match": 0.0}


def test_bad_input_is_refused():
    with pytest.raises(UserError, match="no gold answer"):
        answer_f1("x", [], "en")
    with pytest.raises(UserError, match="did you mean 'squad'"):
        normalise("x", "en", "squad2")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="2 questions with gold answers, but 1 predictions and 2 languages"):
        score_answers([["x"], ["y"]], ["x"], ["en", "en"])


# Drawn texts: scripts of the seven languages, articles and parts of them, marks, full-width forms, punctuation, blanks.
ARTICLES = [*(a for words in qa_oracle.ARTICLES.values() for a in words), "ال"]
PIECES = [
    *ARTICLES,
    *(a.upper() for a in ARTICLES),
    *(unicodedata.normalize("NFD", a) for a in ARTICLES),
    *[
        "x",
        "da",
        "7",
        "_",
        "é",
        "e\u0301",
        "ß",
        "İ",
        "Σ",
        "Ж",
        "ا",
        "ل",
        "لا",
        "م",
        "ـ",
        "َ",
        "٣",
        "ह",
        "ि",
        "्",
        "दी",
        "।",
        "ं",
    ],
    *[
        "一",
        "龥",
        "龦",
        "㐀",
        "𠀀",
        "北京",
        "Ａ",
        "０",
        "ー",
        "ｱ",
        "。",
        "，",
        "（",
        "「",
        "・",
        "“",
        "’",
        "«",
        "¿",
        "–",
        "…",
        "-",
        "'",
        ".",
    ],
    *[
        "$",
        "+",
        "€",
        "~",
        "^",
        " ",
        "  ",
        "\t",
        "\n",
        "\xa0",
        "\u3000",
        "\u2009",
        "\u200b",
        "\u200d",
        "\x1f",
        "\x85",
        "\u2028",
        "😀",
    ],
]
texts = st.one_of(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.text(max_size=20))
languages = st.sampled_from([*LANGUAGES, "de.es", "zh.ar", "hubbish", "fi"])
rules = st.sampled_from(["mlqa", "squad"])


@settings(deadline=None, max_examples=1500)
@given(texts, languages, rules)
def test_tokens_equal_the_oracles(text, language, rule):
    assert normalise(text, language, rule) == qa_oracle.normalise(text, language, rule)


@settings(deadline=None, max_examples=1000)
@given(texts, st.lists(texts, min_size=1, max_size=3), languages, rules, st.booleans())
def test_scores_equal_the_oracles(prediction, golds, language, rule, mixed):
    if mixed:  # texts that share much
        golds = [*golds, prediction + golds[0], golds[0] + prediction]
    assert answer_f1(prediction, golds, language, rule) == pytest.approx(
        qa_oracle.f1(prediction, golds, language, rule)
    )
    assert exact_match(prediction, golds, language, rule) == qa_oracle.match(prediction, golds, language, rule)


@pytest.mark.parametrize(("language", "rule"), [("zh", "mlqa"), ("en", "squad")])
def test_every_character_is_treated_as_the_oracle_does(language, rule):
    """All of Unicode that is assigned, a hundred characters a text, each between letters."""
    for start in [*range(0, 0x33500, 100), *range(0xE0000, 0xE0200, 100)]:
        text = "x".join(chr(c) for c in range(start, start + 100))
        assert normalise(text, language, rule) == qa_oracle.normalise(text, language, rule)


def test_fast_enough_to_choose_epochs():
    golds = [["the quick brown fox of the north", "fox"]] * 12_000
    started = time.process_time()
    scores = score_answers(golds, ["a quick fox"] * len(golds), ["en"] * len(golds))
    assert time.process_time() - started < 3
    assert scores["answer_f1"] == pytest.approx(
        2 / 3
    )  # quick fox | fox: p = 1/2, r = 1; the other: p = 1, r = 2/5, 4/7


def test_imports_no_torch():
    code = "import sys, pipeline.tasks.qa_score; assert not {'torch', 'transformers', 'tokenizers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_both_rules_have_names_of_their_own():
    found = outcomes("“Oslo”", ["Oslo"], "en")
    assert found == {"answer_f1": 1.0, "exact_match": 1.0, "answer_f1_squad": 0.0, "exact_match_squad": 0.0}
    assert outcomes("die Oper", ["Oper"], "de")["exact_match_squad"] == 0.0  # English articles, whatever the language
    assert outcomes("the opera", ["opera"], "de")["exact_match_squad"] == 1.0
