"""Trimmed vocabularies: whole runs of every method and architecture come to what they would with all rows, in float64.

The encoder's tokens lie between others that no text has, so every id is mapped to another row.
"""

import json
import re
import shutil
import time
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers.models.bert.configuration_bert import BertConfig
from transformers.models.bert.modeling_bert import BertModel

from pipeline.common import paths
from pipeline.common.checkpoint import load as load_checkpoint
from pipeline.common.checkpoint import save as save_checkpoint
from pipeline.common.errors import UserError
from pipeline.common.files import read_parquet, write_json
from pipeline.data.splits import select
from pipeline.encoders import load
from pipeline.encoders.architectures import ARCHITECTURES
from pipeline.methods import method_names
from pipeline.methods.parts.fine_tuning import FINE_TUNE_KEYS
from pipeline.training import run as run_module
from pipeline.training.loop import Loop
from pipeline.training.run import train_run
from pipeline.training.trimming import LEAST
from tests import tiny
from tests.encoders.models import save_row
from tests.methods import auxiliaries
from tests.methods.test_metaxl import loop_of
from tests.training.test_lora import CLASSES, EPISODES, METHODS

BETWEEN = 3
"""A token of the texts is every third row."""

UNTRAINED = {"zero_shot", "weight_average", "ensemble", "majority", "random"}
EXACT = {"eurobert": 1e-6}  # its normalisation computes in float32, whatever it is given


def write_sparse_encoder():
    """The tiny encoder, its tokens' rows spread among others; padding is row 4."""
    old = tiny.tokenizer().get_vocab()
    spread = {token: BETWEEN * number + 4 for token, number in old.items()}
    filled = {f"unused{row}": row for row in range(max(spread.values()) + BETWEEN) if row not in spread.values()}
    made = Tokenizer(models.WordLevel({**spread, **filled}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(token, spread[token]) for token in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    folder = paths.encoder_dir(tiny.ENCODER)
    for file in folder.iterdir():
        file.unlink()
    made.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(
        vocab_size=made.get_vocab_size(), max_position_embeddings=40, pad_token_id=spread["[PAD]"], **sizes
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    write_json(paths.encoder_manifest(tiny.ENCODER), {"spec": "tiny"})


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trimming")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        auxiliaries.make_world()
        write_sparse_encoder()
        for architecture in ARCHITECTURES:
            save_row(paths.encoder_dir(f"{architecture}-33333333"), architecture, vocabulary=100)
            write_json(paths.encoder_manifest(f"{architecture}-33333333"), {"spec": architecture})
        tiny.write_task_splits("sentiment", ("alpha", "beta", "gamma"), {"train": 20, "dev": 6, "test": 6}, CLASSES)
    return folder


@pytest.fixture
def world(written, monkeypatch):
    """Four languages of entities, three of sentiment, a tiny encoder; short stretches, and trimming pays from one row on."""
    monkeypatch.chdir(written)
    monkeypatch.setattr("pipeline.training.trimming.LEAST", 1)
    monkeypatch.setattr("pipeline.methods.parts.episodes.STRETCH", 2)
    monkeypatch.setattr("pipeline.methods.parts.episodes.SHORTEST", 1)
    torch.set_num_threads(1)


@pytest.fixture
def double(monkeypatch):
    """Everything in float64: the encoder, what is made beside it, and the losses, which are otherwise taken in float32."""

    def load_double(folder):
        found = load.load_encoder(folder)
        return replace(found, model=found.model.double())

    monkeypatch.setattr(run_module, "load_encoder", load_double)
    monkeypatch.setattr(torch.Tensor, "float", lambda tensor: tensor)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def spec_of(kind, changes=None, **training):
    given = {"epochs": 2, "batch_size": 4, "clip_norm": 0.5, "weight_decay": 0.5}
    return tiny.spec(kind, **(changes or {}), training=given | training)


def trained(spec, keep=True):
    """Train a run; return its name, record, history, predictions and kept model."""
    name = tiny.name_of(spec)
    train_run(name, spec, 1, keep, time.monotonic())
    record = json.loads(paths.run_record(name).read_text())
    history = [json.loads(line) for line in paths.history(name).read_text().splitlines()]
    model = load_file(paths.run_model(name)) if keep else {}
    return name, record, history, read_parquet(paths.predictions(name)), model


def assert_same(spec, tolerance=1e-12):
    """Train with and without the rows that no text has, and compare all that comes of it; return both names and the model."""
    whole_spec = {**spec, "training": {**spec["training"], "trim": False}}
    name, record, history, predictions, model = trained(spec)
    other, whole_record, whole_history, whole_predictions, whole = trained(whole_spec)
    assert whole_record["vocabulary"]["why"] == "trim: no"
    assert "why" not in record["vocabulary"], record["vocabulary"]
    assert record["vocabulary"]["kept"] < record["vocabulary"]["rows"] == whole_record["vocabulary"]["kept"]
    for key in ("parameters", "trainable", "epochs", "best_epoch", "tokens"):
        assert record[key] == whole_record[key], key
    assert predictions.equals(whole_predictions)
    for ours, theirs in zip(history, whole_history, strict=True):
        assert ours["dev_score"] == theirs["dev_score"]
        for key, value in ours["losses"].items():
            assert value == pytest.approx(theirs["losses"][key], rel=tolerance * 1e3, abs=tolerance), key
        assert ours["gradient_norm"] == pytest.approx(theirs["gradient_norm"], rel=tolerance * 1e3)
    assert model.keys() == whole.keys()
    for key, tensor in model.items():
        torch.testing.assert_close(tensor, whole[key], rtol=tolerance, atol=tolerance, msg=key)
    return name, other, model


def test_every_method_that_trains_is_here():
    assert {name.partition(",")[0] for name in METHODS} == set(method_names()) - UNTRAINED


@pytest.mark.parametrize("name", METHODS)
def test_every_method_comes_to_the_same(world, double, name):
    """AdamW with much decay and a clipping that takes effect; best epochs, averages, interpolations, meta-gradients."""
    spec = spec_of(name.partition(",")[0], METHODS[name])
    _, _, model = assert_same(spec)
    words = model["model.encoder.embeddings.word_embeddings.weight"]
    original = load_file(paths.encoder_dir(tiny.ENCODER) / "model.safetensors")["embeddings.word_embeddings.weight"]
    factors = words[5] / original[5].double()  # of a row that no text has
    assert torch.allclose(factors, factors.mean().expand(16), rtol=1e-12)
    fixed = name in ("freeze_layers", "meta_optimizer", "layer_rates")
    assert (float(factors.mean()) == 1) == fixed, "decay was put on it, where embeddings are trained"


@pytest.mark.parametrize(
    ("kind", "changes", "training", "expected"),
    [
        ("target_only", {}, {}, 0.995**10),
        ("target_only", {}, {"optimizer": "sgd"}, 0.995**10),
        ("target_only", {}, {"optimizer": "adam", "weight_decay": 0.0}, 1.0),
        ("checkpoint_average", {"targets": []}, {}, (0.995**5 + 0.995**10) / 2),
        ("reptile", METHODS["reptile"], {}, (1 + 0.3 * (0.995**2 - 1)) ** 4),
        ("freeze_layers", METHODS["freeze_layers"], {}, 1.0),
    ],
)
def test_rows_left_out_are_multiplied_by_what_the_formula_says(world, double, kind, changes, training, expected):
    """Rate 0.01 and decay 0.5: each step of AdamW or SGD leaves 0.995; ten steps, or four times two of Reptile with ε = 0.3."""
    plain = {"learning_rate": 0.01, "schedule": "constant", "warmup": 0.0, "select": "last"}
    if kind == "reptile":
        changes = {**changes, "method": {**changes["method"], "epsilon": 0.3}}
    *_, model = trained(spec_of(kind, changes, **(plain | training)))
    original = load_file(paths.encoder_dir(tiny.ENCODER) / "model.safetensors")["embeddings.word_embeddings.weight"]
    found = model["model.encoder.embeddings.word_embeddings.weight"]
    torch.testing.assert_close(found[5::BETWEEN], expected * original[5::BETWEEN].double(), rtol=1e-12, atol=0)


def test_rows_that_nothing_moves_keep_their_bits(world):
    """In float32, as runs are: embeddings that are fixed are kept as they were."""
    *_, model = trained(spec_of("freeze_layers", METHODS["freeze_layers"]))
    original = load_file(paths.encoder_dir(tiny.ENCODER) / "model.safetensors")["embeddings.word_embeddings.weight"]
    assert torch.equal(model["model.encoder.embeddings.word_embeddings.weight"], original)


def test_children_start_alike_and_end_alike(world, double):
    """A parent's kept model is whole: `beta`, which the child reads, spells its words backwards, so the parent read others."""
    parents = assert_same(spec_of("source_only", {"targets": [], "evaluate": ["alpha"]}))[:2]
    kept = []
    for parent in parents:
        *_, model = assert_same(spec_of("fine_tune", {"parent": parent}))
        loop, _ = loop_of(spec_of("fine_tune", {"parent": parent}))
        kept.append((loop.model.state_dict(), model))
    for ours, theirs in zip(*kept, strict=True):
        assert ours.keys() == theirs.keys()
        for key, tensor in ours.items():
            torch.testing.assert_close(tensor, theirs[key], rtol=1e-12, atol=1e-12, msg=key)


def test_adapters_train_beside_trimmed_embeddings(world, double, monkeypatch):
    """Coupled decay of Adam moves no embedding where these are fixed."""
    saved, save = [], Loop.save
    monkeypatch.setattr(Loop.__init__, "__defaults__", (lambda records: None, 0.0))
    monkeypatch.setattr(Loop, "save", lambda loop, *rest: (save(loop, *rest), saved.append(loop.checkpoints.load())))
    assert_same(spec_of("joint", optimizer="adam", lora=tiny.LORA))
    assert all(not [key for key in state["weights"] if "word_embeddings" in key] for state in saved) and saved


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_comes_to_the_same(world, double, architecture):
    assert_same(spec_of("joint", {"encoder": f"{architecture}-33333333"}), EXACT.get(architecture, 1e-12))


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def killed(spec, monkeypatch):
    """Kill a run when it has written its first checkpoint."""
    save = Loop.save

    def save_and_die(*arguments):
        save(*arguments)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Loop.__init__, "__defaults__", (lambda records: None, 0.0))
        patch.setattr(Loop, "save", save_and_die)
        with pytest.raises(Killed):
            trained(spec)
    (folder,) = paths.run_dir(tiny.name_of(spec)).glob("checkpoint-*")
    return folder


def test_a_killed_run_resumes_to_the_same_bits(world, monkeypatch):
    spec = spec_of("joint", epochs=3)
    name, _, _, predictions, model = trained(spec)
    shutil.rmtree(paths.run_dir(name))
    state = torch.load(killed(spec, monkeypatch) / "latest.pt", weights_only=True)
    record = json.loads((trained(spec), paths.run_record(name))[1].read_text())
    assert (
        state["weights"]["model.encoder.embeddings.word_embeddings.weight"].shape[0] == record["vocabulary"]["kept"] + 1
    )
    resumed = load_file(paths.run_model(name))
    assert all(torch.equal(tensor, resumed[key]) for key, tensor in model.items())
    assert read_parquet(paths.predictions(name)).equals(predictions)


def test_a_checkpoint_for_other_texts_is_dropped(world, monkeypatch, capsys):
    """As many rows, and those of other words: nothing but their ids tells that they are others."""
    spec = spec_of("joint", {"model_seed": 2}, epochs=3)
    folder = killed(spec, monkeypatch)
    state = load_checkpoint(folder / "latest.pt")
    save_checkpoint(folder / "latest.pt", {**state, "of": "0" * 64})
    trained(spec, keep=False)
    assert "its word embeddings are those of other texts: it is dropped" in capsys.readouterr().err


TUNED = {**tiny.TRAINING, "optimizer": "adam", "weight_decay": 0.1, "epochs": 1}
FEW_SHOT = {"setting": "few_shot", "fine_tune": {key: TUNED[key] for key in FINE_TUNE_KEYS}}


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (spec_of("joint", optimizer="adam"), "adam with weight_decay moves unused rows too, each its own way"),
        (
            spec_of("x_maml", {**METHODS["x_maml"], "targets": ["beta"], "method": {**EPISODES, **FEW_SHOT}}),
            "adam with weight_decay moves unused rows too, each its own way",
        ),
        (spec_of("joint", optimizer="adam", weight_decay=0.0), None),
        (spec_of("joint", optimizer="sgd"), None),
        (spec_of("joint", trim=False), "trim: no"),
        (spec_of("zero_shot"), "nothing is trained"),
    ],
)
def test_what_run_json_says(world, spec, why):
    _, record, *_ = trained(spec, keep=False)
    said = record["vocabulary"]
    assert said.get("why") == why
    assert (said["kept"] == said["rows"]) == (why is not None)


def test_small_vocabularies_stay_whole(world, monkeypatch):
    """Runs on them keep their bits: the gradient's norm is summed as ever."""
    monkeypatch.setattr("pipeline.training.trimming.LEAST", LEAST)
    _, record, *_ = trained(spec_of("target_only", {"model_seed": 3}), keep=False)
    rows = record["vocabulary"]["rows"]
    assert record["vocabulary"]["kept"] == rows < LEAST
    assert re.fullmatch(r"\d+ would be left out, fewer than 16,384", record["vocabulary"]["why"])


def test_what_is_no_truth_value_is_refused(world):
    with pytest.raises(UserError, match="training: trim: expected true or false, got 'no'"):
        trained(spec_of("joint", trim="no"))


def test_exactly_the_ids_of_the_runs_texts_and_the_special_ones_are_kept(world):
    """Of each split as many sentences as the run takes; of the test set all."""
    spec = spec_of("joint", {"source_size": 3, "target_size": 2, "dev_size": 1})
    _, record, *_ = trained(spec, keep=False)
    rows = {*read(spec, "alpha", "train", 3), *read(spec, "beta", "train", 2), *read(spec, "beta", "dev", 1)}
    words = {word for row in rows for word in row} | {w for row in read(spec, "beta", "test", None) for w in row}
    assert record["vocabulary"]["kept"] == len(words | set(tiny.SPECIAL))


def read(spec, language, split, size):
    """The words of the sentences that a run takes of a split, as tuples."""
    table = read_parquet(paths.split(tiny.DATASET, language, split))
    where = f"{tiny.DATASET} {language} {split}"
    return [tuple(table["tokens"][int(row)].as_py()) for row in select(table.num_rows, size, spec["data_seed"], where)]
