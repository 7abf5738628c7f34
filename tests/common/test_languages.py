"""One language, whatever it is called; and who only looks like one."""

import pytest

from pipeline.common.languages import CODES, base_language, looks_like
from pipeline.results.tables.misnamed import misnamed
from pipeline.tasks.qa_score import normalise, outcomes


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("zh", "zh zho chi cmn yue zh-CN zh_TW zh-Hant zho_Hans yue_Hant cmn-Hans-CN ZHO_Hans zh.en zho.eng"),
        ("en", "en eng EN en-GB eng_Latn en.de"),
        ("ar", "ar ara arb arz arb_Arab ary_Arab ar-EG ar.en"),
        ("de", "de deu ger deu_Latn de-AT de.es"),
        ("es", "es spa spa_Latn es-MX"),
        ("hi", "hi hin hin_Deva"),
        ("vi", "vi vie vie_Latn"),
    ],
)
def test_codes_of_a_language_are_scored_alike(language, names):
    text = "The 在河边的村庄, der والسلام del las của là"
    for name in names.split():
        assert base_language(name) == language
        assert normalise(text, name) == normalise(text, language)
        assert outcomes("in 河边的", ["the 河边 of"], name) == outcomes("in 河边的", ["the 河边 of"], language)
        assert looks_like(name) is None


@pytest.mark.parametrize(
    "name", ["qu", "jv", "fra_Latn", "hubbish", "xx", "enm", "ja", "und", "deva", "jv_en", "tl", "est"]
)
def test_other_languages_stay_what_they_are(name):
    assert base_language(name) == name.lower().partition("_")[0] and looks_like(name) is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("chinese", "zh"),
        ("Chinese (simplified)", "zh"),
        ("mandarin-news", "zh"),
        ("中文", "zh"),
        ("cn", "zh"),
        ("English", "en"),
        ("mlqa_en", "en"),
        ("xquad.de", "de"),
        ("español", "es"),
        ("modern_standard_arabic", "ar"),
    ],
)
def test_names_that_only_look_unknown(name, code):
    assert looks_like(name) == code and base_language(name) not in CODES.values()
    (said,) = misnamed("answer_f1", ["zh", name, "jv", name])
    assert said.startswith(
        f"Answers in {name} are scored as of a language that MLQA's rule does not know; if it is {code}"
    )
    assert misnamed("answer_f1_squad", [name]) == misnamed("accuracy", [name]) == []


def test_codes_are_of_one_language_each():
    assert set(CODES.values()) == {"ar", "de", "en", "es", "hi", "vi", "zh"}
    assert all(code.isascii() and code.islower() and len(code) in (2, 3) for code in CODES)
