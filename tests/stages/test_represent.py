"""The represent stage on a tiny trained run: the right vectors of the right words, and every bad input by name."""

import json
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import digest, read_parquet, sha256_file
from pipeline.data.splits import select
from pipeline.encoders.load import load_encoder
from pipeline.results.scores.outcomes import facts
from pipeline.stages import represent
from pipeline.training.run import train_run
from tests import tiny

VIEW = {"split": "test", "sentences": 5, "seed": 3, "layer": "last", "units": "token"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with one joint run that kept its model, and the run's name."""
    folder = tmp_path_factory.mktemp("trained")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        tiny.make_world(folder)
        spec = tiny.spec("joint", training={"epochs": 1})
        name = tiny.name_of(spec)
        train_run(name, spec, 1, True, time.monotonic())
    return folder, name


@pytest.fixture
def run(trained, monkeypatch):
    monkeypatch.chdir(trained[0])
    return trained[1]


def made(run, **changes):
    view = {**VIEW, **changes}
    represent.represent_run(run, view, 1)
    path = paths.representations(run, digest(view, 8))
    return read_parquet(path), facts(path), path


def vectors(table, language):
    return np.array(
        [v for v, lang in zip(table["vector"].to_pylist(), table["lang"].to_pylist(), strict=True) if lang == language]
    )


def by_hand(run, language, row, layer):
    """Hidden states of one sentence alone, straight from transformers: (T, H)."""
    encoder = load_encoder(paths.encoder_dir(tiny.ENCODER))
    weights = load_file(paths.run_model(run))
    encoder.model.load_state_dict(
        {k.removeprefix("model.encoder."): t for k, t in weights.items() if k.startswith("model.encoder.")}
    )
    words = tiny.sentences(language, "test", 12)[row][1]
    ids = encoder.tokenizer.encode(words, is_pretokenized=True).ids
    with torch.no_grad():
        out = encoder.model.eval()(input_ids=torch.tensor([ids]), output_hidden_states=True)
    return out.hidden_states[layer][0].numpy(), len(words)


@pytest.mark.parametrize(("layer", "index"), [("last", 2), (0, 0), (1, 1), (2, 2)])
def test_words_are_represented_by_their_first_sub_token(run, layer, index):
    table, said, _ = made(run, layer=layer)
    for language in ("alpha", "beta"):
        rows = select(12, 5, 3, "any")
        expected = []
        for row in rows:
            hidden, words = by_hand(run, language, row, index)
            expected.append(hidden[1 : words + 1])  # the tiny tokenizer: [CLS], a token a word, [SEP]
        assert vectors(table, language) == pytest.approx(np.concatenate(expected), abs=1e-5)
    assert said["sources"] == ["alpha"] and said["targets"] == ["beta"]
    assert table["lang"].to_pylist() == sorted(table["lang"].to_pylist())  # sources first
    first = tiny.sentences("alpha", "test", 12)[rows[0]]
    assert table["id"][0].as_py() == first[0]
    assert table["word"].to_pylist()[: len(first[1])] == list(range(len(first[1])))


def test_sentences_are_represented_by_their_start_token(run):
    table, _, _ = made(run, units="sentence", sentences=100)
    assert table.num_rows == 24 and set(table["word"].to_pylist()) == {-1}
    hidden, _ = by_hand(run, "beta", int(select(12, 12, 3, "any")[4]), 2)
    assert vectors(table, "beta")[4] == pytest.approx(hidden[0], abs=1e-5)


def test_the_file_says_what_it_is_of_and_has_the_same_bytes_again(run):
    _, said, path = made(run)
    before = path.read_bytes()
    path.unlink()
    made(run)
    assert path.read_bytes() == before
    assert said["model"] == sha256_file(paths.run_model(run)) and said["run"] == run and said["view"] == VIEW
    assert set(said["data"]) == {str(paths.split(tiny.DATASET, language, "test")) for language in ("alpha", "beta")}


def test_a_zero_shot_run_keeps_a_copy_of_its_parents_model(trained, monkeypatch):
    monkeypatch.chdir(trained[0])
    parent_spec = tiny.spec("source_only", targets=[], evaluate=[], training={"epochs": 1})
    parent = tiny.name_of(parent_spec)
    train_run(parent, parent_spec, 1, True, time.monotonic())
    kept = {"max_length": 32, "precision": "auto", "batch_size": 8}
    child_spec = {**tiny.spec("zero_shot", parent=parent), "training": kept}
    child = tiny.name_of(child_spec)
    train_run(child, child_spec, 1, True, time.monotonic())
    ours, theirs = load_file(paths.run_model(child)), load_file(paths.run_model(parent))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)
    assert set(made(child)[0]["lang"].to_pylist()) == {"alpha", "beta"}


def test_a_run_without_sources_model_or_end_is_refused(trained, monkeypatch):
    monkeypatch.chdir(trained[0])
    spec = tiny.spec("target_only", sources=[], training={"epochs": 1})
    name = tiny.name_of(spec)
    with pytest.raises(UserError, match=r"run\.json: no such file"):
        represent.represent_run(name, VIEW, 1)
    train_run(name, spec, 1, False, time.monotonic())
    with pytest.raises(UserError, match=r"the run kept no model; make it with: snakemake .*model\.safetensors"):
        represent.represent_run(name, VIEW, 1)
    train_run(name, spec, 1, True, time.monotonic())
    with pytest.raises(UserError, match="there is no source language"):
        represent.represent_run(name, VIEW, 1)
    weights = load_file(paths.run_model(name))
    save_file({key: tensor + 1 for key, tensor in weights.items()}, paths.run_model(name))
    with pytest.raises(UserError, match=r"not the model of which .*run\.json tells"):
        represent.represent_run(name, VIEW, 1)


def test_a_layer_beyond_the_encoder_is_refused_before_anything_is_computed(run):
    with pytest.raises(UserError, match=r"layer 3: encoder tiny-11111111 has layers 0 \(the embeddings\) to 2"):
        represent.represent_run(run, {**VIEW, "layer": 3}, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": "tokens"}, "--spec: units 'tokens'; did you mean 'token'"),
        ({"split": "text"}, "--spec: split 'text'"),
        ({"sentences": 0}, "--spec: sentences 0; expected a whole number of at least 1"),
        ({"layers": 1}, "--spec: unknown key 'layers'; did you mean 'layer'"),
    ],
)
def test_a_wrong_view_is_refused(change, message):
    with pytest.raises(UserError, match=message):
        represent.read_view(json.dumps({**VIEW, **change}))
