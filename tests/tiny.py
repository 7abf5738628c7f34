"""A tiny encoder, datasets of all five tasks and a run description, for tests that train for real in a second."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers.models.bert.configuration_bert import BertConfig
from transformers.models.bert.modeling_bert import BertModel

from pipeline.common import paths
from pipeline.common.files import digest, write_json
from pipeline.data.schema import LABELS, Facts, ner_table, task_table, write_split
from pipeline.training.batches.streams import seeded
from tests.methods.building import hyper_parameters

DATASET, ENCODER = "tiny-00000000", "tiny-11111111"
NAMES = {"PER": ["ada", "bo", "cy"], "LOC": ["rome", "oslo"], "ORG": ["acme", "umbrella"]}
WORDS = ["sees", "in", "from", "the", "of", "visits", "by"]
CUES = {  # by task and label: the word that tells it
    "sentiment": {"negative": "dire", "positive": "fine"},
    "nli": {"entailment": "surely", "neutral": "maybe", "contradiction": "never"},
    "relevance": {"irrelevant": "fake", "relevant": "true"},
    "classification": {"health": "dire", "sports": "true", "travel": "surely"},  # words of others: the vocabulary stays
}
SHARES = {"sentiment": (0.5, 0.5), "classification": (0.4, 0.3, 0.3), "nli": (0.4, 0.3, 0.3), "relevance": (0.75, 0.25)}
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
LORA: dict[str, Any] = {"rank": 4, "alpha": 8.0, "targets": None}


def labels_of(task: str) -> list[str]:
    """A task's usual classes, or those of the cues where it has none."""
    return LABELS[task] or list(CUES[task])


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


def rows(task: str, language: str, split: str, count: int) -> list[tuple[Any, ...]]:
    """Seeded rows of a task in its schema, without `lang`; an answer, and the cue of a class, is told by a word alone.

    Contexts of questions have up to 30 words, of which one is a person's name.
    """
    if task == "ner":
        return list(sentences(language, split, count))
    rng = seeded("tiny", task, language, split)

    def some(least: int, most: int) -> list[str]:
        found = [str(word) for word in rng.choice(WORDS, int(rng.integers(least, most)))]
        return [word[::-1] for word in found] if language == "beta" else found

    made: list[tuple[Any, ...]] = []
    for number in range(count):
        id_ = f"tiny-{language}-{split}-{number}"
        if task == "qa":
            words, name = some(3, 30), str(rng.choice(NAMES["PER"]))
            words.insert(int(rng.integers(len(words) + 1)), name)
            context = " ".join(words)
            made.append((id_, "who visits", context, [name], [context.index(name)]))
            continue
        label = str(rng.choice(labels_of(task), p=SHARES[task]))
        told = some(2, 9)
        told.insert(int(rng.integers(len(told) + 1)), CUES[task][label])
        first = () if task in ("sentiment", "classification") else (" ".join(some(2, 9)),)
        made.append((id_, *first, " ".join(told), label))
    return made


def write_task_split(task: str, language: str, split: str, count: int, dataset: str = DATASET, **facts: Any) -> None:
    """Write one split of a task under the working directory; `facts` say otherwise what it says of itself."""
    described = {"labels": labels_of(task), "dataset": dataset, "language": language, "split": split, **facts}
    table = task_table(task, language, rows(task, language, split, count))
    write_split(paths.split(dataset, language, split), table, Facts(task, **described))


def write_task_splits(task: str, languages: Iterable[str], counts: Mapping[str, int], dataset: str = DATASET) -> None:
    """Write a task's splits of several languages, each of so many rows, under the working directory."""
    for language in languages:
        for split, count in counts.items():
            write_task_split(task, language, split, count, dataset)


def write_dataset(counts: dict[str, int] | None = None) -> None:
    """Write the splits of `alpha` and `beta` under the working directory."""
    for language in ("alpha", "beta"):
        for split, count in (counts or {"train": 40, "dev": 12, "test": 12}).items():
            table = ner_table(language, sentences(language, split, count))
            write_split(
                paths.split(DATASET, language, split), table, Facts("ner", LABELS["ner"], DATASET, language, split)
            )


def tokenizer(pair: str = "[CLS] $A [SEP] $B [SEP]") -> Tokenizer:
    """Words as tokens, joined as a pair by a template."""
    words = [*SPECIAL, *WORDS, *(w[::-1] for w in WORDS), *(n for names in NAMES.values() for n in names)]
    words += ["who", *(word for cues in CUES.values() for word in cues.values())]
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(dict.fromkeys(words))}, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair=pair, special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


TYPED = "[CLS] $A [SEP] $B:1 [SEP]:1"
"""BERT's way to join a pair: the second text has token type 1."""


def write_encoder(
    key: str = ENCODER, pair: str = "[CLS] $A [SEP] $B [SEP]", types: int = 2, pooler: bool = False
) -> None:
    """Write a two-layer BERT with random weights under the working directory; `types`: how many token types it knows.

    With `pooler` it has one that looks trained: its bias is not zero.
    """
    folder = paths.encoder_dir(key)
    folder.mkdir(parents=True)
    own = tokenizer(pair)
    own.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=own.get_vocab_size(),
        type_vocab_size=types,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=40,
    )
    model = BertModel(config, add_pooling_layer=pooler)
    if pooler:
        torch.nn.init.normal_(model.pooler.dense.bias)
    model.save_pretrained(folder)
    write_json(paths.encoder_manifest(key), {"spec": "tiny"})


def spec(kind: str, **changes: Any) -> dict[str, Any]:
    """Describe a run of the method `kind` from `alpha` to `beta`; `training` in `changes` is merged into the defaults."""
    settings = {"name": kind, **hyper_parameters(kind), **changes.pop("method", {})}
    training = TRAINING | changes.pop("training", {})
    base = {
        "task": "ner",
        "dataset": DATASET,
        "source_dataset": None,
        "sources": ["alpha"],
        "auxiliary": [],
        "targets": ["beta"],
        "source_size": None,
        "auxiliary_size": None,
        "target_size": None,
        "dev_size": None,
        "data_seed": 1,
        "encoder": ENCODER,
        "method": settings,
        "training": training,
        "model_seed": 1,
        "parent": None,
        "rates": None,
        "evaluate": ["beta"],
    }
    return base | changes


def make_world(folder: Path) -> None:
    """Write dataset and encoder into `folder`, which must be the working directory."""
    write_dataset()
    write_encoder()


def make_task_world(task: str, counts: dict[str, int] | None = None, pooler: bool = False) -> None:
    """Write a task's splits of `alpha` and `beta`, and an encoder that knows token types, under the working directory."""
    write_task_splits(task, ("alpha", "beta"), counts or {"train": 40, "dev": 12, "test": 12})
    write_encoder(pair=TYPED, pooler=pooler)


def name_of(described: dict[str, Any]) -> str:
    """Return a name for the run."""
    return f"tiny-{described['method']['name']}-{digest(described)}"
