"""Which device a run uses, how much of its memory, and in what precision.

Snakemake counts GPU slots but says nothing of devices. So a run takes a slot of a device itself, of the one with the fewest runs,
under a lock that ends with the process, and waits where none is free. `gpu_slots_per_device` of them share a device. Where
`CUDA_VISIBLE_DEVICES` names one device, as in a cluster's jobs, it is obeyed.
"""

import ctypes
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from pipeline.common.errors import UserError
from pipeline.common.gpus import SLOTS, VISIBLE, slots_per_device, visible_gpus

if TYPE_CHECKING:
    import torch

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # options of glibc's mallopt, from malloc.h

CONTEXT = 600 * 2**20
"""Bytes of a device's memory that CUDA and its libraries take in each process, beside PyTorch's tensors; an estimate."""

_held: list[FileLock] = []


@dataclass(frozen=True)
class Slot:
    """A part of a device: the `number`th of `of` equal ones, from 0."""

    gpu: str
    number: int
    of: int

    @property
    def name(self) -> str:
        """The name of its lock file."""
        return f"{_device(self.gpu)}-slot-{self.number}-of-{self.of}.lock"

    def __str__(self) -> str:
        """As it is told."""
        return f"GPU {self.gpu}" + (f", slot {self.number + 1} of {self.of}" if self.of > 1 else "")


def _device(gpu: str) -> str:
    """How a device's lock files begin. Allocations of Slurm each count devices anew, so that one id may stand for two of them."""
    job = os.environ.get("SLURM_JOB_ID")
    allocation = f"job-{job}-" if job else ""
    return f"metalingua-{allocation}gpu-" + re.sub(r"[^\w.-]", "-", gpu)


def keep_freed_memory() -> None:
    """Let glibc reuse the memory it frees instead of handing it back to the system, which then has to clear it anew.

    A training step frees and takes the same large blocks again and again. Without glibc nothing happens.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    mallopt(M_MMAP_MAX, 0)  # else blocks above 32 MB always go back
    mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def take_gpu(folder: Path | None = None, poll: float = 1.0) -> Slot | None:
    """Lock a slot of a GPU for the life of this process and make that GPU the only visible one.

    Args:
        folder: where the lock files lie; by default the system's folder for temporary files, which all users share.
        poll: seconds between two looks, where all slots are taken.

    Returns:
        The slot; `None` where there is no GPU, or where `CUDA_VISIBLE_DEVICES` names one that nobody is to share.

    Raises:
        UserError: the number of slots is none, or a lock file cannot be opened.
    """
    gpus, of = visible_gpus(), slots_per_device()
    if not gpus or (VISIBLE in os.environ and len(gpus) == 1 and of == 1):
        return None
    folder, told = folder or Path(tempfile.gettempdir()), False
    while (slot := _take(folder, gpus, of)) is None:
        if not told:
            print(f"waiting for a free slot of GPU {', '.join(gpus)}", file=sys.stderr, flush=True)
        told = True
        time.sleep(poll)
    os.environ[VISIBLE] = slot.gpu
    print(slot, flush=True)
    return slot


def _take(folder: Path, gpus: Sequence[str], of: int) -> Slot | None:
    """Lock a slot of the device with the fewest runs; `None` where all are taken."""
    with _locking(folder), _lock(folder / "metalingua-gpus.lock"):  # one process looks at a time
        free = {gpu: _free(folder, gpu, of) for gpu in gpus}
        gpu = max(gpus, key=lambda gpu: len(free[gpu]))
        if not free[gpu]:
            return None
        slot = free[gpu][0]
        lock = _lock(folder / slot.name)
        lock.acquire(timeout=0)
        _held.append(lock)
        return slot


def _free(folder: Path, gpu: str, of: int) -> list[Slot]:
    """The free slots of a device; none while runs have it that share it among another number."""
    slots = [Slot(gpu, number, of) for number in range(of)]
    taken = {path.name for path in folder.glob(f"{_device(gpu)}-slot-*-of-*.lock") if _taken(path)}
    return [] if taken - {slot.name for slot in slots} else [slot for slot in slots if slot.name not in taken]


def _lock(path: Path) -> FileLock:
    return FileLock(path, mode=0o666, fallback_to_soft=False)  # of all users; none that outlives its process


def _taken(path: Path) -> bool:
    lock = _lock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


@contextmanager
def _locking(folder: Path) -> Iterator[None]:
    """Tell of lock files that cannot be opened."""
    try:
        yield
    except (OSError, NotImplementedError) as error:  # the latter of a file system that has no locks
        raise UserError(
            f"{folder}: the lock files of GPUs cannot be used there ({error}); set TMPDIR to a folder on a local disk that all "
            "who use these GPUs can write to, or CUDA_VISIBLE_DEVICES to one GPU"
        ) from None


def model_device() -> "torch.device":
    """Return the device that models run on: the GPU that was taken, of which no more memory is used than a slot's, or the CPU.

    Raises:
        UserError: so many slots have no memory left for a model.
    """
    import torch

    if not torch.cuda.is_available():
        return torch.device("cpu")
    of = slots_per_device()
    if of > 1:
        total = torch.cuda.get_device_properties(0).total_memory
        share = 1 / of - CONTEXT / total
        if share <= 0:
            raise UserError(
                f"{SLOTS}: {of} runs share a GPU of {total >> 20:,} MiB, of which CUDA takes {CONTEXT >> 20} in each of them; "
                f"expected at most {max(1, (total - 1) // CONTEXT)} (snakemake --resources gpu_slots_per_device=…)"
            )
        torch.cuda.set_per_process_memory_fraction(share)
    return torch.device("cuda")


def resolve_precision(precision: str, device: str, float32: bool) -> str:
    """Return `bfloat16` or `float32` for `auto`: bf16 autocast on GPUs that have it, full precision elsewhere.

    Args:
        precision: `training.precision`; whatever is no `auto` is obeyed.
        device: `cuda` or `cpu`.
        float32: whether the run's method (`Method.float32_with`) or its encoder's architecture needs full precision.
    """
    if precision != "auto":
        return precision
    import torch

    if float32 or device != "cuda" or not torch.cuda.is_bf16_supported(including_emulation=False):
        return "float32"
    return "bfloat16"
