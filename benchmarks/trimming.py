"""What a run saves by having the word embeddings of its own texts alone.

    python -m benchmarks.trimming --json benchmarks/records/trimming.json

Steps of AdamW with clipping on 16 sentences of 20 sub-tokens, whose ids are of 8,000 rows, at two shapes of encoders with random
weights: `e5`, multilingual-e5-small's (12 × 384, 250,037 rows), and `xlm-r-base`, XLM-R's base (12 × 768, 250,002 rows). The
model with all rows and the trimmed one take turns, and each round starts with the other one. Keys of the JSON:

`trimmed_step_over_full`     a step's time, trimmed over full, at e5's shape: the median over the rounds
`trimmed_memory_over_full`   peak memory at XLM-R-base's shape: what a process of its own takes beyond its imports to load the
                             encoder from its file, trim it where it is to be trimmed, and make two steps
`shapes`                     of both: these two ratios, and that of what a checkpoint with the best weights so far holds; seconds
                             (medians) and MB by way
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks.common import machine, peak_memory, seconds
from pipeline.common.errors import run_stage
from pipeline.common.files import read_json, write_json
from pipeline.encoders.architectures import ARCHITECTURES, architecture_class
from pipeline.encoders.load import load_model, make_config, quiet
from pipeline.encoders.pooler import stored
from pipeline.encoders.trim import trim
from pipeline.methods.contract import OptimizerSettings
from pipeline.tasks import ner
from pipeline.tasks.model import TaskModel
from pipeline.training.devices import keep_freed_memory
from pipeline.training.optimisers import ScheduledOptimiser

ROOT = Path(__file__).resolve().parents[1]
LABELS = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
SHAPES: dict[str, tuple[str, int, int, int, int]] = {
    "e5": ("bert", 12, 384, 12, 250_037),
    "xlm-r-base": ("xlm-roberta", 12, 768, 12, 250_002),
}
"""Architecture, layers, width, heads, rows."""

SENTENCES, LENGTH, USED = 16, 20, 8_000
SETTINGS = OptimizerSettings(3e-5, weight_decay=0.01, clip_norm=1.0)
WAYS = ("full", "trimmed")


def write_encoder(shape: str, folder: Path) -> None:
    """Write an encoder of a shape with random weights, without a tokenizer."""
    kind, layers, width, heads, rows = SHAPES[shape]
    row = ARCHITECTURES[kind]
    sizes = {"num_hidden_layers": layers, "hidden_size": width, "num_attention_heads": heads, "vocab_size": rows}
    config = make_config(row, {**sizes, "intermediate_size": 4 * width, "max_position_embeddings": 514}, shape)
    torch.manual_seed(0)
    with quiet():
        architecture_class(row, "Model")(config, add_pooling_layer=False).save_pretrained(folder)


def ids_used(shape: str) -> Tensor:
    """Return the ids of a run's texts (U,), spread over the vocabulary."""
    rows = SHAPES[shape][-1]
    return torch.from_numpy(np.random.default_rng(0).choice(np.arange(5, rows), min(USED, rows // 2), replace=False))


class Bench:
    """A model of one way, its optimiser and a batch."""

    def __init__(self, way: str, shape: str, folder: Path) -> None:
        row, used = ARCHITECTURES[SHAPES[shape][0]], ids_used(shape)
        encoder = load_model(folder, row, make_config(row, read_json(folder / "config.json"), folder))
        if way == "trimmed":
            original = stored(folder, row.words)
            assert original is not None
            trim(encoder, used.tolist(), original)
        torch.manual_seed(1)
        self.model = TaskModel(encoder, ner.make_head(SHAPES[shape][2], LABELS, 0.1)).train()
        self.optimiser = ScheduledOptimiser(list(self.model.named_parameters()), SETTINGS, 1000)
        ids = used[torch.randint(len(used), (SENTENCES, LENGTH))]
        self.batch = {
            "input_ids": ids,
            "attention_mask": torch.ones_like(ids),
            "labels": torch.randint(len(LABELS), ids.shape),
        }

    def step(self) -> None:
        """Make one step."""
        ner.loss(self.model(self.batch), self.batch).backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()

    def checkpoint(self) -> float:
        """Return in MB what a checkpoint holds after a step: the weights, the best so far, the optimiser's moments."""
        weights = list(self.model.state_dict().values())
        moments = [t for state in self.optimiser.state()["inner"]["state"].values() for t in state.values()]
        return float(sum(tensor.nbytes for tensor in (*weights, *weights, *moments))) / 2**20


def memory_of(way: str, shape: str, folder: Path, threads: int) -> float:
    """Measure a way's peak memory in MB in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.trimming", "--memory-of", way, "--shape", shape]
    command += ["--folder", str(folder), "--threads", str(threads)]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def measured(shape: str, rounds: int, threads: int) -> dict[str, Any]:
    """Measure both ways at one shape."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_encoder(shape, folder)
        memory = {way: memory_of(way, shape, folder, threads) for way in WAYS}
        benches = {way: Bench(way, shape, folder) for way in WAYS}
        took: dict[str, list[float]] = {way: [] for way in WAYS}
        for number in range(rounds + 1):
            for way in WAYS[:: -1 if number % 2 else 1]:
                took[way].append(seconds(benches[way].step, torch.device("cpu")))
        checkpoints = {way: bench.checkpoint() for way, bench in benches.items()}
    later = {way: values[1:] for way, values in took.items()}  # the first round warms up
    step = statistics.median(a / b for a, b in zip(later["trimmed"], later["full"], strict=True))
    return {
        "step_over_full": round(step, 3),
        "memory_over_full": round(memory["trimmed"] / memory["full"], 3),
        "checkpoint_over_full": round(checkpoints["trimmed"] / checkpoints["full"], 3),
        "step_s": {way: round(statistics.median(values), 4) for way, values in later.items()},
        "memory_mb": {way: round(value) for way, value in memory.items()},
        "checkpoint_mb": {way: round(value, 1) for way, value in checkpoints.items()},
    }


def measure(shapes: Sequence[str], rounds: int, threads: int) -> dict[str, Any]:
    """Measure everything the JSON holds; the first shape's steps and the last one's memory stand above the others."""
    found = {shape: measured(shape, rounds, threads) for shape in shapes}
    return {
        "trimmed_step_over_full": found[shapes[0]]["step_over_full"],
        "trimmed_memory_over_full": found[shapes[-1]]["memory_over_full"],
        "shapes": found,
        "machine": machine(" and ".join(shapes), "cpu", threads, rounds, batch=[SENTENCES, LENGTH], used=USED),
    }


def main() -> None:
    """Measure, print and write the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--memory-of", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--shape", choices=SHAPES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()  # as the training stage does
    if arguments.memory_of:
        architecture_class(ARCHITECTURES[SHAPES[arguments.shape][0]], "Model")  # its import is not what is measured
        print(peak_memory(lambda: Bench(arguments.memory_of, arguments.shape, arguments.folder).step, "cpu"))
        return
    found = measure(tuple(SHAPES), arguments.rounds, arguments.threads)
    print(json.dumps(found, indent=1))
    if arguments.json:
        write_json(arguments.json, found)


if __name__ == "__main__":
    run_stage(main)
