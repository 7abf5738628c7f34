"""What languages are called in themselves, by their code: labels of figures with `language_names: own`."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from pipeline.common.languages import base_language

AUTONYMS: dict[str, str] = {
    "af": "Afrikaans",
    "am": "አማርኛ",
    "ar": "العربية",
    "as": "অসমীয়া",
    "az": "Azərbaycan",
    "be": "Беларуская",
    "bg": "Български",
    "bn": "বাংলা",
    "bo": "བོད་སྐད་",
    "ca": "Català",
    "cdo": "閩東語",
    "ceb": "Cebuano",
    "ckb": "کوردیی ناوەندی",
    "cs": "Čeština",
    "cy": "Cymraeg",
    "da": "Dansk",
    "de": "Deutsch",
    "el": "Ελληνικά",
    "en": "English",
    "es": "Español",
    "et": "Eesti",
    "eu": "Euskara",
    "fa": "فارسی",
    "fi": "Suomi",
    "fil": "Filipino",
    "fr": "Français",
    "ga": "Gaeilge",
    "gl": "Galego",
    "gn": "Avañe’ẽ",
    "gu": "ગુજરાતી",
    "ha": "Hausa",
    "he": "עברית",
    "hi": "हिन्दी",
    "hr": "Hrvatski",
    "ht": "Kreyòl ayisyen",
    "hu": "Magyar",
    "hy": "Հայերեն",
    "id": "Bahasa Indonesia",
    "ig": "Igbo",
    "ilo": "Ilokano",
    "is": "Íslenska",
    "it": "Italiano",
    "ja": "日本語",
    "jv": "Basa Jawa",
    "ka": "ქართული",
    "kk": "Қазақ тілі",
    "km": "ខ្មែរ",
    "kn": "ಕನ್ನಡ",
    "ko": "한국어",
    "ku": "Kurdî",
    "ky": "Кыргызча",
    "lo": "ລາວ",
    "lt": "Lietuvių",
    "lv": "Latviešu",
    "mhr": "Олык марий",
    "mi": "Māori",
    "mk": "Македонски",
    "ml": "മലയാളം",
    "mn": "Монгол",
    "mr": "मराठी",
    "ms": "Bahasa Melayu",
    "mt": "Malti",
    "my": "မြန်မာ",
    "ne": "नेपाली",
    "nl": "Nederlands",
    "no": "Norsk",
    "or": "ଓଡ଼ିଆ",
    "pa": "ਪੰਜਾਬੀ",
    "pl": "Polski",
    "ps": "پښتو",
    "pt": "Português",
    "qu": "Runasimi",
    "ro": "Română",
    "ru": "Русский",
    "sd": "سنڌي",
    "si": "සිංහල",
    "sk": "Slovenčina",
    "sl": "Slovenščina",
    "so": "Soomaali",
    "sq": "Shqip",
    "sr": "Српски",
    "su": "Basa Sunda",
    "sv": "Svenska",
    "sw": "Kiswahili",
    "ta": "தமிழ்",
    "te": "తెలుగు",
    "tg": "Тоҷикӣ",
    "th": "ไทย",
    "ti": "ትግርኛ",
    "tk": "Türkmen dili",
    "tl": "Tagalog",
    "tr": "Türkçe",
    "tt": "Татар",
    "ug": "ئۇيغۇرچە",
    "uk": "Українська",
    "ur": "اردو",
    "uz": "O‘zbek",
    "vi": "Tiếng Việt",
    "xh": "IsiXhosa",
    "xmf": "მარგალური",
    "yo": "Yorùbá",
    "yue": "粵語",
    "zh": "中文",
    "zu": "isiZulu",
}


@lru_cache(maxsize=1024)
def autonym(language: str) -> str | None:
    """Return what a language of the config is called in itself: `中文` of `zh`, `zho_Hans`; `None` where that is not known.

    A code's own entry goes before its macrolanguage's: `yue` is 粵語, `cmn` is 中文. Two languages in one, as `de.es`, have none.
    """
    code = re.split(r"[\-_]", language.strip(), maxsplit=1)[0].lower()
    return AUTONYMS.get(code) or (None if "." in code else AUTONYMS.get(base_language(code)))


def autonyms(languages: Iterable[str]) -> dict[str, str]:
    """Return by language what it is called in itself; not where two would be called alike, as `zho_Hans` and `zho_Hant`."""
    found = {language: name for language in languages if (name := autonym(language)) is not None}
    often = Counter(found.values())
    return {language: name for language, name in found.items() if often[name] == 1}
