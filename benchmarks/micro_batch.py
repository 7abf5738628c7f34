"""What a step in parts costs and saves, and how near it comes to the step of the whole batch; activation checkpointing beside it.

    python benchmarks/micro_batch.py --size tiny --threads 1 --json benchmarks/records/micro_batch.json

Real steps of the pipeline's own loop and methods on random sentences of 12 to 64 sub-tokens, in batches of 16. `small` is
multilingual-e5-small's shape, 12 × 384, `base` BERT-base's, 12 × 768. Errors are of SGD steps in float32 without dropout, and
of what a step adds to the weights before their last digits round it. Keys of the JSON:

`micro_batch_error`   largest difference of a step's update, in parts of 3 or as a whole, over the largest update; of all methods
`errors`              the same by method: the larger of both optimisers' where φ has its own, each over its own largest update
`memory_over_whole`   peak memory of a joint step, by the examples that go through the model at a time, over that of whole batches
`time_over_whole`     a step's time likewise; the median of the rounds, each step between two of whole batches
`checkpointed`        both figures of whole batches with activation checkpointing

Memory is what a process of its own takes beyond its imports (the allocator's peak on a GPU).
"""

import statistics
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.common.errors import run_stage
from pipeline.config.methods import defaults_of
from pipeline.methods import build_method
from pipeline.methods.contract import OptimizerSettings, Pool, Setting
from pipeline.tasks import ner
from pipeline.tasks.examples import Examples
from pipeline.tasks.model import TaskModel, pass_again
from pipeline.training.batches.streams import Streams
from pipeline.training.checkpoint import Checkpoints
from pipeline.training.loop import Ingredients, Loop

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, only its own folder is on it
from benchmarks.common import Step, machine, memory_of, peak_memory, random_bert, run, seconds

SIZES = {
    "tiny": (2, 128, 4, 2000),
    "small": (12, 384, 12, 8000),
    "base": (12, 768, 12, 30522),
}  # layers, width, heads, vocabulary
LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
BATCH, PARTS_OF = 16, 3
MICRO_BATCHES = (8, 4, 2, 1)
SETTING = Setting(("alpha",), ("beta",), None, None, None, BATCH, 1, "last", auxiliary=("gamma", "delta"))
PHI = {"meta_lr": 0.1, "meta_optimizer": "sgd"}
PAPER = {"variant": "paper", "residual": False, "gate": False, "detach": False, "meta_weight_decay": 0.0, **PHI}
METHODS: dict[str, dict[str, Any]] = {
    "joint": {},
    "joint_rtn": {},
    "language_adversarial": {},
    "multi_task": {},
    "metaxl": PHI,
    "metaxl, paper": PAPER,
    "x_maml": {"inner_lr": 0.1},
    "x_maml, first order": {"inner_lr": 0.1, "first_order": True},
    "reptile": {"inner_steps": 1, "epsilon": 0.5},
}


def examples(pool: Pool, size: str) -> Examples:
    """Return random sentences of unlike lengths."""
    rng = np.random.default_rng([ord(letter) for letter in f"{pool.language} {pool.split}"])
    lengths = rng.integers(12, 65, 2 * BATCH)
    ids = [rng.integers(5, SIZES[size][3], length) for length in lengths]
    labels = [np.where(rng.random(length) < 0.6, rng.integers(0, len(LABELS), length), -100) for length in lengths]
    names = [f"{pool.language}-{i}" for i in range(len(ids))]
    return Examples(names, [pool.language] * len(ids), ids, labels, [np.arange(length) for length in lengths])


def make_loop(label: str, size: str, device: str, micro_batch: int | None = None) -> tuple[Loop, Streams]:
    """Return a loop of a method that is ready for its first step, and its streams; all alike but for `micro_batch`."""
    layers, width, heads, vocabulary = SIZES[size]
    encoder = random_bert(layers, width, heads, vocabulary)
    name = label.partition(",")[0]
    method = build_method(name, {**defaults_of(name), **METHODS[label]})
    phase = method.phases(SETTING)[0]
    pools = dict.fromkeys(pool for stream in phase.streams.values() for pool in stream.pools)
    ingredients = Ingredients(
        task=ner,
        model=TaskModel(encoder, ner.make_head(width, LABELS, 0.1)),
        method=method,
        pools={pool: examples(pool, size) for pool in pools},
        labels=LABELS,
        languages=("alpha", "beta", "gamma", "delta"),
        optimizer=OptimizerSettings(0.1, kind="sgd", clip_norm=1.0, schedule="constant"),
        batch_size=BATCH,
        pad_id=0,
        seed=0,
        device=torch.device(device),
        precision="float32",
        select_metric=ner.METRIC,
        micro_batch=micro_batch,
    )
    loop = Loop(ingredients, Checkpoints(None))
    streams, _ = loop.prepare(replace(phase, optimizer=None))
    loop.set_training(False)
    return loop, streams


# ----------------------------------------------------------------------------------------------------------------- error


def update(label: str, size: str, device: str, micro_batch: int | None) -> dict[str, list[Tensor]]:
    """Return what a step adds to θ (`model`) and to what the method owns, before it is rounded to the weights' last digits."""
    loop, streams = make_loop(label, size, device, micro_batch)
    found: dict[str, list[Tensor]] = {}
    for name, optimiser in loop.optimisers.items():

        def note(inner: torch.optim.Optimizer, *_: object, name: str = name) -> None:
            groups = [(group["lr"], parameter) for group in inner.param_groups for parameter in group["params"]]
            found[name] = [-rate * (torch.zeros_like(p) if p.grad is None else p.grad) for rate, p in groups]

        optimiser.inner.register_step_pre_hook(note)
    loop.ingredients.method.step(loop, streams.draw)
    return found


def difference(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """Return the largest difference over the largest value."""
    largest = max(float(tensor.abs().max()) for tensor in expected)
    return max(float((a - b).abs().max()) for a, b in zip(found, expected, strict=True)) / largest


def error(label: str, size: str, device: str) -> float:
    """Return how far a method's step in parts is from that of the whole batch."""
    whole, parts = (update(label, size, device, micro_batch) for micro_batch in (None, PARTS_OF))
    return max(difference(parts[of], whole[of]) for of in whole)


# ------------------------------------------------------------------------------------------------------- time and memory


def joint_step(way: str, size: str, device: str) -> Step:
    """Return a step of joint training: `whole`, `checkpointed`, or so many examples at a time."""
    loop, streams = make_loop("joint", size, device, int(way) if way.isdigit() else None)
    if way == "checkpointed":
        pass_again(loop.ingredients.model)
    loop.set_training(True)
    return lambda: loop.ingredients.method.step(loop, streams.draw)


def times(size: str, device: str, rounds: int) -> dict[str, float]:
    """Return each way's median time over that of the whole batches before and after it."""
    place, ways = torch.device(device), [*map(str, MICRO_BATCHES), "checkpointed"]
    ratios: dict[str, list[float]] = {way: [] for way in ways}
    whole = joint_step("whole", size, device)
    whole()
    for way in ways:
        step = joint_step(way, size, device)
        step()
        before = seconds(whole, place)
        for _ in range(rounds):
            took, after = seconds(step, place), seconds(whole, place)
            ratios[way].append(2 * took / (before + after))
            before = after
    return {way: round(statistics.median(found), 3) for way, found in ratios.items()}


def measure(size: str, device: str, threads: int, rounds: int) -> dict[str, Any]:
    """Measure everything the JSON holds."""
    ways = ["whole", *map(str, MICRO_BATCHES), "checkpointed"]
    peaks = {way: memory_of(__file__, way, size, device, threads) for way in ways}
    took = times(size, device, rounds)
    errors = {label: error(label, size, device) for label in METHODS}
    over = {way: round(peak / peaks["whole"], 3) for way, peak in peaks.items() if way != "whole"}
    return {
        "micro_batch_error": max(errors.values()),
        "errors": errors,
        "memory_over_whole": {way: value for way, value in over.items() if way.isdigit()},
        "time_over_whole": {way: value for way, value in took.items() if way.isdigit()},
        "checkpointed": {"memory_over_whole": over["checkpointed"], "time_over_whole": took["checkpointed"]},
        "memory_mb": {way: round(peak) for way, peak in peaks.items()},
        "machine": machine(size, device, threads, rounds, batch=BATCH, parts_of=PARTS_OF) | {"precision": "float32"},
    }


def memory(way: str, size: str, device: str) -> float:
    """Return a way's peak memory in MB."""
    return peak_memory(lambda: joint_step(way, size, device), device)


if __name__ == "__main__":
    run_stage(lambda: run(__doc__, SIZES, measure, memory))
