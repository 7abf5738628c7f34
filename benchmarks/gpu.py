"""How busy methods keep a GPU, alone and several runs at once, beside a Hugging Face `Trainer`.

    python benchmarks/gpu.py --device cuda --size xlmr --json benchmarks/records/gpu.json

Steps of the pipeline's own loop and methods, AdamW included, on random sentences as long as WikiAnn's, batches of 16, bfloat16
on a GPU; a process each run. `xlmr` is XLM-R-base's shape. Needs `pip install accelerate` for the peer. Keys of the JSON:

* `tokens_per_second`: by method, then by the number of runs at once: useful sub-tokens (padding not counted) that all runs have
  drawn in the same seconds;
* `share_of_peak`: the same of the matrix products that the steps make, over `peak_tflops`;
* `over_trainer`: by method, tokens/s of one run over the Trainer's; a step of `metaxl` or `x_maml` has more passes than a plain
  one;
* `peak_tflops`: what one large matrix product reaches on the device, in the same precision, or what `--peak-tflops` says.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers.models.xlm_roberta.configuration_xlm_roberta import XLMRobertaConfig
from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaModel

from pipeline.common.errors import UserError, run_stage
from pipeline.common.files import write_json
from pipeline.config.methods import defaults_of
from pipeline.methods import build_method
from pipeline.methods.contract import OptimizerSettings, Setting
from pipeline.tasks import ner, sentiment
from pipeline.tasks.examples import Examples, collate
from pipeline.tasks.model import TaskModel
from pipeline.training.checkpoint import Checkpoints
from pipeline.training.history import StepLog
from pipeline.training.loop import Ingredients, Loop

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, only its own folder is on it
from benchmarks.common import machine

SIZES = {"tiny": (2, 32, 2, 500), "xlmr": (12, 768, 12, 250002)}
"""Layers, width, heads, vocabulary."""

METHODS: dict[str, dict[str, Any]] = {
    "joint": {},
    "metaxl": {},
    "x_maml": {"split": "train", "iterations": 1000},
    "mgl": {"meta_train": False},
    "trainer": {},
}
RUNS = (1, 2, 4, 8)
BATCH, LONGEST, ROWS = 16, 128, 2000
LABELS = {"ner": ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"], "sentiment": ["negative", "positive"]}
SETTING = Setting(("alpha",), ("beta",), None, None, None, BATCH, 1, "last", auxiliary=("gamma",))
WARM_UP = 5
"""Steps before the clock starts; of the last of them the products are counted."""


class Clock:
    """Told of every step, it says whether there is to be another.

    After the warm-up it writes `ready` and waits for a line, so that runs begin together; then steps count until `seconds` have
    passed.
    """

    def __init__(self, device: torch.device, seconds: float) -> None:
        self.device, self.limit = device, seconds
        self.steps = self.tokens = 0
        self.start = self.seconds = self.products = 0.0
        self.counter = FlopCounterMode(display=False)

    def __call__(self, tokens: int) -> bool:
        """Note a step with so many useful sub-tokens; return whether to go on."""
        self.steps += 1
        if self.steps == WARM_UP - 1:
            self.counter.__enter__()  # type: ignore[no-untyped-call]
        if self.steps == WARM_UP:
            self.counter.__exit__(None, None, None)  # type: ignore[no-untyped-call]
            self.products = self.counter.get_total_flops() / tokens
            print("ready", flush=True)
            sys.stdin.readline()
            self.start = self.now()
        if self.steps <= WARM_UP:
            return True
        self.tokens += tokens
        if time.perf_counter() - self.start < self.limit:
            return True
        self.seconds = self.now() - self.start
        return False

    def now(self) -> float:
        """The time when the device has done all that it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


def config_of(size: str) -> XLMRobertaConfig:
    """Return the encoder's configuration."""
    layers, width, heads, vocabulary = SIZES[size]
    return XLMRobertaConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=1,
        num_labels=len(LABELS["ner"]),
        attn_implementation="sdpa",
    )


def texts(task: str, language: str, size: str) -> Examples:
    """Return random sentences, half of them of 9 to 20 sub-tokens; a label for every sub-token, or a class."""
    rng = np.random.default_rng(len(language))
    lengths = np.clip(rng.lognormal(2.6, 0.6, ROWS).astype(int) + 2, 4, LONGEST)
    ids = [rng.integers(5, SIZES[size][3], length) for length in lengths]
    classes = np.arange(ROWS) % 2
    labels = [rng.integers(0, len(LABELS["ner"]), n) for n in lengths] if task == "ner" else list(classes[:, None])
    names, empty = [f"{language}-{i}" for i in range(ROWS)], np.empty(0, int)
    return Examples(names, [language] * ROWS, ids, labels, [empty] * ROWS, classes, [[]] * ROWS)


def our_steps(name: str, size: str, device: torch.device, clock: Clock) -> None:
    """Make steps of a method as the loop makes them, until the clock says that it is enough."""
    method, task = build_method(name, {**defaults_of(name), **METHODS[name]}), sentiment if name == "mgl" else ner
    phase, kind = method.phases(SETTING)[0], task.__name__.rpartition(".")[2]
    pools = [pool for stream in phase.streams.values() for pool in stream.pools]
    encoder = XLMRobertaModel(config_of(size), add_pooling_layer=False)
    loop = Loop(
        Ingredients(
            task=task,
            model=TaskModel(encoder, task.make_head(SIZES[size][1], LABELS[kind], 0.1)),
            method=method,
            pools={pool: texts(kind, pool.language, size) for pool in pools},
            labels=LABELS[kind],
            languages=("alpha", "beta", "gamma"),
            optimizer=OptimizerSettings(1e-5, clip_norm=1.0, schedule="constant"),
            batch_size=BATCH,
            pad_id=1,
            seed=0,
            device=device,
            precision="bfloat16" if device.type == "cuda" else "float32",
            select_metric=task.METRIC,
        ),
        Checkpoints(None),
    )
    streams, _ = loop.prepare(phase)
    loop.set_training(True)
    log, going = StepLog(device, "the benchmark"), True
    while going:
        before = streams.useful
        losses = method.step(loop, streams.draw)
        loop.step_number += 1
        log.add(loop.step_number, losses, loop.optimisers["model"].gradient_norm)
        going = clock(streams.useful - before)


def trainer_steps(size: str, device: torch.device, clock: Clock) -> None:
    """Make steps of a `Trainer` on the sentences of `joint`, until the clock says that it is enough."""
    from transformers import Trainer, TrainerCallback, TrainingArguments
    from transformers.models.xlm_roberta.modeling_xlm_roberta import XLMRobertaForTokenClassification

    examples, seen = texts("ner", "alpha", size), [0]

    def together(rows: Sequence[int]) -> dict[str, torch.Tensor]:
        batch = collate(examples, np.asarray(rows), 1, ("alpha",))
        seen[0] = int(batch["lengths"].sum())  # of the batch after this one, as one is fetched ahead
        return {key: batch[key] for key in ("input_ids", "attention_mask", "labels")}

    class Told(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
            control.should_training_stop = not clock(seen[0])
            return control

    with tempfile.TemporaryDirectory() as output:
        arguments = TrainingArguments(
            output_dir=output,
            per_device_train_batch_size=BATCH,
            num_train_epochs=1000,
            learning_rate=1e-5,
            lr_scheduler_type="constant",
            bf16=device.type == "cuda",
            use_cpu=device.type == "cpu",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            remove_unused_columns=False,
        )
        model = XLMRobertaForTokenClassification(config_of(size))
        rows: Any = list(range(ROWS))
        Trainer(model, arguments, train_dataset=rows, data_collator=together, callbacks=[Told()]).train()


# ------------------------------------------------------------------------------------------------------------- measuring


def worker(name: str, size: str, device: str, seconds: float) -> dict[str, float]:
    """Make steps in this process; return their tokens and seconds, and the products for a token."""
    place = torch.device(device)
    clock = Clock(place, seconds)
    if name == "trainer":
        trainer_steps(size, place, clock)
    else:
        our_steps(name, size, place, clock)
    return {"tokens": clock.tokens, "seconds": clock.seconds, "products": clock.products}


def together(name: str, runs: int, size: str, device: str, threads: int, seconds: float) -> tuple[float, float]:
    """Return the tokens and the floating-point operations a second of several runs of a method, each in a process of its own.

    Raises:
        UserError: one of them failed.
    """
    command = [sys.executable, __file__, "--size", size, "--device", device, "--threads", str(threads)]
    command += ["--seconds", str(seconds), "--worker", name]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started: list[Any] = [subprocess.Popen(command, **pipes) for _ in range(runs)]
    try:
        for process in started:
            while (line := process.stdout.readline()) not in ("ready\n", ""):
                pass  # what libraries say
            if not line:
                raise UserError(f"a run of {name} of {runs} at once failed; what it said is above")
        for process in started:
            process.stdin.write("\n")
            process.stdin.flush()
        found = [json.loads(process.communicate()[0].splitlines()[-1]) for process in started]
    finally:
        for process in started:
            process.kill()
    rates = [of["tokens"] / of["seconds"] for of in found]
    return sum(rates), sum(rate * of["products"] for rate, of in zip(rates, found, strict=True))


def matmul_tflops(device: str, size: int) -> float:
    """Return what the product of two square matrices reaches, in 10^12 operations a second."""
    kind = torch.bfloat16 if device == "cuda" else torch.float32
    left, right = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    clock, took = Clock(torch.device(device), 0.0), []
    for _ in range(12):
        begin = clock.now()
        left @ right
        took.append(clock.now() - begin)
    return 2 * size**3 / min(took) / 1e12


def measure(
    size: str,
    device: str,
    threads: int,
    seconds: float,
    methods: Sequence[str],
    runs: Sequence[int],
    peak: float | None,
) -> dict[str, Any]:
    """Measure everything the JSON holds."""
    peak = peak or matmul_tflops(device, 8192 if device == "cuda" else 512)
    tokens: dict[str, dict[int, float]] = {name: {} for name in methods}
    share: dict[str, dict[int, float]] = {name: {} for name in methods}
    for name in methods:
        for count in runs:
            rate, operations = together(name, count, size, device, threads, seconds)
            tokens[name][count], share[name][count] = round(rate), round(operations / 1e12 / peak, 4)
            print(f"{name}, {count} at once: {rate:,.0f} tokens/s", file=sys.stderr, flush=True)
    ours = [name for name in methods if name != "trainer" and "trainer" in methods]
    return {
        "tokens_per_second": tokens,
        "share_of_peak": share,
        "over_trainer": {name: round(tokens[name][runs[0]] / tokens["trainer"][runs[0]], 3) for name in ours},
        "peak_tflops": round(peak, 3),
        "machine": machine(size, device, threads, 1, batch=BATCH, seconds=seconds),
    }


def main() -> None:
    """Measure and write the JSON.

    Raises:
        UserError: a GPU is asked for and there is none; a run failed.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each run")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="these alone")
    parser.add_argument(
        "--runs", nargs="+", type=int, default=RUNS, help="how many at once, the first number of one alone"
    )
    parser.add_argument("--peak-tflops", type=float, help="the device's, instead of what a large product reaches")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: PyTorch sees no GPU")
    torch.set_num_threads(arguments.threads)
    given = (arguments.size, arguments.device)
    if arguments.worker:
        print(json.dumps(worker(arguments.worker, *given, arguments.seconds)))
        return
    chosen = (arguments.methods, arguments.runs, arguments.peak_tflops)
    found = measure(*given, arguments.threads, arguments.seconds, *chosen)
    print(json.dumps(found, indent=1))
    if arguments.json:
        write_json(arguments.json, found)


if __name__ == "__main__":
    run_stage(main)
