"""Whole runs of every method on the tiny dataset: outputs, parents, resumption, divergence, bad input."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from seqeval.metrics import classification_report
from seqeval.scheme import IOB2

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json, read_parquet, sha256_file
from pipeline.common.integrity import write_sealed
from pipeline.methods import build_method
from pipeline.methods.contract import Setting
from pipeline.tasks.ner_score import score_sentences
from pipeline.training import loop as loop_module
from pipeline.training.checkpoint import Checkpoints
from pipeline.training.data import setting_of
from pipeline.training.run import assemble, train_run
from tests import tiny


def train(spec, keep_model=False):
    name = tiny.name_of(spec)
    train_run(name, spec, 1, keep_model, time.monotonic())
    return name


def record(name):
    return json.loads(paths.run_record(name).read_text())


def lines(name):
    return [json.loads(line) for line in paths.history(name).read_text().splitlines()]


def test_joint_run_writes_everything_and_learns(world):
    spec = tiny.spec("joint", training={"epochs": 8})
    name = train(spec)
    table = read_parquet(paths.predictions(name))
    assert table.num_rows == 12
    assert table["gold"].to_pylist() == [tags for _, _, tags in tiny.sentences("beta", "test", 12)]
    scores = score_sentences(table["gold"].to_pylist(), table["predicted"].to_pylist())
    assert scores["entity_f1_strict"] > 0.8  # each word alone tells its tag
    done = record(name)
    assert done["spec"] == spec
    assert done["predictions"] == sha256_file(paths.predictions(name))
    assert done["selection"]["languages"] == ["beta"]
    assert done["selection"]["value"] == max(line["dev_score"] for line in lines(name))
    assert done["best_epoch"] == 1 + int(np.argmax([line["dev_score"] for line in lines(name)]))
    assert [line["epoch"] for line in lines(name)] == list(range(1, 9))
    assert set(lines(name)[0]["losses"]) == {"loss", "source_loss", "target_loss"}
    assert {str(p) for p in paths.run_dir(name).iterdir()} == {
        str(path(name)) for path in (paths.predictions, paths.run_record, paths.history, paths.steps)
    }, "no model without a child, no checkpoint of a finished run"
    assert done["data"].keys() == {
        str(paths.split(tiny.DATASET, *part))
        for part in (("alpha", "train"), ("beta", "train"), ("beta", "dev"), ("beta", "test"))
    }


def test_same_spec_same_bits(world):
    spec = tiny.spec("target_only")
    first = train(spec)
    bytes_before = paths.predictions(first).read_bytes()
    losses = [line["losses"] for line in lines(first)]
    paths.predictions(first).unlink()
    train(spec)
    assert paths.predictions(first).read_bytes() == bytes_before
    assert [line["losses"] for line in lines(first)] == losses
    other = train(tiny.spec("target_only", model_seed=2))
    assert [line["losses"] for line in lines(other)] != losses


def test_children_start_from_their_parent(world):
    parent_spec = tiny.spec("source_only", targets=[], evaluate=[])
    parent = train(parent_spec, keep_model=True)
    assert read_parquet(paths.predictions(parent)).num_rows == 0
    assert record(parent)["selection"]["languages"] == ["alpha"]

    kept = {"max_length": 32, "precision": "auto", "batch_size": 8}
    zero = train({**tiny.spec("zero_shot", parent=parent), "training": kept})
    assert record(zero)["epochs"] == 0 and paths.history(zero).read_text() == ""
    assert record(zero)["parent"] == sha256_file(paths.run_model(parent))

    frozen = tiny.spec("fine_tune", parent=parent, training={"learning_rate": 0.0, "epochs": 1})
    assert predicted(train(frozen)) == predicted(zero), "fine-tuning at rate 0 is the parent"
    tuned = train(tiny.spec("fine_tune", parent=parent))
    assert predicted(tuned) != predicted(zero)
    few = train(tiny.spec("few_shot", parent=parent, training={"epochs": 1, "select": "last"}))
    assert record(few)["selection"] is None
    assert str(paths.split(tiny.DATASET, "beta", "dev")) in record(few)["data"]
    assert str(paths.split(tiny.DATASET, "beta", "train")) not in record(few)["data"]


def predicted(name):
    return read_parquet(paths.predictions(name))["predicted"].to_pylist()


def test_concatenated_batches_see_every_example_once(world):
    balanced = train(tiny.spec("joint"))
    concatenated = train(tiny.spec("joint", method={"batches": "concatenated"}))
    assert lines(balanced)[0]["steps"] == 5  # 40 source sentences in batches of 8
    assert lines(concatenated)[0]["steps"] == 10  # 40 + 40
    per_epoch = sum(len(t) + 2 for lang in ("alpha", "beta") for _, t, _ in tiny.sentences(lang, "train", 40))
    assert lines(concatenated)[0]["useful_tokens"] == per_epoch


def test_the_record_counts_tokens_of_training_and_of_evaluation(world):
    name = train(tiny.spec("target_only"))
    splits = {"train": 40, "dev": 12, "test": 12}
    sizes = {s: sum(len(tokens) + 2 for _, tokens, _ in tiny.sentences("beta", s, n)) for s, n in splits.items()}
    found = record(name)["tokens"]
    assert found["useful"] == 3 * sizes["train"]
    assert found["evaluation"]["useful"] == 3 * sizes["dev"] + sizes["test"], "dev after each epoch, test at the end"
    for of in (found, found["evaluation"]):
        assert of["useful"] <= of["processed"] < 1.2 * of["useful"]


def test_sizes_choose_nested_subsets(world):
    small, large = (train(tiny.spec("target_only", target_size=n, training={"epochs": 1})) for n in (5, 20))
    assert lines(small)[0]["steps"] == 1 and lines(large)[0]["steps"] == 3
    with pytest.raises(UserError, match=r"beta train: 41 examples requested but only 40 exist"):
        train(tiny.spec("target_only", target_size=41))


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.parametrize("after", [1, 2, 4])
def test_killed_run_resumes_to_the_same_bits(world, monkeypatch, after):
    spec = tiny.spec("joint", training={"epochs": 5})
    whole = train(spec)
    expected, history = paths.predictions(whole).read_bytes(), lines(whole)
    for path in (paths.predictions(whole), paths.run_record(whole), paths.history(whole)):
        path.unlink()

    monkeypatch.setattr(loop_module.Loop.__init__, "__defaults__", (lambda records: None, 0.0))
    run_epoch = loop_module.Loop.run_epoch

    def run_until(self, *arguments):
        if self.fitted.epochs == after:
            raise Killed
        return run_epoch(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop_module.Loop, "run_epoch", run_until)
        with pytest.raises(Killed):
            train(spec)
    assert len(lines(whole)) == after, "history is written as the run goes"
    epochs_made = []

    def count(self, *arguments):
        epochs_made.append(self.fitted.epochs)
        return run_epoch(self, *arguments)

    monkeypatch.setattr(loop_module.Loop, "run_epoch", count)
    train(spec)
    assert epochs_made == list(range(after, 5)), "it went on from its last epoch"
    assert paths.predictions(whole).read_bytes() == expected
    assert [line["losses"] for line in lines(whole)] == [line["losses"] for line in history]
    assert record(whole)["best_epoch"] == 1 + int(np.argmax([line["dev_score"] for line in history]))


KILLED_FROM_OUTSIDE = """
import sys, json, time
from pipeline.training import loop
from pipeline.training.run import train_run
loop.Loop.__init__.__defaults__ = (lambda records: None, 0.0)
train_run(sys.argv[1], json.loads(sys.argv[2]), 1, False, time.monotonic())
"""


def wait_for_epochs(name, number, process):
    while not paths.history(name).exists() or len(lines(name)) < number:
        assert process.poll() is None, "it ended too soon"
        time.sleep(0.02)


def test_process_killed_for_real_resumes_to_the_same_bits(world):
    spec = tiny.spec("joint", training={"epochs": 40})
    whole = train(spec)
    expected = paths.predictions(whole).read_bytes()
    shutil.rmtree(paths.run_dir(whole))
    command = [sys.executable, "-c", KILLED_FROM_OUTSIDE, whole, canonical_json(spec)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        wait_for_epochs(whole, 3, process)
        process.kill()
    assert list(paths.run_dir(whole).glob("checkpoint-*/latest.pt"))
    assert not paths.predictions(whole).exists()
    train(spec)
    assert paths.predictions(whole).read_bytes() == expected
    assert not list(paths.run_dir(whole).glob("checkpoint-*"))


ASKED_FROM_OUTSIDE = """
import sys, json, time
from pipeline.common.errors import run_stage
from pipeline.training import loop, run
loop.Loop.__init__.__defaults__ = (lambda records: None, 1e9)
if sys.argv[3] == "predicting":
    predict = run.predict
    def slowly(*arguments):
        print("predicts", flush=True)
        time.sleep(1)
        return predict(*arguments)
    run.predict = slowly
run_stage(lambda: run.train_run(sys.argv[1], json.loads(sys.argv[2]), 1, False, time.monotonic()))
"""


def asked_to_end(spec, doing, number):
    """Train in a process of its own, ask it to end when it has made three epochs or predicts, and return what it said."""
    name = tiny.name_of(spec)
    command = [sys.executable, "-c", ASKED_FROM_OUTSIDE, name, canonical_json(spec), doing]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        if doing == "predicting":
            assert process.stdout.readline() == "predicts\n"
        else:
            wait_for_epochs(name, 3, process)
        process.send_signal(number)
        said = process.stderr.read()
        assert process.wait() == 75
    return said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_process_asked_to_end_writes_a_checkpoint_and_goes_on_to_the_same_bits(world, number):
    spec = tiny.spec("joint", training={"epochs": 40})
    whole = train(spec)
    expected, steps = paths.predictions(whole).read_bytes(), paths.steps(whole).read_bytes()
    shutil.rmtree(paths.run_dir(whole))
    said = asked_to_end(spec, "training", number)
    assert re.search(
        rf"^error: stopped by {number.name}, with a checkpoint of step \d+ of 200; started again", said, re.M
    )
    assert list(paths.run_dir(whole).glob("checkpoint-*/latest.pt"))
    train(spec)
    assert paths.predictions(whole).read_bytes() == expected
    assert paths.steps(whole).read_bytes() == steps
    assert not list(paths.run_dir(whole).glob("checkpoint-*"))


def test_process_asked_to_end_while_it_predicts_does_not_train_again(world, monkeypatch):
    spec = tiny.spec("joint", training={"epochs": 4})
    whole = train(spec)
    expected, history = paths.predictions(whole).read_bytes(), paths.history(whole).read_bytes()
    shutil.rmtree(paths.run_dir(whole))
    said = asked_to_end(spec, "predicting", signal.SIGTERM)
    assert "with a checkpoint of the trained model" in said
    monkeypatch.setattr(loop_module.Loop, "run_epoch", None)
    train(spec)
    assert paths.predictions(whole).read_bytes() == expected
    assert [line["losses"] for line in lines(whole)] == [json.loads(line)["losses"] for line in history.splitlines()]
    assert not list(paths.run_dir(whole).glob("checkpoint-*"))


def test_early_stopping_waits_patience_epochs(world):
    spec = tiny.spec("target_only", training={"learning_rate": 0.0, "epochs": 9, "patience": 2})
    done = record(train(spec))
    assert done["best_epoch"] == 1 and done["epochs"] == 3  # equal scores: the first wins, two more are waited for


@pytest.mark.parametrize(("metric", "best"), [(None, 2), ("entity_f1_lenient", 1), ("entity_recall_strict_LOC", 3)])
def test_the_epoch_is_the_best_by_the_score_that_is_asked_for(world, monkeypatch, metric, best):
    """Epoch 1 finds everything and opens nothing with B, epoch 2 finds half of each type, epoch 3 one type alone."""
    spec = tiny.spec("target_only", training={"select_metric": metric} if metric else {})
    method = build_method("target_only", {})
    phases = method.phases(Setting(**setting_of(spec)))
    loop = loop_module.Loop(assemble(spec, method, phases)[0], Checkpoints(None))
    loop.prepare(phases[0])
    (pool,) = phases[0].select_on
    gold = list(loop.ingredients.pools[pool].gold)
    stray = [[tag.replace("B-", "I-") for tag in tags] for tags in gold]
    half = [tags if i % 2 else ["O"] * len(tags) for i, tags in enumerate(gold)]
    place = [[tag if tag.endswith("LOC") else "O" for tag in tags] for tags in gold]
    reading = {"mode": "strict", "scheme": IOB2} if metric != "entity_f1_lenient" else {}
    for epoch, predicted in enumerate((stray, half, place), 1):
        loop.fitted.epochs = epoch - 1
        monkeypatch.setattr(loop, "predict", lambda examples, found=predicted: found)
        score = loop.choose_epoch()
        found = classification_report(gold, predicted, output_dict=True, zero_division=0, **reading)
        of = found["LOC"]["recall"] if metric and metric.endswith("LOC") else found["micro avg"]["f1-score"]
        assert score == pytest.approx(of)
    assert loop.fitted.best_epoch == best


def test_the_score_that_chose_is_written_down_and_must_be_defined_on_dev(world):
    name = train(tiny.spec("joint", training={"epochs": 2, "select_metric": "entity_recall_lenient"}))
    assert record(name)["selection"]["metric"] == "entity_recall_lenient"
    assert record(name)["selection"]["value"] == max(line["dev_score"] for line in lines(name))
    spec = tiny.spec("joint", dev_size=1, training={"select_metric": "entity_f1_strict_MISC"})
    with pytest.raises(
        UserError, match="'entity_f1_strict_MISC' is not defined on the 1 dev examples of beta"
    ) as caught:
        train(spec)
    assert "training.select_metric" in str(caught.value) and not paths.history(tiny.name_of(spec)).exists()


def test_test_sentences_alone_are_cut_at_the_tests_length(world, monkeypatch):
    """[CLS] 3 words [SEP] in training; at 40, all that the encoder has positions for, no test sentence is cut."""
    short = {"max_length": 5, "epochs": 1}
    seen = []
    predict = loop_module.Loop.predict
    monkeypatch.setattr(
        loop_module.Loop, "predict", lambda s, e, p=None: seen.append(max(map(len, e.input_ids))) or predict(s, e, p)
    )
    name = train(tiny.spec("target_only", training={**short, "test_max_length": 40}))
    assert seen == [5, max(len(tokens) for _, tokens, _ in tiny.sentences("beta", "test", 12)) + 2]
    assert record(name)["truncated_words"] == 0
    assert lines(name)[0]["useful_tokens"] == sum(
        min(len(tokens), 3) + 2 for _, tokens, _ in tiny.sentences("beta", "train", 40)
    )
    spec = tiny.spec("target_only", training={**short, "test_max_length": 41})
    with pytest.raises(UserError, match=r"training\.test_max_length: 41, and the encoder in .* expected at most 40"):
        train(spec)
    parent = train(tiny.spec("source_only", targets=[], evaluate=[], training=short), keep_model=True)
    kept = {"max_length": 5, "test_max_length": 40, "precision": "auto", "batch_size": 8}
    zero = train({**tiny.spec("zero_shot", parent=parent), "training": kept})
    assert record(zero)["truncated_words"] == 0


def test_not_a_number_says_where(world):
    model = paths.encoder_dir(tiny.ENCODER) / "model.safetensors"
    weights = load_file(model)
    weights["embeddings.word_embeddings.weight"][5] = torch.nan
    save_file(weights, model, metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"loss is nan in phase 'train', epoch 1, step \d+: training diverged"):
        train(tiny.spec("target_only"))


def test_divergence_says_where(world):
    hot = {
        "learning_rate": 500.0,
        "optimizer": "adam",
        "schedule": "constant",
        "warmup": 0.0,
        "clip_norm": None,
        "epochs": 20,
    }
    with pytest.raises(UserError, match=r"diverged in .*epoch \d+"):
        train(tiny.spec("target_only", training=hot))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("encoder"), "--spec: key 'encoder' is missing"),
        (lambda s: s.update(evalute=["beta"]), r"--spec: unknown key 'evalute'; did you mean 'evaluate'\?"),
        (
            lambda s: s["method"].update(batchez="x"),
            r"method joint: unknown hyper-parameter 'batchez'; did you mean 'batches'\?",
        ),
        (lambda s: s["method"].update(name="jiont"), r"--spec: method: 'jiont'; did you mean 'joint'\?"),
    ],
)
def test_wrong_descriptions_are_refused(world, change, message):
    spec = tiny.spec("joint")
    change(spec)
    with pytest.raises(UserError, match=message):
        train_run("wrong", spec, 1, False, time.monotonic())


def test_missing_parent_model_names_the_run(world):
    with pytest.raises(UserError, match=r"nobody.*train the parent run 'nobody' with --keep-model"):
        train(tiny.spec("fine_tune", parent="nobody"))


def test_parent_of_another_shape_is_refused(world):
    parent = train(tiny.spec("source_only", targets=[], evaluate=[]), keep_model=True)
    weights = load_file(paths.run_model(parent))
    weights["model.head.1.weight"] = torch.zeros(3, 16)
    save_file(weights, paths.run_model(parent), metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"model\.safetensors: altered since it was written: .*snakemake --force"):
        train(tiny.spec("fine_tune", parent=parent))
    write_sealed(paths.run_record(parent), {**record(parent), "model": sha256_file(paths.run_model(parent))})
    with pytest.raises(UserError, match="do not fit this run's model"):
        train(tiny.spec("fine_tune", parent=parent))


def test_missing_and_truncated_splits_are_named(world):
    path = paths.split(tiny.DATASET, "beta", "train")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"beta/train\.parquet"):
        train(tiny.spec("target_only"))
    path.unlink()
    with pytest.raises(UserError, match=r"beta/train\.parquet: no such file"):
        train(tiny.spec("target_only"))


def test_words_beyond_the_limit_are_predicted_outside_counted_and_warned_of(world, capsys):
    name = train(tiny.spec("target_only", training={"max_length": 5, "epochs": 1}))  # [CLS] 3 words [SEP]
    rows = [tokens for _, tokens, _ in tiny.sentences("beta", "test", 12)]
    assert record(name)["truncated_words"] == sum(max(0, len(tokens) - 3) for tokens in rows)
    assert all(tag == "O" for tags in predicted(name) for tag in tags[3:])
    assert [len(tags) for tags in predicted(name)] == [len(tokens) for tokens in rows]
    counts = record(name)["tokenised"]
    test = counts[str(paths.split(tiny.DATASET, "beta", "test"))]
    assert test["words"] == sum(map(len, rows)) and test["unknown_pieces"] == 0
    assert (test["max_length"], test["truncated_words"]) == (5, record(name)["truncated_words"])
    assert {path.rpartition("/")[2] for path in counts} == {"train.parquet", "dev.parquet", "test.parquet"}
    (warning,) = record(name)["warnings"]
    share = test["truncated_words"] / test["words"]
    assert warning["kind"] == "cut" and warning["share"] == round(share, 4)
    said = f"{100 * share:.0f} % of the test words of beta have no piece within max_length 5 and count as O"
    assert warning["says"] == said
    assert f"warning: {said}\n" in capsys.readouterr().err
