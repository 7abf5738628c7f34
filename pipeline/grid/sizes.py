"""How large a job is, as far as the config and an encoder's `config.json` tell: weights, activations, batches, examples.

What they do not tell is taken as it usually is: an encoder that is not there yet as XLM-R's base, a dataset as 20,000 training
sentences, each sentence as long as `max_length`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from pipeline.common.errors import UserError
from pipeline.common.files import read_json
from pipeline.config.methods import METHODS
from pipeline.config.methods.contract import Method
from pipeline.grid.inputs import Dataset, Encoder
from pipeline.grid.runs import reads

ROWS = {"train": 20_000, "dev": 10_000, "test": 10_000, "text": 100_000}
"""Examples that a split usually has at most."""

WINDOWS = 2
"""Inputs that a question and its context are usually cut into."""


@dataclass(frozen=True)
class Sizes:
    """An encoder's, by the names of `config.json`."""

    num_hidden_layers: int
    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    vocab_size: int

    @property
    def body(self) -> int:
        """Weights of its layers, of a gated feed-forward part if need be."""
        return self.num_hidden_layers * self.hidden_size * (4 * self.hidden_size + 3 * self.intermediate_size)

    @property
    def weights(self) -> int:
        """Weights of all of it."""
        return self.body + self.vocab_size * self.hidden_size

    def activations(self, length: int) -> int:
        """Numbers that a forward pass with a gradient keeps for each sub-token of an input of that length, on the CPU.

        With dropout attention is computed there as written: its weights are kept before and after the softmax and the dropout.
        """
        attention = 4 * self.num_attention_heads * length
        return self.num_hidden_layers * (12 * self.hidden_size + 3 * self.intermediate_size + attention)


USUAL = Sizes(12, 768, 3072, 12, vocab_size=250_002)
"""XLM-R's base."""


def sizes_of(encoder: Encoder, folder: Path, encoders: Mapping[str, Encoder]) -> Sizes | None:
    """Return the sizes of an encoder, `None` where they are not known yet.

    Args:
        encoder: whose spec names them, or what it is made from.
        folder: the encoder's, where its `config.json` lies if it is made.
        encoders: by key, all that the config needs.
    """
    spec = encoder.spec
    made_from = spec.get("base") or spec.get("start")
    if made_from is not None:
        start = sizes_of(encoders[made_from], folder.parent / made_from, encoders)
        return None if start is None else replace(start, vocab_size=start.vocab_size + spec.get("pieces", 0))
    if "hidden_size" in spec:
        return Sizes(*(spec[key] for key in ("layers", "hidden_size", "intermediate_size", "heads", "vocabulary_size")))
    return stored_sizes(folder) or (stored_sizes(Path(encoder.folder)) if encoder.folder else None)


def stored_sizes(folder: Path) -> Sizes | None:
    """Return the sizes in a `config.json`; `None` where there is none, or a broken one, of which the stage tells."""
    try:
        found = read_json(folder / "config.json")
        return Sizes(**{field.name: int(found[field.name]) for field in fields(Sizes)})
    except (UserError, OSError, KeyError, TypeError, ValueError):
        return None


@dataclass(frozen=True)
class Work:
    """What a job does.

    Attributes:
        copies: of the encoder's weights that are in memory: themselves, gradients, an optimiser's moments, the best so far.
        held: sub-tokens whose activations are in memory at once.
        length: of the longest input, in sub-tokens.
        passed: sub-tokens that are passed through the encoder forward and backward, as often as they are.
        read: sub-tokens that are passed forward alone.
        steps: of an optimiser.
        examples: that are in memory, tokenised.
        logits: numbers over the vocabulary that are in memory at once.
    """

    copies: float
    held: float = 0
    length: int = 0
    passed: float = 0
    read: float = 0
    steps: float = 0
    examples: float = 0
    logits: float = 0


GRADIENTS = 2
"""Gradients of a source and a target batch, each summed up over its parts before the two are added (`micro_batch`)."""

MOMENTS = {"adamw": 2, "adam": 2, "sgd": 0}


def work_of_run(spec: Mapping[str, Any], datasets: Mapping[str, Dataset]) -> Work:
    """Return what a run does, by its spec."""
    training = spec["training"]
    length = training.get("max_length", 0)
    counted = examples(spec, datasets)
    trained = sum(number for (_, split, _), number in counted.items() if split != "test")
    windows = WINDOWS if spec["task"] == "qa" else 1
    epochs, batch = training.get("epochs", 0), training.get("batch_size", 0)
    method = method_of(spec["method"])
    held = method.held(batch, len(spec["sources"]))
    batches, steps = batches_of(spec, held, trained, epochs, batch)
    parts = training.get("micro_batch")
    held = min(held, parts or held)
    looks = epochs if training.get("select") == "best" else 0
    dev = sum(number for (_, split, _), number in counted.items() if split == "dev")
    test = sum(number for (_, split, _), number in counted.items() if split == "test")
    longest = max(length, training.get("test_max_length") or 0)
    members = len(spec.get("members", ())) + bool(spec["parent"]) + bool(spec["rates"])
    trains = 2 + MOMENTS[training.get("optimizer", "adamw")] + method.copies if steps else 1
    return Work(
        copies=trains + 1 + members + (GRADIENTS if parts else 0),
        held=held * length if steps else 0,
        length=length,
        passed=batches * batch * length * method.passes * windows,
        read=(looks * dev * length + test * longest) * windows,
        steps=steps,
        examples=(trained + test) * windows,
    )


def method_of(given: Mapping[str, Any]) -> Method:
    """Return the config's method with the hyper-parameters of a spec; of what is none (`layer_rates`) one like all."""
    kind = METHODS.get(given["name"])
    return Method.model_construct() if kind is None else kind.model_construct(**given)


def examples(spec: Mapping[str, Any], datasets: Mapping[str, Dataset]) -> dict[tuple[str, str, bool], float]:
    """Return how many examples a run has of each split it reads."""
    found = {}
    for language, split, of_source in reads(spec):
        dataset = datasets[(spec["source_dataset"] if of_source else None) or spec["dataset"]]
        if split == "test":
            asked = None
        elif split == "dev":
            asked = spec["dev_size"]
        else:
            auxiliary = language in spec["auxiliary"]
            asked = spec["source_size" if of_source else "auxiliary_size" if auxiliary else "target_size"]
        found[language, split, of_source] = taken(rows_of(dataset, language, split), asked)
    return found


def rows_of(dataset: Dataset, language: str, split: str) -> int:
    """Return how many rows a split has where the config says it, and else how many it usually has at most."""
    said = dataset.spec.get("sizes", {}).get(split) or dataset.expected.get(language, {}).get(split)
    return int(said or ROWS[split])


def taken(rows: int, asked: float | None) -> float:
    """Return how many of a split's rows are taken: all, a share below 1, or a number."""
    if asked is None:
        return rows
    return rows * asked if asked < 1 else asked


def batches_of(spec: Mapping[str, Any], held: int, trained: float, epochs: int, batch: int) -> tuple[float, float]:
    """Return how many batches a run passes through, and how many optimiser steps it makes.

    What counts neither epochs of examples nor iterations nor episodes trains on all its examples in each epoch.
    """
    given = spec["method"]
    languages = max(1, len(spec["auxiliary"]) or len(spec["sources"]))
    inner = given.get("inner_steps", 0)
    if not batch or not trained:
        return 0, 0
    if "iterations" in given:
        steps = given["iterations"] * languages
        tuned = (given.get("fine_tune") or {}).get("epochs", epochs) * trained / batch
        return steps * (inner + 1) + tuned, steps * max(1, inner) + tuned
    if "episodes" in given:
        steps = given["episodes"] * given["episode_steps"]
        return steps * (1 + given["held_out_batches"] / given["interval"]), steps
    if "train_episodes" in given:
        steps = epochs * (given["train_episodes"] + given["test_episodes"])
        return steps * held / batch, steps  # an episode is held whole
    steps = epochs * math.ceil(trained / batch)
    return steps, steps


CHUNK = 2**26
"""Logits that masked language modelling makes at once (`pipeline.encoders.mlm`)."""


def work_of_encoder(spec: Mapping[str, Any], sizes: Sizes, datasets: Mapping[str, Dataset]) -> Work:
    """Return what making an encoder does, by its spec and its sizes."""
    sentences = sum(
        taken(rows_of(datasets[part["dataset"]], part["language"], part.get("split", "text")), part.get("size"))
        for part in spec.get("text", [])
    )
    if spec["from"] != "pretrain":
        return Work(copies=3, examples=sentences)
    tokens = spec["batch_size"] * spec["max_length"]
    return Work(
        copies=6,
        held=tokens,
        length=spec["max_length"],
        passed=spec["steps"] * tokens,
        steps=spec["steps"],
        examples=sentences,
        logits=3 * min(CHUNK, tokens * spec["mask"] * sizes.vocab_size),
    )
