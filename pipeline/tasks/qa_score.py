"""The score of extractive question answering: exact match and token F1 of answer texts, by the rule of MLQA or of SQuAD 1.1.

Both compare normalised texts: lower case; without punctuation; without articles, each a whole word that leaves a blank
behind; cut into tokens.

* **mlqa** (Lewis et al. 2020): Unicode's punctuation (categories P*) and ASCII's; the language's articles; tokens end at
  blanks, in Chinese each character is one too.
* **squad** (Rajpurkar et al. 2016): ASCII's punctuation; English articles, whatever the language; tokens end at blanks.

So for English the two differ only in what they do with punctuation beyond ASCII: “Oslo” equals Oslo for `mlqa` alone.

Two quirks of MLQA's own script are kept, so that numbers compare with published ones. Arabic ال is replaced by a blank
wherever it stands, inside words too: والسلام becomes و سلام. And a combining mark is no part of a word, so that of a
decomposed `là` the article `la` is removed; of a composed one it is not.

The language is the context's, by any of its codes (see `languages`): of `de.es` it is `de`, of `zho_Hans` and `cmn` it is `zh`.
MLQA knows seven; any other (all of Babel too) has no articles and tokens at blanks. This module imports no torch: training and
scoring both use it.
"""

import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Literal

from pipeline.common.errors import UserError, nearest
from pipeline.common.languages import base_language

Rule = Literal["mlqa", "squad"]
RULES: tuple[Rule, ...] = ("mlqa", "squad")
ENDINGS: dict[Rule, str] = {"mlqa": "", "squad": "_squad"}
"""By rule: what the names of its scores end with."""
LONGEST = 30  # sub-tokens of the longest answer that is predicted, where nothing else is said


def words(articles: str) -> re.Pattern[str]:
    """Return a pattern of the given words, each only as a whole."""
    return re.compile(rf"\b(?:{'|'.join(articles.split())})\b")


ARTICLES = {
    "ar": re.compile("ال"),
    "de": words("ein eine einen einem eines einer der die das den dem des"),
    "en": words("a an the"),
    "es": words("un una unos unas el la los las"),
    "vi": words("của là cái chiếc những"),
}
"""By language, what leaves a blank behind; Hindi and Chinese have no articles."""
CHARACTERS = re.compile(r"[\u4e00-\u9fa5]|[^\u4e00-\u9fa5\s]+")
"""Tokens of Chinese: each character of this range, and what stands between them and blanks."""


class Punctuation(dict[int, int | None]):
    """A table for `str.translate` that deletes punctuation; filled as characters occur."""

    def __init__(self, unicode: bool) -> None:
        super().__init__({ord(c): None for c in string.punctuation})
        self.unicode = unicode

    def __missing__(self, code: int) -> int | None:
        deleted = self.unicode and unicodedata.category(chr(code)).startswith("P")
        self[code] = None if deleted else code
        return self[code]


PUNCTUATION = {"mlqa": Punctuation(unicode=True), "squad": Punctuation(unicode=False)}


def normalise(text: str, language: str, rule: Rule = "mlqa") -> list[str]:
    """Return the tokens that answers are compared by.

    Args:
        text: an answer.
        language: its context's language.
        rule: `mlqa` or `squad`.

    Raises:
        UserError: there is no such rule.
    """
    if rule not in RULES:
        raise UserError(f"no rule {rule!r} for scoring answers{nearest(rule, RULES)}")
    text = text.lower().translate(PUNCTUATION[rule])
    base = base_language(language) if rule == "mlqa" else "en"
    if base in ARTICLES:
        text = ARTICLES[base].sub(" ", text)
    return CHARACTERS.findall(text) if base == "zh" else text.split()


def token_f1(predicted: Sequence[str], gold: Sequence[str]) -> float:
    """Return 2pr / (p + r) of two bags of tokens; 0 where they share none, so also where both are empty."""
    shared = (Counter(predicted) & Counter(gold)).total()
    if not shared:
        return 0.0
    precision, recall = shared / len(predicted), shared / len(gold)
    return 2 * precision * recall / (precision + recall)


def answer_outcome(
    prediction: str | None, golds: Sequence[str], language: str, rule: Rule = "mlqa"
) -> tuple[float, float]:
    """Return one question's F1 and exact match (0 or 1), each the best over its gold answers.

    Args:
        prediction: the predicted answer; `None` where there is none, which scores 0.
        golds: the right answers, any of them.
        language: the context's.
        rule: `mlqa` or `squad`.

    Raises:
        UserError: there is no gold answer, or no such rule.
    """
    if not golds:
        raise UserError("a question has no gold answer; expected at least one")
    if prediction is None:
        return 0.0, 0.0
    tokens = normalise(prediction, language, rule)
    rights = [normalise(gold, language, rule) for gold in golds]
    return max(token_f1(tokens, right) for right in rights), float(tokens in rights)


def outcomes(prediction: str | None, golds: Sequence[str], language: str) -> dict[str, float]:
    """Return one question's scores by full name: F1 and exact match by MLQA's rule, and by SQuAD's with `_squad` (see above).

    Raises:
        UserError: there is no gold answer.
    """
    found: dict[str, float] = {}
    for rule, ending in ENDINGS.items():
        f1, match = answer_outcome(prediction, golds, language, rule)
        found |= {f"answer_f1{ending}": f1, f"exact_match{ending}": match}
    return found


def answer_f1(prediction: str | None, golds: Sequence[str], language: str, rule: Rule = "mlqa") -> float:
    """Return one question's F1, the best over its gold answers (see `answer_outcome`)."""
    return answer_outcome(prediction, golds, language, rule)[0]


def exact_match(prediction: str | None, golds: Sequence[str], language: str, rule: Rule = "mlqa") -> float:
    """Return 1 where a question's prediction equals one of its gold answers, else 0 (see `answer_outcome`)."""
    return answer_outcome(prediction, golds, language, rule)[1]


def score_answers(
    golds: Sequence[Sequence[str]],
    predictions: Sequence[str | None],
    languages: Sequence[str],
    rule: Rule = "mlqa",
) -> dict[str, float]:
    """Score a set of questions: means (0 to 1) of `answer_f1` and `exact_match`; 0 where there is no question.

    Args:
        golds: every question's right answers.
        predictions: every question's predicted answer; one that is missing (`None`) scores 0.
        languages: every question's context language.
        rule: `mlqa` or `squad`.

    Raises:
        UserError: the numbers of questions differ, a question has no gold answer, or there is no such rule.
    """
    if not len(golds) == len(predictions) == len(languages):
        raise UserError(
            f"{len(golds)} questions with gold answers, but {len(predictions)} predictions and {len(languages)} languages"
        )
    outcomes = [answer_outcome(p, g, lang, rule) for p, g, lang in zip(predictions, golds, languages, strict=True)]
    count = max(len(outcomes), 1)
    return {
        "answer_f1": math.fsum(f1 for f1, _ in outcomes) / count,
        "exact_match": math.fsum(match for _, match in outcomes) / count,
    }
