"""Tiny encoder folders of every architecture, made in a second."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from pipeline.encoders.architectures import ARCHITECTURES, architecture_class
from pipeline.encoders.load import make_config, quiet
from pipeline.encoders.pretrain import Settings, make_model
from pipeline.encoders.vocabulary import train_vocabulary

torch.set_num_threads(1)

SENTENCES = ["ada sees rome", "bo visits the old acme in oslo", "the acme of cy", "rome and oslo see ada"] * 5
SETTINGS: dict[str, Any] = {
    "architecture": "bert",
    "layers": 2,
    "hidden_size": 16,
    "heads": 2,
    "intermediate_size": 32,
    "dropout": 0.1,
    "vocabulary_size": 60,
    "lower_case": False,
    "max_length": 16,
    "alpha": 0.5,
    "steps": 12,
    "batch_size": 4,
    "learning_rate": 1e-3,
    "weight_decay": 0.01,
    "warmup": 0.1,
    "mask": 0.15,
    "seed": 0,
}


def settings(**changes: Any) -> Settings:
    return Settings(**{**SETTINGS, **changes})


def tiny_tokenizer(architecture: str) -> Tokenizer:
    return train_vocabulary(SENTENCES, architecture, 60)


def tiny_masked_lm(architecture: str) -> Any:
    """A model whose every weight matters: those that start at zero are drawn too."""
    model = make_model(settings(architecture=architecture), tiny_tokenizer(architecture)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if not parameter.any():
                parameter.normal_(std=0.2)
    return model


def save_tiny(folder: Path, architecture: str, head: bool = True) -> Any:
    """Save a tiny model, with its masked-language head (`bert.` prefix) or without; return the bare model."""
    masked_lm = tiny_masked_lm(architecture)
    model = masked_lm
    if not head:
        model = architecture_class(ARCHITECTURES[architecture], "Model")(masked_lm.config, add_pooling_layer=True)
        model.load_state_dict(masked_lm.base_model.state_dict(), strict=False)
    with quiet():
        model.save_pretrained(folder)
    tiny_tokenizer(architecture).save(str(folder / "tokenizer.json"))
    return masked_lm.base_model


def tiny_config(architecture: str, **values: Any) -> Any:
    return make_config(ARCHITECTURES[architecture], values, "test")


OWN: dict[str, dict[str, Any]] = {  # as the published models of each are
    "electra": {"embedding_size": 8},
    "rembert": {"input_embedding_size": 8, "output_embedding_size": 12},
    "deberta-v2": {
        "relative_attention": True,
        "position_buckets": 8,
        "pos_att_type": ["p2c", "c2p"],
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "position_biased_input": False,
        "type_vocab_size": 0,
    },
    "modernbert": {"local_attention": 8, "global_attn_every_n_layers": 2},
    "eurobert": {"num_key_value_heads": 1},
}


def row_tokenizer(architecture: str) -> Tokenizer:
    """A tiny vocabulary with the architecture's special tokens."""
    row = ARCHITECTURES[architecture]
    like = "xlm-roberta" if row.tokens.get("pad_token") == "<pad>" else "bert"
    tokenizer = tiny_tokenizer(like)
    text = tokenizer.to_str()
    for key, token in ARCHITECTURES[like].tokens.items():
        if row.tokens.get(key, token) != token:
            text = text.replace(f'"{token}"', f'"{row.tokens[key]}"')
    return Tokenizer.from_str(text)


def save_row(folder: Path, architecture: str, seed: int = 0, vocabulary: int | None = None) -> Tokenizer:
    """Save a tiny random masked-language model of any architecture with its tokenizer; return the tokenizer.

    `vocabulary`: how many rows the embeddings have, where it is not for that tokenizer.
    """
    row, tokenizer = ARCHITECTURES[architecture], row_tokenizer(architecture)
    ids = {key: tokenizer.token_to_id(token) for key, token in row.tokens.items()}
    sizes = {
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 40,
    }
    special = {
        "bos_token_id": ids["cls_token"],
        "eos_token_id": ids["sep_token"],
        "cls_token_id": ids["cls_token"],
        "sep_token_id": ids["sep_token"],
        "mask_token_id": ids["mask_token"],
        "pad_token_id": ids["pad_token"],
    }
    rows = vocabulary or tokenizer.get_vocab_size()
    given = {"vocab_size": rows, "initializer_range": 0.2, **sizes, **special}
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    with quiet():
        config = make_config(row, given | OWN.get(architecture, {}), "test")
        architecture_class(row, "ForMaskedLM")(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return tokenizer
