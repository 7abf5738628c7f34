import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pipeline.common.errors import UserError
from pipeline.common.signals import AskedToEnd
from pipeline.encoders import pretrain as pretraining
from pipeline.encoders.load import load_encoder
from pipeline.encoders.mlm import Pieces
from pipeline.encoders.pretrain import Job, learning_rate, pretrain
from pipeline.encoders.probe import Corpus, evaluate
from tests.encoders.models import SENTENCES, settings, tiny_masked_lm
from tests.methods.stopping import asked_at


class Killed(Exception):
    pass


def chain_texts(count=300, words=12, seed=0):
    """Sentences that walk round a circle of words: a hidden word follows from its neighbours."""
    rng = np.random.default_rng(seed)
    names = [chr(97 + i) * 3 for i in range(words)]
    return [" ".join(names[(start + k) % words] for k in range(6)) for start in rng.integers(words, size=count)]


TEXTS = {"toy/aa": chain_texts(), "toy/bb": [t.upper() for t in chain_texts(80, seed=1)]}


def job(folder, kill_at=None, log=None):
    def report(done, text):
        if done == kill_at:
            raise Killed

    resumed = (lambda step: log.append(step)) if log is not None else (lambda step: None)
    return Job(folder / "checkpoint.pt", torch.device("cpu"), report, resumed)


@pytest.fixture(autouse=True)
def checkpoint_often(monkeypatch):
    monkeypatch.setattr(pretraining, "CHECKPOINT_SECONDS", 0.0)


def run(folder, changes=None, texts=TEXTS, **options):
    folder.mkdir(exist_ok=True)
    facts = pretrain(settings(**(changes or {})), texts, job(folder, **options), folder)
    return facts, load_file(folder / "model.safetensors")


def rows(folder):
    lines = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "seconds"} for line in lines]


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        assert torch.equal(one[name], other[name]), name


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta"])
def test_resumes_to_the_same_bits_after_a_kill(tmp_path, architecture):
    changes = {"architecture": architecture}
    facts, whole = run(tmp_path / "whole", changes)
    folder, resumed = tmp_path / "killed", []
    for kill_at in (5, 9):
        with pytest.raises(Killed):
            run(folder, changes, kill_at=kill_at, log=resumed)
    again, weights = run(folder, changes, log=resumed)
    assert resumed == [5, 9]
    assert_same(weights, whole)
    assert again == facts
    assert rows(folder) == rows(tmp_path / "whole")


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta"])
def test_asked_to_end_at_any_step_it_comes_to_the_same_bits(tmp_path, architecture, monkeypatch):
    """At steps between two lines of the history, and at the first of all."""
    monkeypatch.setattr(pretraining, "LOG_EVERY", 4)
    monkeypatch.setattr(pretraining, "CHECKPOINT_SECONDS", 1e9)
    changes = {"architecture": architecture, "steps": 90}
    facts, whole = run(tmp_path / "whole", changes)
    folder, resumed = tmp_path / "asked", []
    for number in (1, 10, 3, 41):
        with asked_at(number), pytest.raises(AskedToEnd, match=r"with a checkpoint of step [\d]+ of 90; started again"):
            run(folder, changes, log=resumed)
    again, weights = run(folder, changes, log=resumed)
    assert resumed == [0, 9, 11, 51]
    assert_same(weights, whole)
    assert again == facts
    assert rows(folder) == rows(tmp_path / "whole")


def test_same_seed_same_bits_other_seed_other_bits(tmp_path):
    _, one = run(tmp_path / "one")
    _, same = run(tmp_path / "same")
    _, other = run(tmp_path / "other", {"seed": 1})
    assert_same(one, same)
    assert not torch.equal(*(w["bert.embeddings.word_embeddings.weight"] for w in (one, other)))


@pytest.mark.parametrize("architecture", ["bert", "xlm-roberta"])
def test_learns_what_the_context_tells(tmp_path, architecture):
    changes = {"architecture": architecture, "steps": 200, "batch_size": 32, "learning_rate": 1e-2, "hidden_size": 32}
    texts = {"toy/aa": chain_texts(600), "toy/bb": [t.upper() for t in chain_texts(400, seed=1)]}
    facts, _ = run(tmp_path, {**changes, "vocabulary_size": 160, "dropout": 0.0, "mask": 0.2}, texts)
    for probe in facts["held_out"].values():
        # Twelve words equally often: a guess without context is right a twelfth of the time, at a loss of log 12.
        assert probe["unigram_accuracy"] < 1 / 6
        assert probe["unigram_loss"] == pytest.approx(math.log(12), rel=0.1)
        assert probe["accuracy"] > 0.6
        assert probe["loss"] < 0.5 * probe["unigram_loss"]
    encoder = load_encoder(tmp_path)
    assert encoder.max_length == 16
    assert encoder.tokenizer.get_vocab_size() == facts["vocabulary"] == encoder.model.config.vocab_size


def test_saved_encoder_opens_with_transformers_own_classes(tmp_path):
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    run(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    assert tokenizer.mask_token == "[MASK]"
    assert tokenizer("aaa bbb")["input_ids"] == load_encoder(tmp_path).tokenizer.encode("aaa bbb").ids
    model = AutoModelForMaskedLM.from_pretrained(tmp_path, local_files_only=True)
    assert torch.equal(model.bert.embeddings.word_embeddings.weight, model.cls.predictions.decoder.weight)


def test_facts(tmp_path):
    facts, weights = run(tmp_path)
    # 2 % of 300 and 80 are held out: 6 and 2 (round half to even does not arise), so p ∝ 294, 78, and q ∝ √p.
    a, b = math.sqrt(294), math.sqrt(78)
    assert facts["languages"] == {
        "toy/aa": {"sentences": 294, "share": pytest.approx(a / (a + b), abs=1e-6)},
        "toy/bb": {"sentences": 78, "share": pytest.approx(b / (a + b), abs=1e-6)},
    }
    assert facts["parameters"] == sum(w.numel() for w in weights.values())
    assert facts["tokens"] <= facts["processed_tokens"]
    assert [r["step"] for r in rows(tmp_path)] == [*range(1, 13), 12]
    assert rows(tmp_path)[-1]["held_out"] == facts["held_out"]


def test_sentences_are_cut_to_max_length(tmp_path):
    facts, _ = run(tmp_path, {"max_length": 8, "steps": 2}, {"a": [" ".join(["aaa"] * 50)] * 20})
    assert facts["processed_tokens"] == 2 * 4 * 8


def test_learning_rate_by_hand():
    # 10 steps, a fifth rising: 1/2, 1, then (10 - step)/8: 1 at step 2, 1/8 at step 9.
    s = settings(steps=10, warmup=0.2, learning_rate=0.008)
    rates = [learning_rate(step, s) for step in range(10)]
    assert rates == pytest.approx([0.004, 0.008, 0.008, 0.007, 0.006, 0.005, 0.004, 0.003, 0.002, 0.001])


def test_divergence_names_the_step(tmp_path):
    with pytest.raises(UserError, match=r"gradient norm \S+ at step [23]: the training diverged"):
        run(tmp_path, {"learning_rate": 1e38, "warmup": 0.0})
    assert not (tmp_path / "checkpoint.pt").exists() or torch.load(tmp_path / "checkpoint.pt")["state"]["step"] < 3
    assert not (tmp_path / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"toy/aa": SENTENCES, "toy/bb": []}, "toy/bb has no sentences"),
        ({"toy/aa": SENTENCES, "toy/bb": [" ", ""]}, "toy/bb has no sentences"),
        ({"toy/aa": SENTENCES, "toy/bb": ["\u200e"]}, "no sentence of toy/bb holds a word"),
    ],
)
def test_language_without_text(tmp_path, texts, message):
    with pytest.raises(UserError, match=message):
        run(tmp_path, texts=texts)


def test_impossible_settings():
    with pytest.raises(UserError, match=r"hidden_size: 16 is not a multiple of heads \(3\)"):
        settings(heads=3)
    with pytest.raises(UserError, match="architecture: 'gpt'; expected one of bert, xlm-roberta"):
        settings(architecture="gpt")


def test_probe_baseline_by_hand():
    model = tiny_masked_lm("bert")
    sentence = np.array([2, 7, 7, 7, 9, 3])
    corpus = Corpus(["x"], [[sentence]], [[sentence] * 50], np.array([1.0]))
    probe = evaluate(model, corpus, Pieces(0, 4, np.arange(5, 60)), 0.5)["x"]
    # Always guessing piece 7 is right on three of four pieces; add-one smoothed over 60 pieces, 7 has 4/64 and 9 has 2/64.
    assert probe["unigram_accuracy"] == pytest.approx(0.75, abs=4 * math.sqrt(0.75 * 0.25 / probe["hidden"]))
    share = probe["unigram_accuracy"]
    expected = share * math.log(64 / 4) + (1 - share) * math.log(64 / 2)
    assert probe["unigram_loss"] == pytest.approx(expected, abs=1e-3)
    assert probe["hidden"] >= 400


def test_languages_too_small_to_hold_out_are_trained_on_but_not_probed(tmp_path):
    facts, _ = run(tmp_path, texts={"toy/aa": chain_texts(), "toy/zz": SENTENCES[:4]})
    assert facts["languages"]["toy/zz"]["sentences"] == 4
    assert list(facts["held_out"]) == ["toy/aa"]


def test_checkpoint_is_whole_or_absent(tmp_path, monkeypatch):
    def full_disk(content, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pretraining.torch, "save", full_disk)
    with pytest.raises(OSError, match=r"No space left on device: '.*checkpoint\.pt'"):
        run(tmp_path)
    assert list(tmp_path.iterdir()) == []
