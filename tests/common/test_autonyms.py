"""What languages are called in themselves."""

import unicodedata

from pipeline.common.autonyms import AUTONYMS, autonym, autonyms
from pipeline.common.languages import base_language


def test_a_name_is_found_by_any_code_of_the_language():
    assert autonym("ar") == autonym("ara") == autonym("arz") == "العربية"
    assert autonym("zho_Hans") == autonym("zh-TW") == autonym("cmn") == "中文" != autonym("yue")
    assert autonym("hubbish") is None
    assert autonym("de.es") is None, "a German context with a Spanish question is neither"


def test_two_languages_of_one_name_keep_their_codes():
    assert autonyms(["zho_Hans", "zho_Hant", "hi", "hubbish"]) == {"hi": "हिन्दी"}


def test_names_are_in_the_form_that_fonts_and_comparisons_expect():
    composed = {code: unicodedata.normalize("NFC", name) for code, name in AUTONYMS.items()}
    assert composed == AUTONYMS
    assert all(base_language(code) == code for code in AUTONYMS if code not in ("cdo", "yue"))
