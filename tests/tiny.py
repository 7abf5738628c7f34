"""A tiny encoder, dataset and run description, for tests that train for real in a second."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers.models.bert.configuration_bert import BertConfig
from transformers.models.bert.modeling_bert import BertModel

from pipeline import paths
from pipeline.data.schema import LABELS, Facts, ner_table, write_split
from pipeline.files import digest, write_json
from pipeline.training.streams import seeded

DATASET, ENCODER = "tiny-00000000", "tiny-11111111"
NAMES = {"PER": ["ada", "bo", "cy"], "LOC": ["rome", "oslo"], "ORG": ["acme", "umbrella"]}
WORDS = ["sees", "in", "from", "the", "of", "visits", "by"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TRAINING: dict[str, Any] = {
    "optimizer": "adamw",
    "learning_rate": 5e-3,
    "weight_decay": 0.01,
    "batch_size": 8,
    "epochs": 3,
    "warmup": 0.1,
    "schedule": "linear",
    "clip_norm": 1.0,
    "max_length": 32,
    "precision": "auto",
    "select": "best",
    "patience": None,
}


def sentences(language: str, split: str, count: int) -> list[tuple[str, list[str], list[str]]]:
    """Seeded sentences of 3 to 9 words whose entities are told by the word itself."""
    rng = seeded("tiny", language, split)
    rows = []
    for number in range(count):
        tokens, tags = [], []
        for _ in range(int(rng.integers(3, 10))):
            kind = rng.choice(["O", "O", "PER", "LOC", "ORG"])
            pool = WORDS if kind == "O" else NAMES[kind]
            word = str(rng.choice(pool))
            if kind == "O" and language == "beta":
                word = word[::-1]
            tokens.append(word)
            tags.append("O" if kind == "O" else f"B-{kind}")
        rows.append((f"tiny-{language}-{split}-{number}", tokens, tags))
    return rows


def write_dataset(counts: dict[str, int] | None = None) -> None:
    """Write the splits of `alpha` and `beta` under the working directory."""
    for language in ("alpha", "beta"):
        for split, count in (counts or {"train": 40, "dev": 12, "test": 12}).items():
            table = ner_table(language, sentences(language, split, count))
            write_split(
                paths.split(DATASET, language, split), table, Facts("ner", LABELS["ner"], DATASET, language, split)
            )


def write_encoder() -> None:
    """Write a two-layer BERT with random weights under the working directory."""
    folder = paths.encoder_dir(ENCODER)
    folder.mkdir(parents=True)
    words = [*SPECIAL, *WORDS, *(w[::-1] for w in WORDS), *(n for names in NAMES.values() for n in names)]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(dict.fromkeys(words))}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(set(words)),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=40,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    write_json(paths.encoder_manifest(ENCODER), {"spec": "tiny"})


def spec(kind: str, **changes: Any) -> dict[str, Any]:
    """Describe a run of the method `kind` from `alpha` to `beta`; `training` in `changes` is merged into the defaults."""
    settings = {"name": kind, **changes.pop("method", {})}
    training = TRAINING | changes.pop("training", {})
    base = {
        "task": "ner",
        "dataset": DATASET,
        "source_dataset": None,
        "sources": ["alpha"],
        "targets": ["beta"],
        "source_size": None,
        "target_size": None,
        "dev_size": None,
        "data_seed": 1,
        "encoder": ENCODER,
        "method": settings,
        "training": training,
        "model_seed": 1,
        "parent": None,
        "evaluate": ["beta"],
    }
    return base | changes


def make_world(folder: Path) -> None:
    """Write dataset and encoder into `folder`, which must be the working directory."""
    write_dataset()
    write_encoder()


def name_of(described: dict[str, Any]) -> str:
    """Return a name for the run."""
    return f"tiny-{described['method']['name']}-{digest(described)}"
