"""Probabilities of labels: by hand, in float16, and never above that of the label that is predicted."""

import numpy as np
import torch

from pipeline.tasks import classes, ner
from pipeline.tasks.examples import Examples
from pipeline.tasks.probabilities import of_labels

LABELS = ["O", "B-PER", "I-PER"]


def examples(*positions: list[int]) -> Examples:
    count = len(positions)
    empty = [np.empty(0, np.int64)] * count
    return Examples(["x"] * count, ["xx"] * count, empty, empty, [np.array(p) for p in positions], gold=[None] * count)


def test_of_classes_by_hand():
    logits = torch.tensor([[0.0, 2.0**0.5, 0.0], [3.0, 1.0, 2.0]])
    found = of_labels(logits, examples([], []), [0, 1], LABELS)
    exact = np.exp(logits.double().numpy())
    np.testing.assert_allclose(found, exact / exact.sum(1, keepdims=True), rtol=1e-3)
    assert {part.dtype for part in found} == {np.dtype(np.float16)} and found[0].shape == (3,)


def test_of_words_by_their_first_sub_token_and_outside_without_one():
    logits = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    found = of_labels(logits, examples([1, 3], [2, -1, 1]), [1, 0], LABELS)  # rows in the batch's order
    exact = logits.softmax(-1).numpy()
    np.testing.assert_allclose(found[0], np.concatenate([exact[0, 2], [1, 0, 0], exact[0, 1]]), atol=1e-3)
    np.testing.assert_allclose(found[1], np.concatenate([exact[1, 1], exact[1, 3]]), atol=1e-3)


def test_no_label_is_above_the_predicted_one_even_where_float16_cannot_tell_them_apart():
    logits = torch.randn(500, 3, generator=torch.Generator().manual_seed(1)) * 1e-4  # most ties in float16
    rows, words = list(range(500)), examples(*[[0]] * 500)
    for decoded, found in (
        (classes.decode(logits, words, rows, LABELS), of_labels(logits, words, rows, LABELS)),
        (
            [tag for (tag,) in ner.decode(logits[:, None], words, rows, LABELS)],
            of_labels(logits[:, None], words, rows, LABELS),
        ),
    ):
        of_best = [part[LABELS.index(label)] for part, label in zip(found, decoded, strict=True)]
        assert of_best == [part.max() for part in found]
        assert any((part == part.max()).sum() > 1 for part in found), "no tie: the test shows nothing"
