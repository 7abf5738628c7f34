"""What shared rows save: a training pass over shuffled batches, beside padding them and beside batches of like length.

    python benchmarks/packing.py --size base --json benchmarks/records/packing.json

Forward and backward of the encoder, batches of 16, lengths as WikiAnn's: log-normal, half of them between 9 and 20 sub-tokens.
All three ways read the same sentences in turn. Keys of the JSON:

`seconds_over_padded`   shuffled, sharing rows (the pipeline's way) over shuffled, padded to the longest
`seconds_over_grouped`  the same over sorted by length, cut and padded: little padding, but the same sentences meet
`useful`                sub-tokens over all that the encoder works on, by way
`pass_in_tokens`        what a pass costs beside its sub-tokens, in sub-tokens: the seconds of a pass of none over those of one
                        more, by a line through passes of 1 to 16 sentences of 16; `PASS` of `pipeline/tasks/packing.py`
"""

import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.common.errors import run_stage
from pipeline.tasks.examples import pad
from pipeline.tasks.model import TaskModel, hidden_states
from pipeline.tasks.packing import pack

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, only its own folder is on it
from benchmarks.common import machine, run, seconds
from benchmarks.meta_step import SIZES, make_model

BATCH = 16
BATCHES = 8  # of a round


def padded(model: TaskModel, batch: dict[str, Tensor]) -> Tensor:
    """Return the hidden states (B, T, H) of a batch in rows of their own."""
    hidden: Tensor = model.encoder(**batch).last_hidden_state
    return hidden


def batch_of(lengths: np.ndarray, vocabulary: int, device: torch.device) -> dict[str, Tensor]:
    """Return random sub-tokens of the given lengths."""
    rng = np.random.default_rng(int(lengths.sum()))
    ids = pad([rng.integers(5, vocabulary, length) for length in lengths], 0)
    mask = (torch.arange(ids.shape[1])[None] < torch.from_numpy(lengths)[:, None]).long()
    return {"input_ids": ids.to(device), "attention_mask": mask.to(device)}


def one_pass(
    model: TaskModel, batches: Sequence[dict[str, Tensor]], encode: Callable[[TaskModel, dict[str, Tensor]], Tensor]
) -> None:
    """Forward and backward over all batches."""
    half = torch.autocast("cuda", torch.bfloat16, enabled=next(model.parameters()).device.type == "cuda")
    for batch in batches:
        with half:
            hidden = encode(model, batch)
        (hidden.float() * batch["attention_mask"][..., None]).sum().backward()  # type: ignore[no-untyped-call]
        model.zero_grad()


def pass_in_tokens(model: TaskModel, vocabulary: int, place: torch.device, rounds: int) -> float:
    """Return the cost of a pass beside its sub-tokens, in sub-tokens."""
    batches = {count: [batch_of(np.full(count, 16), vocabulary, place)] for count in (1, 2, 4, 8, 16)}
    took: dict[int, list[float]] = {count: [] for count in batches}
    for _ in range(5 * rounds + 1):
        for count, batch in batches.items():
            took[count].append(seconds(lambda b=batch: one_pass(model, b, padded), place))  # type: ignore[misc]
    slope, intercept = np.polyfit([16 * count for count in took], [min(of[1:]) for of in took.values()], 1)
    return float(intercept / slope)


def measure(size: str, device: str, threads: int, rounds: int) -> dict[str, Any]:
    """Measure everything the JSON holds."""
    model, place = make_model(size).to(device).train(), torch.device(device)
    took: dict[str, list[float]] = {"packed": [], "padded": [], "grouped": []}
    useful: dict[str, list[int]] = {way: [0, 0] for way in took}
    rng = np.random.default_rng(0)
    for _ in range(rounds + 1):
        lengths = np.clip(rng.lognormal(2.6, 0.6, BATCH * BATCHES).astype(int) + 2, 4, SIZES[size][4])
        shuffled, grouped = lengths.reshape(BATCHES, BATCH), np.sort(lengths).reshape(BATCHES, BATCH)
        for way, rows in (("packed", shuffled), ("padded", shuffled), ("grouped", grouped)):
            batches = [batch_of(row, SIZES[size][3], place) for row in rows]
            encode = hidden_states if way == "packed" else padded
            took[way].append(seconds(lambda b=batches, e=encode: one_pass(model, b, e), place))  # type: ignore[misc]
            useful[way][0] += int(lengths.sum())
            useful[way][1] += sum(
                pack(tuple(row.tolist())).area if way == "packed" else len(row) * row.max() for row in rows
            )
    later = {way: values[1:] for way, values in took.items()}  # the first round warms up

    def over(way: str) -> float:
        return round(statistics.median(a / b for a, b in zip(later["packed"], later[way], strict=True)), 3)

    return {
        "seconds_over_padded": over("padded"),
        "seconds_over_grouped": over("grouped"),
        "useful": {way: round(of / whole, 3) for way, (of, whole) in useful.items()},
        "pass_in_tokens": round(pass_in_tokens(model, SIZES[size][3], place, rounds), 1),
        "machine": machine(size, device, threads, rounds, batch=BATCH, batches=BATCHES),
    }


if __name__ == "__main__":
    run_stage(lambda: run(__doc__, SIZES, measure))
