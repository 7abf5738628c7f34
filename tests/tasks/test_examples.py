"""Examples and batches: rows and whole examples taken, windows kept together, padding by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.common.errors import UserError
from pipeline.tasks.examples import IGNORED, Examples, collate, concatenate, pad

EMPTY = np.empty(0, dtype=np.int64)


def single(name: str, count: int, language: str = "xx", typed: bool = False) -> Examples:
    """Row i: sub-tokens [i, i, …] of length i + 1, class i % 2."""
    ids = [np.full(i + 1, i) for i in range(count)]
    return Examples(
        ids=[f"{name}{i}" for i in range(count)],
        languages=[language] * count,
        input_ids=ids,
        labels=[np.array([i % 2]) for i in range(count)],
        positions=[EMPTY] * count,
        classes=np.arange(count) % 2,
        gold=[f"gold {name}{i}" for i in range(count)],
        truncated_words=count,
        types=[np.minimum(np.arange(i + 1), 1) for i in range(count)] if typed else [],
    )


def windowed(name: str, sizes: list[int]) -> Examples:
    """Example n has `sizes[n]` windows; window w of it holds the sub-tokens [n, w]."""
    places = [(n, w) for n, size in enumerate(sizes) for w in range(size)]
    return Examples(
        ids=[f"{name}{n}" for n, _ in places],
        languages=["xx"] * len(places),
        input_ids=[np.array(place) for place in places],
        labels=[np.array([w, w]) for _, w in places],
        positions=[np.array([[n, w]]) for n, w in places],
        gold=[{"context": f"{name}{n}"} for n, _ in places],
        groups=np.array([n for n, _ in places], dtype=np.int64),
    )


def plain(examples: Examples) -> dict[str, list]:
    """Every field as lists."""
    arrays = ("input_ids", "labels", "positions", "types")
    return {
        **{name: [a.tolist() for a in getattr(examples, name)] for name in arrays},
        **{name: list(getattr(examples, name)) for name in ("ids", "languages", "gold")},
        "classes": examples.classes.tolist(),
        "groups": examples.groups.tolist(),
    }


def test_rows_are_taken_in_the_order_asked_for():
    taken = single("a", 4, typed=True).take([3, 1])
    assert plain(taken) == {
        "input_ids": [[3, 3, 3, 3], [1, 1]],
        "labels": [[1], [1]],
        "positions": [[], []],
        "types": [[0, 1, 1, 1], [0, 1]],
        "ids": ["a3", "a1"],
        "languages": ["xx", "xx"],
        "gold": ["gold a3", "gold a1"],
        "classes": [1, 1],
        "groups": [],
    }
    assert len(taken) == 2 and taken.lengths.tolist() == [4, 2] and taken.firsts.tolist() == [0, 1]
    assert [a.tolist() for a in taken.input_ids[1:]] == [[1, 1]]
    with pytest.raises(IndexError):
        taken.gold[2]


def test_taking_copies_nothing_until_a_row_is_asked_for():
    class Counting(list):
        asked = 0

        def __getitem__(self, row):
            Counting.asked += 1
            return super().__getitem__(row)

    examples = windowed("a", [2, 1])
    counted = Examples(**{**vars(examples), "gold": Counting(examples.gold)})
    taken = counted.take_examples(np.array([1, 0]))
    again = taken.take_examples(np.array([1]))
    assert Counting.asked == 0
    assert again.gold[0] == {"context": "a0"} and Counting.asked == 1


def test_whole_examples_are_taken_with_all_their_windows():
    taken = windowed("a", [2, 1, 3]).take_examples(np.array([2, 0]))
    assert taken.ids == ["a2", "a2", "a2", "a0", "a0"]
    assert [ids.tolist() for ids in taken.input_ids] == [[2, 0], [2, 1], [2, 2], [0, 0], [0, 1]]
    assert taken.groups.tolist() == [0, 0, 0, 1, 1]
    assert taken.firsts.tolist() == [0, 3]
    assert [taken.gold[row]["context"] for row in taken.firsts] == ["a2", "a0"]
    single_rows = single("a", 3).take_examples(np.array([2, 0]))
    assert single_rows.ids == ["a2", "a0"] and not len(single_rows.groups)


@settings(deadline=None)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=6), st.data())
def test_taken_examples_can_be_taken_from_again(sizes, data):
    order = data.draw(st.permutations(range(len(sizes))))
    again = data.draw(st.lists(st.integers(0, len(sizes) - 1), unique=True))
    taken = windowed("a", sizes).take_examples(np.array(order)).take_examples(np.array(again, dtype=np.int64))
    expected = [[order[n], w] for n in again for w in range(sizes[order[n]])]
    assert [ids.tolist() for ids in taken.input_ids] == expected
    assert taken.groups.tolist() == [i for i, n in enumerate(again) for _ in range(sizes[order[n]])]
    assert len(taken.firsts) == len(again)


def test_firsts_are_where_examples_begin():
    assert windowed("a", [1, 3, 2]).firsts.tolist() == [0, 1, 4]
    assert single("a", 3).firsts.tolist() == [0, 1, 2]
    assert single("a", 0).firsts.tolist() == []
    assert windowed("a", []).firsts.tolist() == []
    later = windowed("a", [1, 3, 2]).take(np.array([1, 2, 3, 4]))  # of examples 1 and 2
    assert later.firsts.tolist() == [0, 3]


def test_parts_stand_one_after_the_other():
    whole = concatenate([single("a", 2, "xx", True), single("b", 0), single("c", 3, "yy", True)])
    assert whole.ids == ["a0", "a1", "c0", "c1", "c2"]
    assert whole.languages == ["xx"] * 2 + ["yy"] * 3
    assert [ids.tolist() for ids in whole.input_ids] == [[0], [1, 1], [0], [1, 1], [2, 2, 2]]
    assert [types.tolist() for types in whole.types] == [[0], [0, 1], [0], [0, 1], [0, 1, 1]]
    assert whole.classes.tolist() == [0, 1, 0, 1, 0]
    assert whole.gold == ["gold a0", "gold a1", "gold c0", "gold c1", "gold c2"]
    assert whole.truncated_words == 5


def test_groups_of_parts_are_numbered_on():
    parts = [windowed("a", [2, 1]), windowed("b", [1, 2]).take_examples(np.array([1, 0])), windowed("c", [2])]
    whole = concatenate(parts)
    assert whole.groups.tolist() == [0, 0, 1, 2, 2, 3, 4, 4]
    assert whole.ids == ["a0", "a0", "a1", "b1", "b1", "b0", "c0", "c0"]
    assert whole.firsts.tolist() == [0, 2, 3, 5, 6]
    assert whole.take_examples(np.array([2])).ids == ["b1", "b1"]


def test_one_part_is_itself_and_none_is_refused():
    only = windowed("a", [2])
    assert concatenate([windowed("b", []), only]) is only
    with pytest.raises(UserError, match="no training example: every selected split is empty"):
        concatenate([single("a", 0), single("b", 0)])


def test_batches_are_padded_on_the_right():
    assert pad([np.array([1, 2, 3]), np.array([4])], 9).tolist() == [[1, 2, 3], [4, 9, 9]]
    examples = concatenate([single("a", 3, "xx", True), single("b", 1, "yy", True)])
    batch = collate(examples, np.array([2, 3]), 7, ["yy", "xx"])
    assert {key: value.tolist() for key, value in batch.items()} == {
        "input_ids": [[2, 2, 2], [0, 7, 7]],
        "attention_mask": [[1, 1, 1], [1, 0, 0]],
        "token_type_ids": [[0, 1, 1], [0, 0, 0]],
        "labels": [[0], [0]],
        "row": [2, 3],
        "example": [2, 3],
        "language": [1, 0],
        "lengths": [3, 1],
    }
    assert "token_type_ids" not in collate(single("a", 2), np.array([0]), 7, ["xx"])


def test_windows_of_an_example_say_so_in_a_batch():
    """Across languages as well, whose examples are numbered on."""
    both = concatenate([windowed("a", [1, 3]), windowed("b", [2])])
    assert collate(both, np.array([5, 1, 3, 0, 4]), 0, ["xx"])["example"].tolist() == [2, 1, 1, 0, 2]


def test_labels_of_sub_tokens_are_padded_with_what_carries_no_loss():
    tagged = Examples(
        ["1", "2"], ["xx"] * 2, [np.arange(3), np.arange(1)], [np.array([0, 1, 2]), np.array([3])], [EMPTY] * 2
    )
    assert collate(tagged, np.array([0, 1]), 0, ["xx"])["labels"].tolist() == [[0, 1, 2], [3, IGNORED, IGNORED]]
