"""`class_weights`: by hand, in the loss of every task against PyTorch's own in float64, in whole runs."""

import time
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from pipeline.common import paths
from pipeline.common.files import read_json
from pipeline.data.schema import LABELS
from pipeline.methods.contract import Phase, Pool, Stream
from pipeline.methods.parts import maml
from pipeline.tasks import classes, ner
from pipeline.tasks.examples import IGNORED, Examples, labelled
from pipeline.training.run import train_run
from pipeline.training.weights import absent_classes, balanced, count_labels, label_counts
from tests import tiny

WEIGHTS = torch.tensor([0.25, 2.0, 0.0, 5.0])


def examples(*labels):
    arrays = [np.array(one) for one in labels]
    return Examples([""] * len(labels), ["xx"] * len(labels), arrays, arrays, [])


def reference(logits, labels):
    """PyTorch's weighted mean in float64."""
    return functional.cross_entropy(logits.double(), labels, WEIGHTS.double(), ignore_index=IGNORED).item()


def test_labels_that_carry_loss_are_counted_in_each_pool_once():
    ours, theirs = Pool("xx"), Pool("yy")
    pools = {ours: examples([0, IGNORED, 2], [0, 0]), theirs: examples([2]), Pool("xx", "dev"): examples([1])}
    phases = [
        Phase("one", {"a": Stream((ours,), 4), "b": Stream((ours, theirs), 4)}, "a", 1, select_on=(Pool("xx", "dev"),)),
        Phase("two", {"a": Stream((theirs,), 4)}, "a", 1),
    ]
    assert label_counts(phases, pools, 4).tolist() == [3, 0, 2, 0], "no dev example, which is not trained on"
    assert count_labels([], 2).tolist() == [0, 0]


def test_every_class_has_the_same_share_and_an_example_weighs_one_on_average():
    counts = np.array([90, 0, 9, 1])
    weights = balanced(counts)
    assert weights.tolist() == pytest.approx([100 / 270, 0, 100 / 27, 100 / 3])
    assert (weights * counts).tolist() == pytest.approx([100 / 3, 0, 100 / 3, 100 / 3])
    assert absent_classes(weights, ["a", "b", "c", "d"]).startswith(
        "class_weights: no training example is b: no weight"
    )
    assert absent_classes(weights[:1], ["a"]) is None


def test_the_loss_of_classes_is_pytorchs_weighted_mean():
    logits = torch.randn(6, 4)
    labels = torch.tensor([0, 1, 3, 3, 0, 1])
    found = classes.loss(logits, {"labels": labels[:, None]}, WEIGHTS).item()
    assert found == pytest.approx(reference(logits, labels), rel=1e-6)
    assert classes.loss(logits, {"labels": labels[:, None]}).item() != pytest.approx(found)


def test_the_loss_of_words_is_pytorchs_weighted_mean_also_where_all_weigh_little():
    logits = torch.randn(2, 3, 4)
    for rows in ([[0, IGNORED, 3], [1, 2, IGNORED]], [[0, IGNORED, IGNORED], [IGNORED] * 3]):
        labels = torch.tensor(rows)
        found = ner.loss(logits, {"labels": labels}, WEIGHTS).item()
        assert found == pytest.approx(reference(logits.flatten(0, 1), labels.flatten()), rel=1e-6)
    nothing = {"labels": torch.full((2, 3), IGNORED)}
    assert ner.loss(logits, nothing, WEIGHTS).item() == 0 == labelled(nothing, WEIGHTS).item()


@pytest.mark.parametrize("task", [classes, ner])
def test_a_loss_in_parts_is_the_loss_of_the_whole(monkeypatch, task):
    """MAML's lean way reads a support set in parts, which weigh as much as their labels do."""
    labels = torch.tensor([[0], [3], [1], [0], [3], [0], [1]])
    if task is ner:
        labels = torch.cat([labels, labels.flip(0), torch.full_like(labels, IGNORED)], 1)
    logits = torch.randn(*labels.shape, 4).squeeze(1)
    batch = {"labels": labels, "row": torch.arange(7)}
    trainer = SimpleNamespace(
        class_weights=WEIGHTS, loss=lambda part, given: task.loss(logits[part["row"]], part, WEIGHTS)
    )
    parts = maml.support_parts(trainer, batch, [])
    assert len(parts) == maml.PARTS > 1
    total = sum(part((), ()) for part in parts)
    assert total.item() == pytest.approx(task.loss(logits, batch, WEIGHTS).item(), rel=1e-6)


def trained(kind, task, **changes):
    spec = tiny.spec(kind, task=task, training={"epochs": 1, "class_weights": "balanced", "max_length": 20}, **changes)
    name = tiny.name_of(spec)
    train_run(name, spec, 1, False, time.monotonic())
    return read_json(paths.run_record(name))


def test_a_run_weighs_its_own_training_examples_and_says_how(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tiny.make_task_world("relevance", {"train": 21, "dev": 8, "test": 6})
    rows = [row for language in ("alpha", "beta") for row in tiny.rows("relevance", language, "train", 21)]
    counts = Counter(row[-1] for row in rows)
    expected = {label: 42 / (2 * counts[label]) for label in LABELS["relevance"]}
    assert trained("joint", "relevance")["class_weights"] == pytest.approx(expected)
    small = {"variant": "released", "bottleneck": 4}
    assert trained("metaxl", "relevance", method=small)["class_weights"] == pytest.approx(expected)
    assert "class_weights" not in capsys.readouterr().err
    one = trained("target_only", "relevance", target_size=1)
    assert sorted(one["class_weights"].values()) == [0, 1]
    assert "warning: class_weights: no training example is " in capsys.readouterr().err


def test_tags_are_weighed_by_words_and_words_cut_off_do_not_count(world):
    found = trained("target_only", "ner")["class_weights"]
    tags = Counter(tag for _, _, tags in tiny.sentences("beta", "train", 40) for tag in tags)
    assert found == pytest.approx({t: sum(tags.values()) / (len(tags) * tags[t]) if t in tags else 0 for t in found})
    assert set(found) == set(LABELS["ner"]) and found["O"] < found["B-PER"] and found["I-PER"] == 0
