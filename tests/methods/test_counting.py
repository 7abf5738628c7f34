"""`majority` and `random`: what is predicted, of whose examples, and what config and grid make of them."""

import time
from collections import Counter
from types import SimpleNamespace

import pytest
import torch

from pipeline.common import paths
from pipeline.common.files import read_json, read_parquet
from pipeline.config.load import parse
from pipeline.encoders import load
from pipeline.grid.runs import reads
from pipeline.methods.majority import logits
from pipeline.training.run import train_run
from tests import tiny
from tests.configs import changed, errors, grid

ONE = ("tables=", "experiments.few.methods=[{}]")
COUNTS = {"train": 40, "dev": 8, "test": 60}


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """By task: a folder with its data and an encoder."""
    made = {}

    def world(task):
        if task not in made:
            made[task] = tmp_path_factory.mktemp(task)
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(made[task])
                tiny.make_task_world(task, COUNTS)
        return made[task]

    return world


def predictions(kind, task, of="target", **changes):
    keep = ("max_length", "precision", "batch_size")
    spec = tiny.spec(kind, task=task, method={"of": of}, sources=["alpha"] if of == "source" else [], **changes)
    spec["training"] = {key: spec["training"][key] for key in keep}
    name = tiny.name_of(spec)
    train_run(name, spec, 1, False, time.monotonic())
    return read_parquet(paths.predictions(name))["predicted"].to_pylist()


def labels(task, language):
    rows = tiny.rows(task, language, "train", 40)
    return [tag for row in rows for tag in row[-1]] if task == "ner" else [row[-1] for row in rows]


@pytest.mark.parametrize("of", ["target", "source"])
def test_majority_predicts_the_most_frequent_class_of_those_counted(worlds, monkeypatch, of):
    monkeypatch.chdir(worlds("classification"))
    counts = Counter(labels("classification", "beta" if of == "target" else "alpha"))
    assert predictions("majority", "classification", of) == [counts.most_common(1)[0][0]] * 60


def test_majority_finds_no_entity(worlds, monkeypatch):
    monkeypatch.chdir(worlds("ner"))
    assert {tag for tags in predictions("majority", "ner") for tag in tags} == {"O"}


def test_random_draws_labels_as_often_as_they_were_counted_by_its_seed(worlds, monkeypatch):
    for task, tolerance in (("classification", 0.15), ("ner", 0.08)):
        monkeypatch.chdir(worlds(task))
        found = predictions("random", task)
        assert found == predictions("random", task) != predictions("random", task, model_seed=2)
        drawn = Counter([tag for tags in found for tag in tags] if task == "ner" else found)
        counted = Counter(labels(task, "beta"))
        assert set(drawn) <= set(counted), "nothing is drawn that was not there"
        for label, n in counted.items():
            assert drawn[label] / drawn.total() == pytest.approx(n / counted.total(), abs=tolerance)


def test_random_answers_are_spans_of_their_contexts(worlds, monkeypatch):
    monkeypatch.chdir(worlds("qa"))
    found = predictions("random", "qa")
    rows = tiny.rows("qa", "beta", "test", 60)
    assert all(answer in row[2] for answer, row in zip(found, rows, strict=True)) and len(set(found)) > 30


def test_nothing_is_called_trainable(worlds, monkeypatch):
    monkeypatch.chdir(worlds("classification"))
    predictions("majority", "classification", model_seed=9)
    (record,) = [
        found for path in paths.RESULTS.glob("runs/*/run.json") if (found := read_json(path))["spec"]["model_seed"] == 9
    ]
    assert record["trainable"] == 0 < record["parameters"]


def test_the_encoder_reads_nothing(worlds, monkeypatch):
    monkeypatch.chdir(worlds("classification"))
    model = load.load_encoder(paths.encoder_dir(tiny.ENCODER)).model
    monkeypatch.setattr(type(model), "forward", lambda *_, **__: pytest.fail("the encoder was run"))
    assert len(predictions("random", "classification", model_seed=7)) == 60


def test_logits_are_the_shares_of_the_classes():
    trainer = SimpleNamespace(label_counts=lambda: torch.tensor([3, 0, 1]), device=torch.device("cpu"))
    assert logits(trainer, (2, 5, 3)).exp().sum((0, 1)).tolist() == pytest.approx([7.5, 0, 2.5])


# ------------------------------------------------------------------------------------------------------ config and grid


@pytest.mark.parametrize("kind", ["majority", "random"])
def test_what_is_counted_is_what_a_run_reads(kind):
    alone = (ONE[0], ONE[1].format(kind))
    (ours, *_) = grid(*alone).runs.values()
    assert reads(ours.spec) == [("nearish", "train", False), ("nearish", "test", False)]
    assert ours.spec["sources"] == [] and ours.spec["target_size"] == 50
    assert set(ours.spec["training"]) == {"max_length", "precision", "batch_size"}
    (theirs, *_) = grid(*alone, f"methods.{kind}.of=source").runs.values()
    assert reads(theirs.spec) == [("hubbish", "train", True), ("nearish", "test", False)]
    assert theirs.spec["target_size"] is None
    assert parse(changed(*alone, "experiments.few.sources=[]"))
    (said,) = errors(*alone, f"methods.{kind}.of=source", "experiments.few.sources=[]")
    assert said == f"experiments.few.methods[0]: {kind} needs source languages, and the experiment's sources are empty"


def test_a_target_without_training_data_has_the_sources_counted():
    alone = (
        *(
            "tables=",
            "experiments.few.methods=[random]",
            "experiments.few.dataset=xnli",
            "experiments.few.encoder=mbert",
        ),
        "datasets.xnli={loader: xnli, sources: [archive]}",
        *("datasets.multinli={loader: multinli, sources: [archive]}", "experiments.few.source_dataset=multinli"),
        *("experiments.few.sources=[en]", "experiments.few.targets=[de]"),
    )
    (said,) = errors(*alone)
    assert said.endswith("; count the sources' instead: methods.random.of: source") and "trains on train data" in said
    assert parse(changed(*alone, "methods.random.of=source"))


def test_questions_have_no_majority():
    alone = ("tables=", "datasets.babel.task=qa", "experiments.few.methods=[random, majority]")
    (said,) = errors(*alone)
    assert said == (
        "experiments.few.methods[1]: majority predicts the most frequent class, and qa has no classes; take random, which "
        "draws spans"
    )
