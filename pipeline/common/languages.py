"""What a language's name in the config says: the language that rules go by, whichever of its codes it is called by.

A name is a code of ISO 639-1, 639-2 (both kinds) or 639-3, alone or before a script, a country or another language: `zh`, `zho`,
`chi`, `cmn`, `zho_Hans` (as in FLORES), `zh-TW`, `de.es` (as in MLQA, context and question). Languages that rules know are in
`CODES`; Arabic and Chinese are macrolanguages there, with all members that ISO 639-3 counts among them, as `arz` and `yue`.
"""

import re
from functools import lru_cache

_ARABIC = """aao abh abv acm acq acw acx acy adf aeb aec afb ajp apc apd arb arq ars ary arz auz avl ayh ayl ayn ayp bbz pga
shu ssh"""
_CHINESE = "cdo cjy cmn cnp cpx csp czh czo gan hak hsn lzh mnp nan wuu yue"

CODES: dict[str, str] = {
    code: language
    for language, codes in {
        "ar": f"ar ara {_ARABIC}",
        "de": "de deu ger",
        "en": "en eng",
        "es": "es spa",
        "hi": "hi hin",
        "vi": "vi vie",
        "zh": f"zh zho chi {_CHINESE}",
    }.items()
    for code in codes.split()
}
"""By code: the language whose rules count, by its code of ISO 639-1."""

_NAMES: dict[str, str] = {
    name: language
    for language, names in {
        "ar": "arabic msa العربية",
        "de": "german deutsch",
        "en": "english",
        "es": "spanish español espanol castilian castellano sp",
        "hi": "hindi हिन्दी",
        "vi": "vietnamese việt vn",
        "zh": "chinese mandarin cantonese putonghua zhongwen cn 中文 汉语 漢語",
    }.items()
    for name in names.split()
}


@lru_cache(maxsize=1024)
def base_language(name: str) -> str:
    """Return the language that rules go by, by its shortest code: `zh` of `cmn_Hans`, `de` of `de.es`; others as they are."""
    base = re.split(r"[.\-_]", name.strip(), maxsplit=1)[0].lower()
    return CODES.get(base, base)


@lru_cache(maxsize=1024)
def looks_like(name: str) -> str | None:
    """Return the code of the language that a name seems to mean though it is none of its codes: `zh` of `chinese`, `mlqa_zh`.

    Returns:
        `None` where the name is a code, or seems to mean none of `CODES`.
    """
    base, *others = re.split(r"[^\w]+|_", name.strip().lower())
    if base in CODES:
        return None
    words = [base, *others]
    named = next((_NAMES[word] for word in words if word in _NAMES), None)
    if named is None and len(base) > 3:  # of two or three letters it is another language's code
        named = next((CODES[word] for word in others if word in CODES), None)
    return named
