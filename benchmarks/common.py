"""What the benchmarks of steps share: their command line, clocks, memory, and the facts of the machine."""

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import torch
from transformers.models.bert.configuration_bert import BertConfig
from transformers.models.bert.modeling_bert import BertModel

from pipeline.common.errors import UserError
from pipeline.common.files import write_json
from pipeline.training.devices import keep_freed_memory

Step = Callable[[], object]
Measure = Callable[[str, str, int, int], dict[str, Any]]
"""(size, device, threads, rounds) → everything the JSON holds."""

Memory = Callable[[str, str, str], float]
"""(way, size, device) → the peak memory of a way in MB, in a process that has done nothing else."""


def random_bert(layers: int, width: int, heads: int, vocabulary: int, dropout: float = 0.1) -> BertModel:
    """Return a bare BERT of a shape, with random weights, the same at every call."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        attn_implementation="sdpa",
    )
    return BertModel(config, add_pooling_layer=False)


def seconds(step: Step, device: torch.device) -> float:
    """Return the wall seconds of one step."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def peak_memory(make_step: Callable[[], Step], device: str) -> float:
    """Return in MB what two steps take at their peak, beyond the imports; to be called in a fresh process."""
    before = resident("VmRSS")
    step = make_step()
    for _ in range(2):
        step()
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resident("VmHWM") - before


def resident(key: str) -> float:
    """Return a figure of this process's memory in MB: `VmRSS` now, `VmHWM` at its peak."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith(f"{key}:"))


def memory_of(script: str, way: str, size: str, device: str, threads: int) -> float:
    """Measure a way's peak memory in a process of its own, by a benchmark's `--memory-of`."""
    command = [sys.executable, script, "--size", size, "--device", device]
    command += ["--threads", str(threads), "--memory-of", way]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1])


def machine(size: str, device: str, threads: int, rounds: int, **facts: Any) -> dict[str, Any]:
    """Return what was measured where."""
    return {
        "size": size,
        **facts,
        "device": torch.cuda.get_device_name() if device == "cuda" else platform.machine(),
        "precision": "bfloat16" if device == "cuda" else "float32",
        "threads": threads,
        "rounds": rounds,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def run(description: str | None, sizes: Collection[str], measure: Measure, memory: Memory | None = None) -> None:
    """Read the command line, measure and write the JSON.

    Raises:
        UserError: a GPU is asked for and there is none.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=sizes, default="tiny")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        raise UserError("--device cuda: PyTorch sees no GPU")
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()  # as the training stage does
    if arguments.memory_of and memory is not None:
        print(memory(arguments.memory_of, arguments.size, arguments.device))
        return
    found = measure(arguments.size, arguments.device, arguments.threads, arguments.rounds)
    print(json.dumps(found, indent=1))
    if arguments.json:
        write_json(arguments.json, found)
