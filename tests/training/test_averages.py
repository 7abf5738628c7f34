"""Averages of finished runs, whole: weights and probabilities against averages by hand, on the tiny dataset."""

import json
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import read_parquet, sha256_file, write_parquet
from pipeline.common.integrity import write_sealed
from pipeline.data.schema import LABELS, PREDICTIONS
from pipeline.grid.runs import TESTED
from pipeline.results.scores.outcomes import score_run
from pipeline.training.ensemble import combine_run
from pipeline.training.predictions import facts_of, unlisted
from pipeline.training.run import train_run
from tests import tiny

NER = LABELS["ner"]


def average_of(members, kind, **changes):
    spec = tiny.spec(kind, model_seed=None, members=sorted(members), dev_size=None, **changes)
    spec["training"] = {key: value for key, value in spec["training"].items() if key in TESTED}
    return spec


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of two runs that differ in their seed, with their models, and their names."""
    folder = tmp_path_factory.mktemp("averages")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        torch.set_num_threads(1)
        tiny.make_world(folder)
        specs = [tiny.spec("target_only", model_seed=seed, training={"epochs": 2}) for seed in (1, 2)]
        for spec in specs:
            train_run(tiny.name_of(spec), spec, 1, True, time.monotonic())
    return folder, sorted(map(tiny.name_of, specs))


@pytest.fixture
def members(trained, monkeypatch):
    monkeypatch.chdir(trained[0])
    return trained[1]


def stored(run):
    table = read_parquet(paths.predictions(run))
    return table, unlisted(table["probabilities"])


def make(spec):
    name = tiny.name_of(spec)
    if spec["method"]["name"] == "ensemble":
        combine_run(name, spec, time.monotonic())
    else:
        train_run(name, spec, 1, True, time.monotonic())
    return name, json.loads(paths.run_record(name).read_text())


def test_probabilities_stand_beside_predictions(members):
    table, probable = stored(members[0])
    assert facts_of(paths.predictions(members[0]))["labels"] == NER
    for tags, found in zip(table["predicted"].to_pylist(), probable, strict=True):
        of_words = found.reshape(-1, len(NER))
        assert of_words[np.arange(len(tags)), [NER.index(tag) for tag in tags]].tolist() == of_words.max(1).tolist()
        np.testing.assert_allclose(of_words.astype(np.float64).sum(1), 1, atol=5e-3)


def test_weights_by_hand(members):
    name, record = make(average_of(members, "weight_average"))
    ours, *theirs = (load_file(paths.run_model(run)) for run in (name, *members))
    assert ours.keys() == theirs[0].keys()
    for key, tensor in ours.items():
        assert torch.equal(tensor, ((theirs[0][key].double() + theirs[1][key].double()) / 2).float()), key
    assert record["members"] == {run: sha256_file(paths.run_model(run)) for run in members}
    assert (record["epochs"], record["selection"]) == (0, None)


def test_runs_that_trained_adapters_are_averaged_as_whole_models(members):
    specs = [
        tiny.spec("joint", model_seed=seed, training={"epochs": 1, "learning_rate": 0.05, "lora": tiny.LORA})
        for seed in (1, 2)
    ]
    adapted = sorted(map(tiny.name_of, specs))
    for spec in specs:
        train_run(tiny.name_of(spec), spec, 1, True, time.monotonic())
    name, _ = make(average_of(adapted, "weight_average"))
    ours, *theirs = (load_file(paths.run_model(run)) for run in (name, *adapted))
    assert ours.keys() == load_file(paths.run_model(members[0])).keys(), "no adapter is left"
    moved = [key for key in ours if not torch.equal(theirs[0][key], theirs[1][key]) and "encoder" in key]
    assert moved
    for key in ours:
        assert torch.equal(ours[key], ((theirs[0][key].double() + theirs[1][key].double()) / 2).float()), key


def test_the_averaged_model_is_the_one_that_is_tested(members):
    """A run that starts from the averaged weights and trains nothing predicts the same."""
    name, _ = make(average_of(members, "weight_average"))
    spec = average_of(members, "weight_average")
    del spec["members"]
    child = {**spec, "model_seed": 5, "method": {"name": "zero_shot"}, "parent": name}
    train_run("child", child, 1, False, time.monotonic())
    assert stored("child")[0]["probabilities"] == stored(name)[0]["probabilities"]


def test_probabilities_by_numpy(members):
    name, record = make(average_of(members, "ensemble"))
    (table, found), *theirs = (stored(run) for run in (name, *members))
    for row, ours in enumerate(found):
        mean = np.mean([probable[row].astype(np.float64) for _, probable in theirs], 0)
        np.testing.assert_allclose(ours, mean, rtol=2e-3)
        assert table["predicted"][row].as_py() == [NER[i] for i in mean.reshape(-1, len(NER)).argmax(1)]
    assert table.drop(["predicted", "probabilities"]) == theirs[0][0].drop(["predicted", "probabilities"])
    assert record["members"] == {run: sha256_file(paths.predictions(run)) for run in members}
    assert list(record["data"]) == [str(paths.run_split(record["spec"], "beta", "test"))]
    assert record["encoder"] == sha256_file(paths.encoder_manifest(tiny.ENCODER))
    assert score_run(name, "ner", "code")[1]


def rewritten(run, name, change):
    """A copy of a run's predictions under another name, changed."""
    table = change(read_parquet(paths.predictions(run)))
    facts = {**facts_of(paths.predictions(run)), "run": name}
    write_parquet(paths.predictions(name), table, {"metalingua": json.dumps(facts)})
    record = json.loads(paths.run_record(run).read_text())
    write_sealed(paths.run_record(name), {**record, "predictions": sha256_file(paths.predictions(name))})
    return name


def test_rows_in_another_order_are_matched(members):
    other = rewritten(members[1], "turned", lambda table: table.take(list(range(table.num_rows))[::-1]))
    turned, plain = (make(average_of([members[0], run], "ensemble"))[0] for run in (other, members[1]))
    assert stored(turned)[0]["predicted"] == stored(plain)[0]["predicted"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda t: t.drop(["probabilities"]),
            "holds no probabilities, as it was written by earlier code, .* --forcerun .*odd",
        ),
        (
            lambda t: t.slice(1),
            r"odd.*other data than .*: 1 examples are in one of the two alone, as 'tiny-beta-test-0' of beta",
        ),
        (
            lambda t: t.set_column(3, t.schema.field(3), t["predicted"]),
            "the same examples have other gold labels there",
        ),
    ],
)
def test_members_that_do_not_fit_are_refused(members, change, message):
    odd = rewritten(members[1], "odd", change)
    with pytest.raises(UserError, match=message):
        make({**average_of([], "ensemble"), "members": [members[0], odd]})


def test_scores_need_no_probabilities(members):
    """Predictions of earlier code are scored as ever."""
    rewritten(members[0], "old", lambda table: table.drop(["probabilities"]))
    assert read_parquet(paths.predictions("old"), PREDICTIONS["ner"]).num_rows == 12
    assert score_run("old", "ner", "code")[1]


def test_models_of_other_shapes_are_refused(members):
    weights = {k: t[:1].clone() if k.endswith("bias") else t for k, t in load_file(paths.run_model(members[0])).items()}
    paths.run_model("short").parent.mkdir(parents=True)
    save_file(weights, paths.run_model("short"))
    with pytest.raises(UserError, match=r"the weights of .*, short cannot be averaged: model\..*bias is of shape"):
        make({**average_of([], "weight_average"), "members": [members[0], "short"]})
