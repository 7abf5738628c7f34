"""What jobs ask of the machine or the cluster they run on: GPU slots, and memory and time from their size.

Nothing is read for it but an encoder's `config.json`: what is not known before, as how many sentences a dataset has and how long
they are, is taken as large as it usually is. The numbers are upper bounds that `benchmarks/memory.py` compares with what is used.
At each further attempt a job asks for as much again. On one machine they bind nobody unless `--resources mem_mb=…` is given.
"""

import json
import math
import os
from collections.abc import Mapping, MutableMapping
from typing import Any

from pipeline.common import paths
from pipeline.common.gpus import SLOTS, checked_slots, slots_per_device, visible_gpus
from pipeline.grid.parameters import note, noted
from pipeline.grid.runs import Grid
from pipeline.grid.sizes import USUAL, Sizes, Work, sizes_of, work_of_encoder, work_of_run

SLOTS_RESOURCE = "gpu_slots_per_device"
"""How `--resources` and profiles call it."""

MB, FLOAT = 2**20, 4  # bytes
EXAMPLE = 4096  # bytes of one, its text and sub-tokens
START_MB, GPU_START_MB = 600, 4000  # Python, PyTorch and transformers; with what CUDA maps beside them
MARGIN = 1.2

CORE_SPEED, UPDATE_SPEED = 2e10, 1e8  # of one core: floating-point operations, weights an optimiser updates, a second
GPU_SPEED, GPU_STEP = 5e12, 0.1  # of a GPU of any age, half busy; seconds that a small step takes all the same
SLACK = 2  # as slow a node, as long a queue for its disk
START_MINUTES, REPRESENTING, FETCHING = 30, 60, 240  # minutes

BY_SEED = ("model_seed", "data_seed", "parent", "rates")
"""Keys of a spec that differ from seed to seed; of a run's size only whether they are set tells something."""


def gpu_slots() -> int:
    """One GPU slot a job on a machine with an NVIDIA GPU that may be seen, none elsewhere."""
    return int(bool(visible_gpus()))


def note_evaluation() -> None:
    """Note the parameters of what evaluates a resource in Snakemake, which else inspects it at every resource of every job."""
    from snakemake.resources import Resource

    note(Resource.evaluate)


def share_devices(resources: MutableMapping[str, Any]) -> None:
    """Hand on to jobs how many of them share a device, and count this machine's GPU slots where nobody did.

    Args:
        resources: Snakemake's global ones; `gpu` is added where a command line that has others left it out.

    Raises:
        UserError: `gpu_slots_per_device` is no number of slots.
    """
    given = value_of(resources.get(SLOTS_RESOURCE))
    if given is not None:
        os.environ[SLOTS] = str(checked_slots(given, f"--resources {SLOTS_RESOURCE}"))
    if value_of(resources.get("gpu")) is None and (gpus := visible_gpus()):
        resources["gpu"] = len(gpus) * slots_per_device()


def value_of(resource: Any) -> Any:
    """Return a resource's value, which some versions of Snakemake wrap."""
    return getattr(resource, "value", resource)


@noted
class Needs:
    """Memory (MB) and time (minutes) of each job that runs a model; what is computed for a job's size is kept.

    Methods that take `wildcards` and `attempt` are handed to Snakemake as they are (`mem_mb=needs.run_mem_mb`).
    """

    def __init__(self, grid: Grid, overwritten: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Remember what there is to do.

        Args:
            grid: all that the config asks for.
            overwritten: by rule, the resources that `--set-resources` or a profile sets: with `gpu` jobs run on GPUs elsewhere.
        """
        self._grid = grid
        asked = [given["gpu"] for given in (overwritten or {}).values() if "gpu" in given]
        self._on_gpu = gpu_slots() > 0 or any(value_of(number) for number in asked)
        self._sizes: dict[str, Sizes] = {}
        self._runs: dict[str, tuple[int, int]] = {}
        self._alike: dict[tuple[str, Sizes | None], tuple[int, int]] = {}

    def run_mem_mb(self, wildcards: Any, attempt: int) -> int:
        """What training a run takes; representing its sentences takes no more."""
        return self._run(wildcards.run)[0] * attempt

    def run_runtime(self, wildcards: Any, attempt: int) -> int:
        """How long training a run takes."""
        return self._run(wildcards.run)[1] * attempt

    def represent_runtime(self, wildcards: Any, attempt: int) -> int:
        """How long representing a run's sentences takes: a part of an epoch."""
        return min(self._run(wildcards.run)[1], REPRESENTING) * attempt

    def encoder_mem_mb(self, wildcards: Any, attempt: int) -> int:
        """What making an encoder takes."""
        return self._encoder(wildcards.encoder)[0] * attempt

    def encoder_runtime(self, wildcards: Any, attempt: int) -> int:
        """How long making an encoder takes; fetching one is as slow as the net."""
        return max(self._encoder(wildcards.encoder)[1], FETCHING) * attempt

    def _run(self, name: str) -> tuple[int, int]:
        found = self._runs.get(name)
        if found is None:
            spec = self._grid.runs[name].spec
            sizes = self._sizes_of(spec["encoder"])
            alike = json.dumps([bool(value) if key in BY_SEED else value for key, value in spec.items()])
            if (alike, sizes) not in self._alike:
                work = work_of_run(spec, self._grid.datasets)
                self._alike[alike, sizes] = asked_for(work, sizes or USUAL, self._on_gpu)
            found = self._alike[alike, sizes]
            if sizes is not None:  # else it is asked again, when the encoder is there
                self._runs[name] = found
        return found

    def _encoder(self, key: str) -> tuple[int, int]:
        sizes = self._sizes_of(key) or USUAL
        work = work_of_encoder(self._grid.encoders[key].spec, sizes, self._grid.datasets)
        return asked_for(work, sizes, self._on_gpu)

    def _sizes_of(self, key: str) -> Sizes | None:
        found = self._sizes.get(key)
        if found is None:
            found = sizes_of(self._grid.encoders[key], paths.encoder_dir(key), self._grid.encoders)
        if found is not None:
            self._sizes[key] = found
        return found


def asked_for(work: Work, sizes: Sizes, on_gpu: bool) -> tuple[int, int]:
    """Return the MB and the minutes that a job asks for at first.

    Args:
        work: what it does.
        sizes: of its encoder.
        on_gpu: whether activations are in a GPU's memory, and computed there.
    """
    weights = work.copies * sizes.weights
    numbers = weights if on_gpu else weights + work.held * sizes.activations(work.length) + work.logits
    used = (GPU_START_MB if on_gpu else START_MB) + (numbers * FLOAT + work.examples * EXAMPLE) / MB
    operations = sizes.body * (6 * work.passed + 2 * work.read)
    if on_gpu:
        seconds = operations / GPU_SPEED + work.steps * GPU_STEP
    else:
        seconds = operations / CORE_SPEED + work.steps * sizes.weights / UPDATE_SPEED
    return round_up(used * MARGIN, 100), round_up(START_MINUTES + SLACK * seconds / 60, 10)


def round_up(number: float, to: int) -> int:
    """Return the next multiple."""
    return math.ceil(number / to) * to
