"""Encoders trained on by masked words: every architecture, its head, its vocabulary, what is never hidden."""

import json
import time

import pytest
import torch
from safetensors.torch import load_file, save_file

from pipeline.common import paths
from pipeline.common.errors import UserError
from pipeline.common.files import write_json
from pipeline.encoders import extend as extending
from pipeline.encoders import pretrain as pretraining
from pipeline.encoders.architectures import ARCHITECTURES
from pipeline.encoders.continued import known_pieces, load_masked, train_on
from pipeline.encoders.load import load_encoder, quiet
from pipeline.encoders.mlm import head_logits
from pipeline.encoders.pooler import pretrained_pooler
from pipeline.encoders.pretrain import Job, Training
from pipeline.training.run import train_run
from tests import tiny
from tests.encoders.models import SENTENCES, save_row, save_tiny

TEXTS = {"toy/aa": SENTENCES * 4}


class Killed(Exception):
    pass


def training(**changes):
    given = {"max_length": 16, "alpha": 0.5, "steps": 12, "batch_size": 8, "learning_rate": 3e-3, "weight_decay": 0.01}
    return Training(**{**given, "warmup": 0.1, "mask": 0.3, "seed": 0, **changes})


def run(start, folder, texts=TEXTS, kill_at=None, resumed=None, **changes):
    def report(done, text):
        if done == kill_at:
            raise Killed

    seen = [] if resumed is None else resumed
    folder.mkdir(exist_ok=True)
    job = Job(folder / "checkpoint.pt", torch.device("cpu"), report, seen.append)
    return train_on(start, training(**changes), texts, job, folder)


def masked(folder):
    return load_masked(folder, load_encoder(folder).model.config, 0)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_learns_and_stays_what_it_is(tmp_path, architecture):
    start, folder = tmp_path / "start", tmp_path / "on"
    save_row(start, architecture)
    facts = run(start, folder)
    before, after = facts["held_out_before"]["toy/aa"], facts["held_out"]["toy/aa"]
    assert after["loss"] < before["loss"] - 0.1
    assert after["hidden"] == before["hidden"], "the same words are hidden"
    assert facts["head"] == "kept"
    old, new = load_encoder(start), load_encoder(folder)
    assert (folder / "tokenizer.json").read_bytes() == (start / "tokenizer.json").read_bytes()
    assert (old.pad_id, old.max_length, old.special_ids) == (new.pad_id, new.max_length, new.special_ids)
    weights, changed = old.model.state_dict(), new.model.state_dict()
    assert {name: w.shape for name, w in weights.items()} == {name: w.shape for name, w in changed.items()}
    name = ARCHITECTURES[architecture].words
    assert 0 < (changed[name] - weights[name]).abs().max() < 0.1, "rows keep their ids and move a little"
    assert masked(folder)[1] == "kept", "it can be trained on once more"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_logits_are_those_of_transformers_own_class(tmp_path, architecture):
    save_row(tmp_path, architecture)
    model, _ = masked(tmp_path)
    ids = torch.tensor([load_encoder(tmp_path).tokenizer.encode(SENTENCES[0]).ids])
    states = model.eval().base_model(ids).last_hidden_state[0]
    torch.testing.assert_close(head_logits(model, states), model(ids).logits[0])


def test_debertas_own_head_is_found(tmp_path):
    save_row(tmp_path, "deberta-v2")
    model, _ = masked(tmp_path)
    config = model.config
    config.legacy = False
    with quiet():
        made = type(model)(config)
        made.save_pretrained(tmp_path)
    write_json(tmp_path / "config.json", {**json.loads((tmp_path / "config.json").read_text()), "legacy": True})
    own, head = masked(tmp_path)
    assert head == "kept"
    ids = torch.tensor([[2, 7, 8, 3]])
    states = own.eval().base_model(ids).last_hidden_state[0]
    torch.testing.assert_close(head_logits(own, states), made.eval()(ids).logits[0])


def test_resumes_to_the_same_bits_after_a_kill(tmp_path, monkeypatch):
    monkeypatch.setattr(pretraining, "CHECKPOINT_SECONDS", 0.0)
    save_row(tmp_path / "start", "xlm-roberta")
    facts, resumed = run(tmp_path / "start", tmp_path / "whole"), []
    with pytest.raises(Killed):
        run(tmp_path / "start", tmp_path / "killed", kill_at=7)
    assert run(tmp_path / "start", tmp_path / "killed", resumed=resumed) == facts
    assert resumed and resumed[0] > 0
    whole, again = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert whole.keys() == again.keys() and all(torch.equal(whole[key], again[key]) for key in whole)


def test_history_holds_both_probes(tmp_path):
    save_row(tmp_path / "start", "bert")
    facts = run(tmp_path / "start", tmp_path / "on", steps=2)
    lines = [json.loads(line) for line in (tmp_path / "on/history.jsonl").read_text().splitlines()]
    assert lines[0] == {"step": 0, "held_out": facts["held_out_before"]}
    assert lines[-1] == {"step": 2, "held_out": facts["held_out"]}


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta"])
def test_a_bare_encoder_gets_a_head_tied_to_its_embeddings_and_keeps_its_pooler(tmp_path, architecture):
    start, folder = tmp_path / "start", tmp_path / "on"
    save_tiny(start, architecture, head=False)
    weights = load_file(start / "model.safetensors")
    weights["pooler.dense.bias"] = torch.arange(16.0)
    save_file(weights, start / "model.safetensors", metadata={"format": "pt"})
    model, head = masked(start)
    assert head == "new"
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    assert torch.equal(model.get_input_embeddings().weight, weights["embeddings.word_embeddings.weight"])
    assert run(start, folder, steps=2)["head"] == "new"
    old, new = (pretrained_pooler(place).state_dict() for place in (start, folder))
    assert all(torch.equal(old[key], new[key]) for key in old)
    assert masked(folder)[1] == "kept"


def test_words_kept_apart_begin_as_the_embeddings(tmp_path):
    save_row(tmp_path / "start", "eurobert")
    (tmp_path / "bare").mkdir()
    bare = load_encoder(tmp_path / "start").model
    with quiet():
        bare.save_pretrained(tmp_path / "bare")
    (tmp_path / "bare/tokenizer.json").write_bytes((tmp_path / "start/tokenizer.json").read_bytes())
    model, head = masked(tmp_path / "bare")
    assert head == "new"
    assert torch.equal(model.lm_head.weight, bare.embed_tokens.weight)
    assert model.lm_head.weight is not model.get_input_embeddings().weight


@pytest.mark.parametrize("architecture", ["bert", "eurobert"])
def test_new_pieces_are_trained_and_the_head_of_the_base_serves(tmp_path, architecture):
    save_row(tmp_path / "base", architecture)
    (tmp_path / "ext").mkdir()
    settings = extending.Settings(pieces=5, min_frequency=2, initialise="mean", seed=0)
    pieces = extending.extend(tmp_path / "base", ["adasees in rome adasees"] * 3, settings, tmp_path / "ext")["pieces"]
    base, extended = masked(tmp_path / "base")[0].state_dict(), masked(tmp_path / "ext")[0].state_dict()
    assert pieces and base.keys() == extended.keys()
    for name, weight in base.items():
        assert torch.equal(extended[name][: len(weight)], weight), name
    facts = run(tmp_path / "ext", tmp_path / "on", {"toy/aa": ["adasees in rome adasees", *SENTENCES] * 9}, steps=4)
    assert facts["head"] == "kept"
    words = ARCHITECTURES[architecture].words
    old, new = (load_encoder(tmp_path / name).model.state_dict()[words][-pieces:] for name in ("ext", "on"))
    assert (old != new).all()


def test_special_tokens_and_the_unknown_one_are_never_hidden_nor_put_in(tmp_path):
    save_row(tmp_path, "bert")
    encoder = load_encoder(tmp_path)
    pieces = known_pieces(tmp_path, encoder)
    names = ARCHITECTURES["bert"].tokens.values()
    assert set(pieces.never) == {encoder.tokenizer.token_to_id(name) for name in names}
    assert sorted([*pieces.never, *pieces.ordinary]) == list(range(encoder.tokenizer.get_vocab_size()))
    ids = encoder.tokenizer.encode("ada ж rome")
    assert pieces.may_hide(ids.ids).tolist() == [token != "[UNK]" for token in ids.tokens[1:-1]]


def test_sentences_without_a_known_piece_are_left_out_and_counted(tmp_path):
    save_row(tmp_path / "start", "bert")
    facts = run(tmp_path / "start", tmp_path / "on", {"toy/aa": [*SENTENCES[:4], "ж", "", "жж ж"]}, steps=1)
    assert facts["languages"] == {"toy/aa": {"sentences": 4, "share": 1.0, "dropped": 3}}
    assert facts["held_out"] == {}, "too few to hold any out"


@pytest.mark.parametrize(
    ("texts", "changes", "message"),
    [
        ({"toy/aa": []}, {}, "text: toy/aa has no sentences to pretrain on"),
        (
            {"toy/aa": SENTENCES, "toy/bb": ["ж жж"] * 9},
            {},
            r"no sentence of toy/bb holds a piece that the vocabulary of start knows; extend it for the language first",
        ),
        (TEXTS, {"max_length": 41}, r"max_length: 41, but .*start takes at most 40 word pieces; set .* to 40 or less"),
        (TEXTS, {"learning_rate": 1e38, "warmup": 0.0}, "the training diverged; lower the encoder's learning_rate"),
    ],
)
def test_refused(tmp_path, texts, changes, message):
    save_row(tmp_path / "start", "bert")
    with pytest.raises(UserError, match=message):
        run(tmp_path / "start", tmp_path / "on", texts, **changes)
    assert not (tmp_path / "on/model.safetensors").exists()


def test_a_tokenizer_without_a_mask_is_refused(tmp_path):
    save_row(tmp_path, "bert")
    path = tmp_path / "tokenizer.json"
    path.write_text(path.read_text().replace('"[MASK]"', '"[GAP]"'))
    with pytest.raises(UserError, match=r"mask_token '\[MASK\]'"):
        run(tmp_path, tmp_path / "on")
    write_json(tmp_path / "tokenizer_config.json", {"mask_token": "[GAP]"})  # what the error of `known_pieces` advises
    assert run(tmp_path, tmp_path / "on", steps=1)["tokens"]


def test_a_run_trains_on_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny.make_world(tmp_path)
    sentences = [" ".join(words) for _, words, _ in tiny.sentences("beta", "text", 30)]
    folder = paths.encoder_dir("on-00000000")
    run(paths.encoder_dir(tiny.ENCODER), folder, {"tiny/beta": sentences}, steps=2)
    write_json(paths.encoder_manifest("on-00000000"), {"spec": "tiny"})
    spec = tiny.spec("target_only", encoder="on-00000000", training={"epochs": 1})
    train_run(tiny.name_of(spec), spec, 1, False, time.monotonic())
    assert paths.predictions(tiny.name_of(spec)).is_file()
