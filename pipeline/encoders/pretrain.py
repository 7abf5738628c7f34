"""Pretrain a small encoder from scratch: a vocabulary, then masked language modelling on raw text of several languages.

Sentences are not packed together: batches hold sentences of like length, so there is hardly any padding to save, attention
stays short, and the model sees inputs as later training gives them. A resumed training ends in the weights an
uninterrupted one would have: sampling and masking depend on seed and step alone.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tokenizers import Tokenizer

from pipeline.common import signals
from pipeline.common.checkpoint import BrokenError, load, say_dropped
from pipeline.common.checkpoint import save as save_checkpoint
from pipeline.common.errors import UserError
from pipeline.common.files import canonical_json, write_json, write_text
from pipeline.encoders import sampling
from pipeline.encoders.architectures import ARCHITECTURES, architecture_class
from pipeline.encoders.load import make_config, quiet
from pipeline.encoders.long_words import cut_long_words
from pipeline.encoders.mlm import Masked, Pieces, hide, masked_loss
from pipeline.encoders.probe import Corpus, Sentences, evaluate
from pipeline.encoders.vocabulary import train_vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedModel

HELD_OUT_FRACTION, HELD_OUT_MOST = 0.02, 500  # sentences per language that training never sees
VOCABULARY_SENTENCES = 500_000  # a vocabulary learns little from more
CLIP_NORM = 1.0
CHECKPOINT_SECONDS = 60.0  # between two checkpoints, at least
BERT_DEVIATION, BERT_WIDTH = 0.02, 768
LOG_EVERY = 100  # steps at most between two lines of the history


@dataclass(frozen=True, kw_only=True)
class Training:
    """What determines a training by masked words, besides its text and the model it begins with."""

    max_length: int
    alpha: float
    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    warmup: float
    mask: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Settings(Training):
    """What determines an encoder pretrained from scratch, besides its text; the keys of the config's `from: pretrain`."""

    architecture: str
    layers: int
    hidden_size: int
    heads: int
    intermediate_size: int | None
    dropout: float
    vocabulary_size: int
    lower_case: bool

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise UserError(f"architecture: {self.architecture!r}; expected one of {', '.join(ARCHITECTURES)}")
        if self.hidden_size % self.heads:
            raise UserError(f"hidden_size: {self.hidden_size} is not a multiple of heads ({self.heads})")


@dataclass
class State:
    """How far a training is: all that a checkpoint holds besides model and optimiser.

    Attributes:
        step: steps made.
        tokens: pieces seen, without padding.
        processed: the same with padding.
        seconds: time in the loop, earlier attempts included.
        rows: lines of the history.
        outcomes: of the steps since its last line (`take_step`).
    """

    step: int = 0
    tokens: int = 0
    processed: int = 0
    seconds: float = 0.0
    rows: list[dict[str, Any]] = field(default_factory=list)
    outcomes: list[torch.Tensor] = field(default_factory=list)

    def text(self) -> str:
        """The latest loss, for the progress line."""
        return "loss {loss:.3f}, accuracy {accuracy:.3f}".format(**self.rows[-1]) if self.rows else "loss ?"


@dataclass(frozen=True)
class Job:
    """Where and how a pretraining runs; none of it changes the weights on one kind of device.

    Attributes:
        checkpoint: file that holds the state of an unfinished training.
        device: where the model is.
        report: called at every step with the number of steps done and a text.
        resumed: called with the number of steps an earlier attempt made, where there was one.
    """

    checkpoint: Path
    device: torch.device
    report: Callable[[int, str], None]
    resumed: Callable[[int], None]


def pretrain(settings: Settings, texts: Mapping[str, Sequence[str]], job: Job, folder: Path) -> dict[str, Any]:
    """Pretrain an encoder and write it, its tokenizer and `history.jsonl` into `folder`; return facts for the manifest.

    Args:
        settings: the model and its training.
        texts: sentences by language.
        job: device, checkpoint, progress.
        folder: an existing folder.

    Raises:
        UserError: a language has no text, or the loss is not finite (at which step).
    """
    tokenizer, corpus = prepare(settings, texts)
    pieces = make_pieces(tokenizer, settings.architecture)
    model = make_model(settings, tokenizer)
    start_at_frequencies(model, corpus)
    model.to(job.device)
    state = train(model, corpus, pieces, settings, job)
    held_out = evaluate(model, corpus, pieces, settings.mask)
    save(model, tokenizer, settings, folder)
    write_history(folder, [*state.rows, {"step": state.step, "held_out": held_out}])
    return {
        "parameters": model.num_parameters(),
        "vocabulary": tokenizer.get_vocab_size(),
        "max_length": settings.max_length,
        "tokens": state.tokens,
        "processed_tokens": state.processed,
        "held_out": held_out,
        "languages": language_facts(corpus),
    }


def write_history(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the lines of a training's history."""
    write_text(folder / "history.jsonl", "".join(canonical_json(row) + "\n" for row in rows))


def language_facts(corpus: Corpus) -> dict[str, dict[str, Any]]:
    """Return what a manifest says of each language: sentences trained on, and its share of the draws."""
    return {
        name: {"sentences": len(corpus.train[i]), "share": round(float(corpus.shares[i]), 6)}
        for i, name in enumerate(corpus.names)
    }


def hold_out(texts: Mapping[str, Sequence[str]], seed: int) -> tuple[list[str], list[list[str]], list[list[str]]]:
    """Return the languages' names, sorted, and of each the sentences to train on and those held out.

    Raises:
        UserError: a language has no text.
    """
    names = sorted(texts)
    train, held = [], []
    for i, name in enumerate(names):
        if not any(text.strip() for text in texts[name]):
            raise UserError(f"text: {name} has no sentences to pretrain on")
        kept, out = sampling.held_out(len(texts[name]), HELD_OUT_FRACTION, HELD_OUT_MOST, seed, i)
        train.append([texts[name][j] for j in kept])
        held.append([texts[name][j] for j in out])
    return names, train, held


def prepare(settings: Settings, texts: Mapping[str, Sequence[str]]) -> tuple[Tokenizer, Corpus]:
    """Hold sentences out, learn the vocabulary from sampled text, encode everything.

    Raises:
        UserError: a language has no text.
    """
    names, train, held = hold_out(texts, settings.seed)
    shares = sampling.language_shares([len(t) for t in train], settings.alpha)
    size = min(VOCABULARY_SENTENCES, sum(len(t) for t in train))
    sample = (
        sentences[j]
        for i, sentences in enumerate(train)
        for j in sampling.walk(len(sentences), 0, math.ceil(shares[i] * size), settings.seed, i)
    )
    tokenizer = train_vocabulary(sample, settings.architecture, settings.vocabulary_size, settings.lower_case)
    encoded = [encode(tokenizer, t, settings.max_length) for t in train]
    for name, sentences in zip(names, encoded, strict=True):
        if not sentences:
            raise UserError(f"text: no sentence of {name} holds a word")
    return tokenizer, Corpus(names, encoded, [encode(tokenizer, t, settings.max_length) for t in held], shares)


def encode(tokenizer: Tokenizer, texts: Sequence[str], max_length: int) -> Sentences:
    """Return the ids of each sentence with its start and end token, cut to `max_length`; empty ones are left out."""
    cutting = cut_long_words(Tokenizer.from_str(tokenizer.to_str()))
    cutting.enable_truncation(max_length)
    return [ids for ids in encoded_by(cutting, texts) if len(ids) > 2]


def encoded_by(tokenizer: Tokenizer, texts: Sequence[str]) -> Sentences:
    """Return the ids of each sentence, as the tokenizer truncates it."""
    encoded: Sentences = []
    for i in range(0, len(texts), 4096):
        encoded += [np.array(e.ids, dtype=np.int32) for e in tokenizer.encode_batch_fast(list(texts[i : i + 4096]))]
    return encoded


def special_ids(tokenizer: Tokenizer, architecture: str) -> dict[str, int]:
    """Return the ids of the special tokens by name (`pad_token`, …)."""
    vocabulary = tokenizer.get_vocab()
    return {key: vocabulary[token] for key, token in ARCHITECTURES[architecture].tokens.items()}


def make_pieces(tokenizer: Tokenizer, architecture: str) -> Pieces:
    """Return the ids that masking needs."""
    special = special_ids(tokenizer, architecture)
    ordinary = np.setdiff1d(np.arange(tokenizer.get_vocab_size()), list(special.values()))
    return Pieces(special["pad_token"], special["mask_token"], ordinary)


def make_model(settings: Settings, tokenizer: Tokenizer) -> "PreTrainedModel":
    """Return a `…ForMaskedLM` for the vocabulary, initialised for a short training of a narrow model.

    Deviations are BERT's 0.02 at its width of 768, scaled by 1/√width; every attention and feed-forward block starts as
    zero (Zhang et al. 2019, Fixup Initialization), without which models of four layers collapse to piece
    frequencies at the learning rates a short training needs.
    """
    architecture = ARCHITECTURES[settings.architecture]
    ids = special_ids(tokenizer, settings.architecture)
    reserved = ids["pad_token"] + 1 if architecture.reserved else 0
    config = {
        "vocab_size": tokenizer.get_vocab_size(),
        "hidden_size": settings.hidden_size,
        "num_hidden_layers": settings.layers,
        "num_attention_heads": settings.heads,
        "intermediate_size": settings.intermediate_size or 4 * settings.hidden_size,
        "hidden_dropout_prob": settings.dropout,
        "attention_probs_dropout_prob": settings.dropout,
        "initializer_range": BERT_DEVIATION * math.sqrt(BERT_WIDTH / settings.hidden_size),
        "max_position_embeddings": settings.max_length + reserved,
        "pad_token_id": ids["pad_token"],
    }
    if architecture.reserved:  # as RoBERTa's own configurations have it
        config |= {"type_vocab_size": 1, "layer_norm_eps": 1e-5}
        config |= {"bos_token_id": ids["cls_token"], "eos_token_id": ids["sep_token"]}
    torch.manual_seed(settings.seed)
    model = architecture_class(architecture, "ForMaskedLM")(make_config(architecture, config, "the encoder's settings"))
    with torch.no_grad():
        for name, parameter in model.base_model.named_parameters():
            if name.endswith("output.dense.weight"):
                parameter.zero_()
    return model


def start_at_frequencies(model: "PreTrainedModel", corpus: Corpus) -> None:
    """Set the output bias to the pieces' log frequencies (add-one smoothed), so that steps go into learning context.

    A bias moves by about the learning rate a step, so a short training would spend itself on getting there. Heads without a bias
    stay as they are.
    """
    bias = getattr(model.get_output_embeddings(), "bias", None)
    if bias is None:
        return
    frequencies = np.zeros(model.config.vocab_size)
    for share, sentences in zip(corpus.shares, corpus.train, strict=True):
        counts = 1 + np.bincount(np.concatenate([s[1:-1] for s in sentences]), minlength=len(frequencies))
        frequencies += share * counts / counts.sum()
    with torch.no_grad():
        bias.copy_(torch.from_numpy(np.log(frequencies)))


def train(model: "PreTrainedModel", corpus: Corpus, pieces: Pieces, settings: Training, job: Job) -> State:
    """Train from the checkpoint, or the start, to the last step; return what was seen.

    Raises:
        UserError: a loss or gradient is not finite; the step is named.
        AskedToEnd: by a signal; a checkpoint was written.
    """
    signals.defer()
    optimiser = make_optimiser(model, settings.weight_decay)
    state = restore(job, model, optimiser)
    every = max(1, min(LOG_EVERY, settings.steps // 20))
    lengths = [np.array([len(s) for s in sentences]) for sentences in corpus.train]
    plan = sampling.Plan(lengths, corpus.shares, settings.steps, settings.batch_size, settings.seed)
    before, start, saved = state.seconds, time.monotonic(), time.monotonic()
    model.eval()  # no dropout: so short a training never overfits (Geiping & Goldstein 2023)
    for step, batch in enumerate(plan.batches(state.step), state.step):
        try:
            signals.check()
        except signals.AskedToEnd as asked:
            state.seconds = before + time.monotonic() - start
            store(job, model, optimiser, state)
            asked.kept = f"with a checkpoint of step {state.step:,} of {settings.steps:,}"
            raise
        sentences = [corpus.train[language][i] for language, i in batch]
        masked = hide(sentences, pieces, settings.mask, np.random.default_rng([settings.seed, sampling.MASK, step]))
        state.outcomes.append(take_step(model, optimiser, masked.to(job.device), learning_rate(step, settings)))
        state.step = step + 1
        state.tokens += sum(len(s) for s in sentences)
        state.processed += masked.inputs.numel()
        if len(state.outcomes) == every or state.step == settings.steps:
            state.seconds = before + time.monotonic() - start
            state.rows.append(summarise(state, learning_rate(step, settings)))
            state.outcomes.clear()
            if time.monotonic() - saved >= CHECKPOINT_SECONDS and state.step < settings.steps:
                store(job, model, optimiser, state)
                saved = time.monotonic()
        job.report(state.step, state.text())
    return state


def make_optimiser(model: torch.nn.Module, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW with RoBERTa's β₂ and ε; biases and normalisation weights do not decay."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-6, fused=True)


def learning_rate(step: int, settings: Training) -> float:
    """Return the rate of a step (from 0): linear to the peak over the warm-up, then linear towards 0."""
    rising = max(1, round(settings.warmup * settings.steps))
    falling = (settings.steps - step) / max(1, settings.steps - rising)
    return settings.learning_rate * min((step + 1) / rising, falling)


def take_step(model: "PreTrainedModel", optimiser: torch.optim.Optimizer, batch: Masked, rate: float) -> torch.Tensor:
    """Make one optimiser step; return (loss, hidden pieces predicted right, hidden pieces, gradient norm)."""
    for group in optimiser.param_groups:
        group["lr"] = rate
    device = batch.inputs.device.type
    half = device == "cuda" and ARCHITECTURES[model.config.model_type].precision is None
    with torch.autocast(device, dtype=torch.bfloat16, enabled=half):
        loss, right = masked_loss(model, batch)
    torch.autograd.backward(loss)
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
    optimiser.step()
    optimiser.zero_grad()
    return torch.stack([loss.detach(), right.float(), right.new_tensor(len(batch.targets)).float(), norm])


def summarise(state: State, rate: float) -> dict[str, Any]:
    """Return a line of the history: means over the steps since the last one.

    Raises:
        UserError: a loss or gradient is not finite; the first such step is named.
    """
    values = torch.stack(state.outcomes).cpu().double().numpy()
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        step = state.step - len(values) + int(bad[0]) + 1
        raise UserError(
            f"pretraining: loss {values[bad[0], 0]:.4g}, gradient norm {values[bad[0], 3]:.4g} at step {step}: the "
            "training diverged; lower the encoder's learning_rate or raise its warmup"
        )
    return {
        "step": state.step,
        "loss": round(float(values[:, 0].mean()), 4),
        "accuracy": round(float(values[:, 1].sum() / values[:, 2].sum()), 4),
        "gradient_norm": round(float(values[:, 3].mean()), 4),
        "learning_rate": rate,
        "tokens": state.tokens,
        "seconds": round(state.seconds, 2),
    }


def store(job: Job, model: torch.nn.Module, optimiser: torch.optim.Optimizer, state: State) -> None:
    """Write the state of training, whole or not at all.

    Raises:
        OSError: the disk refuses; it names the checkpoint.
    """
    content = {"model": model.state_dict(), "optimiser": optimiser.state_dict(), "state": vars(state)}
    save_checkpoint(job.checkpoint, content)


def restore(job: Job, model: torch.nn.Module, optimiser: torch.optim.Optimizer) -> State:
    """Put a checkpoint's state into model and optimiser where there is a whole one; return where training stands."""
    if not job.checkpoint.is_file():
        return State()
    try:
        content = load(job.checkpoint, job.device)
    except BrokenError as error:
        say_dropped(error)
        job.checkpoint.unlink()
        return State()
    model.load_state_dict(content["model"])
    optimiser.load_state_dict(content["optimiser"])
    state = State(**content["state"])
    job.resumed(state.step)
    return state


def save(model: "PreTrainedModel", tokenizer: Tokenizer, settings: Settings, folder: Path) -> None:
    """Write the model (with its masked-language head) and the tokenizer, in transformers' form."""
    with quiet():
        model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    description: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": settings.max_length,
    }
    write_json(folder / "tokenizer_config.json", description | ARCHITECTURES[settings.architecture].tokens)
