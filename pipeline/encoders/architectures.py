"""What the pipeline has to know of each architecture of transformers: a row each, and nowhere else.

N is the number of layers; layer 0 stands for what goes into the first one, as in transformers' `hidden_states`. All classes are
those that transformers brings: no code of a repository is run. This module imports neither PyTorch nor transformers.
"""

import importlib
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal

_BERT = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
_XLMR = {"cls_token": "<s>", "pad_token": "<pad>", "sep_token": "</s>", "unk_token": "<unk>", "mask_token": "<mask>"}
_LLAMA = {
    "pad_token": "<|pad|>",
    "cls_token": "<|begin_of_text|>",
    "sep_token": "<|end_of_text|>",
    "mask_token": "<|mask|>",
}


@dataclass(frozen=True)
class Architecture:
    """One architecture. Names of modules and weights are those in the bare model.

    Attributes:
        module: its package under `transformers.models`.
        prefix: its classes' common prefix, as in `BertModel`.
        tokens: its special tokens' usual spelling, by transformers' names; without `unk_token` where every text has pieces.
        layers: the list of its layers.
        words: the weight of its word embeddings, (V, E).
        entry: modules whose output is layer 0: the first of them that the model has.
        embeddings: what stands before the first layer, or serves all as position embeddings do: never a part of a layer.
        norm: the normalisation after layer N, where there is one: it belongs to that layer.
        attention: `sdpa`, or `eager` where there is no other.
        pooled: whether the model's class would add a pooler.
        typed: whether token types may tell two texts apart.
        reserved: whether positions start after the padding index (RoBERTa) instead of at 0, so that padding is recognised by it.
        shares_rows: whether sequences can share rows (`pipeline.tasks.packing`): it takes positions one by one, and any mask.
        dropout: where its config says the dropout of a head; `None`: it has none.
        precision: what `precision: auto` always is, where bfloat16 is known to go wrong.
        masked: the modules that make logits of last hidden states in its class for masked language modelling, one after another.
        adapted: ends of the names of the layers that make its attention's queries and values, which LoRA adapts unless told
            otherwise; where one layer makes the keys too, that layer.
    """

    module: str
    prefix: str
    tokens: dict[str, str]
    layers: str = "encoder.layer"
    words: str = "embeddings.word_embeddings.weight"
    entry: tuple[str, ...] = ("embeddings",)
    embeddings: tuple[str, ...] = ("embeddings",)
    norm: str | None = None
    attention: Literal["sdpa", "eager"] = "sdpa"
    pooled: bool = False
    typed: bool = True
    reserved: bool = False
    shares_rows: bool = False
    dropout: str | None = "hidden_dropout_prob"
    precision: Literal["float32"] | None = None
    masked: tuple[str, ...] = ("cls",)
    adapted: tuple[str, ...] = ("query", "value")


ARCHITECTURES = {
    "bert": Architecture("bert", "Bert", _BERT, pooled=True, shares_rows=True),
    "xlm-roberta": Architecture(
        "xlm_roberta", "XLMRoberta", _XLMR, pooled=True, reserved=True, shares_rows=True, masked=("lm_head",)
    ),
    "roberta": Architecture(
        "roberta", "Roberta", _XLMR, pooled=True, reserved=True, shares_rows=True, masked=("lm_head",)
    ),
    "xlm-roberta-xl": Architecture(
        "xlm_roberta_xl",
        "XLMRobertaXL",
        _XLMR,
        norm="encoder.LayerNorm",
        pooled=True,
        reserved=True,
        shares_rows=True,
        masked=("lm_head",),
    ),
    "electra": Architecture(
        "electra",
        "Electra",
        _BERT,
        entry=("embeddings_project", "embeddings"),
        embeddings=("embeddings", "embeddings_project"),
        shares_rows=True,
        masked=("generator_predictions", "generator_lm_head"),
    ),
    "rembert": Architecture(
        "rembert",
        "RemBert",
        _BERT,
        entry=("encoder.embedding_hidden_mapping_in",),
        embeddings=("embeddings", "encoder.embedding_hidden_mapping_in"),
        attention="eager",
        pooled=True,
    ),
    "deberta-v2": Architecture(
        "deberta_v2",
        "DebertaV2",
        _BERT,
        embeddings=("embeddings", "encoder.rel_embeddings", "encoder.LayerNorm"),
        attention="eager",
        precision="float32",  # microsoft/DeBERTa #77: mDeBERTa's activations leave the range of half precision
        adapted=("query_proj", "value_proj"),
    ),
    "modernbert": Architecture(
        "modernbert",
        "ModernBert",
        _BERT,
        layers="layers",
        words="embeddings.tok_embeddings.weight",
        norm="final_norm",
        typed=False,
        dropout="classifier_dropout",
        masked=("head", "decoder"),
        adapted=("Wqkv",),
    ),
    "eurobert": Architecture(
        "eurobert",
        "EuroBert",
        _LLAMA,
        layers="layers",
        words="embed_tokens.weight",
        entry=("embed_tokens",),
        embeddings=("embed_tokens",),
        norm="norm",
        typed=False,
        shares_rows=True,
        dropout=None,
        masked=("lm_head",),
        adapted=("q_proj", "v_proj"),
    ),
}
"""By `model_type` of `config.json`."""


def architecture_of(encoder: Any) -> Architecture:
    """Return the architecture of a bare model of transformers."""
    return ARCHITECTURES[encoder.config.model_type]


def layers_of(encoder: Any) -> Any:
    """Return a bare model's list of layers, from the bottom."""
    return _within(encoder, architecture_of(encoder).layers)


def output_of(encoder: Any, layer: int) -> Any:
    """Return the module whose output is `hidden_states[layer]`; of layer N that is the last normalisation, where there is one."""
    architecture, layers = architecture_of(encoder), layers_of(encoder)
    if layer == 0:
        return next(found for path in architecture.entry if (found := _within(encoder, path)) is not None)
    if layer == len(layers) and architecture.norm is not None:
        return _within(encoder, architecture.norm)
    return layers[layer - 1]


def layer_of(encoder: Any, name: str) -> int | None:
    """Return the layer that a weight of a bare model is of, 0 … N − 1 from the bottom; `None` for embeddings."""
    architecture = architecture_of(encoder)
    if name.startswith(f"{architecture.layers}."):
        return int(name.removeprefix(f"{architecture.layers}.").partition(".")[0])
    if architecture.norm is not None and name.startswith(f"{architecture.norm}."):
        return len(layers_of(encoder)) - 1
    return None


def is_embedding(encoder: Any, name: str) -> bool:
    """Whether a weight of a bare model stands before its layers, or serves all of them."""
    return name.startswith(tuple(f"{prefix}." for prefix in architecture_of(encoder).embeddings))


def first_position(encoder: Any) -> int:
    """Return the position of a sequence's first sub-token."""
    return int(encoder.config.pad_token_id) + 1 if architecture_of(encoder).reserved else 0


def head_dropout(config: Any) -> float:
    """Return the dropout of a new head on an encoder, as its config says."""
    key = ARCHITECTURES[config.model_type].dropout
    return 0.0 if key is None else float(getattr(config, key) or 0.0)


def architecture_class(architecture: Architecture, suffix: str) -> Any:
    """Return a class of the architecture, `Model` or `ForMaskedLM`, importing no more of transformers than it needs."""
    package = f"transformers.models.{architecture.module}.modeling_{architecture.module}"
    return getattr(importlib.import_module(package), f"{architecture.prefix}{suffix}")


def _within(module: Any, path: str) -> Any:
    """A module by its dotted path, `None` where there is none."""
    return reduce(lambda found, part: getattr(found, part, None), path.split("."), module)
