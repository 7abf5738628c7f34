import random
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import classification_report
from seqeval.metrics.v1 import classification_report as strict_report
from seqeval.scheme import IOB2

from pipeline.common.errors import UserError
from pipeline.tasks.ner_score import Counts, add_counts, entities, entity_f1, score_sentences, sentence_outcomes

TAGS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]


def test_entities_ends_are_exclusive_and_only_b_opens_a_strict_one():
    #       0        1        2    3        4        5        6
    tags = ["B-PER", "I-PER", "O", "I-LOC", "I-ORG", "I-ORG", "B-ORG"]
    assert entities(tags) == [
        ("PER", 0, 2, True),
        ("LOC", 3, 4, False),
        ("ORG", 4, 6, False),
        ("ORG", 6, 7, True),
    ]


def test_sentence_outcomes_by_hand():
    gold = ["B-PER", "I-PER", "O", "B-LOC", "O", "B-ORG"]
    predicted = ["B-PER", "I-PER", "O", "I-LOC", "O", "B-LOC"]
    outcomes = sentence_outcomes(gold, predicted)
    # strict: gold {PER 0-2, LOC 3-4, ORG 5-6}, predicted {PER 0-2, LOC 5-6}; the I-LOC at 3 opens nothing.
    assert outcomes["strict", "all"] == Counts(tp=1, fp=1, fn=2)
    assert outcomes["strict", "PER"] == Counts(1, 0, 0)
    assert outcomes["strict", "LOC"] == Counts(0, 1, 1)
    assert outcomes["strict", "ORG"] == Counts(0, 0, 1)
    # lenient: predicted gains LOC 3-4, which is right.
    assert outcomes["lenient", "all"] == Counts(2, 1, 1)
    assert outcomes["lenient", "LOC"] == Counts(1, 1, 0)


def test_a_wrong_boundary_is_one_invented_and_one_missed():
    assert sentence_outcomes(["B-PER", "I-PER"], ["B-PER", "O"])["strict", "all"] == Counts(0, 1, 1)


def test_score_sentences_is_micro_over_sentences():
    gold = [["B-PER", "O"], ["B-LOC", "B-LOC"], ["O", "O"]]
    predicted = [["B-PER", "O"], ["B-LOC", "O"], ["B-ORG", "O"]]
    # tp 2 (PER, LOC), fp 1 (ORG), fn 1 (LOC): precision 2/3, recall 2/3, F1 = 2*2 / (2*2 + 1 + 1) = 4/6
    scores = score_sentences(gold, predicted)
    assert scores["entity_precision_strict"] == pytest.approx(2 / 3)
    assert scores["entity_recall_strict"] == pytest.approx(2 / 3)
    assert scores["entity_f1_strict"] == pytest.approx(4 / 6)
    assert scores["entity_f1_strict_LOC"] == pytest.approx(2 / 3)  # tp 1, fn 1: 2 / (2 + 0 + 1)
    assert scores["entity_f1_lenient_ORG"] == 0.0


def test_nothing_to_find_scores_zero_like_seqeval():
    assert score_sentences([["O", "O"]], [["O", "O"]])["entity_f1_strict"] == 0.0
    assert entity_f1(0, 3, 0) == (0.0, 0.0, 0.0)
    assert score_sentences([], [])["entity_f1_strict"] == 0.0


sentences = st.lists(
    st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=12), min_size=1, max_size=6
)


@pytest.mark.filterwarnings("ignore")
@settings(deadline=None, max_examples=300)
@given(sentences)
def test_equals_seqeval(pairs):
    gold = [[g for g, _ in sentence] for sentence in pairs]
    predicted = [[p for _, p in sentence] for sentence in pairs]
    scores = score_sentences(gold, predicted)
    for scheme, options in (("strict", {"mode": "strict", "scheme": IOB2}), ("lenient", {})):
        for name, function in (("f1", f1_score), ("precision", precision_score), ("recall", recall_score)):
            assert scores[f"entity_{name}_{scheme}"] == pytest.approx(function(gold, predicted, **options))
    totals = add_counts(sentence_outcomes(g, p) for g, p in zip(gold, predicted, strict=True))
    reports = {
        "lenient": classification_report(gold, predicted, output_dict=True),
        "strict": strict_report(gold, predicted, output_dict=True, scheme=IOB2),
    }
    for scheme, report in reports.items():
        kinds = {kind for kind in report if not kind.endswith("avg")}
        assert kinds == {kind for s, kind in totals if s == scheme} - {"all"}
        for kind in kinds:
            assert scores[f"entity_f1_{scheme}_{kind}"] == pytest.approx(report[kind]["f1-score"])
            assert totals[scheme, kind].tp + totals[scheme, kind].fn == report[kind]["support"]


@pytest.mark.parametrize("tag", ["PER", "E-PER", "B-", "B", "", "OPER", "B-all", "O-PER"])
def test_a_tag_that_is_not_iob2_is_refused(tag):
    with pytest.raises(UserError, match="is not IOB2"):
        entities(["O", tag])


def test_lengths_must_agree():
    with pytest.raises(UserError, match="2 gold tags but 1 predicted"):
        sentence_outcomes(["O", "O"], ["O"])
    with pytest.raises(UserError, match="1 gold sentences but 0"):
        score_sentences([["O"]], [])


def test_fast_enough_to_choose_epochs():
    draw = random.Random(0)
    gold = [[draw.choice(TAGS) for _ in range(12)] for _ in range(10_000)]
    started = time.process_time()
    score_sentences(gold, gold[::-1])
    assert time.process_time() - started < 2


def test_imports_no_torch():
    code = "import sys, pipeline.tasks.ner_score; assert not {'torch', 'transformers', 'seqeval'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
