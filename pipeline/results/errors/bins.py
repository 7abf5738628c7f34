"""Groups of test items: by length, by which training examples have their words, by place."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from pipeline.common.languages import base_language
from pipeline.tasks.qa_score import normalise

ENTITY_LENGTHS = (1, 2, 3)
SENTENCE_LENGTHS = (5, 10, 20, 40)
TEXT_LENGTHS = (10, 20, 40, 80)
ANSWER_LENGTHS = (1, 2, 5)
"""The last length of each group but the open one."""

LEVELS = ("target", "source", "neither")
"""Where words are known from: the target's training examples, else the sources' or auxiliaries', else none of them."""

SHARES = ("all", "75–99 %", "50–74 %", "under 50 %")
"""Of a text's words: how many are known."""

THIRDS = ("first third", "second third", "last third")
FIRST_WORDS = 5
OTHER = "other words"


def length_groups(ends: Sequence[int]) -> list[str]:
    """Return the groups of lengths, short to long: of `(1, 2, 5)` `1`, `2`, `3–5`, `6+`."""
    starts = [1, *(end + 1 for end in ends)]
    named = [str(end) if start == end else f"{start}–{end}" for start, end in zip(starts, ends, strict=False)]
    return [*named, f"{starts[-1]}+"]


def length_group(length: int, ends: Sequence[int]) -> str:
    """Return the group of a length, 1 or more."""
    return length_groups(ends)[sum(length > end for end in ends)]


def words_of(text: str, language: str) -> list[str]:
    """Return a text's words: lower case, no punctuation, cut at blanks, in Chinese at each character; articles are words."""
    return normalise(text, language if base_language(language) == "zh" else "und")


def level(word: str, target: Collection[str], others: Collection[str]) -> int:
    """Return where a word is known from, as an index of `LEVELS`."""
    return 0 if word in target else 1 if word in others else 2


def share_group(known: int, words: int) -> str:
    """Return the group of a text by its known words."""
    share = known / words
    return SHARES[0 if known == words else 1 if share >= 0.75 else 2 if share >= 0.5 else 3]


def third(start: int, length: int) -> str:
    """Return in which third of a context of `length` characters an answer begins."""
    return THIRDS[min(3 * start // max(length, 1), 2)]


def frequent(values: Iterable[str], most: int = FIRST_WORDS) -> list[str]:
    """Return the most frequent values, the alphabet deciding between equals."""
    counted = Counter(values)
    return sorted(counted, key=lambda value: (-counted[value], value))[:most]
