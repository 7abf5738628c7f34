"""The standing check of question answering: the labelled spans, scored as predictions, give exactly 1, or are counted."""

import random
from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from pipeline.data.schema import task_table
from pipeline.encoders.vocabulary import train_vocabulary
from pipeline.tasks import qa
from pipeline.tasks.qa_score import answer_outcome

TEXTS = {  # what an answer may be made of, with the words around it
    "en": ["the mill", "river bank", "1801", "(Oslo)", "over there"],
    "he": ["ירושלים", "העיר העתיקה", "תל אביב"],
    "ar": ["بغداد", "نهر دجلة", "مدينة"],
    "fa": ["کتاب\u200cها", "می\u200cروم خانه", "شهر"],
    "hi": ["भारत", "नई दिल्ली", "क्\u200dष"],
    "th": ["กรุงเทพ", "ที่ไหน", "บ้าน"],
    "zh": ["北京大学", "在河边", "学"],
    "vi": ["Hà Nội", "thành phố", "của tôi là"],
}
EDGES = ["", "\u200f", "\u202b", "\u200c", "\u200b", "\ufeff", "\u2067\u200e", "\u00ad", "\u0600"]


def byte_level() -> Tokenizer:
    """RoBERTa's kind: a token a byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({"<s>": 0, "</s>": 1, **{letter: i + 2 for i, letter in enumerate(alphabet)}}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.post_processor = processors.RobertaProcessing(("</s>", 1), ("<s>", 0), trim_offsets=False)
    return made


WORDS = [text for texts in TEXTS.values() for text in texts]
TOKENIZERS = {
    "byte level": byte_level(),
    **{name: train_vocabulary(WORDS * 8 + ["where ?"] * 8, name, 500) for name in ("bert", "xlm-roberta")},
}


def oracle(rows, language, made, max_length=120, longest=80):
    """Encode questions and score their own labels: outcomes of each, and what is counted."""
    examples = replace(qa.encode(task_table("qa", language, rows), made, [], max_length, 16), longest=longest)
    logits = torch.zeros(len(examples), max(map(len, examples.input_ids)), 2)
    for row, (start, end) in enumerate(examples.labels):
        if end:
            logits[row, start, 0] = logits[row, end, 1] = 10
    answers = qa.merge(examples, qa.decode(logits, examples, range(len(examples)), []))
    golds = [examples.gold[row] for row in examples.firsts]
    scores = [answer_outcome(text, g["answers"], language) for (text, _, _), g in zip(answers, golds, strict=True)]
    return scores, qa.unreachable(examples)


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("architecture", TOKENIZERS)
def test_invisible_characters_at_the_ends_are_neither_lost_nor_added(architecture, language):
    rows = []
    for text in TEXTS[language]:
        for before in EDGES:
            for after in ("", before, "\u200f"):
                for left, right in (("", ""), ("where ", ""), ("", " where"), ("where ", " where")):
                    context = f"{left}{before}{text}{after}{right}"
                    whole, bare = (before + text + after, len(left)), (text, len(left) + len(before))
                    for answer, start in {whole, bare}:
                        if answer.strip() == answer:
                            rows.append((str(len(rows)), "where ?", context, [answer], [start]))
    scores, counts = oracle(rows, language, TOKENIZERS[architecture])
    wrong = [(ascii(row[2:]), score) for row, score in zip(rows, scores, strict=True) if score != (1.0, 1.0)]
    assert not wrong and set(counts.values()) == {0}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("architecture", TOKENIZERS)
def test_what_cannot_be_predicted_is_counted(architecture, seed):
    """Whatever the answers are: parts of words, more than a window or than the longest answer, nothing by the score's rule."""
    rng = random.Random(seed)
    language = rng.choice(list(TEXTS))
    rows = []
    for number in range(60):
        words = rng.choices([*WORDS, *"aé😀", "the", "ال", "."], k=rng.randrange(1, 12))
        context = rng.choice(EDGES) + "".join(word + rng.choice([" ", "", *EDGES]) for word in words) + "end"
        answers = []
        for _ in range(rng.randrange(1, 4)):
            begin = rng.randrange(len(context) - 1)
            end = rng.randrange(begin + 1, min(len(context), begin + 40) + 1)
            answers.append((context[begin:end] if context[begin:end].strip() else "end", begin))
        answers = [(text, context.rindex("end") if text == "end" else begin) for text, begin in answers]
        rows.append((str(number), "where ?", context, *map(list, zip(*answers, strict=True))))
    scores, counts = oracle(rows, language, TOKENIZERS[architecture], max_length=30, longest=8)
    assert sum(score != (1.0, 1.0) for score in scores) >= sum(counts.values())
    alone, left = oracle(
        [(*row[:3], row[3][:1], row[4][:1]) for row in rows], language, TOKENIZERS[architecture], 30, 8
    )
    more = sum(score != (1.0, 1.0) for score in alone) - sum(left.values())
    # A window of bytes may begin inside of an answer's first letter: that it is not whole `truncated_words` counts.
    assert more == 0 or (architecture == "byte level" and 0 < more <= 2)


def test_each_reason_by_hand():
    made = TOKENIZERS["bert"]
    context = "the mill over there " * 3 + "river bank"
    rows = [
        ("long", "where ?", context, [context[4:59]], [4]),
        ("there", "where ?", context, ["over there"], [9]),
        ("inside", "where ?", context, ["iver"], [61]),
        ("article", "where ?", context, ["the"], [0]),
    ]
    assert oracle(rows, "en", made, longest=8)[1] == {"cut_off": 0, "too_long": 1, "inexact": 2}
    assert oracle(rows, "en", made, longest=40) == (
        [(1.0, 1.0), (1.0, 1.0), (0.0, 0.0), (0.0, 1.0)],
        {"cut_off": 0, "too_long": 0, "inexact": 2},
    )
    assert oracle(rows, "en", made, max_length=14, longest=8)[1] == {"cut_off": 1, "too_long": 0, "inexact": 2}
    either = [("inside", "where ?", context, ["iver", "over there"], [61, 9])]  # the second has a span of its own
    assert oracle(either, "en", made)[0] == [(1.0, 1.0)]
