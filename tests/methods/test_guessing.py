"""`majority` and `random`: what they guess is told by the target's training labels alone."""

from collections import Counter

import pytest
import torch

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import read_parquet
from pipeline.config import load as config
from pipeline.training.run import train_run
from tests import tiny
from tests.configs import changed

TRAINING = {key: tiny.TRAINING[key] for key in ("max_length", "precision", "batch_size")}


def run(kind, task="ner", **changes):
    """The gold and predicted labels of a whole run."""
    spec = {**tiny.spec(kind, task=task, sources=[]), "training": TRAINING, **changes}
    name = tiny.name_of(spec)
    train_run(name, spec, 1, False, 0.0)
    table = read_parquet(paths.predictions(name)).to_pydict()
    return table["gold"], table["predicted"]


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    tiny.make_task_world("nli", {"train": 40, "dev": 2, "test": 400})


def test_majority_is_the_most_frequent_class_of_the_target(world):
    labels = Counter(row[-1] for row in tiny.rows("nli", "beta", "train", 40))
    (most, times), *_ = labels.most_common()
    assert list(labels.values()).count(times) == 1
    _, predicted = run("majority", "nli")
    assert set(predicted) == {most}


def test_majority_counts_the_examples_that_the_run_is_given(world):
    """Of three examples by a seed that chooses otherwise than all forty are."""
    found = {run("majority", "nli", target_size=1, data_seed=seed)[1][0] for seed in range(6)}
    assert len(found) > 1


def test_random_has_the_training_examples_shares_and_changes_with_the_seed(world):
    shares = Counter(row[-1] for row in tiny.rows("nli", "beta", "train", 40))
    gold, predicted = run("random", "nli")
    counted = Counter(predicted)
    for label, times in shares.items():
        assert abs(counted[label] / 400 - times / 40) < 4 * (0.25 / 400) ** 0.5, "four standard deviations"
    assert 0.2 < sum(a == b for a, b in zip(gold, predicted, strict=True)) / 400 < 0.5
    assert run("random", "nli")[1] == predicted
    assert run("random", "nli", model_seed=2)[1] != predicted


def test_tags_are_guessed_word_by_word(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.make_world(tmp_path)
    gold, predicted = run("majority")
    assert {tag for tags in predicted for tag in tags} == {"O"}
    drawn = [tag for tags in run("random")[1] for tag in tags]
    assert len(drawn) == sum(map(len, gold))
    assert {"O", "B-PER"} <= set(drawn)


def test_answers_are_not_guessed():
    with pytest.raises(
        UserError, match=r"methods\[0\]: random guesses labels, and an answer of 'babel' \(qa\) is a place"
    ):
        config.parse(changed("datasets.babel.task=qa", "experiments.few.methods=[random]", "tables="))
