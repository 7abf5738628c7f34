"""Whole runs of every method on every task: predictions in their schema, scores of them, resumption, representations."""

import importlib
import json
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import digest, read_parquet
from pipeline.data.schema import LABELS, PREDICTIONS, PROBABILITIES, task_table
from pipeline.data.splits import select
from pipeline.encoders.load import load_encoder
from pipeline.methods.contract import Pool
from pipeline.results.scores.measures import totals
from pipeline.results.scores.outcomes import OUTCOMES, score_run
from pipeline.stages import represent
from pipeline.tasks.examples import concatenate
from pipeline.tasks.metric_names import MAIN, metric_names
from pipeline.training import loop as loop_module
from pipeline.training.data import RunData, reader_of
from pipeline.training.run import train_run
from tests import tiny

TASKS = ("ner", "sentiment", "nli", "relevance", "qa", "classification")
SHORT = {"epochs": 2, "max_length": 20, "batch_size": 16}  # of questions most contexts take two windows
CHILDREN = ("fine_tune", "few_shot", "zero_shot")
UNTRAINED = ("max_length", "precision", "batch_size")


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    """By task: a folder with its data, the encoder and the parent of children, made at its first use."""
    torch.set_num_threads(1)
    made = {}

    def world(task):
        if task not in made:
            made[task] = tmp_path_factory.mktemp(task)
            with pytest.MonkeyPatch.context() as patch:
                patch.chdir(made[task])
                tiny.make_task_world(task)
                parent = tiny.spec("source_only", task=task, targets=[], evaluate=[], training=SHORT)
                train(parent, keep_model=True)
        return made[task]

    return world


def train(spec, keep_model=False):
    name = tiny.name_of(spec)
    if not paths.run_record(name).exists():
        train_run(name, spec, 1, keep_model, time.monotonic())
    return name


def spec_of(task, kind, **changes):
    """A run of a method on a task, with a parent where the method needs one."""
    changes.setdefault("training", SHORT)
    spec = tiny.spec(kind, task=task, **changes)
    if kind in CHILDREN:
        spec["parent"] = next(
            p.name for p in (paths.RESULTS / "runs").iterdir() if p.name.startswith("tiny-source_only-")
        )
    if kind == "zero_shot":
        spec["training"] = {key: spec["training"][key] for key in UNTRAINED}
    if kind == "few_shot":
        spec["training"]["select"] = "last"
    return spec


def record(name):
    return json.loads(paths.run_record(name).read_text())


def lines(name):
    return [json.loads(line) for line in paths.history(name).read_text().splitlines()]


def gold_of(task, row):
    """A row's gold answer as predictions store it."""
    return row[3] if task == "qa" else row[-1]


def assert_predictions(name, task, language="beta", count=12):
    """Right schema, ids, gold answers and order; predictions the task can make."""
    table = read_parquet(paths.predictions(name))
    rows = tiny.rows(task, language, "test", count)
    kept = PREDICTIONS[task] if task == "qa" else PREDICTIONS[task].append(PROBABILITIES)
    assert table.schema.remove_metadata() == kept
    assert table["id"].to_pylist() == [row[0] for row in rows]
    assert set(table["lang"].to_pylist()) == {language} and set(table["split"].to_pylist()) == {"test"}
    assert table["gold"].to_pylist() == [gold_of(task, row) for row in rows]
    predicted = table["predicted"].to_pylist()
    if task == "qa":
        for text, start, end, row in zip(
            predicted, table["start"].to_pylist(), table["end"].to_pylist(), rows, strict=True
        ):
            assert 0 <= start < end <= len(row[2]) and row[2][start:end] == text == text.strip()
    elif task == "ner":
        assert [len(tags) for tags in predicted] == [len(row[2]) for row in rows]
        assert {tag for tags in predicted for tag in tags} <= set(LABELS[task])
    else:
        assert set(predicted) <= set(tiny.labels_of(task))


def scores(name, task):
    """What the score stage makes of the predictions, for their one language."""
    score_run(name, task, "code")
    ((pair, (found, n)),) = totals(task, read_parquet(paths.outcomes(name), OUTCOMES[task])).items()
    assert pair == ("beta", "test") and n == 12
    return found


def direct_scores(name, task):
    """The task's own scores of the predictions, as training computes them."""
    table = read_parquet(paths.predictions(name)).to_pydict()
    gold, predicted = table["gold"], table["predicted"]
    if task == "qa":
        gold = [{"answers": answers, "language": "beta"} for answers in gold]
        predicted = list(zip(predicted, table["start"], table["end"], strict=True))
    return importlib.import_module(f"pipeline.tasks.{task}").score(gold, predicted)


@pytest.mark.parametrize("kind", ["target_only", "joint", "fine_tune", "zero_shot", "few_shot"])
@pytest.mark.parametrize("task", TASKS)
def test_every_method_on_every_task(worlds, monkeypatch, task, kind):
    monkeypatch.chdir(worlds(task))
    spec = spec_of(task, kind)
    name = train(spec)
    assert_predictions(name, task)
    assert scores(name, task) == pytest.approx(direct_scores(name, task))
    assert set(scores(name, task)) <= set(metric_names(task, tiny.labels_of(task)))
    done = record(name)
    assert done["epochs"] == (0 if kind == "zero_shot" else 2) == len(lines(name))
    if kind in ("zero_shot", "few_shot"):
        assert done["selection"] is None
    else:
        assert done["selection"]["metric"] == MAIN[task] and 0 <= done["selection"]["value"] <= 1
        assert done["selection"]["value"] == max(line["dev_score"] for line in lines(name))
    read = {str(paths.split(tiny.DATASET, *part)) for part in reads(kind)}
    assert set(done["data"]) == read


def reads(kind):
    """The splits that a method reads."""
    test = [("beta", "test")]
    target = [("beta", "train"), ("beta", "dev")]
    return {
        "target_only": target + test,
        "joint": [("alpha", "train"), *target, *test],
        "fine_tune": target + test,
        "zero_shot": test,
        "few_shot": [("beta", "dev"), *test],
    }[kind]


def test_windows_and_not_questions_are_drawn(worlds, monkeypatch):
    monkeypatch.chdir(worlds("qa"))
    encoder = load_encoder(paths.encoder_dir(tiny.ENCODER))
    reader = reader_of("qa", encoder, paths.encoder_dir(tiny.ENCODER), SHORT["max_length"])
    spec = spec_of("qa", "target_only")
    examples = RunData(reader, spec, spec["data_seed"]).pool(Pool("beta", "train"))
    assert len(examples) > 50 > len(examples.firsts) == 40
    line = lines(train(spec))[0]
    assert line["steps"] == -(-len(examples) // 16)
    assert line["useful_tokens"] == examples.lengths.sum()


def test_windows_of_test_questions_are_as_long_as_the_tests_length(worlds, monkeypatch):
    monkeypatch.chdir(worlds("qa"))
    encoder = load_encoder(paths.encoder_dir(tiny.ENCODER))
    reader = reader_of("qa", encoder, paths.encoder_dir(tiny.ENCODER), SHORT["max_length"], 40)
    data = RunData(reader, spec_of("qa", "target_only"), 1)
    dev, test = data.pool(Pool("beta", "dev")), data.test("beta")
    assert max(dev.lengths) == 20 and 20 < max(test.lengths) <= 40
    assert len(dev) > len(dev.firsts) == 12 == len(test.firsts), "contexts of 20 take several windows"
    name = train(
        spec_of("qa", "target_only", training={**SHORT, "select_metric": "exact_match", "test_max_length": 40})
    )
    assert record(name)["selection"]["metric"] == "exact_match"
    assert record(name)["unreachable_answers"] == {"cut_off": 0, "too_long": 0, "inexact": 0}
    assert_predictions(name, "qa")


def test_the_longest_answer_is_the_runs_own(worlds, monkeypatch):
    monkeypatch.chdir(worlds("qa"))
    encoder = load_encoder(paths.encoder_dir(tiny.ENCODER))
    reader = reader_of("qa", encoder, paths.encoder_dir(tiny.ENCODER), SHORT["max_length"], None, 3)
    data = RunData(reader, spec_of("qa", "target_only"), 1)
    test, pool = data.test("beta"), data.pool(Pool("beta", "dev"))
    assert test.longest == pool.longest == concatenate([test, pool]).longest == 3
    spans = reader.task.decode(torch.rand(1, len(test.input_ids[0]), 2), test, [0], [])[0]
    words = test.gold[0]["context"].split(" ")
    lengths = {len(test.gold[0]["context"][begin:end].split(" ")) for _, begin, end in spans}
    assert max(lengths) <= 3 < len(words)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_learns_what_a_word_tells(worlds, monkeypatch, task):
    monkeypatch.chdir(worlds(task))
    long = {"epochs": 24, "max_length": 40, "batch_size": 8, "learning_rate": 2e-2}
    found = scores(train(spec_of(task, "joint", training=long)), task)
    assert found[MAIN[task]] > (
        {"nli": 0.6, "classification": 0.5}.get(task, 0.8)
    )  # three classes, each a third of the test set, from 80 texts or pairs


@pytest.mark.parametrize("kind", ["metaxl", "joint_rtn"])
def test_methods_with_transformations_train_pairs(worlds, monkeypatch, kind):
    monkeypatch.chdir(worlds("nli"))
    options = {"variant": "released"} if kind == "metaxl" else {}
    name = train(spec_of("nli", kind, method={"bottleneck": 4, **options}))
    assert_predictions(name, "nli")
    assert {"loss", "source_loss", "target_loss"} <= set(lines(name)[0]["losses"])
    assert ("meta_loss" in lines(name)[0]["losses"]) == (kind == "metaxl")


def test_an_encoder_without_token_types_trains_pairs(worlds, monkeypatch):
    monkeypatch.chdir(worlds("nli"))
    if not paths.encoder_dir("plain-33333333").exists():
        tiny.write_encoder("plain-33333333", tiny.TYPED, types=1)
    assert_predictions(train(spec_of("nli", "target_only", encoder="plain-33333333")), "nli")


def test_token_types_are_read_in_training_and_prediction(worlds, monkeypatch):
    monkeypatch.chdir(worlds("nli"))
    seen = []
    model = importlib.import_module("pipeline.tasks.model").TaskModel
    real = model.forward
    monkeypatch.setattr(model, "forward", lambda self, batch: seen.append((self.training, batch)) or real(self, batch))
    train(spec_of("nli", "target_only", model_seed=9, training={**SHORT, "epochs": 1}))
    assert {training for training, _ in seen} == {True, False}
    for _, batch in seen:
        assert set(batch["token_type_ids"].flatten().tolist()) == {0, 1}


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


@pytest.mark.parametrize("task", ["nli", "qa"])
def test_killed_run_resumes_to_the_same_bits(worlds, monkeypatch, task):
    monkeypatch.chdir(worlds(task))
    spec = spec_of(task, "joint", model_seed=3, training={**SHORT, "epochs": 4})
    whole = train(spec)
    expected, history = paths.predictions(whole).read_bytes(), lines(whole)
    for path in (paths.predictions(whole), paths.run_record(whole), paths.history(whole)):
        path.unlink()
    monkeypatch.setattr(loop_module.Loop.__init__, "__defaults__", (lambda records: None, 0.0))
    run_epoch = loop_module.Loop.run_epoch

    def two_epochs(self, *arguments):
        if self.fitted.epochs == 2:
            raise Killed
        return run_epoch(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(loop_module.Loop, "run_epoch", two_epochs)
        with pytest.raises(Killed):
            train(spec)
    made = []
    monkeypatch.setattr(loop_module.Loop, "run_epoch", lambda self, *a: made.append(1) or run_epoch(self, *a))
    train(spec)
    assert len(made) == 2, "it went on from its second epoch"
    assert paths.predictions(whole).read_bytes() == expected
    assert [line["losses"] for line in lines(whole)] == [line["losses"] for line in history]


def test_sources_of_another_dataset(worlds, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    tiny.make_task_world("nli")
    tiny.write_task_split("nli", "gamma", "train", 20, "other-22222222")
    name = train(spec_of("nli", "joint", sources=["gamma"], source_dataset="other-22222222"))
    assert str(paths.split("other-22222222", "gamma", "train")) in record(name)["data"]
    assert_predictions(name, "nli")


def test_what_is_missing_for_the_test_is_said_before_training(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.make_task_world("qa")
    tiny.write_task_split("qa", "beta", "test", 0, absent="SQuAD publishes no test answers")
    spec = spec_of("qa", "target_only")
    with pytest.raises(UserError, match="has no test data in beta: SQuAD publishes no test answers"):
        train(spec)
    assert not paths.history(tiny.name_of(spec)).exists()


def test_several_languages_are_evaluated_in_their_order(worlds, monkeypatch):
    monkeypatch.chdir(worlds("relevance"))
    name = train(spec_of("relevance", "zero_shot", evaluate=["beta", "alpha"]))
    table = read_parquet(paths.predictions(name))
    assert table["lang"].to_pylist() == ["beta"] * 12 + ["alpha"] * 12
    alpha = tiny.rows("relevance", "alpha", "test", 12)
    assert table["gold"].to_pylist()[12:] == [row[-1] for row in alpha]
    score_run(name, "relevance", "code")
    found = totals("relevance", read_parquet(paths.outcomes(name), OUTCOMES["relevance"]))
    assert list(found) == [("alpha", "test"), ("beta", "test")]


# ------------------------------------------------------------------------------------------------------ representations

VIEW = {"split": "test", "sentences": 12, "seed": 3, "layer": "last", "units": "sentence"}


def represented(name):
    represent.represent_run(name, VIEW, 1)
    return read_parquet(paths.representations(name, digest(VIEW, 8)))


@pytest.mark.parametrize("task", ["nli", "qa"])
def test_an_example_is_represented_by_its_start_token_as_the_model_reads_it(worlds, monkeypatch, task):
    monkeypatch.chdir(worlds(task))
    name = train(spec_of(task, "joint", model_seed=5, training={**SHORT, "epochs": 1}), keep_model=True)
    table = represented(name)
    order = select(
        12, 12, 3, "any", [row[-1] for row in tiny.rows("nli", "beta", "test", 12)] if task == "nli" else None
    )
    assert table["lang"].to_pylist() == ["alpha"] * 12 + ["beta"] * 12  # one point an example, however many windows
    assert table["id"].to_pylist()[12:] == [f"tiny-beta-test-{n}" for n in order]
    encoder = load_encoder(paths.encoder_dir(tiny.ENCODER))
    weights = load_file(paths.run_model(name))
    encoder.model.load_state_dict(
        {k.removeprefix("model.encoder."): t for k, t in weights.items() if k.startswith("model.encoder.")}
    )
    rows, module = tiny.rows(task, "beta", "test", 12), importlib.import_module(f"pipeline.tasks.{task}")
    for place, n in enumerate(order[:4]):
        one = module.encode(task_table(task, "beta", [rows[n]]), encoder.tokenizer, LABELS[task], SHORT["max_length"])
        ids, types = (torch.tensor(np.array([a[0]])) for a in (one.input_ids, one.types))
        with torch.no_grad():
            hidden = encoder.model.eval()(input_ids=ids, token_type_ids=types).last_hidden_state[0, 0]
            untyped = encoder.model.eval()(input_ids=ids).last_hidden_state[0, 0]
        vector = table["vector"][12 + place].as_py()
        assert vector == pytest.approx(hidden.tolist(), abs=1e-5)
        assert vector != pytest.approx(untyped.tolist(), abs=1e-4)


def test_words_of_tasks_that_label_none_are_not_represented(worlds, monkeypatch):
    monkeypatch.chdir(worlds("nli"))
    name = train(spec_of("nli", "joint", model_seed=5, training={**SHORT, "epochs": 1}), keep_model=True)
    with pytest.raises(UserError, match="--spec: units 'token': task nli labels no words; expected 'sentence'"):
        represent.represent_run(name, {**VIEW, "units": "token"}, 1)
