"""What a MetaXL step costs beside a joint step, and how exact its meta-gradient is.

    python benchmarks/meta_step.py --size base --device cpu --json benchmarks/records/meta_step.json

Real steps of the pipeline's own loop and methods (AdamW on θ included) on random sentences: source and target batch of the same
size. Ways take turns, and each stands between two joint steps: a ratio is the median over the rounds of a step's time over the
mean of these two, so that a machine that is slower for a minute is slower for both. `base` is BERT-base's shape, 12 × 768, on
batches of 16 × 128 sub-tokens (16 × 200 in bfloat16 on a GPU). Keys of the JSON:

`metaxl_over_joint`            fast way (reverse over reverse), by placement of the RTN; Algorithm 1, the look-ahead is AdamW's
`lean_over_joint`              lean way (forward over reverse)
`memory_over_joint_top`        lean way's peak memory over the joint step's, RTN on top: what a process of its own takes
                               beyond its imports (the allocator's peak on a GPU)
`memory_fast_over_joint_top`   the same of the fast way
`speedup_over_released_order`  the default way, RTN on top, against the order of computation of the released code (below)
`released_over_joint`          our `variant: released` over a joint step, RTN on top (its batches are as large, halved)
`max_error_float32`            largest relative error of the meta-gradient in float32 against float64, over placements,
                               options and ways
`finite_difference_error`      the same error of central differences, at the best of seven step sizes
`memory_growth_200_steps`      resident memory after 200 steps over that after 20, the larger of both ways (tiny shape)

The released code's order: one graph of L_s + L_g with `create_graph`, a look-ahead copy, the meta loss there, a second
derivative by *all* of θ and φ, then a fresh pass with the new φ for θ's own step.
"""

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from pipeline.common.errors import run_stage
from pipeline.config.methods import defaults_of
from pipeline.meta.bilevel import hypergradient, unroll
from pipeline.meta.updates import Rule
from pipeline.methods import build_method
from pipeline.methods.contract import Method, OptimizerSettings, Setting
from pipeline.methods.metaxl import source_loss, transformation_of
from pipeline.methods.parts.rtn import Design, SourcePath, make_transformation
from pipeline.tasks import ner
from pipeline.tasks.examples import Examples
from pipeline.tasks.model import TaskModel
from pipeline.training.batches.streams import Streams
from pipeline.training.checkpoint import Checkpoints
from pipeline.training.loop import Ingredients, Loop

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, only its own folder is on it
from benchmarks.common import Step, machine, memory_of, peak_memory, random_bert, resident, run, seconds

SIZES = {
    "tiny": (2, 128, 4, 2000, 32),
    "base": (12, 768, 12, 30522, 128),
}  # layers, width, heads, vocabulary, sub-tokens
LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
BATCH = 16
PLACES = ("top", "middle", "bottom")
SETTING = Setting(("alpha",), ("beta",), None, None, None, BATCH, 1, "last")


def make_model(size: str, dropout: float = 0.1) -> TaskModel:
    """Return a task model of the size, with random weights."""
    layers, width, heads, vocabulary, _ = SIZES[size]
    encoder = random_bert(layers, width, heads, vocabulary, dropout)
    return TaskModel(encoder, ner.make_head(width, LABELS, dropout))


def examples(language: str, size: str, length: int, count: int) -> Examples:
    """Return random sentences of one length."""
    rng = np.random.default_rng(len(language))
    ids = [rng.integers(5, SIZES[size][3], length) for _ in range(count)]
    labels = [rng.integers(0, len(LABELS), length) for _ in range(count)]
    names = [f"{language}-{i}" for i in range(count)]
    gold: list[Any] = [[] for _ in range(count)]
    return Examples(names, [language] * count, ids, labels, [np.arange(length)] * count, np.zeros(count, int), gold)


def placement(place: str, size: str) -> int:
    """Return the layer after which the RTN stands."""
    layers = SIZES[size][0]
    return {"top": layers, "middle": layers // 2, "bottom": 0}[place]


def metaxl(size: str, place: str, way: str, variant: str = "paper", **options: Any) -> Method:
    """Return the method with its RTN at a place."""
    chosen = {"residual": False, "gate": False, "detach": False, "meta_weight_decay": 0.0} if variant == "paper" else {}
    return build_method(
        "metaxl",
        {
            **defaults_of("metaxl"),
            "variant": variant,
            "placement": [placement(place, size)],
            "way": way,
            "meta_lr": 1e-5,
            **chosen,
            **options,
        },
    )


class Bench:
    """One model, and loops of several methods that train it with one optimiser."""

    def __init__(self, size: str, device: str, length: int, model: TaskModel | None = None) -> None:
        self.size, self.device, self.length = size, torch.device(device), length
        self.model = model or make_model(size)
        self.precision = "bfloat16" if device == "cuda" else "float32"
        pools = (*SETTING.source_pools(), *SETTING.target_pools())
        self.pools = {pool: examples(pool.language, size, length, 4 * BATCH) for pool in pools}
        self.optimiser: Any = None

    def loop(self, method: Method) -> tuple[Loop, Streams]:
        """Return a loop ready for steps, and its streams."""
        optimizer = OptimizerSettings(1e-5, clip_norm=1.0, schedule="constant")
        ingredients = Ingredients(
            task=ner,
            model=self.model,
            method=method,
            pools=self.pools,
            labels=LABELS,
            languages=("alpha", "beta"),
            optimizer=optimizer,
            batch_size=BATCH,
            pad_id=0,
            seed=0,
            device=self.device,
            precision=self.precision,
            select_metric=ner.METRIC,
        )
        loop = Loop(ingredients, Checkpoints(None))
        streams, _ = loop.prepare(method.phases(SETTING)[0])
        loop.set_training(True)
        self.optimiser = self.optimiser or loop.optimisers["model"]
        loop.optimisers["model"] = self.optimiser
        return loop, streams

    def step(self, method: Method) -> Step:
        """Return a function that makes one step."""
        loop, streams = self.loop(method)
        return lambda: method.step(loop, streams.draw)

    def released_order(self, place: str) -> Step:
        """Return a step in the released code's order of computation."""
        loop, streams = self.loop(metaxl(self.size, place, "fast"))
        return lambda: released_order(loop, streams)


def released_order(loop: Loop, streams: Streams) -> None:
    """One step as the released code computes it; target batches of the source's size inside and outside."""
    target = streams.draw("target")
    loss_s, phi = source_loss(loop, streams.draw("source")), list(transformation_of(loop).parameters())
    theta: list[Tensor] = list(loop.parameters())
    by_id = {id(p): name for name, p in loop.model.named_parameters()}
    with sdpa_kernel(SDPBackend.MATH):
        inner = loss_s(tuple(theta), tuple(phi)) + loop.loss(target)
        gradient = torch.autograd.grad(inner, theta, create_graph=True)
    ahead = [(p - 1e-3 * g).detach().requires_grad_() for p, g in zip(theta, gradient, strict=True)]
    meta = loop.loss(target, {by_id[id(p)]: a for p, a in zip(theta, ahead, strict=True)})
    vector = torch.autograd.grad(meta, ahead)
    found = torch.autograd.grad(gradient, [*theta, *phi], grad_outputs=[-1e-3 * v for v in vector], allow_unused=True)
    loop.apply(found[len(theta) :], "rtn")
    fresh = loss_s(tuple(theta), tuple(phi)) + loop.loss(target)
    loop.apply(torch.autograd.grad(fresh, theta))


# ------------------------------------------------------------------------------------------------------------- measuring


def times(bench: Bench, rounds: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the median seconds of a step of each way, and their median ratio to the joint steps before and after."""
    steps: dict[str, Step] = {"joint": bench.step(build_method("joint", defaults_of("joint")))}
    for place in PLACES:
        steps[f"fast {place}"] = bench.step(metaxl(bench.size, place, "fast"))
        steps[f"lean {place}"] = bench.step(metaxl(bench.size, place, "lean"))
    steps["released variant"] = bench.step(metaxl(bench.size, "top", "auto", "released"))
    steps["released order"] = bench.released_order("top")
    measured: dict[str, list[float]] = {name: [] for name in steps}
    ratios: dict[str, list[float]] = {name: [] for name in steps if name != "joint"}
    for name in ("joint", "fast top", "lean top"):  # warms up
        steps[name]()
    for _ in range(rounds):
        measured["joint"].append(seconds(steps["joint"], bench.device))
        for name in ratios:
            measured[name].append(seconds(steps[name], bench.device))
            measured["joint"].append(seconds(steps["joint"], bench.device))
            ratios[name].append(measured[name][-1] / statistics.fmean(measured["joint"][-2:]))
        print({name: round(values[-1], 3) for name, values in ratios.items()}, file=sys.stderr)
    took, over = ({name: statistics.median(values) for name, values in of.items()} for of in (measured, ratios))
    return took, over


def memory_step(way: str, size: str, device: str) -> Step:
    """Return a step of the way whose memory is measured, with the RTN on top."""
    bench = Bench(size, device, length_of(size, device))
    return bench.step(build_method("joint", defaults_of("joint")) if way == "joint" else metaxl(size, "top", way))


def length_of(size: str, device: str) -> int:
    """Return how many sub-tokens a sentence has."""
    return 200 if device == "cuda" else SIZES[size][4]


def memory_growth() -> float:
    """Return resident memory after 200 steps over that after 20, the larger of both ways, tiny shape."""
    worst = 0.0
    for way in ("fast", "lean"):
        step = Bench("tiny", "cpu", SIZES["tiny"][4]).step(metaxl("tiny", "top", way))
        for number in range(1, 201):
            step()
            if number == 20:
                first = resident("VmRSS")
        worst = max(worst, resident("VmRSS") / first)
    return worst


# ----------------------------------------------------------------------------------------------------------------- error


OPTIONS: dict[str, dict[str, bool]] = {
    "plain": {},
    "residual": {"residual": True},
    "gate": {"gate": True},
    "released": {"residual": True, "gate": True, "detach": True},
}


def problem(size: str, place: str, options: dict[str, bool], dtype: torch.dtype, device: str) -> tuple[Any, ...]:
    """Return the source loss, the target loss, θ and φ of a fixed problem: a small batch, no dropout."""
    model = make_model(size, dropout=0.0).to(device, dtype)
    design = Design((placement(place, size),), **options)
    phi_module = make_transformation(design, model, [0], False, torch.Generator().manual_seed(1), "metaxl").to(
        device, dtype
    )
    batches = []
    for language in ("alpha", "beta"):
        bench = examples(language, size, 24, 4)
        batch = {"input_ids": torch.tensor(np.array(bench.input_ids)), "labels": torch.tensor(np.array(bench.labels))}
        batch |= {"attention_mask": torch.ones_like(batch["labels"]), "language": torch.zeros(4, dtype=torch.long)}
        batches.append({key: value.to(device) for key, value in batch.items()})
    path = SourcePath(model, phi_module)
    names = [name for name, _ in model.named_parameters()]
    phi_names = [f"transformation.{name}" for name, _ in phi_module.named_parameters()]

    def task(logits: Tensor, batch: dict[str, Tensor]) -> Tensor:
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch["labels"].flatten())

    def loss(theta: Sequence[Tensor], phi: Sequence[Tensor]) -> Tensor:
        given = {f"model.{n}": t for n, t in zip(names, theta, strict=True)} | dict(zip(phi_names, phi, strict=True))
        return task(torch.func.functional_call(path, given, (batches[0],)), batches[0])

    def outer(theta: Sequence[Tensor]) -> Tensor:
        given = dict(zip(names, theta, strict=True))
        return task(torch.func.functional_call(model, given, (batches[1],)), batches[1])

    theta = [p.detach() for p in model.parameters()]
    return loss, outer, theta, [p.detach() for p in phi_module.parameters()]


def relative_error(found: Sequence[Tensor], exact: Sequence[Tensor]) -> float:
    """Return the relative error of all tensors together."""
    difference = [a.double() - b for a, b in zip(found, exact, strict=True)]
    return float(torch.nn.utils.get_total_norm(difference) / torch.nn.utils.get_total_norm(list(exact)))


def errors(size: str, device: str) -> tuple[float, float]:
    """Return the largest float32 error of our ways, and the best of central differences with the RTN on top."""
    rule, worst, best = Rule(1e-3), 0.0, float("inf")
    for place in PLACES:
        for name, options in OPTIONS.items():
            loss, outer, theta, phi = problem(size, place, options, torch.float64, device)
            exact = hypergradient([loss], outer, theta, phi, rule)[1]
            loss, outer, theta, phi = problem(size, place, options, torch.float32, device)
            for way in ("fast", "lean"):
                found = hypergradient([loss], outer, theta, phi, rule, way=way)[1]
                worst = max(worst, relative_error(found, exact))
            if place == "top" and name == "plain":
                best = min(
                    relative_error(finite_difference(loss, outer, theta, phi, rule, e), exact) for e in range(-6, 1)
                )
    return worst, best


def finite_difference(loss: Any, outer: Any, theta: Any, phi: Any, rule: Rule, exponent: int) -> list[Tensor]:
    """Return the mixed term by central differences, as in DARTS: ε = 10^exponent / ‖v‖."""
    vector = unroll([loss], outer, theta, phi, rule).vector
    epsilon = 10.0**exponent / torch.nn.utils.get_total_norm(vector)
    sides = []
    for sign in (1, -1):
        there = [p.clone().requires_grad_() for p in phi]
        moved = [t + sign * epsilon * v for t, v in zip(theta, vector, strict=True)]
        sides.append(torch.autograd.grad(loss(moved, there), there))
    return [-rule.learning_rate * (a - b) / (2 * epsilon) for a, b in zip(*sides, strict=True)]


# ------------------------------------------------------------------------------------------------------------------ main


def measure(size: str, device: str, threads: int, rounds: int) -> dict[str, Any]:
    """Measure everything the JSON holds."""
    length = length_of(size, device)
    peaks = {
        way: memory_of(__file__, way, size, device, threads) for way in ("joint", "lean", "fast")
    }  # before ours fills up
    took, exact = times(Bench(size, device, length), rounds)
    ratios = {name: round(value, 3) for name, value in exact.items()}
    worst, differences = errors(size, device)
    tokens = 2 * BATCH * length
    return {
        "metaxl_over_joint": {place: ratios[f"fast {place}"] for place in PLACES},
        "lean_over_joint": {place: ratios[f"lean {place}"] for place in PLACES},
        "memory_over_joint_top": round(peaks["lean"] / peaks["joint"], 3),
        "memory_fast_over_joint_top": round(peaks["fast"] / peaks["joint"], 3),
        "speedup_over_released_order": round(exact["released order"] / exact["lean top"], 2),
        "released_over_joint": ratios["released variant"],
        "released_order_over_joint": ratios["released order"],
        "max_error_float32": worst,
        "finite_difference_error": differences,
        "memory_growth_200_steps": round(memory_growth(), 4),
        "seconds": {name: round(value, 4) for name, value in took.items()},
        "tokens_per_second": {name: round(tokens / value) for name, value in took.items()},
        "memory_mb": {way: round(value) for way, value in peaks.items()},
        "machine": machine(size, device, threads, rounds, batch=[BATCH, length]),
    }


def memory(way: str, size: str, device: str) -> float:
    """Return a way's peak memory in MB."""
    return peak_memory(lambda: memory_step(way, size, device), device)


if __name__ == "__main__":
    run_stage(lambda: run(__doc__, SIZES, measure, memory))
