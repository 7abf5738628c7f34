"""The rules of MLQA and SQuAD 1.1 a second time, character by character, to hold `pipeline.tasks.qa_score` against.

No regular expression, no translation table, no `str.split`: a text is walked through one character at a time.
"""

import unicodedata

ASCII_PUNCTUATION = {chr(c) for c in range(33, 127) if not chr(c).isalnum()}
ARTICLES = {
    "en": ["a", "an", "the"],
    "es": ["un", "una", "unos", "unas", "el", "la", "los", "las"],
    "de": ["ein", "eine", "einen", "einem", "eines", "einer", "der", "die", "das", "den", "dem", "des"],
    "vi": ["của", "là", "cái", "chiếc", "những"],
    "hi": [],
    "zh": [],
}


def is_punctuation(char, rule):
    if char in ASCII_PUNCTUATION:
        return True
    return rule == "mlqa" and unicodedata.category(char) in ("Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po")


def without_words(text, unwanted):
    """Walk from word to word; a word is a run of letters, digits and underscores."""
    out, word = [], []
    for char in [*text, None]:
        if char is not None and (char.isalnum() or char == "_"):
            word.append(char)
            continue
        out.append(" " if "".join(word) in unwanted else "".join(word))
        word = []
        out.append(char or "")
    return "".join(out)


def without_al(text):
    out, skip = [], False
    for char, following in zip(text, [*text, ""][1:], strict=True):
        if skip:
            skip = False
        elif char == "\N{ARABIC LETTER ALEF}" and following == "\N{ARABIC LETTER LAM}":
            out.append(" ")
            skip = True
        else:
            out.append(char)
    return "".join(out)


def tokens(text, chinese):
    found, token = [], ""
    for char in [*text, " "]:
        alone = chinese and 0x4E00 <= ord(char) <= 0x9FA5
        if alone or char.isspace():
            found += [token] if token else []
            token = ""
        else:
            token += char
        found += [char] if alone else []
    return found


def normalise(text, language, rule="mlqa"):
    text = "".join(c for c in text.lower() if not is_punctuation(c, rule))
    base = language.partition(".")[0] if rule == "mlqa" else "en"
    text = without_al(text) if base == "ar" else without_words(text, ARTICLES.get(base, []))
    return tokens(text, base == "zh")


def f1(prediction, golds, language, rule="mlqa"):
    best = 0.0
    ours = normalise(prediction, language, rule)
    for gold in golds:
        theirs = normalise(gold, language, rule)
        left, shared = list(theirs), 0
        for token in ours:
            if token in left:
                left.remove(token)
                shared += 1
        if shared:  # 2pr/(p + r) with p = shared/len(ours), r = shared/len(theirs)
            best = max(best, 2 * shared / (len(ours) + len(theirs)))
    return best


def match(prediction, golds, language, rule="mlqa"):
    ours = " ".join(normalise(prediction, language, rule))
    return float(any(ours == " ".join(normalise(gold, language, rule)) for gold in golds))
