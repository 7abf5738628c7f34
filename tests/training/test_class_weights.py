"""`class_weights: balanced`: the loss against PyTorch's own weighted mean, in every method's parts of it."""

import time
from collections import Counter

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from pipeline.common import paths
from pipeline.common.files import read_json
from pipeline.data.schema import LABELS
from pipeline.methods.contract import Phase, Pool, Stream
from pipeline.methods.parts import maml
from pipeline.methods.parts.episodes import draw_episode
from pipeline.tasks import classification, ner
from pipeline.tasks.examples import IGNORED, Examples, labelled, weighted
from pipeline.training.run import train_run
from pipeline.training.weights import absent_classes, balanced, label_counts
from tests import tiny
from tests.methods.auxiliaries import make_world, prepared, spec_of
from tests.methods.test_metaxl import loop_of

WEIGHTS = torch.tensor([0.5, 2.0, 7.0])


def test_weights_are_scikit_learns():
    labels = np.repeat([0, 1, 3], [5, 11, 2])
    expected = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=labels)
    found = balanced(torch.from_numpy(np.bincount(labels, minlength=5)))
    assert found[[0, 1, 3]].tolist() == pytest.approx(expected.tolist())
    assert found[[2, 4]].tolist() == [0.0, 0.0]


def test_labels_that_carry_loss_are_counted_in_each_pool_once():
    def examples(*labels):
        arrays = [np.array(one) for one in labels]
        return Examples([""] * len(labels), ["xx"] * len(labels), arrays, arrays, [])

    ours, theirs, dev = Pool("xx"), Pool("yy"), Pool("xx", "dev")
    pools = {ours: examples([0, IGNORED, 2], [0, 0]), theirs: examples([2]), dev: examples([1])}
    streams = {"a": Stream((ours,), 4), "b": Stream((ours, theirs), 4)}
    phase = Phase("one", streams, "a", 1, select_on=(dev,))
    assert label_counts(phase, pools, 4).tolist() == [3, 0, 2, 0], "no dev example, which is not trained on"
    assert label_counts(Phase("none", {}, 0, 0), pools, 2).tolist() == [0, 0]


def test_classes_without_an_example_are_named():
    assert absent_classes({"a": 1.0, "b": 0.0}).startswith("class_weights: no training example is b: no weight there")
    assert absent_classes({"a": 1.0}) is None


def test_the_loss_of_classes_and_of_tags_is_pytorchs_weighted_mean():
    torch.manual_seed(0)
    logits, labels = torch.randn(6, 3), torch.tensor([0, 2, 1, 0, 0, 2])
    batch = weighted({"labels": labels[:, None]}, WEIGHTS)
    torch.testing.assert_close(
        classification.loss(logits, batch), functional.cross_entropy(logits, labels, weight=WEIGHTS)
    )
    tags = torch.tensor([[0, IGNORED, 2], [1, 1, IGNORED]])
    batch = weighted({"labels": tags}, WEIGHTS)
    expected = functional.cross_entropy(logits, tags.flatten(), weight=WEIGHTS, ignore_index=IGNORED)
    torch.testing.assert_close(ner.loss(logits.reshape(2, 3, 3), batch), expected)
    assert float(labelled(batch)) == pytest.approx(0.5 + 7 + 2 + 2)
    empty = weighted({"labels": torch.full((2, 3), IGNORED)}, WEIGHTS)
    assert float(ner.loss(logits.reshape(2, 3, 3), empty)) == 0.0


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    make_world()


def test_a_run_weighs_by_its_own_training_examples(world):
    spec = tiny.spec("joint", training={"class_weights": "balanced", "epochs": 1, "select": "last"}, source_size=10)
    loop, phases = loop_of(spec)
    streams, _ = loop.prepare(phases[0])
    labels = np.concatenate([row for pool in loop.ingredients.pools.values() for row in pool.labels])
    counts = np.bincount(labels[labels >= 0], minlength=len(loop.labels))
    assert counts.sum() == int(loop.label_counts().sum()) and counts.tolist() == loop.label_counts().tolist()
    batch = streams.draw("source")
    kept = batch["labels"] != IGNORED
    assert torch.equal(batch["weights"][kept], balanced(torch.from_numpy(counts))[batch["labels"][kept]])
    assert not batch["weights"][~kept].any()
    plain, _ = loop_of({**spec, "training": {k: v for k, v in spec["training"].items() if k != "class_weights"}})
    other, _ = plain.prepare(phases[0])
    assert "weights" not in other.draw("source")


def test_mamls_support_in_parts_is_the_weighted_mean_of_the_whole(world):
    loop, streams = prepared(spec_of("x_maml", {"class_weights": "balanced", "batch_size": 6}), dropout=False)
    support, _ = draw_episode(loop, streams.draw, 0)
    named = [name for name, _ in loop.model.named_parameters()]
    theta = tuple(loop.model.parameters())
    parts = sum(part(theta, ()) for part in maml.support_parts(loop, support, named, maml.PARTS))
    torch.testing.assert_close(parts, loop.loss(support))


@pytest.mark.parametrize("way", ["fast", "lean"])
def test_metaxl_differentiates_the_weighted_loss(world, way):
    """A step of both ways moves φ alike."""
    training = {"class_weights": "balanced", "optimizer": "sgd", "epochs": 1, "select": "last", "warmup": 0.0}
    moved = []
    for chosen in (way, "fast"):
        spec = tiny.spec("metaxl", method={"variant": "paper", "way": chosen, "meta_lr": 0.1}, training=training)
        loop, phases = loop_of(spec)
        streams, _ = loop.prepare(phases[0])
        loop.set_training(False)
        moved.append(loop.ingredients.method.step(loop, streams.draw)["phi_gradient_norm"])
    assert moved[0] > 0
    torch.testing.assert_close(*moved, rtol=1e-4, atol=1e-9)


def weights_of(kind, task, **changes):
    """What `run.json` says that labels weigh, by phase."""
    training = {"epochs": 1, "class_weights": "balanced", "max_length": 20}
    spec = tiny.spec(kind, task=task, training=training, **changes)
    name = tiny.name_of(spec)
    train_run(name, spec, 1, False, time.monotonic())
    return read_json(paths.run_record(name))["class_weights"]


def test_a_run_says_what_labels_weighed_in_each_phase(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tiny.make_task_world("relevance", {"train": 21, "dev": 8, "test": 6})
    rows = {language: tiny.rows("relevance", language, "train", 21) for language in ("alpha", "beta")}

    def expected(*languages):
        counts = Counter(row[-1] for language in languages for row in rows[language])
        return pytest.approx({label: counts.total() / (2 * counts[label]) for label in LABELS["relevance"]})

    assert [*weights_of("joint", "relevance").values()] == [expected("alpha", "beta")]
    assert [*weights_of("reptile_fine_tune", "relevance").values()] == [expected("alpha"), expected("beta")]
    assert "class_weights" not in capsys.readouterr().err
    (one,) = weights_of("target_only", "relevance", target_size=1).values()
    assert sorted(one.values()) == [0, 1]
    assert "class_weights: no training example is " in capsys.readouterr().err


def test_tags_are_weighed_by_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.make_world(tmp_path)
    (found,) = weights_of("target_only", "ner").values()
    tags = Counter(tag for _, _, tags in tiny.sentences("beta", "train", 40) for tag in tags)
    assert found == pytest.approx({t: tags.total() / (len(tags) * tags[t]) if t in tags else 0 for t in found})
    assert set(found) == set(LABELS["ner"]) and found["O"] < found["B-PER"]
