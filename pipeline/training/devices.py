"""Which device a run uses, and in what precision.

Snakemake counts GPUs but hands out no ids, so where `CUDA_VISIBLE_DEVICES` is unset a run takes the first GPU whose lock file
is free, and waits where none is; the lock ends with the process. A cluster that sets the variable is obeyed.
"""

import ctypes
import os
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # options of glibc's mallopt, from malloc.h

_held: list[FileLock] = []


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


def visible_gpus() -> list[str]:
    """Return the ids of the NVIDIA GPUs the driver lists, without starting CUDA."""
    root = Path("/proc/driver/nvidia/gpus")
    return [str(i) for i in range(len(list(root.iterdir())))] if root.is_dir() else []


def take_gpu(folder: Path | None = None, gpus: list[str] | None = None, poll: float = 1.0) -> str | None:
    """Lock one GPU for the life of this process and make it the only visible one; `None` where there is none to take."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return os.environ["CUDA_VISIBLE_DEVICES"]
    gpus = visible_gpus() if gpus is None else gpus
    folder = folder or Path(tempfile.gettempdir())
    while gpus:
        for gpu in gpus:
            lock = FileLock(folder / f"metalingua-gpu-{gpu}.lock", mode=0o666)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            _held.append(lock)
            os.environ["CUDA_VISIBLE_DEVICES"] = gpu
            return gpu
        time.sleep(poll)
    return None


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
