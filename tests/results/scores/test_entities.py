"""Entities of whole columns are those of each sentence alone."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.results.scores import entities
from pipeline.results.scores.entities import count_entities
from pipeline.tasks.ner_score import sentence_outcomes

TAGS = st.sampled_from(["O", "O", "B-PER", "I-PER", "B-LOC", "I-LOC", "B-a", "I-Z-z"])
SENTENCES = st.lists(
    st.integers(0, 6).flatmap(lambda n: st.tuples(*[st.lists(TAGS, min_size=n, max_size=n)] * 2)), max_size=9
)
LISTS = pa.list_(pa.string())


def one_by_one(sentences):
    return [
        (number, *key, tuple(counts))
        for number, pair in enumerate(sentences)
        for key, counts in sentence_outcomes(*pair).items()
    ]


def at_once(sentences):
    found = count_entities(*(pa.array([pair[side] for pair in sentences], LISTS) for side in (0, 1)))
    return list(zip(found.sentence, found.scheme, found.kind, map(tuple, found.counts), strict=True))


@pytest.mark.parametrize("held", [2, 16_384])
@settings(deadline=None, max_examples=150)
@given(sentences=SENTENCES)
def test_rows_and_counts_are_those_of_the_sentences_in_their_order(held, sentences):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entities, "AT_ONCE", held)
        assert at_once(sentences) == one_by_one(sentences)


def test_by_hand():
    gold, said = ["B-PER", "I-PER", "O", "I-LOC"], ["B-PER", "B-PER", "O", "I-LOC"]
    assert at_once([([], []), (gold, said)]) == [
        (0, "strict", "all", (0, 0, 0)),
        (0, "lenient", "all", (0, 0, 0)),
        (1, "strict", "all", (0, 2, 1)),  # LOC is opened by no B-
        (1, "strict", "PER", (0, 2, 1)),
        (1, "lenient", "all", (1, 2, 1)),
        (1, "lenient", "LOC", (1, 0, 0)),
        (1, "lenient", "PER", (0, 2, 1)),
    ]


def test_a_slice_of_a_column_is_counted_as_it_is():
    pairs = [(["B-PER"], ["O"]), (["O", "B-LOC"], ["O", "B-LOC"]), (["I-PER"], ["B-PER"])]
    gold, said = (pa.array([pair[side] for pair in pairs], LISTS)[1:] for side in (0, 1))
    found = count_entities(gold, said)
    assert [tuple(counts) for counts in found.counts[:2]] == [(1, 0, 0), (1, 0, 0)]


@pytest.mark.parametrize("gold", [[["O"], None], [["O"], ["O", "O"]], [["O"], [None]]])
def test_what_cannot_be_compared_is_left_to_the_caller(gold):
    assert count_entities(pa.array(gold, LISTS), pa.array([["O"], ["O"]], LISTS)) is None


def test_a_tag_that_is_not_iob2_is_refused():
    with pytest.raises(UserError, match="tag 'X' is not IOB2"):
        count_entities(pa.array([["O"]], LISTS), pa.array([["X"]], LISTS))
