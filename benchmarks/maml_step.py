"""What an exact MAML step costs beside a first-order one, and soft layer selection beside plain fine-tuning.

    python benchmarks/maml_step.py --size base --device cpu --json benchmarks/records/maml_step.json

Real steps of the pipeline's own loop and methods (AdamW on θ included) on random sentences, support and query of 8 × 128
sub-tokens at BERT-base's shape, 12 × 768, as XLA-MAML's batches. Every way stands between two steps of what it is compared
with: a ratio is the median over the rounds of its time over the mean of these two. Memory is what a process of its own takes at
its peak beyond its imports (the allocator's peak on a GPU). Keys of the JSON:

`exact_over_first_order`          the exact gradient's step, fast way (reverse over reverse), over the first-order step
`lean_over_first_order`           the same, lean way (forward over reverse)
`memory_exact_over_first_order`   lean way's peak memory over the first-order step's
`memory_fast_over_first_order`    the same of the fast way
`k_steps_over_one`                time of 2 and 3 inner steps over one, lean way
`k_step_time_linearity`           time of 2 inner steps over the mean of 1 and 3: 1 where time is linear in k
`memory_k_steps_over_one`         lean way's peak memory of 3 inner steps over one
`meta_optimizer_over_fine_tune`   a step of soft layer selection, its update of the rates' share included, over a plain one
`memory_growth_500_iterations`    resident memory after 500 iterations over that after 50, the larger of both ways (tiny shape)
"""

import statistics
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pipeline.common.errors import run_stage
from pipeline.config.methods import defaults_of
from pipeline.methods import build_method
from pipeline.methods.contract import Method, OptimizerSettings, Pool, Setting
from pipeline.tasks import ner
from pipeline.training.checkpoint import Checkpoints
from pipeline.training.loop import Ingredients, Loop

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, only its own folder is on it
from benchmarks.common import Step, machine, memory_of, peak_memory, resident, run, seconds
from benchmarks.meta_step import LABELS, SIZES, examples, make_model

BATCH = 8
INTERVAL = 15
SETTING = Setting(("alpha",), (), None, None, None, BATCH, 1, "last", auxiliary=("beta",))
LANGUAGES = ("alpha", "beta")


def maml(way: str = "fast", inner_steps: int = 1, first_order: bool = False) -> Method:
    """Return XLA-MAML: support from the source, query from the auxiliary."""
    settings = {"split": "train", "way": way, "inner_steps": inner_steps, "first_order": first_order, "iterations": 100}
    return build_method("xla_maml", {**defaults_of("xla_maml"), **settings})


WAYS: Mapping[str, Any] = {
    "first order": lambda: maml(first_order=True),
    "fast": lambda: maml("fast"),
    "lean": lambda: maml("lean"),
    "lean 2": lambda: maml("lean", 2),
    "lean 3": lambda: maml("lean", 3),
    "fine-tune": lambda: build_method("auxiliary_tune", {"split": "train", "freeze_embeddings": True}),
    "meta-optimizer": lambda: build_method(
        "meta_optimizer",
        {"split": "train", "meta_train": False, "shared": False, "meta_lr": 0.05, "interval": INTERVAL},
    ),
}


def make_step(way: str, size: str, device: str, length: int) -> Step:
    """Return a function that makes one step of a way, with a model of its own."""
    method = WAYS[way]()
    pools = {pool: examples(pool.language, size, length, 4 * BATCH) for pool in pools_of(method)}
    ingredients = Ingredients(
        task=ner,
        model=make_model(size),
        method=method,
        pools=pools,
        labels=LABELS,
        languages=LANGUAGES,
        optimizer=OptimizerSettings(1e-5, clip_norm=1.0, schedule="constant"),
        batch_size=BATCH,
        pad_id=0,
        seed=0,
        device=torch.device(device),
        precision="bfloat16" if device == "cuda" else "float32",
        select_metric=ner.METRIC,
    )
    loop = Loop(ingredients, Checkpoints(None))
    streams, _ = loop.prepare(method.phases(SETTING)[0])
    loop.set_training(True)

    def step() -> None:
        method.step(loop, streams.draw)
        loop.step_number += 1

    return step


def pools_of(method: Method) -> list[Pool]:
    """Return the pools that a method's first phase draws from."""
    return [pool for stream in method.phases(SETTING)[0].streams.values() for pool in stream.pools]


# ------------------------------------------------------------------------------------------------------------- measuring


def against(base: str, ways: list[str], size: str, device: str, length: int, rounds: int) -> dict[str, float]:
    """Return each way's median ratio to the steps of `base` before and after it, and under `base` that one's seconds."""
    where = torch.device(device)
    steps = {way: make_step(way, size, device, length) for way in (base, *ways)}
    for step in steps.values():  # warms up
        step()
    ratios: dict[str, list[float]] = {way: [] for way in ways}
    bases = [seconds(steps[base], where)]
    for _ in range(rounds):
        for way in ways:
            took = seconds(steps[way], where)
            bases.append(seconds(steps[base], where))
            ratios[way].append(took / statistics.fmean(bases[-2:]))
        print({way: round(values[-1], 3) for way, values in ratios.items()}, file=sys.stderr)
    return {way: statistics.median(values) for way, values in ratios.items()} | {base: statistics.median(bases)}


def rate_share(size: str, device: str, length: int, rounds: int) -> float:
    """Return a soft-layer-selection step's time over a plain one's, over whole intervals, so that each has its update."""
    where = torch.device(device)
    plain, rated = (make_step(way, size, device, length) for way in ("fine-tune", "meta-optimizer"))
    plain(), rated()
    found = []
    for _ in range(rounds):
        sums = [0.0, 0.0]
        for _ in range(INTERVAL):  # they take turns
            sums[0] += seconds(plain, where)
            sums[1] += seconds(rated, where)
        found.append(sums[1] / sums[0])
    return statistics.median(found)


def memory(way: str, size: str, device: str) -> float:
    """Return a way's peak memory in MB."""
    return peak_memory(lambda: make_step(way, size, device, SIZES[size][4]), device)


def memory_growth() -> float:
    """Return resident memory after 500 iterations over that after 50, the larger of both ways, tiny shape."""
    worst = 0.0
    for way in ("fast", "lean"):
        step = make_step(way, "tiny", "cpu", SIZES["tiny"][4])
        for number in range(1, 501):
            step()
            if number == 50:
                first = resident("VmRSS")
        worst = max(worst, resident("VmRSS") / first)
    return worst


def measure(size: str, device: str, threads: int, rounds: int) -> dict[str, Any]:
    """Measure everything the JSON holds."""
    length = SIZES[size][4]
    peaks = {way: memory_of(__file__, way, size, device, threads) for way in ("first order", "lean", "fast", "lean 3")}
    one = against("first order", ["fast", "lean"], size, device, length, rounds)
    several = against("lean", ["lean 2", "lean 3"], size, device, length, rounds)
    return {
        "exact_over_first_order": round(one["fast"], 3),
        "lean_over_first_order": round(one["lean"], 3),
        "memory_exact_over_first_order": round(peaks["lean"] / peaks["first order"], 3),
        "memory_fast_over_first_order": round(peaks["fast"] / peaks["first order"], 3),
        "k_steps_over_one": {"2": round(several["lean 2"], 3), "3": round(several["lean 3"], 3)},
        "k_step_time_linearity": round(2 * several["lean 2"] / (1 + several["lean 3"]), 3),
        "memory_k_steps_over_one": round(peaks["lean 3"] / peaks["lean"], 3),
        "meta_optimizer_over_fine_tune": round(rate_share(size, device, length, max(1, rounds // 2)), 3),
        "memory_growth_500_iterations": round(memory_growth(), 4),
        "seconds": {"first order": round(one["first order"], 4), "lean": round(several["lean"], 4)},
        "memory_mb": {way: round(value) for way, value in peaks.items()},
        "machine": machine(size, device, threads, rounds, batch=[BATCH, length]),
    }


if __name__ == "__main__":
    run_stage(lambda: run(__doc__, SIZES, measure, memory))
