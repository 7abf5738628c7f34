import random
import unicodedata

import pytest

from pipeline.data.duplicates import row_keys, shared_texts
from pipeline.data.schema import task_table

WORDS = ["café", "très", "ñandú", "हिन्दी", "한국어", "Ελλάδα", "naïve", "x", "5"]
BLANKS = [" ", "  ", "\t", "\u00a0", "\u3000", "\u2009", "\r\n", "\n", "\u2028"]
HIDDEN = ["\u200b", "\ufeff", "\u200e", "\u202b", "\u00ad", "\u2060", "\u200d", "\ufe0f", "\x07"]


def disguised(text, chance):
    """The same text as another program may have saved it."""
    words = [chance.choice([word, unicodedata.normalize("NFD", word)]) for word in text.split(" ")]
    words = [
        chance.choice(["", chance.choice(HIDDEN)]) + word + chance.choice(["", chance.choice(HIDDEN)]) for word in words
    ]
    inner = "".join(word + chance.choice(BLANKS) for word in words)
    return chance.choice(["", *BLANKS]) + inner


@pytest.mark.parametrize("seed", range(20))
def test_texts_that_a_model_cannot_tell_apart_are_one_example(seed):
    chance = random.Random(seed)
    texts = [f"{' '.join(chance.choices(WORDS, k=4))} {number}" for number in range(10)]
    rows = [(str(i), text, "positive") for i, text in enumerate(texts)]
    others = [(str(i), disguised(text, chance), "positive") for i, text in enumerate(texts)]
    keys = row_keys("sentiment", task_table("sentiment", "qu", rows))
    assert row_keys("sentiment", task_table("sentiment", "qu", others)) == keys and len(set(keys)) == 10


@pytest.mark.parametrize("seed", range(10))
def test_tokens_too(seed):
    chance = random.Random(seed)
    words = chance.choices(WORDS, k=5)
    mine = [disguised(word, chance) for word in words]
    mine.insert(chance.randrange(6), "\u200b")  # a token of nothing that shows
    rows = [("a", words, ["O"] * 5), ("b", mine, ["O"] * 6), ("c", words[:4], ["O"] * 4)]
    first, second, third = row_keys("ner", task_table("ner", "qu", rows))
    assert first == second != third


@pytest.mark.parametrize("other", ["Good.", "good", "good .", "ｇood.", "good\u2024", "gооd."])
def test_what_shows_makes_another_example(other):
    rows = [("a", "good.", "positive"), ("b", other, "positive")]
    assert len(set(row_keys("sentiment", task_table("sentiment", "qu", rows)))) == 2


def test_parts_are_compared_alike():
    rows = [("a", "It rains.", "Wet.", "neutral"), ("b", " It\u00a0rains.", "Dry.", "neutral")]
    assert shared_texts("nli", task_table("nli", "qu", rows)) == ["It rains."] * 2
    assert shared_texts("sentiment", task_table("sentiment", "qu", [("a", "x", "positive")])) is None
