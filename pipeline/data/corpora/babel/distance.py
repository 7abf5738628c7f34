"""How far apart two languages of a family are, measured on their words and orders.

All but the script is measured on the sounds of words, so a second script does not hide kinship.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from pipeline.data.corpora.babel.family import Family, Language
from pipeline.data.corpora.babel.lexicon import Lexicon, build
from pipeline.data.corpora.babel.meaning import INVENTORY


@dataclass(frozen=True)
class Distance:
    """How two languages differ.

    Attributes:
        lexical: mean, over the concepts of content words, of the edit distance of their words divided by the longer one's
            length: 0 the same words, about 0.8 unrelated ones.
        same_words: share of those concepts whose words are the same.
        names: share of the name stems that are the same.
        numbers: share of the numbers that are written in digits in both.
        order: share of nine choices of order on which they agree (see `order_agreement`).
        script: whether they share their script.
    """

    lexical: float
    same_words: float
    names: float
    numbers: float
    order: float
    script: bool


def distance(seed: int, family: Family, first: str, second: str) -> Distance:
    """Measure how far apart two languages are."""
    one, two = build(seed, family, first), build(seed, family, second)
    pairs = [
        pair for kind in INVENTORY if kind != "number" for pair in zip(one.sounds[kind], two.sounds[kind], strict=True)
    ]
    return Distance(
        lexical=sum(edit_distance(a, b) / max(len(a), len(b)) for a, b in pairs) / len(pairs),
        same_words=sum(a == b for a, b in pairs) / len(pairs),
        names=_same_names(one, two),
        numbers=len(one.digits & two.digits) / INVENTORY["number"],
        order=order_agreement(one.language, two.language),
        script=one.language.script == two.language.script,
    )


def _same_names(one: Lexicon, two: Lexicon) -> float:
    """Return the share of the name stems with the same form."""
    same = [a == b for a, b in zip(one.sounds["stem"], two.sounds["stem"], strict=True)]
    return sum(same) / len(same)


def order_agreement(one: Language, two: Language) -> float:
    """Return the share of agreement: of three pairs among S, O and V, and of six sides (`before`, `after`)."""
    pairs = [("S", "O"), ("S", "V"), ("O", "V")]
    agree = [_precedes(one, *pair) == _precedes(two, *pair) for pair in pairs]
    sides = ("adjective", "adposition", "possessor", "title", "affix", "article")
    agree += [getattr(one, side) == getattr(two, side) for side in sides]
    return sum(agree) / len(agree)


def _precedes(language: Language, first: str, second: str) -> bool:
    """Say whether one part of the core stands before another."""
    return language.order.index(first) < language.order.index(second)


def edit_distance(a: Sequence[object], b: Sequence[object]) -> int:
    """Return Levenshtein's distance: the least number of insertions, deletions and replacements that turn a into b."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


def distance_table(seed: int, family: Family) -> str:
    """Return the distances of all pairs as a Markdown table."""
    lines = ["| languages | " + " | ".join(f.name.replace("_", " ") for f in fields(Distance)) + " |"]
    lines.append("|---|" + "---:|" * len(fields(Distance)))
    names = list(family)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            d = distance(seed, family, first, second)
            shares = " | ".join(f"{v:.2f}" for v in (d.lexical, d.same_words, d.names, d.numbers, d.order))
            lines.append(f"| {first} – {second} | {shares} | {'same' if d.script else 'other'} |")
    return "\n".join(lines)
