"""Train an encoder on by masked language modelling on raw text: of languages it has seen little of, or never.

Gururangan et al. 2020, Don't Stop Pretraining, section 3, for domains; for languages Chau et al. 2020, Parsing with Multilingual
BERT, a Small Corpus, and a Small Treebank. The model, its vocabulary and its special tokens stay what they are; the loop is that
of `pipeline.encoders.pretrain`. The same held-out sentences are probed before and after.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pipeline.common.errors import UserError
from pipeline.encoders import sampling
from pipeline.encoders.architectures import ARCHITECTURES
from pipeline.encoders.fitting import stored_shapes
from pipeline.encoders.hub import DESCRIPTIONS
from pipeline.encoders.load import Encoder, load_encoder, quiet, read_weights, special_tokens, weight_files
from pipeline.encoders.mlm import OWN_HEAD, Pieces
from pipeline.encoders.pooler import NAME, read_pooler
from pipeline.encoders.pretrain import (
    Job,
    Training,
    encoded_by,
    hold_out,
    language_facts,
    start_at_frequencies,
    train,
    write_history,
)
from pipeline.encoders.probe import Corpus, Sentences, evaluate

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def train_on(
    start: Path, settings: Training, texts: Mapping[str, Sequence[str]], job: Job, folder: Path
) -> dict[str, Any]:
    """Train the encoder in `start` on, write it, its tokenizer and `history.jsonl` into `folder`; return facts for the manifest.

    Args:
        start: a folder with an encoder, with a head for masked words or without.
        settings: the training.
        texts: sentences by language.
        job: device, checkpoint, progress.
        folder: an existing folder.

    Raises:
        UserError: the encoder cannot be loaded (see `load_encoder`), has too few positions or no mask, a language has no text
            that its vocabulary knows, or the loss is not finite (at which step).
    """
    encoder = load_encoder(start)
    if settings.max_length > encoder.max_length:
        raise UserError(
            f"max_length: {settings.max_length}, but {start} takes at most {encoder.max_length} word pieces; set the "
            f"encoder's max_length to {encoder.max_length} or less"
        )
    pieces = known_pieces(start, encoder)
    corpus, dropped = read_corpus(encoder, pieces, texts, settings, start)
    longest, config = encoder.max_length, encoder.model.config
    del encoder  # two copies of a large model are one too many
    model, head = load_masked(start, config, settings.seed)
    if head != "kept":
        start_at_frequencies(model, corpus)
    model.to(job.device)
    before = evaluate(model, corpus, pieces, settings.mask)
    state = train(model, corpus, pieces, settings, job)
    after = evaluate(model, corpus, pieces, settings.mask)
    save_as(start, model, folder)
    rows = [{"step": 0, "held_out": before}, *state.rows, {"step": state.step, "held_out": after}]
    write_history(folder, rows)
    languages = language_facts(corpus)
    for name, count in dropped.items():
        languages[name]["dropped"] = count
    return {
        "parameters": model.num_parameters(),
        "vocabulary": model.config.vocab_size,
        "max_length": longest,
        "head": head,
        "tokens": state.tokens,
        "processed_tokens": state.processed,
        "held_out": after,
        "held_out_before": before,
        "languages": languages,
    }


def known_pieces(start: Path, encoder: Encoder) -> Pieces:
    """Return the ids that masking needs: no special token is hidden or put in for a piece, the unknown one included.

    Raises:
        UserError: the tokenizer has no mask.
    """
    vocabulary = encoder.tokenizer.get_vocab(with_added_tokens=True)
    token = special_tokens(start, ARCHITECTURES[encoder.model.config.model_type]).get("mask_token", "")
    if token not in vocabulary:
        raise UserError(
            f"{start / 'tokenizer.json'}: no mask token ({token or 'none is named'}), so no word can be masked; start from "
            "an encoder that was pretrained on masked words, or name the mask as mask_token in tokenizer_config.json"
        )
    added = {number for number, said in encoder.tokenizer.get_added_tokens_decoder().items() if said.special}
    never = {*added, *encoder.special_ids, vocabulary[token], encoder.unknown_id} - {-1}
    ordinary = np.setdiff1d(np.array(list(vocabulary.values()), dtype=np.int64), sorted(never))
    return Pieces(encoder.pad_id, vocabulary[token], ordinary, tuple(sorted(never)))


def read_corpus(
    encoder: Encoder, pieces: Pieces, texts: Mapping[str, Sequence[str]], settings: Training, start: Path
) -> tuple[Corpus, dict[str, int]]:
    """Return the encoded text, and how many sentences of each language were left out: those without a known piece.

    Raises:
        UserError: a language has no text, or none with a piece that the vocabulary knows.
    """
    names, kept, held = hold_out(texts, settings.seed)
    encoder.tokenizer.enable_truncation(settings.max_length)

    def encode(sentences: Sequence[str]) -> Sentences:
        return [ids for ids in encoded_by(encoder.tokenizer, sentences) if pieces.may_hide(ids).any()]

    trained, probed = [encode(sentences) for sentences in kept], [encode(sentences) for sentences in held]
    for name, sentences in zip(names, trained, strict=True):
        if not sentences:
            raise UserError(
                f"text: no sentence of {name} holds a piece that the vocabulary of {start.name} knows; extend it for the "
                "language first (`from: extend`), and start from that"
            )
    dropped = {
        name: missing
        for name, given, found in zip(names, kept, trained, strict=True)
        if (missing := len(given) - len(found))
    }
    shares = sampling.language_shares([len(sentences) for sentences in trained], settings.alpha)
    return Corpus(names, trained, probed, shares), dropped


def load_masked(start: Path, config: Any, seed: int) -> tuple["PreTrainedModel", str]:
    """Return an encoder's `…ForMaskedLM` in float32, and whether its head is the checkpoint's: `kept`, `new`, or `completed`.

    A new head's words are the embeddings, or where a model keeps them apart begin as these do; what else is new is drawn by
    `seed`. `config` is the encoder's, as it was loaded.
    """
    architecture = ARCHITECTURES[config.model_type]
    if any(name.startswith(f"{OWN_HEAD}.") for name in stored_names(start)):
        config.legacy = False
    torch.manual_seed(seed)
    with quiet():
        model, report = read_weights(start, architecture, "ForMaskedLM", config)
    shared = {id(weight) for weight in model.base_model.parameters()}
    own = {name: weight for name, weight in model.named_parameters() if id(weight) not in shared}
    missing = own.keys() & set(report["missing_keys"])
    words = model.get_input_embeddings().weight
    with torch.no_grad():
        for name in missing:
            if own[name].shape == words.shape:
                own[name].copy_(words)
    return model, "new" if missing == own.keys() else "completed" if missing else "kept"


def stored_names(folder: Path) -> list[str]:
    """Return the names of a folder's weights."""
    return list(stored_shapes(folder, weight_files(folder)))


def save_as(start: Path, model: "PreTrainedModel", folder: Path) -> None:
    """Write the model with its masked-language head, and the pooler and the tokenizer as they are in `start`."""
    pooler = read_pooler(start)
    kept = {} if pooler is None else pooler.state_dict()
    weights = {f"{model.base_model_prefix}.{NAME}.{part}": tensor for part, tensor in kept.items()}
    with quiet():
        model.save_pretrained(folder, state_dict={**model.state_dict(), **weights} if weights else None)
    for name in DESCRIPTIONS:
        if name != "config.json" and (start / name).is_file():
            shutil.copyfile(start / name, folder / name)
    load_encoder(folder)
