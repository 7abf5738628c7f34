"""Whether the parts of an encoder folder fit each other: its tokenizer, what `config.json` says, and the weights that are there.

All is told from the files' descriptions, before memory is taken for a model.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.encoders.architectures import Architecture

WEIGHTS = "model.safetensors"
WEIGHTS_INDEX = "model.safetensors.index.json"
COUNTED = ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings")
"""What `config.json` must say, each at least 1."""

FILLED = 1000
"""Embedding rows that a vocabulary may be filled up with, besides half of all."""

Shapes = Mapping[str, tuple[int, ...]]


def check_counts(path: Path, config: Mapping[str, Any]) -> None:
    """Check the sizes that `config.json` must have.

    Raises:
        UserError: one is missing, no number, or below 1; or the width cannot be divided among the attention heads.
    """
    for key in COUNTED:
        value = config.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise UserError(f"{path}: {key} is {value!r}, expected a number")
        if value < 1:
            raise UserError(f"{path}: {key} is {value}, expected at least 1")
    if config["hidden_size"] % config["num_attention_heads"] and "head_dim" not in config:
        raise UserError(
            f"{path}: hidden_size is {config['hidden_size']}, which {config['num_attention_heads']} attention heads "
            "(num_attention_heads) cannot divide"
        )


def stored_shapes(folder: Path, files: list[str]) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight in a folder's safetensors files, by name; only their headers are read.

    Raises:
        UserError: a file is not readable.
    """
    from safetensors import SafetensorError, safe_open

    shapes: dict[str, tuple[int, ...]] = {}
    for file in files:
        try:
            with safe_open(folder / file, "pt") as weights:
                for key in weights.keys():  # noqa: SIM118  # not a mapping
                    shapes[key] = tuple(weights.get_slice(key).get_shape())
        except (SafetensorError, OSError) as error:
            raise UserError(f"{folder}: the weights are not readable safetensors (truncated?): {error}") from None
    return shapes


def check_layers(folder: Path, config: Mapping[str, Any], architecture: Architecture, shapes: Shapes) -> list[str]:
    """Check that `config.json` says no more layers than the weights have; return a note where it says fewer.

    Raises:
        UserError: it says more.
    """
    said = config.get("num_hidden_layers")
    pattern = re.compile(rf"(?:^|\.){re.escape(architecture.layers)}\.(\d+)\.")
    layers = 1 + max((int(found[1]) for name in shapes if (found := pattern.search(name))), default=-1)
    if not isinstance(said, int) or said == layers:
        return []
    if said > layers:
        raise UserError(
            f"{folder}: weights missing: num_hidden_layers is {said:,} in config.json, and the weights are of {layers} layers"
        )
    return [f"config.json says {said} layers, and the weights are of {layers}: the lower ones are used"]


def check_sizes(folder: Path, config: Mapping[str, Any], architecture: Architecture, shapes: Shapes) -> None:
    """Check that `config.json` describes no larger a model than the weights are.

    Raises:
        UserError: it has other word embeddings, or a size that no weight of the folder could be of.
    """
    path = folder / "config.json"
    words = next((shape for name, shape in shapes.items() if is_weight(name, architecture.words)), None)
    if words is None:
        raise UserError(f"{folder}: weights missing: {architecture.words} (a model of another architecture?)")
    if words[0] != config["vocab_size"]:
        raise UserError(
            f"{folder}: weights of another shape than config.json says: {architecture.words} has {words[0]:,} rows, and "
            f"vocab_size is {config['vocab_size']:,}"
        )
    total = sum(map(math.prod, shapes.values()))
    for key, value in config.items():
        if key.endswith(("_size", "_embeddings")) and key not in ("vocab_size", "type_vocab_size"):
            narrow = key == "max_position_embeddings" and architecture.dropout != "hidden_dropout_prob"  # rotary
            if isinstance(value, int) and not narrow and value * min(words[1], 64) > total:
                raise UserError(
                    f"{path}: {key} is {value:,}, and all weights of the folder are {total:,} numbers: it is not theirs"
                )


def check_vocabulary(
    folder: Path, config: Mapping[str, Any], vocabulary: Mapping[str, int], tokens: Mapping[str, str]
) -> None:
    """Check that the tokenizer is the model's.

    Raises:
        UserError: a special token has no id, an id has no row in the embeddings, or most rows have no token.
    """
    path = folder / "tokenizer.json"
    absent = [f"{key} {token!r}" for key, token in tokens.items() if token not in vocabulary]
    if absent:
        raise UserError(f"{path}: {', '.join(absent)} missing from the vocabulary of {len(vocabulary):,} tokens")
    token, top = max(vocabulary.items(), key=lambda item: item[1])
    rows = config["vocab_size"]
    if top >= rows:
        raise UserError(
            f"{path}: token {token!r} has id {top}, but the model has {rows:,} embedding rows "
            "(vocab_size in config.json): this tokenizer is not this model's"
        )
    if len(vocabulary) + FILLED < rows // 2:
        raise UserError(
            f"{path}: {len(vocabulary):,} tokens, but the model has {rows:,} embedding rows (vocab_size in config.json): "
            "this tokenizer is not this model's"
        )


def padding(
    folder: Path, config: Mapping[str, Any], architecture: Architecture, vocabulary: Mapping[str, int], token: str
) -> tuple[int, list[str]]:
    """Return the tokenizer's id to pad with, which the model then uses too, and a note where `config.json` says another.

    Raises:
        UserError: it says another, and its positions count from it.
    """
    pad = vocabulary[token]
    said = config.get("pad_token_id")
    said = (1 if architecture.reserved else pad) if said is None else said
    if said == pad:
        return pad, []
    if architecture.reserved:
        raise UserError(
            f"{folder / 'tokenizer.json'}: {token!r} has id {pad}, but pad_token_id is {said} in config.json, from which the "
            "positions of this architecture count: this tokenizer is not this model's"
        )
    return pad, [f"config.json says pad_token_id {said}; the tokenizer's {token!r} has id {pad}, which is used"]


def is_weight(name: str, weight: str) -> bool:
    """Whether a stored weight is the bare model's of that name, whatever head it was saved with (`bert.` and the like)."""
    return name == weight or name.partition(".")[2] == weight
